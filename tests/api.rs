//! The authorized client: attaching a token, exactly.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Challenge, Endpoint, ErrorStyle, Fault, Server, Times};
use evergrant_tests::{api, builder, http, ms, quick, secs, server, tokens};
use evergrant_tokio_reqwest::core::Answer;
use evergrant_tokio_reqwest::{
    Api, ApiError, AuthorizeMiddleware, Client, ClientAuth, ManualClock, Origins, RequestStatus, Tokens,
    Verdict, VerdictRule, myparcel,
};

fn get(url: &str) -> reqwest::Request {
    reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap())
}

/// A source whose token is here and has settled.
async fn settled(server: &Server) -> (Tokens, Api) {
    let tokens = tokens(server);
    tokens.ready().await.unwrap();
    tokio::time::sleep(ms(3)).await;
    let api = api(server, &tokens);
    (tokens, api)
}

/// A client of MyParcel.com, whose servers the mock plays.
fn myparcel_tokens(server: &Server) -> Tokens {
    server.set_errors(ErrorStyle::MyParcel);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Tokens::builder(Client::builder(provider, auth).build().unwrap()).policy(quick()).build().unwrap()
}

// Conforms: R-6750-2.1-a
#[tokio::test]
async fn the_token_is_attached_as_a_bearer_token() {
    let server = server();
    let (tokens, api) = settled(&server).await;
    let answer = api.send(http().get(server.resource("/shipments?page=2"))).await.unwrap();
    assert_eq!(answer.status(), 200);
    let request =
        server.requests().into_iter().find(|request| request.endpoint() == Endpoint::Resource).unwrap();
    let token = tokens.try_token().unwrap();
    assert_eq!(request.header("authorization").unwrap(), format!("Bearer {}", token.value().expose()));
    assert_eq!(request.target(), "/shipments?page=2");
    assert!(tokens.authorization().await.unwrap().is_sensitive());
}

// Conforms: R-9700-b
#[tokio::test]
async fn nothing_is_sent_to_an_origin_that_is_not_allowed() {
    let (ours, other) = (server(), server());
    let (_tokens, api) = settled(&ours).await;
    for url in [
        other.resource("/shipments"),
        ours.resource("/").replace("127.0.0.1", "localhost"),
        ours.resource("/").replace("http://", "https://"),
        "https://127.0.0.1.example.com/".into(),
    ] {
        let error = api.execute(get(&url)).await.unwrap_err();
        let origin = url.split('/').nth(2).unwrap();
        assert!(matches!(error, ApiError::Origin(_)) && error.to_string().contains(origin), "{url}: {error}");
    }
    assert_eq!((other.counts().resource_requests, ours.counts().resource_requests), (0, 0));
}

#[tokio::test]
async fn a_callers_own_authorization_is_an_error_and_is_not_overwritten() {
    let server = server();
    let (_tokens, api) = settled(&server).await;
    let request = http().get(server.resource("/")).header("authorization", "Basic eDp5");
    let error = api.send(request).await.unwrap_err();
    assert!(matches!(error, ApiError::Authorized), "{error}");
    assert_eq!(server.counts().resource_requests, 0);
}

#[tokio::test]
async fn the_token_does_not_follow_a_redirect_to_another_origin() {
    let (ours, other) = (server(), server());
    let (_tokens, api) = settled(&ours).await;
    let away = Fault::redirect(307, other.resource("/shipments"));
    let _away = ours.fault(Endpoint::Resource, away, Times::Once);
    let answer = api.execute(get(&ours.resource("/shipments"))).await.unwrap();
    // The other origin answers 401, which says nothing about our token: nothing is rejected, nothing replayed.
    assert_eq!(answer.status(), 401);
    assert_eq!(other.requests()[0].header("authorization"), None);
    assert_eq!((ours.counts().token_requests, ours.counts().resource_requests), (1, 1));
}

