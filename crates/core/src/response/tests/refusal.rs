//! What a refusal is: one test per row.

use super::*;

// Conforms: R-6749-5.2-g
#[test]
fn a_transport_failure_is_transient_and_keeps_its_words() {
    for kind in [TransportErrorKind::Timeout, TransportErrorKind::Closed, TransportErrorKind::Tls] {
        let refusal = Refusal::from(client().transport_error(kind, "certificate expired\r\n"));
        assert_eq!((refusal.class(), refusal.status()), (Class::Transient, None));
        assert!(format!("{refusal}").contains("(certificate expired)"), "{refusal}");
    }
}

// Conforms: R-6749-5.2-g, Q-35
#[test]
fn a_408_a_425_and_a_429_are_transient() {
    for status in [408, 425, 429] {
        for body in ["", "{\"error\":\"invalid_client\"}", "Too Many Requests"] {
            assert_eq!(refused(status, body).class(), Class::Transient, "{status} {body}");
        }
    }
}

// Conforms: M-14, R-6749-5.2-d, R-6749-5.2-g, Q-13, Q-18
#[test]
fn every_5xx_but_501_is_transient() {
    for status in (500..=599).filter(|status| *status != 501) {
        for body in ["", "<html>", "{\"error\":\"Unauthorized\"}", "{\"message\":\"Server Error\"}"] {
            assert_eq!(refused(status, body).class(), Class::Transient, "{status} {body}");
        }
    }
}

// Conforms: R-9110-10.2.3-a, R-9110-10.2.3-c, R-9110-10.2.3-e, R-9110-10.2.3-f, A-35
#[test]
fn a_503_is_transient_and_keeps_its_retry_after() {
    let retry_after = |value: &str| {
        let refusal = read(&Response::new(503).with_header("Retry-After", value.as_bytes())).unwrap_err();
        assert_eq!(refusal.class(), Class::Transient);
        refusal.retry_after().map(|time| time.as_secs())
    };
    assert_eq!(retry_after("120"), Some(120));
    assert_eq!(retry_after(" 120 "), Some(120));
    assert_eq!(retry_after("0"), Some(0));
    assert_eq!(retry_after("9223372037"), Some(9_223_372_037));
    assert_eq!(retry_after("18446744073709551616"), Some(u64::MAX));
    assert_eq!(retry_after("Mon, 23 Nov 2026 12:02:00 GMT"), Some(120));
    assert_eq!(retry_after("Mon, 23 Nov 2026 11:00:00 GMT"), Some(0));
    assert_eq!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799 - W0));
    for value in ["", "+120", "-5", "1.5", "120junk", "１２０", "0x10", "1e3", "1, 2", "tomorrow"] {
        assert_eq!(retry_after(value), None, "{value}");
    }
    let twice = Response::new(503).with_header("Retry-After", b"1").with_header("retry-after", b"2");
    assert_eq!(read(&twice).unwrap_err().retry_after(), None);
}

// Conforms: R-9110-10.2.3-b
#[test]
fn a_retry_after_date_is_judged_by_the_date_of_the_answer() {
    let answer = Response::new(429)
        .with_header("Date", b"Mon, 23 Nov 2026 12:10:00 GMT")
        .with_header("Retry-After", b"Mon, 23 Nov 2026 12:12:00 GMT");
    assert_eq!(read(&answer).unwrap_err().retry_after(), Some(Duration::from_secs(120)));
}

/// Servers write what they write elsewhere into this field, too.
#[test]
fn a_retry_after_is_read_as_a_point_in_time_and_zero_says_nothing_beside_a_limit() {
    let told = |fields: &[(&str, &str)]| {
        let answer = Response::new(429).with_header("Date", b"Mon, 23 Nov 2026 12:10:00 GMT");
        let answer =
            fields.iter().fold(answer, |answer, (name, value)| answer.with_header(name, value.as_bytes()));
        read(&answer).unwrap_err().retry_after().map(|time| time.as_secs())
    };
    let point = (W0 + 600 + 20).to_string();
    assert_eq!(told(&[("Retry-After", &point)]), Some(20));
    assert_eq!(told(&[("Retry-After", &format!("{point}000"))]), Some(20));
    assert_eq!(told(&[("Retry-After", "7"), ("X-RateLimit-Reset", "36")]), Some(7));
    assert_eq!(told(&[("Retry-After", "0"), ("X-RateLimit-Reset", "36")]), Some(36));
    assert_eq!(told(&[("Retry-After", "0")]), Some(0));
    assert_eq!(told(&[("Retry-After", "4000000000000000")]), Some(4_000_000_000_000_000), "no time near now");
}

