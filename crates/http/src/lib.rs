//! What every sender of evergrant shares, in the types of the crate `http`.
//!
//! Programs use an adapter, such as `evergrant-tokio-reqwest`, which re-exports what its users meet ([`ApiError`]). Those
//! who write an adapter for another HTTP library read on.
//!
//! - [`Guard`] says whether a token may go with a request, and what a resource server's answer means for it.
//! - [`bearer()`] renders the Authorization header of a token, [`to_http`] the token request: the secrets in both are marked
//!   sensitive, are in one place in memory, and are wiped with the last clone.
//! - [`Collector`] takes the body of a token response, bounded and wiped, and unpacks gzip and deflate.
//! - [`proxy`] reads the proxy variables of the environment, alike for every HTTP library.
//! - [`OnDemand`] builds what many sources share, such as an HTTP client, when the first of them needs it.
//! - [`repeat`] is a request once more, for the replay after a refused token.
//! - [`tls_text_error`], [`open_files_error`] and, with the feature `rustls`, `tls_error` say what an HTTP library's error means, and
//!   `identity_error` what is wrong with a client certificate;
//!   [`require_tls`] says before anything is sent that a build cannot ask an https endpoint.
//! - [`_why_refused`] is a page for their users: each refusal, its cause and its fix.
//!
//! ```
//! use evergrant_core::{AccessToken, Origins, Verdict, VerdictRule};
//! use evergrant_http::{Guard, bearer};
//! use http::header::AUTHORIZATION;
//!
//! # fn send(_: http::Request<()>) -> http::Response<()> { http::Response::new(()) }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let guard = Guard::new(Origins::parse(["https://api.example.com"])?, VerdictRule::Rfc6750);
//! let mut request = http::Request::get("https://api.example.com/shipments").body(())?;
//! guard.admit(request.uri(), request.headers())?;
//! request.headers_mut().insert(AUTHORIZATION, bearer(&AccessToken::new("mF_9.B5f-4.1JqM")?));
//! let answer = send(request);
//! assert_eq!(guard.judge(answer.status(), answer.headers(), None), Verdict::Fine);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

/// The example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub mod _why_refused;

mod bearer;
mod cause;
mod collector;
mod error;
#[cfg(test)]
mod fixture;
mod guard;
mod on_demand;
pub mod proxy;
mod request;
mod tls;
mod unpack;
#[cfg(test)]
mod wrapper;

pub use bearer::bearer;
pub use cause::{TOO_MANY_OPEN_FILES, causes, is_out_of_files, is_resolving, open_files_error};
pub use collector::Collector;
pub use error::{ApiError, Refused};
pub use guard::{Guard, origin, port};
pub use on_demand::OnDemand;
pub use request::{RequestBody, repeat, to_http};
pub use tls::{TlsSupport, pkcs8_error, require_tls, tls_text_error};
#[cfg(feature = "rustls")]
pub use tls::{client_certificate, identity_error, tls_error};
