//! One job keeps the pool fresh: for those who use it, and as long as there is a pool.

use super::{asked_for, at, until};
use evergrant_tests::pools::{Pool, Setup, on_every_pool};
use evergrant_tests::{ms, secs, server};
use evergrant_tokio_reqwest::ManualClock;
use std::thread;

/// Both have a token. That they were looked for before it came does not count.
fn asks(pool: &dyn Pool) {
    for tenant in ["used", "unused"] {
        drop(pool.tokens(tenant));
        pool.tokens(tenant).token().unwrap();
    }
}

// P8
#[test]
fn a_tenant_in_use_has_its_next_token_without_a_call_and_one_that_is_not_is_left_alone() {
    on_every_pool(|mount| {
        let server = server();
        server.set_lifetime(ms(400));
        let pool = mount(&at(&server));
        let keeper = pool.keep_fresh();
        asks(&*pool);
        // Whoever looks for it uses it, and asks for nothing.
        until("it is renewed, and again", || {
            drop(pool.tokens("used"));
            asked_for(&server, "used") >= 4
        });
        // Three lives have gone by, or all but.
        assert_eq!((asked_for(&server, "unused"), keeper.ended()), (1, None));
        drop(pool);
        keeper.outcome();
        // Nobody asks any more.
        let asked = server.counts().token_requests;
        for _ in 0..10 {
            thread::sleep(ms(50));
        }
        assert_eq!(server.counts().token_requests, asked);
    });
}

// P8
#[test]
fn a_token_is_replaced_while_it_can_still_be_used_whenever_the_job_began() {
    on_every_pool(|mount| {
        let (server, clock) = (server(), ManualClock::new());
        let pool = mount(&Setup { clock: Some(clock.clone()), ..at(&server) });
        asks(&*pool);
        let before = pool.tokens("used").held().unwrap();
        clock.advance(secs(3400));
        let _keeper = pool.keep_fresh();
        until("it is renewed", || asked_for(&server, "used") == 2);
        // The clock stands before its end: nobody was without one.
        until("it has come", || pool.tokens("used").held().unwrap() != before);
        assert_eq!(asked_for(&server, "unused"), 1);
    });
}
