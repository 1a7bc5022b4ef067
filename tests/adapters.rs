//! One suite, every shell: each scenario of `scenarios.rs` runs on each, and the traces must be equal.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod scenarios;

use bytes::Bytes;
use evergrant_async_std::{AsyncStd, Body, HttpClient, Net, Smol};
use evergrant_tests::{http, install_tls};
use evergrant_tokio_reqwest as tokio_reqwest;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::rt::TokioExecutor;
use scenarios::{Call, Seen, Setup, Shell, Trace};
use std::sync::Arc;
use tower::{Layer as _, ServiceExt as _};

/// What a caller on a shell sees of an error: its kind, and what it says of the token.
macro_rules! seen_error {
    ($adapter:ident, $error:expr) => {
        match $error {
            $adapter::ApiError::Token(error) => Seen::NoToken(error),
            $adapter::ApiError::Origin(_) => Seen::WrongOrigin,
            $adapter::ApiError::Authorized => Seen::AuthorizedAlready,
            other => Seen::Failed(other.to_string()),
        }
    };
}

/// The same through a client of another kind, which boxes what it got.
fn seen_boxed(error: &(dyn std::error::Error + 'static)) -> Seen {
    let mut link = Some(error);
    while let Some(cause) = link {
        if let Some(known) = cause.downcast_ref::<tokio_reqwest::ApiError>() {
            return match known {
                tokio_reqwest::ApiError::Token(error) => Seen::NoToken(error.clone()),
                tokio_reqwest::ApiError::Origin(_) => Seen::WrongOrigin,
                tokio_reqwest::ApiError::Authorized => Seen::AuthorizedAlready,
                other => Seen::Failed(other.to_string()),
            };
        }
        link = cause.source();
    }
    Seen::Failed(error.to_string())
}

// tokio and reqwest

fn tokio_tokens(setup: &Setup) -> tokio_reqwest::Tokens {
    install_tls();
    let builder = tokio_reqwest::Tokens::builder(setup.client.clone()).policy(setup.policy.clone());
    let builder = builder.fail_fast(setup.fail_fast);
    match &setup.clock {
        Some(clock) => builder.clock(clock.clone()).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn reqwest_request(call: &Call) -> reqwest::Request {
    let body = match call.streamed {
        true => reqwest::Body::wrap(Full::new(Bytes::from_static(call.body.as_bytes()))),
        false => call.body.into(),
    };
    let mut request = http().request(call.method.parse().unwrap(), &call.url).body(body);
    if let Some(authorization) = call.authorization {
        request = request.header("authorization", authorization);
    }
    request.build().unwrap()
}

async fn seen(answer: Result<reqwest::Response, Seen>) -> Seen {
    match answer {
        Ok(answer) => Seen::Answer(answer.status().as_u16(), answer.text().await.unwrap()),
        Err(seen) => seen,
    }
}

struct Tokio {
    runtime: tokio::runtime::Runtime,
    api: tokio_reqwest::Api,
}

fn tokio(mut runtime: tokio::runtime::Builder, setup: &Setup) -> Arc<dyn Shell> {
    let api = tokio_reqwest::Api::new(http(), tokio_tokens(setup), setup.origins.clone());
    Arc::new(Tokio { runtime: runtime.enable_all().build().unwrap(), api })
}

impl Shell for Tokio {
    fn call(&self, call: &Call) -> Seen {
        self.runtime.block_on(async {
            let answer = self.api.execute(reqwest_request(call)).await;
            seen(answer.map_err(|error| seen_error!(tokio_reqwest, error))).await
        })
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.api.tokens().rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.api.tokens().status()
    }
}

struct Middleware {
    runtime: tokio::runtime::Runtime,
    client: reqwest_middleware::ClientWithMiddleware,
    tokens: tokio_reqwest::Tokens,
}

fn middleware(setup: &Setup) -> Arc<dyn Shell> {
    let tokens = tokio_tokens(setup);
    let authorize = tokio_reqwest::AuthorizeMiddleware::new(tokens.clone(), setup.origins.clone());
    let client = reqwest_middleware::ClientBuilder::new(http()).with(authorize).build();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    Arc::new(Middleware { runtime, client, tokens })
}

impl Shell for Middleware {
    fn call(&self, call: &Call) -> Seen {
        self.runtime.block_on(async {
            let answer = self.client.execute(reqwest_request(call)).await;
            let failed = |error| match error {
                reqwest_middleware::Error::Middleware(error) => seen_boxed(error.as_ref()),
                reqwest_middleware::Error::Reqwest(error) => Seen::Failed(error.to_string()),
            };
            seen(answer.map_err(failed)).await
        })
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.tokens.rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.tokens.status()
    }
}

fn http_request<B>(call: &Call, body: B) -> ::http::Request<B> {
    let mut request = ::http::Request::builder().method(call.method).uri(&call.url);
    if let Some(authorization) = call.authorization {
        request = request.header("authorization", authorization);
    }
    request.body(body).unwrap()
}

struct Tower {
    runtime: tokio::runtime::Runtime,
    layer: tokio_reqwest::AuthorizeLayer<Full<Bytes>>,
    tokens: tokio_reqwest::Tokens,
    origins: tokio_reqwest::Origins,
}

fn tower(setup: &Setup) -> Arc<dyn Shell> {
    let tokens = tokio_tokens(setup);
    let layer = tokio_reqwest::AuthorizeLayer::new(tokens.clone(), setup.origins.clone());
    let (runtime, origins) = (tokio::runtime::Runtime::new().unwrap(), setup.origins.clone());
    Arc::new(Tower { runtime, layer, tokens, origins })
}

impl Shell for Tower {
    fn call(&self, call: &Call) -> Seen {
        self.runtime.block_on(async {
            let layer = match call.streamed {
                true => tokio_reqwest::AuthorizeLayer::attach_only(self.tokens.clone(), self.origins.clone()),
                false => self.layer.clone(),
            };
            let service = layer.layer(Hyper::builder(TokioExecutor::new()).build_http());
            match service.oneshot(http_request(call, Full::from(call.body))).await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    let body = answer.into_body().collect().await.unwrap().to_bytes();
                    Seen::Answer(status, String::from_utf8(body.to_vec()).unwrap())
                }
                Err(error) => seen_boxed(error.as_ref()),
            }
        })
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.tokens.rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.tokens.status()
    }

    fn looks_into_bodies(&self) -> bool {
        false
    }
}

// async-std and smol

struct Futures<N> {
    api: evergrant_async_std::Api<N>,
    block_on: fn(std::pin::Pin<Box<dyn Future<Output = Seen> + '_>>) -> Seen,
}

fn futures<N: Net>(
    setup: &Setup,
    block_on: fn(std::pin::Pin<Box<dyn Future<Output = Seen> + '_>>) -> Seen,
) -> Arc<dyn Shell> {
    let builder =
        evergrant_async_std::Tokens::<N>::builder(setup.client.clone()).policy(setup.policy.clone());
    let builder = builder.fail_fast(setup.fail_fast);
    let tokens = match &setup.clock {
        Some(clock) => builder.clock(clock.clone()).build(),
        None => builder.build(),
    };
    let api = evergrant_async_std::Api::new(HttpClient::new(), tokens, setup.origins.clone());
    Arc::new(Futures { api, block_on })
}

impl<N: Net> Shell for Futures<N> {
    fn call(&self, call: &Call) -> Seen {
        (self.block_on)(Box::pin(async {
            let body = match call.streamed {
                true => Body::stream(
                    Full::new(Bytes::from_static(call.body.as_bytes())).map_err(|never| match never {}),
                ),
                false => Body::from(call.body),
            };
            match self.api.execute(http_request(call, body)).await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    Seen::Answer(status, answer.into_body().text(1 << 20).await.unwrap())
                }
                Err(error) => seen_error!(evergrant_async_std, error),
            }
        }))
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.api.tokens().rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.api.tokens().status()
    }
}

// ureq

struct Ureq(evergrant_ureq::Api);

fn ureq_tokens(setup: &Setup) -> evergrant_ureq::Tokens {
    let builder = evergrant_ureq::Tokens::builder(setup.client.clone()).policy(setup.policy.clone());
    let builder = builder.fail_fast(setup.fail_fast);
    match &setup.clock {
        Some(clock) => builder.clock(clock.clone()).build(),
        None => builder.build(),
    }
}

fn ureq_seen(answer: ::http::Response<ureq::Body>) -> Seen {
    Seen::Answer(answer.status().as_u16(), answer.into_body().read_to_string().unwrap())
}

impl Shell for Ureq {
    fn call(&self, call: &Call) -> Seen {
        let answer = match (call.method, call.streamed) {
            ("GET", _) => self.0.run(http_request(call, ())),
            (_, false) => self.0.run(http_request(call, call.body)),
            (_, true) => self.0.run_once(http_request(call, call.body)),
        };
        answer.map_or_else(|error| seen_error!(evergrant_ureq, error), ureq_seen)
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.0.tokens().rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.0.tokens().status()
    }
}

struct UreqMiddleware(ureq::Agent, evergrant_ureq::Tokens);

fn ureq_middleware(setup: &Setup) -> Arc<dyn Shell> {
    let tokens = ureq_tokens(setup);
    let authorize = evergrant_ureq::AuthorizeMiddleware::new(tokens.clone(), setup.origins.clone());
    let config = ureq::Agent::config_builder().http_status_as_error(false).middleware(authorize);
    Arc::new(UreqMiddleware(config.build().new_agent(), tokens))
}

impl Shell for UreqMiddleware {
    fn call(&self, call: &Call) -> Seen {
        let answer = match call.method {
            "GET" => self.0.run(http_request(call, ())),
            _ => self.0.run(http_request(call, call.body)),
        };
        match answer {
            Ok(answer) => ureq_seen(answer),
            Err(ureq::Error::Other(error)) => match *error.downcast().unwrap() {
                evergrant_ureq::ApiError::Origin(_) => Seen::WrongOrigin,
                evergrant_ureq::ApiError::Authorized => Seen::AuthorizedAlready,
                evergrant_ureq::ApiError::Token(error) => Seen::NoToken(error),
                other => Seen::Failed(other.to_string()),
            },
            Err(other) => Seen::Failed(other.to_string()),
        }
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.1.rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.1.status()
    }

    fn replays(&self) -> bool {
        false
    }
}

type Mount = fn(&Setup) -> Arc<dyn Shell>;

const SHELLS: [(&str, Mount); 8] = [
    ("tokio, many threads", |setup| tokio(tokio::runtime::Builder::new_multi_thread(), setup)),
    ("tokio, one thread", |setup| tokio(tokio::runtime::Builder::new_current_thread(), setup)),
    ("async-std", |setup| futures::<AsyncStd>(setup, |call| async_std::task::block_on(call))),
    ("smol", |setup| futures::<Smol>(setup, |call| smol::block_on(call))),
    ("ureq", |setup| {
        let origins = setup.origins.clone();
        Arc::new(Ureq(evergrant_ureq::Api::new(ureq::agent(), ureq_tokens(setup), origins)))
    }),
    ("reqwest middleware", middleware),
    ("tower layer", tower),
    ("ureq middleware", ureq_middleware),
];

/// One shell per adapter, where what is tried does not differ between the shells of one.
const ADAPTERS: [usize; 3] = [1, 3, 4];

/// Runs the scenario on every shell: what is seen, by the callers and by the servers, must be the same. And nothing may
/// depend on reading a token (RFC 9068 section 6): the same once more on each adapter, with opaque ones and no hint.
// Conforms: R-9068-a
#[track_caller]
fn on_every_shell(scenario: fn(Mount) -> Trace) {
    let mut first: Option<(&str, Trace)> = None;
    let seeing = SHELLS.map(|(name, mount)| (name, scenario(mount)));
    let blind = ADAPTERS.map(|place| SHELLS[place].1);
    let blind = blind.map(|mount| ("with tokens that nobody reads", scenarios::blind(scenario, mount)));
    for (name, trace) in seeing.into_iter().chain(blind) {
        if trace.is_of_its_own {
            continue;
        }
        match &first {
            None => first = Some((name, trace)),
            Some((reference, expected)) => assert_eq!(&trace, expected, "{name}, compared with {reference}"),
        }
    }
}

macro_rules! suite {
    ($($scenario:ident)*) => {
        $(#[test]
        fn $scenario() {
            on_every_shell(scenarios::$scenario);
        })*
    };
}

suite! {
    a_cold_start_makes_one_request_for_all
    a_refused_token_is_replaced_and_the_body_sent_again
    the_replays_own_refusal_is_handed_on
    invalid_token_at_403_is_a_refused_token
    a_body_that_cannot_be_repeated_is_not_but_the_refresh_is_set_off
    a_carriers_bad_secret_does_not_cost_a_token
    the_token_does_not_follow_a_redirect_to_another_origin
    insufficient_scope_is_handed_on
    a_challenge_for_another_scheme_is_handed_on
    an_error_of_the_api_is_an_answer
    the_header_says_bearer_and_the_token_is_nowhere_else
    every_line_of_a_challenge_is_read_and_its_scope_is_not_asked_for
    each_request_has_a_replay_of_its_own
    a_scope_that_was_granted_in_part_is_told_and_is_no_error
    a_challenge_of_the_token_endpoint_is_an_answer_and_no_other_method_is_tried
    the_error_uri_is_never_fetched
    no_redirect_of_a_token_request_is_followed
    the_query_of_the_token_endpoint_goes_along_byte_for_byte
    a_coded_answer_is_malformed
    an_interim_answer_of_the_token_endpoint_is_skipped
    a_wrong_origin_is_refused_before_anything_is_sent
    a_callers_own_authorization_is_refused_before_anything_is_sent
    a_token_that_just_came_is_given_time_to_settle
    a_transient_failure_is_waited_through
    a_caller_that_fails_fast_takes_the_first_outcome
    a_refused_client_is_told_with_the_servers_words
    a_hung_endpoint_ends_with_the_callers_patience
    a_caller_that_goes_away_in_mid_flight_makes_no_second_request
    nobody_sees_the_endpoint_fail_while_the_token_lives
    fifty_calls_with_a_refused_token_share_one_request
    a_rotation_takes_effect_at_once
    an_answer_without_a_token_is_transient
}
