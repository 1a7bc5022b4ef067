use super::*;
use alloc::format;

fn basic(id: &str, secret: &str) -> String {
    ClientAuth::basic(id, secret).unwrap().authorization().unwrap().to_string()
}

use alloc::string::ToString;

// Conforms: R-6749-2.3.1-a, R-6749-2.3.1-b, R-6749-2.3.1-c, R-6749-2.3.1-d, R-6749-2.3.1-e, R-6749-2.3.1-f
#[test]
fn basic_is_form_encoded_before_base64() {
    for (id, secret, value) in [
        ("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw", "czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"),
        ("s6BhdRkqt3", "gX1fBat3bV", "czZCaGRSa3F0MzpnWDFmQmF0M2JW"),
        (
            "1PpG/Q 1",
            "z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=",
            "MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhiTCUyQndmRlR0MXJGdyUzRA==",
        ),
        ("a:b", "c:d", "YSUzQWI6YyUzQWQ="),
        ("ïd", "sécret€", "JUMzJUFGZDpzJUMzJUE5Y3JldCVFMiU4MiVBQw=="),
        ("aaa/;&", "bbb/;&", "YWFhJTJGJTNCJTI2OmJiYiUyRiUzQiUyNg=="),
        ("id", "p@ss w%rd", "aWQ6cCU0MHNzK3clMjVyZA=="),
        (
            "client %&+-_.!~*'()",
            "client %&+-_.!~*'()",
            "Y2xpZW50KyUyNSUyNiUyQi1fLiUyMSU3RSolMjclMjglMjk6Y2xpZW50KyUyNSUyNiUyQi1fLiUyMSU3RSolMjclMjglMjk=",
        ),
    ] {
        assert_eq!(basic(id, secret), format!("Basic {value}"), "{id}");
    }
}

// Conforms: R-6749-2.3.1-g
#[test]
fn raw_basic_is_not_form_encoded_and_takes_no_colon_in_the_id() {
    let raw = ClientAuth::basic_raw("@!412E.2540", "Pa55w0rd!").unwrap();
    assert_eq!(raw.authorization().unwrap().as_str(), "Basic QCE0MTJFLjI1NDA6UGE1NXcwcmQh");
    assert_eq!(basic("@!412E.2540", "Pa55w0rd!"), "Basic JTQwJTIxNDEyRS4yNTQwOlBhNTV3MHJkJTIx");
    assert_eq!(ClientAuth::basic_raw("a:b", "c"), Err(ConfigError::ColonInClientId));
    assert!(ClientAuth::basic_raw("a", "b:c").is_ok());
}

// Conforms: R-6749-2.3.1-h, Q-42
#[test]
fn each_method_uses_one_place_alone() {
    let in_body = |auth: &ClientAuth| auth.parameters().map(|(name, _)| name).collect::<Vec<_>>();
    let basic = ClientAuth::basic("id", "s").unwrap();
    assert!(in_body(&basic).is_empty() && basic.authorization().is_some());
    let post = ClientAuth::post("id", "s").unwrap();
    assert_eq!(in_body(&post), ["client_id", "client_secret"]);
    assert!(post.authorization().is_none());
    let none = ClientAuth::none("id").unwrap();
    assert_eq!(in_body(&none), ["client_id"]);
    assert_eq!(ClientAuth::basic_raw("id", "s").unwrap().method(), "client_secret_basic_raw");
    assert!(none.authorization().is_none() && none.masks().is_empty());
    assert_eq!(
        [basic.method(), post.method(), none.method()],
        ["client_secret_basic", "client_secret_post", "none"]
    );
    assert_eq!(post.client_id(), "id");
}

