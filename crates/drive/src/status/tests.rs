use super::*;
use crate::clock::Clock as _;
use crate::fixture;
use evergrant_core::{AccessToken, Class, Policy, Problem, Refusal, Stored};
use std::sync::Arc;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Of a source that holds a token for an hour.
fn status() -> Status {
    let (shared, clock) = fixture::shared(Policy::new());
    let token = AccessToken::new("kept").unwrap();
    assert!(shared.restore(Stored::new(token, clock.now().wall, s(3600))));
    shared.status()
}

fn unavailable() -> Cause {
    Cause::Refused(Arc::new(Refusal::new(Class::Transient, Some(503), Problem::Status)))
}

#[test]
fn a_status_and_its_parts_are_said_in_words() {
    let mut status = status();
    let held = status.held.as_mut().unwrap();
    let generation = held.generation;
    (held.used_for, held.refresh_in) = (s(3041), s(12));
    assert_eq!(held.to_string(), "token 1: used for 50 min 41 s, renewed in 12 s");
    held.refresh_in = Duration::MAX;
    assert_eq!(held.to_string(), "token 1: used for 50 min 41 s, never renewed");
    held.refresh_in = Duration::ZERO;
    let due = "token 1: used for 50 min 41 s more, due for renewal";
    assert_eq!(held.to_string(), due);
    status.waiting = 1;
    assert_eq!(
        status.to_string(),
        format!("{due}; 1 caller waits; 0 token requests so far, none is being sent")
    );
    status.held.as_mut().unwrap().used_for = Duration::MAX;
    assert_eq!(status.held.unwrap().to_string(), "token 1: never expires");

    let refused_by = vec![fixture::origin("a"), fixture::origin("b")];
    status.held = None;
    status.set_aside = Some(SetAside { generation, used_for: s(60), refused_by });
    (status.request, status.requests, status.waiting) = (RequestStatus::Resting(s(4), unavailable()), 2, 3);
    let aside = "token 1: refused by https://a.example.com, https://b.example.com; if no new one arrives, used elsewhere for 1 min";
    let resting = "none is sent for 4 s: the authorization server answered with http 503";
    assert_eq!(status.to_string(), format!("{aside}; 3 callers wait; 2 token requests so far, {resting}"));
    status.set_aside = None;
    status.request = RequestStatus::InFlight(s(9));
    let asking = "no token; 3 callers wait; 2 token requests so far, one is being sent, for 9 s at most";
    assert_eq!(status.to_string(), asking);

    assert_eq!(LastOutcome::Installed(generation).to_string(), "token 1 arrived");
    assert_eq!(
        LastOutcome::Failed(unavailable()).to_string(),
        "the authorization server answered with http 503"
    );
}

#[cfg(feature = "serde")]
#[test]
fn a_status_is_json_with_the_names_that_are_documented() {
    use serde_json::json;
    let mut status = status();
    let held = status.held.as_mut().unwrap();
    let generation = held.generation;
    (held.used_for, held.refresh_in) = (Duration::from_micros(41_500_400), s(12));
    status.next_request_in = Duration::MAX;
    assert_eq!(
        json!(status),
        json!({
            "held": {"token": 1, "used_for": 41.5, "refresh_in": 12.0}, "set_aside": null, "narrowed_scope": null,
            "request": {"state": "idle"}, "next_request_in": null, "last_request": null, "last_outcome": null,
            "requests": 0, "waiting": 0, "deepest_queue": 0, "no_progress": 0,
        })
    );
    status.held = None;
    status.set_aside =
        Some(SetAside { generation, used_for: Duration::MAX, refused_by: vec![fixture::origin("a")] });
    status.narrowed_scope = Some(Scope::parse("read write").unwrap());
    status.request = RequestStatus::Resting(s(4), unavailable());
    status.next_request_in = s(4);
    status.last_request = Some((Reason::Early, s(9)));
    status.last_outcome = Some((LastOutcome::Failed(unavailable()), s(8)));
    (status.requests, status.waiting, status.deepest_queue, status.no_progress) = (1, 2, 3, 4);
    let error = "the authorization server answered with http 503";
    assert_eq!(
        json!(status),
        json!({
            "held": null, "narrowed_scope": "read write", "next_request_in": 4.0,
            "set_aside": {"token": 1, "used_for": null, "refused_by": ["https://a.example.com"]},
            "request": {"state": "resting", "next_in": 4.0, "error": error, "permanent": false},
            "last_request": {"reason": "early", "ago": 9.0},
            "last_outcome": {"outcome": "failed", "error": error, "permanent": false, "ago": 8.0},
            "requests": 1, "waiting": 2, "deepest_queue": 3, "no_progress": 4,
        })
    );
    let in_flight = json!(RequestStatus::InFlight(s(9)));
    assert_eq!(in_flight, json!({"state": "in_flight", "abandoned_in": 9.0}));
    status.last_outcome = Some((LastOutcome::Installed(generation), s(1)));
    assert_eq!(json!(status)["last_outcome"], json!({"outcome": "installed", "token": 1, "ago": 1.0}));
    status.last_outcome = Some((LastOutcome::NoProgress, s(1)));
    assert_eq!(json!(status)["last_outcome"], json!({"outcome": "no_progress", "ago": 1.0}));
}