#[test]
fn a_429_that_says_when_by_the_end_of_its_limit_alone_is_kept_as_a_retry_after() {
    let told = |status: u16, fields: &[(&str, &str)]| {
        let answer = Response::new(status).with_header("Date", b"Mon, 23 Nov 2026 12:10:00 GMT");
        let answer =
            fields.iter().fold(answer, |answer, (name, value)| answer.with_header(name, value.as_bytes()));
        read(&answer).unwrap_err().retry_after().map(|time| time.as_secs())
    };
    let point = (W0 + 600 + 120).to_string();
    let milliseconds = format!("{point}500");
    for name in ["RateLimit-Reset", "X-RateLimit-Reset", "x-rate-limit-reset"] {
        for (value, expected) in [
            ("120", Some(120)),
            (" 120.5 ", Some(120)),
            ("0", Some(0)),
            ("999999999", Some(999_999_999)),
            (&*point, Some(120)),
            (&*milliseconds, Some(120)),
            // Over.
            ("1795435200", Some(0)),
            // Within ten years of nothing.
            ("1000000000", None),
            ("18446744073709551615", None),
            ("", None),
            ("-5", None),
            ("soon", None),
        ] {
            assert_eq!(told(429, &[(name, value)]), expected, "{name}: {value}");
            assert_eq!(told(503, &[(name, value)]), None, "{name}: {value}");
            assert_eq!(told(429, &[("Retry-After", "7"), (name, value)]), Some(7), "{name}: {value}");
            assert_eq!(told(429, &[("Retry-After", "soon"), (name, value)]), expected, "{name}: {value}");
        }
        assert_eq!(told(429, &[(name, "1"), (name, "2")]), None, "{name}");
    }
    for (value, expected) in [
        ("\"default\";r=0;t=30", Some(30)),
        ("\"default\" ; t=30 ; r=0", Some(30)),
        ("\"default\";t=30", Some(30)),
        ("\"burst\";r=0;t=3, \"daily\";r=0;t=40, \"other\";r=9;t=500", Some(40)),
        ("\"default\";r=1;t=30", None),
        ("limit=100, remaining=0, reset=30", Some(30)),
        ("\"default\";r=0", None),
        ("\"default\";r=0;t=", None),
        ("\"default\";r=0;tt=30", None),
        ("", None),
    ] {
        assert_eq!(told(429, &[("RateLimit", value)]), expected, "{value}");
        assert_eq!(told(429, &[("RateLimit", value), ("RateLimit-Reset", "9")]), Some(9), "{value}");
    }
    assert_eq!(told(429, &[("RateLimit-Reset", "soon"), ("X-RateLimit-Reset", "9")]), Some(9));
}

// Conforms: R-9110-10.2.3-g, Q-35
#[test]
fn a_retry_after_is_kept_whatever_the_status() {
    for status in [302, 400, 401, 403, 408, 425, 429, 500, 501, 502, 503, 504] {
        let answer = Response::new(status).with_header("Retry-After", b"120");
        assert_eq!(read(&answer).unwrap_err().retry_after(), Some(Duration::from_secs(120)), "{status}");
    }
}

// Conforms: R-6749-5.2-c
#[test]
fn a_transient_code_at_any_4xx_is_transient() {
    for code in ["temporarily_unavailable", "server_error", "slow_down"] {
        for status in [400, 401, 403, 404, 499] {
            let refusal = refused(status, &format!("{{\"error\":\"{code}\"}}"));
            assert_eq!((refusal.class(), refusal.code()), (Class::Transient, Some(code)), "{status}");
        }
    }
}

