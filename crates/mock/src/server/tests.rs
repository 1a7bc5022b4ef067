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
fn debug_shows_no_secret() {
    let builder = Server::builder().client("mine", "s3cr3t");
    assert!(!format!("{builder:?}").contains("s3cr3t"));
    let server = builder.start().unwrap();
    assert!(!format!("{server:?}").contains("s3cr3t"));
}
