//! How a server is started.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use crate::options::{Challenge, ErrorStyle, ExpiresIn, TokenStyle};
use crate::server::Server;
use crate::state::{Settings, Shared};
use crate::threads::Threads;
use crate::token::Tokens;

/// How a [`Server`] is started. Every option has a default: see [`Server::builder`].
pub struct Builder {
    address: SocketAddr,
    idle_timeout: Duration,
    settings: Settings,
}

impl Server {
    /// Starts a server on 127.0.0.1, at a port the system chooses, with every option at its default.
    ///
    /// # Errors
    /// When the system gives no port, no thread or no randomness.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// A server to be started with other options.
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
                client_id: Server::CLIENT_ID.to_owned(),
                client_secret: Server::CLIENT_SECRET.to_owned(),
                // One day, as at MyParcel.com.
                lifetime: Duration::from_secs(86_400),
                style: TokenStyle::default(),
                expires_in: ExpiresIn::default(),
                granted_scope: None,
                errors: ErrorStyle::default(),
                challenge: Challenge::default(),
                token_delay: Duration::ZERO,
                resource_delay: Duration::ZERO,
                clock_offset: 0,
            },
        }
    }

    /// Where to listen: an address of the loopback; port 0 lets the system choose. Default 127.0.0.1:0.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The credentials that are accepted. With an empty secret, the id alone is.
    #[must_use]
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        id.clone_into(&mut self.settings.client_id);
        secret.clone_into(&mut self.settings.client_secret);
        self
    }

    /// The life of tokens. Default one day.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.lifetime = lifetime;
        self
    }

    /// The kind of tokens. Default a JWT with fractional times.
    #[must_use]
    pub fn style(mut self, style: TokenStyle) -> Self {
        self.settings.style = style;
        self
    }

    /// What token responses say as `expires_in`. Default the true life.
    #[must_use]
    pub fn expires_in(mut self, expires_in: ExpiresIn) -> Self {
        self.settings.expires_in = expires_in;
        self
    }

    /// How the token endpoint words its refusals. Default as RFC 6749 has it.
    #[must_use]
    pub fn errors(mut self, errors: ErrorStyle) -> Self {
        self.settings.errors = errors;
        self
    }

    /// What the resource API answers to a token it does not accept. Default as RFC 6750 has it.
    #[must_use]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        self.settings.challenge = challenge;
        self
    }

    /// How long a connection may be silent before the server closes it, and how long a client may take to read before
    /// it is given up. Default 30 s; 1 ms at least. A short one shows what a client does with a pooled connection that
    /// closes under it.
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
    pub fn start(self) -> io::Result<Server> {
        if !self.address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a mock server listens on loopback only",
            ));
        }
        let tokens = Tokens::new().map_err(|_| io::Error::other("the system gives no randomness"))?;
        let listener = TcpListener::bind(self.address)?;
        let shared = Arc::new(Shared::new(self.settings, tokens));
        let threads = Threads::start(listener, Arc::clone(&shared), self.idle_timeout)?;
        Ok(Server::new(shared, threads))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("address", &self.address)
            .field("client_id", &self.settings.client_id)
            .field("lifetime", &self.settings.lifetime)
            .field("style", &self.settings.style)
            .finish_non_exhaustive()
    }
}
