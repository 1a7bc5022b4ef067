//! Threads and ureq: the same promises as everywhere, over real sockets.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Challenge, Endpoint, ErrorStyle, Fault, Server, Times, TokenStyle};
use evergrant_tests::{LONG, ms, quick, secs, server};
use evergrant_ureq::core::{Class, Problem, Refusal, TransportErrorKind};
use evergrant_ureq::{
    Api, ApiError, AuthorizeMiddleware, Client, ClientAuth, Error, ManualClock, Origins, Provider,
    RequestStatus, Rotation, Tokens, TokensBuilder, Verdict, VerdictRule, myparcel,
};
use std::thread;
use ureq::config::RedirectAuthHeaders;

fn builder(server: &Server) -> TokensBuilder {
    let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Tokens::builder(Client::builder(provider, auth).build().unwrap()).policy(quick())
}

/// An authorized client whose token is here and has settled.
fn settled(server: &Server) -> (Tokens, Api) {
    let tokens = builder(server).build().unwrap();
    tokens.ready().unwrap();
    thread::sleep(ms(3));
    (tokens.clone(), api(server, tokens))
}

fn api(server: &Server, tokens: Tokens) -> Api {
    Api::new(ureq::agent(), tokens, Origins::parse([server.origin().as_str()]).unwrap())
}

fn get(url: &str) -> http::Request<()> {
    http::Request::get(url).body(()).unwrap()
}

// Conforms: L-01
#[test]
fn threads_on_a_cold_start_make_one_token_request() {
    let server = server();
    let tokens = builder(&server).build().unwrap();
    let gate = server.hold(Endpoint::Token);
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let tokens = tokens.clone();
            thread::spawn(move || tokens.token().unwrap().generation().number())
        })
        .collect();
    while tokens.status().waiting < 100 {
        thread::sleep(ms(1));
    }
    gate.release();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 1));
    assert_eq!(server.counts().token_requests, 1);
}

#[test]
fn a_refused_token_is_replaced_and_the_request_replayed_with_its_body() {
    let server = server();
    let (_tokens, api) = settled(&server);
    server.revoke_all();
    let request = http::Request::post(server.resource("/shipments")).body("a parcel").unwrap();
    let answer = api.run(request).unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-evergrant-mock-token"]),
        (200, &"2".parse().unwrap())
    );
    let requests = server.requests();
    let bodies = requests
        .iter()
        .filter(|request| request.endpoint() == Endpoint::Resource)
        .map(evergrant_mock::Recorded::body);
    assert_eq!(bodies.collect::<Vec<_>>(), [b"a parcel", b"a parcel"]);
}

#[test]
fn a_body_that_the_call_takes_over_or_shares_is_replayed_as_one_that_is_borrowed() {
    let shared = bytes::Bytes::from_static(b"a parcel");
    is_replayed(|call| call.body("a parcel".to_owned()).send());
    is_replayed(|call| call.body(b"a parcel".to_vec()).send());
    is_replayed(|call| call.body(shared.clone()).send());
}

fn is_replayed(
    send: impl Fn(evergrant_ureq::RequestBuilder<'_>) -> Result<http::Response<ureq::Body>, ApiError>,
) {
    let server = server();
    let (_tokens, api) = settled(&server);
    server.revoke_all();
    assert_eq!(send(api.post(server.resource("/shipments"))).unwrap().status(), 200);
    let requests = server.requests();
    let sent = requests.iter().filter(|request| request.endpoint() == Endpoint::Resource);
    let sent: Vec<_> = sent.map(evergrant_mock::Recorded::body).collect();
    assert_eq!(sent, [b"a parcel", b"a parcel"]);
    assert!(requests.iter().all(|request| request.header("transfer-encoding").is_none()));
}

#[test]
fn a_body_that_can_be_read_once_is_not_replayed_but_the_refresh_is_set_off() {
    let server = server();
    let (_tokens, api) = settled(&server);
    server.revoke_all();
    let request = http::Request::post(server.resource("/upload")).body("streamed").unwrap();
    assert_eq!(api.run_once(request).unwrap().status(), 401);
    assert_eq!(server.counts().resource_requests, 1);
    assert!(server.wait_for_token_requests(2, LONG));
}

#[test]
fn an_answer_of_any_status_is_an_answer_whatever_the_agent_says() {
    let server = server();
    let (_tokens, api) = settled(&server);
    let down = Fault::status_with_body(503, "text/plain", "down for tea");
    let _down = server.fault(Endpoint::Resource, down, Times::Once);
    let answer = api.run(get(&server.resource("/"))).unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.into_body().read_to_string().unwrap(), "down for tea");
}

