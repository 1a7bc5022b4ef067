//! Clients whose secret is read for each request: what an attempt leaves for the next.

use super::*;
use crate::source::Sources;
use evergrant_core::{ClockOffset, Move, Now, SecretText};

fn live(id: &str) -> ClientAuth {
    ClientAuth::post_live(id).unwrap()
}

/// A source whose secret is read somewhere, which the test plays.
fn source() -> (Arc<Shared<String>>, ManualClock) {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let client = Client::builder(provider, live("first")).build().unwrap();
    let clock = ManualClock::new();
    let settings = Settings::new(client).policy(Policy::new().with_jitter(false)).clock(clock.clone());
    (Shared::new(settings.secret(|| Ok(SecretText::new("never asked"))), 0, fixture::render), clock)
}

fn refusal() -> Response {
    let body = br#"{"error":"invalid_client"}"#.to_vec();
    Response::new(401).with_header("content-type", b"application/json").with_body(body)
}

fn token(name: &str) -> Response {
    let body = format!(r#"{{"access_token":"{name}","token_type":"Bearer","expires_in":3600}}"#);
    Response::new(200).with_header("content-type", b"application/json").with_body(body.into_bytes())
}

/// How the attempt of this flight ends when this is read, and this answered; and whether anything was sent.
fn flies(guard: &FlightGuard<String>, text: &str, answer: Response) -> (Flown, bool) {
    let Move::Ask(asking) = guard.begin() else { panic!("its secret is read") };
    match asking.answer(SecretText::new(text)) {
        Move::Done(outcome, learnt) => (guard.flown(outcome, learnt, Vec::new()), false),
        Move::Send(_, sent) => match guard.received(sent, Ok(answer)) {
            Move::Done(outcome, learnt) => (guard.flown(outcome, learnt, Vec::new()), true),
            next => panic!("it is over: {next:?}"),
        },
        Move::Ask(_) => panic!("nothing else is read"),
    }
}

/// The whole of the next flight. Returns whether anything was sent.
fn fly(shared: &Arc<Shared<String>>, text: &str, answer: Response) -> bool {
    let guard = send(&mut shared.waiter(Some(secs(36_000)), None));
    let (flown, is_sent) = flies(&guard, text, answer);
    drop(guard.land(flown));
    is_sent
}

#[test]
fn a_refused_secret_is_not_sent_again_while_it_is_the_same_and_a_changed_one_is() {
    let (shared, clock) = source();
    assert!(fly(&shared, "wrong", refusal()));
    let mut moments = vec![];
    let begun = clock.now();
    for _ in 0..12 {
        clock.advance(secs(10));
        if fly(&shared, "wrong", refusal()) {
            moments.push(clock.now().mono.since(begun.mono).as_secs());
        }
    }
    assert_eq!(moments, [10, 30, 70], "I36: as far apart as a fixed secret would be sent");
    clock.advance(secs(10));
    assert!(fly(&shared, "right", token("a")));
    assert_eq!(lent(&shared), Some(("Bearer a".into(), 1)));
    assert_eq!(shared.lock().known.refused_until(), None);
}

#[test]
fn what_an_earlier_flight_has_learnt_does_not_replace_what_a_later_one_has() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(secs(36_000)), None);
    let late = send(&mut waiter);
    clock.advance(secs(11));
    let next = send(&mut waiter);
    let (flown, _) = flies(&next, "wrong", refusal());
    drop(next.land(flown));
    let until = shared.lock().known.refused_until();
    assert!(until.is_some());
    // The one that was given up comes after all, and its secret was right.
    let (flown, _) = flies(&late, "right", token("a"));
    drop(late.land(flown));
    assert_eq!(shared.lock().known.refused_until(), until);
}

#[test]
fn an_abandoned_flight_has_learnt_nothing() {
    let (shared, clock) = source();
    assert!(fly(&shared, "wrong", refusal()));
    let until = shared.lock().known.refused_until();
    clock.advance(secs(10));
    drop(send(&mut shared.waiter(None, None)));
    assert_eq!(shared.lock().known.refused_until(), until);
}

#[test]
fn a_rotation_forgets_what_was_known_of_the_old_credentials_and_what_is_still_to_come_of_them() {
    let (shared, clock) = source();
    assert!(fly(&shared, "wrong", refusal()));
    clock.advance(secs(10));
    let old = send(&mut shared.waiter(None, None));
    shared.rotate(live("second"), Rotation::Keep);
    assert_eq!(shared.lock().known.refused_until(), None);
    let (flown, is_sent) = flies(&old, "another wrong one", refusal());
    assert!(is_sent);
    drop(old.land(flown));
    assert_eq!(shared.lock().known.refused_until(), None);
    clock.advance(secs(1));
    // The same text may be right for another client.
    assert!(fly(&shared, "wrong", token("a")));
}

/// The place and the kind are changed together: what is read at one place may be no credential of the other kind.
#[test]
fn what_is_read_lives_elsewhere_from_the_next_flight_on() {
    let reads = |guard: &FlightGuard<String>| {
        let Move::Ask(asking) = guard.begin() else { panic!("its secret is read") };
        let ticket = guard.read(&asking).unwrap();
        let arrived = loop {
            if let Some(arrived) = ticket.poll(Waker::noop()) {
                break arrived;
            }
            std::thread::yield_now();
        };
        arrived.text.unwrap().expose().to_owned()
    };
    let at = |text: &'static str| Sources::default().with_credential(move || Ok(SecretText::new(text)));
    let (shared, clock) = source();
    shared.read_from(at("here"));
    let before = send(&mut shared.waiter(None, None));
    shared.read_from(at("there"));
    assert_eq!(reads(&before), "here");
    drop(before);
    clock.advance(secs(1));
    assert_eq!(reads(&send(&mut shared.waiter(None, None))), "there");
    clock.advance(secs(1));
    shared.rotate_to(live("second"), Some(at("elsewhere")), Rotation::Keep);
    let after = send(&mut shared.waiter(None, None));
    assert_eq!((after.client.client_id(), reads(&after).as_str()), ("second", "elsewhere"));
}

