//! What may be a response, and how its body is read.

use super::*;

// Conforms: M-12
#[test]
fn the_sample_of_myparcel_lives_a_day() {
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYW1lIjoiSm9obiBEb2UiLCJhZG1pbiI6dHJ1ZX0.OLvs36KmqB9cmsUrMpUutfhV52_iSz4bQMYJjkI_TLQ";
    let body =
        format!("{{ \"token_type\": \"Bearer\", \"expires_in\": 86400, \"access_token\": \"{token}\" }}");
    let grant =
        myparcel_client().read(&answer(200, "application/json; charset=UTF-8", body), sent()).unwrap();
    assert_eq!(grant.token().expose(), token);
    assert_eq!(grant.lifetime().life, Some(Duration::from_secs(86_400)));
    assert_eq!(grant.lifetime().hint, JwtHint::Absent);
    assert!(grant.scope().is_none() && grant.narrowed_scope().is_none());
    let without = format!("{{\"token_type\":\"Bearer\",\"access_token\":\"{token}\"}}");
    let grant = myparcel_client().read(&answer(200, JSON, without), sent()).unwrap();
    assert_eq!(grant.lifetime().life, None);
}

// Conforms: R-6749-5.1-o, R-9110-15-a, Q-11
#[test]
fn a_200_and_a_201_may_be_a_grant() {
    for status in [200, 201] {
        assert_eq!(Response::new(status).status(), status);
        assert!(read(&answer(status, JSON, "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}")).is_ok());
    }
}

// Conforms: R-6749-5.1-d, R-TIME-b, Q-23, Q-31, Q-48
#[test]
fn extra_members_are_ignored_whatever_they_are() {
    let extra = "\"x\":{\"y\":[1,{}]},\"z\":1e400,\"u\":\"\\ud800\",\"x\":1,\"errors\":[1],\"errors\":2,\
                 \"refresh_token\":null,\"ext_expires_in\":262800,\"refresh_expires_in\":0,\"not-before-policy\":0";
    assert_eq!(life_of(&format!("{extra},\"expires_in\":60")), Some(60));
    assert!(ok(b"{\"access_token\":\"a\",\"z\":\"\xff\",\"\xfe\":1}").is_ok());
}

// Conforms: Q-30
#[test]
fn one_byte_order_mark_is_stripped() {
    assert!(ok("\u{feff}{\"access_token\":\"a\"}").is_ok());
    assert_eq!(malformed(ok("\u{feff}\u{feff}{\"access_token\":\"a\"}")), Malformed::NotAnObject);
    assert_eq!(malformed(ok(b"\xff\xfe{\0")), Malformed::NotAnObject);
}

// Conforms: Q-12, Q-13
#[test]
fn json_is_json_whatever_its_label_and_nothing_else_is() {
    let body = "\r\n{\"access_token\":\"a\",\"token_type\":\"bearer\"}\r\n";
    for label in [
        JSON,
        FORM,
        "text/plain",
        "text/html",
        "Text/HTML; charset=utf-8",
        "application/vnd.api+json",
        "",
        "x;y",
    ] {
        assert!(read(&answer(200, label, body)).is_ok(), "{label}");
        let error = read(&answer(400, label, "{\"error\":\"invalid_scope\"}")).unwrap_err();
        assert_eq!(error.code(), Some("invalid_scope"), "{label}");
    }
    assert!(read(&Response::new(200).with_body(body.into())).is_ok());
    let lower_case = Response::new(200).with_header("content-type", FORM.as_bytes());
    assert!(read(&lower_case.with_body(b"access_token=a".into())).is_ok());
    for label in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
        for body in ["", "Log in", "access_token=a&token_type=bearer"] {
            assert_eq!(malformed(read(&answer(200, label, body))), Malformed::Html, "{label}: {body}");
        }
    }
    assert_eq!(malformed(ok("<!doctype html><title>Log in</title>")), Malformed::Html);
}

