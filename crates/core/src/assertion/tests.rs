use super::*;
use crate::jwt::tests::jwt;
use alloc::format;
use alloc::string::{String, ToString};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

#[test]
fn a_kind_is_its_uri_and_names_the_method() {
    let kind = |uri| AssertionKind::parse(uri).unwrap();
    for (kind, known, method) in [
        (
            kind("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            AssertionKind::JWT_BEARER,
            "private_key_jwt",
        ),
        (
            kind("urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"),
            AssertionKind::JWT_SPIFFE,
            "spiffe_jwt",
        ),
        (
            kind("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            kind("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            "client_assertion",
        ),
    ] {
        assert_eq!((&kind, kind.method()), (&known, method));
    }
    assert_eq!(kind("https://as.example/kind?a=b").uri(), "https://as.example/kind?a=b");
    assert_ne!(kind("urn:a:b"), kind("urn:a:c"));
}

#[test]
fn a_kind_is_an_absolute_uri() {
    for uri in ["", "jwt-bearer", "/kind", "//as.example/kind", "urn:a b", "urn:a:b#c", "urn:a:b#", "urn:ä:b"]
    {
        assert_eq!(AssertionKind::parse(uri), Err(ConfigError::AssertionKind), "{uri:?}");
    }
}

fn says(assertion: &str) -> Option<String> {
    let now = Wall::from_epoch(Duration::from_secs(1000));
    Told::of(assertion, now, &["SENTINEL-secret"]).map(|told| told.to_string())
}

// S6
#[test]
fn an_assertion_says_one_thing_of_itself_and_its_end_first() {
    for (claims, words) in [
        (r#"{"exp":820,"aud":"a","sub":"s"}"#, "ended 3 min ago: its writer seems to have stopped"),
        (r#"{"exp":1000}"#, "ended 0 s ago: its writer seems to have stopped"),
        (r#"{"exp":1001,"aud":"a","sub":"s"}"#, "has the audience a and the subject s"),
        (r#"{"aud":"a","sub":"s"}"#, "has the audience a and the subject s"),
        (r#"{"aud":["a","b"],"sub":"s"}"#, "has the audience a, b and the subject s"),
        (
            r#"{"aud":["a",1,"b"],"sub":"s","iss":"i"}"#,
            "has the audience a, b and the subject s, of the issuer i",
        ),
        (r#"{"nbf":1120,"exp":2000,"aud":"a"}"#, "begins in 2 min: its writer's clock seems to be ahead"),
        (r#"{"nbf":1000,"aud":"a","sub":"s"}"#, "has the audience a and the subject s"),
        (r#"{"aud":[],"sub":"s"}"#, "has no audience, and the subject s"),
        (r#"{"aud":[1],"sub":"s"}"#, "has no audience, and the subject s"),
        (r#"{"aud":"a"}"#, "has the audience a and no subject"),
        (r#"{"aud":"a","sub":7}"#, "has the audience a and no subject"),
        (r#"{"aud":"a","sub":""}"#, "has the audience a and no subject"),
        (r#"{"sub":"s"}"#, "has no audience, and the subject s"),
        (r#"{"exp":-1}"#, "has neither audience nor subject"),
        ("{}", "has neither audience nor subject"),
        // Where a claim is repeated, the last one is told.
        (r#"{"aud":"a","aud":"b","sub":"s","sub":"t"}"#, "has the audience b and the subject t"),
    ] {
        assert_eq!(says(&jwt(claims)).as_deref(), Some(words), "{claims}");
    }
}

#[test]
fn what_is_no_jwt_says_nothing() {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"s"}"#);
    for text in [
        "",
        "opaque",
        &claims,
        &format!("a.{claims}"),
        "a.!.c",
        "a..c",
        &jwt("[]"),
        &jwt("{"),
        &jwt(r#"{"sub":"s""#),
        &jwt("\u{1}"),
    ] {
        assert_eq!(says(text), None, "{text}");
    }
    // Nobody looks at its header and signature.
    assert!(says(&format!("!.{claims}.!")).is_some());
}

#[test]
fn claims_are_shown_as_all_words_from_outside_are() {
    let claims = r#"{"aud":"x SENTINEL-secret x","sub":"line\nbreak \u202e"}"#;
    let words = says(&jwt(claims)).unwrap();
    assert_eq!(words, "has the audience x [redacted] x and the subject linebreak");
    let long = format!(r#"{{"sub":"{}"}}"#, "s".repeat(1000));
    assert!(says(&jwt(&long)).unwrap().chars().count() < 300);
}
