use super::*;

fn can_ask(endpoint: &str) -> Result<(), ConfigError> {
    Agents::new(Config::builder(), Roots::Platform).can_ask(&Endpoint::parse(endpoint).unwrap())
}

/// CI runs it with `--no-default-features`, without and with `rustls-no-provider`.
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn a_build_without_tls_or_without_a_provider_has_no_source_for_an_https_endpoint_and_says_what_to_do() {
    let missing = if cfg!(feature = "rustls-no-provider") {
        "call rustls's CryptoProvider::install_default first"
    } else {
        "this build has no TLS: enable the feature rustls"
    };
    let error = can_ask("https://auth.example/token").unwrap_err().to_string();
    assert!(error.contains(missing), "{error}");
}

#[test]
fn an_endpoint_without_tls_needs_none() {
    assert!(can_ask("http://127.0.0.1:1/token").is_ok());
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
#[test]
fn the_platforms_roots_are_trusted_unless_the_program_chose_others() {
    let platform =
        |tls: TlsConfig| matches!(secured(&tls, Roots::Platform).root_certs(), RootCerts::PlatformVerifier);
    assert!(platform(TlsConfig::default()));
    assert!(platform(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build()));
    let own = RootCerts::new_with_certs(&[Certificate::from_der(b"a root of the program")]);
    let own = TlsConfig::builder().root_certs(own).disable_verification(true).build();
    assert!(!secured(&own, Roots::Platform).disable_verification());
    match secured(&own, Roots::Platform).root_certs() {
        RootCerts::Specific(roots) => assert_eq!(roots[0].der(), b"a root of the program"),
        other => panic!("{other:?}"),
    }
    #[cfg(feature = "bundled-roots")]
    assert!(matches!(secured(&TlsConfig::default(), Roots::Bundled).root_certs(), RootCerts::WebPki));
}

#[test]
fn what_could_not_be_reached_and_what_could_not_be_resolved_are_told_apart() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let agent = Config::builder().proxy(None).build().new_agent();
    for (url, kind, words) in [
        (format!("http://127.0.0.1:{port}/"), TransportErrorKind::Connect, "Connection refused"),
        // A label that no name server is asked for (RFC 1035 §2.3.4).
        (format!("http://{}/", "x".repeat(64)), TransportErrorKind::Resolve, "failed to lookup address"),
    ] {
        let error = classify(&agent.get(url).call().unwrap_err());
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.detail().unwrap().as_str().starts_with(words), "{error}");
    }
}

#[test]
fn a_panic_for_want_of_a_thread_is_an_error_and_another_one_stays_a_panic() {
    assert!(with_threads(|| 7).is_ok_and(|seven| seven == 7));
    // As std::thread::spawn says it.
    let error = io::Error::from(io::ErrorKind::WouldBlock);
    let spawned: Result<(), _> = with_threads(|| panic!("failed to spawn thread: {error:?}"));
    let error = spawned.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::NoThread);
    assert!(error.to_string().contains("WouldBlock"), "{error}");
    for other in [|| panic!("index out of bounds"), || panic!("{}", 1)] {
        let other: fn() = other;
        assert!(catch_unwind(AssertUnwindSafe(|| with_threads(other))).is_err());
    }
}
