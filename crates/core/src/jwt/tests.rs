use super::*;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use proptest::prelude::*;

const HEADER: &str = "eyJhbGciOiJSUzI1NiJ9";
const SEED_SAMPLE: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYW1lIjoiSm9obiBEb2UiLCJhZG1pbiI6dHJ1ZX0.OLvs36KmqB9cmsUrMpUutfhV52_iSz4bQMYJjkI_TLQ";

pub(crate) fn jwt(payload: &str) -> String {
    format!("{HEADER}.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
}

fn exp_of(token: &str) -> Option<u64> {
    hint(token).map(|times| times.exp.since_epoch().as_secs())
}

fn exp(payload: &str) -> Option<u64> {
    exp_of(&jwt(payload))
}

// Conforms: R-7519-a, R-7519-b, R-7519-c, R-7519-d, R-7519-h, R-7519-i, R-7515-d, Q-27
#[test]
fn exp_may_be_an_integer_a_fraction_or_a_text_of_either() {
    for (payload, seconds) in [
        ("{\"exp\":1795438800}", 1_795_438_800),
        ("{\"exp\":1795459644.659588}", 1_795_459_644),
        ("{\"exp\":1795438800.999999}", 1_795_438_800),
        ("{\"exp\":1795438800.999999999999999}", 1_795_438_800),
        ("{\"exp\":1616481863.528781890869140625}", 1_616_481_863),
        ("{\"exp\":\"1610383442.123882\"}", 1_610_383_442),
        ("{\"exp\":\"1795438800\"}", 1_795_438_800),
        ("{\"exp\":1.7954388e9}", 1_795_438_800),
        ("{\"aud\":\"a\",\"exp\":1795438800}", 1_795_438_800),
        ("{\"aud\":[\"a\",\"b\"],\"exp\":1795438800}", 1_795_438_800),
        ("{\"aud\":1,\"exp\":1795438800}", 1_795_438_800),
        ("{\"aud\":[[\"a\"]],\"exp\":1795438800}", 1_795_438_800),
        ("{\"aud\":1e999,\"exp\":1795438800}", 1_795_438_800),
        ("{\"x\":{\"exp\":1},\"exp\":1795438800}", 1_795_438_800),
        ("{\"\\u0065xp\":1795438800}", 1_795_438_800),
        ("{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"a\":true}", 1_300_819_380),
    ] {
        assert_eq!(exp(payload), Some(seconds), "{payload}");
    }
    let passport =
        "{\"iat\":1616497508.795617,\"nbf\":1616497508.79562,\"exp\":1616501108.68163,\"scopes\":[\"id\"]}";
    let times = hint(&jwt(passport)).unwrap();
    assert_eq!(times.iat.map(|iat| iat.since_epoch().as_secs()), Some(1_616_497_508));
    assert_eq!(times.exp.since_epoch().as_secs(), 1_616_501_108);
}

// Conforms: R-7519-e, R-7519-f, R-7519-g, R-7519-i, R-7519-j, R-7519-o
#[test]
fn any_doubt_is_no_hint() {
    for payload in [
        "{}",
        "{\"EXP\":1795438800}",
        "{\"x\":{\"exp\":1795438800}}",
        "{\"exp\":-1}",
        "{\"exp\":0}",
        "{\"exp\":null}",
        "{\"exp\":true}",
        "{\"exp\":[1795438800]}",
        "{\"exp\":{}}",
        "{\"exp\":1e400}",
        "{\"exp\":18446744073709551615}",
        "{\"exp\":1795438800000}",
        "{\"exp\":\"2026-11-23T13:00:00Z\"}",
        "{\"exp\":1,\"exp\":1795438800}",
        "{\"exp\":1795438800,\"exp\":1}",
        "{\"iat\":1,\"iat\":2,\"exp\":1795438800}",
        "{\"iat\":\"x\",\"exp\":1795438800}",
        "{\"iat\":1795438800,\"exp\":1795438800}",
        "{\"nbf\":1795438801,\"exp\":1795438800}",
        "[1795438800]",
        "\"x\"",
        "",
        "{\"exp\":1795438800",
        "{\"exp\":1795438800} x",
    ] {
        assert_eq!(exp(payload), None, "{payload}");
    }
    for depth in [32, 100_000] {
        let deep = format!("{{\"exp\":1795438800,\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(exp(&deep), None, "{depth}");
    }
}

// Conforms: R-7515-a, R-7515-b, R-7515-c, R-7519-o, Q-28, Q-29, A-21
#[test]
fn only_three_parts_of_plain_base64url_are_a_jwt() {
    let payload = URL_SAFE_NO_PAD.encode("{\"exp\":1795438800}");
    assert!(exp_of(&format!("{HEADER}.{payload}.c2ln")).is_some());
    // A byte more leaves bits over in its last character: a space is IA, and the lowest bit of IB stands for nothing.
    let longer = URL_SAFE_NO_PAD.encode("{\"exp\":1795438800} ");
    assert!(exp_of(&format!("{HEADER}.{longer}.c2ln")).is_some());
    let stray = longer.replace("IA", "IB");
    assert_ne!(stray, longer);
    for token in [
        format!("{HEADER}.{stray}.c2ln"),
        format!("{HEADER}.{payload}\n.c2ln"),
        format!("{HEADER}. {payload}.c2ln"),
        format!("{HEADER}.####.c2ln"),
        payload.clone(),
        format!("{HEADER}.{payload}"),
        format!("{HEADER}.{payload}."),
        format!(".{payload}.c2ln"),
        format!("{HEADER}..c2ln"),
        format!("{HEADER}.{payload}.c2ln.c2ln"),
        format!("{HEADER}.{payload}.aa.bb.cc"),
        format!("{HEADER}.{payload}.c2ln."),
        format!("{HEADER}.{payload}=.c2ln"),
        format!("{HEADER}.{payload}.c2ln="),
        format!("{HEADER}.{payload}.c2+n"),
        format!("{HEADER}.{payload}.c2/n"),
        format!("{HEADER}.{payload}.AB"),
        format!("x.{payload}.c2ln"),
        ".".repeat(16_000),
        String::from("2YotnFZFEjr1zCsicMWpAA"),
        String::from("/DsAH2yk+W="),
        String::new(),
    ] {
        assert_eq!(exp_of(&token), None, "{token}");
    }
}

// Conforms: R-7515-e, R-7515-f, A-21
#[test]
fn a_header_that_changes_the_payloads_meaning_is_a_doubt() {
    let with = |header: &str| {
        let payload = URL_SAFE_NO_PAD.encode("{\"exp\":1795438800}");
        exp_of(&format!("{}.{payload}.c2ln", URL_SAFE_NO_PAD.encode(header)))
    };
    assert!(with("{\"alg\":\"none\"}").is_some());
    assert!(with("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}").is_some());
    for header in ["{\"zip\":\"DEF\"}", "{\"b64\":false}", "{\"crit\":[\"b64\"]}", "[]", "x", ""] {
        assert_eq!(with(header), None, "{header}");
    }
}

#[test]
fn a_header_is_an_object_to_its_last_byte_whatever_its_members_are_called() {
    let with =
        |header: &str| exp_of(&format!("{}.eyJleHAiOjE3OTU0Mzg4MDB9.c2ln", URL_SAFE_NO_PAD.encode(header)));
    assert_eq!(with("{\"alg\":\"none\",\"\\ud800\":1}"), Some(1_795_438_800));
    for header in ["{\"alg\":1,}", "{\"alg\"", "[]", "{} x"] {
        assert_eq!(with(header), None, "{header}");
    }
}

#[test]
fn a_signature_is_base64url_to_its_last_byte() {
    for good in ["YQ", "abcd", "abcdYQ", "c2lnc2ln", "-_-_YQ"] {
        assert!(is_encoded(good), "{good}");
    }
    for bad in ["", "a", "!bcd", "ab!!cdef", "!!!!abcd", "ab+/cdef", "abcd====", "abc=", "abcde", "ab\u{e9}d"]
    {
        assert!(!is_encoded(bad), "{bad}");
    }
}

/// RFC 9068 section 6: what a token says is the resource server's affair.
// Conforms: R-9068-b
#[test]
fn no_claim_leaves_this_crate() {
    let root = include_str!("../lib.rs");
    assert!(root.contains("\nmod jwt;\n"), "the module is there, and private");
    assert!(!root.lines().any(|line| line.contains("pub") && line.contains("jwt")), "{root}");
}

// Conforms: M-12
#[test]
fn the_sample_of_myparcel_has_no_exp() {
    assert_eq!(hint(SEED_SAMPLE), None);
}

proptest! {
    #[test]
    fn a_signature_counts_exactly_when_it_can_be_decoded(
        bytes: Vec<u8>,
        cut in 0_usize..4,
        added in "[A-Za-z0-9_=+/ .é-]{0,2}",
    ) {
        let mut signature = URL_SAFE_NO_PAD.encode(bytes);
        signature.truncate(signature.len().saturating_sub(cut));
        signature.push_str(&added);
        let decoded = URL_SAFE_NO_PAD.decode(&signature).is_ok_and(|bytes| !bytes.is_empty());
        prop_assert_eq!(is_encoded(&signature), decoded);
    }

    // I28
    // Conforms: A-06
    #[test]
    fn no_text_makes_it_panic(token in "[A-Za-z0-9_.=+/-]{0,200}", payload: String) {
        let _ = hint(&token);
        let _ = hint(&jwt(&payload));
    }

    // I28
    // Conforms: A-06
    #[test]
    fn no_almost_payload_makes_it_panic(payload in "(\\{|\\}|\\[|\\]|\"exp\"|\"iat\"|:|,|1e9|-|\\.|9|\\\\u|\"){0,30}") {
        let _ = hint(&jwt(&payload));
    }
}
