use super::*;
use crate::auth::ClientAuth;
use crate::client::Client;
use crate::error::{Class, Excerpt, Malformed, Problem, Refusal, TransportErrorKind};
use crate::lifetime::JwtHint;
use crate::provider::{Provider, myparcel};
use crate::time::{Mono, Now, Wall};
use alloc::format;
use alloc::string::{String, ToString};
use proptest::prelude::*;

/// Mon, 23 Nov 2026 12:00:00 GMT
const W0: u64 = 1_795_435_200;
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn sent() -> Now {
    Now::new(Mono::ZERO, Wall::from_epoch(Duration::from_secs(W0)))
}

fn auth() -> ClientAuth {
    ClientAuth::basic("client", "s3cr3t/+ value").unwrap()
}

fn client() -> Client {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    Client::builder(provider, auth()).scope("a b").build().unwrap()
}

fn myparcel_client() -> Client {
    Client::builder(myparcel::production(), ClientAuth::post("client", "s3cr3t").unwrap()).build().unwrap()
}

fn answer(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Response {
    Response::new(status).with_header("Content-Type", content_type.as_bytes()).with_body(body.as_ref().into())
}

fn read(response: &Response) -> Result<Grant, Refusal> {
    client().read(response, sent())
}

fn ok(body: impl AsRef<[u8]>) -> Result<Grant, Refusal> {
    read(&answer(200, JSON, body))
}

fn refused(status: u16, body: &str) -> Refusal {
    read(&answer(status, JSON, body)).unwrap_err()
}

fn myparcel_refused(status: u16, body: &str) -> Refusal {
    myparcel_client().read(&answer(status, "application/vnd.api+json", body), sent()).unwrap_err()
}

fn malformed(result: Result<Grant, Refusal>) -> Malformed {
    let refusal = result.unwrap_err();
    match refusal.problem() {
        Problem::Malformed(why) => {
            assert_eq!(refusal.class(), Class::Transient, "{refusal}");
            *why
        }
        _ => panic!("{refusal}"),
    }
}

/// The life of a token with this `expires_in` (the text of a JSON value), in seconds.
fn life(expires_in: &str) -> Option<u64> {
    life_of(&format!("\"expires_in\":{expires_in}"))
}

fn life_of(members: &str) -> Option<u64> {
    let grant = ok(format!("{{\"access_token\":\"t\",\"token_type\":\"Bearer\",{members}}}")).unwrap();
    grant.lifetime().life.map(|life| life.as_secs())
}

// The response.

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

// Conforms: R-6749-5.1-e, R-6749-5.1-f, R-6750-2.1-c, Q-09, Q-31, Q-39, A-02, A-13
#[test]
fn access_token_is_a_non_empty_text_that_fits_a_header() {
    for value in ["\"a\\u002eb\"", "\"a:b/+=\"", "\"mF_9.B5f-4.1JqM\""] {
        assert!(ok(format!("{{\"access_token\":{value}}}")).is_ok(), "{value}");
    }
    for value in [
        "\"\"",
        "123456789012345",
        "[\"t\"]",
        "{\"t\":1}",
        "true",
        "\"a b\"",
        "\" a\"",
        "\"a\\r\\nX-Evil: 1\"",
        "\"a\\u0000\"",
        "\"a\\tb\"",
        "\"a\\u0085\"",
        "\"é\"",
        "\"a\\\"\"",
        "\"a,b\"",
        "\"a;b\"",
        "\"a\\\\b\"",
        "\"a\\u007f\"",
        "\"\\ud800\"",
    ] {
        let result = ok(format!("{{\"access_token\":{value}}}"));
        let shown = format!("{result:?} {}", result.as_ref().unwrap_err());
        assert_eq!(malformed(result), Malformed::AccessToken, "{value}");
        assert!(!shown.contains("123456789012345") && !shown.contains("Evil"), "{shown}");
    }
    assert_eq!(malformed(ok(b"{\"access_token\":\"a\xff\"}")), Malformed::AccessToken);
    assert_eq!(malformed(ok("{}")), Malformed::NoAccessToken);
    assert_eq!(malformed(ok("{\"access_token\":null}")), Malformed::NoAccessToken);
    let camel = "{\"accessToken\":\"a\",\"tokenType\":\"Bearer\",\"expiresIn\":60}";
    assert_eq!(malformed(ok(camel)), Malformed::NoAccessToken);
}

#[test]
fn a_providers_own_words_for_bearer_are_bearer_in_any_case() {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    let provider = provider.with_bearer_words(["BearerToken", "x y"]);
    let client = Client::builder(provider, auth()).build().unwrap();
    let typed = |word: &str| {
        let body = format!("{{\"access_token\":\"a\",\"token_type\":\"{word}\"}}");
        client.read(&answer(200, JSON, body), sent())
    };
    for word in ["BearerToken", "bearertoken", " X y ", "Bearer"] {
        assert!(typed(word).is_ok(), "{word}");
    }
    let refusal = typed("DPoP").unwrap_err();
    assert!(refusal.advice().contains("Provider::with_bearer_words"), "{refusal}");
    assert_eq!(malformed(Err(refusal)), Malformed::TokenType);
}

// Conforms: R-6749-5.1-b, Q-06, Q-07, Q-08, A-14, R-DRAFT-b
#[test]
fn token_type_is_bearer_in_any_ascii_case_or_missing() {
    let typed = |value: &str| ok(format!("{{\"access_token\":\"a\",\"token_type\":{value}}}"));
    for value in [
        "\"Bearer\"",
        "\"bearer\"",
        "\"BEARER\"",
        "\" bEaReR\"",
        "\"Bearer \"",
        "\"\\tBearer\"",
        "null",
        "\"\"",
        "\" \"",
    ] {
        assert!(typed(value).is_ok(), "{value}");
    }
    assert!(ok("{\"access_token\":\"a\"}").is_ok());
    for value in [
        "\"example\"",
        "\"BearerToken\"",
        "\"BEARE\u{ff32}\"",
        "\"Bearer\\r\\nX: 1\"",
        "\"Bearer x\"",
        "\"Basic\"",
        "\"DPoP\"",
        "\"N_A\"",
        "1",
        "true",
        "[\"Bearer\"]",
        "{}",
    ] {
        assert_eq!(malformed(typed(value)), Malformed::TokenType, "{value}");
    }
}

/// RFC 6749 section 5.1 itself; a client must not use a type that it does not know (section 7.1).
// Conforms: R-6749-5.1-a
#[test]
fn the_rfcs_sample_of_an_unknown_type_is_malformed_and_its_token_not_shown() {
    let sample = "{\"access_token\":\"2YotnFZFEjr1zCsicMWpAA\",\"token_type\":\"example\",\"expires_in\":3600,\
         \"example_parameter\":\"example_value\"}";
    let result = ok(sample);
    let shown = format!("{result:?} {}", result.as_ref().unwrap_err());
    assert_eq!(malformed(result), Malformed::TokenType);
    assert!(!shown.contains("2Yotn"), "{shown}");
}

// Conforms: R-6749-5.1-n, R-TIME-a, Q-01, Q-02, Q-15
// Conforms: A-38, R-OA21-a
#[test]
fn expires_in_is_read_in_every_form_and_rounded_down() {
    for (value, seconds) in [
        ("1", 1),
        ("3600", 3600),
        ("31536000", 31_536_000),
        ("\"3600\"", 3600),
        ("\" 3600 \"", 3600),
        ("3600.5", 3600),
        ("\"3600.5\"", 3600),
        ("3600.0", 3600),
        ("3.6e3", 3600),
        ("9223372036854775807", 9_223_372_036_854_775_807),
        ("18446744073709551615", u64::MAX),
        ("18446744073709551616", u64::MAX),
        ("1e19", 10_000_000_000_000_000_000),
        ("1e308", u64::MAX),
    ] {
        assert_eq!(life(value), Some(seconds), "{value}");
    }
}

// Conforms: R-TIME-b, Q-01, Q-02, Q-03, Q-05, Q-26, A-38
#[test]
fn any_other_expires_in_is_an_unknown_life_and_no_error() {
    for value in [
        "0",
        "0.4",
        "-0.0",
        "-1",
        "-3600",
        "\"-3600\"",
        "\"0\"",
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "[3600]",
        "\"\"",
        "\"+3600\"",
        "\"0x10\"",
        "\"1e3\"",
        "\"３６００\"",
        "\"zzz\"",
        "1e400",
        "1e999",
        "-1e999",
        "\"\\ud800\"",
    ] {
        assert_eq!(life(value), None, "{value}");
    }
    assert_eq!(life_of("\"x\":1"), None);
    assert_eq!(life_of("\"expires\":60"), None);
    assert_eq!(life(&"9".repeat(200_000)), None);
}

// Conforms: Q-23, Q-24
#[test]
fn expires_on_counts_only_when_expires_in_is_missing() {
    assert_eq!(life_of(&format!("\"expires_on\":{}", W0 + 600)), Some(600));
    assert_eq!(life_of(&format!("\"expires_on\":\"{}\"", W0 + 600)), Some(600));
    assert_eq!(life_of(&format!("\"expires_in\":null,\"expires_on\":{}", W0 + 600)), Some(600));
    assert_eq!(life_of(&format!("\"expires_in\":\"3599\",\"expires_on\":\"{}\"", W0 + 600)), Some(3599));
    assert_eq!(life_of(&format!("\"expires_in\":\"zzz\",\"expires_on\":{}", W0 + 600)), None);
    assert_eq!(life_of("\"expires_on\":\"1/16/2020 5:24:12 AM +00:00\""), None);
}

// Conforms: Q-25
#[test]
fn refresh_in_is_handed_on() {
    let refresh_in = |value: &str| {
        let body = format!("{{\"access_token\":\"t\",\"expires_in\":86400,\"refresh_in\":{value}}}");
        ok(body).unwrap().lifetime().refresh_in.map(|refresh_in| refresh_in.as_secs())
    };
    assert_eq!(refresh_in("43200"), Some(43_200));
    assert_eq!(refresh_in("\"43200\""), Some(43_200));
    for value in ["0", "-1", "null", "{}"] {
        assert_eq!(refresh_in(value), None, "{value}");
    }
}

// Conforms: R-6749-5.1-l
#[test]
fn age_and_date_shorten() {
    let body = "{\"access_token\":\"t\",\"expires_in\":3600}";
    let with = |name: &str, value: &str| {
        let grant = read(&answer(200, JSON, body).with_header(name, value.as_bytes())).unwrap();
        grant.lifetime().life.map(|life| life.as_secs())
    };
    assert_eq!(with("AGE", " 600 "), Some(3000));
    assert_eq!(with("age", "5000"), Some(0));
    assert_eq!(with("age", "99999999999999999999999"), Some(0));
    for (name, value) in [("age", "-1"), ("age", "+1"), ("age", "x"), ("date", "x"), ("x-age", "600")] {
        assert_eq!(with(name, value), Some(3600), "{name} {value}");
    }
    let on = format!("{{\"access_token\":\"t\",\"expires_on\":{}}}", W0 + 600);
    let date = answer(200, JSON, on).with_header("Date", b"Mon, 23 Nov 2026 12:05:00 GMT");
    assert_eq!(read(&date).unwrap().lifetime().life, Some(Duration::from_secs(300)));
}

// Conforms: R-9068-a
#[test]
fn a_jwt_is_looked_at_unless_that_is_switched_off() {
    // {"exp":1795438800}: W0 + 3600
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3OTU0Mzg4MDB9.c2ln";
    let answer = |members: &str| {
        answer(200, JSON, format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\"{members}}}"))
    };
    let blind = Client::builder(client().provider().clone(), auth()).jwt_hint(false).build().unwrap();
    for (members, life, hint, life_without) in [
        ("", Some(3600), JwtHint::Used, None),
        (",\"expires_in\":86400", Some(3600), JwtHint::Used, Some(86_400)),
        (",\"expires_in\":60", Some(60), JwtHint::Longer, Some(60)),
    ] {
        let lifetime = *read(&answer(members)).unwrap().lifetime();
        assert_eq!((lifetime.life, lifetime.hint), (life.map(Duration::from_secs), hint));
        let lifetime = *blind.read(&answer(members), sent()).unwrap().lifetime();
        assert_eq!((lifetime.life, lifetime.hint), (life_without.map(Duration::from_secs), JwtHint::Absent));
    }
}

