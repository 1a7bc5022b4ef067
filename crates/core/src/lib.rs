//! OAuth 2.0 client credentials without IO.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod auth;
mod challenge;
mod client;
mod date;
mod endpoint;
mod error;
mod host;
mod jitter;
mod json;
mod jwt;
mod lifetime;
mod machine;
mod origin;
mod policy;
mod provider;
mod request;
mod response;
mod scope;
mod seconds;
mod secret;
mod time;
mod token;
mod verdict;

pub use auth::ClientAuth;
pub use challenge::Challenge;
pub use client::{Client, ClientBuilder};
pub use endpoint::Endpoint;
pub use error::{
    Cause, Class, ConfigError, Error, ErrorResponse, Excerpt, Malformed, Problem, Refusal, TransportError,
    TransportErrorKind,
};
pub use lifetime::{JwtHint, Lifetime};
pub use machine::{Call, Fetch, Flight, Landing, Machine, Outcome, Reason, Rejection, Rotation, Site, Step};
pub use origin::{Origin, Origins};
pub use policy::Policy;
pub use provider::{ErrorFormat, Provider, myparcel};
pub use request::{BodyFormat, Request};
pub use response::{Grant, Response};
pub use scope::Scope;
pub use time::{Mono, Now, Wall};
pub use token::{AccessToken, Generation, Stored, Token, UnusableToken};
pub use verdict::{Answer, CustomRule, Verdict, VerdictRule};
