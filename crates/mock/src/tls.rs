//! TLS: the server's certificate, and what is asked and believed of a client's (RFC 8705 §2).

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::pem;

/// The certificate of the server in PEM with its key, and whether a client is asked for its own.
pub(crate) struct Offer {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Offer {
    pub(crate) fn config(&self, asks: bool) -> io::Result<ServerConfig> {
        let chain = certificates(&self.chain)?.into_iter().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|_| invalid("the key of the server is no private key in PEM"))?;
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let config = if asks {
            config.with_client_cert_verifier(Arc::new(Anybody(provider)))
        } else {
            config.with_no_client_auth()
        };
        let mut config = config
            .with_single_cert(chain, key)
            .map_err(|_| invalid("the key of the server is not that of its certificate"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The certificates of a text in PEM, in DER; at least one.
pub(crate) fn certificates(text: &str) -> io::Result<Vec<Vec<u8>>> {
    let blocks = pem::blocks(text).unwrap_or_default();
    let certificates: Vec<Vec<u8>> =
        blocks.into_iter().filter(|block| block.label == "CERTIFICATE").map(|block| block.der).collect();
    if certificates.is_empty() { Err(invalid("no certificate in PEM")) } else { Ok(certificates) }
}

/// Who signs the certificates of clients.
#[derive(Clone)]
pub(crate) struct Authority {
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Authority {
    /// The roots in a text in PEM.
    pub(crate) fn read(text: &str) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for root in certificates(text)? {
            roots.add(root.into()).map_err(|_| invalid("a certificate of the authority is none"))?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self { verifier: verifier.map_err(io::Error::other)? })
    }

    /// Whether this chain, in DER and the client's own certificate first, is valid at this time, in seconds since 1970.
    pub(crate) fn signed(&self, chain: &[Vec<u8>], now: u64) -> bool {
        let mut chain = chain.iter().map(|der| CertificateDer::from(der.as_slice()));
        let Some(own) = chain.next() else { return false };
        let others: Vec<_> = chain.collect();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        self.verifier.verify_client_cert(&own, &others, now).is_ok()
    }
}

/// The subject of a certificate in DER, as RFC 4514 writes it: `CN=orders,O=Shop`.
pub(crate) fn subject(der: &[u8]) -> Option<String> {
    Some(Certificate::from_der(der).ok()?.tbs_certificate().subject().to_string())
}

/// A client may show any certificate whose key it has, or none: who it is, the token endpoint decides.
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for Anybody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Anybody")
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests;
