use super::Follower;
use evergrant_tokio_reqwest::core::{Cause, Reason};
use evergrant_tokio_reqwest::{LastOutcome, Status, Tokens};
use std::time::{Duration, Instant};

const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn looked(follower: &mut Follower, status: &Status, now: Instant) -> Vec<String> {
    follower.look(status, now).iter().map(ToString::to_string).collect()
}

#[test]
fn each_thing_is_told_once_and_in_its_order() {
    let (mut follower, start) = (Follower::default(), Instant::now() + Duration::from_secs(100));
    let mut status = Tokens::fixed("a-token").unwrap().status();
    let held = status.held.take().unwrap();
    assert!(looked(&mut follower, &status, start).is_empty(), "nothing has happened yet");

    (status.requests, status.last_request) = (1, Some((Reason::First, ms(30))));
    assert_eq!(looked(&mut follower, &status, start), ["requesting a token: there was none yet"]);
    assert!(looked(&mut follower, &status, start).is_empty(), "and is told once");

    status.last_outcome = Some((LastOutcome::Failed(Cause::Abandoned), ms(70)));
    status.next_request_in = ms(2000);
    status.last_request = Some((Reason::Retry, ms(10)));
    status.requests = 2;
    let now = start + ms(100);
    let both = looked(&mut follower, &status, now);
    assert!(both[0].ends_with("; the next request is sent in 2.0 s"), "{both:?}");
    assert_eq!(both[1..], ["requesting a token: the last request failed"]);

    // The same outcome, seen a little later and told a little differently.
    status.last_outcome = Some((LastOutcome::Failed(Cause::Abandoned), ms(169)));
    assert!(looked(&mut follower, &status, now + ms(100)).is_empty());

    status.held = Some(held);
    status.last_outcome = Some((LastOutcome::Installed(held.generation), ms(1)));
    let told = looked(&mut follower, &status, now + ms(200));
    assert_eq!(told, ["token 0: never expires"]);

    status.held = None;
    let told = looked(&mut follower, &status, now + ms(300));
    assert_eq!(told, ["token 0 has ended, and there is no other: calls wait"]);
}

#[test]
fn an_event_is_one_object_with_its_time() {
    let (mut follower, now) = (Follower::default(), Instant::now() + Duration::from_secs(100));
    let mut status = Tokens::fixed("a-token").unwrap().status();
    (status.requests, status.last_request) = (1, Some((Reason::Early, ms(5000))));
    status.last_outcome = Some((LastOutcome::Failed(Cause::Abandoned), ms(1000)));
    status.next_request_in = ms(1500);
    let events = follower.look(&status, now);
    let json = |event: &super::Event| event.json(&status, Duration::from_secs(1_795_532_400));
    assert_eq!(
        json(&events[0]),
        serde_json::json!({
            "event": "requested", "reason": "early", "at": "2026-11-24T14:59:55Z", "requests": 1,
        })
    );
    let failed = json(&events[1]);
    assert_eq!((&failed["event"], &failed["permanent"]), (&"failed".into(), &false.into()));
    assert_eq!((&failed["next_request_in"], &failed["at"]), (&1.5.into(), &"2026-11-24T14:59:59Z".into()));
}
