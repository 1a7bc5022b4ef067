use super::AfterRefusal::{HandOn, HandOnAndRefresh, SendAgain, Settle};
use super::*;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;

const THEN: Mono = Mono::from_origin(Duration::from_secs(2));

/// What a request is told that can be repeated, or not, and to which these rejections happened before.
fn after(repeatable: bool, before: &[Rejection], rejection: Rejection) -> AfterRefusal {
    let mut replay = Replay::new(repeatable);
    for earlier in before {
        let _decided = replay.refused(*earlier);
    }
    replay.refused(rejection)
}

#[test]
fn every_row_of_the_table_is_as_it_is_written() {
    use Rejection::{Dropped, Refused, Replaced, Settling};
    let settling = Settling(THEN);
    // By column: at once; after a settle; after a replacement; after both; and where nothing can be repeated.
    let befores: [&[Rejection]; 4] = [&[], &[settling], &[Dropped], &[settling, Replaced]];
    let rows = [
        (Refused, [HandOn, HandOn, HandOn, HandOn], HandOn),
        (settling, [Settle(THEN), HandOn, Settle(THEN), HandOn], HandOn),
        (Dropped, [SendAgain, SendAgain, HandOnAndRefresh, HandOnAndRefresh], HandOnAndRefresh),
        (Replaced, [SendAgain, SendAgain, HandOn, HandOn], HandOnAndRefresh),
    ];
    for (rejection, repeated, unrepeatable) in rows {
        for (before, expected) in befores.into_iter().zip(repeated) {
            assert_eq!(after(true, before, rejection), expected, "{before:?}, then {rejection:?}");
            assert_eq!(after(false, before, rejection), unrepeatable, "{before:?}, then {rejection:?}");
        }
    }
}

#[test]
fn a_token_revoked_before_it_settled_is_sent_a_third_time() {
    let mut replay = Replay::new(true);
    assert_eq!((replay.sends(), replay.refused(Rejection::Settling(THEN))), (1, Settle(THEN)));
    assert_eq!((replay.sends(), replay.refused(Rejection::Dropped)), (2, SendAgain));
    assert_eq!((replay.sends(), replay.refused(Rejection::Dropped)), (3, HandOnAndRefresh));
    assert_eq!(replay.sends(), Replay::MAX_SENDS);
}

#[test]
fn a_replacement_that_has_to_settle_is_waited_for_once() {
    let mut replay = Replay::new(true);
    assert_eq!(replay.refused(Rejection::Dropped), SendAgain);
    assert_eq!(replay.refused(Rejection::Settling(THEN)), Settle(THEN));
    assert_eq!(replay.refused(Rejection::Settling(THEN)), HandOn);
}

fn rejection() -> impl Strategy<Value = Rejection> {
    prop_oneof![
        Just(Rejection::Dropped),
        Just(Rejection::Replaced),
        Just(Rejection::Refused),
        (0..10_000_u64).prop_map(|ms| Rejection::Settling(Mono::from_origin(Duration::from_millis(ms)))),
    ]
}

proptest! {
    #[test]
    fn a_request_is_sent_at_most_three_times_whatever_comes(
        repeatable: bool,
        rejections in vec(rejection(), 0..12),
    ) {
        let mut replay = Replay::new(repeatable);
        let (mut settled, mut replaced) = (0_u8, 0_u8);
        for rejection in rejections {
            let before = replay;
            match replay.refused(rejection) {
                HandOn | HandOnAndRefresh => prop_assert_eq!(replay, before, "nothing was done"),
                Settle(then) => {
                    prop_assert_eq!(rejection, Rejection::Settling(then), "the same token, at the machine's time");
                    settled += 1;
                }
                SendAgain => {
                    prop_assert!(matches!(rejection, Rejection::Dropped | Rejection::Replaced));
                    replaced += 1;
                }
            }
            prop_assert!(settled <= 1 && replaced <= 1);
            prop_assert!(repeatable || settled + replaced == 0, "what cannot be repeated is sent once");
            prop_assert_eq!(replay.sends(), 1 + settled + replaced);
            prop_assert!(replay.sends() <= Replay::MAX_SENDS);
        }
    }

    /// What the machine threw away has to be fetched, by whoever is told: nobody else may ever ask.
    #[test]
    fn a_dropped_token_is_always_replaced_or_refreshed(
        repeatable: bool,
        rejections in vec(rejection(), 0..6),
    ) {
        let last = after(repeatable, &rejections, Rejection::Dropped);
        prop_assert!(matches!(last, SendAgain | HandOnAndRefresh));
    }
}

#[test]
fn a_rejection_says_what_follows_and_a_reason_why_a_token_is_requested() {
    use crate::machine::Reason;
    use alloc::format;
    let follows = [
        (Rejection::Dropped, "another one is asked for"),
        (Rejection::Replaced, "retry with the current one"),
        (Rejection::Settling(THEN), "retry with the same one later"),
        (Rejection::Refused, "or would be refused as well"),
    ];
    for (rejection, end) in follows {
        assert!(format!("{rejection}").ends_with(end), "{rejection}");
    }
    let reasons = [
        (Reason::First, "there was none yet"),
        (Reason::Early, "the current one expires soon"),
        (Reason::Expired, "the last one has expired"),
        (Reason::Rejected, "an API refused the last one"),
        (Reason::Rotated, "the client's credentials have changed"),
        (Reason::Retry, "the last request failed"),
    ];
    for (reason, said) in reasons {
        assert_eq!(format!("{reason}"), said);
    }
}
