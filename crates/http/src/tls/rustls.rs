//! The errors of rustls.

use super::{
    ALGORITHM, CLIENT_CERTIFICATE, CLIENT_REFUSED, EXPIRED, HANDSHAKE, NOT_YET, OTHER_NAME, PLAIN_HTTP,
    PURPOSE, REVOKED, SIGNATURE, UNTRUSTED, VERSION, ours,
};
use crate::cause::causes;
use evergrant_core::{ConfigError, Excerpt, Span, TransportError, TransportErrorKind};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use std::error::Error as StdError;
use std::fmt::Debug;
use std::time::Duration;

const CIPHER: &str =
    "no cipher or key exchange in common with the server: its operator must allow one that is not outdated";
const NO_ROOTS: &str = "there are no trusted root certificates on this machine: install ca-certificates, or correct \
                        SSL_CERT_FILE and SSL_CERT_DIR (where they are set, they replace the machine's own), or give root \
                        certificates to the HTTP client";
const CA: &str = "the server's certificate is a CA certificate, most often self-signed: issue a server certificate from \
                  it, or create it again without CA:TRUE and trust it here";
const UNREVOKED: &str = "it is not known whether the server's certificate has been revoked: the revocation list is \
                         missing or has \
                         expired";
const NAMELESS: &str =
    "the server's certificate names no host (subjectAltName): its operator must replace it";

/// How many of a certificate's names are said, and how many characters of each: all of them are the server's words.
const NAMES: usize = 3;
const NAME: usize = 32;
/// How much is said of the host that was asked, in characters.
const HOST: usize = 64;

/// What an error means that was caused by one of rustls's, in a sentence of ours; `None` where none of its causes is one.
pub fn tls_error(error: &(dyn StdError + 'static)) -> Option<TransportError> {
    causes(error).find_map(|cause| cause.downcast_ref::<Error>()).map(of)
}

/// A client certificate and its key as rustls has them: the chain in DER, its own certificate first, and the key in DER (PKCS #8, PKCS #1
/// or SEC 1).
///
/// # Errors
/// They do not belong together, as far as that can be told, or one of them cannot be read or used: [`identity_error`] says which.
pub fn client_certificate<'a>(
    chain: impl IntoIterator<Item = &'a [u8]>,
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Error> {
    let chain = chain.into_iter().map(|certificate| CertificateDer::from(certificate.to_vec())).collect();
    let key = PrivateKeyDer::try_from(key.to_vec()).map_err(|error| Error::General(error.into()))?;
    CertifiedKey::from_der(chain, key, provider)
}

/// What is wrong with a client certificate or its key, if that is what an error was caused by.
pub fn identity_error(error: &(dyn StdError + 'static)) -> Option<ConfigError> {
    let excerpt = |text: &str| Excerpt::new(text, &[]).unwrap_or_default();
    match causes(error).find_map(|cause| cause.downcast_ref::<Error>())? {
        Error::InconsistentKeys(_) => Some(ConfigError::KeyMismatch),
        Error::InvalidCertificate(_) => Some(ConfigError::KeyFormat {
            found: excerpt("the client certificate cannot be read"),
            mend: excerpt(
                "check it with openssl x509 -in FILE -noout -text: one of version 1 has to be issued again with extensions (openssl \
                 x509 -extfile), and what is cut off written again",
            ),
        }),
        // What its providers say of a key, in words of their own.
        Error::General(text) if of_text(text).is_none() => Some(ConfigError::KeyFormat {
            found: excerpt("the private key of the client certificate is none that this TLS library can use"),
            mend: excerpt(
                "use an RSA key of at least 2048 bits, or one of P-256, P-384 or Ed25519, and check it with openssl pkey -in KEY \
                 -noout -check",
            ),
        }),
        _ => None,
    }
}

fn of(error: &Error) -> TransportError {
    let quoted = |text: &str| TransportError::new(TransportErrorKind::Tls, text, &[]);
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => ours(VERSION),
        Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig) => ours(
            "the server chose a TLS version that the HTTP client is configured not to speak: allow it there",
        ),
        Error::PeerIncompatible(_) => ours(CIPHER),
        // The first byte is none that a TLS record begins with.
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => ours(PLAIN_HTTP),
        Error::InvalidMessage(why) => {
            ours(&format!("what the server sent is not valid TLS ({})", words(why)))
        }
        Error::PeerMisbehaved(why) => ours(&format!(
            "the server, or something on the network path, breaks the TLS protocol ({})",
            words(why)
        )),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => ours(
            "the server, or something on the network path, breaks the TLS protocol (a message out of turn)",
        ),
        Error::DecryptError => {
            ours("what the server sent cannot be decrypted: something on the network path has changed it")
        }
        Error::PeerSentOversizedRecord => {
            ours("the server sent a TLS record that is longer than the protocol allows")
        }
        Error::NoCertificatesPresented => ours("the server presented no certificate"),
        Error::InvalidCertRevocationList(_) => {
            ours("the certificate revocation list cannot be read: replace it")
        }
        Error::NoApplicationProtocol => {
            ours("no application protocol in common (ALPN): the server does not speak HTTP/1.1")
        }
        Error::InconsistentKeys(_) => {
            ours("the client certificate and its private key do not belong together")
        }
        Error::FailedToGetCurrentTime => ours("this machine's clock cannot be read: it is before 1970"),
        Error::FailedToGetRandomBytes => ours("this machine has no randomness for TLS"),
        Error::General(text) => of_text(text).unwrap_or_else(|| quoted(text)),
        Error::Other(error) => {
            let text = error.to_string();
            of_text(&text).unwrap_or_else(|| quoted(&text))
        }
        // What a client meets when this library, or the program, uses rustls wrongly.
        other => ours(&format!("rustls cannot be used like this ({})", words(other))),
    }
}