// Conforms: R-6749-5.2-e
#[test]
fn a_permanent_code_at_a_5xx_is_transient() {
    for status in [500, 501, 503] {
        let refusal = refused(status, "{\"error\":\"invalid_client\"}");
        assert_eq!((refusal.class(), refusal.code()), (Class::Transient, Some("invalid_client")), "{status}");
    }
}

// Conforms: R-6749-5.2-a, R-6749-5.2-b
#[test]
fn a_permanent_code_at_a_4xx_is_permanent() {
    for code in [
        "invalid_client",
        "unauthorized_client",
        "invalid_scope",
        "invalid_request",
        "invalid_grant",
        "unsupported_grant_type",
        "invalid_target",
        "access_denied",
        "invalid_dpop_proof",
    ] {
        for status in [400, 401, 403] {
            let body =
                format!("{{\"error\":\"{code}\",\"error_description\":\"Client authentication failed\"}}");
            let refusal = refused(status, &body);
            assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(status)));
            assert_eq!(refusal.code(), Some(code));
            let shown = format!("{refusal}");
            assert!(shown.contains("Client authentication failed") && shown.contains("http 4"), "{shown}");
        }
    }
}

// Conforms: M-14, R-6749-5.2-d, R-6749-5.2-g, R-6749-5.2-h, Q-18, Q-19, Q-20
#[test]
fn any_other_4xx_and_a_501_are_permanent() {
    for status in [400, 401, 403, 404, 405, 410, 415, 419, 501] {
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            "{\"message\":419}",
            "{\"error\":{\"code\":190}}",
            "{\"error\":null}",
            "{\"error\":\"\"}",
        ] {
            let refusal = refused(status, body);
            let problem = if body == "<html>" { Problem::WebPage } else { Problem::Status };
            assert_eq!((refusal.class(), refusal.problem()), (Class::Permanent, &problem), "{status} {body}");
            assert!(format!("{refusal}").contains(&format!("http {status}")), "{refusal}");
        }
    }
    let unknown = refused(400, "{\"error\":\"acme_x\"}");
    assert_eq!((unknown.class(), unknown.code()), (Class::Permanent, Some("acme_x")));
    let spring =
        "{\"timestamp\":1445441285803,\"status\":401,\"error\":\"Unauthorized\",\"path\":\"/oauth/token\"}";
    assert_eq!(refused(401, spring).code(), Some("Unauthorized"));
    let throttled =
        "{\"error\":\"Access Denied\",\"error_description\":\"Token creation throttle limit reached\"}";
    assert_eq!(refused(400, throttled).code(), Some("Access Denied"));
    let long = format!("{{\"error\":\"invalid_client\"{}}}", " ".repeat(Response::MAX_BODY));
    assert_eq!(refused(401, &long).problem(), &Problem::Status);
}

// Conforms: R-6749-5.2-f, Q-19, Q-46
#[test]
fn a_body_that_is_no_error_response_is_not_quoted() {
    for (status, class) in [(400, Class::Permanent), (401, Class::Permanent), (502, Class::Transient)] {
        for (label, body, problem) in [
            ("text/html", "<html>SENTINEL</html>", Problem::WebPage),
            ("text/plain", "SENTINEL", Problem::Status),
            (JSON, "{\"msg\":\"SENTINEL\",\"code\":\"SENTINEL\"}", Problem::Status),
            (JSON, "{\"error\":{\"message\":\"SENTINEL\"}}", Problem::Status),
            (JSON, "{\"error\":\"SENTINEL", Problem::Status),
            (JSON, "{\"message\":\"SENTINEL\"", Problem::Status),
        ] {
            let refusal = read(&answer(status, label, body)).unwrap_err();
            assert_eq!((refusal.class(), refusal.problem()), (class, &problem), "{status} {body}");
            let shown = format!("{refusal} {refusal:?}");
            assert!(!shown.contains("SENTINEL"), "{shown}");
        }
    }
}

