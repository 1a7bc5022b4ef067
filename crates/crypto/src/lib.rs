#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod key;
mod key_file;
mod seal;

pub use error::{OpenError, SealError};
pub use key::Key;
pub use key_file::KeyFile;
pub use seal::Seal;
