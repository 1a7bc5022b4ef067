use super::*;

fn request(target: &str, body: &[u8]) -> Arc<Request> {
    Arc::new(Request {
        method: "POST".to_owned(),
        target: target.to_owned(),
        headers: vec![("authorization".to_owned(), "Basic c2VjcmV0".to_owned())],
        body: body.to_vec(),
        keep_alive: true,
    })
}

#[test]
fn the_oldest_entries_make_room_and_their_number_is_told() {
    let mut log = Log::default();
    let first = log.push(Endpoint::Token, Duration::ZERO, request("/0", b""));
    let second = log.push(Endpoint::Token, Duration::ZERO, request("/1", b""));
    let mut last = 0;
    for number in 2..=MAX_ENTRIES {
        last = log.push(Endpoint::Token, Duration::ZERO, request(&format!("/{number}"), b""));
    }
    assert_eq!(log.dropped(), 1);
    log.answered(first, Answer::Status(500));
    log.answered(second, Answer::Status(201));
    log.answered(last, Answer::Fault("hang"));
    let entries = log.entries();
    assert_eq!(entries.len(), MAX_ENTRIES);
    assert_eq!((entries[0].target(), entries[0].answer()), ("/1", Answer::Status(201)));
    assert_eq!(entries[1].answer(), Answer::Pending);
    assert_eq!(entries.last().unwrap().answer(), Answer::Fault("hang"));
}

#[test]
fn large_bodies_are_bounded_together() {
    let (mut log, body) = (Log::default(), vec![b'x'; 1024 * 1024]);
    for _ in 0..80 {
        log.push(Endpoint::Resource, Duration::ZERO, request("/", &body));
    }
    assert!(log.bytes <= MAX_BYTES);
    assert_eq!(log.entries().len() as u64 + log.dropped(), 80);
    assert!(log.dropped() >= 16);
}

#[test]
fn debug_of_an_entry_shows_no_secret() {
    let mut log = Log::default();
    log.push(
        Endpoint::Token,
        Duration::ZERO,
        request("/access-token?client_secret=q-secret", b"client_secret=b-secret&grant_type=x"),
    );
    let entry = &log.entries()[0];
    assert_eq!(entry.parameter("client_secret").as_deref(), Some("b-secret"));
    assert_eq!(entry.header("Authorization"), Some("Basic c2VjcmV0"));
    let debug = format!("{entry:?}");
    for secret in ["q-secret", "b-secret", "c2VjcmV0"] {
        assert!(!debug.contains(secret), "{debug}");
    }
    assert!(debug.contains("authorization") && debug.contains("/access-token"), "{debug}");
}
