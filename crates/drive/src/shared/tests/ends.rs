//! How long what is published is used.

use super::*;

#[test]
fn what_is_published_ends_with_its_times() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.advance(secs(3269));
    assert!(shared.quiet().is_some());
    clock.advance(secs(1));
    assert!(shared.quiet().is_none() && shared.try_token().is_some(), "due: the machine must be asked");
    clock.advance(secs(300));
    assert!(shared.try_token().is_none());
}

#[test]
fn a_step_of_the_wall_clock_ends_what_is_published() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.set_wall(clock.now().wall.after(secs(3570)));
    assert!(shared.try_token().is_none(), "a suspend shows on the wall clock");
}

#[test]
fn a_token_survives_a_restart() {
    let (shared, clock) = source();
    assert_eq!(shared.export(), None);
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    let stored = shared.export().unwrap();
    assert!(!shared.restore(stored.clone()), "one is held");

    let next = Shared::new(Settings::new(fixture::client()).clock(clock), 0, fixture::render);
    let mut waiting = next.waiter(Some(MINUTE), None);
    let waking = Waking::new();
    let _guard = send(&mut waiting);
    assert!(matches!(waiting.poll(&waking.waker()), Next::Wait(_)));
    assert!(next.restore(stored.clone()));
    assert_eq!(waking.count(), 1, "whoever waits is woken");
    assert_eq!(uses(&mut waiting).value(), "Bearer a");
    assert_eq!(lent(&next), Some(("Bearer a".into(), 1)), "and it is published");
    assert_eq!(next.export(), Some(stored));
}

#[test]
fn a_lease_once_seen_to_be_over_is_in_no_snapshot() {
    type Ask = fn(&Arc<Shared<String>>);
    let asked: [(&str, Ask); 4] = [
        ("a caller", |shared| drop(shared.waiter(Some(Duration::ZERO), None).poll(Waker::noop()))),
        ("try_token", |shared| assert!(shared.try_token().is_none())),
        ("the status", |shared| assert!(shared.status().held.is_none())),
        ("an export", |shared| assert!(shared.export().is_none())),
    ];
    for (who, ask) in asked {
        let (shared, clock) = source();
        let mut waiter = shared.waiter(Some(secs(7200)), None);
        drop(send(&mut waiter).land(grant("a", 3600)));
        clock.advance(secs(3300));
        // Due, and the server wants to be left alone for an hour.
        let busy = Response::new(503).with_header("retry-after", b"3600");
        let guard = send(&mut waiter);
        let refusal = shared.client().unwrap().read(&busy, guard.sent_at()).unwrap_err();
        drop(guard.land(Outcome::Refused(refusal)));
        assert!(lent(&shared).is_some(), "what is good is served on");
        let before = clock.now().wall;
        clock.set_wall(before.after(secs(1000)));
        ask(&shared);
        clock.set_wall(before);
        assert!(lent(&shared).is_none() && shared.try_token().is_none(), "seen by {who}");
        assert!(matches!(waiter.poll(Waker::noop()), Next::Wait(_)), "as the machine has it");
    }
}

#[test]
fn an_end_that_was_corrected_is_published_also_when_the_next_request_is_due_as_before() {
    let (shared, clock) = fixture::shared(Policy::new().with_jitter(false).with_default_lifetime(secs(3600)));
    let mut waiter = shared.waiter(None, None);
    // Nothing is said of its life: an hour is assumed.
    send(&mut waiter)
        .land(Outcome::Granted(evergrant_core::Grant::new(AccessToken::new("a").unwrap(), None)));
    clock.advance(secs(3300));
    drop(send(&mut waiter).land(grant("a", 100)));
    let end = shared.try_token().unwrap().use_until();
    assert_eq!(shared.status().held.unwrap().used_for, clock.now().until(end));
    assert_eq!(clock.now().until(end), secs(90));
}
