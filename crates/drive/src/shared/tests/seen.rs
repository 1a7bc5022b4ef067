//! What people see: status, events, Debug; and a fixed token, which has none of it.

use super::*;
use crate::status::RequestStatus;

#[test]
fn the_status_tells_what_is_held_and_what_happened() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let refusal = Refusal::new(Class::Transient, Some(503), Problem::Status);
    drop(send(&mut waiter).land(Outcome::Refused(refusal)));
    let status = shared.status();
    assert_eq!(status.held, None);
    assert!(matches!(&status.request, RequestStatus::Resting(time, Cause::Refused(_)) if *time == secs(1)));
    assert_eq!(status.next_request_in, secs(1));
    clock.advance(secs(1));
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.advance(secs(5));
    let status = shared.status();
    assert_eq!(status.held.unwrap().used_for, secs(3565));
    assert_eq!(status.held.unwrap().refresh_in, secs(3265));
    assert_eq!(status.last_request, Some((evergrant_core::Reason::Retry, secs(5))));
    assert_eq!(status.requests, 2);
}

#[test]
fn the_status_tells_what_became_of_the_last_request() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(secs(3600)), None);
    let last = || shared.status().last_outcome.map(|(outcome, _)| outcome);
    assert_eq!(last(), None);
    let late = send(&mut waiter);
    clock.advance(secs(11));
    let flight = send(&mut waiter);
    drop(flight.land(grant("a", 3600)));
    let generation = shared.try_token().unwrap().generation();
    assert_eq!(last(), Some(LastOutcome::Installed(generation)));
    drop(late.land(grant("b", 3600)));
    assert_eq!(last(), Some(LastOutcome::Installed(generation)), "what does not count is not noted");
    clock.advance(secs(3300));
    drop(send(&mut waiter).land(grant("a", 300)));
    assert_eq!((last(), shared.status().no_progress), (Some(LastOutcome::NoProgress), 1));
    clock.advance(secs(3600));
    drop(send(&mut waiter));
    assert_eq!(last(), Some(LastOutcome::Failed(Cause::Abandoned)));
}

#[test]
fn the_status_says_of_a_rest_what_it_says_of_the_next_request() {
    let policy = Policy::new().with_min_interval(secs(20));
    let (shared, _) = fixture::shared(policy.clone());
    let mut waiter = shared.waiter(Some(secs(3600)), None);
    let refusal = Refusal::new(Class::Transient, Some(503), Problem::Status);
    drop(send(&mut waiter).land(Outcome::Refused(refusal)));
    let status = shared.status();
    let RequestStatus::Resting(left, _) = status.request else { panic!("{status:?}") };
    assert_eq!((left, status.next_request_in), (policy.min_interval(), left), "longer than the first rest");
}