// Conforms: R-6749-3.3-c, R-6749-3.3-d, R-6749-3.3-e, R-6749-3.3-f, Q-21, Q-22
#[test]
fn scope_is_a_text_or_an_array_and_a_narrowed_one_is_told() {
    let granted = |value: &str| ok(format!("{{\"access_token\":\"t\",\"scope\":{value}}}")).unwrap();
    let scope = |text: &str| Some(Scope::parse(text).unwrap());
    assert_eq!(granted("\"b a c\"").scope().cloned(), scope("a b c"));
    assert_eq!(granted("[\"a\",\"b c\"]").scope().cloned(), scope("a b c"));
    assert_eq!(granted("\"a\"").narrowed_scope().cloned(), scope("b"));
    assert_eq!(granted("\"b a c\"").narrowed_scope(), None);
    for value in ["null", "\"\"", "\" \"", "{}", "[]", "[1]", "1", "\"é\""] {
        let grant = granted(value);
        assert!(grant.scope().is_none() && grant.narrowed_scope().is_none(), "{value}");
    }
    let wide = answer(200, JSON, "{\"access_token\":\"t\",\"scope\":\"shipments.manage\"}");
    let grant = myparcel_client().read(&wide, sent()).unwrap();
    assert!(grant.scope().is_some() && grant.narrowed_scope().is_none());
}

