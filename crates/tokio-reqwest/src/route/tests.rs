use super::{Proxies, Route, fault};
use evergrant_core::{ConfigError, Origin, ProxyFault};
use evergrant_http::proxy::{Proxy, ProxyVariables};

fn route(is_own: bool, origin: &str, value: &str) -> Result<Route, ConfigError> {
    let variables = ProxyVariables::new(|name| (name == "ALL_PROXY").then(|| value.into()));
    let proxies = Proxies::Variables(variables);
    Route::new(is_own, &Origin::dangerous_plain_http(origin).unwrap(), &proxies)
}

#[test]
fn a_variable_that_cannot_be_read_is_an_error_also_where_reqwest_would_read_it_itself() {
    for is_own in [false, true] {
        let error = route(is_own, "https://auth.example.com", "http://proxy:3128\r").unwrap_err();
        assert_eq!(error, ConfigError::Proxy { field: "ALL_PROXY", fault: ProxyFault::Blank });
    }
    let origin = Origin::parse("https://auth.example.com").unwrap();
    let unchecked = Route::new(true, &origin, &Proxies::Unread).unwrap();
    assert!(matches!(unchecked, Route::Unknown(None)));
}

#[test]
fn a_users_own_http_client_keeps_its_proxies() {
    let way = route(true, "https://auth.example.com", "http://proxy:3128").unwrap();
    assert!(matches!(way, Route::Unknown(Some(_))), "{way:?}");
    assert!(matches!(route(true, "https://127.0.0.1", "'broken'").unwrap(), Route::Direct));
    let way = route(false, "https://auth.example.com", "http://proxy:3128").unwrap();
    assert!(matches!(way, Route::Through { forwards: false, .. }), "{way:?}");
    // Where no variable is set, reqwest may find a proxy in the settings of the system.
    let way = route(false, "https://auth.example.com", "").unwrap();
    assert!(matches!(way, Route::Unknown(None)), "{way:?}");
    let origin = Origin::parse("https://auth.example.com").unwrap();
    assert!(matches!(Route::new(false, &origin, &Proxies::Unread).unwrap(), Route::Direct), "switched off");
    let way = route(false, "http://auth.example.com", "http://proxy:3128").unwrap();
    assert!(matches!(way, Route::Through { forwards: true, .. }), "{way:?}");
}

#[test]
fn a_proxy_that_the_program_names_is_that_of_its_own_http_client_too_and_no_loopback_literals() {
    let proxy = Proxy::parse("http://proxy:3128").unwrap();
    let chosen = |is_own, origin, proxy| {
        Route::new(is_own, &Origin::parse(origin).unwrap(), &Proxies::Chosen(proxy)).unwrap()
    };
    for is_own in [false, true] {
        let way = chosen(is_own, "https://auth.example.com", Some(proxy.clone()));
        assert!(matches!(&way, Route::Through { proxy: set, .. } if *set == proxy), "{way:?}");
        assert!(matches!(chosen(is_own, "https://auth.example.com", None), Route::Direct));
        assert!(matches!(chosen(is_own, "https://127.0.0.1", Some(proxy.clone())), Route::Direct));
    }
}

#[test]
fn a_socks_proxy_needs_its_feature() {
    for scheme in ["socks4", "socks4a", "socks5", "socks5h"] {
        let way = route(false, "https://auth.example.com", &format!("{scheme}://proxy"));
        if cfg!(feature = "socks") {
            assert!(matches!(way, Ok(Route::Through { .. })), "{way:?}");
        } else {
            let expected = ConfigError::Proxy { field: "ALL_PROXY", fault: ProxyFault::SocksFeature };
            assert_eq!(way.unwrap_err(), expected);
        }
    }
}

#[test]
fn what_happens_before_the_tunnel_is_the_fault_of_the_proxy() {
    let proxy = Proxy::parse("http://u:p@proxy:3128").unwrap();
    let said = |words, is_dns| fault(&proxy, words, is_dns).map(|error| error.to_string());
    for (words, is_dns, expected) in [
        (
            "client error (Connect): tunnel error: proxy authorization required",
            false,
            "proxy:3128 answered CONNECT with http 407: its user and password are missing or wrong",
        ),
        (
            "client error (Connect): tunnel error: unsuccessful",
            false,
            "proxy:3128 answered CONNECT with another status than 200, or not with HTTP",
        ),
        (
            "client error (Connect): tunnel error: unexpected end of file",
            false,
            "proxy:3128 closed the connection before it answered CONNECT",
        ),
        (
            "client error (Connect): tunnel error: failed to create underlying connection: tcp connect error: refused",
            false,
            "proxy:3128 cannot be reached: tcp connect error: refused",
        ),
        (
            "client error (Connect): tunnel error: failed to create underlying connection: dns error: none",
            true,
            "proxy:3128 cannot be resolved: dns error: none",
        ),
        (
            "client error (Connect): tunnel error: proxy response headers too long",
            false,
            "proxy:3128 failed: proxy response headers too long",
        ),
        (
            "client error (Connect): tunnel error: io error establishing tunnel: reset",
            false,
            "proxy:3128 failed: reset",
        ),
        (
            "client error (Connect): error connecting to socks proxy: SOCKS error: credentials not accepted",
            false,
            "proxy:3128 failed: SOCKS error: credentials not accepted",
        ),
    ] {
        assert_eq!(said(words, is_dns).as_deref(), Some(expected), "{words}");
    }
    assert_eq!(said("client error (Connect): invalid peer certificate: UnknownIssuer", false), None);
    assert_eq!(said("client error (Connect): error resolving for socks proxy: dns error", true), None);
}