// Conforms: Q-02, Q-10
#[test]
fn a_form_is_read_when_it_is_labelled_so_or_text_plain() {
    let body = "access_token=90d6&token_type=bearer&expires_in=86400.92&scope=a+b&scope2=%ff\n";
    for label in [FORM, "text/plain", "Text/Plain; charset=utf-8"] {
        let grant = read(&answer(200, label, body)).unwrap();
        assert_eq!(grant.token().expose(), "90d6");
        assert_eq!(grant.lifetime().life, Some(Duration::from_secs(86_400)));
        assert_eq!(grant.scope(), Some(&Scope::parse("a b").unwrap()));
    }
    assert_eq!(malformed(ok(body)), Malformed::NotAnObject);
    let twice = answer(200, FORM, "access_token=a&access_token=b");
    assert_eq!(malformed(read(&twice)), Malformed::Duplicate("access_token"));
    let error = read(&answer(200, FORM, "error=invalid_scope&access_token=a")).unwrap_err();
    assert_eq!((error.code(), error.class()), (Some("invalid_scope"), Class::Permanent));
}

// Conforms: R-6749-5.1-g, R-6749-5.1-h, R-6749-5.1-i
#[test]
fn an_array_a_duplicate_known_member_and_trailing_bytes_are_malformed() {
    for body in ["[\"tok\",\"Bearer\",3600]", "[]", "\"tok\"", "null", "1", ""] {
        assert_eq!(malformed(ok(body)), Malformed::NotAnObject, "{body}");
    }
    assert_eq!(malformed(read(&answer(200, FORM, "[]&access_token=a"))), Malformed::NotAnObject);
    for name in ["access_token", "token_type", "expires_in", "expires_on", "refresh_in", "scope"] {
        let body = format!("{{\"access_token\":\"a\",\"{name}\":\"1\",\"{name}\":\"1\"}}");
        let Malformed::Duplicate(twice) = malformed(ok(&body)) else { panic!("{body}") };
        assert!([name, "access_token"].contains(&twice), "{body}");
    }
    assert_eq!(malformed(ok("{\"error\":null,\"error\":null}")), Malformed::Duplicate("error"));
    let escaped = "{\"access_token\":\"a\",\"access\\u005ftoken\":\"b\"}";
    assert_eq!(malformed(ok(escaped)), Malformed::Duplicate("access_token"));
    for body in ["{\"access_token\":\"a\"} x", "{\"access_token\":\"a\"}{}", "{\"access_token\":\"a\"", "{"] {
        assert_eq!(malformed(ok(body)), Malformed::Syntax, "{body}");
    }
}

