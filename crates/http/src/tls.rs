//! What a failed TLS handshake means, in sentences: the one place where an error of a TLS library is read.
//!
//! The Display of rustls's errors is in part the Debug of their types, and OpenSSL's names its source files.

use evergrant_core::{ConfigError, Endpoint, Excerpt, TransportError, TransportErrorKind};

#[cfg(feature = "rustls")]
mod rustls;

#[cfg(feature = "rustls")]
pub use self::rustls::{client_certificate, identity_error, tls_error};

// Each is shorter than an Excerpt, which would cut it.
const UNTRUSTED: &str = "the server's certificate is from an authority that is not trusted here: add the authority's root \
                         certificate to this machine's, name it in SSL_CERT_FILE or SSL_CERT_DIR, or give it to the HTTP \
                         client";
const EXPIRED: &str =
    "the server's certificate has expired: its operator must renew it, or this machine's clock is wrong";
const NOT_YET: &str = "the server's certificate is not valid yet: this machine's clock is wrong, or the server's operator must \
                       replace it";
const OTHER_NAME: &str = "the server's certificate is for another host: check the host in the URL";
const PLAIN_HTTP: &str = "the server, or something on the network path, speaks plain http on this port: check the scheme \
                          and the port of the URL";
const VERSION: &str = "no TLS version in common: this client speaks 1.2 and 1.3, and the server neither";
const HANDSHAKE: &str = "the server refused the handshake: most often it has no cipher or TLS version in common with this client, \
                         or wants a client certificate";
const CLIENT_CERTIFICATE: &str =
    "the server wants a client certificate: give the source an identity (mutual TLS)";
const CLIENT_REFUSED: &str = "the server refused this client's certificate, or requires one: check with the server's \
                              operator which certificate it expects (mutual TLS)";
const REVOKED: &str = "the server's certificate has been revoked: its operator must replace it";
const SIGNATURE: &str = "the server's certificate is not signed by the key of its authority: another authority with the \
                         same name is trusted here (an older one, perhaps), or the certificate is forged";
const ALGORITHM: &str = "the server's certificate has a signature that is not supported here (SHA-1, or a short RSA key, say): \
                         its operator must replace it";
const PURPOSE: &str = "the server's certificate is not for servers (extended key usage serverAuth): its operator must replace it";

/// What the words of another TLS library than rustls mean: those of OpenSSL by sentences of ours, and any other's as they are.
pub fn tls_text_error(text: &str) -> TransportError {
    let lower = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let sentence = if says(&["wrong version number", "packet length too long", "http request"]) {
        PLAIN_HTTP
    } else if says(&[
        "unable to get local issuer",
        "unable to get issuer",
        "unable to verify the first",
        "self-signed",
        "self signed",
        "not trusted",
    ]) {
        UNTRUSTED
    } else if says(&["has expired"]) {
        EXPIRED
    } else if says(&["not yet valid"]) {
        NOT_YET
    } else if says(&["hostname mismatch", "ip address mismatch"]) {
        OTHER_NAME
    } else if says(&["certificate revoked"]) {
        REVOKED
    } else if says(&["certificate required"]) {
        CLIENT_CERTIFICATE
    } else if says(&["alert bad certificate", "alert unknown ca", "alert certificate unknown"]) {
        CLIENT_REFUSED
    } else if says(&["certificate signature failure"]) {
        SIGNATURE
    } else if says(&["md too weak", "key too small"]) {
        ALGORITHM
    } else if says(&["certificate purpose"]) {
        PURPOSE
    } else if says(&["unsupported protocol", "protocol version"]) {
        VERSION
    } else if says(&["handshake failure"]) {
        HANDSHAKE
    } else {
        return TransportError::new(TransportErrorKind::Tls, text, &[]);
    };
    ours(sentence)
}

/// What a build can do about TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TlsSupport {
    /// No feature of the adapter brings a TLS library.
    Absent,
    /// rustls, and no crypto provider for it.
    NoProvider,
    /// All that a handshake needs.
    Ready,
}

impl TlsSupport {
    /// What is missing, and what to do; `None` where nothing is.
    pub const fn missing(self) -> Option<&'static str> {
        match self {
            Self::Ready => None,
            Self::Absent => Some(
                "the token endpoint is https, and this build has no TLS: enable the feature rustls or native-tls of the \
                 evergrant adapter",
            ),
            Self::NoProvider => Some(
                "no crypto provider for TLS is installed: call rustls's CryptoProvider::install_default first, or enable \
                 the feature rustls or native-tls of the evergrant adapter",
            ),
        }
    }
}

/// Whether a build with this support can ask the token endpoint, as far as TLS decides it.
///
/// # Errors
/// [`ConfigError::HttpClient`]: the endpoint is https, and something is missing. It says which.
pub fn require_tls(endpoint: &Endpoint, support: TlsSupport) -> Result<(), ConfigError> {
    match support.missing() {
        Some(missing) if endpoint.origin().scheme() == "https" => {
            Err(ConfigError::HttpClient { reason: Excerpt::new(missing, &[]).unwrap_or_default() })
        }
        _ => Ok(()),
    }
}

/// That the private key of a client certificate is in another format than PKCS#8, where the TLS library takes that alone.
pub fn pkcs8_error() -> ConfigError {
    let excerpt = |text| Excerpt::new(text, &[]).unwrap_or_default();
    ConfigError::KeyFormat {
        found: excerpt(
            "the private key of the client certificate is not in PKCS#8, and this TLS library takes no other",
        ),
        mend: excerpt("convert it: openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.pem"),
    }
}

fn ours(sentence: &str) -> TransportError {
    TransportError::ours(TransportErrorKind::Tls, sentence)
}

#[cfg(test)]
mod tests;
