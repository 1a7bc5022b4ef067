//! Why a token cannot be sealed, or a sealed one not be opened.

use thiserror::Error;

/// The token cannot be sealed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// Anybody could derive a key from no secret. Whoever configured the program can fix it.
    #[error("there is no secret to encrypt the token with: the key material is empty")]
    NoMaterial,
    /// The operating system gave no random bytes for the nonce.
    #[error("the system has no randomness to encrypt the token with")]
    NoRandomness,
}

/// The sealed token cannot be opened. It is a miss: request a token, and store that one in its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An older or a newer version sealed it, in another format. Nothing is wrong, and nobody needs to be told.
    #[error("the token was sealed by another version of evergrant")]
    Version,
    /// The bytes are no sealed token: they begin otherwise, or are too short or too long for one.
    #[error("the bytes are not a sealed token, or are damaged")]
    Form,
    /// It was sealed for another client or with other key material; or somebody changed it, or it is damaged. These cannot be told from
    /// each other.
    #[error("the sealed token belongs to another client or another secret, or is damaged")]
    Foreign,
}

/// The text is no key of a store. Nothing of it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[error(
    "the key of the store is not 32 bytes in base64 or hexadecimal: make one by openssl rand -base64 32, the same for every process"
)]
pub struct StoreKeyError;
