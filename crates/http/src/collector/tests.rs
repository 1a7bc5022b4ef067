use super::*;
use evergrant_core::{Client, ClientAuth, Malformed, Now, Problem, Provider};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use std::io::Write as _;

const GRANT: &str = r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#;

fn headers(length: Option<usize>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
    headers
}

fn collector(length: Option<usize>) -> Collector {
    Collector::new(StatusCode::OK, &headers(length))
}

fn client() -> Client {
    let provider = Provider::rfc6749("https://auth.example.com/token").unwrap();
    Client::builder(provider, ClientAuth::post("id", "a-long-secret").unwrap()).build().unwrap()
}

/// The token in it, or what is wrong with it.
fn read(response: &Response) -> Result<String, Problem> {
    let grant = client().read(response, Now::default());
    grant.map(|grant| grant.token().expose().to_owned()).map_err(|refusal| refusal.problem().clone())
}

/// A reader that gives at most so many bytes at once, an interruption before each.
struct Slow<'a> {
    rest: &'a [u8],
    step: usize,
    interrupted: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.step.min(buffer.len());
        self.rest.read(&mut buffer[..length])
    }
}

#[test]
fn a_body_in_pieces_is_the_body() {
    for length in [None, Some(GRANT.len())] {
        let mut pushed = collector(length);
        GRANT.as_bytes().chunks(7).for_each(|piece| pushed.push(piece));
        assert_eq!(read(&pushed.finish()), Ok("abc".into()));

        let mut pulled = collector(length);
        pulled.read(Slow { rest: GRANT.as_bytes(), step: 7, interrupted: false }).unwrap();
        assert_eq!(read(&pulled.finish()), Ok("abc".into()));
    }
}

/// What it was asked for each time, in bytes, by somebody who gets one byte twice and then nothing.
struct Asked(Vec<usize>);

impl Read for Asked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.push(buffer.len());
        Ok(usize::from(self.0.len() < 3))
    }
}

#[test]
fn a_reader_is_asked_for_as_much_as_a_tls_record_holds() {
    let mut asked = Asked(Vec::new());
    collector(None).read(&mut asked).unwrap();
    assert_eq!(asked.0, [16_384; 3]);
}

#[test]
fn a_body_of_the_longest_length_is_read_and_one_byte_more_is_too_long() {
    for (length, expected) in [
        (Response::MAX_BODY, Ok("abc".to_owned())),
        (Response::MAX_BODY + 1, Err(Problem::Malformed(Malformed::TooLong))),
        (Response::MAX_BODY + 100_000, Err(Problem::Malformed(Malformed::TooLong))),
    ] {
        let body = format!("{GRANT}{}", " ".repeat(length - GRANT.len()));
        let mut pushed = collector(None);
        body.as_bytes().chunks(5000).for_each(|piece| pushed.push(piece));
        assert_eq!(pushed.body.len(), length.min(Response::MAX_BODY + 1));
        assert_eq!(pushed.wants_more(), length == Response::MAX_BODY);
        assert_eq!(read(&pushed.finish()), expected);

        let mut pulled = collector(None);
        pulled.read(body.as_bytes()).unwrap();
        assert_eq!(read(&pulled.finish()), expected);
    }
}

#[test]
fn nothing_is_read_of_a_body_that_says_nothing() {
    let mut coded = headers(None);
    coded.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    for (status, headers) in [
        (StatusCode::FOUND, headers(None)),
        (StatusCode::OK, headers(Some(Response::MAX_BODY + 1))),
        (StatusCode::OK, coded),
    ] {
        let mut collector = Collector::new(status, &headers);
        assert!(!collector.wants_more() && collector.body.capacity() == 0, "{status} {headers:?}");
        collector.push(GRANT.as_bytes());
        collector.read(GRANT.as_bytes()).unwrap();
        assert_eq!(collector.body.len(), 0);
    }
}

#[test]
fn the_headers_that_decide_are_handed_in() {
    let mut headers = headers(None);
    headers.insert(RETRY_AFTER, HeaderValue::from_static("17"));
    let collector = Collector::new(StatusCode::SERVICE_UNAVAILABLE, &headers);
    let refusal = client().read(&collector.finish(), Now::default()).unwrap_err();
    assert_eq!(refusal.retry_after(), Some(std::time::Duration::from_secs(17)));
}

