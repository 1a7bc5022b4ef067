use super::*;

fn answered(head: &str) -> String {
    answer(head.as_bytes(), || "a 1\n".to_owned())
}

#[test]
fn metrics_are_at_their_path_whatever_the_query() {
    for target in ["/metrics", "/metrics?name=a"] {
        let found = answered(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(found.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"), "{found}");
        assert!(found.contains("\r\nContent-Length: 4\r\n") && found.ends_with("\r\n\r\na 1\n"), "{found}");
    }
    let head = answered("HEAD /metrics HTTP/1.0\r\n\r\n");
    assert!(head.contains("\r\nContent-Length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn whatever_else_is_asked_for_is_refused() {
    for (head, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /metrics/a HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("GET /metrics\r\n\r\n", "400"),
        ("GET /metrics SMTP\r\n\r\n", "400"),
        ("GET /metrics HTTP/1.1\r\n", "400"),
        ("", "400"),
    ] {
        let found = answered(head);
        assert!(found.starts_with(&format!("HTTP/1.1 {status} ")), "{head:?}: {found}");
    }
}

#[test]
fn a_client_that_never_ends_its_request_is_read_to_a_limit() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sent = vec![b'a'; 20_000];
    let head = runtime.block_on(head(&mut &sent[..])).unwrap();
    assert_eq!(head.len() as u64, LONGEST_HEAD);
}