// Conforms: R-6749-2.3.1-j, R-6749-2.3.1-k
#[test]
fn empty_texts_and_control_characters_are_refused() {
    let control = |field, at| Err(ConfigError::ControlCharacter { field, at });
    assert_eq!(ClientAuth::basic("", "s"), Err(ConfigError::Empty { field: "client_id" }));
    assert_eq!(ClientAuth::post("id", ""), Err(ConfigError::Empty { field: "client_secret" }));
    assert_eq!(ClientAuth::none(""), Err(ConfigError::Empty { field: "client_id" }));
    assert_eq!(ClientAuth::post("id", "s3cr3t\n"), control("client_secret", 6));
    assert_eq!(ClientAuth::basic("i\rd", "s"), control("client_id", 1));
    assert_eq!(ClientAuth::none("é\u{85}"), control("client_id", 2));
}

// Conforms: Q-46
#[test]
fn what_is_masked_is_the_secret_and_its_pair_with_the_id() {
    let masks = |auth: ClientAuth| auth.masks().iter().map(|mask| mask.to_string()).collect::<Vec<_>>();
    for new in [ClientAuth::basic, ClientAuth::basic_raw, ClientAuth::post] {
        assert_eq!(masks(new("id", "s/ >?&%+").unwrap()), ["s/ >?&%+", "id:s/ >?&%+"]);
        // A short secret is one of few bytes that stand in base64 by chance: base64 of the secret, then of `id:secret`, raw
        // and form-encoded, in both alphabets.
        let short = masks(new("id", "s/ >?").unwrap());
        for form in ["s/ >?", "cy8gPj8", "aWQ6cy8gPj8", "aWQ6cyUyRislM0UlM0Y"] {
            assert!(short.iter().any(|mask| mask == form), "{form}");
        }
        let url_safe = masks(new("id", "???>>>").unwrap());
        for form in ["Pz8_Pj4-", "Pz8/Pj4+"] {
            assert!(url_safe.iter().any(|mask| mask == form), "{form}");
        }
    }
}

#[test]
fn a_secret_of_fewer_than_8_bytes_is_short_by_every_method() {
    for new in [ClientAuth::basic, ClientAuth::basic_raw, ClientAuth::post] {
        let is_short = |secret| new("a-long-client-id", secret).unwrap().has_short_secret();
        assert!(is_short("a") && is_short("hunter2") && !is_short("hunter22"));
        assert!(!is_short("ääää"), "bytes count");
    }
    assert!(!ClientAuth::none("id").unwrap().has_short_secret());
}

#[test]
fn a_live_method_is_the_fixed_one_without_its_secret() {
    type Fixed = fn(&str, &str) -> Result<ClientAuth, ConfigError>;
    type Live = fn(&str) -> Result<ClientAuth, ConfigError>;
    let methods: [(Fixed, Live); 3] = [
        (ClientAuth::basic, ClientAuth::basic_live),
        (ClientAuth::basic_raw, ClientAuth::basic_raw_live),
        (ClientAuth::post, ClientAuth::post_live),
    ];
    for (fixed, live) in methods {
        let (fixed, live) = (fixed("id", "s3cr3t-s3cr3t").unwrap(), live("id").unwrap());
        assert_eq!((live.client_id(), live.method()), ("id", fixed.method()));
        assert!(live.is_live() && !fixed.is_live());
        assert_eq!((live.ask(), fixed.ask()), (Some(Ask::ClientSecret), None));
        assert!(live.secret().is_none() && live.masks().is_empty() && !live.has_short_secret());
        assert_ne!(live, fixed);
        assert_eq!(live.with_read(Secret::new("s3cr3t-s3cr3t")), Ok(fixed.clone()));
        assert!(live.with_read(Secret::new("short")).unwrap().has_short_secret());
        for (text, error) in [
            ("", ConfigError::Empty { field: "client_secret" }),
            ("a\n", ConfigError::ControlCharacter { field: "client_secret", at: 1 }),
        ] {
            assert_eq!(live.with_read(Secret::new(text)), Err(error));
        }
        // What the method sends has nothing to do with assertions.
        assert_eq!(fixed.clone().without_client_id(), fixed);
        assert_eq!(live.clone().without_client_id(), live);
    }
    let none = ClientAuth::none("id").unwrap();
    assert!(!none.is_live() && none.ask().is_none());
    assert_eq!(none.with_read(Secret::new("text")), Ok(none.clone()));
    assert_eq!(none.clone().without_client_id(), none);
}

