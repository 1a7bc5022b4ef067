//! Who waits for a newer token.

use super::super::watcher::Watcher;
use super::*;
use evergrant_core::Error;

fn unchanged(watcher: &mut Watcher<'_, String, Token>, waking: &Waking) {
    let watch = watcher.poll(&waking.waker());
    assert!(matches!(watch, Watch::Unchanged), "{watch:?}");
}

fn changed(watcher: &mut Watcher<'_, String, Token>) -> u64 {
    match watcher.poll(Waker::noop()) {
        Watch::Changed(token) => token.generation().number(),
        watch => panic!("expected Changed, got {watch:?}"),
    }
}

fn token((shared, clock): (&Arc<Shared<String>>, &ManualClock), value: &str) -> Generation {
    clock.advance(secs(1));
    drop(send(&mut shared.waiter(Some(MINUTE), None)).land(grant(value, 3600)));
    shared.try_token().unwrap().generation()
}

#[test]
fn a_watcher_is_woken_by_a_newer_token_and_by_nothing_else() {
    let (shared, clock) = source();
    let first = token((&shared, &clock), "a");
    let (mut watcher, waking) = (shared.watcher(first), Waking::new());
    unchanged(&mut watcher, &waking);
    clock.advance(secs(3300));
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let guard = send(&mut waiter);
    drop(guard.land(Outcome::Refused(Refusal::new(Class::Transient, Some(503), Problem::Status))));
    assert_eq!(waking.count(), 0, "a failure is no token");
    clock.advance(secs(1));
    token((&shared, &clock), "b");
    assert_eq!(waking.count(), 1);
    assert_eq!(changed(&mut watcher), 2);
    assert!(shared.lock().watching.is_empty());
}

#[test]
fn whoever_comes_late_has_the_newer_token_at_once() {
    let (shared, clock) = source();
    let first = token((&shared, &clock), "a");
    shared.rotate(fixture::auth("second"), Rotation::Drop);
    token((&shared, &clock), "b");
    assert_eq!(changed(&mut shared.watcher(first)), 2);
    let generation = shared.try_token().unwrap().generation();
    unchanged(&mut shared.watcher(generation), &Waking::new());
}

/// It would be handed to somebody who can only be refused with it.
#[test]
fn a_token_that_was_refused_is_no_news() {
    let (shared, clock) = source();
    let first = token((&shared, &clock), "a");
    shared.rotate(fixture::auth("second"), Rotation::Drop);
    let second = token((&shared, &clock), "b");
    assert!(matches!(shared.reject(second, &fixture::origin("api")), Rejection::Settling(_)));
    clock.advance(secs(5));
    assert_eq!(shared.reject(second, &fixture::origin("api")), Rejection::Dropped);
    let (mut watcher, waking) = (shared.watcher(first), Waking::new());
    unchanged(&mut watcher, &waking);
    token((&shared, &clock), "c");
    assert_eq!((waking.count(), changed(&mut watcher)), (1, 3));
}

#[test]
fn a_restored_token_is_news() {
    let (shared, clock) = source();
    let (mut watcher, waking) = (
        shared
            .watcher(Token::from(evergrant_core::Token::fixed(AccessToken::new("x").unwrap())).generation()),
        Waking::new(),
    );
    unchanged(&mut watcher, &waking);
    let stored = Stored::new(AccessToken::new("kept").unwrap(), clock.now().wall, secs(3600));
    assert!(shared.restore(stored));
    assert_eq!((waking.count(), changed(&mut watcher)), (1, 1));
}

#[test]
fn watchers_are_bounded_and_a_dropped_one_frees_its_place() {
    let (shared, clock) = fixture::shared(Policy::new().with_jitter(false).with_max_waiters(2));
    let first = token((&shared, &clock), "a");
    let mut watchers = [(); 3].map(|()| shared.watcher(first));
    let waking = Waking::new();
    for _ in 0..2 {
        // Looking again takes no second place.
        unchanged(&mut watchers[0], &waking);
        unchanged(&mut watchers[1], &waking);
        let watch = watchers[2].poll(&waking.waker());
        assert!(matches!(watch, Watch::Failed(Error::Saturated { max_waiters: 2, .. })), "{watch:?}");
    }
    let [gone, _kept, mut third] = watchers;
    drop(gone);
    unchanged(&mut third, &waking);
    assert_eq!(shared.lock().watching.len(), 2);
}
