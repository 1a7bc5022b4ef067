use super::*;
use http::Request;

fn asked(method: &str, target: &str, fields: &[(&str, &str)], hosts: Option<&Hosts>) -> Answer {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    answer(&request.body(()).unwrap().into_parts().0, hosts, || "a 1\n".to_owned())
}

#[test]
fn metrics_are_at_their_path_whatever_the_query() {
    for (method, target) in [("GET", "/metrics"), ("GET", "/metrics?name=a"), ("HEAD", "/metrics")] {
        let found = asked(method, target, &[], None);
        assert_eq!(found.status(), 200, "{method} {target}");
        assert!(found.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
        assert_eq!(found.headers()["connection"], "close");
    }
}

#[test]
fn whatever_else_is_asked_for_is_refused() {
    for (method, target, status) in
        [("GET", "/", 404), ("GET", "/metrics/a", 404), ("GET", "*", 404), ("POST", "/metrics", 405)]
    {
        assert_eq!(asked(method, target, &[], None).status(), status, "{method} {target}");
    }
}

#[test]
fn on_a_loopback_address_no_page_and_no_rebound_name_sees_them() {
    let hosts = Hosts::loopback(9464, []);
    for (fields, status) in [
        (&[("host", "127.0.0.1:9464")][..], 200),
        (&[("host", "localhost:9464")], 200),
        (&[("host", "evil.example:9464")], 403),
        (&[("host", "127.0.0.1:9464"), ("origin", "https://evil.example")], 403),
        (&[("host", "127.0.0.1:9464"), ("sec-fetch-site", "cross-site")], 403),
        (&[], 400),
    ] {
        assert_eq!(asked("GET", "/metrics", fields, Some(&hosts)).status(), status, "{fields:?}");
    }
    // Where other machines fetch them, they know this one by its name.
    assert_eq!(asked("GET", "/metrics", &[("host", "shop.example:9464")], None).status(), 200);
}
