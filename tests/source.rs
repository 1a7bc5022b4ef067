//! One source of tokens, many callers, a server in trouble: over real sockets.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tests::{LONG, api, builder, ms, quick, secs, server, tokens};
use evergrant_tokio_reqwest::{
    Api, Client, ClientAuth, Error, ManualClock, Origins, Policy, Provider, RequestStatus, Rotation, Tokens,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

fn token_requests(server: &Server) -> u64 {
    server.counts().token_requests
}

// Conforms: L-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tasks_on_a_cold_start_make_one_token_request() {
    let server = server();
    let tokens = tokens(&server);
    let gate = server.hold(Endpoint::Token);
    let mut tasks = JoinSet::new();
    for _ in 0..10_000 {
        let tokens = tokens.clone();
        tasks.spawn(async move { tokens.token().await.map(|token| token.generation()) });
    }
    while tokens.status().waiting < 10_000 {
        tokio::time::sleep(ms(1)).await;
    }
    gate.release();
    while let Some(done) = tasks.join_next().await {
        assert_eq!(done.unwrap().unwrap().number(), 1);
    }
    assert_eq!(token_requests(&server), 1);
    assert_eq!(tokens.status().deepest_queue, 10_000);
}

#[tokio::test]
async fn a_value_is_lent_after_one_request_and_no_borrower_is_called_without_a_token() {
    let server = server();
    let (good, bad) = (tokens(&server), tokens(&server));
    let lent = good.with_authorization(Clone::clone).await.unwrap();
    assert_eq!((lent, token_requests(&server)), (good.authorization().await.unwrap(), 1));
    server.rotate_client("another", "secret");
    let refused = bad.with_authorization(|value| panic!("lent {value:?}")).await.map(|()| "lent");
    assert!(matches!(refused, Err(Error::Failed { .. })), "{refused:?}");
}

// Conforms: L-26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_callers_and_a_server_that_answers_503_make_one_request_per_backoff_step() {
    let server = server();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Next(5));
    let tokens = tokens(&server);
    let mut tasks = JoinSet::new();
    for _ in 0..30 {
        let tokens = tokens.clone();
        tasks.spawn(async move { tokens.token().await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let (counts, requests) = (server.counts(), server.requests());
    assert_eq!((counts.token_requests, counts.token_in_flight_max), (6, 1));
    // The rest begins when the answer is there, which is after the request arrived: at least half of the backoff.
    for (n, pair) in requests.windows(2).enumerate() {
        let rest = pair[1].at().saturating_sub(pair[0].at());
        assert!(rest >= quick().backoff(u32::try_from(n).unwrap()) / 2, "step {n}: {rest:?}");
    }
}

#[tokio::test]
async fn callers_that_fail_fast_share_the_one_error() {
    let server = server();
    let _down = server.fault(Endpoint::Token, Fault::status_with_retry_after(503, "60"), Times::UntilCleared);
    let tokens = builder(&server).fail_fast(true).build().unwrap();
    let gate = server.hold(Endpoint::Token);
    let mut tasks = JoinSet::new();
    for _ in 0..30 {
        let tokens = tokens.clone();
        tasks.spawn(async move { tokens.token().await.unwrap_err() });
    }
    while tokens.status().waiting < 30 {
        tokio::time::sleep(ms(1)).await;
    }
    gate.release();
    while let Some(error) = tasks.join_next().await {
        let error = error.unwrap();
        assert_eq!(error.refusal().unwrap().status(), Some(503));
        assert!(
            error.retry_after() > secs(30) && error.retry_after() <= secs(66),
            "{:?}",
            error.retry_after()
        );
    }
    assert_eq!(token_requests(&server), 1);
}

#[tokio::test]
async fn nobody_sees_the_endpoint_fail_while_the_token_lives() {
    let server = server();
    let clock = ManualClock::new();
    let tokens = builder(&server).clock(clock.clone()).build().unwrap();
    let first = tokens.token().await.unwrap().generation();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    clock.advance(secs(3300));
    for _ in 0..20 {
        assert_eq!(tokens.token().await.unwrap().generation(), first);
        while matches!(tokens.status().request, RequestStatus::InFlight(_)) {
            tokio::time::sleep(ms(1)).await;
        }
        clock.advance(secs(10));
    }
    assert!(token_requests(&server) >= 2, "the refresh was tried");
}

// Conforms: L-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_concurrent_401s_of_one_token_make_one_request_and_fifty_replays() {
    let server = server();
    let tokens = tokens(&server);
    let api = api(&server, &tokens);
    tokens.ready().await.unwrap();
    tokio::time::sleep(ms(5)).await; // The token settles in 1 ms.
    server.revoke_all();
    let gate = server.hold(Endpoint::Resource);
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (api, request) = (api.clone(), shipments(&server));
        tasks.spawn(async move { api.execute(request).await.unwrap().status().as_u16() });
    }
    let held = tokio::task::spawn_blocking(move || {
        assert!(gate.wait_for_held(50, LONG));
        gate.release();
    });
    held.await.unwrap();
    while let Some(status) = tasks.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    let counts = server.counts();
    assert_eq!((counts.token_requests, counts.resource_refused, counts.resource_ok), (2, 50, 50));
}

