//! A pool over a store: what it puts away comes back without a request, and so does what another process has asked for.

use super::{asked_for, at, until};
use evergrant_mock::Endpoint;
use evergrant_tests::pools::{Setup, on_every_pool};
use evergrant_tests::stores::InMemory;
use evergrant_tests::{LONG, server};

#[test]
fn a_source_that_was_put_away_comes_back_with_its_token_and_asks_nobody() {
    on_every_pool(|mount| {
        let (server, store) = (server(), InMemory::on(None));
        let pool = mount(&Setup { max_sources: 1, store: Some(store.sealed()), ..at(&server) });
        let token = |tenant: &str| {
            let source = pool.tokens(tenant);
            let token = source.token().unwrap();
            source.flush().outcome();
            token.value().clone()
        };
        let [first, second] = ["first", "second"].map(token);
        assert_eq!([token("first"), token("second")], [first, second]);
        assert_eq!(pool.status().sources, 1);
        assert_eq!([asked_for(&server, "first"), asked_for(&server, "second")], [1, 1]);
    });
}

/// Each tenant is another client: its tokens, its refusals and its secret are its own.
#[test]
fn two_pools_of_one_store_ask_once_for_each_tenant() {
    on_every_pool(|mount| {
        let (server, store) = (server(), InMemory::on(None));
        let pools = [(); 2].map(|()| mount(&Setup { store: Some(store.sealed()), ..at(&server) }));
        let tenants = ["a", "b", "c"];
        let gate = server.hold(Endpoint::Token);
        let jobs: Vec<_> =
            pools.iter().flat_map(|pool| tenants.map(|tenant| pool.tokens(tenant).ask(LONG))).collect();
        until("all wait", || pools.iter().all(|pool| pool.status().waiting == tenants.len()));
        gate.release();
        let tokens: Vec<_> = jobs.into_iter().map(|job| job.outcome().unwrap().value().clone()).collect();
        assert_eq!(tokens[..3], tokens[3..]);
        assert_eq!(tenants.map(|tenant| asked_for(&server, tenant)), [1, 1, 1]);
        assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    });
}
