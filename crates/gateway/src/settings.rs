//! A route: which requests it takes, whose token they get, and where they go.

use crate::access::OwnAuthorization;
use crate::arriving::Spoken;
use crate::fields::FieldRules;
use crate::location::Base;
use crate::route::{RoutePath, RoutePathError, Slashes};
use crate::tenants::Tenants;
use crate::upstream::Upstream;
use evergrant_core::Origin;
use evergrant_tokio_reqwest::{Proxy, Tokens};
use http::Method;
use rustls::RootCertStore;
use std::fmt;
use std::iter;
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
    /// Below what links in bodies are changed, if they are.
    pub(crate) links: Option<Arc<[Base]>>,
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
    pub(crate) http2: bool,
    pub(crate) upgrades: Vec<Box<str>>,
    pub(crate) proxy: Option<Proxy>,
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
    /// An https API that asks for a client certificate is shown the one that brought the token, where the source has an identity: the token may be
    /// bound to it (RFC 8705 §3). It goes where the token goes, and a connection that shows it carries no other client's requests.
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
            links: None,
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
            http2: false,
            upgrades: Vec::new(),
            proxy: None,
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

    /// Links in JSON answers get the base that the caller used, if they lead below the upstream or one of these, under which the API is or was
    /// known as well: strings inside a member `links` or `_links` ([`LinkMap`](crate::LinkMap)). Default: they stay.
    ///
    /// The API is then asked for no coding and no range. An answer in a coding, in part, or with a digest (RFC 9530) stays as it is; one
    /// that is changed has no Content-Length.
    pub fn links(mut self, aliases: impl IntoIterator<Item = Upstream>) -> Self {
        let urls = iter::once(self.upstream.clone()).chain(aliases);
        self.links = Some(urls.filter_map(|url| Base::parse(&url.to_string())).collect());
        self.fields.maps_links = true;
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

    /// Whether the API is spoken to in HTTP/2 (RFC 9113), many requests over one connection, as gRPC wants it: over TLS by agreement (ALPN),
    /// else with prior knowledge. Default false: HTTP/1.1.
    pub fn http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }

    /// The protocols that a caller of HTTP/1.1 may go on with (RFC 9110 §7.8), such as `websocket` (RFC 6455). The token is on the request that asks for
    /// it; what follows may outlive the token, as the API decides. Default none: such a request passes as one that asks for nothing, as it does
    /// where the API is spoken to in HTTP/2.
    pub fn upgrades<'a>(mut self, protocols: impl IntoIterator<Item = &'a str>) -> Self {
        self.upgrades = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// The proxy that the API is reached through. Default: none, whatever the environment says: `evergrant_http::proxy::ProxyVariables` reads that.
    ///
    /// It opens a connection to an https API (CONNECT, RFC 9110 §9.3.6, or SOCKS), and sees neither requests nor tokens; requests to an API in the clear are sent to
    /// it whole, unless it speaks SOCKS. A loopback API is never reached through one. The certificate of an https proxy is verified as the API's is.
    pub fn proxy(mut self, proxy: impl Into<Option<Proxy>>) -> Self {
        self.proxy = proxy.into().filter(|_| !self.upstream.origin().is_loopback());
        self
    }

    /// What is spoken to the API.
    pub(crate) const fn speaks(&self) -> Spoken {
        if self.http2 { Spoken::Http2 } else { Spoken::Http1 }
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