// Conforms: L-13, L-33
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_401_for_an_old_token_makes_no_request() {
    let server = server();
    let tokens = tokens(&server);
    let api = api(&server, &tokens);
    tokens.ready().await.unwrap();
    server.revoke_all();
    let gate = server.hold(Endpoint::Resource);
    let call = tokio::spawn({
        let (api, request) = (api.clone(), shipments(&server));
        async move { api.execute(request).await.unwrap().status().as_u16() }
    });
    let gate = tokio::task::spawn_blocking(move || {
        assert!(gate.wait_for_held(1, LONG));
        gate
    });
    let gate = gate.await.unwrap();
    // Meanwhile the token is replaced for another reason.
    let same = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    tokens.rotate(same, Rotation::Drop);
    tokens.ready().await.unwrap();
    assert_eq!(token_requests(&server), 2);
    gate.release();
    assert_eq!(call.await.unwrap(), 200);
    assert_eq!(token_requests(&server), 2);
}

/// Machine time: the clock is the test's and runs some twenty times as fast as the sun.
// Conforms: L-17, A-34
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_that_always_answers_401_costs_at_most_four_requests_in_the_first_minute() {
    let server = server();
    let _wrong = server.fault(Endpoint::Resource, Fault::status(401), Times::UntilCleared);
    let clock = ManualClock::new();
    // A settling token is waited for on a timer of the sun's time: it settles at once here.
    let tokens =
        builder(&server).policy(Policy::new().with_settle(ms(1))).clock(clock.clone()).build().unwrap();
    let api = api(&server, &tokens);
    let over = Arc::new(AtomicBool::new(false));
    let ticking = std::thread::spawn({
        let (clock, over) = (clock.clone(), Arc::clone(&over));
        move || {
            let mut passed = ms(0);
            while passed < secs(60) {
                std::thread::sleep(ms(1));
                clock.advance(ms(20));
                passed += ms(20);
            }
            over.store(true, Ordering::SeqCst);
        }
    });
    let mut calls = 0;
    while !over.load(Ordering::SeqCst) {
        assert_eq!(api.execute(shipments(&server)).await.unwrap().status().as_u16(), 401);
        calls += 1;
    }
    ticking.join().unwrap();
    assert!(calls > 4, "{calls} calls");
    let sent = token_requests(&server);
    assert!((2..=4).contains(&sent), "{sent} token requests in a minute");
}

/// The rests after a permanent refusal are 10, 20, 40 s, each less jitter of up to a half: whoever asks, a wrong secret is
/// tried at 0, after 5 to 10, 15 to 30 and 35 to 70 s.
// Conforms: A-33
#[tokio::test]
async fn a_wrong_secret_and_two_hundred_tasks_cost_at_most_four_requests_in_the_first_minute() {
    let server = server();
    server.rotate_client("somebody", "else");
    let clock = ManualClock::new();
    let tokens = builder(&server).policy(Policy::new()).clock(clock.clone()).build().unwrap();
    for _ in 0..60 {
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let tokens = tokens.clone();
                tokio::spawn(async move { tokens.token().await.unwrap_err().is_permanent() })
            })
            .collect();
        for call in calls {
            assert!(call.await.unwrap());
        }
        clock.advance(secs(1));
    }
    let sent = token_requests(&server);
    assert!((3..=4).contains(&sent), "{sent} token requests in a minute");
}

