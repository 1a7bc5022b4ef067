//! OAuth 2.0 client credentials without IO.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod jitter;
mod lifetime;
mod machine;
mod policy;
mod response;
mod secret;
mod time;
mod token;

pub use error::{
    Cause, Class, ConfigError, Error, ErrorResponse, Excerpt, Malformed, Problem, Refusal, TransportError,
    TransportErrorKind,
};
pub use lifetime::{JwtHint, Lifetime};
pub use machine::{Call, Fetch, Flight, Landing, Machine, Outcome, Reason, Rejection, Rotation, Site, Step};
pub use policy::Policy;
pub use response::Grant;
pub use time::{Mono, Now, Wall};
pub use token::{AccessToken, Generation, Stored, Token, UnusableToken};
