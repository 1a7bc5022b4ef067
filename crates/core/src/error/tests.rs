use super::*;
use alloc::format;
use alloc::string::String;

#[test]
fn an_excerpt_is_printable_bounded_and_without_secrets() {
    let shown = |words: &str| Excerpt::new(words, &["hunter2", ""]).map(|e| e.as_str().into());
    assert_eq!(
        shown("wrong\u{1b}[31m \u{202e}secret hunter2\r\n"),
        Some(String::from("wrong[31m secret [redacted]"))
    );
    assert_eq!(shown(" \r\n\u{7} "), None);
    assert_eq!(
        shown("via http://bob:pw@proxy:3128/x"),
        Some(String::from("via http://[redacted]@proxy:3128/x"))
    );
    assert_eq!(shown("http://a/b@c"), Some(String::from("http://a/b@c")));
    let long = Excerpt::new(&"ä".repeat(10_000), &[]).unwrap();
    assert_eq!(long.as_str().chars().count(), Excerpt::MAX_CHARS);
}

#[test]
fn a_secret_that_straddles_the_bound_is_masked() {
    for padding in 0..40 {
        let words = format!("{}SENTINELSENTINELSENTINEL", "x".repeat(230 + padding));
        let shown = Excerpt::new(&words, &["SENTINELSENTINELSENTINEL"]).unwrap();
        assert!(!shown.as_str().contains("SENT"), "{shown}");
    }
}

#[test]
fn every_error_says_what_happened_and_what_to_do() {
    let code = |code| {
        Problem::ErrorResponse(ErrorResponse {
            code: Excerpt::new(code, &[]).unwrap(),
            description: Excerpt::new("unknown client", &[]),
        })
    };
    let refused = Refusal::new(Class::Permanent, Some(401), code("invalid_client"));
    assert_eq!(
        format!("{refused}"),
        "the authorization server refused with invalid_client (http 401): unknown client; check the client id, the \
         client secret and the authentication method with the server's operator"
    );
    let error =
        Error::Failed { cause: Cause::Refused(Arc::new(refused)), retry_after: Duration::from_secs(9) };
    assert!(error.is_permanent());
    assert_eq!(error.retry_after(), Duration::from_secs(9));
    assert_eq!(error.refusal().and_then(Refusal::code), Some("invalid_client"));
    let tls = TransportError::new(TransportErrorKind::Tls, "certificate expired", &[]);
    let shown = format!("{}", Refusal::from(tls));
    assert!(shown.contains("certificate expired") && shown.contains("trusted roots"), "{shown}");
}
