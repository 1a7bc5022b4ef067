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
//! No caller carries the token request: it rides on a short-lived thread of its own, named `evergrant-flight`, at most
//! one at a time. So a caller returns by its own patience although a blocked send cannot be cancelled, and nobody waits
//! while a usable token is held.
//!
//! # Logs
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
mod request;
mod tokens;
mod transport;

pub use api::{Api, ApiError};
/// All of evergrant-core: what the names at the root are made of, and what an error or a status is looked into with.
pub use evergrant_core as core;
pub use evergrant_core::{
    Client, ClientAuth, ClientBuilder, ConfigError, Error, Origin, Origins, Policy, Provider, Rejection,
    Rotation, Stored, Verdict, VerdictRule, myparcel,
};
pub use evergrant_drive::{
    Clock, Held, LastOutcome, ManualClock, RequestStatus, SetAside, Status, SystemClock, Token,
};
pub use middleware::AuthorizeMiddleware;
pub use request::RequestBuilder;
pub use tokens::{Tokens, TokensBuilder};