/// Whoever has seen the token can write it into a `Location`, and what reqwest says of that has the URL in it.
#[tokio::test]
async fn no_error_repeats_a_token_that_a_redirect_wrote_into_a_url() {
    let server = server();
    let (tokens, api) = settled(&server).await;
    let held = tokens.token().await.unwrap();
    let token = held.value().expose();
    let origins = Origins::parse([server.origin().as_str()]).unwrap();
    let middleware = AuthorizeMiddleware::new(tokens, origins);
    let stack = reqwest_middleware::ClientBuilder::new(http()).with(middleware).build();
    for location in [format!("/{token}"), format!("data:{token}"), format!("http://127.0.0.1:1/{token}")] {
        let away = server.fault(Endpoint::Resource, Fault::redirect(302, &location), Times::UntilCleared);
        let failed = api.get(server.resource("/shipments")).send().await.unwrap_err();
        let passed_on = stack.get(server.resource("/shipments")).send().await.unwrap_err();
        away.clear();
        for error in [anyhow::Error::from(failed), anyhow::Error::from(passed_on)] {
            let said = format!("{error:#} {error:?}");
            assert!(!said.contains(token), "{location}: {said}");
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_request_replayed_once_with_its_body() {
    let server = server();
    let (_tokens, api) = settled(&server).await;
    server.revoke_all();
    let answer = api.send(http().post(server.resource("/shipments")).body("a parcel")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-evergrant-mock-token"], "2");
    let sent: Vec<_> =
        server.requests().into_iter().filter(|request| request.endpoint() == Endpoint::Resource).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|request| request.body() == b"a parcel"));
}

// Conforms: M-15, L-16
#[tokio::test]
async fn a_request_is_sent_three_times_at_most_and_the_last_refusal_is_handed_on() {
    let server = server();
    let tokens = builder(&server).policy(quick().with_settle(ms(400))).build().unwrap();
    let api = api(&server, &tokens);
    let _wrong = server.fault(Endpoint::Resource, Fault::status(401), Times::Next(3));
    assert_eq!(api.execute(get(&server.resource("/"))).await.unwrap().status(), 401);
    assert_eq!((server.counts().resource_requests, server.counts().token_requests), (3, 2));
    // The next request has replays of its own.
    assert_eq!(api.execute(get(&server.resource("/"))).await.unwrap().status(), 200);
}

/// A body that can be read once.
fn stream() -> reqwest::Body {
    struct Once(Option<bytes::Bytes>);
    impl http_body::Body for Once {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
            std::task::Poll::Ready(self.0.take().map(|data| Ok(http_body::Frame::data(data))))
        }
    }
    reqwest::Body::wrap(Once(Some(bytes::Bytes::from_static(b"streamed"))))
}

#[tokio::test]
async fn a_body_that_cannot_be_repeated_is_not_replayed_but_the_refresh_is_set_off() {
    let server = server();
    let (tokens, api) = settled(&server).await;
    server.revoke_all();
    let answer = api.send(http().post(server.resource("/upload")).body(stream())).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(server.counts().resource_requests, 1);
    // Nobody asks for a token: the request is on its way all the same.
    while server.counts().token_granted < 2 {
        tokio::time::sleep(ms(1)).await;
    }
    tokens.ready().await.unwrap();
    assert_eq!(server.counts().token_requests, 2);
}

#[tokio::test]
async fn a_token_that_just_came_is_given_time_to_settle_before_its_replay() {
    let server = server();
    let tokens = builder(&server).policy(quick().with_settle(ms(400))).build().unwrap();
    let api = api(&server, &tokens);
    // Not valid yet at the resource server, then valid.
    let _early = server.fault(Endpoint::Resource, Fault::status(401), Times::Once);
    assert_eq!(api.execute(get(&server.resource("/"))).await.unwrap().status(), 200);
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 2));
}

#[tokio::test]
async fn a_token_that_settles_later_than_the_callers_patience_is_not_waited_for() {
    let server = server();
    let clock = ManualClock::new();
    let policy = quick().with_settle(secs(10)).with_patience(secs(5));
    let tokens = builder(&server).policy(policy).clock(clock).build().unwrap();
    let api = api(&server, &tokens);
    let _early = server.fault(Endpoint::Resource, Fault::status(401), Times::Once);
    assert_eq!(api.execute(get(&server.resource("/"))).await.unwrap().status(), 401);
    assert_eq!(server.counts().resource_requests, 1);
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_token_is_handed_on() {
    let server = server();
    let (_tokens, api) = settled(&server).await;
    let _proxy = server.fault(Endpoint::Resource, Fault::status(407), Times::Once);
    assert_eq!(api.execute(get(&server.resource("/"))).await.unwrap().status(), 407);
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 1));
}

