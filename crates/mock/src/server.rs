//! The server: told what to do, asked what happened, stopped.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::fault::{Endpoint, Fault, Times};
use crate::handle::{FaultHandle, Gate};
use crate::log::{Counts, Recorded};
use crate::options::{Challenge, ErrorStyle, ExpiresIn, TokenStyle};
use crate::registration::Registration;
use crate::state::Shared;
use crate::threads::Threads;
use crate::trust::Trust;

/// An authorization server and a resource API on loopback. Dropping it stops it.
///
/// Everything may be changed while it runs; what is set holds for requests that arrive from then on.
///
/// - commands: `set_*`, [`register`](Self::register), [`move_token_endpoint`](Self::move_token_endpoint),
///   [`fault`](Self::fault), [`clear_faults`](Self::clear_faults), [`hold`](Self::hold),
///   [`revoke`](Self::revoke), [`revoke_all`](Self::revoke_all), [`rotate_client`](Self::rotate_client),
///   [`add_client_secret`](Self::add_client_secret),
///   [`refuse_credential_until_changed`](Self::refuse_credential_until_changed), [`reset_counts`](Self::reset_counts)
/// - waits: [`wait_for_token_requests`](Self::wait_for_token_requests), [`wait_for`](Self::wait_for)
/// - getters: the rest
///
/// ```
/// use evergrant_mock::Server;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token, call_api};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// ask_for_token(&server)?;
/// let token = server.issued().remove(0);
/// assert_eq!(call_api(&server, &token)?.status(), 200);
///
/// server.revoke_all();
/// assert_eq!(call_api(&server, &token)?.status(), 401);
/// assert_eq!(server.counts().resource_refused, 1);
/// # Ok(()) }
/// ```
///
/// # Blocking
/// Dropping waits until every thread has ended. Connections are cut first, those that hang, are held or are slow too,
/// so that this takes milliseconds; after 5 s it gives up waiting.
pub struct Server {
    shared: Arc<Shared>,
    threads: Threads,
}

impl Server {
    /// The client id that is accepted unless [`Builder::client`](crate::Builder::client) says another.
    pub const CLIENT_ID: &str = "evergrant-mock-client";
    /// The client secret that is accepted unless [`Builder::client`](crate::Builder::client) says another.
    pub const CLIENT_SECRET: &str = "evergrant-mock-secret";

