//! How requests are sent to endpoints that are found out, and with a certificate that is read: an HTTP client for each way, built when the first
//! request needs it.

use crate::route::{Proxies, Route};
use crate::way::{Needs, Way};
use evergrant_core::{ConfigError, Endpoint, TransportError, TransportErrorKind};
use evergrant_drive::CertifiedKey;
use evergrant_http::OnDemand;
use reqwest::ClientBuilder;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;

/// What HTTP clients are made of.
pub(crate) struct Recipe {
    pub(crate) http: Http,
    pub(crate) proxies: Proxies,
}

/// Where an HTTP client comes from.
pub(crate) enum Http {
    /// reqwest's defaults.
    Default,
    /// The user's, made anew for each.
    Each(Box<dyn Fn() -> ClientBuilder + Send + Sync>),
}

impl Http {
    const fn is_own(&self) -> bool {
        matches!(self, Self::Each(_))
    }

    fn builder(&self) -> ClientBuilder {
        match self {
            Self::Default => reqwest::Client::builder(),
            Self::Each(http) => http(),
        }
    }
}

/// The names of settings alone: an HTTP client may hold a secret.
impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}

impl Recipe {
    pub(crate) fn needs(&self, endpoint: &Endpoint, attempt_timeout: Duration) -> Result<Needs, ConfigError> {
        Needs::new(self.http.is_own(), endpoint, attempt_timeout, &self.proxies)
    }

    pub(crate) fn way(&self, needs: &Needs, identity: Option<&CertifiedKey>) -> Result<Way, ConfigError> {
        Way::new(self.http.builder(), needs, identity)
    }
}

/// HTTP clients by what they are built for.
pub(crate) type Clients = OnDemand<Needs, Way>;

/// HTTP clients by the certificate that they show, each for as long as a source holds it: sources with one certificate share them.
#[derive(Default)]
pub(crate) struct Certified(Mutex<Vec<(CertifiedKey, Weak<Clients>)>>);

impl Certified {
    fn clients(&self, identity: &CertifiedKey) -> Arc<Clients> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, clients)| clients.strong_count() > 0);
        let same = known.iter().find(|(key, _)| key == identity).and_then(|(_, clients)| clients.upgrade());
        same.unwrap_or_else(|| {
            let clients = Arc::default();
            known.push((identity.clone(), Arc::downgrade(&clients)));
            clients
        })
    }
}

/// What sends to any endpoint.
pub(crate) struct Ways {
    /// Where the first request goes.
    first: Endpoint,
    attempt_timeout: Duration,
    from: From,
}

enum From {
    /// HTTP clients that are built on demand.
    Recipe(Arc<Recipe>, Arc<Clients>, Option<CertifiedKey>),
    /// What builds those of a certificate, once there is one: by itself it sends nothing.
    Uncertified(Arc<Recipe>, Arc<Certified>),
    /// The one that the user gave, which goes everywhere.
    One(Way, Proxies),
}

impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ways").field("first", &self.first).finish_non_exhaustive()
    }
}

impl Ways {
    /// To endpoints that are found out, the first of which is known.
    pub(crate) fn found(
        first: Endpoint,
        attempt_timeout: Duration,
        recipe: &Arc<Recipe>,
        clients: &Arc<Clients>,
    ) -> Result<Self, ConfigError> {
        let from = From::Recipe(Arc::clone(recipe), Arc::clone(clients), None);
        Self { first, attempt_timeout, from }.checked()
    }

    /// To endpoints whose server wants a certificate, which is not there yet.
    pub(crate) fn certified(
        first: Endpoint,
        attempt_timeout: Duration,
        recipe: &Arc<Recipe>,
        certified: &Arc<Certified>,
    ) -> Result<Self, ConfigError> {
        // What is wrong with the proxy, or with the build, is known before there is a certificate.
        drop(recipe.needs(&first, attempt_timeout)?);
        let from = From::Uncertified(Arc::clone(recipe), Arc::clone(certified));
        Ok(Self { first, attempt_timeout, from })
    }