#[test]
fn i40_no_failure_of_a_source_touches_the_held_token() {
    let (shared, clock) = source();
    assert!(fly(&shared, "right", token("a")));
    clock.advance(secs(3300));
    for round in 0..20 {
        let guard = send(&mut shared.waiter(None, None));
        let Move::Ask(asking) = guard.begin() else { panic!("its secret is read") };
        let error = [evergrant_core::SourceError::Missing, evergrant_core::SourceError::TooLong];
        let ask = asking.ask().clone();
        let unready = evergrant_core::Unready::new(ask, error[round % 2].clone());
        let Move::Done(outcome, learnt) = asking.unanswered(unready) else { panic!("it is over") };
        drop(guard.land(guard_flown(outcome, learnt)));
        assert_eq!(shared.try_token().map(|token| token.value().expose().to_owned()).as_deref(), Some("a"));
        clock.advance(shared.status().next_request_in);
        if clock.now().mono.since(Mono::from_origin(secs(1))) > secs(3560) {
            return;
        }
    }
}

fn guard_flown(outcome: Outcome, learnt: evergrant_core::Known) -> Flown {
    Flown { outcome, learnt: Some(learnt), news: Vec::new(), identity: None }
}

#[test]
fn clocks_that_are_apart_are_told_of_once_and_once_more_when_that_changes() {
    let (shared, clock) = source();
    let dated = |date: &str, answer: Response| answer.with_header("date", date.as_bytes());
    let noon = |seconds: u64| {
        Now::new(clock.now().mono, evergrant_core::Wall::from_epoch(secs(784_111_777 + seconds)))
    };
    let mut told = Vec::new();
    for (ours, answer) in [
        (140, token("a")),
        (140, token("b")),
        (141, token("c")),
        (0, token("d")),
        (0, refusal()),
        (300, token("e")),
    ] {
        clock.advance(secs(4000));
        clock.set_wall(noon(ours).wall);
        let guard = send(&mut shared.waiter(None, None));
        let (flown, _) = flies(&guard, "right", dated("Sun, 06 Nov 1994 08:49:37 GMT", answer));
        told.push(flown.news.iter().find_map(|news| match news {
            EventKind::ClockOff { offset } => Some(*offset),
            _ => None,
        }));
        drop(guard.land(flown));
    }
    let ahead = |by| Some(ClockOffset::Ahead(secs(by)));
    assert_eq!(told, [ahead(140), None, None, None, None, ahead(300)]);
}

/// The whole of a flight of a client whose server is discovered, with this answer to a request of metadata and this to that of a token.
/// Returns what people hear of it.
fn discovers(shared: &Arc<Shared<String>>, metadata: Response, token: Response) -> Vec<EventKind> {
    let guard = send(&mut shared.waiter(Some(secs(36_000)), None));
    let (mut metadata, mut token) = (Some(metadata), Some(token));
    let mut next = guard.begin();
    loop {
        next = match next {
            Move::Send(request, sent) => {
                let answer = if request.method() == "GET" { &mut metadata } else { &mut token };
                guard.received(sent, Ok(answer.take().unwrap()))
            }
            Move::Done(outcome, learnt) => {
                let flown = guard.flown(outcome, learnt, Vec::new());
                let news = flown.news.clone();
                drop(guard.land(flown));
                return news;
            }
            Move::Ask(_) => panic!("nothing is read"),
        };
    }
}

#[test]
fn metadata_that_is_new_or_cannot_be_fetched_again_is_told_of_once() {
    let metadata = |endpoint: &str| {
        let body =
            format!(r#"{{"issuer":"http://127.0.0.1:1","token_endpoint":"http://127.0.0.1:{endpoint}"}}"#);
        Response::new(200).with_header("content-type", b"application/json").with_body(body.into_bytes())
    };
    let provider = Provider::discovered("http://127.0.0.1:1").unwrap().with_metadata_age(secs(600));
    let client = Client::builder(provider, fixture::auth("erp")).build().unwrap();
    let clock = ManualClock::new();
    let settings = Settings::new(client).policy(Policy::new().with_jitter(false)).clock(clock.clone());
    let shared = Shared::new(settings, 0, fixture::render);
    let mut told = Vec::new();
    for (name, answer) in [
        ("first", metadata("1/token")),
        ("same", metadata("1/token")),
        ("down", Response::new(503)),
        ("down still", Response::new(404)),
        ("back", metadata("1/token")),
        ("moved", metadata("2/token")),
    ] {
        let news = discovers(&shared, answer, token(&name.replace(' ', "-")));
        told.push(match &news[..] {
            [] => String::new(),
            [EventKind::MetadataFetched { token_endpoint, mtls_token_endpoint: None }] => {
                token_endpoint.to_string()
            }
            [EventKind::MetadataFailing { since }] => {
                assert_eq!(*since, clock.now().wall);
                "failing".into()
            }
            news => panic!("{name}: {news:?}"),
        });
        clock.advance(secs(4000));
    }
    let endpoint = |port| format!("http://127.0.0.1:{port}/token");
    assert_eq!(told, [&*endpoint(1), "", "failing", "", &*endpoint(1), &*endpoint(2)]);
}
