//! How a server is started.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use crate::clients::Clients;
use crate::options::{Challenge, ErrorStyle, ExpiresIn, TokenStyle};
use crate::registration::Registration;
use crate::server::Server;
use crate::site::Site;
use crate::state::{Settings, Shared};
use crate::stream::Protocol;
use crate::threads::Threads;
#[cfg(feature = "tls")]
use crate::tls::Offer;
use crate::token::Tokens;
use crate::trust::Trust;

/// How a [`Server`] is started. Every option has a default: see [`Server::builder`].
///
/// ```
/// use evergrant_mock::{Server, TokenStyle};
/// use std::time::Duration;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().lifetime(Duration::from_secs(5)).style(TokenStyle::Opaque).start()?;
/// let answer = ask_for_token(&server)?.body_mut().read_to_string()?;
/// assert!(answer.contains(r#""expires_in":5"#));
/// # Ok(()) }
/// ```
pub struct Builder {
    address: SocketAddr,
    idle_timeout: Duration,
    settings: Settings,
    #[cfg(feature = "tls")]
    tls: Option<Offer>,
}

impl Server {
    /// Starts a server on 127.0.0.1, at a port the system chooses, with every option at its default.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// // Your program asks server.token_endpoint() for a token.
    /// assert_eq!(ask_for_token(&server)?.status(), 200);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the system gives no port, no thread or no randomness.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// A server to be started with other options.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().client("orders", "the-secret-of-orders").start()?;
    /// assert!(server.origin().starts_with("http://127.0.0.1:"));
    /// # Ok(()) }
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            idle_timeout: Duration::from_secs(30),
            settings: Settings {
                clients: Clients::new(Server::CLIENT_ID, Server::CLIENT_SECRET),
                trusts: Vec::new(),
                registrations: Vec::new(),
                site: Site::new(),
                certificate_bound: false,
                // One day, as at MyParcel.com.
                lifetime: Duration::from_secs(86_400),
                style: TokenStyle::default(),
                expires_in: ExpiresIn::default(),
                granted_scope: None,
                errors: ErrorStyle::default(),
                challenge: Challenge::default(),
                token_delay: Duration::ZERO,
                metadata_delay: Duration::ZERO,
                resource_delay: Duration::ZERO,
                clock_offset: 0,
                age: None,
            },
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Where to listen: an address of the loopback; port 0 lets the system choose. Default 127.0.0.1:0.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // For a program whose configuration cannot be changed: the port that it has there.
    /// # let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    /// let server = Server::builder().address(([127, 0, 0, 1], port).into()).start()?;
    /// assert_eq!(server.address().port(), port);
    /// // A server for tests is for this machine alone.
    /// assert!(Server::builder().address(([0, 0, 0, 0], 0).into()).start().is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The credentials that are accepted. With an empty secret, the id alone is.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().client("orders", "the-secret-of-orders").start()?;
    /// assert_eq!(ask_as(&server, "orders", "the-secret-of-orders")?.status(), 200);
    /// assert_eq!(ask_as(&server, "orders", "another")?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        self.settings.clients.set_first(id, secret);
        self
    }

    /// Credentials that are accepted beside those of [`client`](Self::client), for a program with many clients.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as, ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().another_client("orders", "the-secret-of-orders").start()?;
    /// assert_eq!(ask_as(&server, "orders", "the-secret-of-orders")?.status(), 200);
    /// assert_eq!(ask_for_token(&server)?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn another_client(mut self, id: &str, secret: &str) -> Self {
        self.settings.clients.add(id, secret);
        self
    }

    /// A client that authenticates by something else than a secret in the request. Default there is none. A client is
    /// registered once: a second registration of an id takes the place of the first. A secret that the server knows of the
    /// same id is still accepted.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Registration, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as, ask_by_assertion};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (old, new) = (Issuer::new("orders")?, Issuer::new("orders")?);
    /// let keys = format!(r#"{{"keys":[{},{}]}}"#, old.jwk(), new.jwk());
    /// let server = Server::builder().registers(Registration::private_key_jwt("orders", &keys)?).start()?;
    /// for client in [&old, &new] {
    ///     let assertion = client.client_assertion(&server.issuer()).signed()?;
    ///     assert_eq!(ask_by_assertion(&server, &assertion)?.status(), 200);
    /// }
    /// let refusal = ask_as(&server, "orders", "a-secret")?.body_mut().read_to_string()?;
    /// assert!(refusal.contains("the client authenticates by private_key_jwt"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn registers(mut self, registration: Registration) -> Self {
        self.settings.register(registration);
        self
    }

    /// What the server is called (RFC 8414 §2, `issuer`). A text that begins with a slash is a path at its own origin.
    /// Default its origin.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// assert_eq!(Server::start()?.issuer().matches('/').count(), 2);
    /// let server = Server::builder().issuer("/realms/shop").start()?;
    /// assert_eq!(server.issuer(), format!("{}/realms/shop", server.origin()));
    /// let server = Server::builder().issuer("https://login.example.com").start()?;
    /// assert_eq!(server.issuer(), "https://login.example.com");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        issuer.clone_into(&mut self.settings.site.issuer);
        self
    }

    /// Whose assertions authenticate a client, beside the secrets. Default nobody's. Of several, one that accepts an
    /// assertion is enough.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cluster = Issuer::new("https://kubernetes.default.svc")?;
    /// let server = Server::builder().trusts(cluster.trust("https://login.example.com")).start()?;
    /// let token = cluster.service_account("shop", "orders", "https://login.example.com").signed()?;
    /// assert_eq!(ask_by_assertion(&server, &token)?.status(), 200);
    ///
    /// // A token for somebody else is none for us.
    /// let token = cluster.service_account("shop", "orders", "https://kubernetes.default.svc").signed()?;
    /// let refusal = ask_by_assertion(&server, &token)?.body_mut().read_to_string()?;
    /// assert!(refusal.contains("aud of the assertion"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn trusts(mut self, trust: Trust) -> Self {
        self.settings.trusts.push(trust);
        self
    }

    /// The life of tokens. Default one day.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Short enough to see a refresh.
    /// let server = Server::builder().lifetime(Duration::from_millis(1500)).start()?;
    /// let answer = ask_for_token(&server)?.body_mut().read_to_string()?;
    /// assert!(answer.contains(r#""expires_in":2"#)); // whole seconds, rounded up
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.lifetime = lifetime;
        self
    }

    /// The kind of tokens. Default a JWT with fractional times.
    ///
    /// ```
    /// use evergrant_mock::{Server, TokenStyle};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // A program that takes every token for a JWT fails here.
    /// let server = Server::builder().style(TokenStyle::Opaque).start()?;
    /// ask_for_token(&server)?;
    /// assert!(server.issued()[0].starts_with("opaque-"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn style(mut self, style: TokenStyle) -> Self {
        self.settings.style = style;
        self
    }

    /// What token responses say as `expires_in`. Default the true life.
    ///
    /// ```
    /// use evergrant_mock::{ExpiresIn, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().expires_in(ExpiresIn::Omitted).start()?;
    /// let answer = ask_for_token(&server)?.body_mut().read_to_string()?;
    /// assert!(!answer.contains("expires_in"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn expires_in(mut self, expires_in: ExpiresIn) -> Self {
        self.settings.expires_in = expires_in;
        self
    }

    /// How the token endpoint words its refusals. Default as RFC 6749 has it.
    ///
    /// ```
    /// use evergrant_mock::{ErrorStyle, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().errors(ErrorStyle::MyParcel).start()?;
    /// let mut refusal = ask_as(&server, "nobody", "nothing")?;
    /// assert_eq!(refusal.status(), 403);
    /// assert!(refusal.body_mut().read_to_string()?.contains(r#""code":"14000""#));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn errors(mut self, errors: ErrorStyle) -> Self {
        self.settings.errors = errors;
        self
    }

    /// What the resource API answers to a token it does not accept. Default as RFC 6750 has it.
    ///
    /// ```
    /// use evergrant_mock::{Challenge, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().challenge(Challenge::None).start()?;
    /// let refusal = call_api(&server, "not-a-token")?;
    /// assert_eq!(refusal.status(), 401);
    /// assert!(!refusal.headers().contains_key("www-authenticate"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        self.settings.challenge = challenge;
        self
    }

    /// The server's clock: so many seconds ahead of the system's, or behind it. Default 0. It can be set later, too:
    /// [`Server::set_clock_offset`].
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().clock_offset(-20_000_000_000).start()?;
    /// assert_eq!(ask_for_token(&server)?.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn clock_offset(mut self, seconds: i64) -> Self {
        self.settings.clock_offset = seconds;
        self
    }

    /// How long a connection may be silent before the server closes it, and how long a client may take to read before
    /// it is given up. Default 30 s; 1 ms at least. A short one shows what a client does with a pooled connection that
    /// closes under it.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().idle_timeout(Duration::from_millis(20)).start()?;
    /// ask_for_token(&server)?;
    /// std::thread::sleep(Duration::from_millis(50));
    /// // Connections that your program kept are closed by now: does it make a new one?
    /// assert_eq!(ask_for_token(&server)?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        // A socket takes no timeout of zero.
        self.idle_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the address is not a loopback address: the token endpoint would be open to
    /// the network. Otherwise when the system gives no port, no thread or no randomness.
    pub fn start(mut self) -> io::Result<Server> {
        if !self.address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a mock server listens on loopback only",
            ));
        }
        let tokens = Tokens::new().map_err(|_| io::Error::other("the system gives no randomness"))?;
        let listener = TcpListener::bind(self.address)?;
        let protocol = self.protocol()?;
        let scheme = match protocol {
            Protocol::Plain => "http",
            #[cfg(feature = "tls")]
            Protocol::Tls(_) => "https",
        };
        self.settings.site.origin = format!("{scheme}://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new(self.settings, tokens));
        let threads = Threads::start(listener, Arc::clone(&shared), protocol, self.idle_timeout)?;
        Ok(Server::new(shared, threads))
    }
}

