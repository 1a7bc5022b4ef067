use super::*;

/// CI runs it with `--no-default-features`.
#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
#[test]
fn a_build_without_tls_has_no_source_for_an_https_endpoint_and_says_which_feature_to_enable() {
    use evergrant_core::{Client, ClientAuth, Provider};

    let needs = |endpoint: &str| {
        let provider = Provider::rfc6749(endpoint).unwrap();
        let client = Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap();
        Needs::new(false, client.provider().server(), Duration::from_secs(1), &Proxies::Unread)
    };
    let _first = rustls::crypto::ring::default_provider().install_default();
    let error = needs("https://auth.example/token").unwrap_err();
    assert!(error.to_string().contains("this build has no TLS: enable the feature rustls"), "{error}");
    let needs = needs("http://127.0.0.1:1/token").unwrap();
    assert!(Way::new(reqwest::Client::builder(), &needs, None).is_ok());
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
#[test]
fn an_http_client_does_for_all_endpoints_that_are_reached_alike_whatever_their_origins() {
    use evergrant_core::{Client, ClientAuth, Provider};
    use evergrant_http::proxy::{Proxy, ProxyVariables};

    let needs = |endpoint: &str, seconds, proxies: &Proxies| {
        let auth = ClientAuth::post("id", "secret").unwrap();
        let client = Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).build().unwrap();
        Needs::new(false, client.provider().server(), Duration::from_secs(seconds), proxies).unwrap()
    };
    let (one, other, loopback) =
        ("https://one.example/token", "https://other.example:8443/", "http://127.0.0.1:1/token");
    let proxy = Proxies::Chosen(Some(Proxy::parse("http://proxy:3128").unwrap()));
    assert_eq!(needs(one, 10, &Proxies::Unread), needs(other, 10, &Proxies::Unread));
    assert_eq!(needs(one, 10, &proxy), needs(other, 10, &proxy));
    assert_eq!(needs(loopback, 10, &proxy), needs(loopback, 10, &Proxies::Unread));
    assert_ne!(needs(one, 10, &proxy), needs(one, 10, &Proxies::Unread));
    assert_ne!(needs(one, 10, &proxy), needs(one, 11, &proxy));
    assert_ne!(needs(loopback, 10, &Proxies::Unread), needs(one, 10, &Proxies::Unread));
    let excepted = ProxyVariables::new(|name| match name {
        "HTTPS_PROXY" => Some("http://proxy:3128".into()),
        "NO_PROXY" => Some("one.example".into()),
        _ => None,
    });
    let excepted = Proxies::Variables(excepted);
    assert_eq!(needs(one, 10, &excepted), needs(one, 10, &Proxies::Unread));
    assert_ne!(needs(other, 10, &excepted), needs(one, 10, &excepted));
}

#[tokio::test]
async fn what_could_not_be_reached_and_what_could_not_be_resolved_are_told_apart_and_in_words() {
    let _first = rustls::crypto::ring::default_provider().install_default();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut words = Vec::new();
    for (url, kind) in [
        (format!("http://127.0.0.1:{port}/"), TransportErrorKind::Connect),
        // A label that no name server is asked for (RFC 1035 §2.3.4).
        (format!("http://{}/", "x".repeat(64)), TransportErrorKind::Resolve),
    ] {
        let error = classify(&http.get(url).send().await.unwrap_err());
        assert_eq!(error.kind(), kind, "{error}");
        words.push(error.detail().unwrap().as_str().to_owned());
    }
    // Not as reqwest, hyper-util and the system would say it in a chain: "client error (Connect): tcp connect error: ..".
    assert!(words[0].starts_with("tcp connect error: Connection refused"), "{words:?}");
    assert!(words[1].starts_with("dns error: "), "{words:?}");
}
