//! An access token that always works, for async-std and smol.
//!
//! [`Tokens`] is the source: it asks for a token with the OAuth 2.0 client credentials grant (RFC 6749 §4.4), keeps it,
//! and replaces it before it ends while the old one is still used. [`Api`] is an authorized HTTP client over
//! [`HttpClient`], a small HTTP/1.1 client of this crate: hyper's client connection and rustls over futures-io, on the
//! runtime's own sockets. There is no tokio runtime anywhere.
//!
//! async-std is no longer developed; it is supported because programs still depend on it. For new code take smol: it is the
//! same code behind the feature `smol`, with `Smol` in place of `AsyncStd`.
#![cfg_attr(
    feature = "async-std",
    doc = r#"
```no_run
use evergrant_async_std::{Api, AsyncStd, Client, ClientAuth, HttpClient, Tokens, myparcel};

# async fn story() -> Result<(), Box<dyn std::error::Error>> {
let auth = ClientAuth::post("my-client-id", &std::env::var("MYPARCEL_CLIENT_SECRET")?)?;
let provider = myparcel::sandbox();
let origins = provider.origins().clone();
let tokens = Tokens::<AsyncStd>::new(Client::builder(provider, auth).build()?)?;
let api = Api::new(HttpClient::new(), tokens, origins);
let answer = api.get("https://api.sandbox.myparcel.com/shipments").send().await?;
println!("{}", answer.into_body().text(1 << 20).await?);
# Ok(()) }
```"#
)]
//!
//! # Client certificates
//! [`TokensBuilder::identity`] names a certificate and its key that connections to the token endpoint show (mutual TLS, RFC 8705). They are
//! read for each token request, like a secret of [`TokensBuilder::secret`]; when they have changed, no connection and no TLS session of before is
//! used. The HTTP client of an [`Api`] is the program's own: [`Tokens::identity_changed`] says when it must be built again. In a pool it
//! is [`PoolClient::identity`], with an HTTP client for each certificate.
//!
//! # Proxies
//! Token requests, and the calls of an [`HttpClient`], go through the proxy that the environment names: `HTTPS_PROXY`,
//! `https_proxy`, `ALL_PROXY` or `all_proxy` (for plain http `HTTP_PROXY` and `http_proxy` in their place), unless `NO_PROXY` or
//! `no_proxy` lists the host (a name means itself and all names below it, `*.name` only those below it; addresses,
//! networks, `host:port`, `*`). All of evergrant's adapters read the variables in the same way, once, when the client is
//! made. A variable that cannot be read is a [`ConfigError`] of [`TokensBuilder::build`], and of each call
//! [`HttpError::Config`], never a direct connection. A loopback literal never goes through a proxy.
//!
//! A proxy is asked for a tunnel (CONNECT, RFC 9110 §9.3.6), for plain http, too: it sees where a call goes, and of https
//! no more. The connection to it is in plain text, or over TLS with the client's roots if its URL is https. Its user and
//! password are sent to it by Basic, and to no other server. SOCKS proxies are not supported: such a variable is an error.
//! [`HttpClient::with_proxy`] and [`HttpClient::without_proxy`] come before the environment.
//!
//! # Many clients
//! Each source has an HTTP client of its own for its token requests. Sources that share a [`Transport`] have one for all of them;
//! [`TransportBuilder`] has the same settings as [`TokensBuilder`] for it.
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
#![forbid(unsafe_code)]
// The error below is all there is to say.
#![cfg_attr(not(any(feature = "async-std", feature = "smol")), allow(unused_imports))]

#[cfg(not(any(feature = "async-std", feature = "smol")))]
compile_error!(
    "evergrant-async-std needs a runtime: enable its feature `smol`, or `async-std`, which is the default"
);

/// The example of the package's README.
#[cfg(all(doctest, feature = "smol"))]
#[doc = include_str!("../README.md")]
pub struct Readme;

mod answer;
mod api;
mod body;
mod client;
mod connection;
mod error;
mod happy_eyeballs;
mod io;
mod net;
mod pool;
mod proxy;
mod request;
mod shared;
mod tokens;
mod tokens_pool;
mod transport;

pub use api::{Api, ApiError};
pub use body::Body;
pub use client::HttpClient;
pub use error::HttpError;
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
/// use evergrant_async_std::{ApiError, HttpError};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # let (server, api) = story::api()?;
/// # server.rotate_client("my-client-id", "a-new-secret");
/// match api.get(server.resource("/shipments")).send().await {
///     Ok(answer) => println!("http {}, which may be 401 or 403", answer.status().as_u16()),
///     Err(ApiError::Token(error)) if error.is_permanent() => eprintln!("for the operator: {error}"),
///     Err(ApiError::Token(error)) => eprintln!("{error}; try again in {:?}", error.retry_after()),
///     Err(ApiError::Http(HttpError::Timeout(_))) => eprintln!("the API is too slow"),
///     Err(error) => eprintln!("{error}"),
/// }
/// # assert!(api.tokens().token().await.is_err_and(|error| error.is_permanent()));
/// # Ok(()) }) }
/// ```
pub use evergrant_http::_why_refused;
pub use evergrant_http::proxy::ProxyError;
pub use futures_rustls::rustls;
pub use http;
#[cfg(feature = "async-std")]
pub use net::AsyncStd;
#[cfg(feature = "smol")]
pub use net::Smol;
pub use net::{Net, Timer};
pub use request::RequestBuilder;
pub use shared::{Transport, TransportBuilder};
pub use tokens::{Tokens, TokensBuilder};
pub use tokens_pool::{TokensPool, TokensPoolBuilder};
