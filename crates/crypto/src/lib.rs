#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod key;
mod key_file;
mod seal;
mod store_key;

pub use error::{OpenError, SealError, StoreKeyError};
pub use key::Key;
pub use key_file::KeyFile;
pub use seal::Seal;
pub use store_key::StoreKey;
