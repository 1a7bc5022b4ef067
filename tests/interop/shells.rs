//! Each adapter as a thread sees it.

use crate::clocks::OwnClock;
use evergrant_async_std::{AsyncStd, Body, HttpClient, Net, Smol};
use evergrant_crypto::KeyFile;
use evergrant_tests::LONG;
use evergrant_tests::transports::{reqwest_trusting, tls_config, ureq_trusting};
use evergrant_tokio_reqwest::{
    CertifiedKey, Client, ClientAuth, Error, FileSource, Identity, Observer, Policy, Rotation, Status,
    Thumbprint, Token,
};
use rustls::pki_types::CertificateDer;
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
    /// Throws the token away: the next call makes another request.
    fn forget(&self);
    /// The certificate of the next token requests, once it is another than this one.
    fn identity_changed(&self, after: Option<Thumbprint>) -> CertifiedKey;
}

/// What a source is made of.
pub(crate) struct Setup {
    pub(crate) client: Client,
    pub(crate) policy: Policy,
    pub(crate) fail_fast: bool,
    /// Where its secret or its assertion is, if that is read for each token request.
    pub(crate) source: Option<FileSource>,
    /// Where the key is that signs its assertions.
    pub(crate) key: Option<KeyFile>,
    /// Where its certificate is.
    pub(crate) identity: Option<Identity>,
    /// Whom token requests trust in place of the platform's authorities.
    pub(crate) root: Option<CertificateDer<'static>>,
    pub(crate) clock: Option<OwnClock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Setup {
    /// That, and nothing else.
    pub(crate) const fn new(client: Client, policy: Policy) -> Self {
        Self {
            client,
            policy,
            fail_fast: false,
            source: None,
            key: None,
            identity: None,
            root: None,
            clock: None,
            observer: None,
        }
    }
}

/// The builders have the same methods, and no trait.
macro_rules! prepared {
    ($builder:expr, $setup:expr) => {{
        let mut builder = $builder.policy($setup.policy).fail_fast($setup.fail_fast);
        if let Some(source) = $setup.source {
            builder = builder.secret(source);
        }
        if let Some(key) = $setup.key {
            builder = builder.key_source(key);
        }
        if let Some(identity) = $setup.identity {
            builder = builder.identity(identity);
        }
        if let Some(clock) = $setup.clock {
            builder = builder.clock(clock);
        }
        if let Some(observer) = $setup.observer {
            builder = builder.observer(observer);
        }
        builder
    }};
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
    auth: ClientAuth,
}

fn tokio(setup: Setup) -> Arc<dyn Shell> {
    let (origins, auth) = (setup.client.provider().origins().clone(), setup.client.auth().clone());
    let mut builder = prepared!(evergrant_tokio_reqwest::Tokens::builder(setup.client), setup);
    if let Some(root) = setup.root {
        builder = builder.http_each(move || reqwest_trusting(&root));
    }
    let tokens = builder.build().unwrap();
    let http = evergrant_tests::http();
    let api = evergrant_tokio_reqwest::Api::new(http.clone(), tokens, origins);
    Arc::new(Tokio { runtime: Runtime::new().unwrap(), http, api, auth })
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

    fn forget(&self) {
        self.api.tokens().rotate(self.auth.clone(), Rotation::Drop);
    }

    fn identity_changed(&self, after: Option<Thumbprint>) -> CertifiedKey {
        self.runtime.block_on(self.api.tokens().identity_changed(after)).unwrap()
    }
}

type BlockOn = fn(Pin<Box<dyn Future<Output = ()> + '_>>);

struct Futures<N> {
    api: evergrant_async_std::Api<N>,
    auth: ClientAuth,
    block_on: BlockOn,
}

fn futures<N: Net>(setup: Setup, block_on: BlockOn) -> Arc<dyn Shell> {
    let (origins, auth) = (setup.client.provider().origins().clone(), setup.client.auth().clone());
    let mut builder = prepared!(evergrant_async_std::Tokens::<N>::builder(setup.client), setup);
    if let Some(root) = setup.root {
        builder = builder.http(HttpClient::new().with_tls(tls_config(&root)));
    }
    let tokens = builder.build().unwrap();
    let api = evergrant_async_std::Api::new(HttpClient::new(), tokens, origins);
    Arc::new(Futures { api, auth, block_on })
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

    fn forget(&self) {
        self.api.tokens().rotate(self.auth.clone(), Rotation::Drop);
    }

    fn identity_changed(&self, after: Option<Thumbprint>) -> CertifiedKey {
        self.wait(self.api.tokens().identity_changed(after)).unwrap()
    }
}

struct Ureq {
    api: evergrant_ureq::Api,
    auth: ClientAuth,
}

fn ureq(setup: Setup) -> Arc<dyn Shell> {
    let (origins, auth) = (setup.client.provider().origins().clone(), setup.client.auth().clone());
    let mut builder = prepared!(evergrant_ureq::Tokens::builder(setup.client), setup);
    if let Some(root) = setup.root {
        builder = builder.http(ureq_trusting(&root));
    }
    let tokens = builder.build().unwrap();
    Arc::new(Ureq { api: evergrant_ureq::Api::new(::ureq::agent(), tokens, origins), auth })
}

impl Shell for Ureq {
    fn token(&self) -> Result<Token, Error> {
        self.api.tokens().token()
    }

    fn try_token(&self) -> Option<Token> {
        self.api.tokens().try_token()
    }

    fn status(&self) -> Status {
        self.api.tokens().status()
    }

    fn call(&self, url: &str) -> u16 {
        self.api.run(http::Request::get(url).body(()).unwrap()).unwrap().status().as_u16()
    }

    fn forget(&self) {
        self.api.tokens().rotate(self.auth.clone(), Rotation::Drop);
    }

    fn identity_changed(&self, after: Option<Thumbprint>) -> CertifiedKey {
        self.api.tokens().identity_changed(after, LONG).unwrap().unwrap()
    }
}
