use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const NOW: i64 = 1_764_000_000_123_456;

fn jwt(tokens: &mut Tokens, times: JwtTimes, lifetime: Duration) -> String {
    tokens.grant(TokenStyle::Jwt(times), lifetime, whose("*"), NOW).text
}

fn whose(scope: &str) -> Whose<'_> {
    Whose { client: "client", scope, binding: None }
}

fn claims(token: &str) -> Value {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

#[test]
fn times_are_written_as_the_style_says() {
    for (times, lifetime, expected) in [
        (
            JwtTimes::Float,
            HOUR,
            r#""iat":1764000000.123456,"nbf":1764000000.123456,"exp":1764003600.123456,"#,
        ),
        (JwtTimes::Integer, HOUR, r#""iat":1764000000,"nbf":1764000000,"exp":1764003600,"#),
        (
            JwtTimes::Integer,
            Duration::from_millis(300),
            r#""iat":1764000000,"nbf":1764000000,"exp":1764000000.423456,"#,
        ),
        (JwtTimes::Text, HOUR, r#""iat":"1764000000","nbf":"1764000000","exp":"1764003600","#),
        (JwtTimes::Absent, HOUR, ""),
    ] {
        assert_eq!(time_claims(times, micros(lifetime), NOW), expected);
    }
}

#[test]
fn a_token_lives_exactly_as_long_as_its_life() {
    let mut tokens = Tokens::new().unwrap();
    for style in [TokenStyle::default(), TokenStyle::Jwt(JwtTimes::Absent), TokenStyle::Opaque] {
        let token = tokens.grant(style, Duration::from_millis(300), whose("*"), NOW);
        assert_eq!(token.seconds, 1, "rounded up");
        assert!(tokens.verify(&token.text, None, NOW + 299_999).is_ok());
        assert_eq!(tokens.verify(&token.text, None, NOW + 300_000), Err(Invalid::Expired));
    }
}

#[test]
fn no_two_tokens_are_equal_and_no_other_server_knows_them() {
    let (mut tokens, other) = (Tokens::new().unwrap(), Tokens::new().unwrap());
    let (one, two) = (jwt(&mut tokens, JwtTimes::Float, HOUR), jwt(&mut tokens, JwtTimes::Float, HOUR));
    assert_ne!(one, two);
    assert_ne!(claims(&one)["jti"], claims(&two)["jti"]);
    assert_eq!(claims(&one)["sub"], "client");
    assert_eq!((tokens.verify(&one, None, NOW), tokens.verify(&two, None, NOW)), (Ok(1), Ok(2)));
    assert_eq!(other.verify(&one, None, NOW), Err(Invalid::Unknown));
}

#[test]
fn a_claim_that_was_changed_is_found_by_the_signature() {
    let mut tokens = Tokens::new().unwrap();
    let token = jwt(&mut tokens, JwtTimes::Float, HOUR);
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut changed = claims(&token);
    changed["exp"] = 4_000_000_000_u64.into();
    parts[1] = URL_SAFE_NO_PAD.encode(changed.to_string());
    assert_eq!(tokens.verify(&parts.join("."), None, NOW), Err(Invalid::Unknown));
    parts[0] = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    parts[2].clear();
    assert_eq!(tokens.verify(&parts.join("."), None, NOW), Err(Invalid::Unknown));
}

#[test]
fn a_sticky_token_is_given_out_until_it_is_over_and_says_what_is_left() {
    let mut tokens = Tokens::new().unwrap();
    let mut grant = |scope, now| tokens.grant(TokenStyle::Sticky, HOUR, whose(scope), now);
    let first = grant("*", NOW);
    let again = grant("*", NOW + 500_000);
    assert_eq!((&again.text, first.seconds, again.seconds), (&first.text, 3_600, 3_599));
    assert_ne!(grant("other", NOW).text, first.text);
    let other = grant("*", NOW);
    assert_ne!(grant("*", NOW + 3_600 * SECOND).text, other.text);
    let last = tokens.grant(TokenStyle::Sticky, HOUR, whose("*"), NOW).text;
    tokens.revoke_all();
    assert_eq!(tokens.verify(&last, None, NOW), Err(Invalid::Revoked));
    assert_ne!(tokens.grant(TokenStyle::Sticky, HOUR, whose("*"), NOW).text, last);
}

#[test]
fn the_oldest_tokens_are_forgotten_and_numbers_go_on() {
    let mut tokens = Tokens::new().unwrap();
    let first = tokens.grant(TokenStyle::Opaque, HOUR, whose("*"), NOW).text;
    let second = tokens.grant(TokenStyle::Opaque, HOUR, whose("*"), NOW).text;
    let mut last = String::new();
    for _ in 2..=MAX_TOKENS {
        last = tokens.grant(TokenStyle::Opaque, HOUR, whose("*"), NOW).text;
    }
    assert_eq!(tokens.texts().len(), MAX_TOKENS);
    assert_eq!(tokens.verify(&first, None, NOW), Err(Invalid::Unknown));
    assert_eq!(tokens.verify(&second, None, NOW), Ok(2));
    assert_eq!(tokens.verify(&last, None, NOW), Ok(MAX_TOKENS as u64 + 1));
    tokens.revoke(&second);
    assert_eq!(tokens.verify(&second, None, NOW), Err(Invalid::Revoked));
    assert!(tokens.verify(&last, None, NOW).is_ok());
}

#[test]
fn a_life_without_bounds_is_bounded() {
    let mut tokens = Tokens::new().unwrap();
    let token = jwt(&mut tokens, JwtTimes::Float, Duration::MAX);
    assert!(tokens.verify(&token, None, i64::MAX - 1).is_ok());
}

#[test]
fn a_bound_token_says_its_certificate_and_is_good_with_it_alone() {
    let mut tokens = Tokens::new().unwrap();
    let of = |binding| Whose { binding, ..whose("*") };
    for style in [TokenStyle::default(), TokenStyle::Opaque] {
        let token = tokens.grant(style, HOUR, of(Some("print")), NOW).text;
        assert!(tokens.verify(&token, Some("print"), NOW).is_ok());
        for other in [None, Some("other")] {
            assert_eq!(tokens.verify(&token, other, NOW), Err(Invalid::Bound));
        }
    }
    let token = tokens.grant(TokenStyle::default(), HOUR, of(Some("print")), NOW).text;
    assert_eq!(claims(&token)["cnf"], serde_json::json!({ "x5t#S256": "print" }));
    let free = tokens.grant(TokenStyle::default(), HOUR, of(None), NOW).text;
    assert!(claims(&free).get("cnf").is_none() && tokens.verify(&free, Some("print"), NOW).is_ok());
    let sticky = [Some("print"), Some("print"), None]
        .map(|binding| tokens.grant(TokenStyle::Sticky, HOUR, of(binding), NOW).text);
    assert!(sticky[0] == sticky[1] && sticky[1] != sticky[2]);
}
