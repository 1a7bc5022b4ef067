use super::of_the_command;
use evergrant_http::tls_error;
use rustls::{AlertDescription, CertificateError, Error};
use std::io;

#[test]
fn what_tls_advises_is_said_as_a_flag_or_is_said_to_be_missing() {
    let no_roots = Error::General("No CA certificates were loaded from the system".into());
    for (error, advice) in [
        (Error::InvalidCertificate(CertificateError::UnknownIssuer), "or in --ca-file"),
        (no_roots, "or name a PEM file with --ca-file"),
        (Error::AlertReceived(AlertDescription::CertificateRequired), ": this command cannot send one"),
        (Error::AlertReceived(AlertDescription::AccessDenied), ": this command cannot send one"),
    ] {
        let known = tls_error(&io::Error::other(error)).expect("an error of rustls");
        let said = of_the_command(known.to_string());
        assert!(said.contains(advice) && !said.contains("HTTP client"), "{said}");
    }
}