fn of_certificate(error: &CertificateError) -> TransportError {
    let away = |later: u64, earlier: u64| Span(Duration::from_secs(later.saturating_sub(earlier)));
    ours(match error {
        CertificateError::UnknownIssuer => UNTRUSTED,
        CertificateError::Expired => EXPIRED,
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = away(time.as_secs(), not_after.as_secs());
            return ours(&format!(
                "the server's certificate expired {ago} ago: its operator must renew it, or this machine's clock is wrong"
            ));
        }
        CertificateError::NotValidYet => NOT_YET,
        CertificateError::NotValidYetContext { time, not_before } => {
            let ahead = away(not_before.as_secs(), time.as_secs());
            return ours(&format!(
                "the server's certificate becomes valid in {ahead}: this machine's clock is wrong, or the server's operator must \
                 replace it"
            ));
        }
        CertificateError::NotValidForName => OTHER_NAME,
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => NAMELESS,
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = names(presented);
            let detail = format!(
                "the server's certificate is not for {} but for {names}: check the host in the URL",
                bounded(&expected.to_str(), HOST)
            );
            return TransportError::new(TransportErrorKind::Tls, &detail, &[]);
        }
        CertificateError::Revoked => REVOKED,
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => UNREVOKED,
        CertificateError::BadSignature => SIGNATURE,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => ALGORITHM,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => PURPOSE,
        CertificateError::Other(error) => {
            let text = error.to_string();
            return of_text(&text).unwrap_or_else(|| {
                let detail = format!("the server's certificate was refused: {text}");
                TransportError::new(TransportErrorKind::Tls, &detail, &[])
            });
        }
        other => return ours(&format!("the server's certificate cannot be used ({})", words(other))),
    })
}

/// The server says why it ends the handshake (RFC 8446 §6).
fn of_alert(alert: AlertDescription) -> TransportError {
    ours(match alert {
        AlertDescription::ProtocolVersion => VERSION,
        AlertDescription::InsufficientSecurity => CIPHER,
        AlertDescription::HandshakeFailure => HANDSHAKE,
        AlertDescription::CertificateRequired => CLIENT_CERTIFICATE,
        AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => CLIENT_REFUSED,
        AlertDescription::UnrecognisedName => {
            "the server has no certificate for this host (SNI): check the host in the URL"
        }
        other => {
            let code = u8::from(other);
            return ours(&format!(
                "the server ended TLS with alert {code} (RFC 8446, section 6): its log says why"
            ));
        }
    })
}

/// What rustls has no variant for comes as a text: of its webpki the Debug of a variant, of the platform's verifier and of the
/// loader of its roots a sentence.
fn of_text(text: &str) -> Option<TransportError> {
    Some(ours(match text {
        "CaUsedAsEndEntity" => CA,
        "No CA certificates were loaded from the system" | "no root trust anchors were provided" => NO_ROOTS,
        // The platform's verifier, for what rustls itself calls another purpose.
        "certificate had invalid extensions" => PURPOSE,
        text if is_variant(text) => {
            return Some(ours(&format!(
                "the server's certificate breaks a rule of X.509 ({})",
                words(&text)
            )));
        }
        _ => return None,
    }))
}

/// Whether a text is the name of a Rust variant, with what is in it perhaps.
fn is_variant(text: &str) -> bool {
    let name = text.split(['(', '{', ' ']).next().unwrap_or_default();
    let rest = &text[name.len()..];
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && (rest.is_empty() || rest.starts_with('(') || rest.starts_with(" {"))
}

/// The name of a variant as words: what is in it is left out.
fn words(variant: &impl Debug) -> String {
    let name = format!("{variant:?}");
    let name = name.trim_start_matches('"');
    let mut words = String::new();
    for c in name.chars().take_while(char::is_ascii_alphanumeric) {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// The names of a certificate: the first few of them. They come as the Debug of webpki's type, such as `DnsName("a.test")`.
fn names(presented: &[String]) -> String {
    let mut names: Vec<_> = presented
        .iter()
        .take(NAMES)
        .map(|name| {
            let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            bounded(inner.unwrap_or(name).trim_matches('"'), NAME)
        })
        .collect();
    if let Some(more) = presented.len().checked_sub(NAMES).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}..", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