#[test]
fn nothing_is_sent_to_an_origin_that_is_not_allowed_and_no_header_is_overwritten() {
    let (ours, other) = (server(), server());
    let (_tokens, api) = settled(&ours);
    for url in [other.resource("/shipments"), ours.resource("/").replace("127.0.0.1", "localhost")] {
        let error = api.run(get(&url)).unwrap_err();
        let origin = url.split('/').nth(2).unwrap();
        assert!(matches!(error, ApiError::Origin(_)) && error.to_string().contains(origin), "{error}");
    }
    let request =
        http::Request::get(ours.resource("/")).header("authorization", "Basic eDp5").body(()).unwrap();
    assert!(matches!(api.run(request).unwrap_err(), ApiError::Authorized));
    assert_eq!((other.counts().resource_requests, ours.counts().resource_requests), (0, 0));
}

#[test]
fn the_token_does_not_follow_a_redirect_to_another_origin() {
    let (ours, other) = (server(), server());
    let (_tokens, api) = settled(&ours);
    let away = Fault::redirect(302, other.resource("/shipments"));
    let _away = ours.fault(Endpoint::Resource, away, Times::Once);
    assert_eq!(api.run(get(&ours.resource("/shipments"))).unwrap().status(), 401);
    assert_eq!(other.requests()[0].header("authorization"), None);
    assert_eq!((ours.counts().token_requests, ours.counts().resource_requests), (1, 1));
}

/// Whoever has seen the token can write it into a `Location`, and ureq would say what is wrong with that.
#[test]
fn no_error_repeats_a_token_that_a_redirect_wrote_into_a_url() {
    let server = server();
    server.set_style(TokenStyle::Opaque);
    let (tokens, api) = settled(&server);
    let held = tokens.token().unwrap();
    let token = held.value().expose();
    for location in [
        format!("/{token}"),
        format!("{token}://x"),
        format!("http://[{token}/"),
        format!("/ {token}"),
        format!("http://a b/{token}"),
        format!("http://[::1/{token}"),
        format!("//{token}:x/"),
    ] {
        let away = server.fault(Endpoint::Resource, Fault::redirect(302, &location), Times::UntilCleared);
        let Err(error) = api.get(server.resource("/shipments")).send() else { panic!("{location}") };
        away.clear();
        let shown = format!("{error:?}");
        let said = format!("{shown} {:#}", anyhow::Error::from(error));
        assert!(!said.contains(token), "{location}: {said}");
    }
}

