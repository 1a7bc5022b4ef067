use super::UNANSWERED;
use super::{Failure, of_the_command};
use evergrant_core::fleet::Said;
use evergrant_gateway::{Address, ServeError};
use evergrant_http::tls_error;
use evergrant_tokio_reqwest::core::{Attempt, KeyInfo, Known, Move, Now, Outcome, Response, Seed, Signature};
use evergrant_tokio_reqwest::{Algorithm, Client, ClientAuth, Policy, Provider};
use rustls::{AlertDescription, CertificateError, Error};
use std::io;
use std::time::Duration;

#[test]
fn what_tls_advises_is_said_as_a_flag() {
    let no_roots = Error::General("No CA certificates were loaded from the system".into());
    for (error, advice) in [
        (Error::InvalidCertificate(CertificateError::UnknownIssuer), "or in --ca-file"),
        (no_roots, "or name a PEM file with --ca-file"),
        (Error::AlertReceived(AlertDescription::CertificateRequired), ": name it with --certificate"),
        (Error::AlertReceived(AlertDescription::AccessDenied), ": check with the server's operator"),
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

/// Nobody at the server can do anything about it.
#[test]
fn a_refusal_that_lies_in_the_clock_is_this_machines() {
    let provider = Provider::rfc6749("https://server.example/token").unwrap();
    let auth = ClientAuth::private_key_jwt("any").unwrap();
    let client = Client::builder(provider, auth).build().unwrap();
    let (known, seed) = (Known::new(&Policy::new()), Seed::new(Now::default()));
    let Move::Ask(asking) = Attempt::begin(&client, seed, &known) else { panic!("nothing is to be signed") };
    let input = asking.unsigned().unwrap().for_key(&KeyInfo::new([Algorithm::Es256]), [0; 16]).unwrap();
    let signed = input.signed(&Signature::new([0; 64])).unwrap();
    let Move::Send(_, sent) = asking.answer(signed) else { panic!("nothing is sent") };
    let answer = Response::new(401).with_header("Date", b"Thu, 01 Jan 1970 00:02:20 GMT");
    let Move::Done(Outcome::Refused(refusal), _) = sent.received(&answer, Now::default()) else {
        panic!("it is not refused")
    };
    let failure = Failure::from(&refusal);
    assert_eq!((failure.status, failure.at_fault), (4, "this machine"), "{failure}");
    let next = "; this machine's clock is 2 min 20 s behind the server's";
    assert!(
        failure.next.starts_with("set this machine's clock") && failure.next.ends_with(next),
        "{failure}"
    );
}

#[test]
fn what_another_invocation_was_told_says_when_a_request_may_be_sent_and_has_its_status() {
    let told = |said: &str, wait: Option<Duration>| {
        let refusal = Said::parse(said).expect("what is written in an entry").refusal(wait);
        Failure::from(&refusal)
    };
    let failure = told("transient 503 -", Some(Duration::from_millis(1200)));
    assert_eq!((failure.status, failure.retry_after), (4, Some(Duration::from_millis(1200))));
    let says = "that was an earlier token request, and none was sent now: the next one may be sent in 2 s at the earliest, or after evergrant cache clear";
    assert!(failure.next.ends_with(says), "{failure}");
    let failure = told("permanent 401 invalid_client", None);
    assert_eq!(failure.status, 3);
    assert!(failure.next.ends_with("and none was sent now"), "{failure}");
    // Whether there was an answer at all is known where the request was sent.
    let failure = told("transient - -", None);
    assert_eq!((failure.status, failure.at_fault), (4, UNANSWERED));
    assert!(failure.next.starts_with("the invocation that sent it said what failed"), "{failure}");
}
