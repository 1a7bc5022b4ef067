//! The certificate that a listener shows to its callers.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;

/// A certificate with its key. Clones are the same one: it is renewed for all of them.
#[derive(Clone)]
pub struct Identity {
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
}

/// Why a certificate cannot be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no certificate in PEM (RFC 7468).
    Certificate,
    /// There is no private key in PEM.
    Key,
    /// They cannot be used, or the key is not that of the certificate.
    Unusable(String),
}

impl Identity {
    /// The certificates in PEM, its own first and then those that lead to one that callers trust, and the private key in PEM.
    ///
    /// # Errors
    /// One of them is not there, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let shown = Arc::new(Shown(RwLock::new(certified(certificates, key)?)));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| IdentityError::Unusable(error.to_string()))?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Shown>::clone(&shown) as Arc<dyn ResolvesServerCert>);
        // The last one by the few that speak nothing newer (RFC 7301 §6), and say so.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        Ok(Self { shown, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Shows these from now on. Connections that are there keep what they have agreed on.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem): the former ones are shown then.
    pub fn renew(&self, certificates: &[u8], key: &[u8]) -> Result<(), IdentityError> {
        let renewed = certified(certificates, key)?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    pub(crate) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn certified(certificates: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, IdentityError> {
    let chain: Result<Vec<CertificateDer<'static>>, pem::Error> =
        CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(IdentityError::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityError::Key)?;
    let certified = CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider());
    certified.map(Arc::new).map_err(|error| IdentityError::Unusable(error.to_string()))
}

/// What is shown at the moment.
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate => f.write_str("there is no certificate in PEM"),
            Self::Key => f.write_str("there is no private key in PEM"),
            Self::Unusable(why) => write!(f, "the certificate and its key cannot be used: {why}"),
        }
    }
}

impl std::error::Error for IdentityError {}
