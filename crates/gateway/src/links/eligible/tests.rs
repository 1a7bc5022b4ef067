use super::*;
use http::Response;
use http::header::HeaderValue;

const JSON: (&str, &str) = ("content-type", "application/json");

fn head(status: u16, lines: &[(&'static str, &'static str)]) -> response::Parts {
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = StatusCode::from_u16(status).unwrap();
    for (name, value) in lines {
        head.headers.append(*name, HeaderValue::from_static(value));
    }
    head
}

#[test]
fn json_is_known_by_its_type() {
    for json in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/vnd.api+json",
        "application/hal+JSON ; profile=\"a\"",
        "application/problem+json",
    ] {
        assert!(is_mapped(&head(200, &[("content-type", json)])), "{json}");
    }
    for other in [
        "text/html",
        "text/plain; charset=\"application/json\"",
        "application/json-seq",
        "application/x-ndjson",
        "application/jsonp",
        "json",
        "application/vnd.api+xml",
        "",
    ] {
        assert!(!is_mapped(&head(200, &[("content-type", other)])), "{other}");
    }
    assert!(!is_mapped(&head(200, &[])));
}

#[test]
fn what_somebody_vouches_for_stays() {
    for line in [
        ("content-encoding", "gzip"),
        ("content-encoding", "br"),
        ("content-digest", "sha-256=:AAAA:"),
        ("repr-digest", "sha-256=:AAAA:"),
        ("digest", "sha-256=AAAA"),
        ("content-md5", "AAAA"),
        ("content-range", "bytes 0-1/2"),
    ] {
        assert!(!is_mapped(&head(200, &[JSON, line])), "{line:?}");
    }
    assert!(!is_mapped(&head(206, &[JSON])));
    assert!(!is_mapped(&head(200, &[JSON, ("content-encoding", "identity"), ("content-encoding", "gzip")])));
    assert!(is_mapped(&head(200, &[JSON, ("content-encoding", "identity"), ("etag", "\"1\"")])));
    assert!(is_mapped(&head(404, &[JSON])));
}

#[test]
fn an_answer_without_a_body_may_tell_the_length_of_one_that_is_changed() {
    assert!(has_another_length(&head(304, &[])));
    assert!(has_another_length(&head(200, &[JSON])));
    assert!(!has_another_length(&head(200, &[])));
}
