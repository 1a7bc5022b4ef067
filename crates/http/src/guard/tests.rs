use super::*;
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use std::io::Write as _;

fn guard(origins: &[&str]) -> Guard {
    Guard::new(Origins::parse(origins.iter().copied()).unwrap(), VerdictRule::Rfc6750)
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

fn headers(name: http::HeaderName, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
}

#[test]
fn a_request_to_an_allowed_origin_is_admitted_with_that_origin() {
    let guard = guard(&["https://api.example.com", "http://127.0.0.1:8080", "http://[::1]:8080"]);
    for (text, origin) in [
        ("https://api.example.com", "https://api.example.com"),
        ("https://API.example.COM:443/shipments?page=2", "https://api.example.com"),
        ("https://api.example.com:/shipments", "https://api.example.com"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ] {
        let admitted = guard.admit(&uri(text), &HeaderMap::new());
        assert_eq!(admitted, Ok(Origin::parse(origin).unwrap()), "{text}");
    }
}

#[test]
fn a_request_to_another_origin_is_refused_and_the_origin_is_named_without_secrets() {
    let guard = guard(&["https://api.example.com"]);
    for (text, shown) in [
        ("https://eu.api.example.com/", "https://eu.api.example.com"),
        ("http://api.example.com/", "http://api.example.com"),
        ("https://api.example.com:8443/a?key=secret", "https://api.example.com:8443"),
    ] {
        match guard.admit(&uri(text), &HeaderMap::new()) {
            Err(Refused::Origin(origin)) => assert_eq!(origin.as_str(), shown, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_absolute_http_url_is_told_so() {
    let guard = guard(&["https://api.example.com"]);
    for text in ["ftp://api.example.com/", "/shipments", "api.example.com:443", "https://127.1/"] {
        assert_eq!(guard.admit(&uri(text), &HeaderMap::new()), Err(Refused::Url), "{text}");
    }
}

#[test]
fn a_user_name_in_a_url_is_an_authorization_of_the_requests_own() {
    let guard = guard(&["https://api.example.com"]);
    for text in ["https://id:secret@elsewhere.example/", "https://somebody:else@api.example.com/"] {
        assert_eq!(guard.admit(&uri(text), &HeaderMap::new()), Err(Refused::Authorized), "{text}");
    }
}

#[test]
fn a_port_that_is_no_number_from_1_to_65535_is_not_the_port_of_the_scheme() {
    let guard = guard(&["https://api.example.com", "http://[::1]:80"]);
    for text in [
        "https://api.example.com:99999/",
        "https://api.example.com:65536",
        "https://api.example.com:0/",
        "https://api.example.com:44x3/",
        "http://[::1]:65536/",
        "http://[::1]:0/",
    ] {
        assert_eq!(guard.admit(&uri(text), &HeaderMap::new()), Err(Refused::Url), "{text}");
        assert_eq!((origin(&uri(text)), port(&uri(text))), (None, Err(Refused::Url)), "{text}");
    }
    let refused = guard.admit_parts("https", Some("api.example.com"), Some(0), &HeaderMap::new());
    assert_eq!(refused, Err(Refused::Url));
    for (text, expected) in
        [("https://a.test:65535/", Some(65535)), ("https://u:1@a.test:/", None), ("/x", None)]
    {
        assert_eq!(port(&uri(text)), Ok(expected), "{text}");
    }
}

#[test]
fn a_request_with_an_authorization_header_is_refused_whatever_its_origin() {
    let guard = guard(&["https://api.example.com"]);
    let own = headers(AUTHORIZATION, "Basic aWQ6c2VjcmV0");
    for text in ["https://api.example.com/", "https://elsewhere.example/"] {
        assert_eq!(guard.admit(&uri(text), &own), Err(Refused::Authorized), "{text}");
    }
    assert_eq!(guard.admit_parts("https", Some("api.example.com"), None, &own), Err(Refused::Authorized));
}

#[test]
fn the_parts_of_a_url_are_admitted_as_the_url_is() {
    let guard = guard(&["https://api.example.com", "http://[::1]:8080"]);
    let admit = |scheme, host, port| guard.admit_parts(scheme, host, port, &HeaderMap::new());
    assert_eq!(
        admit("https", Some("api.example.com"), None),
        Ok(Origin::parse("https://api.example.com").unwrap())
    );
    assert_eq!(admit("http", Some("[::1]"), Some(8080)), Ok(Origin::parse("http://[::1]:8080").unwrap()));
    let refused = |shown| Err(Refused::Origin(shown));
    let shown = Excerpt::origin(Some("https"), Some("api.example.com"), Some(8443));
    assert_eq!(admit("https", Some("api.example.com"), Some(8443)), refused(shown));
    assert_eq!(admit("data", None, None), Err(Refused::Url));
}

#[test]
fn an_answer_is_judged_by_status_and_headers() {
    let guard = guard(&["https://api.example.com"]);
    let expired = headers(WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#);
    assert_eq!(guard.judge(status(401), &expired, None), Verdict::TokenRefused);
    assert_eq!(guard.judge(status(403), &HeaderMap::new(), None), Verdict::Fine);
    assert_eq!(guard.judge(status(200), &expired, None), Verdict::Fine);
}

#[test]
fn every_line_of_a_header_is_seen() {
    let guard = guard(&[]);
    let mut lines = headers(WWW_AUTHENTICATE, "Basic realm=\"a\"");
    lines.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"insufficient_scope\""));
    assert_eq!(guard.judge(status(403), &lines, None), Verdict::InsufficientScope);
}

#[test]
fn a_body_is_asked_for_and_looked_into_where_the_rule_needs_one() {
    let guard = guard(&[]).with_verdict(VerdictRule::MyParcel);
    assert!(guard.needs_body(status(401)) && !guard.needs_body(status(200)));
    let carrier = br#"{"errors":[{"code":"13003"}]}"#;
    assert_eq!(guard.judge(status(401), &HeaderMap::new(), Some(carrier)), Verdict::NotOurs);
    assert_eq!(guard.judge(status(401), &HeaderMap::new(), None), Verdict::TokenRefused);
}

#[test]
fn a_status_that_concerns_nobody_needs_no_body_and_a_custom_rule_concerns_itself_with_all() {
    let asked = guard(&[]);
    assert!(asked.concerns(status(401)) && !asked.concerns(status(204)) && !asked.needs_body(status(401)));
    let custom = asked.with_verdict(VerdictRule::custom_with_body(
        |code| code == 200,
        |answer| match answer.body_prefix() {
            Some(b"expired") => Verdict::TokenRefused,
            _ => Verdict::Fine,
        },
    ));
    assert!(
        custom.concerns(status(200)) && custom.needs_body(status(200)) && !custom.needs_body(status(201))
    );
    assert_eq!(custom.judge(status(200), &HeaderMap::new(), Some(b"expired")), Verdict::TokenRefused);
}

/// What the HTTP library did not unpack is still labelled; what it did unpack is not.
// Conforms: M-07
#[test]
fn a_packed_body_is_judged_as_the_plain_one() {
    let guard = guard(&["https://api.example.com"]).with_verdict(VerdictRule::MyParcel);
    for (code, verdict) in [("14002", Verdict::TokenRefused), ("13003", Verdict::NotOurs)] {
        let body = format!(r#"{{"errors":[{{"status":"401","code":"{code}"}}]}}"#);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body.as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let judge = |headers: &HeaderMap, body: &[u8]| guard.judge(status(401), headers, Some(body));
        assert_eq!(judge(&HeaderMap::new(), body.as_bytes()), verdict);
        assert_eq!(judge(&headers(CONTENT_ENCODING, "gzip"), &packed), verdict, "{code}");
        // All that is needed came before the end.
        assert_eq!(
            judge(&headers(CONTENT_ENCODING, "x-gzip"), &packed[..packed.len() - 8]),
            verdict,
            "{code}"
        );
        assert_eq!(judge(&headers(CONTENT_ENCODING, "utf-8"), body.as_bytes()), verdict, "{code}");
        // Without a readable code, as before.
        assert_eq!(judge(&headers(CONTENT_ENCODING, "br"), &packed), Verdict::TokenRefused);
        assert_eq!(judge(&headers(CONTENT_ENCODING, "gzip"), b"no gzip"), Verdict::TokenRefused);
    }
}

#[test]
fn a_users_own_rule_is_shown_every_header_whatever_the_status() {
    let rule = VerdictRule::custom(|answer| match answer.header("location").next() {
        Some(b"/login") => Verdict::TokenRefused,
        _ => Verdict::Fine,
    });
    let login = headers(http::header::LOCATION, "/login");
    assert_eq!(guard(&[]).with_verdict(rule).judge(status(302), &login, None), Verdict::TokenRefused);
}
