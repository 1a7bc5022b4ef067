use super::*;

fn request(target: &str, body: &[u8]) -> Arc<Request> {
    Arc::new(Request {
        method: "POST".to_owned(),
        target: target.to_owned(),
        headers: vec![("authorization".to_owned(), "Basic c2VjcmV0".to_owned())],
        body: body.to_vec(),
        keep_alive: true,
        session: None,
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
fn an_entry_weighs_its_target_headers_and_body_and_takes_that_along() {
    let mut log = Log::default();
    // The target weighs 1 byte, and the header field 13 and 14.
    let fitting = vec![b'x'; 1024 * 1024 - 28];
    for _ in 0..64 {
        log.push(Endpoint::Resource, Duration::ZERO, request("/", &fitting));
    }
    assert_eq!((log.bytes, log.dropped()), (MAX_BYTES, 0));
    log.push(Endpoint::Resource, Duration::ZERO, request("/more", b"body"));
    assert_eq!((log.bytes, log.dropped()), (MAX_BYTES - 1024 * 1024 + 5 + 27 + 4, 1));
}

#[test]
fn an_entry_tells_what_arrived_and_when() {
    let mut log = Log::default();
    let at = Duration::from_secs(5);
    log.push(Endpoint::Resource, at, request("/a?b", br#"{"scope":"one","more":1}"#));
    log.push(Endpoint::Token, at, request("/", b"scope=two+three&x=y"));
    let [json, form] = [0, 1].map(|place| log.entries()[place].clone());
    assert_eq!((json.endpoint(), json.method(), json.target()), (Endpoint::Resource, "POST", "/a?b"));
    assert_eq!((json.path(), json.at()), ("/a", at));
    assert_eq!(json.headers(), [("authorization".to_owned(), "Basic c2VjcmV0".to_owned())]);
    assert_eq!(json.parameter("scope").as_deref(), Some("one"));
    assert_eq!((json.parameter("more"), json.parameter("none")), (None, None));
    assert_eq!((form.parameter("scope").as_deref(), form.parameter("none")), (Some("two three"), None));
    assert_eq!(form.body(), b"scope=two+three&x=y");
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
