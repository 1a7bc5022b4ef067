use super::folder::Folder;
use super::*;
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tokio_reqwest::core::AccessToken;
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider};
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::SystemTime;

/// A folder of one test's own, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("evergrant-cache-{}-{number}", std::process::id())))
    }

    /// The cache of the client at this token endpoint.
    fn cache(&self, endpoint: &str) -> Cache {
        self.cache_with(endpoint, &Material::Secret(Server::CLIENT_SECRET.to_owned().into(), None))
    }

    /// The same, sealed with this.
    fn cache_with(&self, endpoint: &str, material: &Material) -> Cache {
        let folder = Folder::open(&self.0);
        let place = folder.and_then(|folder| super::Place::of(folder, &client(endpoint), material));
        Cache { place, reads: true }
    }

    fn token_of(&self, cache: &Cache) -> PathBuf {
        self.0.join(format!("{}.token", place_of(cache).seal.name()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn place_of(cache: &Cache) -> &super::Place {
    cache.place.as_ref().unwrap()
}

fn client(endpoint: &str) -> Client {
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).build().unwrap()
}

fn kept(issued: Wall, life: u64) -> Stored {
    Stored::new(AccessToken::new("kept").unwrap(), issued, Duration::from_secs(life))
}

fn issued_ago(seconds: u64) -> Stored {
    let now = SystemClock.now().wall.since_epoch();
    kept(Wall::from_epoch(now - Duration::from_secs(seconds)), 3600)
}

/// Keeps this token in the cache.
fn put(cache: &Cache, stored: &Stored) {
    let place = place_of(cache);
    let lock = place.try_lock().unwrap().unwrap();
    let sealed = place.seal.seal(stored).unwrap();
    lock.replace(&sealed, SystemClock.now().wall).unwrap();
}

fn found(cache: &Cache) -> Result<Option<Kept>, Miss> {
    place_of(cache).read()
}

// Conforms: A-11
#[test]
fn a_flipped_bit_anywhere_is_a_miss_and_has_a_reason_but_for_the_version() {
    let place = Place::new();
    let cache = place.cache("https://auth.example/");
    put(&cache, &issued_ago(0));
    let path = place.token_of(&cache);
    let whole = fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << bit;
            fs::write(&path, &flipped).unwrap();
            match found(&cache) {
                Err(Miss(reason)) => assert!(reason.contains(".token "), "{reason}"),
                // The version, which another release may have written.
                found => assert!(byte == 15 && found == Ok(None), "byte {byte}, bit {bit}"),
            }
        }
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(found(&cache).is_err(), "{length} bytes of it");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(found(&cache).is_err());
    fs::write(&path, vec![0; 1 << 20]).unwrap();
    assert!(found(&cache).is_err());
    fs::write(&path, &whole).unwrap();
    assert!(matches!(found(&cache), Ok(Some(Kept::Good(_)))));
}

// Conforms: A-11
#[test]
fn another_clients_file_in_the_place_of_ours_is_a_miss() {
    let place = Place::new();
    let ours = place.cache("https://auth.example/");
    let theirs = place.cache("https://auth.example/other");
    put(&theirs, &issued_ago(0));
    fs::rename(place.token_of(&theirs), place.token_of(&ours)).unwrap();
    let Err(Miss(reason)) = found(&ours) else { panic!("a foreign token") };
    assert!(reason.ends_with("belongs to another client, or is damaged"), "{reason}");
}

#[test]
fn a_kept_token_is_good_then_due_then_over() {
    let (policy, now) = (Policy::new(), SystemClock.now().wall);
    let judge = |life: u64, age: u64| {
        let issued = Wall::from_epoch(now.since_epoch() - Duration::from_secs(age));
        let stored = kept(issued, life);
        match Kept::judge(stored, &policy, now) {
            Some(Kept::Good(_)) => "good",
            Some(Kept::Due(_)) => "due",
            None => "over",
        }
    };
    // An hour: 30 s of leeway, and 5 min ahead of that.
    for (age, expected) in
        [(0, "good"), (3269, "good"), (3270, "due"), (3569, "due"), (3570, "over"), (9999, "over")]
    {
        assert_eq!(judge(3600, age), expected, "{age} s");
    }
    // A hundred seconds: a tenth, and a fifth.
    for (age, expected) in [(69, "good"), (70, "due"), (89, "due"), (90, "over")] {
        assert_eq!(judge(100, age), expected, "{age} s");
    }
}

/// A source of one client's invocation.
fn source(server: &Server) -> Result<Tokens, Failure> {
    let _first = rustls::crypto::ring::default_provider().install_default();
    Ok(Tokens::builder(client(&server.token_endpoint())).fail_fast(true).build()?)
}

/// What an invocation gets, and how many requests the server has seen.
fn invoked(server: &Server, cache: &Cache) -> (Result<String, String>, u64) {
    let tokens = source(server).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let token = runtime.block_on(cache.token(&tokens, || source(server), Duration::from_secs(60)));
    let token = token.map(|token| token.value().expose().to_owned()).map_err(|failure| failure.to_string());
    (token, server.counts().token_requests)
}

#[test]
fn a_good_token_costs_no_request_and_a_due_one_is_replaced() {
    let (server, place) = (Server::start().unwrap(), Place::new());
    let cache = place.cache(&server.token_endpoint());
    put(&cache, &issued_ago(60));
    assert_eq!(invoked(&server, &cache), (Ok("kept".into()), 0));
    put(&cache, &issued_ago(3400));
    let (token, requests) = invoked(&server, &cache);
    assert_eq!((token.as_ref().ok(), requests), (server.issued().first(), 1));
    assert_eq!(invoked(&server, &cache), (token, 1), "the new one is kept");
}

/// What a release of November 2026 kept for the client at <https://auth.example/>: the token "kept" with a life of a hundred years,
/// under the name of its file.
const KEPT_BEFORE: (&str, &str) = (
    "0508df6535ca9f4decbb359f907e7789",
    "657665726772616e742d636163686501009f1c2501000000d788225ce0b64630d7c7b67f41f4c96f4d2ec2de5bd88fd3\
     fb12e7060d4dfe495b1577ff740972cac9ad4022e0dee3a5695b379c34289706",
);

#[test]
fn what_an_older_release_kept_is_found_and_replaced_in_time() {
    let (server, place) = (Server::start().unwrap(), Place::new());
    let cache = place.cache("https://auth.example/");
    let (name, hex) = KEPT_BEFORE;
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let sealed: Vec<u8> = hex.as_bytes().chunks(2).map(pair).collect();
    let lock = place_of(&cache).folder.try_lock(name).unwrap().unwrap();
    lock.replace(&sealed, SystemClock.now().wall).unwrap();
    drop(lock);
    let issued = Wall::from_epoch(Duration::new(1_764_000_000, 123_456_789));
    assert_eq!(found(&cache), Ok(Some(Kept::Good(kept(issued, 100 * 365 * 86_400)))));
    // No policy lets a token live that long.
    let (token, requests) = invoked(&server, &cache);
    assert_eq!((token.as_ref().ok(), requests), (server.issued().first(), 1));
    assert_eq!(invoked(&server, &cache), (token, 1), "the new one is kept in its place");
}

#[test]
fn a_due_token_is_used_when_the_server_is_down_and_an_over_one_is_not() {
    let (server, place) = (Server::start().unwrap(), Place::new());
    let cache = place.cache(&server.token_endpoint());
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    put(&cache, &issued_ago(3400));
    assert_eq!(invoked(&server, &cache), (Ok("kept".into()), 1));
    put(&cache, &issued_ago(3590));
    let (token, _) = invoked(&server, &cache);
    assert!(token.unwrap_err().contains("503"));
}

#[test]
fn nobody_waits_for_the_lock_while_there_is_a_token() {
    let (server, place) = (Server::start().unwrap(), Place::new());
    let cache = place.cache(&server.token_endpoint());
    put(&cache, &issued_ago(3400));
    let other = place.cache(&server.token_endpoint());
    let _held = place_of(&other).try_lock().unwrap().unwrap();
    let tokens = source(&server).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let token = pin!(cache.token(&tokens, || source(&server), Duration::from_secs(60)));
    // Whoever waits is not ready at once.
    let Poll::Ready(Ok(token)) = token.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits")
    };
    assert_eq!((token.value().expose(), server.counts().token_requests), ("kept", 0));
}

