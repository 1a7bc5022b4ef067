use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::stream::Protocol;

/// What is read when a client sends these bytes and ends its side.
fn read(bytes: &[u8]) -> Vec<Result<Request, Bad>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let bytes = bytes.to_vec();
    // On its own thread: more than a socket's buffer holds would wait for a reader.
    let writing = std::thread::spawn(move || {
        // What is refused is not read to its end.
        let _ = client.write_all(&bytes);
        let _ = client.shutdown(Shutdown::Write);
        client
    });
    let stream = Stream::new(Arc::new(stream), &Protocol::Plain).unwrap();
    let mut reader = Reader::default();
    let mut requests = Vec::new();
    loop {
        match reader.next(&stream) {
            Ok(request) => requests.push(Ok(request)),
            Err(Bad::Gone) => break,
            Err(bad) => {
                requests.push(Err(bad));
                break;
            }
        }
    }
    drop(stream);
    writing.join().unwrap();
    requests
}

fn status(bytes: &[u8]) -> Option<u16> {
    match read(bytes).first() {
        Some(Err(Bad::Status(status))) => Some(*status),
        _ => None,
    }
}

#[test]
fn requests_in_a_row_are_read_each_with_its_body() {
    let requests = read(
        b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nX-One: \xff\r\n\r\nabc\
          POST /b?q HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n1\r\nf\r\n0\r\nT: x\r\n\r\n\
          GET http://h/c HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n\
          GET /d HTTP/1.1\r\nConnection: Close\r\n\r\n",
    );
    let seen: Vec<_> = requests
        .iter()
        .map(|request| request.as_ref().unwrap())
        .map(|request| (request.path(), request.body.as_slice(), request.keep_alive))
        .collect();
    assert_eq!(
        seen,
        [("/a", &b"abc"[..], true), ("/b", b"def", true), ("/c", b"", true), ("/d", b"", false)]
    );
}

#[test]
fn a_body_has_one_length() {
    for request in [
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    ] {
        assert_eq!(status(request.as_bytes()), Some(400), "{request}");
    }
    assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"), Some(501));
}

#[test]
fn what_passes_a_bound_is_refused() {
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD));
    assert_eq!(status(large.as_bytes()), Some(431));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS + 1));
    assert_eq!(status(many.as_bytes()), Some(431));
    let long = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", MAX_BODY + 1);
    assert_eq!(status(long.as_bytes()), Some(413));
    let absurd = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", "9".repeat(40));
    assert_eq!(status(absurd.as_bytes()), Some(413));
    let chunk = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", MAX_BODY + 1);
    assert_eq!(status(chunk.as_bytes()), Some(413));
    let trailer = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let trailer = format!("{trailer}{}\r\n", "X: y\r\n".repeat(MAX_HEAD));
    assert_eq!(status(trailer.as_bytes()), Some(431));
}

#[test]
fn a_header_as_long_as_the_bound_is_read_and_no_longer_one() {
    let request = |length: usize| {
        let frame = "GET / HTTP/1.1\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(length - frame))
    };
    assert!(read(request(MAX_HEAD).as_bytes())[0].is_ok());
    assert_eq!(status(request(MAX_HEAD + 1).as_bytes()), Some(431));
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD));
    assert_eq!(status(endless.as_bytes()), Some(431));
}

#[test]
fn chunks_are_bounded_together_and_so_are_their_lines_and_trailers() {
    let chunked = |rest: &[u8]| [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", rest].concat();
    let full = [format!("{MAX_BODY:x}\r\n").into_bytes(), vec![b'x'; MAX_BODY], b"\r\n".to_vec()].concat();
    let end = b"0\r\n\r\n";
    assert_eq!(read(&chunked(&[&full, &end[..]].concat()))[0].as_ref().unwrap().body.len(), MAX_BODY);
    assert_eq!(status(&chunked(&[&full, &b"1\r\nx\r\n"[..], end].concat())), Some(413));
    let endless = format!("1;{}", "x".repeat(64 * 1024));
    assert_eq!(status(&chunked(endless.as_bytes())), Some(400));
    // Each is 1024 bytes long up to its line feed.
    let trailer = format!("X: {}\r\n", "y".repeat(1020));
    let trailers = |count| format!("0\r\n{}\r\n", trailer.repeat(count));
    assert!(read(&chunked(trailers(MAX_HEAD / 1024).as_bytes()))[0].is_ok());
    assert_eq!(status(&chunked(trailers(MAX_HEAD / 1024 + 1).as_bytes())), Some(431));
}

#[test]
fn a_path_ends_before_the_query_and_begins_behind_the_host() {
    for (target, path) in [
        ("/a/b?c=/d", "/a/b"),
        ("/a#b", "/a"),
        ("http://host/a?b", "/a"),
        ("http://host", "/"),
        ("http://host?a=/b", "/"),
        ("*", "*"),
    ] {
        assert_eq!(path_of(target), path, "{target}");
    }
}

#[test]
fn a_body_as_long_as_the_bound_is_read() {
    let mut request = format!("POST / HTTP/1.1\r\nContent-Length: {MAX_BODY}\r\n\r\n").into_bytes();
    request.resize(request.len() + MAX_BODY, b'x');
    assert_eq!(read(&request)[0].as_ref().unwrap().body.len(), MAX_BODY);
}

#[test]
fn what_is_cut_off_is_no_request() {
    for request in ["", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"] {
        assert!(read(request.as_bytes()).is_empty(), "{request}");
    }
}
