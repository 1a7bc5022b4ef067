//! What is one tenant's is no other's.

use super::{asked_for, at, client};
use evergrant_async_std::{AsyncStd, Smol};
use evergrant_mock::Server;
use evergrant_tests::pools::on_every_pool;
use evergrant_tests::{install_tls, ms, server};
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider};
use std::thread;

/// Whoever knows the id of a client and guesses its secret is refused, before and after the right one was there.
fn guesses(server: &Server, token_of: &mut dyn FnMut(&Client) -> Option<String>) {
    let right = client(&server.token_endpoint(), "a");
    let wrong = |secret: &str| right.with_auth(ClientAuth::post(Server::CLIENT_ID, secret).unwrap());
    // In the case of a letter, and in the end of it.
    let cased = Server::CLIENT_SECRET.to_uppercase();
    let cut = &Server::CLIENT_SECRET[..Server::CLIENT_SECRET.len() - 1];
    let wrong = [wrong("a guess"), wrong(&cased), wrong(cut)];
    assert_eq!(wrong.each_ref().map(&mut *token_of), [None, None, None]);
    let token = token_of(&right).unwrap();
    assert_eq!(wrong.each_ref().map(&mut *token_of), [None, None, None]);
    // The same secret for something else is another client, too.
    let other = Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), right.auth().clone());
    assert_ne!(token_of(&other.scope("b").build().unwrap()).unwrap(), token);
    assert_eq!(token_of(&right).unwrap(), token);
    let counts = server.counts();
    assert_eq!((counts.token_granted, counts.token_refused), (2, 3));
}

/// The token of a client, from a pool whose keys are the clients themselves.
macro_rules! token_of {
    ($pool:ty, $run:expr) => {{
        install_tls();
        let pool = <$pool>::of_clients().fail_fast(true).build().unwrap();
        guesses(&server(), &mut |client| {
            let tokens = pool.tokens_of(client).unwrap();
            let token = $run(tokens);
            token.ok().map(|token| token.value().expose().to_owned())
        });
    }};
}

// P4
#[test]
fn the_right_id_and_a_wrong_secret_never_get_the_token_of_the_right_ones() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    token_of!(evergrant_tokio_reqwest::TokensPool<_>, |tokens: evergrant_tokio_reqwest::Tokens| {
        runtime.block_on(tokens.token())
    });
    token_of!(evergrant_async_std::TokensPool<_, AsyncStd>, |tokens: evergrant_async_std::Tokens<AsyncStd>| {
        async_std::task::block_on(tokens.token())
    });
    token_of!(evergrant_async_std::TokensPool<_, Smol>, |tokens: evergrant_async_std::Tokens<Smol>| {
        smol::block_on(tokens.token())
    });
    token_of!(evergrant_ureq::TokensPool<_>, |tokens: evergrant_ureq::Tokens| tokens.token());
}

#[test]
fn a_refused_token_is_replaced_by_one_request_for_its_tenant_alone() {
    on_every_pool(|mount| {
        let server = server();
        let (pool, url) = (mount(&at(&server)), server.resource("/shipments"));
        let tenants = ["a", "b", "c"];
        let before = tenants.map(|tenant| pool.tokens(tenant).token().unwrap());
        let mut values: Vec<_> = before.iter().map(|token| token.value().expose().to_owned()).collect();
        values.dedup();
        assert_eq!(values.len(), tenants.len());
        for tenant in tenants {
            assert_eq!(pool.tokens(tenant).get(&url).outcome(), Ok(200));
        }
        // What is refused as soon as it came would be sent once more first.
        thread::sleep(ms(3));
        server.revoke(before[0].value().expose());
        let calls: Vec<_> = (0..30).map(|n| pool.tokens(tenants[n % 3]).get(&url)).collect();
        for call in calls {
            assert_eq!(call.outcome(), Ok(200));
        }
        assert_eq!(tenants.map(|tenant| asked_for(&server, tenant)), [2, 1, 1]);
        let after = tenants.map(|tenant| pool.tokens(tenant).held().unwrap());
        assert!(after[0] != before[0] && after[1..] == before[1..]);
    });
}
