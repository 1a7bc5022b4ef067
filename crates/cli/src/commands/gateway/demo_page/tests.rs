use super::{PAGE, QUEUE, SCRIPT, STYLE, Shown};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;

fn ask(method: Method, path: &str, lines: &[(&str, &str)]) -> super::Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let parts = request.body(()).unwrap().into_parts().0;
    Shown::new(8486, "http://localhost:8484").answer(&parts)
}

#[test]
fn it_shows_the_page_to_people_of_this_machine_alone() {
    for (lines, status) in [
        (&[("host", "127.0.0.1:8486")][..], 200),
        (&[("host", "localhost:8486"), ("sec-fetch-site", "same-origin")], 200),
        (&[("host", "[::1]:8486"), ("sec-fetch-site", "none")], 200),
        (&[("host", "evil.example:8486")], 403),
        (&[("host", "127.0.0.1:8484")], 403),
        (&[("host", "127.0.0.1:8486"), ("sec-fetch-site", "cross-site")], 403),
        (&[("host", "127.0.0.1:8486"), ("origin", "https://evil.example")], 403),
        (&[], 400),
    ] {
        assert_eq!(ask(Method::GET, "/", lines).status(), status, "{lines:?}");
    }
    let host = [("host", "127.0.0.1:8486")];
    assert_eq!(ask(Method::POST, "/", &host).status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(ask(Method::GET, "/nowhere", &host).status(), StatusCode::NOT_FOUND);
}

#[test]
fn its_policy_lets_it_speak_to_the_gateway_alone() {
    let answer = ask(Method::GET, "/", &[("host", "127.0.0.1:8486")]);
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src http://localhost:8484;"
    ));
    assert!(!policy.contains("unsafe"));
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    for text in [PAGE, STYLE, SCRIPT] {
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"),
            "no foreign host"
        );
    }
    assert!(!PAGE.contains("style=") && !PAGE.contains("<script>"));
}

#[test]
fn it_serves_the_module_as_it_is_published() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = ask(Method::GET, "/evergrant-queue.js", &[("host", "127.0.0.1:8486")]);
    assert_eq!(answer.headers()["content-type"], "text/javascript; charset=utf-8");
    let body = runtime.block_on(answer.into_body().collect()).unwrap().to_bytes();
    assert_eq!(body, QUEUE.as_bytes());
    assert!(body.len() < 3 * 1024, "{} bytes", body.len());
}
