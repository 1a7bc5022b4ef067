use super::*;
use http::Request;

fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn http2(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
    let mut parts = parts(method, uri, fields);
    parts.version = Version::HTTP_2;
    parts
}

fn loopback() -> Hosts {
    Hosts::loopback(8484, ["Api.test", "api.test:81"])
}

fn denied(parts: &Parts, hosts: &Hosts) -> Option<Denied> {
    head(parts, hosts).err()
}

#[test]
fn a_path_and_its_query_pass_as_they_are() {
    let parts = parts("GET", "/shipments/%41?page[number]=2&x=%2f%5c..", &[("host", "localhost:8484")]);
    let head = head(&parts, &loopback()).unwrap();
    assert_eq!((head.path.as_str(), head.query), ("/shipments/%41", Some("page[number]=2&x=%2f%5c..")));
}

#[test]
fn an_absolute_target_passes_where_its_host_does() {
    let fields = [("host", "localhost:8484")];
    assert!(head(&parts("GET", "http://localhost:8484/a?b", &fields), &loopback()).is_ok());
    for (uri, expected) in [
        ("http://evil.example/a", Denied::Host),
        ("http://localhost:8485/a", Denied::Host),
        ("http://user@localhost:8484/a", Denied::Host),
        ("ftp://localhost:8484/a", Denied::Target),
        ("*", Denied::Target),
    ] {
        assert_eq!(denied(&parts("OPTIONS", uri, &fields), &loopback()), Some(expected), "{uri}");
    }
}

