//! OAuth 2.0 client credentials (RFC 6749 §4.4) without IO: the token request, the token response, the expiry of a JWT,
//! and the [`Machine`] that decides when to ask for a token, whom to make wait, and which token to use.
//!
//! There is no clock, no entropy, no lock, no thread and no socket in this crate. Programs use an adapter crate,
//! which brings a runtime and an HTTP library; those who write one, or embed the core in something else, read on.
//!
//! # Two clocks
//! Every input takes `now`, ONE reading of a monotonic clock and of the wall clock ([`Now`]). Neither can be trusted
//! alone: the first may stand still while the machine is suspended, the second may be stepped. So a token is over as
//! soon as EITHER says so, and every other deadline (a rest, a patience) is on the monotonic clock alone.
//!
//! # Four steps
//! [`Machine::poll`] answers a caller with one [`Step`], and nothing must be drained:
//!
//! - [`Step::Use`]: here is a token.
//! - [`Step::Send`]: send one token request, report what became of it, and ask again.
//! - [`Step::Wait`]: ask again then, or when the machine got another input.
//! - [`Step::Fail`]: there is no token, and the error says what to do.
//!
//! # The run loop
//! ```
//! use evergrant_core::*;
//! use core::time::Duration;
//!
//! # fn send(_: &Request) -> Result<Response, TransportError> {
//! #     let body = br#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#.to_vec();
//! #     Ok(Response::new(200).with_header("Content-Type", b"application/json").with_body(body))
//! # }
//! # fn now() -> Now { Now::default() }
//! # fn sleep_until(_: Mono) {}
//! fn token(machine: &mut Machine, client: &Client, known: &mut Known) -> Result<Token, Error> {
//!     let mut call = Call::new(now().mono.after(Duration::from_secs(30)));
//!     loop {
//!         match machine.poll(now(), &mut call) {
//!             Step::Use(token) => return Ok(token),
//!             Step::Fail(error) => return Err(error),
//!             Step::Wait(until) => sleep_until(until),
//!             Step::Send(flight) => {
//!                 let mut next = Attempt::begin(client, Seed::new(flight.sent_at()), known);
//!                 let outcome = loop {
//!                     next = match next {
//!                         Move::Ask(asking) => asking.answer(SecretText::new("my-client-secret")),
//!                         Move::Send(request, sent) => match send(&request) {
//!                             Ok(response) => sent.received(&response, now()),
//!                             Err(error) => sent.failed(error),
//!                         },
//!                         Move::Done(outcome, learnt) => {
//!                             *known = learnt;
//!                             break outcome;
//!                         }
//!                     };
//!                 };
//!                 machine.complete(now(), flight, outcome);
//!             }
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = ClientAuth::post_live("my-client-id")?; // its secret is read for each request
//! let client = Client::builder(myparcel::sandbox(), auth).build()?;
//! let mut machine = Machine::new(Policy::new(), 42);
//! let mut known = Known::new(machine.policy());
//! assert_eq!(token(&mut machine, &client, &mut known)?.value().expose(), "abc");
//! # Ok(()) }
//! ```
//! This one sends while the caller waits; `evergrant-drive` gives the flight a job of its own, so that a held token is
//! served meanwhile. `examples/embed.rs` is the same over a socket.
//!
//! # Panics and errors
//! Nothing here panics on input. [`ConfigError`] is the program's to fix, a [`Refusal`] is what the server said, and an
//! [`Error`] is what a caller without a token gets; each says what to do, and none contains a secret.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

/// The example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

mod ask;
mod assertion;
mod attempt;
mod auth;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod binding;
mod challenge;
mod client;
mod clock_offset;
mod date;
mod decimal;
mod endpoint;
mod error;
mod field;
#[cfg(test)]
mod fingerprint;
pub mod fleet;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod host;
mod jitter;
mod json;
mod jwt;
mod key;
mod lent;
mod lifetime;
mod machine;
mod metadata;
mod origin;
mod policy;
mod provider;
mod replay;
mod request;
mod response;
mod scope;
mod seconds;
mod secret;
mod signature;
mod span;
mod text;
mod thumbprint;
mod time;
mod token;
mod verdict;

pub use ask::Ask;
pub use assertion::{AssertionAudience, AssertionForm, AssertionKind, SigningInput, UnsignedAssertion};
pub use attempt::{Asking, Attempt, Known, Move, Seed, Sent};
pub use auth::ClientAuth;
pub use binding::Binding;
pub use challenge::Challenge;
pub use client::{Client, ClientBuilder};
pub use clock_offset::ClockOffset;
pub use endpoint::Endpoint;
pub use error::{
    Cause, Class, Closed, ConfigError, Error, ErrorResponse, ErrorType, Excerpt, HeaderFault, Malformed,
    MetadataFault, Problem, ProxyFault, Refusal, SourceError, TransportError, TransportErrorKind, Unready,
    UnusableToken,
};
pub use key::ClientKey;
pub use lent::Lent;
pub use lifetime::{JwtHint, Lifetime, StatedLife};
pub use machine::{
    Call, Fetch, Flight, Landing, Machine, Outcome, Reason, Rejection, RestNote, Rotation, SetAside, Site,
    Step,
};
pub use metadata::Metadata;
pub use origin::{Origin, Origins};
pub use policy::Policy;
pub use provider::{ErrorFormat, Provider, myparcel};
pub use replay::{AfterRefusal, Replay};
pub use request::{BodyFormat, Request};
pub use response::{Coding, Grant, Response};
pub use scope::Scope;
pub use signature::{Algorithm, KeyInfo, Signature};
pub use span::Span;
pub use text::SecretText;
pub use thumbprint::Thumbprint;
pub use time::{Mono, Now, Wall};
pub use token::{AccessToken, Generation, Stored, Token};
pub use verdict::{Answer, CustomRule, Verdict, VerdictRule};
