//! What a request's TLS session tells.

#[cfg(feature = "tls")]
use base64::Engine as _;

/// The session of a connection over TLS.
#[derive(Clone)]
pub(crate) struct Session {
    /// Whether an earlier session was resumed: the client's certificate is then that of the earlier one.
    pub(crate) resumed: bool,
    /// The certificate that the client showed.
    pub(crate) certificate: Option<Certificate>,
}

#[derive(Clone)]
pub(crate) struct Certificate {
    /// In DER, the client's own first.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "without TLS nobody shows one"))]
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) thumbprint: String,
}

/// The `x5t#S256` of a certificate in DER (RFC 8705 §3.1).
#[cfg(feature = "tls")]
pub(crate) fn thumbprint(der: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, der))
}

#[cfg(feature = "tls")]
impl Session {
    pub(crate) fn of(connection: &rustls::ServerConnection) -> Self {
        let chain: Vec<Vec<u8>> =
            connection.peer_certificates().unwrap_or_default().iter().map(|der| der.to_vec()).collect();
        let certificate = chain.first().map(|own| thumbprint(own));
        Self {
            resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
            certificate: certificate.map(|thumbprint| Certificate { chain, thumbprint }),
        }
    }
}
