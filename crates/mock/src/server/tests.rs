use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{self, AssertUnwindSafe};

use super::*;

#[test]
fn a_thread_that_panics_under_the_lock_takes_nothing_with_it() {
    let server = Server::start().unwrap();
    let shared = Arc::clone(&server.shared);
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        let _state = shared.lock();
        panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(server.counts().resource_requests, 1);
}

#[test]
fn a_server_on_another_loopback_address_says_so() {
    let server = Server::builder().address("127.0.0.2:0".parse().unwrap()).start();
    // Not every system has all of 127.0.0.0/8.
    if let Ok(server) = server {
        assert!(server.origin().starts_with("http://127.0.0.2:"));
        assert_eq!(server.token_endpoint(), format!("{}/access-token", server.origin()));
    }
}

#[test]
fn each_side_has_counts_of_its_own() {
    let server = Server::start().unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
    };
    server.fault(Endpoint::Resource, Fault::status(503), Times::Next(2));
    for path in ["/", "/", "/", crate::site::TOKEN_PATH] {
        get(path);
    }
    let counts = server.counts();
    assert_eq!((counts.resource_requests, counts.resource_faulted, counts.resource_refused), (3, 2, 1));
    assert_eq!((counts.token_requests, counts.token_faulted, counts.token_refused), (1, 0, 1));
    assert_eq!((counts.resource_ok, counts.token_granted), (0, 0));
}

#[test]
fn what_the_log_has_dropped_is_told() {
    let server = Server::start().unwrap();
    assert_eq!(server.requests_dropped(), 0);
    let request = Arc::new(crate::http::Request {
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers: Vec::new(),
        body: vec![0; 33 * 1024 * 1024],
        keep_alive: true,
        session: None,
    });
    for _ in 0..3 {
        server.shared.lock().log.push(Endpoint::Resource, Duration::ZERO, Arc::clone(&request));
    }
    assert_eq!((server.requests_dropped(), server.requests().len()), (2, 1));
}

#[test]
fn debug_shows_no_secret() {
    let builder = Server::builder().client("mine", "s3cr3t");
    let printed = format!("{builder:?}");
    assert!(printed.contains("mine") && !printed.contains("s3cr3t"), "{printed}");
    let server = builder.start().unwrap();
    let printed = format!("{server:?}");
    assert!(printed.contains("127.0.0.1") && !printed.contains("s3cr3t"), "{printed}");
}
