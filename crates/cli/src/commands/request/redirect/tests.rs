#![allow(clippy::unwrap_used)]

use super::*;
use reqwest::header::HeaderValue;

const ORIGINAL: &str = "https://api.example.com/a/b?c";

fn sent(method: Method) -> Request {
    let mut request = Request::new(method, Url::parse(ORIGINAL).unwrap());
    for (name, value) in
        [("accept", "text/plain"), ("content-type", "text/csv"), ("content-encoding", "gzip"), ("x-key", "k")]
    {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    *request.body_mut() = Some("a,b".into());
    request
}

fn answered(status: u16, location: Option<&[u8]>, sent: Request) -> Result<Option<Request>, Failure> {
    let mut headers = HeaderMap::new();
    if let Some(location) = location {
        headers.insert(LOCATION, HeaderValue::from_bytes(location).unwrap());
    }
    next(StatusCode::from_u16(status).unwrap(), &headers, sent)
}

fn followed(status: u16, method: Method, location: &str) -> Request {
    answered(status, Some(location.as_bytes()), sent(method)).unwrap().unwrap()
}

fn says(location: &[u8]) -> String {
    answered(302, Some(location), sent(Method::GET)).unwrap_err().to_string()
}

#[test]
fn methods_and_bodies_change_as_rfc_9110_and_browsers_have_it() {
    let (get, head, post, put) = (Method::GET, Method::HEAD, Method::POST, Method::PUT);
    for (status, from, to) in [
        (301, &post, &get),
        (302, &post, &get),
        (303, &post, &get),
        (303, &put, &get),
        (303, &head, &head),
        (301, &put, &put),
        (302, &head, &head),
        (307, &post, &post),
        (308, &put, &put),
    ] {
        let request = followed(status, from.clone(), "/d");
        assert_eq!((status, request.method()), (status, to));
        let repeats = status != 303 && from == to;
        assert_eq!(request.body().is_some(), repeats, "{status} {from}");
        for name in ["content-type", "content-encoding"] {
            assert_eq!(request.headers().contains_key(name), repeats, "{status} {from} {name}");
        }
        assert_eq!(request.headers()["x-key"], "k");
    }
}

#[test]
fn what_does_not_say_where_to_go_is_the_answer() {
    for status in [200, 300, 304, 305, 306, 401] {
        assert!(answered(status, Some(b"/d"), sent(Method::GET)).unwrap().is_none(), "{status}");
    }
    assert!(answered(302, None, sent(Method::GET)).unwrap().is_none());
}

#[test]
fn a_location_is_relative_to_the_url_that_was_called() {
    for (location, url) in [
        ("d", "https://api.example.com/a/d"),
        ("?d", "https://api.example.com/a/b?d"),
        ("../d#e", "https://api.example.com/d#e"),
        ("//other.example.com/d", "https://other.example.com/d"),
        ("/\u{e9}", "https://api.example.com/%C3%A9"),
    ] {
        assert_eq!(followed(307, Method::GET, location).url().as_str(), url, "{location}");
    }
}

#[test]
fn header_fields_stay_at_their_origin_except_for_what_describes_the_body() {
    for elsewhere in ["https://other.example.com/", "https://api.example.com:8443/"] {
        let request = followed(308, Method::POST, elsewhere);
        let mut names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "content-encoding", "content-type"]);
    }
    assert!(followed(308, Method::POST, "https://API.example.com:443/").headers().contains_key("x-key"));
}

#[test]
fn a_redirect_to_what_must_not_be_called_is_refused() {
    assert!(says(b"http://api.example.com/").contains("from https to a URL that is not https"));
    assert!(says(b"ftp://api.example.com/").contains("from https to a URL that is not https"));
    assert!(says(b"https://user@api.example.com/").contains("user name or password"));
    assert!(says(b"https://:word@api.example.com/").contains("user name or password"));
    for location in [&b"https://"[..], b"mailto:someone", b"https://[::1", b"\xff"] {
        assert!(says(location).contains("no http or https URL"), "{location:?}");
    }
}