    /// To endpoints that are found out, all through one HTTP client of the user's.
    pub(crate) const fn through(
        first: Endpoint,
        attempt_timeout: Duration,
        way: Way,
        proxies: Proxies,
    ) -> Self {
        Self { first, attempt_timeout, from: From::One(way, proxies) }
    }

    /// The same with this certificate.
    pub(crate) fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError> {
        let From::Uncertified(recipe, certified) = &self.from else { return Err(ConfigError::NeedsIdentity) };
        let from = From::Recipe(Arc::clone(recipe), certified.clients(identity), Some(identity.clone()));
        Self { first: self.first.clone(), attempt_timeout: self.attempt_timeout, from }.checked()
    }

    /// The same, with the HTTP client that the first request needs.
    fn checked(self) -> Result<Self, ConfigError> {
        if let From::Recipe(recipe, clients, identity) = &self.from {
            let needs = recipe.needs(&self.first, self.attempt_timeout)?;
            drop(clients.value(needs, |needs| recipe.way(needs, identity.as_ref()))?);
        }
        Ok(self)
    }

    /// The way to this endpoint.
    pub(crate) async fn to(&self, endpoint: &Endpoint) -> Result<Way, TransportError> {
        let (recipe, clients, identity) = match &self.from {
            From::Recipe(recipe, clients, identity) => (recipe, clients, identity),
            From::Uncertified(..) => return Err(unsent(&ConfigError::NeedsIdentity)),
            From::One(way, proxies) => {
                // What it was built for: no request to a loopback literal goes through a proxy, and no other one misses its own.
                if endpoint.origin().is_loopback() != self.first.origin().is_loopback() {
                    return Err(TransportError::ours(TransportErrorKind::Proxy, BOTH));
                }
                let route = Route::new(true, endpoint.origin(), proxies).map_err(|error| unsent(&error))?;
                return Ok(way.by(route));
            }
        };
        let needs = recipe.needs(endpoint, self.attempt_timeout).map_err(|error| unsent(&error))?;
        if let Ok(way) = clients.value(needs.clone(), |_| Err(())) {
            return Ok(way);
        }
        let (recipe, clients, identity) = (Arc::clone(recipe), Arc::clone(clients), identity.clone());
        let build = move || clients.value(needs, |needs| recipe.way(needs, identity.as_ref()));
        // The roots of the machine are read for it: not here, where others wait for their turn.
        let built = match Handle::try_current() {
            Ok(handle) => handle.spawn_blocking(build).await,
            Err(_) => Ok(build()),
        };
        match built {
            Ok(built) => built.map_err(|error| unsent(&error)),
            // It panicked, or the runtime ends.
            Err(error) => Err(TransportError::ours(TransportErrorKind::Other, &error.to_string())),
        }
    }

    /// The proxy on the way to this endpoint.
    pub(crate) fn route(&self, endpoint: &Endpoint) -> Result<Route, ConfigError> {
        let (is_own, proxies) = match &self.from {
            From::Recipe(recipe, ..) | From::Uncertified(recipe, _) => {
                (recipe.http.is_own(), &recipe.proxies)
            }
            From::One(_, proxies) => (true, proxies),
        };
        Route::new(is_own, endpoint.origin(), proxies)
    }
}

const BOTH: &str = "one of the metadata and the token endpoint is at a loopback address, and the other is not: one HTTP client cannot do \
                    for both, use http_each in place of http";

/// What is wrong with the settings for an endpoint that was not known when they were checked.
fn unsent(error: &ConfigError) -> TransportError {
    let kind = match error {
        ConfigError::Proxy { .. } => TransportErrorKind::Proxy,
        _ => TransportErrorKind::Tls,
    };
    TransportError::new(kind, &error.to_string(), &[])
}

#[cfg(test)]
mod tests;