/// ureq would send an Authorization header to any port of a host, and from http to https: not with a token in it. And who
/// answers where a redirect led has not seen the token, so that it costs none.
// Conforms: A-28
#[test]
fn no_redirect_takes_the_token_along_whatever_the_agent_says() {
    let (ours, other) = (server(), server());
    let tokens = builder(&ours).build().unwrap();
    tokens.ready().unwrap();
    thread::sleep(ms(3));
    let origins = Origins::parse([ours.origin().as_str()]).unwrap();
    let agent = || {
        let config = ureq::Agent::config_builder().redirect_auth_headers(RedirectAuthHeaders::SameHost);
        config.http_status_as_error(false)
    };
    let api = Api::new(agent().build().new_agent(), tokens.clone(), origins.clone());
    let middleware = AuthorizeMiddleware::new(tokens.clone(), origins);
    let agent = agent().middleware(middleware).build().new_agent();
    for target in [other.resource("/elsewhere"), ours.resource("/within")] {
        let away = || ours.fault(Endpoint::Resource, Fault::redirect(302, &target), Times::Once);
        let _once = away();
        assert_eq!(api.run(get(&ours.resource("/shipments"))).unwrap().status(), 401);
        let _once = away();
        assert_eq!(agent.get(ours.resource("/shipments")).call().unwrap().status(), 401);
    }
    for server in [&ours, &other] {
        for request in server.requests().iter().filter(|request| request.path() != "/shipments") {
            let is_token_request = request.endpoint() == Endpoint::Token;
            assert!(is_token_request || request.header("authorization").is_none(), "{request:?}");
        }
    }
    assert_eq!((other.counts().resource_requests, ours.counts().resource_requests), (2, 6));
    assert_eq!(tokens.status().requests, 1, "no token was thrown away");
}

/// A cache, say: it knows of no URL, and ureq has none to tell.
#[test]
fn an_answer_that_another_middleware_made_up_is_an_answer() {
    let server = server();
    let made_up = |_: http::Request<ureq::SendBody>, _: ureq::middleware::MiddlewareNext| {
        Ok(http::Response::builder().status(401).body(ureq::Body::builder().data("made up")).unwrap())
    };
    let agent = ureq::Agent::config_builder().middleware(made_up).build().new_agent();
    let tokens = builder(&server).build().unwrap();
    let api = Api::new(agent, tokens, Origins::parse([server.origin().as_str()]).unwrap());
    let answer = api.run(get(&server.resource("/"))).unwrap();
    assert_eq!(answer.into_body().read_to_string().unwrap(), "made up");
}

#[test]
fn a_carriers_bad_secret_does_not_cost_a_token_and_its_body_is_whole() {
    let server = server();
    server.set_errors(ErrorStyle::MyParcel);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    let tokens =
        Tokens::builder(Client::builder(provider, auth).build().unwrap()).policy(quick()).build().unwrap();
    let api = api(&server, tokens);
    server.set_challenge(Challenge::Foreign);
    let answer = api.run(get(&server.resource("/shipments"))).unwrap();
    assert!(answer.into_body().read_to_string().unwrap().contains("13003"));
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 1));

    let long =
        format!(r#"{{"errors":[{{"status":"401","code":"13003"}}],"padding":"{}"}}"#, "x".repeat(200_000));
    let refused = Fault::status_with_body(401, "application/vnd.api+json", long.clone());
    let _refused = server.fault(Endpoint::Resource, refused, Times::UntilCleared);
    let mut answer = api.run(get(&server.resource("/shipments"))).unwrap();
    assert_eq!(answer.body().mime_type(), Some("application/vnd.api+json"));
    assert_eq!(answer.body_mut().read_to_string().unwrap(), long);
}

#[test]
fn a_users_own_rule_replaces_the_providers() {
    let server = server();
    let (_tokens, api) = settled(&server);
    let api = api.with_verdict(VerdictRule::custom(|answer| match answer.status() {
        403 => Verdict::TokenRefused,
        _ => Verdict::Fine,
    }));
    let _html = server.fault(Endpoint::Resource, Fault::status(403), Times::Once);
    assert_eq!(api.run(get(&server.resource("/"))).unwrap().status(), 200);
    assert_eq!(server.counts().token_requests, 2);
}

// Conforms: L-07
#[test]
fn i25_a_hung_endpoint_lets_each_thread_return_by_its_own_patience() {
    let server = server();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    let tokens = builder(&server).build().unwrap();
    for patience in [20, 1, 5] {
        let error = tokens.token_within(ms(patience)).unwrap_err();
        assert!(matches!(error, Error::TimedOut { last_error: None, .. }), "{error}");
    }
    assert!(matches!(tokens.status().request, RequestStatus::InFlight(_)));
    assert_eq!(server.counts().token_requests, 1);
}

