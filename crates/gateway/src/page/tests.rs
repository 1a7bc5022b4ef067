use super::{Page, to_caller};
use evergrant_core::Origin;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

fn origins() -> Vec<Origin> {
    ["https://app.example", "http://127.0.0.1:8486"].iter().map(|text| Origin::parse(text).unwrap()).collect()
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    lines.iter().map(line).collect()
}

fn shown(fields: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

fn page(cookies: bool) -> Page {
    Page::listed(&fields(&[("origin", "https://app.example")]), &origins(), cookies).unwrap()
}

#[test]
fn a_page_is_listed_by_its_whole_origin() {
    for (origin, is_listed) in [
        ("https://app.example", true),
        ("https://app.example:443", true),
        ("http://127.0.0.1:8486", true),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        ("https://app.example/", false),
        ("https://app.example#x", false),
        ("https://app.example.evil.example", false),
        ("https://evil.example", false),
        ("null", false),
        ("", false),
    ] {
        let listed = Page::listed(&fields(&[("origin", origin)]), &origins(), false);
        assert_eq!(listed.is_some(), is_listed, "{origin}");
    }
    let two = fields(&[("origin", "https://app.example"), ("origin", "https://app.example")]);
    assert_eq!(Page::listed(&two, &origins(), false), None);
    assert_eq!(Page::listed(&HeaderMap::new(), &origins(), false), None);
}

#[test]
fn a_preflight_is_told_what_the_route_allows() {
    let asked = |method: &str, lines: &[(&'static str, &'static str)]| {
        let mut request = Request::builder().method(method).uri("/").body(()).unwrap();
        *request.headers_mut() = fields(lines);
        page(false).preflight(&request.into_parts().0, &[Method::GET, Method::POST])
    };
    let plain = asked("OPTIONS", &[("access-control-request-method", "POST")]).unwrap();
    assert_eq!(plain.status(), 204);
    let mut expected = vec![
        "access-control-allow-methods: GET, POST",
        "access-control-allow-origin: https://app.example",
        "access-control-expose-headers: Retry-After, Date, Proxy-Status",
        "access-control-max-age: 600",
        "vary: Origin",
    ];
    assert_eq!(shown(plain.headers()), expected);
    let with_more = asked(
        "OPTIONS",
        &[
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type,x-evergrant-key"),
            ("access-control-request-private-network", "true"),
        ],
    );
    expected.extend([
        "access-control-allow-headers: content-type,x-evergrant-key",
        "access-control-allow-private-network: true",
    ]);
    expected.sort_unstable();
    assert_eq!(shown(with_more.unwrap().headers()), expected);
    assert!(asked("OPTIONS", &[]).is_none(), "an OPTIONS of the page's own");
    assert!(asked("GET", &[("access-control-request-method", "POST")]).is_none());
}

#[test]
fn a_page_reads_what_we_say_of_it_and_not_what_the_api_says() {
    let mut answer = fields(&[
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "DELETE"),
        ("access-control-expose-headers", "X-Total-Count"),
        ("vary", "Accept"),
        ("etag", "\"x\""),
    ]);
    to_caller(&mut answer);
    let of_others =
        ["access-control-expose-headers: X-Total-Count", "etag: \"x\"", "vary: Accept", "vary: Origin"];
    assert_eq!(shown(&answer), of_others);
    page(true).may_read(&mut answer);
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: https://app.example",
        "access-control-expose-headers: Retry-After, Date, Proxy-Status",
        "access-control-expose-headers: X-Total-Count",
        "etag: \"x\"",
        "vary: Accept",
        "vary: Origin",
    ];
    assert_eq!(shown(&answer), expected);
    let mut other = HeaderMap::new();
    page(false).may_read(&mut other);
    assert!(!other.contains_key("access-control-allow-credentials"), "cookies do not pass this route");
}