// Conforms: R-9110-15-a
#[test]
fn a_2xx_other_than_200_and_201_is_permanent_and_malformed() {
    for status in [202, 203, 204, 205, 206, 226, 299] {
        let refusal = refused(status, "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}");
        assert_eq!(refusal.class(), Class::Permanent, "{status}");
        assert_eq!(refusal.problem(), &Problem::Malformed(Malformed::Status), "{status}");
    }
}

// Conforms: R-9110-15.4-b, R-9110-15-b, Q-34, A-29
#[test]
fn a_3xx_is_permanent_and_says_where_it_points_to_without_its_query() {
    let target = |location: &str| {
        let answer = Response::new(307).with_header("Location", location.as_bytes());
        let refusal = read(&answer).unwrap_err();
        assert_eq!(refusal.class(), Class::Permanent);
        let Problem::Redirect { target } = refusal.problem() else { panic!("{refusal}") };
        assert!(!format!("{refusal:?} {refusal}").contains("SENTINEL"), "{refusal}");
        target.as_ref().map(|target| String::from(target.as_str()))
    };
    assert_eq!(target("https://evil.test/?x=SENTINEL#SENTINEL").as_deref(), Some("https://evil.test/"));
    assert_eq!(target("https://evil.test?SENTINEL").as_deref(), Some("https://evil.test"));
    assert_eq!(target("//evil.test/login;x").as_deref(), Some("//evil.test/login;x"));
    assert_eq!(target("https://u:SENTINEL@[::1]:8/a").as_deref(), Some("https://[::1]:8/a"));
    assert_eq!(target("/o/token/?x=SENTINEL").as_deref(), Some("/o/token/"));
    for path in
        ["s3cr3t/+%20value", "s3cr3t%2F%2B+value", "czNjcjN0LysgdmFsdWU", "x/client:s3cr3t%2f%2B%20value/y"]
    {
        let target = target(&format!("https://evil.test/{path}")).unwrap();
        assert!(target.starts_with("https://evil.test/") && target.contains("[redacted]"), "{target}");
        assert!(!target.contains("value") && !target.contains("LysgdmFsdWU"), "{target}");
    }
    assert_eq!(target(&format!("/{}", "a".repeat(5000))).unwrap().len(), Excerpt::MAX_CHARS);
    assert_eq!(target("https://evil.test\\SENTINEL"), None);
    assert_eq!(target(""), None);
    for status in [300, 301, 302, 303, 304, 307, 308, 399] {
        let refusal = refused(status, "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}");
        assert_eq!(refusal.problem(), &Problem::Redirect { target: None }, "{status}");
    }
}

// Conforms: M-14, Q-13
#[test]
fn a_200_that_cannot_be_read_is_transient_and_malformed() {
    assert_eq!(malformed(ok("<html>")), Malformed::Html);
    assert_eq!(malformed(ok("JSON encoding of payload failed")), Malformed::NotAnObject);
    assert_eq!(malformed(read(&answer(201, JSON, "{"))), Malformed::Syntax);
}

#[test]
fn a_status_that_is_none_is_transient() {
    for status in [0, 100, 199, 600, 999, u16::MAX] {
        assert_eq!(refused(status, "").class(), Class::Transient, "{status}");
    }
}

// Conforms: M-02, M-03
#[test]
fn myparcel_14000_is_invalid_client_and_14001_invalid_scope() {
    for (code, stands_for) in [("14000", "invalid_client"), ("14001", "invalid_scope")] {
        for written in [format!("\"{code}\""), code.into()] {
            let body = format!(
                "{{\"errors\":[{{\"status\":\"403\",\"code\":{written},\"title\":\"A\",\"detail\":\"B\"}}]}}"
            );
            let refusal = myparcel_refused(403, &body);
            assert_eq!((refusal.class(), refusal.code()), (Class::Permanent, Some(stands_for)));
            assert!(format!("{refusal}").contains("(http 403): B;"), "{refusal}");
            assert_eq!(myparcel_refused(200, &body).class(), Class::Permanent);
            assert_eq!(myparcel_refused(500, &body).class(), Class::Transient);
        }
    }
}

