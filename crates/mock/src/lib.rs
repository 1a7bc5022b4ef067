#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod algorithm;
mod assertion;
mod auth;
mod builder;
mod clients;
mod clock;
mod connection;
mod fault;
mod gate;
mod handle;
mod http;
mod issuer;
mod jwk;
mod log;
mod metadata;
mod options;
mod pem;
mod registration;
mod resource;
mod response;
mod server;
mod session;
mod signing;
mod site;
mod state;
mod stream;
mod threads;
#[cfg(feature = "tls")]
mod tls;
mod token;
mod trust;

pub use builder::Builder;
pub use fault::{Endpoint, Fault, Times};
pub use handle::{FaultHandle, Gate};
pub use issuer::{Assertion, Issuer};
pub use log::{Answer, Counts, Recorded, RecordedAssertion};
pub use options::{Challenge, ErrorStyle, ExpiresIn, JwtTimes, TokenStyle};
pub use registration::Registration;
pub use server::Server;
pub use trust::Trust;