// Conforms: L-03
#[test]
fn nobody_waits_while_a_usable_token_is_held() {
    let server = server();
    let clock = ManualClock::new();
    let tokens = builder(&server).clock(clock.clone()).build().unwrap();
    let first = tokens.token().unwrap().generation();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    clock.advance(secs(3300));
    for _ in 0..10 {
        assert_eq!(tokens.token().unwrap().generation(), first);
    }
    assert!(server.wait_for_token_requests(2, LONG));
}

fn refusal(fault: Fault) -> Refusal {
    let server = server();
    let timeout = evergrant_tests::time_for(&fault);
    let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
    let tokens =
        builder(&server).policy(quick().with_attempt_timeout(timeout)).fail_fast(true).build().unwrap();
    tokens.token().unwrap_err().refusal().unwrap().clone()
}

// Conforms: R-6749-5.2-g, L-28
#[test]
fn what_breaks_on_the_way_is_told_apart() {
    for (fault, expected) in [
        (Fault::Reset, TransportErrorKind::Closed),
        (Fault::CloseBeforeAnswer, TransportErrorKind::Closed),
        (Fault::TruncatedBody, TransportErrorKind::Closed),
        (Fault::Garbage, TransportErrorKind::Protocol),
        (Fault::Hang, TransportErrorKind::Timeout),
        (Fault::SlowBody { per_byte: ms(20) }, TransportErrorKind::Timeout),
    ] {
        let name = format!("{fault:?}");
        let refusal = refusal(fault);
        let Problem::Transport(error) = refusal.problem() else { panic!("{name}: {refusal}") };
        assert_eq!((refusal.class(), error.kind()), (Class::Transient, expected), "{name}: {refusal}");
    }
    for (url, expected) in [
        ("http://127.0.0.1:1/token", TransportErrorKind::Connect),
        ("https://evergrant.invalid/token", TransportErrorKind::Resolve),
    ] {
        let client =
            Client::builder(Provider::rfc6749(url).unwrap(), ClientAuth::post("id", "secret").unwrap());
        let tokens = Tokens::builder(client.build().unwrap()).fail_fast(true).build().unwrap();
        let error = tokens.token().unwrap_err();
        let Some(Problem::Transport(error)) = error.refusal().map(Refusal::problem) else {
            panic!("{error}")
        };
        assert_eq!(error.kind(), expected, "{url}: {error}");
    }
}

#[test]
fn the_servers_words_are_not_lost_to_an_error_status_and_no_redirect_is_followed() {
    let server = server();
    server.rotate_client("somebody", "else");
    let error = builder(&server).build().unwrap().token().unwrap_err();
    assert_eq!(error.refusal().and_then(Refusal::code), Some("invalid_client"));
    let redirected = refusal(Fault::redirect(307, server.token_endpoint()));
    assert_eq!((redirected.class(), redirected.status()), (Class::Permanent, Some(307)));
    assert_eq!(server.counts().token_requests, 1);
}

// Conforms: R-6749-3.2-a, R-6749-4.4.2-b, R-6749-4.4.2-c, R-9110-12.5.3-a, R-9111-b
#[test]
fn the_request_is_exactly_what_it_should_be() {
    let server = server();
    builder(&server).build().unwrap().ready().unwrap();
    let requests = server.requests();
    let request = &requests[0];
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("cache-control", "no-store"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-length", &request.body().len().to_string()),
        ("user-agent", concat!("evergrant/", env!("CARGO_PKG_VERSION"))),
    ] {
        let values: Vec<_> =
            request.headers().iter().filter(|(ours, _)| ours == name).map(|(_, v)| v).collect();
        assert_eq!(values, [value], "{name}");
    }
    assert_eq!((request.method(), request.target()), ("POST", "/access-token"));
    assert_eq!((request.header("cookie"), request.header("transfer-encoding")), (None, None));
    assert_eq!(request.parameter("client_id").as_deref(), Some(Server::CLIENT_ID));
}