// Conforms: M-04
#[test]
fn myparcel_14050_goes_by_its_status() {
    let body = "{\"errors\":[{\"code\":\"14050\",\"title\":\"OAuth\"}]}";
    let Problem::ErrorResponse(said) = myparcel_refused(400, body).problem().clone() else {
        panic!("no words")
    };
    assert_eq!(
        said.description.as_ref().map(Excerpt::as_str),
        Some("OAuth"),
        "the title, where there is no detail"
    );
    for (status, class) in [(400, Class::Permanent), (401, Class::Permanent), (500, Class::Transient)] {
        let refusal = myparcel_refused(status, body);
        assert_eq!((refusal.class(), refusal.code()), (class, Some("14050")), "{status}");
    }
}

// Conforms: M-05
#[test]
fn myparcel_10011_is_throttled_and_transient() {
    for status in [429, 400, 403] {
        let refusal = myparcel_refused(status, "{\"errors\":[{\"status\":429,\"code\":10011}]}");
        assert_eq!((refusal.class(), refusal.code()), (Class::Transient, Some("throttled")), "{status}");
        assert_eq!(refusal.retry_after(), None);
    }
}

// Conforms: Q-17
#[test]
fn of_several_myparcel_errors_the_known_one_counts() {
    let body = "{\"errors\":[1,{\"code\":\"401\"},{\"title\":\"x\"},{\"code\":\"14000\"}]}";
    assert_eq!(myparcel_refused(403, body).code(), Some("invalid_client"));
    assert_eq!(
        myparcel_refused(401, "{\"errors\":[{\"code\":\"13\"},{\"code\":\"14\"}]}").code(),
        Some("13")
    );
    for body in
        ["{\"errors\":[]}", "{\"errors\":{}}", "{\"errors\":\"x\"}", "{\"errors\":[{\"code\":null}]}", "[]"]
    {
        assert_eq!(myparcel_refused(403, body).problem(), &Problem::Status, "{body}");
    }
    assert_eq!(myparcel_refused(401, "{\"error\":\"invalid_client\"}").code(), Some("invalid_client"));
    assert_eq!(
        myparcel_refused(200, "{\"errors\":[{}],\"access_token\":\"a\"}").problem(),
        &Problem::Malformed(Malformed::ErrorMember)
    );
    // Elsewhere a code of it is nothing that is known.
    assert_eq!(refused(403, "{\"errors\":[{\"code\":\"14000\"}]}").problem(), &Problem::Status);
}

#[test]
fn a_users_own_rule_says_whether_asking_again_can_help() {
    let provider = Provider::rfc6749("https://as.example/token").unwrap().with_refusal_rule(|answer| {
        let body = answer.body_prefix().unwrap_or_default();
        match answer.status() {
            400 if body.ends_with(b"busy") => Some(Class::Transient),
            403 => answer.header("retry-after").next().map(|_| Class::Transient),
            503 => Some(Class::Permanent),
            _ => None,
        }
    });
    assert_eq!(provider, provider.clone());
    assert!(format!("{provider:?}").contains("RefusalRule"));
    let client = Client::builder(provider, ClientAuth::none("id").unwrap()).build().unwrap();
    let class = |answer: Response| {
        let refusal = client.read(&answer, Now::default()).unwrap_err();
        (refusal.class(), refusal.retry_after())
    };
    let plain = |status, body: &str| Response::new(status).with_body(body.into());
    assert_eq!(class(plain(400, "busy")), (Class::Transient, None));
    assert_eq!(class(plain(400, "bad")), (Class::Permanent, None));
    let limited = plain(403, "").with_header("Retry-After", b"7");
    assert_eq!(class(limited), (Class::Transient, Some(Duration::from_secs(7))));
    assert_eq!(class(plain(403, "")), (Class::Permanent, None));
    assert_eq!(class(plain(503, "")), (Class::Permanent, None));
}