    pub(crate) fn new(shared: Arc<Shared>, threads: Threads) -> Self {
        Self { shared, threads }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The address it listens at.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// assert!(server.address().ip().is_loopback());
    /// # Ok(()) }
    /// ```
    pub fn address(&self) -> SocketAddr {
        self.threads.address()
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end; over TLS `https://127.0.0.1:PORT`.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// assert_eq!(server.origin(), format!("http://127.0.0.1:{}", server.address().port()));
    /// # Ok(()) }
    /// ```
    pub fn origin(&self) -> String {
        self.shared.lock().settings.site.origin.clone()
    }

    /// The URL of the token endpoint.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// assert_eq!(server.token_endpoint(), format!("{}/access-token", server.origin()));
    /// # Ok(()) }
    /// ```
    pub fn token_endpoint(&self) -> String {
        self.shared.lock().settings.site.token_endpoint()
    }

    /// The other URL of the token endpoint, for clients with a certificate (RFC 8705 §5), if clients are asked for one.
    pub fn mtls_token_endpoint(&self) -> Option<String> {
        self.shared.lock().settings.site.mtls_token_endpoint()
    }

    /// What the server is called (RFC 8414 §2, `issuer`), and what the `aud` of a client's own assertion is:
    /// [`Builder::issuer`](crate::Builder::issuer).
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// assert_eq!(server.issuer(), server.origin());
    /// # Ok(()) }
    /// ```
    pub fn issuer(&self) -> String {
        self.shared.lock().settings.site.issuer()
    }

    /// The URL of a resource. The path begins with a slash.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// assert_eq!(server.resource("/orders?page=2"), format!("{}/orders?page=2", server.origin()));
    /// # Ok(()) }
    /// ```
    pub fn resource(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// The life of tokens issued from now on. Fractions of a second count.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token, call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_lifetime(Duration::from_millis(10));
    /// ask_for_token(&server)?;
    /// std::thread::sleep(Duration::from_millis(20));
    /// assert_eq!(call_api(&server, &server.issued()[0])?.status(), 401);
    /// # Ok(()) }
    /// ```
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.shared.lock().settings.lifetime = lifetime;
    }

    /// The kind of tokens issued from now on.
    ///
    /// ```
    /// use evergrant_mock::{Server, TokenStyle};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_style(TokenStyle::Sticky); // the same token again, until it ends
    /// ask_for_token(&server)?;
    /// ask_for_token(&server)?;
    /// assert_eq!(server.issued().len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn set_style(&self, style: TokenStyle) {
        self.shared.lock().settings.style = style;
    }

    /// What token responses say as `expires_in`, whatever the life of the token is.
    ///
    /// ```
    /// use evergrant_mock::{ExpiresIn, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_expires_in(ExpiresIn::raw("\"3600\"")); // a number within quotation marks
    /// let answer = ask_for_token(&server)?.body_mut().read_to_string()?;
    /// assert!(answer.contains(r#""expires_in":"3600""#));
    /// # Ok(()) }
    /// ```
    pub fn set_expires_in(&self, expires_in: ExpiresIn) {
        self.shared.lock().settings.expires_in = expires_in;
    }

    /// The scope that is granted, whatever is asked for; None grants what is asked for, and `*` when nothing is.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_granted_scope(Some("orders.read")); // less than your program asks for
    /// let answer = ask_for_token(&server)?.body_mut().read_to_string()?;
    /// assert!(answer.contains(r#""scope":"orders.read""#));
    /// # Ok(()) }
    /// ```
    pub fn set_granted_scope(&self, scope: Option<&str>) {
        self.shared.lock().settings.granted_scope = scope.map(str::to_owned);
    }

    /// How the token endpoint words its refusals.
    ///
    /// ```
    /// use evergrant_mock::{ErrorStyle, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_errors(ErrorStyle::MyParcel);
    /// assert_eq!(ask_as(&server, "nobody", "nothing")?.status(), 403);
    /// # Ok(()) }
    /// ```
    pub fn set_errors(&self, errors: ErrorStyle) {
        self.shared.lock().settings.errors = errors;
    }

    /// What the resource API answers to a token it does not accept.
    ///
    /// ```
    /// use evergrant_mock::{Challenge, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token, call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// ask_for_token(&server)?;
    /// // A 401 that is not about the token: does your program ask for tokens without end?
    /// server.set_challenge(Challenge::ForeignScheme);
    /// let refusal = call_api(&server, &server.issued()[0])?;
    /// assert_eq!(refusal.headers()["www-authenticate"], r#"Basic realm="upstream""#);
    /// # Ok(()) }
    /// ```
    pub fn set_challenge(&self, challenge: Challenge) {
        self.shared.lock().settings.challenge = challenge;
    }

    /// How long each ordinary answer of an endpoint is kept before it is sent. It is decided before that: the life of a
    /// token runs meanwhile. Faults are not delayed.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Server};
    /// use std::time::{Duration, Instant};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_delay(Endpoint::Token, Duration::from_millis(50));
    /// let before = Instant::now();
    /// ask_for_token(&server)?;
    /// assert!(before.elapsed() >= Duration::from_millis(50));
    /// # Ok(()) }
    /// ```
    pub fn set_delay(&self, on: Endpoint, delay: Duration) {
        let settings = &mut self.shared.lock().settings;
        match on {
            Endpoint::Token => settings.token_delay = delay,
            Endpoint::Metadata => settings.metadata_delay = delay,
            Endpoint::Resource => settings.resource_delay = delay,
        }
    }

    /// Sets the server's clock: so many seconds ahead of the system's, or behind it. The `Date` header, the times in
    /// tokens and the end of their life go by it, that of tokens issued before too.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token, call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().lifetime(Duration::from_secs(3600)).start()?;
    /// ask_for_token(&server)?;
    /// server.set_clock_offset(3601); // its clock is an hour ahead, and the token has expired
    /// assert_eq!(call_api(&server, &server.issued()[0])?.status(), 401);
    /// # Ok(()) }
    /// ```
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.lock().settings.clock_offset = seconds;
    }

