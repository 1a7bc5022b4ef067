use super::*;

/// CI runs it with `--no-default-features`.
#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
#[test]
fn a_build_without_tls_has_no_source_for_an_https_endpoint_and_says_which_feature_to_enable() {
    use evergrant_core::{Client, ClientAuth, Provider};

    let settings = |endpoint: &str| {
        let provider = Provider::rfc6749(endpoint).unwrap();
        Settings::new(Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap())
    };
    let _first = rustls::crypto::ring::default_provider().install_default();
    let error = Reqwest::new(None, &settings("https://auth.example/token"), &Proxies::Unread).unwrap_err();
    assert!(error.to_string().contains("this build has no TLS: enable the feature rustls"), "{error}");
    assert!(Reqwest::new(None, &settings("http://127.0.0.1:1/token"), &Proxies::Unread).is_ok());
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
