use super::{Failure, of_the_command};
use evergrant_gateway::{Address, ServeError};
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

#[test]
fn what_does_not_let_anybody_be_served_is_the_systems_or_a_mistake_with_its_correction() {
    let error = || io::Error::other("no room: none");
    let address = || Address::Unix("own.sock".into());
    for error in [
        ServeError::Io(address(), error()),
        ServeError::Start(error()),
        ServeError::Roots("no certificate: none".into()),
    ] {
        let failure = Failure::serve("nobody is served", &error);
        assert_eq!(failure.status, 4, "{failure}");
        assert_eq!(failure.happened, format!("nobody is served: {error}"));
    }
    let failure = Failure::serve("nobody is served", &ServeError::InUse(address()));
    assert_eq!((failure.status, &*failure.next), (2, "choose another address"), "{failure}");
}
