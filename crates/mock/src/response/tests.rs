use super::*;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::stream::Protocol;

/// What a client reads of this response.
fn sent(response: &Response, head_only: bool, close: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let stream = Stream::new(Arc::new(stream), &Protocol::Plain).unwrap();
    Departure { stream: &stream, now: 0, age: None, head_only, close }.whole(response).unwrap();
    drop(stream);
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

const DATE: &str = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

#[test]
fn a_response_is_written_with_its_date_and_length() {
    let response = Response::new(200).body("text/plain", "abc");
    let head = format!("HTTP/1.1 200 OK\r\n{DATE}Content-Type: text/plain\r\nContent-Length: 3\r\n");
    assert_eq!(sent(&response, false, false), format!("{head}\r\nabc"));
    assert_eq!(sent(&response, true, true), format!("{head}Connection: close\r\n\r\n"), "to a HEAD");
}

#[test]
fn what_the_response_says_itself_is_not_said_again() {
    let response =
        Response::new(200).header("date", "now").header("CONNECTION", "x").header("content-Length", "0");
    assert_eq!(
        sent(&response, false, true),
        "HTTP/1.1 200 OK\r\ndate: now\r\nCONNECTION: x\r\ncontent-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_status_without_a_body_has_neither_body_nor_length() {
    for (status, reason) in [(100, ""), (204, "No Content"), (304, "Not Modified")] {
        let response = Response { status, headers: Vec::new(), body: b"abc".to_vec() };
        assert_eq!(sent(&response, false, false), format!("HTTP/1.1 {status} {reason}\r\n{DATE}\r\n"));
    }
}

#[test]
fn every_status_that_people_read_has_its_reason() {
    for (status, expected) in [
        (200, "OK"),
        (201, "Created"),
        (202, "Accepted"),
        (204, "No Content"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (304, "Not Modified"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (413, "Content Too Large"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (299, ""),
    ] {
        assert_eq!(reason(status), expected);
    }
}
