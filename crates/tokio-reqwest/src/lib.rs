//! An access token that always works, for tokio and reqwest.
//!
//! [`Tokens`] is the source: it asks for a token with the OAuth 2.0 client credentials grant (RFC 6749 §4.4), keeps it,
//! and replaces it before it ends while the old one is still used. [`Api`] is an authorized HTTP client over the
//! program's own `reqwest::Client`.
//!
//! ```no_run
//! use evergrant_tokio_reqwest::{Api, Client, ClientAuth, Origins, Tokens, myparcel};
//!
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = ClientAuth::post("my-client-id", &std::env::var("MYPARCEL_CLIENT_SECRET")?)?;
//! let provider = myparcel::sandbox();
//! let origins = provider.origins().clone();
//! let tokens = Tokens::new(Client::builder(provider, auth).build()?)?;
//! let api = Api::new(reqwest::Client::new(), tokens, origins);
//! let shipments = api.get("https://api.sandbox.myparcel.com/shipments").send().await?;
//! println!("{}", shipments.text().await?);
//! # Ok(()) }
//! ```
//!
//! # Middleware
//! The feature `middleware` has `AuthorizeMiddleware` for `reqwest_middleware`, and `tower` has `AuthorizeLayer` for services of
//! `http` requests, such as hyper-util's client: each attaches, rejects and replays as [`Api`] does.
//!
//! # Names
//! The types that the signatures here name are at the root. All of evergrant-core is in the module [`core`], for the
//! details of an error or of the machine. Import names, not `*`: a glob would hide the standard library's `core`.
//!
//! # Examples
//! In the examples of this crate `server` is a `Server` of the crate `evergrant-mock`, an authorization server and an API on loopback,
//! `client` is a [`Client`] of it, `tokens` a source, and `api` an authorized HTTP client. A program of your own says its own URLs
//! instead.
//!
//! # Errors
//! Each says in one sentence what happened and what to do: print it with `{error}`. [Why was my call refused](_why_refused) lists
//! them all, with what to answer to your own callers.
//!
//! # Logs
//! What happens to a source is reported through the crate `tracing`, with the target `evergrant`: at INFO each token
//! request with its reason, each token with its life, each token that a resource server refused, each rotation; at WARN
//! what failed, with its cause, a scope that was not granted, a secret that is easily guessed; at DEBUG what came too late.
//! No event holds a secret.
//!
//! # The runtime
//! A token request runs on the runtime of the caller that waits for it, with its timers and its sockets: build it with
//! `enable_all`. A held token is available on any thread. On a runtime without timers or sockets a token request is an
//! error that says what is missing: tokio panics there, and the panic is caught. A program whose panics abort ends.
//!
//! # Limits
//! Of the response to a token request at most 256 KiB of body are read, 1000 lines of headers, folded ones among them (RFC 9112
//! §5.2), and 400 KiB of head. Interim responses (1xx, RFC 9110 §15.2) are skipped; reqwest has no bound for them but the time:
//! `attempt_timeout` ends the request, however many come. The program's own client, which [`Api`] calls through, has reqwest's
//! own limits: no folded lines and 100 lines, unless its builder says otherwise.
//!
//! # Proxies
//! A token request goes through the proxy that the environment names: `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` or
//! `all_proxy`, unless `NO_PROXY` or `no_proxy` lists the token endpoint (a name means itself and all names below it,
//! `*.name` only those below it; addresses, networks, `host:port`, `*`). All of evergrant's adapters read the variables in
//! the same way. A variable that cannot be read is a [`ConfigError`] of [`TokensBuilder::build`], never a direct
//! connection. A loopback literal never goes through a proxy. If none of the variables is set, reqwest uses the proxy of
//! the system's settings (its feature `system-proxy`). Proxies with `socks4`, `socks4a`, `socks5` and `socks5h` need the
//! feature `socks`.
//!
//! [`TokensBuilder::proxy`] names another one, or none.
//!
//! An HTTP client given to [`TokensBuilder::http`], or [`TransportBuilder::http`], keeps its own proxies, and does not say which they are: unless it has a `proxy` or
//! `no_proxy()`, reqwest reads the variables its own way, without `*.name` and `host:port` in `NO_PROXY`, and ignores what
//! it cannot read; [`proxied`] makes it read them as here. So they are checked as if they were used;
//! [`TokensBuilder::proxy_variables`] switches that off, for a client that does not read them. The client of an [`Api`] is
//! the program's own: [`proxied`], or reqwest itself, reads the variables for it.
//!
//! # Many clients
//! Each source has an HTTP client of its own for its token requests. Sources that share a [`Transport`] have one for all of them;
//! [`TransportBuilder`] has the same settings as [`TokensBuilder`] for it.
//!
//! A [`TokensPool`] makes a source for each key of the program's own, such as its tenants, all over one transport. It evicts those that
//! nobody uses, and bounds their number and their token requests.
//!
//! # Client certificates
//! [`TokensBuilder::identity`] names a certificate and its key that connections to the token endpoint show (mutual TLS, RFC 8705). They are
//! read for each token request, like a secret of [`TokensBuilder::secret`]; when they have changed, no connection and no TLS session of before is
//! used. The HTTP client of an [`Api`] is the program's own: [`Tokens::identity_changed`] says when it must be built again. In a pool it
//! is [`PoolClient::identity`], with an HTTP client for each certificate.
//!
//! # TLS
//! `rustls` (default) brings reqwest's own provider, aws-lc. `rustls-no-provider` leaves the choice to the program, which
//! installs one before it builds a source. `native-tls` uses the operating system's library. Without any of them there is no source
//! for an https endpoint: building one is a [`ConfigError`] that says so.
#![forbid(unsafe_code)]

