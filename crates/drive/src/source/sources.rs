//! Which source is whose.

use super::reading::Reading;
use super::signing::Desk;
use super::{SecretSource, Ticket};
use crate::identity::Identity;
use crate::signer::{KeySource, Signer};
use evergrant_core::{Ask, Asking, Client, ConfigError, Excerpt, Unready};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The sources of one client. Clones share them, and whatever is read or signed at this moment.
#[derive(Clone, Default)]
pub(crate) struct Sources(Option<Arc<Named>>);

#[derive(Clone, Default)]
struct Named {
    credential: Option<Credential>,
    params: Vec<(Box<str>, Arc<Reading>)>,
    /// The certificate that its connections show.
    identity: Option<Identity>,
}

/// What proves who the client is.
#[derive(Clone)]
enum Credential {
    /// The client secret, or a finished assertion.
    Read(Arc<Reading>),
    /// What signs an assertion of the client's own.
    Signed(Arc<Desk>),
}

impl Credential {
    fn name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Read(reading) => reading.source.name(),
            Self::Signed(desk) => desk.name(),
        }
    }
}

/// What a source is called alone.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.0.as_deref();
        let credential = named.and_then(|named| named.credential.as_ref());
        let params = named.into_iter().flat_map(|named| named.params.iter().map(|(name, _)| name));
        f.debug_struct("Sources")
            .field("credential", &credential.and_then(Credential::name))
            .field("params", &params.collect::<Vec<_>>())
            .field("identity", &named.and_then(|named| named.identity.as_ref()))
            .finish()
    }
}

impl Sources {
    pub(crate) fn with_credential(self, source: impl SecretSource) -> Self {
        self.proven_by(Credential::Read(Reading::new(source)))
    }

    pub(crate) fn with_signer(self, signer: impl Signer) -> Self {
        self.proven_by(Credential::Signed(Desk::held(signer)))
    }

    pub(crate) fn with_key_source(self, source: impl KeySource) -> Self {
        self.proven_by(Credential::Signed(Desk::read(source)))
    }

    fn proven_by(mut self, credential: Credential) -> Self {
        self.named().credential = Some(credential);
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

    /// Whether each thing that this client reads or signs has a source, and each source something to be there for.
    ///
    /// # Errors
    /// [`ConfigError::NeedsSource`], [`ConfigError::UnusedSource`], [`ConfigError::NeedsSigner`], [`ConfigError::UnusedSigner`] or
    /// [`ConfigError::NeedsIdentity`]; and for an identity where there is no TLS, [`ConfigError::TlsRequired`].
    pub(crate) fn check(&self, client: &Client) -> Result<(), ConfigError> {
        if client.shows_certificate() && self.identity().is_none() {
            return Err(ConfigError::NeedsIdentity);
        }
        if self.identity().is_some() && !client.shows_certificate() {
            return client.clone().with_certificate().and(Err(ConfigError::NeedsIdentity));
        }
        let auth = client.auth();
        match self.0.as_deref().and_then(|named| named.credential.as_ref()) {
            Some(Credential::Signed(_)) if !auth.is_signed() => return Err(ConfigError::UnusedSigner),
            Some(Credential::Read(_)) if !auth.is_live() && !auth.is_signed() => {
                return Err(ConfigError::UnusedSource { field: field(&Ask::ClientSecret) });
            }
            Some(Credential::Read(_)) | None if auth.is_signed() => return Err(ConfigError::NeedsSigner),
            _ => {}
        }
        let asks: Vec<Ask> = client.asks().filter(|ask| *ask != Ask::Certificate).collect();
        if let Some(ask) = asks.iter().find(|ask| self.of(ask).is_none()) {
            return Err(ConfigError::NeedsSource { field: field(ask) });
        }
        let is_asked =
            |name: &str| asks.iter().any(|ask| matches!(ask, Ask::Parameter(own) if **own == *name));
        let Some(named) = &self.0 else { return Ok(()) };
        match named.params.iter().find(|(name, _)| !is_asked(name)) {
            Some((name, _)) => Err(ConfigError::UnusedSource { field: field(&Ask::Parameter(name.clone())) }),
            None => Ok(()),
        }
    }

    /// Begins to read, or to have signed, what is asked for.
    ///
    /// # Errors
    /// There is no source of it.
    pub(crate) fn begin(&self, asking: &Asking<'_>, limit: Duration) -> Result<Ticket, Unready> {
        if let Some(unsigned) = asking.unsigned() {
            let credential = self.0.as_deref().and_then(|named| named.credential.as_ref());
            let Some(Credential::Signed(desk)) = credential else {
                return Err(ConfigError::NeedsSigner.into());
            };
            return Ok(Ticket::Signature(desk.begin(unsigned.clone(), limit)));
        }
        let ask = asking.ask();
        let reading = self.of(ask).ok_or_else(|| ConfigError::NeedsSource { field: field(ask) })?;
        Ok(Ticket::Read(reading.begin(limit)))
    }

    fn of(&self, ask: &Ask) -> Option<&Arc<Reading>> {
        let named = self.0.as_deref()?;
        match (ask, &named.credential) {
            (Ask::Parameter(name), _) => {
                named.params.iter().find(|(own, _)| own == name).map(|(_, reading)| reading)
            }
            (Ask::ClientSecret | Ask::Assertion, Some(Credential::Read(reading))) => Some(reading),
            _ => None,
        }
    }
}

fn field(ask: &Ask) -> Excerpt {
    Excerpt::new(&ask.to_string(), &[]).unwrap_or_default()
}
