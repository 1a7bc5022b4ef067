//! What a grant says.

use super::*;

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

// Conforms
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
    // Conforms
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