/// What is logged while this runs.
pub(super) fn logged(run: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    fixture::subscribed(subscriber, run);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn each_request_and_what_became_of_it_is_an_event() {
    let text = logged(|| {
        let (shared, clock) = source();
        let mut waiter = shared.waiter(Some(secs(3600)), None);
        drop(send(&mut waiter).land(Outcome::Refused(Refusal::new(
            Class::Transient,
            Some(503),
            Problem::Status,
        ))));
        clock.advance(secs(1));
        let late = send(&mut waiter);
        clock.advance(secs(11));
        drop(send(&mut waiter).land(grant("a", 3600)));
        drop(late.land(grant("b", 3600)));
        clock.advance(secs(3300));
        drop(send(&mut waiter).land(grant("a", 300)));
        clock.advance(secs(3600));
        drop(send(&mut waiter));
    });
    for words in [
        "requesting a token source=\"127.0.0.1\" flight=1 reason=\"first\" endpoint=http://127.0.0.1:1/token",
        "the token request failed source=\"127.0.0.1\" flight=1 rest_ms=1000 cause=the authorization server answered with http 503",
        "requesting a token source=\"127.0.0.1\" flight=2 reason=\"retry\"",
        "a new token is in use source=\"127.0.0.1\" flight=3 generation=1 life_s=3600 hint=Absent",
        "the token response arrived too late and is ignored source=\"127.0.0.1\" flight=2",
        "the server sent a token that ends no later source=\"127.0.0.1\" flight=4 count=1",
        "the token request failed source=\"127.0.0.1\" flight=5 rest_ms=1000 cause=the token request was",
    ] {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
}

#[test]
fn the_status_tells_what_of_a_scope_was_not_granted() {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let client = Client::builder(provider, fixture::auth("first")).scope("a b").build().unwrap();
    let clock = ManualClock::new();
    let shared = Shared::new(Settings::new(client.clone()).clock(clock.clone()), 0, fixture::render);
    for (granted, missing) in [("a", Some("b")), ("b a", None)] {
        let guard = send(&mut shared.waiter(Some(MINUTE), None));
        let body = format!(r#"{{"access_token":"t","expires_in":60,"scope":"{granted}"}}"#);
        let grant = client.read(&Response::new(200).with_body(body.into()), guard.sent_at());
        drop(guard.land(Outcome::Granted(grant.unwrap())));
        assert_eq!(shared.status().narrowed_scope, missing.map(|scope| Scope::parse(scope).unwrap()));
        clock.advance(secs(60));
    }
}

#[test]
fn a_fixed_token_is_there_for_ever_and_cannot_be_changed() {
    let shared = Shared::fixed(AccessToken::new("fixed").unwrap(), fixture::render);
    assert_eq!(lent(&shared), Some(("Bearer fixed".into(), 0)));
    let generation = shared.try_token().unwrap().generation();
    assert_eq!(shared.reject(generation, &fixture::origin("a")), Rejection::Refused);
    shared.rotate(fixture::auth("second"), Rotation::Drop);
    let clock = ManualClock::new();
    let stored = Stored::new(AccessToken::new("kept").unwrap(), clock.now().wall, secs(3600));
    assert!(!shared.restore(stored) && shared.export().is_none() && shared.client().is_none());
    assert_eq!(lent(&shared), Some(("Bearer fixed".into(), 0)));
    assert_eq!(shared.verdict_rule(), VerdictRule::Rfc6750);
    let status = shared.status();
    assert_eq!((status.requests, status.next_request_in), (0, Duration::MAX));
    assert_eq!(
        status.held.map(|held| (held.used_for, held.refresh_in)),
        Some((Duration::MAX, Duration::MAX))
    );
    // Its keeper has nothing to do, and ends with it.
    let mut keeper = shared.keeper();
    assert!(matches!(keeper.poll(Waker::noop()), Keep::Wait(_)));
    drop(shared);
    assert!(matches!(keeper.poll(Waker::noop()), Keep::Ended));
}

#[test]
fn no_debug_shows_the_rendered_value_whatever_its_type() {
    let render = |token: &AccessToken| Arc::<str>::from(token.expose());
    let shared = Shared::new(fixture::settings().0, 0, render);
    let mut waiter = shared.waiter(None, None);
    let Next::Send(guard, departure) = waiter.poll(Waker::noop()) else { panic!("nothing is held") };
    let mut texts = vec![format!("{guard:?} {departure:?}")];
    drop(guard.land(grant("sentinel", 3600)));
    let next = waiter.poll(Waker::noop());
    texts.push(format!("{shared:?} {waiter:?} {next:?} {:?}", shared.keeper()));
    let fixed = crate::BlockingSource::<(), _>::fixed(AccessToken::new("sentinel").unwrap(), render);
    texts.push(format!("{fixed:?}"));
    texts.push(format!("{:?} {:?}", shared.quiet(), shared.try_token()));
    let attachment = crate::call::attached(Arc::<str>::from("sentinel"));
    texts.push(format!("{attachment:?} {:?}", fixture::settings().0));
    let all = texts.concat();
    assert!(!all.contains("sentinel"), "{all}");
    for name in [
        "FlightGuard {",
        "Shared {",
        "Waiter {",
        "Keeper {",
        "Snapshot {",
        "BlockingSource {",
        "Attachment {",
        "Settings {",
    ] {
        assert!(all.contains(name), "{name} shows nothing: {all}");
    }
}
