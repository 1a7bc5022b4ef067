//! In somebody else's client: the middleware of reqwest_middleware, and the layer of tower.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use evergrant_mock::{Challenge, Endpoint, ErrorStyle, Fault, Server, Times};
use evergrant_tests::raw::Raw;
use evergrant_tests::{LONG, builder, http, ms, quick, server, tokens};
use evergrant_tokio_reqwest::{
    Api, ApiError, AuthorizeLayer, AuthorizeMiddleware, BoxError, Client, ClientAuth, Origins, Tokens,
    Verdict, VerdictRule, myparcel,
};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tower::{Service, ServiceBuilder, ServiceExt as _};

fn origins(server: &Server) -> Origins {
    Origins::parse([server.origin().as_str()]).unwrap()
}

async fn settled(server: &Server) -> Tokens {
    let tokens = tokens(server);
    tokens.ready().await.unwrap();
    tokio::time::sleep(ms(3)).await;
    tokens
}

fn middleware(server: &Server, tokens: &Tokens) -> ClientWithMiddleware {
    ClientBuilder::new(http()).with(AuthorizeMiddleware::new(tokens.clone(), origins(server))).build()
}

fn hyper() -> Hyper<HttpConnector, Full<Bytes>> {
    Hyper::builder(TokioExecutor::new()).build_http()
}

fn get(url: &str) -> ::http::Request<Full<Bytes>> {
    ::http::Request::get(url).body(Full::default()).unwrap()
}

#[tokio::test]
async fn the_middleware_attaches_the_token_and_replays_once() {
    let server = server();
    let client = middleware(&server, &settled(&server).await);
    assert_eq!(client.get(server.resource("/shipments")).send().await.unwrap().status(), 200);
    server.revoke_all();
    let answer = client.post(server.resource("/shipments")).body("a parcel").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.url().path()), (200, "/shipments"));
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (2, 3));
    assert_eq!(server.requests().last().unwrap().body(), b"a parcel");
}

#[tokio::test]
async fn the_middleware_confines_the_token_to_its_origins() {
    let (ours, other) = (server(), server());
    let client = middleware(&ours, &settled(&ours).await);
    let error = client.get(other.resource("/shipments")).send().await.unwrap_err();
    assert!(error.to_string().contains("the token may not be sent to"), "{error}");
    let request = client.get(ours.resource("/")).header("authorization", "Basic eDp5");
    assert!(request.send().await.unwrap_err().to_string().contains("already has an Authorization header"));
    assert_eq!((other.counts().resource_requests, ours.counts().resource_requests), (0, 0));
}

/// Another middleware around ours, which passes on what it gets.
struct Passing;

#[async_trait::async_trait]
impl Middleware for Passing {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut ::http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn an_error_of_ours_is_found_through_a_stack_and_a_cause_is_said_once_in_its_chain() {
    let server = server();
    server.rotate_client("another", "secret");
    let tokens = builder(&server).fail_fast(true).build().unwrap();
    let ours = AuthorizeMiddleware::new(tokens.clone(), origins(&server));
    let client = ClientBuilder::new(http()).with(Passing).with(ours).with(Passing).build();
    let failed = client.get(server.resource("/shipments")).send().await.unwrap_err();
    let reqwest_middleware::Error::Middleware(error) = &failed else { panic!("{failed:?}") };
    let found = error.downcast_ref::<ApiError>();
    assert!(
        matches!(found, Some(ApiError::Token(error)) if error.cause().unwrap().is_permanent()),
        "{failed:?}"
    );
    let chain = format!("{:#}", anyhow::Error::from(failed));
    assert_eq!(chain.matches("refused with invalid_client").count(), 1, "{chain}");

