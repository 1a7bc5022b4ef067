use super::serving::Served;
use super::{DemoPage, reached};
use crate::client::profile::gateway::Listen;
use evergrant_gateway::{Address, Hosts};
use http::header::CONTENT_SECURITY_POLICY;
use http::{Method, Request};

const URL: &str = "http://127.0.0.1:8484";

fn status(method: Method, path: &str, host: &str) -> u16 {
    let served = Served::new(URL, "/", Hosts::loopback(8486, []));
    let request = Request::builder().method(method).uri(path).header("host", host).body(()).unwrap();
    served.answer(&request.into_parts().0).status().as_u16()
}

#[test]
fn what_is_asked_for_is_answered_by_method_path_and_host() {
    for path in ["/", "/page.css", "/page.js", "/evergrant-queue.js", "/?query"] {
        for host in ["127.0.0.1:8486", "localhost:8486", "[::1]:8486"] {
            assert_eq!(status(Method::GET, path, host), 200, "{path} at {host}");
        }
        assert_eq!(status(Method::HEAD, path, "localhost:8486"), 200);
        assert_eq!(status(Method::POST, path, "localhost:8486"), 405);
        assert_eq!(status(Method::OPTIONS, path, "localhost:8486"), 405);
        for host in ["evil.test:8486", "127.0.0.1", "localhost:8487", "localhost.evil.test:8486"] {
            assert_eq!(status(Method::GET, path, host), 403, "{path} at {host}");
        }
    }
    for path in ["/page.html", "/index.html", "/page.css/"] {
        assert_eq!(status(Method::GET, path, "localhost:8486"), 404, "{path}");
    }
}

#[test]
fn the_policy_names_the_gateway_and_lets_nothing_inline_run() {
    let request = Request::builder().uri("/").header("host", "localhost:8486").body(()).unwrap();
    let answer = Served::new(URL, "/", Hosts::loopback(8486, [])).answer(&request.into_parts().0);
    let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("connect-src http://127.0.0.1:8484;"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn the_page_is_bound_to_loopback_alone() {
    for wrong in ["8486", "localhost:8486", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0", ""]
    {
        assert!(DemoPage::bind(wrong).is_err(), "{wrong}");
    }
    let page = DemoPage::bind("127.0.0.1:0").unwrap();
    let port = page.address.port();
    let origins: Vec<_> = page.origins().iter().map(ToString::to_string).collect();
    assert_eq!(origins, [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")]);
    assert!(DemoPage::bind(&format!("127.0.0.1:{port}")).is_err());
}

#[test]
fn a_page_calls_the_first_listener_that_it_can() {
    let listen = |text: &str| Listen::at(Address::parse(text).unwrap());
    let at = |texts: &[&str]| texts.iter().map(|text| Address::parse(text).unwrap()).collect::<Vec<_>>();
    let both = at(&["127.0.0.1:9", "[::1]:9"]);
    assert_eq!(reached(&[listen("localhost:0")], &both).unwrap(), "http://127.0.0.1:9");
    assert_eq!(reached(&[listen("[::1]:0")], &at(&["[::1]:9"])).unwrap(), "http://localhost:9");
    assert_eq!(reached(&[listen("unix:x")], &at(&["unix:x"])), None);
    let listens = [listen("unix:x"), listen("127.0.0.1:0")];
    assert_eq!(reached(&listens, &at(&["unix:x", "127.0.0.1:9"])).unwrap(), "http://127.0.0.1:9");
}