#[test]
fn the_buffer_is_reserved_once() {
    let sizes = [(Some(GRANT.len()), GRANT.len()), (None, Response::MAX_BODY), (Some(0), 0)];
    for (announced, length) in sizes {
        let body = vec![b' '; length];
        let mut pushed = collector(announced);
        let (place, room) = (pushed.body.as_ptr(), pushed.body.capacity());
        body.chunks(999).for_each(|piece| pushed.push(piece));
        assert_eq!((pushed.body.as_ptr(), pushed.body.capacity()), (place, room));

        let mut pulled = collector(announced);
        let (place, room) = (pulled.body.as_ptr(), pulled.body.capacity());
        pulled.read(Slow { rest: &body, step: 999, interrupted: false }).unwrap();
        assert_eq!((pulled.body.as_ptr(), pulled.body.capacity(), pulled.body.len()), (place, room, length));
    }
}

#[test]
fn what_was_read_before_an_error_stays_and_the_error_is_handed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut collector = collector(None);
    let error = collector.read(GRANT.as_bytes().chain(Broken)).unwrap_err();
    assert_eq!((error.kind(), collector.body.len()), (io::ErrorKind::ConnectionReset, GRANT.len()));
}

#[test]
fn debug_shows_no_body() {
    let mut collector = collector(None);
    collector.push(GRANT.as_bytes());
    assert_eq!(
        format!("{collector:?}"),
        format!("Collector {{ status: 200, body_len: {}, .. }}", GRANT.len())
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_body_is_in_memory_once_and_wiped_whether_it_is_finished_or_not() {
    let sentinel = crate::fixture::Sentinel::new("collector");
    // 112 bytes are sent. A length that is too short makes the buffer grow, which must leave nothing behind either.
    for announced in [None, Some(112), Some(100)] {
        for finish in [false, true] {
            for pull in [false, true] {
                let mut collector = collector(announced);
                let piece = sentinel.text();
                if pull {
                    collector.read(piece.as_bytes().chain(&b"and so much more"[..])).unwrap();
                } else {
                    collector.push(piece.as_bytes());
                    collector.push(b"and so much more");
                }
                drop(piece);
                assert_eq!(sentinel.copies(), 1, "{announced:?}");
                if finish {
                    let response = collector.finish();
                    assert_eq!(sentinel.copies(), 1, "{announced:?}");
                    drop(response);
                } else {
                    drop(collector);
                }
                assert_eq!(sentinel.copies(), 0, "{announced:?} finish {finish} pull {pull}");
            }
        }
    }
}

fn packed(coding: &'static str, length: Option<usize>) -> Collector {
    let mut headers = headers(length);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    Collector::new(StatusCode::OK, &headers)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

// Conforms: R-9110-8.4-b, Q-32
#[test]
fn a_packed_body_is_unpacked_whether_it_is_pushed_or_read() {
    let body = gzip(GRANT.as_bytes());
    for length in [None, Some(body.len())] {
        for coding in ["gzip", "X-GZIP", "identity, gzip"] {
            let mut pushed = packed(coding, length);
            body.chunks(7).for_each(|piece| pushed.push(piece));
            assert!(format!("{pushed:?}").contains(&format!("body_len: {}", GRANT.len())), "{pushed:?}");
            assert_eq!(read(&pushed.finish()), Ok("abc".into()), "{coding}");

            let mut pulled = packed(coding, length);
            pulled.read(Slow { rest: &body, step: 7, interrupted: false }).unwrap();
            assert_eq!(read(&pulled.finish()), Ok("abc".into()), "{coding}");
        }
    }
    let two_lines = HeaderMap::from_iter(
        [(CONTENT_ENCODING, "identity"), (CONTENT_ENCODING, "none")]
            .map(|(name, value)| (name, HeaderValue::from_static(value))),
    );
    let mut plain = Collector::new(StatusCode::OK, &two_lines);
    plain.push(GRANT.as_bytes());
    assert_eq!(read(&plain.finish()), Ok("abc".into()));
}

#[test]
fn a_packed_refusal_is_read_and_a_broken_one_judged_by_its_status() {
    let said = |body: &[u8]| {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let mut collector = Collector::new(StatusCode::BAD_REQUEST, &headers);
        collector.push(body);
        client().read(&collector.finish(), Now::default()).unwrap_err()
    };
    let body = gzip(br#"{"error":"invalid_scope"}"#);
    assert_eq!(said(&body).code(), Some("invalid_scope"));
    assert_eq!(*said(&body[..20]).problem(), Problem::Status);
}

#[test]
fn a_packed_body_that_is_broken_cut_off_or_goes_on_says_so() {
    let body = gzip(GRANT.as_bytes());
    let broken = Err(Problem::Malformed(Malformed::Broken));
    for body in [&body[..body.len() - 1], &[&body[..], b"x"].concat(), GRANT.as_bytes(), b""] {
        let mut pushed = packed("gzip", None);
        pushed.push(body);
        assert_eq!(read(&pushed.finish()), broken);
        let mut pulled = packed("gzip", None);
        pulled.read(body).unwrap();
        assert_eq!(read(&pulled.finish()), broken);
    }
    // What the transport cut is the transport's error.
    struct Cut;
    impl Read for Cut {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let error = packed("gzip", None).read(body[..30].chain(Cut)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

// Conforms: R-9110-8.4-b, A-17
#[test]
fn a_bomb_is_too_long_and_is_not_read_to_its_end() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let mut pushed = packed("gzip", None);
    let pushes = bomb.chunks(100).take_while(|piece| {
        pushed.push(piece);
        pushed.wants_more()
    });
    assert!(pushes.count() < 10, "of {}", bomb.len() / 100);
    assert_eq!(read(&pushed.finish()), Err(Problem::Malformed(Malformed::TooLong)));
    let mut pulled = packed("deflate", Some(Response::MAX_BODY));
    let mut endless = io::repeat(0);
    pulled.read(&mut endless).unwrap();
    assert_eq!(read(&pulled.finish()), Err(Problem::Malformed(Malformed::Broken)));
}

#[test]
fn nothing_is_unpacked_of_a_body_that_says_nothing() {
    let mut headers = headers(Some(Response::MAX_BODY + 1));
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    for (status, why) in [(StatusCode::OK, Malformed::TooLong), (StatusCode::NO_CONTENT, Malformed::Status)] {
        let collector = Collector::new(status, &headers);
        assert!(!collector.wants_more() && collector.unpacker.is_none(), "{status}");
        assert_eq!(read(&collector.finish()), Err(Problem::Malformed(why)), "{status}");
    }
}

/// A gzip member in which each letter has a code of the fixed table (RFC 1951 section 3.2.6): made by hand, since what packs
/// keeps what it packed.
#[cfg(target_os = "linux")]
fn packed_by_hand(text: &str) -> Zeroizing<Vec<u8>> {
    let mut member = Zeroizing::new(Vec::with_capacity(10 + 2 * text.len() + 12));
    member.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let (mut byte, mut bits) = (0, 0);
    let mut bit = |bit: u32, member: &mut Vec<u8>| {
        byte |= (bit as u8) << bits;
        bits += 1;
        if bits == 8 {
            member.push(byte);
            (byte, bits) = (0, 0);
        }
    };
    [1, 1, 0].into_iter().for_each(|b| bit(b, &mut member));
    for letter in text.bytes() {
        (0..8).rev().for_each(|place| bit(u32::from(letter + 0x30) >> place & 1, &mut member));
    }
    // The end, and what fills the last byte.
    (0..7 + 7).for_each(|_| bit(0, &mut member));
    let mut crc = flate2::Crc::new();
    crc.update(text.as_bytes());
    member.extend(crc.sum().to_le_bytes());
    member.extend(crc.amount().to_le_bytes());
    member
}

#[cfg(target_os = "linux")]
#[test]
fn a_packed_body_is_in_memory_once_and_wiped_whether_it_is_finished_or_not() {
    let sentinel = crate::fixture::Sentinel::new("unpacked");
    for finish in [false, true] {
        for pull in [false, true] {
            let text = sentinel.text();
            let member = packed_by_hand(&text);
            drop(text);
            let packed_text = crate::fixture::Masked::of(&member);
            let mut collector = packed("gzip", None);
            if pull {
                collector.read(&member[..]).unwrap();
            } else {
                member.chunks(50).for_each(|piece| collector.push(piece));
            }
            assert_eq!((sentinel.copies(), packed_text.copies()), (1, 1));
            drop(member);
            assert_eq!((sentinel.copies(), packed_text.copies()), (1, 0), "what was packed is not kept");
            if finish {
                let response = collector.finish();
                assert_eq!(sentinel.copies(), 1);
                drop(response);
            } else {
                drop(collector);
            }
            assert_eq!((sentinel.copies(), packed_text.copies()), (0, 0), "finish {finish} pull {pull}");
        }
    }
}
