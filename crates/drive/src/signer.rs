//! Keys that sign, wherever they are.

use evergrant_core::{Algorithm, KeyInfo, Signature, SourceError};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// A key that signs client assertions: in memory, in a key service, on a card. It never gives the key away.
///
/// It is asked on a short-lived thread of its own, also under async, and may block: `Handle::block_on` of a tokio runtime is right there.
/// While one signature has not come back no other is asked for; nobody waits longer than the time of one attempt.
///
/// ```
/// use evergrant_core::{Algorithm, KeyInfo, Signature, SourceError};
/// use evergrant_drive::Signer;
///
/// # struct Client;
/// # impl Client { fn sign(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, std::io::Error> { Ok(vec![0x30, 6, 2, 1, 1, 2, 1, 2]) } }
/// /// A key in a key service that answers in DER.
/// struct KeyService(Client);
///
/// impl Signer for KeyService {
///     fn key(&self) -> KeyInfo {
///         KeyInfo::new([Algorithm::Es256]).with_id("erp-2026")
///     }
///
///     fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Signature, SourceError> {
///         let der = self.0.sign("projects/erp/keys/2026", input);
///         let der = der.map_err(|error| SourceError::failed(&format!("the key service does not sign: {error}")))?;
///         Signature::from_der(algorithm, &der)
///     }
/// }
/// ```
pub trait Signer: Send + Sync + 'static {
    /// What the key is, and how it can sign.
    fn key(&self) -> KeyInfo;

    /// The signature of these bytes by one of the key's algorithms.
    ///
    /// # Errors
    /// [`SourceError`] without anything of the key: it is shown to people.
    ///
    /// # Blocking
    /// As long as it takes.
    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Signature, SourceError>;

    /// Whether it answers in less than a few milliseconds and never blocks, as a key in memory: it is then asked in place. Default false.
    fn is_quick(&self) -> bool {
        false
    }

    /// What people call it, in errors and logs.
    fn name(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// Where a key lives that is read for each token request: a file that a platform renews.
///
/// Any closure that gives a signer is one.
pub trait KeySource: Send + Sync + 'static {
    /// The key that is there now. Nobody waits for it longer than `limit`.
    ///
    /// # Errors
    /// [`SourceError`] without anything of what was read: it is shown to people.
    ///
    /// # Blocking
    /// As long as it takes.
    fn read(&self, limit: Duration) -> Result<Arc<dyn Signer>, SourceError>;

    /// What people call it, in errors and logs: a path.
    fn name(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// Whether each read costs somebody something: a passphrase, a fee. After a refusal, and while no key can be had, it is then read at the pace of
    /// other permanent failures, up to 5 min apart, and not every 10 s to see whether it has changed. Default false.
    fn is_costly(&self) -> bool {
        false
    }
}

impl<F> KeySource for F
where
    F: Fn() -> Result<Arc<dyn Signer>, SourceError> + Send + Sync + 'static,
{
    fn read(&self, _: Duration) -> Result<Arc<dyn Signer>, SourceError> {
        self()
    }
}

impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn key(&self) -> KeyInfo {
        (**self).key()
    }

    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Signature, SourceError> {
        (**self).sign(algorithm, input)
    }

    fn is_quick(&self) -> bool {
        (**self).is_quick()
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        (**self).name()
    }
}
