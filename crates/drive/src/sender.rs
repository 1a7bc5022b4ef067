//! What sends the requests of one source: its transport, as the certificate of the moment has it.

use crate::identity::{BETWEEN_READS, CertifiedKey, Identity, READS};
use crate::source::{Arrived, Reading, SecretSource, Ticket};
use crate::sync::{Mutex, MutexGuard};
use evergrant_core::{ConfigError, SecretText, SourceError};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How a transport is built with an identity.
pub(crate) type Build<T> = fn(&T, &CertifiedKey) -> Result<T, ConfigError>;

/// The transport of a source. Where the client shows a certificate, what sends is built from it, and built again when that changes.
pub(crate) struct Sender<T> {
    plain: Arc<T>,
    /// With the identity that was asked for last.
    wearing: Mutex<Option<Wearing<T>>>,
}

/// An identity, and what sends with it.
pub(crate) struct Wearing<T> {
    reading: Arc<Reading>,
    dressing: Arc<Dressing<T>>,
}

/// What sends with this certificate.
pub(crate) struct Worn<T> {
    pub(crate) certified: CertifiedKey,
    pub(crate) transport: Arc<T>,
}

/// Reads an identity and builds what sends with it, on the thread of the read: both may take a while.
struct Dressing<T> {
    plain: Arc<T>,
    build: Build<T>,
    identity: Identity,
    worn: Mutex<Option<Worn<T>>>,
}

impl<T> Clone for Wearing<T> {
    fn clone(&self) -> Self {
        Self { reading: Arc::clone(&self.reading), dressing: Arc::clone(&self.dressing) }
    }
}

impl<T> Clone for Worn<T> {
    fn clone(&self) -> Self {
        Self { certified: self.certified.clone(), transport: Arc::clone(&self.transport) }
    }
}

impl<T> fmt::Debug for Worn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Worn").field(&self.certified).finish()
    }
}

impl<T> Sender<T> {
    pub(crate) fn new(transport: T) -> Arc<Self> {
        Arc::new(Self { plain: Arc::new(transport), wearing: Mutex::new(None) })
    }

    /// What sends for a client without a certificate.
    pub(crate) const fn plain(&self) -> &Arc<T> {
        &self.plain
    }

    fn wearing(&self) -> MutexGuard<'_, Option<Wearing<T>>> {
        self.wearing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Sender<T> {
    /// What is needed to send with this identity. Nothing is read yet.
    pub(crate) fn with(&self, identity: &Identity, build: Build<T>) -> Wearing<T> {
        let (wearing, before) = {
            let mut known = self.wearing();
            match &*known {
                Some(wearing) if wearing.dressing.identity.is(identity) => (wearing.clone(), None),
                _ => {
                    let (plain, identity) = (Arc::clone(&self.plain), identity.clone());
                    let dressing = Arc::new(Dressing { plain, build, identity, worn: Mutex::new(None) });
                    let reading = Reading::new(Arc::clone(&dressing));
                    let wearing = Wearing { reading, dressing };
                    (wearing.clone(), known.replace(wearing))
                }
            }
        };
        // What it holds is foreign: dropped without the lock.
        drop(before);
        wearing
    }
}

impl<T> Wearing<T> {
    /// Begins a read that may take this long, or joins the one that is under way.
    pub(crate) fn begin(&self, limit: Duration) -> Ticket {
        Ticket::Read(self.reading.begin(limit))
    }

    /// What sends with the certificate that has arrived. Where another read has brought another one meanwhile, nothing does.
    pub(crate) fn worn(&self, arrived: Option<Arrived>) -> (Option<Arrived>, Option<Worn<T>>) {
        let Some(Arrived { text: Ok(text), is_news }) = arrived else { return (arrived, None) };
        let worn = self.dressing.worn().clone();
        match worn.filter(|worn| SecretText::from(worn.certified.thumbprint()) == text) {
            Some(worn) => (Some(Arrived { text: Ok(text), is_news }), Some(worn)),
            None => {
                let text = Err(SourceError::failed("it changed while it was read; it is read again"));
                (Some(Arrived { text, is_news }), None)
            }
        }
    }
}

impl<T> Dressing<T> {
    fn worn(&self) -> MutexGuard<'_, Option<Worn<T>>> {
        self.worn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transport with this certificate: the one that is there, or a new one in its place.
    fn wear(&self, certified: CertifiedKey) -> Result<(), ConfigError> {
        if self.worn().as_ref().is_some_and(|worn| worn.certified == certified) {
            return Ok(());
        }
        let transport = Arc::new((self.build)(&self.plain, &certified)?);
        let before = self.worn().replace(Worn { certified, transport });
        // Foreign: dropped without the lock.
        drop(before);
        Ok(())
    }
}

/// The thumbprint is what an attempt asks for.
impl<T: Send + Sync + 'static> SecretSource for Dressing<T> {
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError> {
        let begun = Instant::now();
        let left = || limit.saturating_sub(begun.elapsed());
        let mut round = 1;
        loop {
            let certified = self.identity.read(left())?;
            let thumbprint = certified.thumbprint();
            let Err(error) = self.wear(certified) else { return Ok(thumbprint.into()) };
            // Whoever writes two files writes one before the other, and may be between them.
            let apart = if error == ConfigError::KeyMismatch { self.identity.apart() } else { None };
            match apart {
                None => return Err(error.into()),
                Some(apart) if round == READS || left() < BETWEEN_READS => return Err(apart),
                Some(_) => thread::sleep(BETWEEN_READS),
            }
            round += 1;
        }
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        self.identity.name()
    }

    fn is_costly(&self) -> bool {
        self.identity.is_costly()
    }
}

#[cfg(test)]
mod tests;