/// The example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

mod api;
mod body;
mod error;
mod identity;
mod judge;
#[cfg(feature = "tower")]
mod layer;
#[cfg(feature = "middleware")]
mod middleware;
mod request;
mod route;
mod runtime;
mod shared;
mod tokens;
mod tokens_pool;
mod transport;
mod way;
mod ways;

pub use api::Api;
pub use error::ApiError;
/// All of evergrant-core: what the names at the root are made of, and what an error is looked into with.
pub mod core {
    pub use evergrant_core::*;
}
pub use evergrant_core::{
    AccessToken, Algorithm, AssertionAudience, AssertionForm, AssertionKind, Binding, Cause, Client,
    ClientAuth, ClientBuilder, Closed, ConfigError, Error, Generation, Origin, Origins, Policy, Provider,
    Reason, Refusal, Rejection, Rotation, Scope, SecretText, SourceError, Stored, Thumbprint, Verdict,
    VerdictRule, Wall, myparcel,
};
pub use evergrant_drive::{
    BlockingStore, BoxError, CertifiedKey, Clock, CommandSource, Event, EventKind, EvictionReason,
    FileSource, Held, Identity, KeyEncoding, KeySource, LastOutcome, ManualClock, Observer, PoolClient,
    PoolError, PoolFull, PoolStatus, ReplayReason, RequestStatus, SealedStore, Sealing, SecretSource,
    SetAside, Signer, Status, Store, StoreFuture, SystemClock, Token, TokenSeal, VariableSource, WaitResult,
    WhenDown,
};
/// Why was my call refused? Each refusal, with its cause and its fix.
///
/// A call through [`Api`] gives an [`ApiError`], [`Tokens::token`] and its like an [`Error`], and [`TokensBuilder::build`] a
/// [`ConfigError`]:
///
/// ```
/// use evergrant_tokio_reqwest::ApiError;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (server, api) = story::api()?;
/// # server.rotate_client("my-client-id", "a-new-secret");
/// match api.get(server.resource("/shipments")).send().await {
///     Ok(answer) => println!("http {}, which may be 401 or 403", answer.status().as_u16()),
///     Err(ApiError::Token(error)) if error.is_permanent() => eprintln!("for the operator: {error}"),
///     Err(ApiError::Token(error)) => eprintln!("{error}; try again in {:?}", error.retry_after()),
///     Err(ApiError::Http(error)) if error.is_timeout() => eprintln!("the API is too slow"),
///     Err(error) => eprintln!("{error}"),
/// }
/// # assert!(api.tokens().token().await.is_err_and(|error| error.is_permanent()));
/// # Ok(()) }
/// ```
pub use evergrant_http::_why_refused;
pub use evergrant_http::proxy::Proxy;
#[cfg(feature = "tower")]
pub use layer::{Authorize, AuthorizeLayer, JudgedBody};
#[cfg(feature = "middleware")]
pub use middleware::AuthorizeMiddleware;
pub use request::RequestBuilder;
pub use route::proxied;
pub use shared::{Transport, TransportBuilder};
pub use tokens::{Tokens, TokensBuilder};
pub use tokens_pool::{TokensPool, TokensPoolBuilder};
