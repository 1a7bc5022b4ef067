//! The shells: each adapter on each runtime, and inside each client of another kind, as a thread sees it.

use crate::scenarios::{Call, Seen, Setup, Shell};
use bytes::Bytes;
use evergrant_async_std::{AsyncStd, Body, HttpClient, Net, Smol};
use evergrant_crypto::KeyFile;
use evergrant_tests::{http, install_tls};
use evergrant_tokio_reqwest as tokio_reqwest;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::rt::TokioExecutor;
use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use tower::{Layer as _, ServiceExt as _};
use ureq::config::RedirectAuthHeaders;

/// Who looks at everything that a program on a shell could print, if anybody does.
pub(crate) static OBSERVER: OnceLock<Observer> = OnceLock::new();

pub(crate) struct Observer {
    /// A text that a program could print.
    pub(crate) printed: fn(&str),
    /// A token that a source handed out.
    pub(crate) token: fn(&str),
}

impl Observer {
    pub(crate) fn debug(&self, thing: &dyn Debug) {
        (self.printed)(&format!("{thing:?}\n{thing:#?}"));
    }

    /// An error as programs print it, with every source.
    pub(crate) fn error(&self, error: &(dyn Error + 'static)) {
        let mut link = Some(error);
        while let Some(cause) = link {
            (self.printed)(&format!("{cause}\n{cause:?}\n{cause:#?}"));
            link = cause.source();
        }
    }
}

/// Shows the observer a source of tokens, what it holds, and the rest.
macro_rules! look {
    ($tokens:expr, $($thing:expr),*) => {
        if let Some(observer) = OBSERVER.get() {
            let tokens = $tokens;
            let (token, stored) = (tokens.try_token(), tokens.export());
            if let Some(token) = &token {
                (observer.token)(token.value().expose());
            }
            observer.debug(&(tokens, tokens.status(), token, stored));
            $(observer.debug($thing);)*
        }
    };
}

fn look_at_error(error: &(dyn Error + 'static)) {
    if let Some(observer) = OBSERVER.get() {
        observer.error(error);
    }
}

/// What a caller on a shell sees of an error: its kind, and what it says of the token.
macro_rules! seen_error {
    ($adapter:ident, $error:expr) => {{
        let error = $error;
        look_at_error(&error);
        match error {
            $adapter::ApiError::Token(error) => Seen::NoToken(error),
            error @ $adapter::ApiError::Origin(_) => Seen::WrongOrigin(error.to_string()),
            $adapter::ApiError::Url => Seen::NoUrl,
            $adapter::ApiError::Authorized => Seen::AuthorizedAlready,
            other => Seen::Failed(other.to_string()),
        }
    }};
}

/// The same through a client of another kind, which boxes what it got.
fn seen_boxed(error: &(dyn Error + 'static)) -> Seen {
    look_at_error(error);
    let mut link = Some(error);
    while let Some(cause) = link {
        if let Some(known) = cause.downcast_ref::<tokio_reqwest::ApiError>() {
            return match known {
                tokio_reqwest::ApiError::Token(error) => Seen::NoToken(error.clone()),
                tokio_reqwest::ApiError::Origin(_) => Seen::WrongOrigin(known.to_string()),
                tokio_reqwest::ApiError::Url => Seen::NoUrl,
                tokio_reqwest::ApiError::Authorized => Seen::AuthorizedAlready,
                other => Seen::Failed(other.to_string()),
            };
        }
        link = cause.source();
    }
    Seen::Failed(error.to_string())
}

/// The builder with whatever the client reads for each request.
macro_rules! sourced {
    ($builder:expr, $setup:expr) => {{
        let mut builder = $builder;
        if let Some(place) = &$setup.secret {
            builder = builder.secret(place.clone());
        }
        if let Some(path) = &$setup.key {
            builder = builder.key_source(KeyFile::new(path));
        }
        for (name, place) in &$setup.params {
            builder = builder.param_source(name, place.clone());
        }
        if let Some(store) = $setup.store() {
            builder = builder.store(store);
        }
        builder
    }};
}

// tokio and reqwest

fn tokio_tokens(setup: &Setup) -> tokio_reqwest::Tokens {
    install_tls();
    let builder = tokio_reqwest::Tokens::builder(setup.client.clone()).policy(setup.policy.clone());
    let builder = sourced!(builder.fail_fast(setup.fail_fast), setup);
    match &setup.clock {
        Some(clock) => builder.clock(clock.clone()).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn reqwest_request(call: &Call) -> Result<reqwest::Request, Seen> {
    let body = match call.streamed {
        true => reqwest::Body::wrap(Full::new(Bytes::from_static(call.body.as_bytes()))),
        false => call.body.into(),
    };
    let mut request = http().request(call.method.parse().unwrap(), &call.url).body(body);
    if let Some(authorization) = call.authorization {
        request = request.header("authorization", authorization);
    }
    request.build().map_err(|_| Seen::NoUrl)
}

async fn seen(answer: Result<reqwest::Response, Seen>) -> Seen {
    if let (Some(observer), Ok(answer)) = (OBSERVER.get(), &answer) {
        observer.debug(answer);
    }
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
            let request = match reqwest_request(call) {
                Ok(request) => request,
                Err(seen) => return seen,
            };
            let answer = self.api.execute(request).await;
            look!(self.api.tokens(), &self.api);
            seen(answer.map_err(|error| seen_error!(tokio_reqwest, error))).await
        })
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.api.tokens().rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.api.tokens().status()
    }

    fn flush(&self) {
        self.runtime.block_on(self.api.tokens().flush());
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
            let request = match reqwest_request(call) {
                Ok(request) => request,
                Err(seen) => return seen,
            };
            let answer = self.client.execute(request).await;
            look!(&self.tokens, &self.client);
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

    fn flush(&self) {
        self.runtime.block_on(self.tokens.flush());
    }
}

fn http_request<B>(call: &Call, body: B) -> Result<::http::Request<B>, Seen> {
    let mut request = ::http::Request::builder().method(call.method).uri(&call.url);
    if let Some(authorization) = call.authorization {
        request = request.header("authorization", authorization);
    }
    request.body(body).map_err(|_| Seen::NoUrl)
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
            let request = match http_request(call, Full::from(call.body)) {
                Ok(request) => request,
                Err(seen) => return seen,
            };
            let answer = service.oneshot(request).await;
            look!(&self.tokens, &self.layer);
            match answer {
                Ok(answer) => {
                    look!(&self.tokens, &answer);
                    let status = answer.status().as_u16();
                    let body = answer.into_body().collect().await.unwrap().to_bytes();
                    Seen::Answer(status, String::from_utf8_lossy(&body).into_owned())
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

    fn flush(&self) {
        self.runtime.block_on(self.tokens.flush());
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
    let builder = sourced!(builder.fail_fast(setup.fail_fast), setup);
    let tokens = match &setup.clock {
        Some(clock) => builder.clock(clock.clone()).build(),
        None => builder.build(),
    };
    let tokens = tokens.unwrap();
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
            let request = match http_request(call, body) {
                Ok(request) => request,
                Err(seen) => return seen,
            };
            let answer = self.api.execute(request).await;
            look!(self.api.tokens(), &self.api, &answer);
            match answer {
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

    fn flush(&self) {
        // Whichever runtime: it is woken by its job alone.
        smol::block_on(self.api.tokens().flush());
    }
}

// ureq

struct Ureq(evergrant_ureq::Api);

fn ureq_tokens(setup: &Setup) -> evergrant_ureq::Tokens {
    let builder = evergrant_ureq::Tokens::builder(setup.client.clone()).policy(setup.policy.clone());
    let builder = sourced!(builder.fail_fast(setup.fail_fast), setup);
    let tokens = match &setup.clock {
        Some(clock) => builder.clock(clock.clone()).build(),
        None => builder.build(),
    };
    tokens.unwrap()
}

/// An agent that would send an Authorization header to any port of a host.
fn generous_agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().redirect_auth_headers(RedirectAuthHeaders::SameHost);
    config.build().new_agent()
}

fn ureq_seen(answer: ::http::Response<ureq::Body>) -> Seen {
    // Lossy, as reqwest's own: a packed body is no text.
    let (status, body) = (answer.status().as_u16(), answer.into_body().read_to_vec().unwrap());
    Seen::Answer(status, String::from_utf8_lossy(&body).into_owned())
}

impl Shell for Ureq {
    fn call(&self, call: &Call) -> Seen {
        let (empty, full) = match (http_request(call, ()), http_request(call, call.body)) {
            (Ok(empty), Ok(full)) => (empty, full),
            (Err(seen), _) | (_, Err(seen)) => return seen,
        };
        let answer = match (call.method, call.streamed) {
            ("GET", _) => self.0.run(empty),
            (_, false) => self.0.run(full),
            (_, true) => self.0.run_once(full),
        };
        look!(self.0.tokens(), &self.0, &answer);
        answer.map_or_else(|error| seen_error!(evergrant_ureq, error), ureq_seen)
    }

    fn rotate(&self, auth: tokio_reqwest::ClientAuth, rotation: tokio_reqwest::Rotation) {
        self.0.tokens().rotate(auth, rotation);
    }

    fn status(&self) -> tokio_reqwest::Status {
        self.0.tokens().status()
    }

    fn flush(&self) {
        self.0.tokens().flush();
    }
}

struct UreqMiddleware(ureq::Agent, evergrant_ureq::Tokens);

fn ureq_middleware(setup: &Setup) -> Arc<dyn Shell> {
    let tokens = ureq_tokens(setup);
    let authorize = evergrant_ureq::AuthorizeMiddleware::new(tokens.clone(), setup.origins.clone());
    let config = ureq::Agent::config_builder().http_status_as_error(false).middleware(authorize);
    let config = config.redirect_auth_headers(RedirectAuthHeaders::SameHost);
    Arc::new(UreqMiddleware(config.build().new_agent(), tokens))
}

impl Shell for UreqMiddleware {
    fn call(&self, call: &Call) -> Seen {
        let (empty, full) = match (http_request(call, ()), http_request(call, call.body)) {
            (Ok(empty), Ok(full)) => (empty, full),
            (Err(seen), _) | (_, Err(seen)) => return seen,
        };
        let answer = match call.method {
            "GET" => self.0.run(empty),
            _ => self.0.run(full),
        };
        look!(&self.1, &self.0, &answer);
        if let Err(error) = &answer {
            look_at_error(error);
        }
        match answer {
            Ok(answer) => ureq_seen(answer),
            Err(ureq::Error::Other(error)) => match *error.downcast().unwrap() {
                error @ evergrant_ureq::ApiError::Origin(_) => Seen::WrongOrigin(error.to_string()),
                evergrant_ureq::ApiError::Url => Seen::NoUrl,
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

    fn flush(&self) {
        self.1.flush();
    }

    fn replays(&self) -> bool {
        false
    }
}

pub(crate) type Mount = fn(&Setup) -> Arc<dyn Shell>;

pub(crate) const SHELLS: [(&str, Mount); 8] = [
    ("tokio, many threads", |setup| tokio(tokio::runtime::Builder::new_multi_thread(), setup)),
    ("tokio, one thread", |setup| tokio(tokio::runtime::Builder::new_current_thread(), setup)),
    ("async-std", |setup| futures::<AsyncStd>(setup, |call| async_std::task::block_on(call))),
    ("smol", |setup| futures::<Smol>(setup, |call| smol::block_on(call))),
    ("ureq", |setup| {
        let origins = setup.origins.clone();
        Arc::new(Ureq(evergrant_ureq::Api::new(generous_agent(), ureq_tokens(setup), origins)))
    }),
    ("reqwest middleware", middleware),
    ("tower layer", tower),
    ("ureq middleware", ureq_middleware),
];

/// One shell per adapter, where what is tried does not differ between the shells of one.
pub(crate) const ADAPTERS: [usize; 3] = [1, 3, 4];

/// One shell of each adapter and runtime whose jobs run on while nobody calls.
pub(crate) const FLEETS: [usize; 4] = [0, 2, 3, 4];
