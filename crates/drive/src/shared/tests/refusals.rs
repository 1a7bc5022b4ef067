//! Refused tokens, the origins that refused them, and what errors may say.

use super::seen::logged;
use super::*;
use evergrant_core::Move;

#[test]
fn a_rejected_token_is_not_handed_out_again() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.advance(secs(10));
    let generation = uses(&mut waiter).token().generation();
    assert_eq!(shared.reject(generation, &fixture::origin("a")), Rejection::Dropped);
    assert!(shared.quiet().is_none() && shared.try_token().is_none());
    assert_eq!(shared.reject(generation, &fixture::origin("a")), Rejection::Replaced);
}

#[test]
fn an_api_that_refuses_the_token_takes_it_from_no_other_while_the_server_is_down() {
    let (shared, clock) = source();
    drop(send(&mut shared.waiter(None, None)).land(grant("a", 3600)));
    clock.advance(secs(10));
    let [bad, good] = ["bad", "good"].map(fixture::origin);
    let generation = shared.try_token().unwrap().generation();
    assert_eq!(shared.reject(generation, &bad), Rejection::Dropped);

    let mut refused = shared.waiter(Some(secs(3600)), Some(&bad));
    let mut served = shared.waiter(Some(secs(3600)), Some(&good));
    let guard = send(&mut served);
    for waiter in [&mut refused, &mut served] {
        assert!(
            matches!(waiter.poll(&Waking::new().waker()), Next::Wait(_)),
            "everyone waits for its replacement"
        );
    }
    let before = RENDERED.with(|count| count.load(Ordering::Relaxed));
    drop(guard.land(Outcome::Refused(Refusal::new(Class::Transient, Some(503), Problem::Status))));
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (2, 2), "nobody is marked as served");
    assert_eq!(uses(&mut served).value(), "Bearer a");
    assert_eq!(uses(&mut shared.waiter(None, None)).value(), "Bearer a", "who says no origin is served, too");
    assert!(matches!(refused.poll(&Waking::new().waker()), Next::Wait(_)));
    assert_eq!(
        RENDERED.with(|count| count.load(Ordering::Relaxed)),
        before,
        "the value is the one it came with"
    );

    // Nothing is published: the hot path knows no sites.
    assert!(lent(&shared).is_none() && shared.try_token().is_none());
    let status = shared.status();
    assert_eq!(status.held, None);
    let aside = status.set_aside.unwrap();
    assert_eq!((aside.generation, aside.refused_by), (generation, vec![bad.clone()]));
    assert_eq!(aside.used_for, secs(3560));

    // The second one that refuses it is served no more, either.
    assert_eq!(shared.reject(generation, &good), Rejection::Replaced);
    assert!(matches!(served.poll(&Waking::new().waker()), Next::Wait(_)));
    clock.advance(secs(1));
    drop(send(&mut refused).land(grant("b", 3600)));
    assert_eq!(
        (uses(&mut refused).value().as_str(), uses(&mut served).value().as_str()),
        ("Bearer b", "Bearer b")
    );
    assert!(shared.lock().rendered.as_ref().is_some_and(|(_, value)| **value == "Bearer b"));
    assert_eq!(shared.status().set_aside, None);
}

#[test]
fn a_secret_of_one_letter_is_not_told_by_our_own_words_and_is_warned_of() {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let client = |secret: &str| {
        let auth = ClientAuth::post("an-id", secret).unwrap();
        Client::builder(provider.clone(), auth).build().unwrap()
    };
    let warned = "the client secret has fewer than 8 bytes";
    let text = logged(|| {
        let shared = Shared::new(Settings::new(client("n")), 0, fixture::render);
        let guard = send(&mut shared.waiter(None, None));
        let outcome = |error| {
            let Move::Send(_, sent) = guard.begin() else { panic!("nothing has to be read") };
            let Move::Done(outcome, _) = guard.received(sent, Err(error)) else { panic!("it is over") };
            outcome
        };
        let timed_out = outcome(guard.timed_out());
        let Outcome::Refused(refusal) = &timed_out else { panic!("{timed_out:?}") };
        assert!(refusal.to_string().contains("none within 10s"), "{refusal}");
        // A foreign text that has the secret as a word of its own is masked as a whole.
        let foreign =
            evergrant_core::TransportError::new(evergrant_core::TransportErrorKind::Other, "said n", &[]);
        let outcome = outcome(foreign);
        assert!(!format!("{outcome:?}").contains("said"), "{outcome:?}");
        shared.rotate(ClientAuth::post("an-id", "long enough").unwrap(), Rotation::Keep);
    });
    assert_eq!(text.matches(warned).count(), 1, "{text}");
    let text = logged(|| {
        let shared = Shared::new(Settings::new(client("8 bytes.")), 0, fixture::render);
        shared.rotate(ClientAuth::post("an-id", "7 bytes").unwrap(), Rotation::Keep);
    });
    assert_eq!(text.matches(warned).count(), 1, "{text}");
    assert!(!text.contains("7 bytes and") && text.contains("an-id"), "{text}");
}

#[test]
fn a_refusal_that_changed_nothing_takes_no_place_and_a_rotation_frees_all() {
    let (shared, clock) = source();
    drop(send(&mut shared.waiter(None, None)).land(grant("a", 3600)));
    let generation = shared.try_token().unwrap().generation();
    let origin = |number| fixture::origin(&format!("api{number}"));
    for number in 0..100 {
        assert!(matches!(shared.reject(generation, &origin(number)), Rejection::Settling(_)));
    }
    assert_eq!(shared.lock().sites.of(&origin(0)), None);
    clock.advance(secs(10));
    assert_eq!(shared.reject(generation, &origin(7)), Rejection::Dropped);
    assert_eq!(shared.reject(generation, &origin(8)), Rejection::Replaced);
    assert_eq!(shared.status().set_aside.unwrap().refused_by, [origin(7), origin(8)]);
    assert_eq!(shared.lock().sites.of(&origin(9)), None);
    shared.rotate(fixture::auth("second"), Rotation::Keep);
    assert_eq!(shared.status().set_aside.unwrap().refused_by, [origin(7), origin(8)]);
    shared.rotate(fixture::auth("third"), Rotation::Drop);
    assert_eq!(shared.lock().sites.of(&origin(7)), None);
}