// Conforms: A-11
#[test]
fn a_token_from_the_future_is_not_used() {
    let (server, place) = (Server::start().unwrap(), Place::new());
    let cache = place.cache(&server.token_endpoint());
    let now = SystemClock.now().wall;
    put(&cache, &kept(now.after(Duration::from_secs(7200)), 3600));
    let (token, requests) = invoked(&server, &cache);
    assert_eq!((token.as_ref().ok(), requests), (server.issued().first(), 1));
}

// Conforms: A-12
#[test]
fn one_lock_has_one_holder_whoever_comes_and_goes() {
    let place = Place::new();
    let (inside, rounds) = (AtomicBool::new(false), AtomicU32::new(0));
    Folder::open(&place.0).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let folder = Folder::open(&place.0).unwrap();
                while rounds.load(Ordering::Relaxed) < 300 {
                    if let Some(_held) = folder.try_lock("one").unwrap() {
                        assert!(!inside.swap(true, Ordering::SeqCst), "two hold it");
                        thread::yield_now();
                        inside.store(false, Ordering::SeqCst);
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(Folder::open(&place.0).unwrap().try_lock("other").unwrap().is_some());
}

// Conforms: A-12
#[test]
fn what_a_killed_holder_leaves_is_no_hindrance() {
    let place = Place::new();
    let cache = place.cache("https://auth.example/");
    put(&cache, &issued_ago(20));
    for ending in ["lock", "new"] {
        fs::write(place.token_of(&cache).with_extension(ending), b"half").unwrap();
        fs::set_permissions(
            place.token_of(&cache).with_extension(ending),
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )
        .unwrap();
    }
    assert!(matches!(found(&cache), Ok(Some(Kept::Good(_)))));
    put(&cache, &issued_ago(10));
    assert!(matches!(found(&cache), Ok(Some(Kept::Good(_)))));
    let left: Vec<_> = fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [place.token_of(&cache)]);
}

#[test]
fn tokens_that_are_over_are_cleared_away_and_nothing_else_is() {
    let place = Place::new();
    let cache = |path: &str| place.cache(&format!("https://auth.example/{path}"));
    let (over, good, ours) = (cache("over"), cache("good"), cache("ours"));
    put(&good, &issued_ago(3500));
    put(&over, &issued_ago(3599));
    assert!(place.token_of(&over).exists());
    fs::write(place.token_of(&over), place_of(&over).seal.seal(&issued_ago(3700)).unwrap()).unwrap();
    for (name, content) in [("a.token", "evergrant"), ("other", ""), ("b.lock", "")] {
        fs::write(place.0.join(name), content).unwrap();
    }
    put(&ours, &issued_ago(0));
    let mut left: Vec<_> = fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut expected: Vec<_> = ["a.token", "other", "b.lock"].map(|name| place.0.join(name)).into();
    expected.extend([place.token_of(&good), place.token_of(&ours)]);
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
}

// Conforms: A-10
#[test]
fn a_folder_that_is_not_its_users_alone_is_refused() {
    let place = Place::new();
    let mode =
        |mode| fs::set_permissions(&place.0, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let refused = |path: &Path| Folder::open(path).err().unwrap();
    Folder::open(&place.0).unwrap();
    for open in [0o755, 0o770, 0o701] {
        mode(open);
        assert!(refused(&place.0).contains(&format!("mode {open:o}")));
    }
    mode(0o700);
    let link = place.0.join("link");
    std::os::unix::fs::symlink(&place.0, &link).unwrap();
    assert!(refused(&link).contains("symbolic link"));
    fs::write(place.0.join("file"), "").unwrap();
    assert!(refused(&place.0.join("file")).contains("is not a folder"));
}

/// What a client has whose key is public.
fn public(number: u8) -> Material {
    Material::Public(vec![Thumbprint::new([number; 32])])
}

const ENDPOINT: &str = "https://auth.example/";

#[test]
fn a_client_without_a_secret_is_sealed_by_a_random_key_of_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let first = place.cache_with(ENDPOINT, &public(1));
    put(&first, &issued_ago(0));
    let file = place.0.join("file.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let key = fs::read(&file).unwrap();
    assert_eq!(key.len(), 32);
    assert!(matches!(found(&place.cache_with(ENDPOINT, &public(1))), Ok(Some(Kept::Good(_)))));
    assert_eq!(fs::read(&file).unwrap(), key, "it is made once");
    // Another key of the client finds nothing, and nor does the same one in another folder.
    assert_eq!(found(&place.cache_with(ENDPOINT, &public(2))), Ok(None));
    assert_eq!(found(&Place::new().cache_with(ENDPOINT, &public(1))), Ok(None));
    // Nothing else is left in the folder.
    let names =
        fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let others: Vec<String> = names.filter(|name| !name.ends_with(".token") && name != "file.key").collect();
    assert_eq!(others, [] as [String; 0]);
}

#[test]
fn a_lost_or_wrong_file_key_is_a_miss_without_a_word() {
    let place = Place::new();
    let file = place.0.join("file.key");
    for wrong in [None, Some(vec![]), Some(vec![7; 31]), Some(vec![7; 32]), Some(vec![7; 33])] {
        put(&place.cache_with(ENDPOINT, &public(1)), &issued_ago(0));
        match &wrong {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let cache = place.cache_with(ENDPOINT, &public(1));
        assert_eq!(found(&cache), Ok(None), "{wrong:?}");
        put(&cache, &issued_ago(0));
        assert!(matches!(found(&place.cache_with(ENDPOINT, &public(1))), Ok(Some(Kept::Good(_)))));
    }
}

#[test]
fn a_file_key_that_others_can_read_or_that_is_a_link_is_not_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::new();
    drop(place.cache_with(ENDPOINT, &public(1)));
    let file = place.0.join("file.key");
    let refused = || place.cache_with(ENDPOINT, &public(1)).place.err().unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused().ends_with("file.key is open to other users (mode 640)"), "{}", refused());
    let aside = place.0.join("aside");
    fs::rename(&file, &aside).unwrap();
    symlink(&aside, &file).unwrap();
    assert!(refused().ends_with("file.key is a symbolic link"), "{}", refused());
    // A client with a secret needs none.
    assert!(place.cache(ENDPOINT).place.is_ok());
}

#[test]
fn many_that_begin_at_once_have_one_file_key() {
    let place = Place::new();
    drop(Folder::open(&place.0));
    let keys: Vec<Vec<u8>> = thread::scope(|scope| {
        let make = || Folder::open(&place.0).unwrap().file_key().unwrap().to_vec();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn a_file_key_that_a_killed_writer_left_is_swept_away_and_one_that_is_being_written_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let cache = place.cache_with(ENDPOINT, &public(1));
    let file = |name: &str, age: u64| {
        let path = place.0.join(name);
        fs::write(&path, [7; 31]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let written = SystemTime::now() - Duration::from_secs(age);
        fs::File::open(&path).unwrap().set_modified(written).unwrap();
        path
    };
    let left = file("file.key.0123456789abcdef", 120);
    let stays = [
        file("file.key.fedcba9876543210", 1),
        file("file.key.bak", 120),
        file("file.key.0123456789abcdeg", 120),
        file("other.key.0123456789abcdef", 120),
    ];
    let key = fs::read(place.0.join("file.key")).unwrap();
    put(&cache, &issued_ago(0));
    assert!(!left.exists() && stays.iter().all(|path| path.exists()));
    assert_eq!(fs::read(place.0.join("file.key")).unwrap(), key);
}

#[test]
fn a_certificate_beside_a_secret_is_a_part_of_what_seals() {
    let place = Place::new();
    let with = |shown: Option<Thumbprint>| {
        place.cache_with(ENDPOINT, &Material::Secret(Server::CLIENT_SECRET.to_owned().into(), shown))
    };
    let thumbprint = Thumbprint::new([7; 32]);
    put(&with(Some(thumbprint)), &issued_ago(0));
    assert_eq!(found(&with(None)), Ok(None));
    assert_eq!(found(&with(Some(Thumbprint::new([8; 32])))), Ok(None));
    assert!(matches!(found(&with(Some(thumbprint))), Ok(Some(Kept::Good(_)))));
    assert!(!place.0.join("file.key").exists(), "a secret needs none");
}

#[test]
fn a_bound_token_is_kept_with_what_it_is_bound_to() {
    use evergrant_tokio_reqwest::core::Binding;
    let place = Place::new();
    let cache = place.cache_with(ENDPOINT, &public(1));
    let binding = Binding::Certificate(Thumbprint::new([1; 32]));
    put(&cache, &issued_ago(0).with_binding(binding));
    let Ok(Some(Kept::Good(stored))) = found(&cache) else { panic!("it was kept") };
    assert_eq!(stored.binding(), binding);
}