// Conforms: R-6749-5.2-h, R-6749-5.2-k, Q-16, Q-19
#[test]
fn an_error_in_a_200_is_judged_as_at_400() {
    let token = "\"access_token\":\"a\",\"token_type\":\"Bearer\"";
    let refusal = refused(200, &format!("{{\"error\":\"bad_verification_code\",{token}}}"));
    assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(200)));
    assert_eq!(refusal.code(), Some("bad_verification_code"));
    assert_eq!(refused(200, "{\"error\":\"temporarily_unavailable\"}").class(), Class::Transient);
    let refusal = refused(200, &format!("{{\"error\":{{\"code\":1}},{token}}}"));
    assert_eq!(refusal.class(), Class::Permanent);
    assert_eq!(refusal.problem(), &Problem::Malformed(Malformed::ErrorMember));
    for nothing in ["null", "\"\"", "false"] {
        assert!(ok(format!("{{\"error\":{nothing},{token}}}")).is_ok(), "{nothing}");
    }
}

// The refusal: one test per row.

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

// Conforms: R-6749-5.2-i, Q-31, A-15
#[test]
fn a_description_is_printable_and_bounded() {
    let body = format!(
        "{{\"error\":\"invalid_client\",\"error_description\":\"bad\\r\\nSet-Cookie: x\\u001b[31m\\u0000\\u007f\\u009b\\u202e\\u2028{}\"}}",
        "x".repeat(5000)
    );
    let refusal = refused(401, &body);
    let Problem::ErrorResponse(response) = refusal.problem() else { panic!("{refusal}") };
    let description = response.description.as_ref().unwrap().as_str();
    assert!(description.starts_with("badSet-Cookie: x[31mxxx"), "{description}");
    assert_eq!(description.chars().count(), 256);
    let latin = read(&answer(400, JSON, b"{\"error\":\"x\",\"error_description\":\"caf\xe9\"}")).unwrap_err();
    assert!(format!("{latin}").contains("caf\u{fffd}"), "{latin}");
}