#[cfg(feature = "tls")]
impl Builder {
    /// Speaks TLS, 1.2 and 1.3, with the certificates in this PEM, the server's own first, and this key in PEM. The
    /// [`origin`](Server::origin) is then `https://127.0.0.1:PORT`.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    /// let server = Server::builder().tls(&own.cert.pem(), &own.signing_key.serialize_pem()).start()?;
    /// assert_eq!(server.token_endpoint(), format!("https://{}/access-token", server.address()));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tls(mut self, chain: &str, key: &str) -> Self {
        self.tls = Some(Offer { chain: chain.to_owned(), key: key.to_owned() });
        self
    }

    /// Asks each client for a certificate, which it need not have; any is taken until a request says who asks. To be used with
    /// [`tls`](Self::tls). The metadata then has `mtls_endpoint_aliases`, whose token endpoint is the same one at another path
    /// (RFC 8705 §5): [`Server::mtls_token_endpoint`].
    ///
    /// ```
    /// use evergrant_mock::{Registration, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    /// let client = rcgen::generate_simple_self_signed(["orders".to_owned()])?;
    /// let server = Server::builder()
    ///     .tls(&own.cert.pem(), &own.signing_key.serialize_pem())
    ///     .asks_for_certificates()
    ///     .registers(Registration::self_signed_tls_client_auth("orders", &client.cert.pem())?)
    ///     .start()?;
    /// // Your program shows the certificate at one of these, with client_id=orders and nothing else:
    /// let alias = server.mtls_token_endpoint().ok_or("no client is asked")?;
    /// assert_eq!(alias, format!("{}/mtls/access-token", server.origin()));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn asks_for_certificates(mut self) -> Self {
        self.settings.site.asks_for_certificates = true;
        self
    }

    /// Binds tokens to the certificate that a client shows (RFC 8705 §3) also where it authenticates by a secret or an
    /// assertion. Default only where it authenticates by the certificate.
    #[must_use]
    pub fn certificate_bound_tokens(mut self) -> Self {
        self.settings.certificate_bound = true;
        self
    }

    fn protocol(&self) -> io::Result<Protocol> {
        match &self.tls {
            Some(offer) => {
                Ok(Protocol::Tls(Arc::new(offer.config(self.settings.site.asks_for_certificates)?)))
            }
            None if self.settings.site.asks_for_certificates => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "clients are asked for certificates over TLS only",
            )),
            None => Ok(Protocol::Plain),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Builder {
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "with TLS there is more to it")]
    fn protocol(&self) -> io::Result<Protocol> {
        Ok(Protocol::Plain)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("address", &self.address)
            .field("client_id", &self.settings.clients.first())
            .field("lifetime", &self.settings.lifetime)
            .field("style", &self.settings.style)
            .finish_non_exhaustive()
    }
}
