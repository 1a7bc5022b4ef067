use super::{Proxy, ProxyScheme, ProxyVariables};
use evergrant_core::{ConfigError, Origin, ProxyFault, TransportError, TransportErrorKind};
use std::ffi::OsString;

const ENDPOINT: &str = "https://auth.example.com";

/// An environment with these variables alone.
fn with(set: &[(&str, &str)]) -> ProxyVariables {
    ProxyVariables::new(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into()))
}

fn proxy_for(set: &[(&str, &str)], origin: &str) -> Result<Option<Proxy>, ConfigError> {
    let origin = Origin::dangerous_plain_http(origin).unwrap();
    with(set).proxy_for(&origin)
}

/// The host of the proxy that these variables say.
fn chosen(set: &[(&str, &str)], origin: &str) -> Option<String> {
    proxy_for(set, origin).unwrap().map(|proxy| proxy.host().to_owned())
}

fn fault(value: &str) -> Option<ProxyFault> {
    match proxy_for(&[("HTTPS_PROXY", value)], ENDPOINT) {
        Ok(proxy) => {
            assert!(proxy.is_some(), "{value:?} is taken for none");
            None
        }
        Err(ConfigError::Proxy { field: "HTTPS_PROXY", fault }) => Some(fault),
        Err(error) => panic!("{value:?}: {error}"),
    }
}

