// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use super::*;
use evergrant_core::fleet::{Entry, Fail, Have, Put, Said, StoreTime, Unsealed};
use evergrant_tokio_reqwest::core::AccessToken;
use evergrant_tokio_reqwest::{ClientAuth, Provider};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::time::SystemTime;

const ENDPOINT: &str = "https://auth.example/";
const SECRET: &str = "a secret of nobody";

/// A folder of one test's own, removed at its end.
struct Own(PathBuf);

impl Own {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("evergrant-cache-{}-{number}", std::process::id())))
    }

    /// The cache of the client, sealed with this.
    fn cache(&self, material: &Material) -> Cache {
        let folder = FolderStore::open(&self.0).map_err(|error| error.to_string());
        let place = folder.and_then(|folder| Place::of(folder, &client(ENDPOINT), material, None));
        Cache { place, refresh: Refresh::No, limit: LIMIT }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn secret() -> Material {
    Material::Secret(SECRET.to_owned().into())
}

fn public(number: u8) -> Material {
    Material::Public(Some(Thumbprint::new([number; 32])))
}

fn client(endpoint: &str) -> Client {
    let auth = ClientAuth::basic("a client", SECRET).unwrap();
    Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).build().unwrap()
}

fn place(cache: &Cache) -> &Place {
    cache.place.as_ref().unwrap_or_else(|reason| panic!("{reason}"))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn operation(place: &Place, operation: &Operation) -> Reply {
    place.folder.run(&place.seal.name(), operation, LIMIT).unwrap()
}

fn claim(lease: Option<Duration>) -> Operation {
    let claimant = Claimant::new([7; 16]);
    Operation::Claim(Claim { claimant, dropped: None, held: None, lease, young: Duration::ZERO })
}

/// Keeps a token of an hour, of which so much is left, and whose replacement is due so soon.
fn keep(cache: &Cache, left: u64, due_in: u64) {
    let place = place(cache);
    let Reply::Claimed { stamp, .. } = operation(place, &claim(Some(seconds(11)))) else {
        panic!("it is free")
    };
    let token = AccessToken::new("kept").unwrap();
    let print = place.seal.print(&token);
    let unsealed =
        Unsealed::new(Claimant::new([7; 16]), stamp, token, seconds(left), seconds(due_in), seconds(3600));
    let sealed = place.seal.seal(&unsealed).unwrap();
    let put: Put = unsealed.sealed(print, sealed);
    assert_eq!(operation(place, &Operation::Put(put)), Reply::Kept);
}

fn says(cache: &Cache) -> String {
    match cache.examine() {
        Examined::Good(says) => says.to_owned(),
        Examined::Rests(says, next) => format!("{says}; {next}"),
        Examined::Unusable(reason) => format!("unusable: {reason}"),
    }
}

#[test]
fn a_doctor_tells_what_there_is() {
    let own = Own::new();
    let cache = own.cache(&secret());
    assert_eq!(says(&cache), "no token is kept yet");
    assert!(!cache.is_due());
    keep(&cache, 3600, 3000);
    assert_eq!(says(&cache), "a kept token is valid");
    assert!(!cache.is_due());
    place(&cache).folder.remove(&place(&cache).seal.name(), |_| true).unwrap();
    keep(&cache, 300, 0);
    assert_eq!(says(&cache), "a kept token is due for renewal");
    assert!(cache.is_due());
    // The last half minute is left to those who use it already.
    place(&cache).folder.remove(&place(&cache).seal.name(), |_| true).unwrap();
    keep(&cache, 29, 0);
    assert_eq!(says(&cache), "no token is kept yet");
    place(&cache).folder.remove(&place(&cache).seal.name(), |_| true).unwrap();
    let Reply::Claimed { .. } = operation(place(&cache), &claim(Some(seconds(11)))) else { panic!() };
    assert_eq!(says(&cache), "another invocation is requesting a token");
    assert!(!cache.is_due());
    let Reply::Claimed { stamp, .. } = operation(place(&cache), &claim(Some(seconds(11)))) else { panic!() };
    let fail = Operation::Fail(Fail {
        claimant: Claimant::new([7; 16]),
        stamp,
        counts: true,
        base: seconds(3600),
        cap: seconds(3600),
        told: Duration::ZERO,
        spread: 1000,
        said: Said::parse("permanent 401 invalid_client"),
    });
    assert_eq!(operation(place(&cache), &fail), Reply::Noted);
    let says = says(&cache);
    assert!(says.starts_with("no token request with --cache for "), "{says}");
    for words in [
        "another invocation was refused: ",
        "invalid_client (http 401)",
        "; doctor makes one all the same; ",
        "evergrant cache clear ends the wait of the others",
    ] {
        assert!(says.contains(words), "{words:?} is not in: {says}");
    }
}

#[test]
fn whoever_replaces_a_token_whose_time_has_come_waits_for_nobody() {
    let own = Own::new();
    let cache = own.cache(&secret());
    keep(&cache, 3600, 3000);
    let due = Due(place(&cache).folder.clone());
    let run = |lease| due.run(&place(&cache).seal.name(), &claim(lease), LIMIT).unwrap();
    assert!(matches!(run(Some(seconds(11))), Reply::Have(_)), "its time has not come");
    place(&cache).folder.remove(&place(&cache).seal.name(), |_| true).unwrap();
    keep(&cache, 300, 0);
    assert!(matches!(run(None), Reply::Have(_)), "it only looks");
    assert!(matches!(run(Some(seconds(11))), Reply::Claimed { .. }));
    let other = Operation::Claim(Claim {
        claimant: Claimant::new([8; 16]),
        dropped: None,
        held: None,
        lease: Some(seconds(11)),
        young: Duration::ZERO,
    });
    let reply = due.run(&place(&cache).seal.name(), &other, LIMIT).unwrap();
    assert!(matches!(reply, Reply::Have(_)), "somebody asks already: {reply:?}");
}

// Conforms: A-11
#[test]
fn a_flipped_bit_anywhere_gives_no_other_token_and_no_longer_life() {
    let own = Own::new();
    let cache = own.cache(&secret());
    keep(&cache, 3600, 3000);
    let place = place(&cache);
    let path = own.0.join(format!("{}.entry", place.seal.name()));
    let whole = fs::read(&path).unwrap();
    let have = || match operation(place, &claim(None)) {
        Reply::Have(have) => Some(have),
        _ => None,
    };
    let as_kept = have().unwrap();
    let mut misses = 0;
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << bit;
            fs::write(&path, &flipped).unwrap();
            let examined = place.folder.examine(&place.seal.name());
            let opened = have().and_then(|have: Have| Some((place.seal.open(&have)?, have)));
            match opened {
                // What is no part of the token: its print, when it is due, when it came, who asks.
                Some((token, have)) => {
                    assert_eq!(token.expose(), "kept");
                    assert_eq!((have.end, have.life, have.fence), (as_kept.end, as_kept.life, as_kept.fence));
                }
                None => misses += 1,
            }
            if let Err(error) = examined {
                assert!(
                    error.to_string().ends_with("was not written by evergrant, or is damaged"),
                    "{error}"
                );
            }
        }
    }
    assert!(misses > whole.len() * 4, "{misses}");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(have().is_none(), "{length} bytes of it");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(have().is_none());
    fs::write(&path, vec![0; 1 << 20]).unwrap();
    assert!(have().is_none());
    fs::write(&path, &whole).unwrap();
    let token = have().and_then(|have| place.seal.open(&have));
    assert_eq!(token.as_ref().map(AccessToken::expose), Some("kept"));
}

