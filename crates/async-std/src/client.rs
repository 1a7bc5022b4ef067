//! A small HTTP/1.1 client over futures-io: hyper's client connection, rustls, and a pool of idle connections. It follows
//! no redirect and keeps no cookie.

use crate::answer::{Deadline, Streamed};
use crate::body::Body;
use crate::connection::{Connection, Key};
use crate::error::HttpError;
use crate::happy_eyeballs;
use crate::io::Fair;
use crate::net::Net;
use crate::pool::Pool;
use crate::proxy::{self, Proxies, bare};
use evergrant_core::{ConfigError, Excerpt, Origin};
use evergrant_drive::CertifiedKey;
use evergrant_http::proxy::Proxy;
use evergrant_http::{
    TOO_MANY_OPEN_FILES, client_certificate, identity_error, open_files_error, port, tls_error,
};
use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use futures_rustls::rustls::client::Resumption;
use futures_rustls::rustls::pki_types::ServerName;
use futures_rustls::rustls::sign::SingleCertAndKey;
use futures_rustls::rustls::{self, ClientConfig};
use http::header::{HOST, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use http::{Request, Response, Version};
use rustls_platform_verifier::BuilderVerifierExt;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

/// An HTTP/1.1 client. Clones share its connections.
///
/// It connects to the addresses of a name by Happy Eyeballs (RFC 8305): the next is tried when one has not answered for 250 ms,
/// and the first connection is used.
///
/// A connection whose answer was read to its end is kept for another call: at most 32 to one place, 128 in all, for 30 s. Nothing
/// runs in the background, so each call closes what is too old, wherever it leads; while nobody calls, up to 128 stay open
/// until the last clone is dropped. [`without_pool`](Self::without_pool) keeps none.
///
/// The head of an answer may have 256 KiB and 1000 header lines; with the interim answers before it (1xx), 512 KiB.
///
/// It goes through the proxy that the environment named when the client was made ([Proxies](crate#proxies)).
///
/// ```
/// use evergrant_async_std::{Body, HttpClient};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # use story::AsyncStd;
/// # let (server, _) = story::client()?;
/// let http = HttpClient::<AsyncStd>::new();
/// let request = http::Request::get(server.resource("/shipments")).body(Body::empty())?;
/// assert_eq!(http.send(request).await?.status(), 401); // without a token: that is what `Api` is for
/// # Ok(()) }) }
/// ```
#[derive(Clone, Debug)]
pub struct HttpClient<N> {
    net: N,
    proxies: Proxies,
    tls: Tls,
    pool: Option<Pool>,
    timeout: Duration,
}

/// How TLS is spoken: as the program says, or with ring and the platform's roots, loaded when they are first needed.
#[derive(Clone, Default)]
struct Tls(Arc<OnceLock<Arc<ClientConfig>>>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl<N: Net> Default for HttpClient<N> {
    fn default() -> Self {
        Self {
            net: N::default(),
            proxies: Proxies::default(),
            tls: Tls::default(),
            pool: Some(Pool::default()),
            timeout: Duration::from_secs(30),
        }
    }
}

impl<N: Net> HttpClient<N> {
    /// A client with the platform's roots and 30 s for each call.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with TLS as this configuration says: roots, client certificates.
    #[must_use]
    pub fn with_tls(self, config: Arc<ClientConfig>) -> Self {
        // A connection whose server other roots have vouched for is none of its own.
        let pool = self.pool.map(|_| Pool::default());
        Self { tls: Tls(Arc::new(OnceLock::from(config))), pool, ..self }
    }

    /// The same through this proxy, whatever the environment says: `http://user:password@proxy.example:3128`, user and
    /// password percent-encoded, or https. Only a loopback literal is called directly.
    ///
    /// ```
    /// # use story::AsyncStd;
    /// use evergrant_async_std::HttpClient;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// let http = HttpClient::<AsyncStd>::new().with_proxy("http://user:pass%40word@proxy.example:3128")?;
    /// assert!(HttpClient::<AsyncStd>::new().with_proxy("socks5://proxy.example:1080").is_err());
    /// # Ok::<(), evergrant_async_std::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Proxy`]: it is no proxy, or one of SOCKS.
    pub fn with_proxy(self, url: &str) -> Result<Self, ConfigError> {
        Ok(Self { proxies: Proxies::parse(url)?, pool: self.pool.map(|_| Pool::default()), ..self })
    }

    /// The same without a proxy, whatever the environment says.
    #[must_use]
    pub fn without_proxy(self) -> Self {
        Self { proxies: Proxies::Never, pool: self.pool.map(|_| Pool::default()), ..self }
    }

    /// The same without a proxy of the environment.
    pub(crate) fn without_proxy_variables(self) -> Self {
        if self.proxies.is_of_environment() { self.without_proxy() } else { self }
    }

    /// The same with this much time for each call, its body included.
    ///
    /// ```
    /// use evergrant_async_std::{Body, HttpClient, HttpError};
    /// use evergrant_mock::{Endpoint, Fault, Times};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, _) = story::client()?;
    /// let http = HttpClient::<AsyncStd>::new().with_timeout(Duration::from_millis(50));
    /// server.fault(Endpoint::Resource, Fault::Hang, Times::Once);
    /// let request = http::Request::get(server.resource("/shipments")).body(Body::empty())?;
    /// assert!(matches!(http.send(request).await, Err(HttpError::Timeout(_))));
    /// # Ok(()) }) }
    /// ```
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same without keeping connections.
    #[must_use]
    pub fn without_pool(self) -> Self {
        Self { pool: None, ..self }
    }

    /// TLS is set up, which reads the platform's roots unless the program gave its own.
    pub(crate) fn ready(&self) -> Result<(), ConfigError> {
        self.config().map(drop)
    }

    /// The same with this client certificate in place of any other, with the same roots. No TLS session of this client is resumed by it: a
    /// resumed one speaks for the certificate that it began with.
    pub(crate) fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError> {
        let mut config = ClientConfig::clone(&*self.config()?);
        let certified =
            client_certificate(identity.certificates(), identity.key().1, config.crypto_provider());
        let certified = certified.map_err(|error| {
            identity_error(&error).unwrap_or_else(|| ConfigError::HttpClient {
                reason: Excerpt::new(&error.to_string(), &[]).unwrap_or_default(),
            })
        })?;
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        config.resumption = Resumption::default();
        Ok(self.clone().with_tls(Arc::new(config)))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, ConfigError> {
        self.tls.config().map_err(|error| {
            let known = match open_files_error(&error) {
                Some(_) => Excerpt::new(TOO_MANY_OPEN_FILES, &[]),
                None => tls_error(&error).and_then(|known| known.detail().cloned()),
            };
            let reason = known.or_else(|| Excerpt::new(&error.to_string(), &[])).unwrap_or_default();
            ConfigError::HttpClient { reason }
        })
    }

    /// The proxy for this origin, if there is one: it can be used.
    pub(crate) fn routed(&self, origin: &Origin) -> Result<Option<Proxy>, ConfigError> {
        let key = (origin.scheme() == "https", origin.host().to_string(), origin.port());
        self.proxies.on_the_way_to(&key)
    }

    /// Sends the request and waits for the head of the answer; its body is a stream.
    ///
    /// # Errors
    /// No response came. A response is not an error, whatever its status.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, HttpError> {
        let mut deadline: Deadline = self.net.sleep(self.timeout);
        let mut answer = pin!(self.answer(request));
        let (incoming, connection, key) = poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => deadline.as_mut().poll(cx).map(|()| Err(HttpError::Timeout(self.timeout))),
        })
        .await?;
        let home = self.pool.clone().map(|pool| (pool, key));
        let (parts, incoming) = incoming.into_parts();
        let body = Body::answer(Streamed::new(incoming, connection, home, (deadline, self.timeout)));
        Ok(Response::from_parts(parts, body))
    }

    async fn answer(
        &self,
        request: Request<Body>,
    ) -> Result<(Response<hyper::body::Incoming>, Connection, Key), HttpError> {
        let (mut request, key) = on_the_wire(request)?;
        while let Some(mut connection) = self.pool.as_ref().and_then(|pool| pool.take(&key)) {
            match connection.exchange(request).await {
                Ok(answer) => return Ok((answer, connection, key)),
                // The server closed it while it was idle, and saw nothing of the request: another one is tried.
                Err((_, Some(unsent))) => request = unsent,
                Err((error, None)) => return Err(error.into()),
            }
        }
        let mut connection = self.connect(&key).await?;
        match connection.exchange(request).await {
            Ok(answer) => Ok((answer, connection, key)),
            Err((error, _)) => Err(error.into()),
        }
    }

    async fn connect(&self, key: &Key) -> Result<Connection, HttpError> {
        let (secure, host, port) = key;
        let Some(proxy) = self.proxies.on_the_way_to(key)? else {
            return self.speak(*secure, host, Self::dial(host, *port).await?).await;
        };
        let dialled = Self::dial(proxy.host(), proxy.port()).await;
        let stream = dialled.map_err(|error| proxy::blamed(&proxy, error))?;
        let tunnel = proxy::tunnel(&proxy, stream, || self.tls.config(), (host, *port)).await?;
        self.speak(*secure, host, tunnel).await
    }

    /// A TCP connection.
    async fn dial(host: &str, port: u16) -> Result<Fair<N::Stream>, HttpError> {
        Ok(Fair::new(happy_eyeballs::connect::<N>(bare(host), port).await?))
    }

    /// HTTP on this stream, over TLS with the host if it is to be secure.
    async fn speak<S>(&self, secure: bool, host: &str, stream: S) -> Result<Connection, HttpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if !secure {
            return Ok(Connection::open(stream).await?);
        }
        let name = ServerName::try_from(bare(host).to_owned()).map_err(|_| HttpError::Url)?;
        let config = self.tls.config().map_err(|error| HttpError::lacking(error, HttpError::Tls))?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(HttpError::Tls)?;
        Ok(Connection::open(stream).await?)
    }
}

