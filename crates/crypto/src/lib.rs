#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod seal;

pub use error::{OpenError, SealError};
pub use seal::Seal;