fn words(refusal: &Refusal) -> Option<&str> {
    refusal.description().map(Excerpt::as_str)
}

/// Bodies without an `error`, and the words in them.
const SHAPES: [(&str, &str); 18] = [
    (
        r#"{"errorCode":"E0000022","errorSummary":"no such endpoint","errorLink":"E0000022"}"#,
        "E0000022: no such endpoint",
    ),
    (r#"{"errorSummary":" no such endpoint "}"#, "no such endpoint"),
    (r#"{"ErrorCode":"invalid_client","Error":"wrong secret"}"#, "invalid_client: wrong secret"),
    (r#"{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.X"}}}"#, "Invalid ApiKey"),
    (
        r#"{"type":"about:blank","title":"Denied","status":403,"detail":"no such client"}"#,
        "Denied: no such client",
    ),
    (r#"{"title":"Denied","status":403}"#, "Denied"),
    (r#"{"detail":"no such client"}"#, "no such client"),
    (r#"{"code":"UNAUTHORIZED","message":"wrong secret"}"#, "UNAUTHORIZED: wrong secret"),
    (r#"{"code":40101,"message":"wrong secret"}"#, "40101: wrong secret"),
    (r#"{"code":null,"message":"wrong secret"}"#, "wrong secret"),
    (r#"{"code":"wrong secret","message":"wrong secret"}"#, "wrong secret"),
    (r#"{"message":"CSRF token mismatch."}"#, "CSRF token mismatch."),
    (
        r#"{"errors":[{"code":"7","title":"Denied","detail":"no such client"},{"detail":"more"}]}"#,
        "Denied: no such client",
    ),
    (r#"{"errors":[{"code":7,"message":"no such client"}]}"#, "7: no such client"),
    (r#"{"errors":["no such client","more"]}"#, "no such client"),
    (r#"{"error":null,"error_description":"no such client"}"#, "no such client"),
    (r#"{"error":{"code":1},"message":"no such client"}"#, "no such client"),
    (r#"{"errorCode":7,"errorDescription":"no such client"}"#, "7: no such client"),
];

// Conforms: R-6749-5.2-f, Q-19
#[test]
fn the_words_of_an_error_without_an_error_member_are_the_description_and_decide_nothing() {
    for (body, said) in SHAPES {
        for status in [400, 401, 403, 404, 429, 500, 501, 503] {
            let (plain, refusal) = (refused(status, "{}"), refused(status, body));
            assert_eq!(
                (refusal.class(), refusal.code(), words(&refusal)),
                (plain.class(), None, Some(said)),
                "{body}"
            );
            assert_eq!(refusal.advice(), plain.advice(), "{status} {body}");
            let shown =
                format!("the authorization server answered with http {status}: {said}; {}", refusal.advice());
            assert_eq!(format!("{refusal}"), shown);
        }
        // Beside a token they are extra members, and in place of one the reason why there is none.
        let members = body.strip_prefix('{').unwrap();
        if !body.contains("\"error\":{") {
            assert!(ok(format!("{{\"access_token\":\"a\",{members}")).is_ok(), "{body}");
            let refusal = ok(body).unwrap_err();
            assert_eq!((refusal.class(), words(&refusal)), (Class::Transient, Some(said)), "{body}");
            let shown = format!("{refusal}");
            assert!(
                shown.starts_with("the authorization server answered without an access token (http 200): "),
                "{shown}"
            );
        }
    }
}

#[test]
fn what_has_no_text_is_no_description() {
    for body in [
        r#"{"message":7,"detail":{},"title":null,"errorSummary":"","Error":" ","fault":"x","errors":{}}"#,
        r#"{"fault":{"faultstring":7},"errors":[]}"#,
        r#"{"code":"E1","errorCode":"E1","ErrorCode":"E1","hint":"x","errors":[{"code":"E1"}]}"#,
        r#"{"errors":[7,"more"]}"#,
        r#"{"errors":[[{"message":"more"}]]}"#,
        r#"{"errors":[{"errors":["more"]}]}"#,
        r#"{"errors":["\u0000\u202e"]}"#,
        r#"{"message":"\ud800"}"#,
    ] {
        assert_eq!(refused(401, body).problem(), &Problem::Status, "{body}");
        assert_eq!(malformed(ok(body)), Malformed::NoAccessToken, "{body}");
    }
}

#[test]
fn beside_an_error_another_description_counts_where_its_own_is_missing() {
    for (members, said) in [
        (r#""message":"m","errorDescription":"d","hint":"h""#, Some("m")),
        (r#""hint":"h","errorDescription":"d""#, Some("d")),
        (r#""hint":"h","title":"t","code":7"#, Some("h")),
        (r#""error_description":"own","message":"m""#, Some("own")),
        (r#""error_description":null,"message":"m""#, Some("m")),
        (r#""error_description":" ","message":"m""#, Some("m")),
        (r#""error_description":7,"message":7"#, None),
        (r#""title":"t","detail":"d""#, None),
    ] {
        let refusal = refused(401, &format!("{{\"error\":\"invalid_client\",{members}}}"));
        assert_eq!((refusal.code(), words(&refusal)), (Some("invalid_client"), said), "{members}");
    }
    let form = answer(400, FORM, "error=invalid_scope&message=no+such%20scope&message=2");
    assert_eq!(words(&read(&form).unwrap_err()), Some("no such scope"));
    let form = answer(400, FORM, "code=7&message=no+such%20scope");
    assert_eq!(words(&read(&form).unwrap_err()), Some("7: no such scope"));
}

#[test]
fn a_second_one_of_these_members_is_no_fault_and_is_not_read() {
    let body =
        r#"{"message":"a","message":"b","title":1,"title":2,"errors":[],"errors":["x"],"code":1,"code":2"#;
    assert_eq!(words(&refused(400, &format!("{body}}}"))), Some("1: a"));
    assert!(ok(format!("{body},\"access_token\":\"t\"}}")).is_ok());
    assert!(
        myparcel_client()
            .read(&answer(200, JSON, "{\"code\":1,\"code\":2,\"access_token\":\"t\"}"), sent())
            .is_ok()
    );
}

// Conforms: Q-17
#[test]
fn myparcels_errors_have_their_own_reader_and_its_other_words_are_read_like_everybodys() {
    let refusal = myparcel_refused(403, "{\"errors\":[{\"title\":\"a\"}],\"message\":\"b\"}");
    assert_eq!((refusal.code(), words(&refusal)), (None, Some("b")));
    let refusal = myparcel_refused(403, "{\"errors\":[{\"title\":\"a\",\"detail\":\"b\"}]}");
    assert_eq!(refusal.problem(), &Problem::Status);
}

// Conforms: Q-46, A-01, A-15
#[test]
fn the_words_of_every_shape_are_masked_printable_and_bounded() {
    let long = "x".repeat(5000);
    for (body, _) in SHAPES {
        for (echoed, shown) in [
            ("s3cr3t\\/+ value", "[redacted]"),
            ("s3cr3t%2f%2B+value", "[redacted]"),
            ("the.token.of.this.answer", "[redacted]"),
            ("a\\u001b[31m\\u202eb", "a[31mb"),
            (&long, "xxxxx"),
        ] {
            let said = [
                "no such client",
                "no such endpoint",
                " no such endpoint ",
                "wrong secret",
                "Invalid ApiKey",
                "Denied",
                "CSRF token mismatch.",
            ];
            let body = said.iter().fold(String::from(body), |body, said| body.replace(said, echoed));
            let body = body.replacen('{', "{\"access_token\":\"the.token.of.this.answer\",", 1);
            let refusal = refused(401, &body);
            let words = words(&refusal).unwrap();
            assert!(words.contains(shown) && words.chars().count() <= Excerpt::MAX_CHARS, "{body}: {words}");
            let all = format!("{refusal:?} {refusal}");
            assert!(
                !["s3cr3t", "the.token", "\u{1b}", "\u{202e}"].iter().any(|piece| all.contains(piece)),
                "{all}"
            );
        }
    }
}

#[test]
fn a_web_page_with_an_error_status_is_told_from_an_empty_answer() {
    for (label, body, problem) in [
        ("text/html", "<html>Forbidden</html>", Problem::WebPage),
        ("text/html", "Forbidden", Problem::WebPage),
        (JSON, " <!doctype html>", Problem::WebPage),
        ("text/html", " \r\n", Problem::Status),
        ("text/html", "{\"error\":\"\"}", Problem::Status),
        ("text/plain", "Forbidden", Problem::Status),
    ] {
        for (status, class) in [(403, Class::Permanent), (502, Class::Transient)] {
            let refusal = read(&answer(status, label, body)).unwrap_err();
            assert_eq!((refusal.problem(), refusal.class()), (&problem, class), "{label} {body}");
        }
    }
}

#[test]
fn debug_shows_the_status_of_an_answer_and_the_length_of_its_body() {
    let shown = format!("{:?}", answer(418, JSON, "SENTINEL"));
    assert!(shown.contains("418") && shown.contains("body_len: 8") && !shown.contains("SENTINEL"), "{shown}");
}

/// Found by fuzzing: each word for itself repeated nothing.
#[test]
fn a_scope_that_repeats_a_secret_with_a_space_in_it_is_not_kept() {
    for words in ["\"a s3cr3t/+ value b\"", "\"as3cr3t/+ valueb\"", "[\"a\",\"s3cr3t/+\",\"value\"]"] {
        let grant = ok(format!("{{\"access_token\":\"t\",\"scope\":{words}}}")).unwrap();
        assert_eq!((grant.scope(), grant.narrowed_scope()), (None, None), "{words}");
    }
    let grant = ok("{\"access_token\":\"t\",\"scope\":\"a value\"}").unwrap();
    assert!(grant.scope().is_some());
}

#[test]
fn a_scope_longer_than_16_kib_is_not_kept() {
    let granted = |length: usize| {
        ok(format!("{{\"access_token\":\"t\",\"scope\":\"{}\"}}", "s".repeat(length))).unwrap()
    };
    assert!(granted(16_384).scope().is_some());
    assert!(granted(16_385).scope().is_none());
}

#[test]
fn a_header_longer_than_8_kib_does_not_count() {
    let told = |length: usize| {
        let value = format!("{}7", "0".repeat(length - 1));
        read(&Response::new(503).with_header("Retry-After", value.as_bytes())).unwrap_err().retry_after()
    };
    assert_eq!(told(8192), Some(Duration::from_secs(7)));
    assert_eq!(told(8193), None);
}

proptest! {
    // I28
    // Conforms: A-06, A-38
    #[test]
    fn no_answer_makes_it_panic(
        status in prop_oneof![Just(200_u16), Just(400), any::<u16>()],
        label in prop_oneof![Just(JSON), Just(FORM), Just("")],
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        almost in "(\\{|\\}|\\[|\\]|\"access_token\"|\"expires_in\"|\"error\"|\"errors\"|\"code\"|:|,|1e9|-|\\.|9|\\\\u|\"a|\"){0,30}",
        header in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        for body in [bytes, almost.into_bytes()] {
            let response = FIELDS.iter().skip(1).fold(answer(status, label, body), |response, name| {
                response.with_header(name, &header)
            });
            let _ = format!("{:?}", client().read(&response, sent()));
            let _ = format!("{:?}", myparcel_client().read(&response, sent()));
        }
    }

    // Conforms: R-7519-k
    #[test]
    fn a_hint_only_ever_shortens_the_life_of_an_answer(
        expires_in in 1_u64..100_000,
        exp in W0 - 10_000..W0 + 100_000,
        iat in prop::option::of(W0 - 20_000..W0 + 10_000),
    ) {
        let iat = iat.map(|iat| format!(",\"iat\":{iat}")).unwrap_or_default();
        let token = crate::jwt::tests::jwt(&format!("{{\"exp\":{exp}{iat}}}"));
        let body = format!("{{\"access_token\":\"{token}\",\"expires_in\":{expires_in}}}");
        let life = ok(&body).unwrap().lifetime().life.unwrap();
        prop_assert!(life <= Duration::from_secs(expires_in));
    }
}

#[test]
fn a_token_says_the_scope_that_its_server_granted() {
    use crate::{Call, Machine, Mono, Outcome, Policy, Step};
    let token = |scope: &str| {
        let body = format!("{{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":60{scope}}}");
        let mut machine = Machine::new(Policy::new(), 1);
        let mut call = Call::new(Mono::MAX);
        let Step::Send(flight) = machine.poll(sent(), &mut call) else { panic!("nothing is sent") };
        machine.complete(sent(), flight, Outcome::Granted(ok(body).unwrap()));
        let Step::Use(token) = machine.poll(sent(), &mut call) else { panic!("nothing to use") };
        token
    };
    assert_eq!(token(",\"scope\":\"x y\"").scope(), Some(&Scope::parse("x y").unwrap()));
    assert_eq!(token("").scope(), None, "which stands for the scope that was asked for");
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
