use super::*;
use alloc::format;

fn fault(url: &str) -> ConfigError {
    Endpoint::parse(url).unwrap_err()
}

// Conforms: R-6749-3.2-b, R-6749-3.2-f
#[test]
fn https_and_loopback_literals_are_endpoints_and_kept_byte_for_byte() {
    for url in [
        "https://auth.myparcel.com/access-token",
        "https://AS.example/t?p=B2C_1",
        "https://as.example",
        "HTTPS://as.example:8443/a%2Fb;c",
        "http://127.0.0.1:8080/token",
        "http://[::1]/token",
    ] {
        assert_eq!(Endpoint::parse(url).map(|endpoint| endpoint.url).as_deref(), Ok(url));
    }
    let endpoint = Endpoint::parse("https://AS.example:8443/t").unwrap();
    assert_eq!(*endpoint.origin(), Origin::parse("https://as.example:8443").unwrap());
}

// Conforms: R-6749-3.2-f, R-6750-5.3-a, A-26, A-48, A-22
#[test]
fn plain_http_is_refused_with_the_reason() {
    let field = FIELD;
    assert_eq!(fault("http://localhost/token"), ConfigError::Localhost { field });
    assert_eq!(fault("http://auth.localhost/token"), ConfigError::Localhost { field });
    for url in [
        "http://as.example/token",
        "http://localhost.evil/token",
        "http://10.0.0.1/token",
        "http://0.0.0.0/token",
        "http://[::ffff:127.0.0.1]/token",
        "http://[::ffff:7f00:1]/token",
    ] {
        assert!(matches!(fault(url), ConfigError::PlainHttp { .. }), "{url}");
    }
    let shown = format!("{}", fault("http://as.example/token"));
    assert!(shown.contains("as.example") && shown.contains("https"), "{shown}");
}

// Conforms: R-6749-3.2-f, A-48
#[test]
fn plain_http_by_its_dangerous_name_keeps_every_other_rule() {
    assert!(Endpoint::dangerous_plain_http("http://auth:8080/token").is_ok());
    assert!(Endpoint::dangerous_plain_http("http://localhost/token").is_ok());
    let field = FIELD;
    let fault = |url| Endpoint::dangerous_plain_http(url).unwrap_err();
    assert_eq!(fault("http://auth/token#x"), ConfigError::Fragment { field });
    assert_eq!(fault("http://u@auth/token"), ConfigError::Userinfo { field });
    assert_eq!(fault("http://127.1/token"), ConfigError::AmbiguousHost { field });
    assert_eq!(fault("ftp://auth/token"), ConfigError::NotAUrl { field });
}

// Conforms: R-6749-2.3.1-i, R-6749-3.2-c, Q-47
#[test]
fn userinfo_fragments_and_secrets_in_the_query_are_refused() {
    let field = FIELD;
    assert_eq!(fault("https://as.example/t#"), ConfigError::Fragment { field });
    assert_eq!(fault("https://as.example/t#f"), ConfigError::Fragment { field });
    assert_eq!(fault("https://u:p@as.example/t"), ConfigError::Userinfo { field });
    assert_eq!(fault("https://@as.example/t"), ConfigError::Userinfo { field });
    assert_eq!(fault("http://127.0.0.1@evil.example/t"), ConfigError::Userinfo { field });
    for query in ["client_secret=x", "a=b&Client_Secret=x", "client%5fsecret=x", "access_token"] {
        assert_eq!(
            fault(&format!("https://as.example/t?{query}")),
            ConfigError::SecretInUrl { field },
            "{query}"
        );
    }
    assert_eq!(fault(""), ConfigError::Empty { field });
}

// Conforms
#[test]
fn what_readers_of_urls_disagree_about_is_refused() {
    let field = FIELD;
    for url in [
        "https://as.example\\@evil.example/t",
        "https:\\\\as.example/t",
        "https://as.exa\tmple/t",
        "https://as.exa\nmple/t",
        " https://as.example/t",
        "https://as.example/t ",
        "https://as.example/a b",
        "https:as.example/t",
        "https:/as.example/t",
        "https:///as.example/t",
        "https://:443/t",
        "https://as.example:0/t",
        "https://as.example:65536/t",
        "https://as.example:4 3/t",
        "https://münchen.example/t",
        "https://[::1/t",
        "https://[fe80::1%25eth0]/t",
        "as.example/t",
        "//as.example/t",
        "javascript:alert(1)",
    ] {
        assert_eq!(fault(url), ConfigError::NotAUrl { field }, "{url:?}");
    }
    for url in [
        "http://127.1/t",
        "http://0x7f.1/t",
        "http://0x7f000001/t",
        "http://2130706433/t",
        "http://127.0.0.1./t",
        "http://127.0.0.01/t",
        "https://%6cocalhost/t",
        "https://as.example./t",
        "https://as..example/t",
        "https://as.example%2eevil.example/t",
        "https://as.example,evil/t",
        "https://[v1.x]/t",
    ] {
        assert_eq!(fault(url), ConfigError::AmbiguousHost { field }, "{url:?}");
    }
}

// Conforms: A-04
#[test]
fn the_query_is_not_shown() {
    let endpoint = Endpoint::parse("https://as.example/t?tenant=SENTINEL").unwrap();
    assert_eq!(format!("{endpoint}"), "https://as.example/t");
    assert_eq!(format!("{endpoint:?}"), "Endpoint(https://as.example/t)");
}
