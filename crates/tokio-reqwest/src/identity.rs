//! A client certificate as reqwest has it, and what is wrong with one.

use evergrant_core::ConfigError;
use evergrant_drive::CertifiedKey;
use reqwest::ClientBuilder;

/// The HTTP client whose connections show this. Where both TLS libraries are built in, reqwest takes the operating system's.
///
/// # Errors
/// That library takes keys in PKCS#8 alone, and there may be none.
pub(crate) fn shown(builder: ClientBuilder, identity: &CertifiedKey) -> Result<ClientBuilder, ConfigError> {
    #[cfg(feature = "native-tls")]
    {
        let (certificates, key) = (identity.certificates_pem(), identity.key_pem());
        if identity.key().0 != evergrant_drive::KeyEncoding::Pkcs8 {
            return Err(evergrant_http::pkcs8_error());
        }
        let known = reqwest::Identity::from_pkcs8_pem(certificates.as_bytes(), key.expose().as_bytes());
        known.map(|known| builder.identity(known)).map_err(|error| unusable(&error))
    }
    #[cfg(all(any(feature = "rustls", feature = "rustls-no-provider"), not(feature = "native-tls")))]
    {
        let known = reqwest::Identity::from_pem(identity.pem().expose().as_bytes());
        known.map(|known| builder.identity(known)).map_err(|error| unusable(&error))
    }
    #[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
    {
        let _ = (builder, identity);
        let missing = evergrant_http::TlsSupport::Absent.missing().unwrap_or_default();
        let reason = evergrant_core::Excerpt::new(missing, &[]).unwrap_or_default();
        Err(ConfigError::HttpClient { reason })
    }
}

/// What is wrong with the certificate or its key, if that is why an HTTP client could not be built.
pub(crate) fn fault(error: &reqwest::Error, said: &str) -> Option<ConfigError> {
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
    if let Some(fault) = evergrant_http::identity_error(error) {
        return Some(fault);
    }
    let _ = error;
    // OpenSSL's words.
    said.contains("key values mismatch").then_some(ConfigError::KeyMismatch)
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
fn unusable(error: &reqwest::Error) -> ConfigError {
    let excerpt = |text| evergrant_core::Excerpt::new(text, &[]).unwrap_or_default();
    fault(error, &error.to_string()).unwrap_or_else(|| ConfigError::KeyFormat {
        found: excerpt("the client certificate or its key is none that this TLS library can use"),
        mend: excerpt(
            "check them with openssl x509 -in FILE -noout -text and openssl pkey -in KEY -noout -check",
        ),
    })
}
