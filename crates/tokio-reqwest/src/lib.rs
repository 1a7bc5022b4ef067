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
//! # In somebody else's client
//! The feature `middleware` has `AuthorizeMiddleware` for `reqwest_middleware`, and `tower` has `AuthorizeLayer` for services of
//! `http` requests, such as hyper-util's client: each attaches, rejects and replays as [`Api`] does.
//!
//! # Names
//! What the signatures here name stands at the root; all of evergrant-core is in the module [`core`], for the rest of an error or
//! of the machine. Import names, not `*`: a glob would hide the standard library's `core`.
//!
//! # Logs
//! What happens to a source is told through the crate `tracing`, with the target `evergrant`: at INFO each token request with its
//! reason, each token with its life, each token that a resource server refused, each rotation; at WARN what failed, with its
//! cause, a scope that was not granted, a secret that is easily guessed; at DEBUG what came too late. No event holds a secret.
//!
//! # The runtime
//! A token is asked for on the runtime of whoever waits for it, with its timers and its sockets: build it with `enable_all`. A token
//! that is held is handed out on any thread. On a runtime that lacks one of them a token request is an error that says which: tokio
//! panics there, which is caught, so a program whose panics abort ends.
//!
//! # Limits
//! Of the response to a token request at most 256 KiB of body are read, 1000 lines of headers, folded ones among them (RFC 9112
//! §5.2), and 400 KiB of head. Interim responses (1xx, RFC 9110 §15.2) are skipped; reqwest has no bound for them but the time:
//! `attempt_timeout` ends the request, however many come. The program's own client, which [`Api`] calls through, has reqwest's
//! own limits: no folded lines and 100 lines, unless its builder says otherwise.
//!
//! # Proxies
//! A token request goes through the proxy that the environment names: `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` or
//! `all_proxy`, unless `NO_PROXY` or `no_proxy` lists the token endpoint (a name stands for itself and what is below it, `*.name`
//! for what is below it; addresses, networks, `host:port`, `*`). It is read alike in all of evergrant's adapters. A variable that
//! cannot be read is a [`ConfigError`] of [`TokensBuilder::build`], never a direct connection. A loopback literal never goes
//! through a proxy. Where none of the variables is set, what reqwest finds in the settings of the system holds (its feature
//! `system-proxy`). The way to `socks4`, `socks4a`, `socks5` and `socks5h` proxies is the feature `socks`.
//!
//! [`TokensBuilder::proxy`] names another one, or none.
//!
//! An HTTP client given to [`TokensBuilder::http`] keeps its own proxies, and cannot be asked for them: unless it has a `proxy` or
//! `no_proxy()`, reqwest reads the variables its own way, without `*.name` and `host:port` in `NO_PROXY`, and takes what it
//! cannot read for none; [`proxied`] makes it read them as here. So they are checked nevertheless, as if they were used; [`TokensBuilder::proxy_variables`] switches that
//! off, for a client that does not read them. The client of an [`Api`] is the program's own: [`proxied`], or reqwest itself,
//! reads the variables for it.
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
mod judge;
#[cfg(feature = "tower")]
mod layer;
#[cfg(feature = "middleware")]
mod middleware;
mod request;
mod route;
mod runtime;
mod tokens;
mod transport;

pub use api::Api;
pub use error::ApiError;
/// All of evergrant-core: what the names at the root are made of, and what an error is looked into with.
pub mod core {
    pub use evergrant_core::*;
}
pub use evergrant_core::{
    AccessToken, Cause, Client, ClientAuth, ClientBuilder, ConfigError, Error, Generation, Origin, Origins,
    Policy, Provider, Reason, Refusal, Rejection, Rotation, Scope, Stored, Verdict, VerdictRule, Wall,
    myparcel,
};
pub use evergrant_drive::{
    Clock, Event, EventKind, Held, LastOutcome, ManualClock, Observer, ReplayReason, RequestStatus, SetAside,
    Status, SystemClock, Token, WaitResult,
};
pub use evergrant_http::proxy::Proxy;
#[cfg(feature = "tower")]
pub use layer::{Authorize, AuthorizeLayer, BoxError, JudgedBody};
#[cfg(feature = "middleware")]
pub use middleware::AuthorizeMiddleware;
pub use request::RequestBuilder;
pub use route::proxied;
pub use tokens::{Tokens, TokensBuilder};
