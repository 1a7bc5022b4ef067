use super::{Upstream, UpstreamError};
use crate::path::PathFault;

#[test]
fn a_base_url_is_an_origin_and_a_path_that_ends_in_a_slash() {
    let cases = [
        ("https://api.example.com", "api.example.com", 443, "/"),
        ("https://api.example.com/base", "api.example.com", 443, "/base/"),
        ("https://api.example.com:8443/base/", "api.example.com", 8443, "/base/"),
        ("http://127.0.0.1:8080", "127.0.0.1", 8080, "/"),
        ("http://[::1]:8080/a/b", "[::1]", 8080, "/a/b/"),
    ];
    for (url, host, port, path) in cases {
        let upstream = Upstream::parse(url).unwrap();
        assert_eq!((upstream.host(), upstream.port(), upstream.path()), (host, port, path), "{url}");
        assert_eq!(upstream.is_tls(), url.starts_with("https"));
    }
}

#[test]
fn what_a_token_may_not_go_to_is_no_upstream() {
    for url in ["http://api.example.com", "ftp://127.0.0.1", "http://localhost:80"] {
        assert!(matches!(Upstream::parse(url), Err(UpstreamError::Origin(_))), "{url}");
    }
    for url in [
        "",
        "/",
        "api.example.com/x",
        "https://user@api.example.com",
        "https://a.example/?x",
        "https://a.example/#x",
    ] {
        assert_eq!(Upstream::parse(url), Err(UpstreamError::Url), "{url}");
    }
    assert_eq!(
        Upstream::parse("https://a.example/b//c"),
        Err(UpstreamError::Path(PathFault::Slash { at: 2 }))
    );
    assert!(matches!(Upstream::parse("https://a.example/../b"), Err(UpstreamError::Path(_))));
}

#[test]
fn plain_http_is_for_those_who_say_so() {
    let upstream = Upstream::dangerous_plain_http("http://api.mesh:8080/v1").unwrap();
    assert_eq!(
        (upstream.is_tls(), upstream.host(), upstream.port(), upstream.path()),
        (false, "api.mesh", 8080, "/v1/")
    );
    assert!(matches!(Upstream::dangerous_plain_http("ftp://api.mesh/"), Err(UpstreamError::Origin(_))));
}

#[test]
fn the_target_is_the_upstreams_path_with_what_is_below_and_the_query_as_it_came() {
    let upstream = Upstream::parse("https://api.example.com/base").unwrap();
    let target = |below, query| upstream.target(below, query).unwrap().to_string();
    assert_eq!(target("a%2fb;v=1", Some("page[number]=2&x=é")), "/base/a%2fb;v=1?page[number]=2&x=é");
    assert_eq!(target("a", Some("")), "/base/a?");
    assert_eq!(target("", None), "/base/");
    assert_eq!(upstream.to_string(), "https://api.example.com/base/");
}