    let api =
        Api::new(http(), Tokens::fixed("fixed").unwrap(), Origins::parse(["http://127.0.0.1:1"]).unwrap());
    let failed = api.get("http://127.0.0.1:1/").send().await.unwrap_err();
    let error = anyhow::Error::from(failed).context("the import failed");
    assert!(matches!(error.downcast_ref::<ApiError>(), Some(ApiError::Http(error)) if error.is_connect()));
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    assert!(chain.len() > 3 && chain[1] == "the HTTP request failed", "{chain:?}");
    for (place, said) in chain.iter().enumerate() {
        let said_again =
            chain.iter().skip(place + 1).any(|cause| cause.contains(said) || said.contains(cause));
        assert!(!said_again, "{said:?} is said twice: {chain:?}");
    }
}

#[tokio::test]
async fn the_middleware_reads_a_providers_codes_and_puts_the_body_back() {
    let server = server();
    server.set_errors(ErrorStyle::MyParcel);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    let client = Client::builder(provider, auth).build().unwrap();
    let client = middleware(&server, &Tokens::builder(client).policy(quick()).build().unwrap());
    server.set_challenge(Challenge::Foreign);
    let answer = client.get(server.resource("/shipments")).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("13003"));
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 1));
}

#[tokio::test]
async fn without_a_token_the_middleware_says_what_to_do() {
    let server = server();
    server.rotate_client("somebody", "else");
    let client = middleware(&server, &tokens(&server));
    let error = client.get(server.resource("/")).send().await.unwrap_err();
    assert!(error.to_string().contains("check the client id"), "{error}");
}

#[tokio::test]
async fn the_layer_attaches_the_token_and_replays_once() {
    let server = server();
    let layer = AuthorizeLayer::new(settled(&server).await, origins(&server));
    let mut service = ServiceBuilder::new().layer(layer).service(hyper());
    assert_eq!(service.ready().await.unwrap().call(get(&server.resource("/"))).await.unwrap().status(), 200);
    server.revoke_all();
    let body = Full::new(Bytes::from_static(b"a parcel"));
    let request = ::http::Request::post(server.resource("/shipments")).body(body).unwrap();
    let answer = service.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap();
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (2, 3));
    assert_eq!(server.requests().last().unwrap().body(), b"a parcel");
}

/// A service with one permit: what is ready must be used, and asked to be ready again before the replay.
#[tokio::test]
async fn the_layer_replays_through_a_service_that_takes_one_call_at_a_time() {
    let server = server();
    let layer = AuthorizeLayer::new(settled(&server).await, origins(&server));
    let mut service = ServiceBuilder::new().layer(layer).concurrency_limit(1).service(hyper());
    server.revoke_all();
    let answer = service.ready().await.unwrap().call(get(&server.resource("/"))).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(server.counts().resource_requests, 2);
}

#[tokio::test]
async fn a_layer_that_only_attaches_replaces_the_token_and_hands_the_refusal_on() {
    let server = server();
    let layer = AuthorizeLayer::attach_only(settled(&server).await, origins(&server));
    let mut service = ServiceBuilder::new().layer(layer).service(hyper());
    server.revoke_all();
    let answer = service.ready().await.unwrap().call(get(&server.resource("/"))).await.unwrap();
    assert_eq!((answer.status().as_u16(), server.counts().resource_requests), (401, 1));
    while server.counts().token_granted < 2 {
        tokio::time::sleep(ms(1)).await;
    }
    assert_eq!(service.ready().await.unwrap().call(get(&server.resource("/"))).await.unwrap().status(), 200);
}

// Conforms: M-07
#[tokio::test]
async fn the_layer_reads_a_providers_codes_and_puts_the_body_back() {
    let server = server();
    server.set_errors(ErrorStyle::MyParcel);
    server.set_challenge(Challenge::Foreign);
    let tokens = settled(&server).await;
    let layer = AuthorizeLayer::new(tokens, origins(&server)).with_verdict(VerdictRule::MyParcel);
    let mut service = ServiceBuilder::new().layer(layer).service(hyper());
    let answer =
        service.ready().await.unwrap().call(get(&server.resource("/shipments?page=2"))).await.unwrap();
    let length = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert_eq!((answer.body().size_hint().exact(), answer.body().is_end_stream()), (Some(length), false));
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(body.len() as u64 == length && String::from_utf8_lossy(&body).contains("13003"), "{body:?}");
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 1));
}