#[test]
fn a_variable_that_cannot_be_read_is_an_error_and_no_direct_connection() {
    for (value, expected) in [
        ("\"http://proxy:3128\"", ProxyFault::Quotes),
        ("'http://proxy:3128'", ProxyFault::Quotes),
        ("\"http://proxy:3128\"\r", ProxyFault::Quotes),
        ("http://proxy:3128\"", ProxyFault::Quotes),
        ("http://proxy:3128 ", ProxyFault::Blank),
        (" http://proxy:3128", ProxyFault::Blank),
        ("http://proxy:3128\r", ProxyFault::Blank),
        ("http://proxy:3128\n", ProxyFault::Blank),
        ("http://pro xy:3128", ProxyFault::Blank),
        ("http://proxy:3128\u{a0}", ProxyFault::Blank),
        ("http://proxy\0:3128", ProxyFault::Blank),
        ("\t", ProxyFault::Blank),
        ("http://", ProxyFault::NoHost),
        ("http://:3128", ProxyFault::NoHost),
        ("http://user:word@:3128", ProxyFault::NoHost),
        (":3128", ProxyFault::NoHost),
        ("/", ProxyFault::NoHost),
        ("ftp://proxy:3128", ProxyFault::Scheme),
        ("socks://proxy:1080", ProxyFault::Scheme),
        ("htps://proxy:3128", ProxyFault::Scheme),
        ("://proxy:3128", ProxyFault::Scheme),
        ("http://proxy:0", ProxyFault::Port),
        ("http://proxy:65536", ProxyFault::Port),
        ("http://proxy:", ProxyFault::Port),
        ("http://proxy:+80", ProxyFault::Port),
        ("http://proxy:3128a", ProxyFault::Port),
        ("http:proxy", ProxyFault::Port),
        ("http://[::1", ProxyFault::NotAProxy),
        ("http://::1:3128", ProxyFault::NoHost),
        ("http://[::1]x:3128", ProxyFault::NotAProxy),
        ("http://[proxy]:3128", ProxyFault::NotAProxy),
        ("http://*:3128", ProxyFault::NotAProxy),
        ("http://pröxy:3128", ProxyFault::NotAProxy),
        ("http://proxy:3128/proxy.pac", ProxyFault::NotAProxy),
        ("http://proxy:3128?", ProxyFault::NotAProxy),
        ("http://user:pa/ss@proxy:3128", ProxyFault::Credentials),
        ("http://user:pa#ss@proxy:3128", ProxyFault::Credentials),
        ("http://user:%ff@proxy:3128", ProxyFault::Credentials),
        ("http://%ff:word@proxy:3128", ProxyFault::Credentials),
    ] {
        assert_eq!(fault(value), Some(expected), "{value:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_an_error_that_names_it() {
    use std::os::unix::ffi::OsStringExt as _;
    let broken = || OsString::from_vec(b"http://prox\xff:3128".to_vec());
    let origin = Origin::parse(ENDPOINT).unwrap();
    for field in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let variables = ProxyVariables::new(|name| (name == field).then(broken));
        let expected = ConfigError::Proxy { field, fault: ProxyFault::NotUtf8 };
        assert_eq!(variables.proxy_for(&origin).unwrap_err(), expected);
    }
    let exceptions = ProxyVariables::new(|name| match name {
        "NO_PROXY" => Some(broken()),
        name => (name == "HTTPS_PROXY").then(|| "http://proxy:3128".into()),
    });
    let expected = ConfigError::Proxy { field: "NO_PROXY", fault: ProxyFault::NotUtf8 };
    assert_eq!(exceptions.proxy_for(&origin).unwrap_err(), expected);
}

#[test]
fn what_is_wrong_with_a_variable_is_said_without_its_value() {
    let error = proxy_for(&[("https_proxy", "http://root:hunter22@proxy:3128 ")], ENDPOINT).unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.starts_with("https_proxy has a blank, a line break or a control character"), "{said}");
    for secret in ["root", "hunter22"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn the_parts_of_a_proxy_are_read() {
    type Parts = (ProxyScheme, &'static str, u16, Option<(&'static str, &'static str)>);
    let cases: [(&str, Parts); 16] = [
        ("http://proxy.example:3128", (ProxyScheme::Http, "proxy.example", 3128, None)),
        ("HTTP://proxy.example:3128/", (ProxyScheme::Http, "proxy.example", 3128, None)),
        ("proxy.example:3128", (ProxyScheme::Http, "proxy.example", 3128, None)),
        ("proxy", (ProxyScheme::Http, "proxy", 80, None)),
        ("http://10.0.0.1:8080", (ProxyScheme::Http, "10.0.0.1", 8080, None)),
        ("http://[fd00::1]:8080", (ProxyScheme::Http, "[fd00::1]", 8080, None)),
        ("http://[fd00::1]", (ProxyScheme::Http, "[fd00::1]", 80, None)),
        ("https://proxy", (ProxyScheme::Https, "proxy", 443, None)),
        ("socks4://proxy", (ProxyScheme::Socks4, "proxy", 1080, None)),
        ("socks4a://proxy:65535", (ProxyScheme::Socks4a, "proxy", 65535, None)),
        ("socks5://proxy:1", (ProxyScheme::Socks5, "proxy", 1, None)),
        ("socks5h://u:p@proxy", (ProxyScheme::Socks5h, "proxy", 1080, Some(("u", "p")))),
        ("http://user@proxy", (ProxyScheme::Http, "proxy", 80, Some(("user", "")))),
        ("user:word@proxy:1", (ProxyScheme::Http, "proxy", 1, Some(("user", "word")))),
        ("http://a%40b:c%2Fd%3a@proxy", (ProxyScheme::Http, "proxy", 80, Some(("a@b", "c/d:")))),
        ("http://a:p@ss:100%@proxy", (ProxyScheme::Http, "proxy", 80, Some(("a", "p@ss:100%")))),
    ];
    for (url, expected) in cases {
        let proxy = Proxy::parse(url).unwrap();
        assert_eq!((proxy.scheme(), proxy.host(), proxy.port(), proxy.credentials()), expected, "{url}");
        assert_eq!(proxy.is_socks(), url.starts_with("socks"), "{url}");
    }
    let error = Proxy::parse("http://proxy:0").unwrap_err();
    assert_eq!(error, ConfigError::Proxy { field: "proxy", fault: ProxyFault::Port });
}

#[test]
fn the_url_for_another_library_means_the_same_proxy() {
    for (given, expected) in [
        ("PROXY", "http://PROXY:80"),
        ("socks5h://[fd00::1]/", "socks5h://[fd00::1]:1080"),
        ("https://user@proxy", "https://user:@proxy:443"),
        ("http://a:p@/ss:10%2541é%%20:@proxy:1", "fault"),
        ("http://a:p@ss:10%2541é%%20:@proxy:1", "http://a:p%40ss%3A10%2541%C3%A9%25%20%3A@proxy:1"),
    ] {
        let Ok(proxy) = Proxy::parse(given) else {
            assert_eq!(expected, "fault", "{given}");
            continue;
        };
        assert_eq!(*proxy.url(), expected);
        assert_eq!(Proxy::parse(&proxy.url()).unwrap(), proxy, "{given}");
    }
}

#[test]
fn each_scheme_has_its_variables_in_one_order() {
    let all = [
        ("HTTPS_PROXY", "https-upper"),
        ("https_proxy", "https-lower"),
        ("HTTP_PROXY", "http-upper"),
        ("http_proxy", "http-lower"),
        ("ALL_PROXY", "all-upper"),
        ("all_proxy", "all-lower"),
    ];
    let in_turn = |origin, order: [&str; 4]| {
        let mut left = all.to_vec();
        for expected in order {
            assert_eq!(chosen(&left, origin).as_deref(), Some(expected));
            // An empty one is as good as none.
            for (_, value) in left.iter_mut().filter(|(_, value)| *value == expected) {
                *value = "";
            }
        }
        assert_eq!(chosen(&left, origin), None);
    };
    in_turn(ENDPOINT, ["https-upper", "https-lower", "all-upper", "all-lower"]);
    in_turn("http://auth.example.com", ["http-upper", "http-lower", "all-upper", "all-lower"]);
}

#[test]
fn the_first_variable_that_is_set_decides_also_where_it_cannot_be_read() {
    let error =
        proxy_for(&[("HTTPS_PROXY", "'proxy'"), ("ALL_PROXY", "http://proxy")], ENDPOINT).unwrap_err();
    assert_eq!(error, ConfigError::Proxy { field: "HTTPS_PROXY", fault: ProxyFault::Quotes });
    // What would not be asked is not read.
    let set = [("HTTPS_PROXY", "http://proxy"), ("ALL_PROXY", "'proxy'"), ("HTTP_PROXY", "'proxy'")];
    assert_eq!(chosen(&set, ENDPOINT).as_deref(), Some("proxy"));
    let excepted = [("HTTPS_PROXY", "'proxy'"), ("NO_PROXY", "auth.example.com")];
    assert_eq!(chosen(&excepted, ENDPOINT), None);
    assert_eq!(chosen(&[("NO_PROXY", "'nothing to read'")], ENDPOINT), None, "no proxy to except from");
}

#[test]
fn a_loopback_literal_has_no_proxy_and_a_name_has_one() {
    let set = [("HTTP_PROXY", "'broken'"), ("HTTPS_PROXY", "http://proxy"), ("ALL_PROXY", "http://proxy")];
    for origin in ["http://127.0.0.1:1", "https://127.8.9.10", "https://[::1]:8443"] {
        assert_eq!(chosen(&set, origin), None, "{origin}");
    }
    for origin in ["https://localhost", "https://128.0.0.1", "https://[::2]"] {
        assert_eq!(chosen(&set, origin).as_deref(), Some("proxy"), "{origin}");
    }
}

// CVE-2016-5385: the header `Proxy` of a CGI request is the variable HTTP_PROXY of the program that answers it.
#[test]
fn the_header_of_a_cgi_request_is_no_proxy() {
    let cgi = ("REQUEST_METHOD", "GET");
    let plain = "http://auth.example.com";
    assert_eq!(chosen(&[cgi, ("HTTP_PROXY", "http://attacker")], plain), None);
    assert_eq!(chosen(&[("REQUEST_METHOD", ""), ("HTTP_PROXY", "http://attacker")], plain), None);
    assert_eq!(chosen(&[("HTTP_PROXY", "http://proxy")], plain).as_deref(), Some("proxy"));
    let set = [cgi, ("HTTP_PROXY", "'attacker'"), ("ALL_PROXY", "http://proxy")];
    assert_eq!(chosen(&set, plain).as_deref(), Some("proxy"));
    let lower = chosen(&[cgi, ("http_proxy", "http://proxy")], plain);
    assert_eq!(lower.is_some(), !cfg!(windows), "no header can set it, where names have a case");
    assert_eq!(chosen(&[cgi, ("HTTPS_PROXY", "http://proxy")], ENDPOINT).as_deref(), Some("proxy"));
}

#[test]
fn an_environment_that_names_no_proxy_is_told_from_one_whose_proxy_is_not_obeyed() {
    for (set, is_unset) in [
        (&[][..], true),
        (&[("HTTPS_PROXY", ""), ("NO_PROXY", "*"), ("REQUEST_METHOD", "GET")], true),
        (&[("HTTP_PROXY", "http://attacker"), ("REQUEST_METHOD", "GET")], false),
        (&[("http_proxy", "http://proxy")], false),
        (&[("all_proxy", "'broken'"), ("NO_PROXY", "*")], false),
    ] {
        assert_eq!(with(set).is_unset(), is_unset, "{set:?}");
    }
}

#[test]
fn no_proxy_is_read_as_the_table_says() {
    const NAME: &str = "https://auth.example.com";
    const V4: &str = "https://10.1.2.3:8443";
    const V6: &str = "https://[fd00::1:2]:8443";
    for (list, origin, is_excepted) in [
        // Everything.
        ("*", NAME, true),
        ("*", V4, true),
        ("*", V6, true),
        ("other.example, *", NAME, true),
        // A name, and the names below it.
        ("auth.example.com", NAME, true),
        ("example.com", NAME, true),
        ("com", NAME, true),
        ("EXAMPLE.com", NAME, true),
        ("example.com.", NAME, true),
        ("h.example.com", NAME, false),
        ("uth.example.com", NAME, false),
        ("www.auth.example.com", NAME, false),
        ("xauth.example.com", NAME, false),
        ("example.co", NAME, false),
        // With a dot: the name, too.
        (".example.com", NAME, true),
        (".auth.example.com", NAME, true),
        (".example.com.", NAME, true),
        (".h.example.com", NAME, false),
        // With a star: what is below it.
        ("*.example.com", NAME, true),
        ("*.com", NAME, true),
        ("*.auth.example.com", NAME, false),
        ("*.h.example.com", NAME, false),
        ("*example.com", NAME, false),
        ("auth.*", NAME, false),
        // One port.
        ("auth.example.com:443", NAME, true),
        ("example.com:443", NAME, true),
        (".example.com:443", NAME, true),
        ("*.example.com:443", NAME, true),
        ("auth.example.com:8443", NAME, false),
        ("auth.example.com:", NAME, false),
        ("auth.example.com:0443", NAME, true),
        ("auth.example.com:65979", NAME, false),
        ("10.1.2.3:8443", V4, true),
        ("10.1.2.3:443", V4, false),
        ("[fd00::1:2]:8443", V6, true),
        ("[fd00::1:2]:443", V6, false),
        // Addresses.
        ("10.1.2.3", V4, true),
        ("10.1.2.4", V4, false),
        ("::ffff:10.1.2.3", V4, true),
        ("2.3", V4, false),
        (".3", V4, false),
        ("10.1", V4, false),
        ("10.1.2.*", V4, false),
        ("fd00::1:2", V6, true),
        ("fd00:0::1:2", V6, true),
        ("[FD00::1:2]", V6, true),
        ("fd00::1:3", V6, false),
        // Networks.
        ("10.0.0.0/8", V4, true),
        ("10.9.9.9/8", V4, true),
        ("10.1.2.2/31", V4, true),
        ("10.1.2.3/32", V4, true),
        ("10.1.2.2/32", V4, false),
        ("11.0.0.0/8", V4, false),
        ("0.0.0.0/0", V4, true),
        ("192.0.2.1/0", V4, true),
        ("10.0.0.0/33", V4, false),
        ("10.0.0.0/+8", V4, false),
        ("10.0.0.0/", V4, false),
        ("10/8", V4, false),
        ("fd00::/8", V6, true),
        ("[fd00::]/8", V6, true),
        ("fd00::1:0/112", V6, true),
        ("fd00::1:0/128", V6, false),
        ("fd00::1:2/128", V6, true),
        ("fe00::/8", V6, false),
        ("::/0", V6, true),
        ("::/129", V6, false),
        ("::/0", V4, false),
        ("0.0.0.0/0", V6, false),
        ("0.0.0.0/0", NAME, false),
        ("example.com/8", NAME, false),
        // Separators.
        ("a,b , auth.example.com ,c", NAME, true),
        ("a b auth.example.com", NAME, true),
        (",,\tauth.example.com\t,", NAME, true),
        ("", NAME, false),
        (" , ", NAME, false),
        (".", NAME, false),
        ("*.", NAME, false),
        ("<local>", NAME, false),
    ] {
        let set = [("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", list)];
        assert_eq!(chosen(&set, origin).is_none(), is_excepted, "{list:?}: {origin}");
    }
}

#[test]
fn the_exceptions_are_those_of_the_first_variable_and_must_be_readable() {
    let lower = [("HTTPS_PROXY", "http://proxy"), ("no_proxy", "example.com")];
    assert_eq!(chosen(&lower, ENDPOINT), None);
    let both = [("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", "a"), ("no_proxy", "example.com")];
    assert_eq!(chosen(&both, ENDPOINT).as_deref(), Some("proxy"));
    for (list, fault) in [
        ("\"localhost,example.com\"", ProxyFault::Quotes),
        ("'example.com", ProxyFault::Quotes),
        ("localhost,example.com\r", ProxyFault::Blank),
        ("localhost\nexample.com", ProxyFault::Blank),
    ] {
        let error = proxy_for(&[("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", list)], ENDPOINT).unwrap_err();
        assert_eq!(error, ConfigError::Proxy { field: "NO_PROXY", fault }, "{list:?}");
    }
}

#[test]
fn a_host_of_a_url_is_read_with_brackets_and_with_a_dot_at_its_end() {
    let variables = with(&[("ALL_PROXY", "http://proxy"), ("NO_PROXY", "example.com,fd00::1")]);
    for host in ["example.com.", "WWW.Example.Com", "[fd00::1]", "fd00::1", "[::1]", "::1", "127.0.0.1"] {
        assert_eq!(variables.proxy_to(true, host, 443), Ok(None), "{host}");
    }
    assert!(variables.proxy_to(false, "example.org.", 80).unwrap().is_some());
}

#[test]
fn user_and_password_are_told_to_the_proxy_alone() {
    let proxy = proxy_for(&[("HTTPS_PROXY", "http://Aladdin:open%20sesame@proxy:3128")], ENDPOINT);
    let proxy = proxy.unwrap().unwrap();
    let value = proxy.authorization().unwrap();
    // The example of RFC 7617 §2.
    assert_eq!(value.as_bytes(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(value.is_sensitive());
    assert_eq!(Proxy::parse("http://proxy:3128").unwrap().authorization(), None);
    let (answered, failed) = (proxy.answered(407), proxy.failed("cannot be reached"));
    let variables = with(&[("HTTPS_PROXY", "http://Aladdin:open%20sesame@proxy:3128")]);
    let said = format!("{proxy} {proxy:?} {answered} {answered:?} {failed} {variables:?}");
    for secret in ["Aladdin", "sesame", "QWxh"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn the_error_of_a_tunnel_names_the_proxy_its_variable_and_its_status() {
    let proxy = proxy_for(&[("ALL_PROXY", "http://u:p@proxy:3128")], ENDPOINT).unwrap().unwrap();
    assert_eq!(
        proxy.answered(407).to_string(),
        "proxy:3128, set by ALL_PROXY, answered CONNECT with http 407: its user and password are missing or wrong"
    );
    assert_eq!(
        proxy.answered(502).to_string(),
        "proxy:3128, set by ALL_PROXY, answered CONNECT with http 502"
    );
    assert!(proxy.answered(403).to_string().ends_with("http 403: it does not let this host through"));
    let error = TransportError::from(proxy.failed("cannot be reached: connection refused"));
    assert_eq!(error.kind(), TransportErrorKind::Proxy);
    assert_eq!(
        error.to_string(),
        "the proxy did not open a connection (proxy:3128, set by ALL_PROXY, cannot be reached: connection refused)"
    );
    assert_eq!(Proxy::parse("proxy:1").unwrap().failed("is down").to_string(), "proxy:1 is down");
    assert_eq!(
        proxy.unusable(ProxyFault::Socks),
        ConfigError::Proxy { field: "ALL_PROXY", fault: ProxyFault::Socks }
    );
}

#[test]
fn a_socks_proxy_is_an_error_that_names_its_variable_where_it_cannot_be_spoken_to() {
    for scheme in ["socks4", "socks4a", "socks5", "socks5h"] {
        let proxy = proxy_for(&[("all_proxy", &format!("{scheme}://proxy"))], ENDPOINT).unwrap().unwrap();
        let error = proxy.without_socks(ProxyFault::SocksFeature).unwrap_err();
        assert!(
            error.to_string().starts_with("all_proxy names a SOCKS proxy: enable the feature socks"),
            "{error}"
        );
    }
    for scheme in ["http", "https"] {
        let proxy = Proxy::parse(&format!("{scheme}://proxy")).unwrap();
        assert_eq!(proxy.clone().without_socks(ProxyFault::Socks), Ok(proxy));
    }
}
