use super::*;
use alloc::format;
use alloc::string::ToString;

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

#[test]
fn equal_origins_are_written_in_many_ways() {
    let api = origin("https://api.example.com");
    for text in ["https://API.EXAMPLE.COM", "HTTPS://api.example.com:443/", "https://api.example.com:/"] {
        assert_eq!(origin(text), api, "{text}");
    }
    assert_eq!(api.to_string(), "https://api.example.com");
    assert_eq!(
        (api.scheme(), api.host().to_string().as_str(), api.port()),
        ("https", "api.example.com", 443)
    );
    assert_eq!(format!("{:?}", origin("http://[::1]:8080")), "Origin(http://[::1]:8080)");
}

#[test]
fn an_origin_is_scheme_host_and_port_alone() {
    let fault = |text| Origin::parse(text).unwrap_err();
    let field = ORIGIN;
    for text in ["https://a.test/x", "https://a.test?x", "https://a.test/?", "https://a.test//"] {
        assert_eq!(fault(text), ConfigError::NotAnOrigin { field }, "{text}");
    }
    assert_eq!(fault("https://a.test#x"), ConfigError::Fragment { field });
    assert_eq!(fault("https://a.test@evil.test"), ConfigError::Userinfo { field });
    assert_eq!(fault(""), ConfigError::Empty { field });
    for text in [
        "a.test",
        "//a.test",
        "ftp://a.test",
        "https:a.test",
        "https:///",
        "https://a.test:99999",
        "https://a.test:65536",
        "https://a.test:0",
    ] {
        assert_eq!(fault(text), ConfigError::NotAUrl { field }, "{text}");
    }
}

// Conforms: R-6750-5.3-a, A-26, A-48
#[test]
fn plain_http_is_for_loopback_literals_unless_it_is_named_dangerous() {
    let field = ORIGIN;
    for text in ["http://127.0.0.1", "http://127.8.9.1:1", "http://[::1]:8080"] {
        assert!(Origin::parse(text).is_ok(), "{text}");
    }
    assert_eq!(Origin::parse("http://localhost"), Err(ConfigError::Localhost { field }));
    assert!(matches!(Origin::parse("http://api.test"), Err(ConfigError::PlainHttp { .. })));
    assert!(matches!(Origin::parse("http://[::ffff:127.0.0.1]"), Err(ConfigError::PlainHttp { .. })));
    assert!(Origin::dangerous_plain_http("http://api").is_ok());
}

// Conforms: A-27
#[test]
fn a_parsed_url_is_compared_in_any_spelling() {
    let origins = Origins::new([
        origin("https://api.example.com"),
        origin("http://[::1]:81"),
        origin("https://api.example.com:443"),
    ]);
    assert_eq!(origins.len(), 2);
    let allowed = |scheme, host, port| {
        Origin::from_parts(scheme, host, port).is_some_and(|origin| origins.contains(&origin))
    };
    assert!(allowed("https", "api.example.com", None));
    assert!(allowed("HTTPS", "API.example.COM", Some(443)));
    assert!(allowed("http", "[::1]", Some(81)));
    assert!(allowed("http", "::1", Some(81)));
    assert_eq!(Origin::from_parts("https", "api.example.com", Some(0)), None);
}

// Conforms
#[test]
fn a_token_goes_nowhere_else() {
    let origins = Origins::from(origin("https://api.example"));
    for (scheme, host, port) in [
        ("https", "api.example.evil.test", None),
        ("https", "evil.test", None),
        ("https", "api.example", Some(8443)),
        ("http", "api.example", None),
        ("http", "api.example", Some(443)),
        ("https", "api.example.", None),
        ("https", "api.example%2eevil.test", None),
        ("https", "www.api.example", None),
        ("wss", "api.example", None),
        ("https", "api.example", Some(0)),
        ("https", "", None),
    ] {
        let asked = Origin::from_parts(scheme, host, port);
        assert!(asked.is_none_or(|origin| !origins.contains(&origin)), "{scheme}://{host}:{port:?}");
    }
}

#[test]
fn a_list_of_origins_keeps_its_order_and_names_what_is_wrong() {
    let texts = ["https://api.example", "http://127.0.0.1:8080", "http://[::1]"];
    let origins = Origins::parse(texts).unwrap();
    assert_eq!(origins.iter().map(Origin::is_loopback).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(origins, texts.into_iter().map(origin).collect::<Origins>());
    assert_eq!(origins.iter().len(), 3);
    assert!(!origins.is_empty() && Origins::default().is_empty());
    assert!(Origins::parse(["https://api.example", "http://api.example"]).is_err());
}
