use super::Report;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;

/// 2026-11-24T15:00:00Z.
const NOW: u64 = 1_795_532_400;

fn part(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn jwt(claims: &str) -> String {
    format!("{}.{}.c2ln", part(r#"{"alg":"RS256","typ":"at+jwt","kid":"k1"}"#), part(claims))
}

fn text(input: &str) -> String {
    let styled = Report::of(input.as_bytes()).unwrap().text(Duration::from_secs(NOW));
    anstream::adapter::strip_str(&styled).to_string()
}

fn json(input: &str) -> serde_json::Value {
    Report::of(input.as_bytes()).unwrap().json(Duration::from_secs(NOW))
}

#[track_caller]
fn says(input: &str, lines: &[&str]) {
    let text = text(input);
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line:?} is not in:\n{text}");
    }
    assert!(text.contains("unverified  nothing was checked"), "{text}");
}

#[test]
fn a_jwt_tells_its_header_its_issuer_and_its_times() {
    let claims = r#"{"iss":"https://auth.example.com","sub":"me","aud":["a","b"],"scope":"read write",
        "client_id":"c","iat":1795532280,"nbf":1795532280,"exp":1795618799}"#;
    let lines = [
        "type        at+jwt",
        "algorithm   RS256",
        "key         k1",
        "issuer      https://auth.example.com",
        "subject     me",
        "client      c",
        "audience    a b",
        "scope       read write",
        "issued      2026-11-24 14:58:00 UTC, 2 min ago",
        "valid from  2026-11-24 14:58:00 UTC, 2 min ago",
        "expires     2026-11-25 14:59:59 UTC, in 23 h 59 min",
    ];
    says(&jwt(claims), &lines);
    says(&format!("  Authorization: Bearer {}\n", jwt(claims)), &lines);
    says(&format!("bearer {}", jwt(claims)), &lines);
    let found = json(&jwt(claims));
    assert_eq!((&found["kind"], &found["verified"]), (&"jwt".into(), &false.into()));
    assert_eq!(found["expires_at"], "2026-11-25T14:59:59Z");
    assert_eq!((&found["expires_in"], &found["expired"]), (&86_399.into(), &false.into()));
    assert_eq!(found["claims"]["aud"][1], "b");
    assert_eq!(found["notes"], serde_json::json!([]));
}

#[test]
fn a_token_that_is_bound_says_to_what() {
    says(
        &jwt(r#"{"cnf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}"#),
        &[
            "bound       to the certificate with the SHA-256 thumbprint bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2",
        ],
    );
    says(
        &jwt(r#"{"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}"#),
        &["bound       to the key with the thumbprint 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I (DPoP)"],
    );
    says(&jwt(r#"{"cnf":{"kid":"k1"}}"#), &["bound       by kid, which is in the claim cnf"]);
    says(&jwt(r#"{"cnf":{}}"#), &["bound       its cnf names nothing"]);
    says(&jwt(r#"{"cnf":[]}"#), &["bound       its cnf is no JSON object"]);
    assert!(!text(&jwt("{}")).contains("bound"));
}

#[test]
fn what_has_ended_has_expired() {
    let token = jwt(r#"{"exp":1795532388}"#);
    says(&token, &["expired     2026-11-24 14:59:48 UTC, 12 s ago"]);
    assert_eq!((&json(&token)["expires_in"], &json(&token)["expired"]), (&(-12).into(), &true.into()));
}

#[test]
fn odd_times_are_read_and_told() {
    says(
        &jwt(r#"{"exp":1795532460.25}"#),
        &[
            "expires     2026-11-24 15:01:00 UTC, in 1 min",
            "note        exp is a fraction, which some libraries refuse",
        ],
    );
    says(
        &jwt(r#"{"exp":"1795532460"}"#),
        &[
            "expires     2026-11-24 15:01:00 UTC, in 1 min",
            "note        exp is a text, where RFC 7519 wants a number",
        ],
    );
    says(
        &jwt(r#"{"exp":1795532460000}"#),
        &[
            "expires     it does not say when",
            "note        exp is not a date in seconds; it may be in milliseconds",
        ],
    );
    for exp in ["null", "[]", "-1", "0", "1e308", "\"soon\"", "\"NaN\"", "\"inf\""] {
        says(&jwt(&format!(r#"{{"exp":{exp}}}"#)), &["note        exp is no date"]);
    }
    says(&jwt("{}"), &["expires     it does not say when"]);
    says(&jwt(r#"{"iat":1795532460,"exp":1795532460}"#), &["note        it ends before it begins"]);
    says(
        &jwt(r#"{"exp":1,"exp":1795532460}"#),
        &["note        duplicate claim exp: readers will disagree about it"],
    );
}

#[test]
fn a_jwt_without_a_signature_is_named_so() {
    let token = format!("{}.{}.", part(r#"{"alg":"none"}"#), part("{}"));
    says(&token, &["algorithm   none", "note        it has no signature: anybody may have changed it"]);
}

#[test]
fn opaque_and_encrypted_tokens_are_no_error() {
    says("2YotnFZFEjr1zCsicMWpAA", &["kind        opaque, 22 characters: only the server can read it"]);
    let jwe = format!("{}.a.b.c.d", part(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    says(&jwe, &["encryption  A256GCM"]);
    assert_eq!((&json(&jwe)["kind"], &json("abc")["kind"]), (&"jwe".into(), &"opaque".into()));
    says("a.b.c", &["note        it has three parts like a JWT, but its header cannot be read"]);
    let broken = format!("{}.!!.c", part("{}"));
    says(&broken, &["note        it has three parts like a JWT, but its claims cannot be read"]);
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    says(
        &jwt(&format!(r#"{{"a":{deep}}}"#)),
        &["note        it has three parts like a JWT, but its claims cannot be read"],
    );
}

#[test]
fn a_token_response_gives_its_token_and_its_life() {
    says(
        r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#,
        &["expires_in  3600, the response says, counted from when it was sent"],
    );
}

#[test]
fn what_a_token_says_cannot_drive_the_terminal() {
    let told = text(&jwt(r#"{"iss":"a\u001b[2Jb\u202ec","sub":"x\ny"}"#));
    assert!(told.contains("issuer      a[2Jbc\n") && told.contains("subject     xy\n"), "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'));
}

#[test]
fn what_is_no_token_is_refused_and_not_shown() {
    let long = "x".repeat(16_385);
    for (input, says) in [
        ("", "the input is empty"),
        (" \n", "the input is empty"),
        ("two words", "the input is not an access token: byte 3 is not allowed in a header"),
        ("sentinel\"", "one of the characters"),
        (&long, "longer than 16384 characters"),
        ("{", "begins like JSON"),
        (r#"{"error":"invalid_client"}"#, "an error response: invalid_client"),
        (r#"{"access_token":7}"#, "has no access_token"),
        (r#"{"access_token":"a b"}"#, "access_token is not an access token: byte 1"),
    ] {
        let failure = Report::of(input.as_bytes()).unwrap_err().to_string();
        assert!(failure.contains(says), "{failure}");
        assert!(!failure.contains("sentinel"));
    }
    assert!(Report::of(b"\xff").unwrap_err().to_string().contains("not text"));
}