// Conforms: L-10
#[tokio::test]
async fn a_caller_dropped_in_mid_flight_makes_no_second_request() {
    let server = server();
    let tokens = tokens(&server);
    let gate = server.hold(Endpoint::Token);
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.token().await }
    });
    while token_requests(&server) < 1 {
        tokio::time::sleep(ms(1)).await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    gate.release();
    tokens.token().await.unwrap();
    assert_eq!(token_requests(&server), 1);
}

#[tokio::test]
async fn i24_a_call_dropped_after_any_number_of_polls_strands_nobody() {
    for polls in 0..16 {
        let server = server();
        let tokens = tokens(&server);
        let api = api(&server, &tokens);
        let mut call = Box::pin(api.execute(shipments(&server)));
        for _ in 0..polls {
            let done = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_ready()));
            if done.await {
                break;
            }
            tokio::time::sleep(ms(1)).await;
        }
        drop(call);
        assert_eq!(tokens.status().waiting, 0);
        assert_eq!(api.execute(shipments(&server)).await.unwrap().status().as_u16(), 200);
        assert_eq!(token_requests(&server), 1, "dropped after {polls} polls");
    }
}

// Conforms: L-31
#[test]
fn i30_a_runtime_shut_down_in_mid_flight_leaves_the_next_one_served() {
    let server = server();
    let tokens = tokens(&server);
    for multi in [false, true] {
        let mut runtime = match multi {
            true => tokio::runtime::Builder::new_multi_thread(),
            false => tokio::runtime::Builder::new_current_thread(),
        };
        let runtime = runtime.enable_all().build().unwrap();
        let gate = server.hold(Endpoint::Token);
        let before = token_requests(&server);
        runtime.block_on(async {
            let caller = tokens.token_within(LONG);
            tokio::pin!(caller);
            while token_requests(&server) == before {
                let waited = tokio::time::timeout(ms(1), &mut caller).await;
                assert!(waited.is_err(), "the answer is held back");
            }
        });
        runtime.shutdown_background();
        gate.release();

        let next = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        next.block_on(tokens.token()).unwrap();
        assert_eq!(token_requests(&server), before + 2);
        let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
        tokens.rotate(auth, Rotation::Drop);
    }
}

#[test]
fn one_source_serves_runtime_after_runtime() {
    let server = server();
    let clock = ManualClock::new();
    let tokens = builder(&server).clock(clock.clone()).build().unwrap();
    for request in 1..=5 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let api = api(&server, &tokens);
        let answer = runtime.block_on(api.execute(shipments(&server))).unwrap();
        assert_eq!((answer.status().as_u16(), token_requests(&server)), (200, request));
        clock.advance(secs(3600));
    }
}

// Conforms: L-07
#[tokio::test]
async fn i25_a_hung_endpoint_lets_each_caller_return_by_its_own_patience() {
    let server = server();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    let tokens = tokens(&server);
    let calls = [50, 1, 20].map(|patience| {
        let tokens = tokens.clone();
        tokio::spawn(async move { tokens.token_within(ms(patience)).await.unwrap_err() })
    });
    for call in calls {
        let error = call.await.unwrap();
        assert!(matches!(error, Error::TimedOut { last_error: None, .. }), "{error}");
    }
    // They returned while the one request was still in the air.
    assert!(matches!(tokens.status().request, RequestStatus::InFlight(_)));
    assert_eq!(token_requests(&server), 1);
}

// Conforms: L-08
#[tokio::test]
async fn the_queue_is_bounded() {
    let server = server();
    let tokens = builder(&server).policy(quick().with_max_waiters(2)).build().unwrap();
    let gate = server.hold(Endpoint::Token);
    let waiting = [0, 1].map(|_| {
        let tokens = tokens.clone();
        tokio::spawn(async move { tokens.token_within(LONG).await })
    });
    while tokens.status().waiting < 2 {
        tokio::time::sleep(ms(1)).await;
    }
    let error = tokens.token().await.unwrap_err();
    assert!(matches!(error, Error::Saturated { max_waiters: 2, .. }), "{error}");
    gate.release();
    for caller in waiting {
        caller.await.unwrap().unwrap();
    }
}

// Conforms: L-03
#[tokio::test]
async fn keep_fresh_replaces_the_token_although_nobody_asks_and_ends_with_the_source() {
    let server = server();
    server.set_lifetime(ms(400));
    let tokens = tokens(&server);
    let keeping = tokio::spawn(tokens.keep_fresh());
    while token_requests(&server) < 3 {
        tokio::time::sleep(ms(5)).await;
    }
    drop(tokens);
    keeping.await.unwrap();
}

