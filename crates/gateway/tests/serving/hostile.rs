//! Any bytes on the socket: an answer or a close, and the next connection works.

use crate::api::{Api, ok};
use crate::fixture::{Caller, PATIENCE, address, fixed, limited, route_to};
use evergrant_gateway::Limits;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A small generator: what it draws is the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// Pieces that heads and bodies are made of, and those that break them.
const PIECES: [&[u8]; 40] = [
    b"GET ",
    b"POST ",
    b"/",
    b"/a",
    b"/../",
    b"%2e%2e",
    b"*",
    b"http://",
    b"?x=",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b" HTTP/2\r\n",
    b"Host: ",
    b"127.0.0.1:PORT",
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"Content-Length: ",
    b"5",
    b"-1",
    b"+5",
    b"99999999999999999999",
    b"Transfer-Encoding: chunked\r\n",
    b"transfer-encoding: gzip\r\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"ffffffffffffffff\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: keep-alive, host\r\n",
    b"X: \0",
    b"X:\xff\xfe",
    b" folded",
    b"Cookie: a",
    b"Upgrade: h2c\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"CONNECT a:1",
    b"::::",
    b"hello",
];

#[test]
fn whatever_comes_the_next_request_works() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let limits = Limits::new().head_time(Duration::from_millis(300)).idle_body(Duration::from_millis(300));
    let route = route_to(&api.origin(), fixed()).answer_timeout(Duration::from_millis(300));
    let running = limited(route, limits);
    let address = address(&running);
    let port = address.port().to_string();
    let mut random = Random(0x5eed_1234_5678_9abc);
    for round in 0..600 {
        let mut bytes = Vec::new();
        if random.next(3) > 0 {
            bytes.extend_from_slice(format!("POST / HTTP/1.1\r\nHost: {address}\r\n").as_bytes());
        }
        for _ in 0..=random.next(12) {
            let piece = PIECES[random.next(PIECES.len())];
            bytes.extend(String::from_utf8_lossy(piece).replace("PORT", &port).into_bytes());
            if piece.contains(&0xff) {
                bytes.extend_from_slice(piece);
            }
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _closed = stream.write_all(&bytes);
        if random.next(2) == 0 {
            let _closed = stream.shutdown(Shutdown::Write);
        } else if random.next(2) == 0 {
            // It goes away, whatever it was told.
            continue;
        }
        let mut answer = Vec::new();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let _answered = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        // The frame of settings is the first of HTTP/2 (RFC 9113 §3.4).
        let is_http2 = bytes.starts_with(b"PRI * HTTP/2.0") && answer.get(3) == Some(&4);
        assert!(answer.is_empty() || is_http2 || text.starts_with("HTTP/1."), "{round}: {bytes:?} -> {text}");
        if round % 20 == 0 {
            assert_eq!(Caller::new(&running).get("/").status, 200, "{round}: {bytes:?}");
        }
    }
    assert_eq!(Caller::new(&running).get("/").status, 200);
    // Nobody got past the rules: what arrived has our token and one Host.
    for arrived in api.arrived() {
        assert_eq!(arrived.fields("authorization"), ["Bearer a-token-for-the-test"], "{arrived:?}");
        assert_eq!(arrived.fields("host").len(), 1, "{arrived:?}");
        assert!(arrived.target().starts_with('/') && !arrived.target().contains(".."), "{arrived:?}");
    }
}
