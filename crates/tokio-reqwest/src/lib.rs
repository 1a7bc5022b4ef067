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
//! # TLS
//! `rustls` (default) brings reqwest's own provider, aws-lc. `rustls-no-provider` leaves the choice to the program, which
//! installs one before it builds a source. `native-tls` uses the operating system's library.
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
mod runtime;
mod tokens;
mod transport;

pub use api::Api;
pub use error::ApiError;
/// All of evergrant-core: what the names at the root are made of, and what an error or a status is looked into with.
pub use evergrant_core as core;
pub use evergrant_core::{
    Client, ClientAuth, ClientBuilder, ConfigError, Error, Origin, Origins, Policy, Provider, Rejection,
    Rotation, Stored, Verdict, VerdictRule, myparcel,
};
pub use evergrant_drive::{
    Clock, Held, LastOutcome, ManualClock, RequestStatus, SetAside, Status, SystemClock, Token,
};
#[cfg(feature = "tower")]
pub use layer::{Authorize, AuthorizeLayer, BoxError};
#[cfg(feature = "middleware")]
pub use middleware::AuthorizeMiddleware;
pub use request::RequestBuilder;
pub use tokens::{Tokens, TokensBuilder};
