use super::{Route, blame};
use evergrant_core::{ConfigError, Endpoint, ProxyFault, TransportErrorKind};
use evergrant_http::proxy::{Proxy, ProxyVariables};
use std::io;

fn endpoint() -> Endpoint {
    Endpoint::parse("https://auth.example.com/token").unwrap()
}

fn variables(value: &str) -> ProxyVariables {
    ProxyVariables::new(|name| (name == "HTTPS_PROXY").then(|| value.into()))
}

#[test]
fn a_proxy_of_the_users_own_comes_before_the_environment() {
    let own = ureq::Proxy::new("http://u:p@own:1").unwrap();
    let Route(Some((used, named))) =
        Route::new(Some(&own), &endpoint(), Some(&variables("'broken'"))).unwrap()
    else {
        panic!("direct");
    };
    assert_eq!((&used, named.to_string()), (&own, "own:1".into()));
    let excepting =
        ureq::Proxy::builder(ureq::ProxyProtocol::Http).host("own").no_proxy(".example.com").build().unwrap();
    assert!(Route::new(Some(&excepting), &endpoint(), None).unwrap().0.is_none());
    let loopback = Endpoint::parse("https://127.0.0.1/token").unwrap();
    assert!(Route::new(Some(&own), &loopback, None).unwrap().0.is_none());
}

#[test]
fn the_environment_is_read_our_way() {
    let Route(Some((used, named))) =
        Route::new(None, &endpoint(), Some(&variables("http://u:p%40@proxy:3128"))).unwrap()
    else {
        panic!("direct");
    };
    assert_eq!(
        (used.host(), used.port(), used.username(), used.password()),
        ("proxy", 3128, Some("u"), Some("p@"))
    );
    assert_eq!(named.to_string(), "proxy:3128, set by HTTPS_PROXY");
    assert!(Route::new(None, &endpoint(), None).unwrap().0.is_none(), "switched off");
    let error = Route::new(None, &endpoint(), Some(&variables("'proxy'"))).unwrap_err();
    assert_eq!(error, ConfigError::Proxy { field: "HTTPS_PROXY", fault: ProxyFault::Quotes });
}

#[test]
fn a_socks_proxy_needs_its_feature() {
    for scheme in ["socks4", "socks4a", "socks5", "socks5h"] {
        let route = Route::new(None, &endpoint(), Some(&variables(&format!("{scheme}://proxy"))));
        if cfg!(feature = "socks") {
            let (used, _) = route.unwrap().0.unwrap();
            assert_eq!(
                (used.protocol().to_string().to_ascii_lowercase(), used.port()),
                (scheme.into(), 1080)
            );
        } else {
            let expected = ConfigError::Proxy { field: "HTTPS_PROXY", fault: ProxyFault::SocksFeature };
            assert_eq!(route.unwrap_err(), expected);
        }
    }
}

#[test]
fn what_happens_before_the_tunnel_is_the_fault_of_the_proxy() {
    use TransportErrorKind::{Closed, Connect, Other, Resolve, Tls};
    let http = Proxy::parse("http://proxy:3128").unwrap();
    let said =
        |proxy: &Proxy, error: &ureq::Error, kind| blame(proxy, error, kind).map(|error| error.to_string());
    let refused = ureq::Error::ConnectProxyFailed("proxy server responded 407/407".into());
    assert_eq!(
        said(&http, &refused, Other).unwrap(),
        "proxy:3128 answered CONNECT with http 407: its user and password are missing or wrong"
    );
    let silent = ureq::Error::ConnectProxyFailed("proxy server did not respond".into());
    assert_eq!(said(&http, &silent, Other).unwrap(), "proxy:3128 did not answer CONNECT");
    let unknown = ureq::Error::HostNotFound;
    assert_eq!(said(&http, &unknown, Resolve).unwrap(), "proxy:3128 cannot be resolved: host not found");
    let failed = ureq::Error::ConnectionFailed;
    assert!(said(&http, &failed, Connect).unwrap().starts_with("proxy:3128 cannot be reached: "));
    let closed = ureq::Error::Io(io::ErrorKind::UnexpectedEof.into());
    assert_eq!(said(&http, &closed, Closed), None, "it may be the server's");
    assert_eq!(said(&http, &ureq::Error::Tls("none"), Tls), None);
    let other = ureq::Error::Io(io::Error::other("general failure"));
    assert_eq!(said(&http, &other, Other), None);
    let socks = Proxy::parse("socks5://proxy").unwrap();
    assert_eq!(said(&socks, &unknown, Resolve), None, "it may be the server's name");
    assert!(said(&socks, &other, Other).unwrap().starts_with("proxy:1080 refused: "));
    let route = Route(Some((ureq::Proxy::new("http://proxy:3128").unwrap(), http)));
    assert_eq!(route.blame(&failed, Connect).unwrap().kind(), TransportErrorKind::Proxy);
}
