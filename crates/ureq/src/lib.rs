//! An access token that always works, for threads and ureq 3.
//!
//! [`Tokens`] is the source: it asks for a token with the OAuth 2.0 client credentials grant (RFC 6749 §4.4), keeps it,
//! and replaces it before it ends while the old one is still used. [`Api`] is an authorized HTTP client over the
//! program's own `ureq::Agent`.
//!
//! ```no_run
//! use evergrant_ureq::{Api, Client, ClientAuth, Tokens, myparcel};
//!
//! # fn story() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = ClientAuth::post("my-client-id", &std::env::var("MYPARCEL_CLIENT_SECRET")?)?;
//! let provider = myparcel::sandbox();
//! let origins = provider.origins().clone();
//! let api = Api::new(ureq::agent(), Tokens::new(Client::builder(provider, auth).build()?)?, origins);
//! let answer = api.get("https://api.sandbox.myparcel.com/shipments").send()?;
//! println!("{}", answer.into_body().read_to_string()?);
//! # Ok(()) }
//! ```
//!
//! # Threads
//! A token request runs on a short-lived thread of its own, named `evergrant-flight`, at most one at a time. So a caller
//! returns when its own patience ends, although a blocked send cannot be cancelled, and no caller waits while a usable
//! token is held.
//!
//! # TLS
//! Token requests trust the platform's certificates, as on the other adapters: on Unix those that OpenSSL's folders have, or the
//! files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. The agent of an [`Api`] is the program's own, and `ureq::agent()` trusts
//! the roots of Mozilla that ureq was built with; one that trusts the platform's says so:
//!
//! ```no_run
//! use ureq::tls::{RootCerts, TlsConfig};
//!
//! let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
//! let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().tls_config(tls).build());
//! # drop(agent);
//! ```
//!
//! Without a TLS feature, or with `rustls-no-provider` and no provider installed, there is no source for an https endpoint: building
//! one is a [`ConfigError`] that says what to do.
//!
//! # Client certificates
//! [`TokensBuilder::identity`] names a certificate and its key that connections to the token endpoint show (mutual TLS, RFC 8705). They are
//! read for each token request, like a secret of [`TokensBuilder::secret`]; when they have changed, no connection and no TLS session of before is
//! used. The HTTP client of an [`Api`] is the program's own: [`Tokens::identity_changed`] says when it must be built again. In a pool it
//! is [`PoolClient::identity`], with an HTTP client for each certificate.
//!
//! # Limits
//! Of the response to a token request at most 256 KiB of body are read, and of its head what the agent's configuration allows:
//! 64 KiB by default. ureq reads no folded lines of headers (RFC 9112 §5.2) and no more than 128 lines, and has no switch for
//! either: a response that has them is an error. Interim responses (1xx, RFC 9110 §15.2) are skipped, however many come, until
//! `attempt_timeout` ends the request.
//!
//! The program's own agent, which [`Api`] and [`AuthorizeMiddleware`] call through, waits without end unless it has a timeout. A rule that
//! looks into a body (MyParcel.com's does, at 401 and 403) waits for at most 64 KiB of it: give the agent a `timeout_recv_body`
//! or a `timeout_global`.
//!
//! # Proxies
//! A token request goes through the proxy that the environment names: `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` or
//! `all_proxy`, unless `NO_PROXY` or `no_proxy` lists the token endpoint (a name means itself and all names below it,
//! `*.name` only those below it; addresses, networks, `host:port`, `*`). All of evergrant's adapters read the variables in
//! the same way. ureq itself reads them differently: it takes `HTTP_PROXY` for https, too, and `name` for that name alone.
//! A variable that cannot be read is a [`ConfigError`] of [`TokensBuilder::build`], never a direct connection. A loopback
//! literal never goes through a proxy. Proxies with `socks4`, `socks4a`, `socks5` and `socks5h` need the feature `socks`.
//!
//! A proxy that is set on the configuration given to [`TokensBuilder::http`] comes first, and
//! [`TokensBuilder::proxy_variables`] switches the environment off. The agent of an [`Api`] is the program's own: ureq reads the
//! variables its way for it.
//!
//! # Many clients
//! Each source has a configuration of its own for its token requests, and reads the platform's certificates when it is built.
//! Sources that share a [`Transport`] have one for all of them; [`TransportBuilder`] has the same settings as [`TokensBuilder`] for
//! it.
//!
//! A [`TokensPool`] makes a source for each key of the program's own, such as its tenants, all over one transport. It evicts those that
//! nobody uses, and bounds their number and their token requests.
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
//! Nothing that this crate prints or logs holds a secret. ureq itself dumps every byte it sends and receives, credentials
//! and tokens among them, through the `log` crate at TRACE: keep it at DEBUG, as in
//! `RUST_LOG=trace,ureq=debug,ureq_proto=debug`.
#![forbid(unsafe_code)]

/// The example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

mod api;
mod middleware;
mod repeatable;
mod request;
mod route;
mod shared;
mod tokens;
mod tokens_pool;
mod transport;

pub use api::{Api, ApiError};
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
    SetAside, Signer, Status, SystemClock, Token, TokenSeal, VariableSource, WaitResult, WhenDown,
};
/// Why was my call refused? Each refusal, with its cause and its fix.
///
/// A call through [`Api`] gives an [`ApiError`], [`Tokens::token`] and its like an [`Error`], and [`TokensBuilder::build`] a
/// [`ConfigError`]:
///
/// ```
/// use evergrant_ureq::ApiError;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (server, api) = story::api()?;
/// # server.rotate_client("my-client-id", "a-new-secret");
/// match api.get(server.resource("/shipments")).send() {
///     Ok(answer) => println!("http {}, which may be 401 or 403", answer.status().as_u16()),
///     Err(ApiError::Token(error)) if error.is_permanent() => eprintln!("for the operator: {error}"),
///     Err(ApiError::Token(error)) => eprintln!("{error}; try again in {:?}", error.retry_after()),
///     Err(ApiError::Http(ureq::Error::Timeout(_))) => eprintln!("the API is too slow"),
///     Err(error) => eprintln!("{error}"),
/// }
/// # assert!(api.tokens().token().is_err_and(|error| error.is_permanent()));
/// # Ok(()) }
/// ```
pub use evergrant_http::_why_refused;
pub use middleware::AuthorizeMiddleware;
pub use repeatable::RepeatableBody;
pub use request::RequestBuilder;
pub use shared::{Transport, TransportBuilder};
pub use tokens::{Tokens, TokensBuilder};
pub use tokens_pool::{TokensPool, TokensPoolBuilder};
