//! Every target, with the implementations it is compared with, on inputs that chance and a few seeds make.

use super::*;
use alloc::format;
use alloc::string::ToString;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, SystemTime};

/// What http-auth reads of a line, where it takes it.
fn http_auth(line: &str) -> Option<Vec<Read>> {
    let challenges = http_auth::parse_challenges(line).ok()?;
    let read = |challenge: &http_auth::ChallengeRef<'_>| {
        let params = challenge.params.iter();
        let params = params.map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped()));
        (challenge.scheme.to_ascii_lowercase(), params.collect())
    };
    Some(challenges.iter().map(read).collect())
}

const HTTPDATE: Dates = Dates {
    read: |text| {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
    },
    write: |seconds| httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
};

fn all(data: &[u8]) {
    token_response(data);
    jwt_hint(data);
    challenge(data, http_auth);
    retry_after(data, &HTTPDATE);
    form(data);
    secret_text(data);
    metadata(data);
    der_signature(data);
    trace(data);
}

/// Words that the readers know.
const WORDS: [&str; 26] = [
    "200",
    "401",
    "503",
    " myparcel",
    "\n",
    "\n\n",
    "content-type: ",
    "application/json",
    "text/plain",
    "date: ",
    "retry-after: ",
    "Mon, 23 Nov 2026 12:00:00 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "{",
    "}",
    "[",
    "\"",
    ":",
    ",",
    "Bearer ",
    "Basic ",
    "realm=\"x\"",
    "error=\"invalid_token\"",
    "error=\"insufficient_scope\"",
    "abc==",
];

/// Members of a token response, and of a JWT's payload.
const MEMBERS: [&str; 31] = [
    "\"issuer\":\"https://as.example\"",
    "\"issuer\":\"https://as.example/\"",
    "\"token_endpoint\":\"https://as.example/token\"",
    "\"token_endpoint\":\"http://as.example/token\"",
    "\"mtls_endpoint_aliases\":{\"token_endpoint\":\"https://m.example/token\"}",
    "\"token_endpoint_auth_methods_supported\":[\"private_key_jwt\",1]",
    "\"access_token\":\"a.b-c\"",
    "\"access_token\":\"a b\"",
    "\"access_token\":\"eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3OTU0Mzg4MDB9.c2ln\"",
    "\"token_type\":\"Bearer\"",
    "\"token_type\":\"MAC\"",
    "\"expires_in\":3600",
    "\"expires_in\":\"60.5\"",
    "\"expires_on\":1795438800",
    "\"refresh_in\":1",
    "\"scope\":\"a\"",
    "\"error\":\"invalid_client\"",
    "\"error\":false",
    "\"errors\":[{\"code\":\"14000\"}]",
    "\"exp\":1795438800",
    "\"exp\":\"1795438800.5\"",
    "\"exp\":1795438800.999999999999999",
    "\"iat\":1795435200",
    "\"aud\":\"https://as.example\"",
    "\"aud\":[\"a\",\"b\"]",
    "\"aud\":[]",
    "\"aud\":[7]",
    "\"sub\":\"job\\n\\u00e9\"",
    "\"sub\":7",
    "\"x\":[{}]",
    "\"\\ud800\":\"\\u0061\"",
];

const HEADS: [&str; 7] = [
    "",
    "200\ncontent-type: application/json\ndate: Mon, 23 Nov 2026 12:00:00 GMT\nage: 5\n\n",
    "201 myparcel\n\n",
    "200\ncontent-type: text/html\n\n",
    "403 myparcel\n\n",
    "400\n\n",
    "503\nretry-after: 7\n\n",
];

fn sentences() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => proptest::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
        1 => any::<u32>().prop_map(|number| number.to_string().into_bytes()),
    ];
    vec(word, 0..24).prop_map(|words| words.concat())
}

fn objects() -> impl Strategy<Value = Vec<u8>> {
    let members = vec(proptest::sample::select(&MEMBERS[..]), 0..5);
    (proptest::sample::select(&HEADS[..]), members)
        .prop_map(|(head, members)| format!("{head}{{{}}}", members.join(",")).into_bytes())
}

fn forms() -> impl Strategy<Value = Vec<u8>> {
    let pairs = ["access_token=a.b", "expires_in=60", "token_type=bearer", "scope=a+b", "error=x", "%ff=1"];
    vec(proptest::sample::select(pairs.to_vec()), 0..4)
        .prop_map(|pairs| format!("200\ncontent-type: text/plain\n\n{}", pairs.join("&")).into_bytes())
}

/// The bytes of a number in DER, and of what is none.
fn numbers() -> impl Strategy<Value = Vec<u8>> {
    const BEGINS: [&[u8]; 4] = [&[], &[0], &[0, 0x80], &[0x80]];
    let begins = proptest::sample::select(&BEGINS[..]);
    (begins, vec(any::<u8>(), 0..50)).prop_map(|(begins, rest)| [begins, &rest[..]].concat())
}

proptest! {
    #[test]
    fn no_sentence_breaks_a_target(data in sentences()) {
        all(&data);
    }

    #[test]
    fn no_object_breaks_a_target(data in objects()) {
        all(&data);
    }

    #[test]
    fn no_form_breaks_a_target(data in forms()) {
        all(&data);
    }

    #[test]
    fn no_signature_breaks_a_target(r in numbers(), s in numbers(), tail in vec(any::<u8>(), 0..2)) {
        let pair = [&[2, r.len() as u8], &r[..], &[2, s.len() as u8], &s].concat();
        der_signature(&[&[0x30, pair.len() as u8], &pair[..], &tail].concat());
    }

    #[test]
    fn no_bytes_break_a_target(data in vec(any::<u8>(), 0..400)) {
        all(&data);
    }
}

#[test]
fn a_fraction_that_no_double_can_tell_from_the_next_second_is_no_fault() {
    jwt_hint(b"{\"exp\":179500.999999999999999}");
}