#[test]
fn a_live_method_takes_the_ids_that_the_fixed_one_takes() {
    for live in [ClientAuth::basic_live, ClientAuth::basic_raw_live, ClientAuth::post_live] {
        assert_eq!(live(""), Err(ConfigError::Empty { field: "client_id" }));
        assert_eq!(live("a\n"), Err(ConfigError::ControlCharacter { field: "client_id", at: 1 }));
    }
    assert_eq!(ClientAuth::basic_raw_live("a:b"), Err(ConfigError::ColonInClientId));
    assert!(ClientAuth::basic_live("a:b").is_ok() && ClientAuth::post_live("a:b").is_ok());
    let assertion = |id| ClientAuth::assertion(id, AssertionKind::JWT_BEARER);
    assert_eq!(assertion(""), Err(ConfigError::Empty { field: "client_id" }));
    assert!(assertion("a:b").is_ok());
}

fn assertion(text: &str) -> ClientAuth {
    let live = ClientAuth::assertion("id", AssertionKind::JWT_BEARER).unwrap();
    live.with_read(Secret::new(text)).unwrap()
}

#[test]
fn an_assertion_stands_in_the_body_with_its_type_and_beside_no_other_proof() {
    let live = ClientAuth::assertion("id", AssertionKind::JWT_SPIFFE).unwrap();
    assert!(live.is_live() && live.ask() == Some(Ask::Assertion) && live.method() == "spiffe_jwt");
    assert!(live.masks().is_empty() && live.secret().is_none());
    let read = live.with_read(Secret::new("a.b.c")).unwrap();
    assert!(!read.is_live() && read.ask().is_none() && read.authorization().is_none());
    let kind = ("client_assertion_type", AssertionKind::JWT_SPIFFE.uri());
    let named: Vec<_> = read.parameters().collect();
    assert_eq!(named, [("client_id", "id"), kind, ("client_assertion", "a.b.c")]);
    let unnamed = read.without_client_id();
    assert_eq!(unnamed.client_id(), "id");
    assert_eq!(unnamed.parameters().collect::<Vec<_>>(), [kind, ("client_assertion", "a.b.c")]);
    assert_eq!(live.with_read(Secret::new("")), Err(ConfigError::Empty { field: "client_assertion" }));
    assert!(!format!("{:?}", assertion("SENTINEL.SENTINEL.SENTINEL")).contains("SENTINEL"));
}

// Conforms: A-05
#[test]
fn of_an_assertion_all_of_it_and_each_part_of_17_bytes_and_more_are_masked() {
    let masks = |text: &str| assertion(text).masks().iter().map(|mask| mask.to_string()).collect::<Vec<_>>();
    let (short, long) = ("a234567890123456", "b2345678901234567");
    assert_eq!((short.len(), long.len()), (16, 17));
    for (text, parts) in [
        (format!("{long}.{long}c.{long}d"), Vec::from([long.into(), format!("{long}c"), format!("{long}d")])),
        (format!("{short}.{long}.{short}"), Vec::from([long.into()])),
        (format!("{short}.{short}.{short}"), Vec::new()),
        (format!("..{long}"), Vec::from([long.into()])),
        // What has no parts is a mask once.
        (long.into(), Vec::new()),
        ("opaque".into(), Vec::new()),
    ] {
        let wanted: Vec<String> = [text.clone()].into_iter().chain(parts).collect();
        assert_eq!(masks(&text), wanted);
    }
    assert!(!assertion("a").has_short_secret(), "an assertion is no secret that somebody chose");
}
