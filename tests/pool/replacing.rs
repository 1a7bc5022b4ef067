//! A client that was replaced, and a tenant that left: their sources never send again.

use super::{asked_for, at, client, until};
use evergrant_mock::{Endpoint, Fault, Times};
use evergrant_tests::pools::{Setup, on_every_pool};
use evergrant_tests::{LONG, quick, secs, server};
use evergrant_tokio_reqwest::{Closed, Error, ManualClock, Token};

fn is_closed(outcome: &Result<Token, Error>, expected: Closed) -> bool {
    matches!(outcome, Err(Error::Closed { reason, .. }) if *reason == expected)
}

// P1
#[test]
fn an_old_client_is_not_heard_of_through_five_lives_and_its_token_serves_to_its_end() {
    on_every_pool(|mount| {
        let (server, clock) = (server(), ManualClock::new());
        let pool = mount(&Setup { clock: Some(clock.clone()), ..at(&server) });
        let (replaced, removed) = (pool.tokens("replaced"), pool.tokens("removed"));
        let old = [&replaced, &removed].map(|source| source.token().unwrap());
        let _keeper = pool.keep_fresh();
        assert!(pool.replace("replaced", client(&server.token_endpoint(), "fresh")));
        assert!(pool.remove("removed"));
        let fresh = pool.tokens("replaced");
        // A life is an hour; the last half a minute of it is left to clocks that differ.
        for minutes in (5..=5 * 60).step_by(5) {
            clock.advance(secs(5 * 60));
            let [old_one, gone] = [replaced.token(), removed.token()];
            if minutes < 60 {
                assert_eq!([old_one.unwrap(), gone.unwrap()], old, "after {minutes} min");
            } else {
                assert!(is_closed(&old_one, Closed::Replaced), "after {minutes} min: {old_one:?}");
                assert!(is_closed(&gone, Closed::Removed), "after {minutes} min: {gone:?}");
            }
            assert!(!old.contains(&fresh.token().unwrap()));
            // The next one may have been sent for: its time must not be over by our clock alone.
            until("nothing is in the air", || pool.status().in_flight == 0);
        }
        assert_eq!([asked_for(&server, "replaced"), asked_for(&server, "removed")], [1, 1]);
        assert!(asked_for(&server, "fresh") >= 5);
        // Whoever asks for the removed one again has another source.
        assert!(!old.contains(&pool.tokens("removed").token().unwrap()));
        assert_eq!(asked_for(&server, "removed"), 2);
    });
}

// P1
#[test]
fn what_is_in_the_air_for_an_old_client_serves_those_who_wait_and_nothing_follows() {
    on_every_pool(|mount| {
        let (server, clock) = (server(), ManualClock::new());
        let pool = mount(&Setup { clock: Some(clock.clone()), ..at(&server) });
        let (replaced, removed) = (pool.tokens("replaced"), pool.tokens("removed"));
        let gate = server.hold(Endpoint::Token);
        let waiting = [replaced.ask(LONG), replaced.ask(LONG), removed.ask(LONG)];
        assert!(gate.wait_for_held(2, LONG));
        until("all wait", || pool.status().waiting == 3);
        assert!(pool.replace("replaced", client(&server.token_endpoint(), "fresh")));
        assert!(pool.remove("removed"));
        gate.release();
        for job in waiting {
            job.outcome().unwrap();
        }
        for _ in 0..5 {
            clock.advance(secs(3600));
            assert!(is_closed(&replaced.token(), Closed::Replaced));
            assert!(is_closed(&removed.token(), Closed::Removed));
        }
        assert_eq!([asked_for(&server, "replaced"), asked_for(&server, "removed")], [1, 1]);
    });
}

// P1
#[test]
fn an_old_client_that_rests_or_waits_for_its_turn_asks_no_more_and_tells_its_callers() {
    on_every_pool(|mount| {
        let server = server();
        let down = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
        let policy = quick().with_backoff(LONG, LONG);
        let pool = mount(&Setup { policy, max_flights: (1, 1), ..at(&server) });
        let resting = pool.tokens("resting").ask(10 * LONG);
        until("it rests", || pool.status().resting == 1);
        down.clear();
        let gate = server.hold(Endpoint::Token);
        let ahead = pool.tokens("ahead").ask(LONG);
        assert!(gate.wait_for_held(1, LONG));
        let queued = pool.tokens("queued").ask(LONG);
        until("all wait", || pool.status().waiting == 3);
        assert!(pool.replace("resting", client(&server.token_endpoint(), "fresh")));
        assert!(pool.remove("queued"));
        assert!(is_closed(&resting.outcome(), Closed::Replaced));
        assert!(is_closed(&queued.outcome(), Closed::Removed));
        gate.release();
        ahead.outcome().unwrap();
        pool.tokens("resting").token().unwrap();
        let asked = ["resting", "ahead", "queued", "fresh"].map(|scope| asked_for(&server, scope));
        assert_eq!(asked, [1, 1, 0, 1]);
    });
}