#[tokio::test]
async fn try_token_and_status_never_send() {
    let server = server();
    let tokens = tokens(&server);
    assert!(tokens.try_token().is_none());
    assert_eq!(tokens.status().held, None);
    assert_eq!(token_requests(&server), 0);
    let token = tokens.token().await.unwrap();
    assert_eq!(tokens.try_token(), Some(token));
}

#[tokio::test]
async fn a_token_survives_a_restart() {
    let server = server();
    let before = tokens(&server);
    let token = before.token().await.unwrap();
    let kept = before.export().unwrap();
    drop(before);
    let after = tokens(&server);
    assert!(after.restore(kept));
    assert_eq!(after.token().await.unwrap().value(), token.value());
    assert_eq!(token_requests(&server), 1);
}

#[tokio::test]
async fn a_rotated_client_is_used_from_then_on_and_the_old_token_meanwhile() {
    let server = server();
    let tokens = tokens(&server);
    let old = tokens.token().await.unwrap();
    server.rotate_client("second", "other-secret");
    tokens.rotate(ClientAuth::basic("second", "other-secret").unwrap(), Rotation::Keep);
    assert!(tokens.try_token().is_some());
    while tokens.token().await.unwrap().generation() == old.generation() {
        tokio::time::sleep(ms(1)).await;
    }
    assert_eq!(server.counts().token_granted, 2);
}

/// There is no cache with keys that could be too coarse: a source is one client, with its endpoint, credentials and scope.
// Conforms: L-19, A-23
#[tokio::test]
async fn sources_of_two_clients_share_nothing() {
    let server = server();
    let at_server = || Provider::rfc6749(&server.token_endpoint()).unwrap();
    let auth = |secret| ClientAuth::post(Server::CLIENT_ID, secret).unwrap();
    let client = |secret, scope| Client::builder(at_server(), auth(secret)).scope(scope).build().unwrap();
    let policy = quick().with_cooldown(LONG, LONG);
    let source = |client| Tokens::builder(client).policy(policy.clone()).build().unwrap();
    let refused = source(client("not the secret", "a"));
    assert!(refused.token().await.unwrap_err().is_permanent());
    let gate = server.hold(Endpoint::Token);
    let (one, other) =
        (source(client(Server::CLIENT_SECRET, "a b")), source(client(Server::CLIENT_SECRET, "b")));
    let waiting = tokio::spawn({
        let one = one.clone();
        async move { one.token().await }
    });
    while one.status().waiting < 1 {
        tokio::time::sleep(ms(1)).await;
    }
    assert_eq!(other.status().waiting, 0);
    gate.release();
    let (one, other) = (waiting.await.unwrap().unwrap(), other.token().await.unwrap());
    assert_ne!(one.value(), other.value());
    assert!(refused.token().await.is_err());
    let requests = server.requests();
    let scopes: Vec<_> = requests.iter().map(|request| request.parameter("scope").unwrap()).collect();
    assert_eq!(scopes, ["a", "a b", "b"]);
}

#[tokio::test]
async fn a_fixed_source_never_asks() {
    let server = server();
    let tokens = Tokens::fixed("a-token-of-the-test").unwrap();
    assert_eq!(tokens.token().await.unwrap().value().expose(), "a-token-of-the-test");
    let origins = Origins::parse([server.origin().as_str()]).unwrap();
    let api = Api::new(evergrant_tests::http(), tokens.clone(), origins);
    assert_eq!(api.execute(shipments(&server)).await.unwrap().status().as_u16(), 401);
    assert_eq!((token_requests(&server), server.counts().resource_requests), (0, 1));
    assert!(tokens.status().held.is_some() && tokens.export().is_none());
    assert!(Tokens::fixed("not a token").is_err());
}

/// A user's test that pauses its runtime's timers must still be served.
#[tokio::test(start_paused = true)]
async fn paused_timers_neither_starve_a_caller_nor_cost_a_request() {
    let server = server();
    // Paused time runs ahead whenever the runtime is idle, so every timer fires at once while the answer is awaited.
    let tokens = builder(&server).policy(Policy::new()).build().unwrap();
    tokens.token().await.unwrap();
    assert_eq!(token_requests(&server), 1);
}

fn shipments(server: &Server) -> reqwest::Request {
    reqwest::Request::new(reqwest::Method::GET, server.resource("/shipments").parse().unwrap())
}