#[test]
fn keep_fresh_replaces_the_token_although_nobody_asks_and_returns_with_the_last_source() {
    let server = server();
    server.set_lifetime(ms(400));
    let tokens = builder(&server).build().unwrap();
    let keeping = thread::spawn(tokens.keep_fresh());
    assert!(server.wait_for_token_requests(3, LONG));
    drop(tokens);
    keeping.join().unwrap();
}

#[test]
fn a_token_survives_a_restart_a_rotation_and_a_fixed_one_never_asks() {
    let server = server();
    server.set_style(TokenStyle::Opaque);
    let before = builder(&server).build().unwrap();
    let token = before.token().unwrap();
    let after = builder(&server).build().unwrap();
    assert!(after.restore(before.export().unwrap()));
    assert_eq!(after.token().unwrap().value(), token.value());
    server.rotate_client("second", "other");
    after.rotate(ClientAuth::basic("second", "other").unwrap(), Rotation::Drop);
    assert_ne!(after.token().unwrap().value(), token.value());
    assert_eq!(server.counts().token_requests, 2);

    let fixed = Tokens::fixed("a-token-of-the-test").unwrap();
    assert_eq!(fixed.token().unwrap().value().expose(), "a-token-of-the-test");
    assert_eq!(api(&server, fixed).run(get(&server.resource("/"))).unwrap().status(), 401);
    assert_eq!(server.counts().token_requests, 2);
}

#[test]
fn a_value_is_lent_after_one_request_and_no_borrower_is_called_without_a_token() {
    let server = server();
    let (good, bad) = (builder(&server).build().unwrap(), builder(&server).build().unwrap());
    let lent = good.with_authorization(Clone::clone).unwrap();
    assert_eq!((lent, server.counts().token_requests), (good.authorization().unwrap(), 1));
    server.rotate_client("another", "secret");
    let refused = bad.with_authorization(|value| panic!("lent {value:?}")).map(|()| "lent");
    assert!(matches!(refused, Err(Error::Failed { .. })), "{refused:?}");
}

#[test]
fn nothing_that_is_printed_contains_a_token() {
    let server = server();
    let (tokens, api) = settled(&server);
    let token = server.issued().pop().unwrap();
    let printed = format!(
        "{tokens:?} {api:?} {:?} {:?} {:?} {:?}",
        tokens.token(),
        tokens.status(),
        tokens.authorization(),
        builder(&server)
    );
    assert!(!printed.contains(&token) && !printed.contains(Server::CLIENT_SECRET), "{printed}");
}

#[test]
fn the_middleware_attaches_and_reports_and_the_next_request_has_the_new_token() {
    let (ours, other) = (server(), server());
    let tokens = builder(&ours).build().unwrap();
    tokens.ready().unwrap();
    thread::sleep(ms(3));
    let origins = Origins::parse([ours.origin().as_str()]).unwrap();
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = config.middleware(AuthorizeMiddleware::new(tokens, origins)).build().new_agent();
    assert_eq!(agent.get(ours.resource("/shipments")).call().unwrap().status(), 200);
    ours.revoke_all();
    // It can send only once: the refusal is handed on, and the token replaced.
    assert_eq!(agent.get(ours.resource("/shipments")).call().unwrap().status(), 401);
    assert!(ours.wait_for_token_requests(2, LONG));
    assert_eq!(agent.get(ours.resource("/shipments")).call().unwrap().status(), 200);
    assert_eq!((ours.counts().token_requests, ours.counts().resource_requests), (2, 3));

    let error = agent.get(other.resource("/")).call().unwrap_err();
    assert!(error.to_string().contains("the token may not be sent to"), "{error}");
    let error = agent.get(ours.resource("/")).header("authorization", "Basic eDp5").call().unwrap_err();
    assert!(error.to_string().contains("already has an Authorization header"), "{error}");
    assert_eq!((other.counts().resource_requests, ours.counts().resource_requests), (0, 3));
}
