//! Each adapter as a thread sees it.

use evergrant_async_std::{AsyncStd, Body, HttpClient, Net, Smol};
use evergrant_tokio_reqwest::{Client, Error, FileSource, Policy, Status, Token};
use std::pin::Pin;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// A source of tokens and an authorized client on one adapter.
pub(crate) trait Shell: Send + Sync {
    fn token(&self) -> Result<Token, Error>;
    fn try_token(&self) -> Option<Token>;
    fn status(&self) -> Status;
    /// The status of an authorized GET.
    fn call(&self, url: &str) -> u16;
}

/// What a source is made of.
pub(crate) struct Setup {
    pub(crate) client: Client,
    pub(crate) policy: Policy,
    pub(crate) fail_fast: bool,
    /// Where its secret or its assertion is, if that is read for each token request.
    pub(crate) source: Option<FileSource>,
}

pub(crate) type Mount = fn(Setup) -> Arc<dyn Shell>;

pub(crate) const SHELLS: [(&str, Mount); 4] = [
    ("tokio-reqwest", tokio),
    ("async-std", |setup| futures::<AsyncStd>(setup, |job| async_std::task::block_on(job))),
    ("smol", |setup| futures::<Smol>(setup, |job| smol::block_on(job))),
    ("ureq", ureq),
];

struct Tokio {
    runtime: Runtime,
    http: reqwest::Client,
    api: evergrant_tokio_reqwest::Api,
}

fn tokio(setup: Setup) -> Arc<dyn Shell> {
    let origins = setup.client.provider().origins().clone();
    let mut builder = evergrant_tokio_reqwest::Tokens::builder(setup.client).policy(setup.policy);
    if let Some(source) = setup.source {
        builder = builder.secret(source);
    }
    let tokens = builder.fail_fast(setup.fail_fast).build().unwrap();
    let http = evergrant_tests::http();
    let api = evergrant_tokio_reqwest::Api::new(http.clone(), tokens, origins);
    Arc::new(Tokio { runtime: Runtime::new().unwrap(), http, api })
}

impl Shell for Tokio {
    fn token(&self) -> Result<Token, Error> {
        self.runtime.block_on(self.api.tokens().token())
    }

    fn try_token(&self) -> Option<Token> {
        self.api.tokens().try_token()
    }

    fn status(&self) -> Status {
        self.api.tokens().status()
    }

    fn call(&self, url: &str) -> u16 {
        self.runtime.block_on(self.api.send(self.http.get(url))).unwrap().status().as_u16()
    }
}

type BlockOn = fn(Pin<Box<dyn Future<Output = ()> + '_>>);

struct Futures<N> {
    api: evergrant_async_std::Api<N>,
    block_on: BlockOn,
}

fn futures<N: Net>(setup: Setup, block_on: BlockOn) -> Arc<dyn Shell> {
    let origins = setup.client.provider().origins().clone();
    let mut builder = evergrant_async_std::Tokens::<N>::builder(setup.client).policy(setup.policy);
    if let Some(source) = setup.source {
        builder = builder.secret(source);
    }
    let tokens = builder.fail_fast(setup.fail_fast).build().unwrap();
    let api = evergrant_async_std::Api::new(HttpClient::new(), tokens, origins);
    Arc::new(Futures { api, block_on })
}

impl<N> Futures<N> {
    fn wait<T>(&self, job: impl Future<Output = T>) -> T {
        let mut done = None;
        (self.block_on)(Box::pin(async { done = Some(job.await) }));
        done.unwrap()
    }
}

impl<N: Net> Shell for Futures<N> {
    fn token(&self) -> Result<Token, Error> {
        self.wait(self.api.tokens().token())
    }

    fn try_token(&self) -> Option<Token> {
        self.api.tokens().try_token()
    }

    fn status(&self) -> Status {
        self.api.tokens().status()
    }

    fn call(&self, url: &str) -> u16 {
        let request = http::Request::get(url).body(Body::empty()).unwrap();
        self.wait(self.api.execute(request)).unwrap().status().as_u16()
    }
}

struct Ureq(evergrant_ureq::Api);

fn ureq(setup: Setup) -> Arc<dyn Shell> {
    let origins = setup.client.provider().origins().clone();
    let mut builder = evergrant_ureq::Tokens::builder(setup.client).policy(setup.policy);
    if let Some(source) = setup.source {
        builder = builder.secret(source);
    }
    let tokens = builder.fail_fast(setup.fail_fast).build().unwrap();
    Arc::new(Ureq(evergrant_ureq::Api::new(::ureq::agent(), tokens, origins)))
}

impl Shell for Ureq {
    fn token(&self) -> Result<Token, Error> {
        self.0.tokens().token()
    }

    fn try_token(&self) -> Option<Token> {
        self.0.tokens().try_token()
    }

    fn status(&self) -> Status {
        self.0.tokens().status()
    }

    fn call(&self, url: &str) -> u16 {
        self.0.run(http::Request::get(url).body(()).unwrap()).unwrap().status().as_u16()
    }
}
