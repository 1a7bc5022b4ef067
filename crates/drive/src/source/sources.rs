//! Which source is whose.

use super::SecretSource;
use super::reading::{Reading, Ticket};
use crate::identity::Identity;
use evergrant_core::{Ask, Client, ConfigError, Excerpt, Unready};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The sources of one client. Clones share them, and whatever is read at this moment.
#[derive(Clone, Default)]
pub(crate) struct Sources(Option<Arc<Named>>);

#[derive(Clone, Default)]
struct Named {
    /// Of the client secret, or of the assertion.
    credential: Option<Arc<Reading>>,
    params: Vec<(Box<str>, Arc<Reading>)>,
    /// The certificate that its connections show.
    identity: Option<Identity>,
}

/// What a source is called alone.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.0.as_deref();
        let credential = named.and_then(|named| named.credential.as_ref());
        let params = named.into_iter().flat_map(|named| named.params.iter().map(|(name, _)| name));
        f.debug_struct("Sources")
            .field("credential", &credential.and_then(|reading| reading.source.name()))
            .field("params", &params.collect::<Vec<_>>())
            .field("identity", &named.and_then(|named| named.identity.as_ref()))
            .finish()
    }
}

impl Sources {
    pub(crate) fn with_credential(mut self, source: impl SecretSource) -> Self {
        self.named().credential = Some(Reading::new(source));
        self
    }

    /// One that is named twice is the last one.
    pub(crate) fn with_param(mut self, name: &str, source: impl SecretSource) -> Self {
        let params = &mut self.named().params;
        params.retain(|(known, _)| **known != *name);
        params.push((name.into(), Reading::new(source)));
        self
    }

    pub(crate) fn with_identity(mut self, identity: Identity) -> Self {
        self.named().identity = Some(identity);
        self
    }

    /// Where the certificate lives that its connections show.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.0.as_deref()?.identity.as_ref()
    }

    fn named(&mut self) -> &mut Named {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// Whether each thing that this client reads has a source, and each source something to be read for.
    ///
    /// # Errors
    /// [`ConfigError::NeedsSource`], [`ConfigError::NeedsIdentity`] or [`ConfigError::UnusedSource`]; and for an identity where there is no
    /// TLS, [`ConfigError::TlsRequired`].
    pub(crate) fn check(&self, client: &Client) -> Result<(), ConfigError> {
        let asks: Vec<Ask> = client.asks().collect();
        if client.shows_certificate() && self.identity().is_none() {
            return Err(ConfigError::NeedsIdentity);
        }
        if self.identity().is_some() && !client.shows_certificate() {
            return client.clone().with_certificate().and(Err(ConfigError::NeedsIdentity));
        }
        let is_read = |ask: &Ask| *ask == Ask::Certificate || self.of(ask).is_some();
        if let Some(ask) = asks.iter().find(|ask| !is_read(ask)) {
            return Err(ConfigError::NeedsSource { field: field(ask) });
        }
        let is_asked =
            |name: &str| asks.iter().any(|ask| matches!(ask, Ask::Parameter(own) if **own == *name));
        let Some(named) = &self.0 else { return Ok(()) };
        if named.credential.is_some() && !client.auth().is_live() {
            return Err(ConfigError::UnusedSource { field: field(&Ask::ClientSecret) });
        }
        match named.params.iter().find(|(name, _)| !is_asked(name)) {
            Some((name, _)) => Err(ConfigError::UnusedSource { field: field(&Ask::Parameter(name.clone())) }),
            None => Ok(()),
        }
    }

    /// Begins to read what is asked for.
    ///
    /// # Errors
    /// There is no source of it.
    pub(crate) fn begin(&self, ask: &Ask, limit: Duration) -> Result<Ticket, Unready> {
        let reading = self.of(ask).ok_or_else(|| ConfigError::NeedsSource { field: field(ask) })?;
        Ok(reading.begin(limit))
    }

    fn of(&self, ask: &Ask) -> Option<&Arc<Reading>> {
        let named = self.0.as_deref()?;
        match ask {
            Ask::Parameter(name) => {
                named.params.iter().find(|(own, _)| own == name).map(|(_, reading)| reading)
            }
            Ask::ClientSecret | Ask::Assertion => named.credential.as_ref(),
            _ => None,
        }
    }
}

fn field(ask: &Ask) -> Excerpt {
    Excerpt::new(&ask.to_string(), &[]).unwrap_or_default()
}
