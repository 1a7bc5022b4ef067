use crate::fixture::{self, grant, secs};
use crate::shared::Next;
use crate::{Clock, ManualClock, Shared};
use evergrant_core::{AccessToken, Wall};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, UNIX_EPOCH};

/// A source that got its token, for an hour, at this moment of the wall clock.
fn granted(wall: Option<Wall>) -> (Arc<Shared<String>>, ManualClock) {
    let (settings, clock) = fixture::settings();
    if let Some(wall) = wall {
        clock.set_wall(wall);
    }
    let shared = Shared::new(settings, 0, fixture::render);
    let Next::Send(guard, _) = shared.waiter(None, None).poll(Waker::noop()) else {
        panic!("nothing is held")
    };
    drop(guard.land(grant("a", 3600)));
    (shared, clock)
}

#[test]
fn a_token_tells_its_end_in_the_types_of_the_standard_library() {
    let (shared, clock) = granted(None);
    let token = shared.try_token().unwrap();
    // Less the leeway of 30 s.
    assert_eq!(token.expires_at(), Some(UNIX_EPOCH + clock.now().wall.since_epoch() + secs(3570)));
    let left = token.expires_in().unwrap();
    assert!(left > secs(3000) && left <= secs(3570), "{left:?}");
    assert_eq!((token.value().expose(), token.generation().number()), ("a", 1));
}

#[test]
fn a_token_that_has_expired_has_no_time_left() {
    let (shared, _clock) = granted(Some(Wall::from_epoch(secs(1_000_000))));
    assert_eq!(shared.try_token().unwrap().expires_in(), Some(Duration::ZERO));
}

#[test]
fn a_fixed_token_never_ends() {
    let shared = Shared::fixed(AccessToken::new("fixed").unwrap(), fixture::render);
    let token = shared.try_token().unwrap();
    assert_eq!((token.expires_at(), token.expires_in()), (None, None));
}