#[tokio::test]
async fn the_lesson_of_13003_a_carriers_bad_secret_does_not_cost_a_token() {
    let server = server();
    let tokens = myparcel_tokens(&server);
    let api = api(&server, &tokens);
    server.set_challenge(Challenge::Foreign);
    let answer = api.execute(get(&server.resource("/shipments"))).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().contains("13003"), "the body is whole");
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 1));
}

// Conforms: M-06
#[tokio::test]
async fn a_myparcel_401_without_a_challenge_replaces_the_token() {
    let server = server();
    let tokens = myparcel_tokens(&server);
    let api = api(&server, &tokens);
    tokens.ready().await.unwrap();
    tokio::time::sleep(ms(3)).await;
    server.set_challenge(Challenge::MyParcel);
    server.revoke_all();
    assert_eq!(api.execute(get(&server.resource("/shipments"))).await.unwrap().status(), 200);
    assert_eq!(server.counts().token_requests, 2);
}

/// reqwest forgets the URL when an answer is rebuilt.
#[tokio::test]
async fn an_answer_whose_body_was_looked_at_is_put_back_whole() {
    let server = server();
    let tokens = myparcel_tokens(&server);
    let api = api(&server, &tokens);
    let body =
        format!(r#"{{"errors":[{{"status":"401","code":"13003"}}],"padding":"{}"}}"#, "x".repeat(200_000));
    let refused = Fault::status_with_body(401, "application/vnd.api+json", body.clone());
    let _refused = server.fault(Endpoint::Resource, refused, Times::UntilCleared);
    let url = server.resource("/shipments?x=1");
    let answer = api.execute(get(&url)).await.unwrap();
    assert_eq!(answer.url().as_str(), url);
    assert_eq!(answer.version(), reqwest::Version::HTTP_11);
    assert_eq!(answer.remote_addr(), Some(server.address()));
    assert_eq!(answer.headers()["content-type"], "application/vnd.api+json");
    assert_eq!(answer.content_length(), Some(body.len() as u64));
    // Longer than the 64 KiB that are looked at: without a readable code it is the token's, so there was a replay.
    assert_eq!(answer.text().await.unwrap(), body);
}

// Conforms: Q-45
#[tokio::test]
async fn a_users_own_rule_replaces_the_providers() {
    let server = server();
    let (_tokens, api) = settled(&server).await;
    let rule = VerdictRule::custom(|answer: &Answer<'_>| match answer.status() {
        403 => Verdict::TokenRefused,
        _ => Verdict::Fine,
    });
    let api = api.with_verdict(rule);
    let _html = server.fault(Endpoint::Resource, Fault::status(403), Times::Once);
    assert_eq!(api.execute(get(&server.resource("/"))).await.unwrap().status(), 200);
    assert_eq!(server.counts().token_requests, 2);
}

// Conforms: L-25
#[tokio::test]
async fn the_pending_requests_wait_for_a_slow_server_and_leave_with_the_new_token() {
    let server = server();
    let (tokens, api) = settled(&server).await;
    server.revoke_all();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Next(2));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (api, request) = (api.clone(), get(&server.resource("/shipments")));
            tokio::spawn(async move { api.execute(request).await.unwrap().status().as_u16() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(server.counts().token_requests, 4);
    assert!(matches!(tokens.status().request, RequestStatus::Idle));
}

#[tokio::test]
async fn no_token_at_all_is_an_error_that_says_what_to_do() {
    let server = server();
    server.rotate_client("somebody", "else");
    let tokens = tokens(&server);
    let error = api(&server, &tokens).execute(get(&server.resource("/"))).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ApiError::Token(_)) && text.contains("invalid_client"), "{text}");
    assert!(text.contains("check the client id"), "{text}");
    assert_eq!(server.counts().resource_requests, 0);
}