impl Tls {
    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.0.get() {
            return Ok(Arc::clone(config));
        }
        // The provider is named: with two in one program, rustls would panic where none is.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verified = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier);
        // Roots that could not be opened look like none.
        let verified =
            verified.map_err(|error| HttpError::lack_of_files().unwrap_or_else(|| io::Error::other(error)));
        let config = Arc::new(verified?.with_no_client_auth());
        Ok(Arc::clone(self.0.get_or_init(|| config)))
    }
}

/// The request in origin form with a Host header, and where to connect for it.
fn on_the_wire(mut request: Request<Body>) -> Result<(Request<Body>, Key), HttpError> {
    let uri = request.uri();
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(HttpError::Url),
    };
    let host = uri.host().ok_or(HttpError::Url)?.to_owned();
    let named = port(uri).map_err(|_| HttpError::Url)?;
    let port = named.unwrap_or(if secure { 443 } else { 80 });
    let authority = match named {
        Some(port) => format!("{host}:{port}"),
        None => host.clone(),
    };
    // The path of a URL that ends with its authority is `/` (RFC 9112 §3.2.1), also where a query or fragment follows. It
    // is read anew: an empty one says `/`, and is written as nothing.
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let path: PathAndQuery = format!("{slash}{path}").parse().map_err(|_| HttpError::Url)?;
    if !request.headers().contains_key(HOST) {
        let authority = HeaderValue::from_str(&authority).map_err(|_| HttpError::Url)?;
        request.headers_mut().insert(HOST, authority);
    }
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;
    Ok((request, (secure, host, port)))
}

#[cfg(test)]
mod tests;
