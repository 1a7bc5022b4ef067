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
        let seal = Seal::new(&client(endpoint).key(), Server::CLIENT_SECRET.as_bytes()).unwrap();
        Cache { seal, folder: Folder::open(&self.0), reads: true }
    }

    fn token_of(&self, cache: &Cache) -> PathBuf {
        self.0.join(format!("{}.token", cache.seal.name()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
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
    let folder = cache.folder.as_ref().unwrap();
    let lock = folder.try_lock(cache.seal.name()).unwrap().unwrap();
    let sealed = cache.seal.seal(stored).unwrap();
    lock.replace(&sealed, SystemClock.now().wall).unwrap();
}

fn found(cache: &Cache) -> Result<Option<Kept>, Miss> {
    cache.read(cache.folder.as_ref().unwrap())
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
    let lock = cache.folder.as_ref().unwrap().try_lock(name).unwrap().unwrap();
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
    let _held = other.folder.as_ref().unwrap().try_lock(other.seal.name()).unwrap().unwrap();
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
    fs::write(place.token_of(&over), over.seal.seal(&issued_ago(3700)).unwrap()).unwrap();
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
