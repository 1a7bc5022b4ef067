use super::*;
use crate::wrapper::Outer;
use evergrant_core::Excerpt;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{OtherError, PeerMisbehaved};
use std::io;
use std::sync::Arc;

fn says(error: impl Into<Error>) -> String {
    let error = tls_error(&error.into()).unwrap();
    assert_eq!(error.kind(), TransportErrorKind::Tls);
    let detail = error.detail().unwrap().as_str().to_owned();
    assert!(detail.chars().count() < Excerpt::MAX_CHARS, "it is cut: {detail}");
    detail
}

fn other(text: &str) -> OtherError {
    OtherError(Arc::new(io::Error::other(text.to_owned())))
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn for_names(presented: &[&str]) -> String {
    says(CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("auth.example.com").unwrap(),
        presented: presented.iter().map(|name| (*name).to_owned()).collect(),
    })
}

#[test]
fn every_reason_has_its_sentence() {
    for (error, sentence) in [
        (CertificateError::UnknownIssuer, UNTRUSTED),
        (CertificateError::Other(other("CaUsedAsEndEntity")), CA),
        (CertificateError::Expired, EXPIRED),
        (CertificateError::NotValidYet, NOT_YET),
        (CertificateError::NotValidForName, OTHER_NAME),
        (CertificateError::Revoked, REVOKED),
        (CertificateError::UnknownRevocationStatus, UNREVOKED),
        (CertificateError::ExpiredRevocationList, UNREVOKED),
        (CertificateError::BadSignature, SIGNATURE),
        (CertificateError::InvalidPurpose, PURPOSE),
        (CertificateError::Other(other("certificate had invalid extensions")), PURPOSE),
        (
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![1],
                supported_algorithms: vec![],
            },
            ALGORITHM,
        ),
    ] {
        assert_eq!(says(error), sentence);
    }
    for (error, sentence) in [
        (Error::InvalidMessage(InvalidMessage::InvalidContentType), PLAIN_HTTP),
        (PeerIncompatible::ServerDoesNotSupportTls12Or13.into(), VERSION),
        (PeerIncompatible::NoCipherSuitesInCommon.into(), CIPHER),
        (Error::AlertReceived(AlertDescription::ProtocolVersion), VERSION),
        (Error::AlertReceived(AlertDescription::InsufficientSecurity), CIPHER),
        (Error::AlertReceived(AlertDescription::HandshakeFailure), HANDSHAKE),
        (Error::AlertReceived(AlertDescription::CertificateRequired), CLIENT_CERTIFICATE),
        (Error::AlertReceived(AlertDescription::UnknownCA), CLIENT_REFUSED),
        (Error::General("No CA certificates were loaded from the system".into()), NO_ROOTS),
        (Error::Other(other("no root trust anchors were provided")), NO_ROOTS),
    ] {
        assert_eq!(says(error), sentence);
    }
}

#[test]
fn a_time_that_is_over_or_to_come_says_by_how_much() {
    let expired = CertificateError::ExpiredContext { time: at(200_000), not_after: at(100_000) };
    assert!(
        says(expired).starts_with("the server's certificate expired 1 d 3 h ago: its operator must renew it")
    );
    let early = CertificateError::NotValidYetContext { time: at(100), not_before: at(190) };
    assert!(
        says(early).starts_with(
            "the server's certificate becomes valid in 1 min 30 s: this machine's clock is wrong"
        )
    );
}

#[test]
fn the_names_of_a_certificate_are_named_as_they_are_and_bounded() {
    let advice = "check the host in the URL";
    for (presented, named) in [
        (&["DnsName(\"a.test\")"][..], "a.test"),
        (&["DnsName(\"a.test\")", "IpAddress(127.0.0.2)"], "a.test and 127.0.0.2"),
        (&["a", "b", "c"], "a, b and c"),
        (&["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ] {
        let expected =
            format!("the server's certificate is not for auth.example.com but for {named}: {advice}");
        assert_eq!(for_names(presented), expected);
    }
    let long = format!("DnsName(\"{}\")", "x".repeat(10_000));
    let says = for_names(&[long.as_str(); 100]);
    assert!(says.contains(".. and 97 more") && says.ends_with(advice), "{says}");
    assert_eq!(for_names(&[]), NAMELESS);
}

#[test]
fn what_has_no_sentence_is_said_in_words_and_never_as_a_rust_type() {
    assert_eq!(
        says(CertificateError::Other(other("MaximumPathDepthExceeded"))),
        "the server's certificate breaks a rule of X.509 (maximum path depth exceeded)"
    );
    assert_eq!(
        says(CertificateError::Other(other("TrailingData(Time)"))),
        "the server's certificate breaks a rule of X.509 (trailing data)"
    );
    assert_eq!(says(CertificateError::BadEncoding), "the server's certificate cannot be used (bad encoding)");
    assert_eq!(
        says(PeerMisbehaved::TooManyEmptyFragments),
        "the server, or something on the network path, breaks the TLS protocol (too many empty fragments)"
    );
    assert_eq!(
        says(InvalidMessage::MissingData("ServerHello")),
        "what the server sent is not valid TLS (missing data)"
    );
    assert!(says(Error::AlertReceived(AlertDescription::DecodeError)).contains("alert 50 "));
    // What a verifier of the platform says is a sentence already.
    let platform = CertificateError::Other(other("The certificate is not trusted."));
    assert_eq!(says(platform), "the server's certificate was refused: The certificate is not trusted.");
    assert_eq!(says(Error::General("Something of a provider".into())), "Something of a provider");
}

#[test]
fn it_is_found_below_whatever_wraps_it() {
    let inner = || io::Error::new(io::ErrorKind::InvalidData, Error::from(CertificateError::UnknownIssuer));
    for error in [Outer(inner()), Outer(io::Error::other(inner())), Outer(io::Error::other(Outer(inner())))] {
        assert_eq!(tls_error(&error).unwrap().detail().unwrap().as_str(), UNTRUSTED);
    }
    assert_eq!(tls_error(&Outer(io::Error::other("closed"))), None);
}

#[test]
fn what_is_wrong_with_a_client_certificate_says_what_to_do_and_other_errors_are_none_of_it() {
    use rustls::InconsistentKeys::KeyMismatch;
    let said = |error: Error| identity_error(&error).map(|error| error.to_string());
    let says = |error: Error, words: &str| said(error).is_some_and(|said| said.contains(words));
    assert_eq!(identity_error(&Error::from(KeyMismatch)), Some(ConfigError::KeyMismatch));
    assert_eq!(
        identity_error(&Outer(io::Error::other(Error::from(KeyMismatch)))),
        Some(ConfigError::KeyMismatch)
    );
    assert!(says(
        Error::General("failed to parse private key as RSA, ECDSA, or EdDSA".into()),
        "openssl pkey"
    ));
    assert!(says(CertificateError::BadEncoding.into(), "openssl x509"));
    // The roots of this machine are none of the client's.
    assert_eq!(said(Error::General("No CA certificates were loaded from the system".into())), None);
    assert_eq!(said(Error::DecryptError), None);
    assert_eq!(identity_error(&io::Error::other("anything else")), None);
}