    /// The `Age` header (RFC 9111 §5.1) of the token endpoint's answers, in seconds; None leaves it out. `Date` stays what the
    /// server's clock says: for an answer that comes from a cache, set the clock as many seconds behind.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_age(Some(120));
    /// server.set_clock_offset(-120);
    /// assert_eq!(ask_for_token(&server)?.headers()["age"], "120");
    /// # Ok(()) }
    /// ```
    pub fn set_age(&self, seconds: Option<u64>) {
        self.shared.lock().settings.age = seconds;
    }

    /// The credentials accepted from now on, and no others. Tokens issued before stay good. With an empty secret, the
    /// id alone is accepted.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as, ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.rotate_client("orders", "the-new-secret");
    /// assert_eq!(ask_for_token(&server)?.status(), 401);
    /// assert_eq!(ask_as(&server, "orders", "the-new-secret")?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn rotate_client(&self, id: &str, secret: &str) {
        self.shared.lock().settings.clients.set_only(id, secret);
    }

    /// A secret that is accepted from this client beside its others, as while secrets are rotated. An id that is unknown
    /// is a client from now on.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as, ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.add_client_secret(Server::CLIENT_ID, "the-new-secret");
    /// assert_eq!(ask_for_token(&server)?.status(), 200);
    /// assert_eq!(ask_as(&server, Server::CLIENT_ID, "the-new-secret")?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn add_client_secret(&self, id: &str, secret: &str) {
        self.shared.lock().settings.clients.add(id, secret);
    }

    /// The only secret that is accepted from this client from now on; other clients keep theirs. An id that is unknown is a
    /// client from now on.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as, ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_client_secret(Server::CLIENT_ID, "the-new-secret");
    /// assert_eq!(ask_for_token(&server)?.status(), 401);
    /// assert_eq!(ask_as(&server, Server::CLIENT_ID, "the-new-secret")?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn set_client_secret(&self, id: &str, secret: &str) {
        self.shared.lock().settings.clients.set(id, secret);
    }

    /// Registers a client, in the place of another registration of the same id: its keys were replaced.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (old, new) = (Issuer::new("orders")?, Issuer::new("orders")?);
    /// let server = Server::builder().registers(old.registration()).start()?;
    /// server.register(new.registration());
    /// let of = |client: &Issuer| client.client_assertion(&server.issuer()).signed();
    /// assert_eq!(ask_by_assertion(&server, &of(&old)?)?.status(), 401);
    /// assert_eq!(ask_by_assertion(&server, &of(&new)?)?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn register(&self, registration: Registration) {
        self.shared.lock().settings.register(registration);
    }

    /// Calls the server something else from now on, as [`Builder::issuer`](crate::Builder::issuer) does.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.set_issuer("/realms/shop");
    /// assert_eq!(server.issuer(), format!("{}/realms/shop", server.origin()));
    /// # Ok(()) }
    /// ```
    pub fn set_issuer(&self, issuer: &str) {
        issuer.clone_into(&mut self.shared.lock().settings.site.issuer);
    }

    /// Puts the token endpoint at another path from now on, which begins with a slash; where it was, the answer is 404. The
    /// metadata says where it is.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_metadata, ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.move_token_endpoint("/oauth/token");
    /// assert_eq!(server.token_endpoint(), format!("{}/oauth/token", server.origin()));
    /// assert!(ask_for_metadata(&server)?.body_mut().read_to_string()?.contains("/oauth/token"));
    /// assert_eq!(ask_for_token(&server)?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn move_token_endpoint(&self, path: &str) {
        self.shared.lock().settings.site.move_token_endpoint(path);
    }

    /// Whose assertions authenticate a client from now on, and nobody else's.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (old, new) = (Issuer::new("https://issuer.example.com")?, Issuer::new("https://issuer.example.com")?);
    /// let server = Server::builder().trusts(old.trust("me")).start()?;
    /// server.set_trust(new.trust("me")); // the issuer has another key
    /// let of = |issuer: &Issuer| issuer.assertion().sub("orders").aud("me").signed();
    /// assert_eq!(ask_by_assertion(&server, &of(&old)?)?.status(), 401);
    /// assert_eq!(ask_by_assertion(&server, &of(&new)?)?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn set_trust(&self, trust: Trust) {
        self.shared.lock().settings.trusts = vec![trust];
    }

    /// Refuses what each client sends from now on, with `invalid_client`, until it sends another text: for a secret or
    /// an assertion in a file that is replaced while your program runs.
    ///
    /// The secret or assertion that a client sends first is refused each time it comes. The first other secret is
    /// accepted, whatever it is, and is the client's only one from then on; another assertion is accepted when it passes
    /// its checks. [`set_client_secret`](Self::set_client_secret) and [`rotate_client`](Self::rotate_client) end it for
    /// their client.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as, ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.refuse_credential_until_changed();
    /// assert_eq!(ask_for_token(&server)?.status(), 401);
    /// assert_eq!(ask_for_token(&server)?.status(), 401);
    /// // Now the file with the secret changes. Does your program send what it says?
    /// assert_eq!(ask_as(&server, Server::CLIENT_ID, "what the file says now")?.status(), 200);
    /// assert_eq!(server.counts().token_invalid_client, 2);
    /// # Ok(()) }
    /// ```
    pub fn refuse_credential_until_changed(&self) {
        self.shared.lock().settings.clients.refuse_until_changed();
    }

    /// Revokes one token. One that was never issued is no error.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token, call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// ask_for_token(&server)?;
    /// ask_for_token(&server)?;
    /// let tokens = server.issued();
    /// server.revoke(&tokens[0]);
    /// assert_eq!(call_api(&server, &tokens[0])?.status(), 401);
    /// assert_eq!(call_api(&server, &tokens[1])?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn revoke(&self, token: &str) {
        self.shared.lock().tokens.revoke(token);
    }

    /// Revokes every token issued until now, those on their way to a client too.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token, call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// ask_for_token(&server)?;
    /// server.revoke_all();
    /// assert_eq!(call_api(&server, &server.issued()[0])?.status(), 401);
    /// # Ok(()) }
    /// ```
    pub fn revoke_all(&self) {
        self.shared.lock().tokens.revoke_all();
    }

    /// Lets a fault strike requests that arrive from now on. Of several, the oldest that applies strikes: faults set
    /// one after the other with [`Times::Once`] are a script.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// // A script: first 503, then a redirect, then all is well again.
    /// server.fault(Endpoint::Token, Fault::status_with_retry_after(503, "1"), Times::Once);
    /// server.fault(Endpoint::Token, Fault::redirect(302, "https://login.example.com/"), Times::Once);
    ///
    /// let statuses = [(); 3].map(|()| ask_for_token(&server).map(|answer| answer.status().as_u16()));
    /// assert!(matches!(statuses, [Ok(503), Ok(302), Ok(200)]));
    /// # Ok(()) }
    /// ```
    pub fn fault(&self, on: Endpoint, fault: Fault, times: Times) -> FaultHandle {
        FaultHandle::new(Arc::clone(&self.shared), on, fault, times)
    }

    /// Takes every fault back. What has struck already, a [`Fault::Hang`] say, goes on.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.fault(Endpoint::Token, Fault::status(500), Times::UntilCleared);
    /// assert_eq!(ask_for_token(&server)?.status(), 500);
    /// server.clear_faults();
    /// assert_eq!(ask_for_token(&server)?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Holds back the answers of an endpoint to requests that arrive from now on, until the gate is released or dropped.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Server};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// let gate = server.hold(Endpoint::Token);
    /// let (one, other) = std::thread::scope(|scope| {
    ///     let callers = [(); 2].map(|()| scope.spawn(|| ask_for_token(&server)));
    ///     // Both have asked and have no answer: what does the rest of your program do meanwhile?
    ///     assert!(gate.wait_for_held(2, Duration::from_secs(5)));
    ///     gate.release();
    ///     let [one, other] = callers.map(|caller| caller.join());
    ///     (one, other)
    /// });
    /// # assert!(one.is_ok_and(|answer| answer.is_ok()) && other.is_ok_and(|answer| answer.is_ok()));
    /// # Ok(()) }
    /// ```
    pub fn hold(&self, on: Endpoint) -> Gate {
        Gate::new(Arc::clone(&self.shared), on)
    }

    /// How often what happened.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_as, ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// ask_for_token(&server)?;
    /// ask_as(&server, "nobody", "nothing")?;
    /// let counts = server.counts();
    /// assert_eq!((counts.token_requests, counts.token_granted, counts.token_refused), (2, 1, 1));
    /// # Ok(()) }
    /// ```
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Sets every count to zero, and the deepest concurrency to that of this moment. The log stays.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// ask_for_token(&server)?; // what the test needs first
    /// server.reset_counts();
    /// ask_for_token(&server)?; // what it is about
    /// assert_eq!((server.counts().token_requests, server.requests().len()), (1, 2));
    /// # Ok(()) }
    /// ```
    pub fn reset_counts(&self) {
        self.shared.lock().reset_counts();
    }

    /// The log: requests in the order of their arrival. It keeps the last 100 000, and 64 MiB of them at most; see
    /// [`requests_dropped`](Self::requests_dropped).
    ///
    /// What is no HTTP/1 request, or passes a bound of it, is answered with 400, 413, 431 or 501, closed, and neither
    /// logged nor counted.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token, call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// ask_for_token(&server)?;
    /// call_api(&server, &server.issued()[0])?;
    ///
    /// let requests = server.requests();
    /// assert_eq!(requests[0].parameter("grant_type").as_deref(), Some("client_credentials"));
    /// assert_eq!((requests[1].method(), requests[1].target()), ("GET", "/things"));
    /// assert!(requests[1].header("authorization").is_some_and(|value| value.starts_with("Bearer ")));
    /// # Ok(()) }
    /// ```
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().log.entries()
    }

    /// How many requests the log has dropped to keep its bounds.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// assert_eq!(server.requests_dropped(), 0, "requests() is the whole log");
    /// # Ok(()) }
    /// ```
    pub fn requests_dropped(&self) -> u64 {
        self.shared.lock().log.dropped()
    }

    /// The access tokens issued so far, each once, oldest first; the last 100 000 of them. Older ones are refused.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// let answer = ask_for_token(&server)?.body_mut().read_to_string()?;
    /// assert!(answer.contains(&server.issued()[0]));
    /// # Ok(()) }
    /// ```
    pub fn issued(&self) -> Vec<String> {
        self.shared.lock().tokens.texts()
    }

    /// Waits until at least `n` requests have arrived at the token endpoint, since the start or the last
    /// [`reset_counts`](Self::reset_counts); false when that took longer than `within`.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// # std::thread::scope(|scope| {
    /// // Another thread, or another program, asks at some time.
    /// # scope.spawn(|| ask_for_token(&server));
    /// assert!(server.wait_for_token_requests(1, Duration::from_secs(5)));
    /// # });
    /// # Ok(()) }
    /// ```
    ///
    /// # Blocking
    /// For `within` at most.
    #[must_use]
    pub fn wait_for_token_requests(&self, n: u64, within: Duration) -> bool {
        self.wait_for(within, |counts| counts.token_requests >= n)
    }

    /// Waits until the counts are as wanted; false when that took longer than `within`.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{call_api};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// # std::thread::scope(|scope| {
    /// // Another thread, or another program, calls the API with an old token.
    /// # scope.spawn(|| call_api(&server, "an-old-token"));
    /// assert!(server.wait_for(Duration::from_secs(5), |counts| counts.resource_refused == 1));
    /// # });
    /// # Ok(()) }
    /// ```
    ///
    /// # Blocking
    /// For `within` at most. The condition is called under the server's lock: it must not call the server.
    #[must_use]
    pub fn wait_for(&self, within: Duration, mut wanted: impl FnMut(&Counts) -> bool) -> bool {
        self.shared.wait_until(within, |state| wanted(&state.counts))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