// Conforms: A-11
#[test]
fn what_is_kept_is_not_had_where_the_clock_was_set_back_nor_after_its_end() {
    let own = Own::new();
    let cache = own.cache(&secret());
    keep(&cache, 300, 0);
    let entry = fs::read_to_string(own.0.join(format!("{}.entry", place(&cache).seal.name()))).unwrap();
    let entry = Entry::parse(&entry).unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let claimed = |since_epoch| entry.clone().run(StoreTime::default().after(since_epoch), &claim(None));
    assert!(matches!(claimed(now), Reply::Have(_)));
    assert_eq!([claimed(now - seconds(7200)), claimed(now + seconds(7200))], [Reply::Free, Reply::Free]);
}

// Conforms: A-10
#[test]
fn a_folder_that_is_not_its_users_alone_is_not_used() {
    let own = Own::new();
    assert!(own.cache(&secret()).place.is_ok());
    fs::set_permissions(&own.0, fs::Permissions::from_mode(0o755)).unwrap();
    let reason = own.cache(&secret()).place.err().unwrap();
    assert!(reason.ends_with("is open to other users (mode 755); chmod 700 it, or remove it"), "{reason}");
    fs::set_permissions(&own.0, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_file_key_that_others_can_read_or_that_is_a_link_is_not_used() {
    let own = Own::new();
    drop(own.cache(&public(1)));
    let file = own.0.join("file.key");
    let refused = || own.cache(&public(1)).place.err().unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused().ends_with("file.key is open to other users (mode 640)"), "{}", refused());
    let aside = own.0.join("aside");
    fs::rename(&file, &aside).unwrap();
    symlink(&aside, &file).unwrap();
    assert!(refused().ends_with("file.key is a symbolic link"), "{}", refused());
    // A client with a secret needs none.
    assert!(own.cache(&secret()).place.is_ok());
}

#[test]
fn what_tells_clients_apart_is_in_the_name() {
    let own = Own::new();
    let name = |material: &Material, shown: Option<u8>| {
        let folder = FolderStore::open(&own.0).unwrap();
        let shown = shown.map(|number| Thumbprint::new([number; 32]));
        Place::of(folder, &client(ENDPOINT), material, shown).map(|place| place.seal.name()).unwrap()
    };
    assert!(!own.0.join("file.key").exists());
    let names = [
        name(&secret(), None),
        name(&Material::Secret("another".to_owned().into()), None),
        name(&secret(), Some(1)),
        name(&secret(), Some(2)),
        name(&public(1), None),
        name(&public(2), None),
        name(&public(1), Some(1)),
        name(&Material::Public(None), Some(1)),
    ];
    for (at, one) in names.iter().enumerate() {
        assert!(!names[..at].contains(one), "{at}");
    }
    assert_eq!(name(&public(1), Some(1)), names[6], "the same in the next invocation");
    // With another random key all of the public ones are others; a secret needs none.
    fs::write(own.0.join("file.key"), [7; 32]).unwrap();
    assert_ne!(name(&public(1), None), names[4]);
    assert_eq!(name(&secret(), None), names[0]);
}

#[test]
fn the_name_is_the_same_whether_the_client_has_its_secret_or_reads_it() {
    let own = Own::new();
    let name = |auth: ClientAuth| {
        let client = Client::builder(Provider::rfc6749(ENDPOINT).unwrap(), auth).build().unwrap();
        let folder = FolderStore::open(&own.0).unwrap();
        Place::of(folder, &client, &secret(), None).map(|place| place.seal.name()).unwrap()
    };
    assert_eq!(name(ClientAuth::basic("a", SECRET).unwrap()), name(ClientAuth::basic_live("a").unwrap()));
    assert_eq!(name(ClientAuth::post("a", SECRET).unwrap()), name(ClientAuth::post_live("a").unwrap()));
}
