//! A route: which requests it takes, whose token they get, and where they go.

use crate::access::OwnAuthorization;
use crate::fields::FieldRules;
use crate::route::{RoutePath, RoutePathError, Slashes};
use crate::tenants::Tenants;
use crate::upstream::Upstream;
use evergrant_core::Origin;
use evergrant_tokio_reqwest::Tokens;
use http::Method;
use rustls::RootCertStore;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A route: requests to a path, with the tokens of a source, to an API. Clones share the source.
#[derive(Clone)]
#[must_use]
pub struct Route {
    pub(crate) path: RoutePath,
    pub(crate) upstream: Upstream,
    pub(crate) tokens: Lent,
    pub(crate) methods: Vec<Method>,
    pub(crate) callers: Option<Vec<Box<str>>>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) fields: FieldRules,
    pub(crate) authorization: OwnAuthorization,
    pub(crate) on_refused: OnRefused,
    pub(crate) strip: bool,
    pub(crate) via: bool,
    pub(crate) encoded_slash: bool,
    pub(crate) patience: Duration,
    pub(crate) max_body: u64,
    pub(crate) replay_body: usize,
    pub(crate) answer_timeout: Duration,
    pub(crate) roots: Option<Arc<RootCertStore>>,
}

/// Whose tokens the requests of a route get.
#[derive(Clone, Debug)]
pub(crate) enum Lent {
    /// Those of this source.
    Of(Tokens),
    /// Those of the caller's own client.
    Tenants(Tenants),
}

/// What a caller gets when the API refuses the token, and sending again did not help.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnRefused {
    /// An answer of ours: a 401 would make the caller's library ask us for a token.
    #[default]
    Translate,
    /// The API's own.
    Pass,
}

impl Route {
    /// Requests to `path` (with a slash at its end: everything below it; else this path alone) go to `upstream` with a token of
    /// `tokens`. Patience is the gateway's, 20 s, whatever that of the source is.
    ///
    /// # Errors
    /// The path of a route is written plainly.
    pub fn new(path: &str, upstream: Upstream, tokens: Tokens) -> Result<Self, RoutePathError> {
        let rule = tokens.source().shared().verdict_rule();
        let needs_body = (100..600).any(|status| rule.concerns(status) && rule.needs_body(status));
        Self::made(path, upstream, Lent::Of(tokens), needs_body)
    }

    /// The same with the token of the caller's own client: the name of its key picks it. Who has no key, or a key of a name that is no
    /// tenant's, gets 403. Answers come with a coding that can be read here, in case that the rule of a tenant's provider reads their bodies.
    ///
    /// ```no_run
    /// use evergrant_gateway::{Route, Tenants, UnknownTenant, Upstream};
    /// use evergrant_tokio_reqwest::{BoxError, Client, TokensPool};
    ///
    /// # fn read(name: &str) -> Option<Result<Client, BoxError>> { None }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // The name is that of a key: `[a-z0-9][a-z0-9._-]{0,63}`, and so no path.
    /// let client_for = |name: &String| -> Result<Client, BoxError> { read(name).unwrap_or(Err(UnknownTenant.into())) };
    /// let tenants = Tenants::new(TokensPool::builder(client_for).name("tenants").build()?);
    /// let route = Route::tenants("/", Upstream::parse("https://api.example.com/")?, tenants)?;
    /// # drop(route); Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn tenants(path: &str, upstream: Upstream, tenants: Tenants) -> Result<Self, RoutePathError> {
        Self::made(path, upstream, Lent::Tenants(tenants), true)
    }

    fn made(path: &str, upstream: Upstream, tokens: Lent, needs_body: bool) -> Result<Self, RoutePathError> {
        Ok(Self {
            path: RoutePath::parse(path)?,
            upstream,
            tokens,
            methods: [
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
                Method::OPTIONS,
            ]
            .to_vec(),
            callers: None,
            origins: Vec::new(),
            fields: FieldRules { reads_bodies: needs_body, ..FieldRules::default() },
            authorization: OwnAuthorization::Refuse,
            on_refused: OnRefused::default(),
            strip: false,
            via: true,
            encoded_slash: false,
            patience: Duration::from_secs(20),
            max_body: 100 * 1024 * 1024,
            replay_body: 64 * 1024,
            answer_timeout: Duration::from_secs(60),
            roots: None,
        })
    }

    /// The methods that pass. Default GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS. CONNECT, TRACE and TRACK never do.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// The callers that may use it, by the names of their keys. Default: whoever may use the listener.
    pub fn callers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.callers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The origins of pages in a browser that may use it. Default none.
    pub fn origins(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.origins = origins.into_iter().collect();
        self
    }

    /// Whether cookies pass, both ways. Default false.
    pub fn cookies(mut self, cookies: bool) -> Self {
        self.fields.cookies = cookies;
        self
    }

    /// What is done with an `Authorization` of the caller's own. Default: the request is refused.
    pub fn authorization(mut self, authorization: OwnAuthorization) -> Self {
        self.authorization = authorization;
        self
    }

    /// What a caller gets when the API refuses the token. Default: an answer of ours.
    pub fn on_refused(mut self, on_refused: OnRefused) -> Self {
        self.on_refused = on_refused;
        self
    }

    /// Whether the route's own path is taken off before the rest is put after the upstream's. Default false: all of the path is.
    pub fn strip(mut self, strip: bool) -> Self {
        self.strip = strip;
        self
    }

    /// Whether requests say with `Via` that they passed here (RFC 9110 §7.6.3). Default true. An nginx does not compress for those that do
    /// (`gzip_proxied`).
    pub fn via(mut self, via: bool) -> Self {
        self.via = via;
        self
    }

    /// Whether encoded slashes and several in a row pass. Default false, unless the route reaches the whole origin.
    pub fn encoded_slash(mut self, encoded_slash: bool) -> Self {
        self.encoded_slash = encoded_slash;
        self
    }

    /// How long a request waits, for a token and for its turn at the API together. Default 20 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long a request's body may be, in bytes. Default 100 MiB.
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = bytes;
        self
    }

    /// How much of a request's body is kept to send it again, in bytes. Default 64 KiB.
    pub fn replay_body(mut self, bytes: usize) -> Self {
        self.replay_body = bytes;
        self
    }

    /// How long the API may take for the head of its answer. Default 60 s.
    pub fn answer_timeout(mut self, time: Duration) -> Self {
        self.answer_timeout = time;
        self
    }

    /// The certificates that the API's is verified by. Default: the platform's.
    pub fn roots(mut self, roots: Arc<RootCertStore>) -> Self {
        self.roots = Some(roots);
        self
    }

    /// Its path.
    pub const fn path(&self) -> &RoutePath {
        &self.path
    }

    /// Where it leads.
    pub const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The source of its tokens; `None` where each caller has one of its own.
    pub const fn tokens(&self) -> Option<&Tokens> {
        match &self.tokens {
            Lent::Of(tokens) => Some(tokens),
            Lent::Tenants(_) => None,
        }
    }
}

impl Slashes for Route {
    fn may_be_odd(&self) -> bool {
        self.encoded_slash || (self.path.as_str() == "/" && self.upstream.path() == "/")
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("path", &self.path)
            .field("upstream", &self.upstream)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