/// The time of the runtime is one that passes at once; the server sends the beginning of a body, and waits for the client to go.
#[tokio::test]
async fn a_body_that_stalls_is_judged_by_what_came_of_it_and_put_back() {
    let (ours, began) = (server(), r#"{"errors":[{"code":"13003"}]"#);
    let stalls = Raw::serve(move |connection| {
        connection.request();
        connection.send(format!("HTTP/1.1 401 Unauthorized\r\nContent-Length: 1000\r\n\r\n{began}"));
        // Whoever waits for more meets an end, after longer than the test may take.
        connection.stream().set_read_timeout(Some(LONG)).unwrap();
        connection.wait();
    });
    let (tokens, url) = (settled(&ours).await, format!("{}/shipments", stalls.origin()));
    let there = || Origins::parse([&*stalls.origin()]).unwrap();
    tokio::time::pause();
    let start = Instant::now();

    let api = Api::new(http(), tokens.clone(), there()).with_verdict(VerdictRule::MyParcel);
    let mut answer = api.get(&url).send().await.unwrap();
    assert_eq!(
        (answer.status(), answer.chunk().await.unwrap()),
        (401.try_into().unwrap(), Some(began.into()))
    );
    let ours = AuthorizeMiddleware::new(tokens.clone(), there()).with_verdict(VerdictRule::MyParcel);
    let client = ClientBuilder::new(http()).with(ours).build();
    let mut answer = client.get(&url).send().await.unwrap();
    assert_eq!(
        (answer.status(), answer.chunk().await.unwrap()),
        (401.try_into().unwrap(), Some(began.into()))
    );
    let layer = AuthorizeLayer::new(tokens, there()).with_verdict(VerdictRule::MyParcel);
    let answer = ServiceBuilder::new().layer(layer).service(hyper()).oneshot(get(&url)).await.unwrap();
    let status = answer.status();
    let frame = answer.into_body().frame().await.unwrap().unwrap();
    assert_eq!((status, frame.into_data().unwrap()), (401.try_into().unwrap(), began.into()));
    assert_eq!(stalls.connections(), 3, "each was sent once");
    assert!(start.elapsed() < LONG, "the end of the body was waited for");
}

/// A body of frames without bytes, as many as are asked for.
struct Hollow;

impl http_body::Body for Hollow {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::new()))))
    }
}

#[tokio::test]
async fn a_body_of_frames_without_bytes_is_looked_into_for_a_while() {
    let tokens = Tokens::fixed("fixed").unwrap();
    let layer = AuthorizeLayer::new(tokens, Origins::parse(["http://127.0.0.1:1"]).unwrap());
    let inner = tower::service_fn(|_: ::http::Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(::http::Response::builder().status(401).body(Hollow).unwrap())
    });
    let service = ServiceBuilder::new().layer(layer.with_verdict(VerdictRule::MyParcel)).service(inner);
    assert_eq!(service.oneshot(get("http://127.0.0.1:1/")).await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_layer_confines_the_token_and_takes_a_users_own_rule() {
    let (ours, other) = (server(), server());
    let rule = VerdictRule::custom(|answer| match answer.status() {
        403 => Verdict::TokenRefused,
        _ => Verdict::Fine,
    });
    let layer = AuthorizeLayer::new(settled(&ours).await, origins(&ours)).with_verdict(rule);
    let mut service = ServiceBuilder::new().layer(layer.clone()).service(hyper());
    let error: BoxError = service.ready().await.unwrap().call(get(&other.resource("/"))).await.unwrap_err();
    assert!(error.to_string().contains("the token may not be sent to"), "{error}");
    let mut request = get(&ours.resource("/"));
    request.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
    let error = service.ready().await.unwrap().call(request).await.unwrap_err();
    assert!(error.to_string().contains("already has an Authorization header"), "{error}");
    assert_eq!((other.counts().resource_requests, ours.counts().resource_requests), (0, 0));

    let _refused = ours.fault(Endpoint::Resource, Fault::status(403), Times::Once);
    assert_eq!(service.ready().await.unwrap().call(get(&ours.resource("/"))).await.unwrap().status(), 200);
    assert_eq!(ours.counts().token_requests, 2);
    assert!(!format!("{layer:?} {service:?}").contains(&ours.issued()[0]));
}