// Conforms: R-6749-5.1-m, R-7519-o, Q-38, A-18, A-19, A-21
#[test]
fn body_token_and_nesting_are_bounded() {
    assert_eq!((Response::MAX_BODY, AccessToken::MAX_LEN), (262_144, 16_384));
    let padded = |length: usize| {
        let body = "{\"access_token\":\"a\"}";
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    assert!(ok(padded(Response::MAX_BODY)).is_ok());
    assert_eq!(malformed(ok(padded(Response::MAX_BODY + 1))), Malformed::TooLong);
    let token = |length: usize| ok(format!("{{\"access_token\":\"{}\"}}", "a".repeat(length)));
    assert_eq!(token(AccessToken::MAX_LEN).unwrap().token().expose().len(), AccessToken::MAX_LEN);
    assert_eq!(malformed(token(AccessToken::MAX_LEN + 1)), Malformed::AccessToken);
    let nested = |depth: usize| {
        ok(format!("{{\"access_token\":\"a\",\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth)))
    };
    assert!(nested(31).is_ok());
    assert_eq!(malformed(nested(32)), Malformed::Syntax);
    assert_eq!(malformed(nested(100_000)), Malformed::Syntax);
}

// Conforms: R-9110-8.4-a, A-17
#[test]
fn a_body_that_is_still_coded_is_not_read_whatever_it_says() {
    let coded = |lines: &[&str]| {
        let answer = answer(200, JSON, "{\"access_token\":\"a\"}");
        lines.iter().fold(answer, |answer, line| answer.with_header("Content-Encoding", line.as_bytes()))
    };
    let long = "identity, ".repeat(1000);
    for (lines, coding) in [
        (&["gzip"][..], Coding::Gzip),
        (&["GZIP"], Coding::Gzip),
        (&["x-gzip"], Coding::Gzip),
        (&["identity,\tgzip"], Coding::Gzip),
        (&["gzip", "identity"], Coding::Gzip),
        (&["utf-8", "Deflate"], Coding::Deflate),
        (&["br"], Coding::Other),
        (&["zstd"], Coding::Other),
        (&["compress"], Coding::Other),
        (&["gzip, gzip"], Coding::Other),
        (&["deflate", "gzip"], Coding::Other),
        (&["gzip;q=1"], Coding::Other),
        (&["aes128gcm"], Coding::Other),
        (&["\u{e9}"], Coding::Other),
        (&[&long], Coding::Other),
        (&["identity", &long[..8190]], Coding::Other),
    ] {
        let answer = coded(lines);
        assert_eq!((answer.coding(), answer.needs_body()), (coding, false), "{lines:?}");
        assert_eq!(malformed(read(&answer)), Malformed::Coded, "{lines:?}");
    }
    // The status speaks for a body that cannot be read.
    let refused = answer(401, JSON, "{\"error\":\"server_error\"}").with_header("content-encoding", b"gzip");
    let refusal = read(&refused).unwrap_err();
    assert_eq!((refusal.class(), refusal.problem()), (Class::Permanent, &Problem::Status));
}

#[test]
fn a_word_that_is_no_coding_says_nothing() {
    for lines in [
        &["identity"][..],
        &["Identity"],
        &[" "],
        &[],
        &["none"],
        &["UTF-8"],
        &["utf8"],
        &["binary"],
        &["identity", "identity"],
        &["identity, identity"],
        &["", "none , utf-8"],
    ] {
        let answer = answer(200, JSON, "{\"access_token\":\"a\"}");
        let answer =
            lines.iter().fold(answer, |answer, line| answer.with_header("Content-Encoding", line.as_bytes()));
        assert_eq!((answer.coding(), answer.needs_body()), (Coding::Identity, true), "{lines:?}");
        assert!(read(&answer).is_ok(), "{lines:?}");
    }
}

#[test]
fn a_body_that_cannot_be_decoded_is_malformed_and_the_status_speaks_for_a_refusal() {
    let broken = |status| Response::new(status).with_broken_body();
    let why = malformed(read(&broken(200)));
    assert_eq!(why, Malformed::Broken);
    assert!(format!("{why}").contains("damaged, incomplete"), "{why}");
    let refusal = read(&broken(401)).unwrap_err();
    assert_eq!((refusal.class(), refusal.problem()), (Class::Permanent, &Problem::Status));
}

// Conforms: A-18
#[test]
fn a_body_that_is_announced_as_too_long_is_refused_from_the_header() {
    let announced = |length: &str| answer(200, JSON, "").with_header("Content-Length", length.as_bytes());
    let bound = Response::MAX_BODY;
    for length in [&bound.to_string(), "0", "", "nonsense", "-1"] {
        assert!(announced(length).needs_body(), "{length}");
    }
    for length in [&(bound + 1).to_string(), "10737418240", &u64::MAX.to_string(), &"9".repeat(100)] {
        let answer = announced(length);
        assert!(!answer.needs_body(), "{length}");
        assert_eq!(malformed(read(&answer)), Malformed::TooLong, "{length}");
    }
}

#[test]
fn the_body_of_an_answer_that_cannot_be_a_grant_nor_say_why_is_not_needed() {
    for (status, needed) in
        [(200, true), (201, true), (202, false), (204, false), (302, false), (400, true), (503, true)]
    {
        assert_eq!(answer(status, JSON, "").needs_body(), needed, "{status}");
    }
}