#[test]
fn methods_that_are_about_the_connection_never_pass() {
    let fields = [("host", "localhost:8484")];
    for (method, uri) in [("TRACE", "/"), ("TRACK", "/"), ("CONNECT", "localhost:8484")] {
        let refused = denied(&parts(method, uri, &fields), &loopback()).unwrap();
        assert_eq!((refused.status(), refused.as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method"));
    }
}

#[test]
fn there_is_one_host_and_it_is_a_host() {
    for fields in [
        &[][..],
        &[("host", "")],
        &[("host", "localhost:8484"), ("host", "localhost:8484")],
        &[("host", "user@localhost:8484")],
        &[("host", "local host")],
        &[("host", "localhost:8484/x")],
        &[("host", "localhost:http")],
        &[("host", "localhost:84840")],
        &[("host", "localhost:+8484")],
        &[("host", "[::1]evil.example:8484")],
    ] {
        assert_eq!(denied(&parts("GET", "/", fields), &Hosts::Any), Some(Denied::Host), "{fields:?}");
    }
    assert_eq!(denied(&parts("GET", "http://localhost:8484/", &[]), &Hosts::Any), Some(Denied::Host));
    assert!(head(&http2("GET", "http://localhost:8484/", &[]), &loopback()).is_ok());
    let differs = http2("GET", "http://localhost:8484/", &[("host", "evil.example")]);
    assert_eq!(denied(&differs, &Hosts::Any), Some(Denied::Host));
}

// G13
#[test]
fn a_name_that_somebody_made_point_here_is_no_host_of_ours() {
    for host in [
        "localhost:8484",
        "LOCALHOST:8484",
        "127.0.0.1:8484",
        "127.9.9.9:8484",
        "[::1]:8484",
        "api.test",
        "API.test:81",
    ] {
        assert_eq!(denied(&parts("GET", "/", &[("host", host)]), &loopback()), None, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8484",
        "localhost",
        "localhost:8485",
        "localhost.evil.example:8484",
        "127.0.0.1.evil.example:8484",
        "10.0.0.1:8484",
        "[::2]:8484",
        "api.test:82",
        "0.0.0.0:8484",
        "localhost.:8484",
    ] {
        let refused = denied(&parts("GET", "/", &[("host", host)]), &loopback());
        assert_eq!(refused, Some(Denied::HostNotAllowed), "{host}");
        assert_eq!(denied(&parts("GET", "/", &[("host", host)]), &Hosts::Any), None, "{host}");
    }
    let port_80 = Hosts::loopback(80, []);
    assert_eq!(denied(&parts("GET", "/", &[("host", "localhost")]), &port_80), None);
}

#[test]
fn no_coding_passes_but_one_that_is_chunked() {
    let framed = |codings: &[&str]| {
        let mut fields = vec![("host", "localhost:8484")];
        fields.extend(codings.iter().map(|coding| ("transfer-encoding", *coding)));
        denied(&parts("POST", "/", &fields), &loopback())
    };
    for fine in [&[][..], &["chunked"], &["Chunked"]] {
        assert_eq!(framed(fine), None);
    }
    for bad in [
        &["gzip, chunked"][..],
        &["identity"],
        &["chunked", "chunked"],
        &["identity", "chunked"],
        &["x"],
        &[" chunked,"],
    ] {
        assert_eq!(framed(bad), Some(Denied::Framing(TRANSFER_ENCODING)), "{bad:?}");
    }
    for field in ["transfer-encoding", "connection", "upgrade", "keep-alive"] {
        let parts = http2("POST", "http://localhost:8484/", &[(field, "chunked")]);
        let expected = Denied::Framing(HeaderName::from_static(field));
        assert_eq!(denied(&parts, &loopback()), Some(expected), "{field}");
    }
}

#[test]
fn a_path_that_is_read_in_two_ways_is_refused() {
    let refused = denied(&parts("GET", "/a/%2e%2e/b", &[("host", "localhost:8484")]), &loopback());
    assert_eq!(refused, Some(Denied::Path(PathFault::Dots { at: 3 })));
}

#[test]
fn a_route_lists_its_methods() {
    let methods = [Method::GET, Method::HEAD];
    assert_eq!(allowed(&parts("GET", "/", &[]), &methods, &[]), Ok(()));
    let refused = allowed(&parts("POST", "/", &[]), &methods, &[]).unwrap_err();
    assert_eq!(
        (refused.status(), &refused),
        (StatusCode::METHOD_NOT_ALLOWED, &Denied::MethodOfRoute(methods.to_vec()))
    );
}

// G13
#[test]
fn a_page_in_a_browser_gets_nothing_unless_its_origin_is_listed() {
    let listed =
        [Origin::parse("https://shop.example").unwrap(), Origin::parse("http://127.0.0.1:3000").unwrap()];
    let check = |fields: &[(&str, &str)]| allowed(&parts("GET", "/", fields), &[Method::GET], &listed);
    for fine in [
        &[][..],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://shop.example")],
        &[("origin", "https://shop.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(check(fine), Ok(()), "{fine:?}");
    }
    for bad in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", "https://shop.example.evil.example")],
        &[("origin", "https://shop.example:8443")],
        &[("origin", "http://shop.example")],
        &[("origin", "https://shop.example/")],
        &[("origin", "https://u@shop.example")],
        &[("origin", "https://shop.example:99999")],
        &[("origin", "https://shop.example"), ("origin", "https://shop.example")],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
    ] {
        let named = if bad[0].0 == "origin" { ORIGIN } else { SEC_FETCH_SITE };
        assert_eq!(check(bad), Err(Denied::Browser(named)), "{bad:?}");
    }
}

#[test]
fn a_page_that_came_by_a_listed_name_may_ask_by_that_name() {
    let origins = ["https://shop.example", "http://localhost:8484"]
        .map(|text| Origin::dangerous_plain_http(text).unwrap());
    let check = |host: &'static str, site: &'static str| {
        let fields = [("host", host), ("sec-fetch-site", site)];
        let mut request = Request::new(());
        for (name, value) in fields {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        allowed(&request.into_parts().0, &METHODS, &origins)
    };
    // A front with TLS passes on the name, and not the scheme.
    for host in ["shop.example", "shop.example:443", "localhost:8484", "Shop.Example"] {
        assert_eq!(check(host, "same-origin"), Ok(()), "{host}");
        assert_eq!(check(host, "same-site"), Err(Denied::Browser(SEC_FETCH_SITE)), "{host}");
    }
    for host in ["shop.example:8443", "localhost", "evil.example", "localhost.shop.example:8484"] {
        assert_eq!(check(host, "same-origin"), Err(Denied::Browser(SEC_FETCH_SITE)), "{host}");
    }
}
