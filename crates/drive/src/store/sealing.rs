//! What is between a token and the store: nothing of it may be known there.

use evergrant_core::fleet::{Have, Name, Print, Sealed, Unsealed};
use evergrant_core::{AccessToken, Client, ConfigError, Thumbprint};
use std::sync::Arc;

/// What seals the tokens of clients for a store, so that whoever reads it knows nothing: `evergrant-crypto` has one.
pub trait Sealing: Send + Sync + 'static {
    /// What seals the tokens of this client, on connections that show the certificate with this thumbprint. Equal clients get equal
    /// names, in every process; clients that differ in anything, or show another certificate, get other ones.
    ///
    /// # Errors
    /// The client has no secret that is long enough to seal with, and no key of the store's own was given:
    /// [`ConfigError::NeedsStoreKey`].
    fn seal_of(&self, client: &Client, shown: Option<Thumbprint>) -> Result<Box<dyn TokenSeal>, ConfigError>;
}

/// Seals the tokens of one client.
pub trait TokenSeal: Send + Sync + 'static {
    /// The name of its entry.
    fn name(&self) -> Name;

    /// What tells this token from others, to whoever has the key alone.
    fn print(&self, token: &AccessToken) -> Print;

    /// The token, sealed together with its [fence](Unsealed::fence), its [end](Unsealed::end) and its [life](Unsealed::life); `None` if
    /// the system lacks what that needs.
    fn seal(&self, token: &Unsealed) -> Option<Sealed>;

    /// What was sealed; `None` if it was sealed for another entry, with another key, or with other numbers than it came with.
    fn open(&self, have: &Have) -> Option<AccessToken>;
}

impl<S: Sealing + ?Sized> Sealing for Arc<S> {
    fn seal_of(&self, client: &Client, shown: Option<Thumbprint>) -> Result<Box<dyn TokenSeal>, ConfigError> {
        (**self).seal_of(client, shown)
    }
}
