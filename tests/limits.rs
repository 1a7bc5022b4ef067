//! Limits on the wire: what a hostile or broken token endpoint can make each transport do, over servers of raw bytes.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_tests::raw::{Connection, Raw, wait_until};
use evergrant_tests::transports::{Asking, SECRET, TRANSPORTS, broke, once, refusal};
use evergrant_tests::{LONG, ms, secs};
use evergrant_tokio_reqwest::core::{Class, Malformed, Problem, Response, TransportErrorKind};
use evergrant_tokio_reqwest::{Client, ClientAuth, Error, Provider, Token};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const GRANT: &str = r#"{"access_token":"one","token_type":"Bearer","expires_in":3600}"#;
const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/// An answer with this body, its length announced.
fn whole(body: &str) -> String {
    format!("{JSON}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// One chunk of a body.
fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// What becomes of one request through each transport, to a server that reads a request and plays this script. Each has
/// a server of its own, and has left it before the next begins.
#[track_caller]
fn each(
    asking: impl Fn(&Raw) -> Asking,
    script: impl Fn(&mut Connection) + Send + Sync + 'static,
    check: impl Fn(&str, Result<Token, Error>, &Raw),
) {
    let script = Arc::new(script);
    for (name, mount) in TRANSPORTS {
        let left = Arc::new(AtomicU64::new(0));
        let (script, ended) = (Arc::clone(&script), Arc::clone(&left));
        let server = Raw::serve(move |connection| {
            script(connection);
            connection.finish();
            connection.wait();
            ended.fetch_add(1, Ordering::SeqCst);
        });
        let outcome = mount(&asking(&server)).token();
        wait_until(&format!("{name} leaves"), || left.load(Ordering::SeqCst) == server.connections());
        check(name, outcome, &server);
    }
}

fn patient(server: &Raw) -> Asking {
    Asking::at(&server.token_endpoint())
}

/// With little time: waiting is all that happens.
fn hasty(server: &Raw) -> Asking {
    patient(server).with_policy(once().with_attempt_timeout(ms(100)))
}

/// Reads a request, sends these bytes, and waits for the client to go.
fn sends(bytes: impl Into<Vec<u8>>) -> impl Fn(&mut Connection) + Send + Sync + 'static {
    let bytes = bytes.into();
    move |connection| {
        connection.request();
        connection.send(&bytes);
        connection.wait();
    }
}

/// Reads a request, sends these bytes, and ends the connection.
fn sends_and_ends(bytes: impl Into<Vec<u8>>) -> impl Fn(&mut Connection) + Send + Sync + 'static {
    let bytes = bytes.into();
    move |connection| {
        connection.request();
        connection.send(&bytes);
    }
}

/// Reads a request, sends `first`, and then `again` without end.
fn floods(first: &'static str, again: String) -> impl Fn(&mut Connection) + Send + Sync + 'static {
    move |connection| {
        connection.request();
        connection.send(first);
        connection.send_without_end(&again);
    }
}

#[track_caller]
fn is_malformed(name: &str, outcome: Result<Token, Error>, why: Malformed) {
    let refusal = refusal(name, outcome);
    assert_eq!(refusal.problem(), &Problem::Malformed(why), "{name}");
    assert_eq!(refusal.class(), Class::Transient, "{name}");
}

// Length.

/// The server sends no byte of the body: that it is refused all the same shows that nobody waited for one.
// Conforms: A-18
#[test]
fn a_body_of_10_gib_is_refused_from_the_header() {
    for status in ["200 OK", "201 Created"] {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 10737418240\r\n\r\n");
        each(patient, sends(head), |name, outcome, _| is_malformed(name, outcome, Malformed::TooLong));
    }
    // The status speaks without it.
    let head = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 10737418240\r\n\r\n";
    each(patient, sends(head), |name, outcome, _| {
        let refusal = refusal(name, outcome);
        assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(401)), "{name}");
    });
}

/// The server sends one byte more than the bound, and waits: that is all that anybody reads.
// Conforms: A-18
#[test]
fn a_body_of_unknown_length_is_read_to_the_bound_and_no_further() {
    let beyond = " ".repeat(Response::MAX_BODY + 1);
    let length = beyond.len();
    for answer in [
        format!("{JSON}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{beyond}"),
        format!("{JSON}Transfer-Encoding: chunked\r\n\r\n{}", chunk(" ").repeat(length)),
        format!("{JSON}\r\n{beyond}"),
    ] {
        each(patient, sends(answer), |name, outcome, _| is_malformed(name, outcome, Malformed::TooLong));
    }
}

// Conforms: A-18
#[test]
fn an_endless_body_ends_at_the_bound() {
    let spaces = " ".repeat(0x8000);
    each(patient, floods("HTTP/1.1 200 OK\r\n\r\n", spaces.clone()), |name, outcome, _| {
        is_malformed(name, outcome, Malformed::TooLong);
    });
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    each(patient, floods(chunked, chunk(&spaces)), |name, outcome, _| {
        is_malformed(name, outcome, Malformed::TooLong);
    });
}

// Conforms: A-18
#[test]
fn a_body_of_exactly_the_bound_is_read() {
    let body = format!("{GRANT}{}", " ".repeat(Response::MAX_BODY - GRANT.len()));
    for answer in [
        whole(&body),
        format!("{JSON}\r\n{body}"),
        format!("{JSON}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk(&body)),
    ] {
        each(patient, sends_and_ends(answer), |name, outcome, _| {
            assert_eq!(outcome.expect(name).value().expose(), "one", "{name}");
        });
    }
}

// Time.

/// The time is for the whole attempt: a byte now and then buys none.
// Conforms: A-18, L-28
#[test]
fn an_answer_that_drips_is_given_up_when_its_time_is_over() {
    let long = GRANT.repeat(100);
    for (what, at_once, slowly, then) in [
        ("nothing", "", "", ""),
        ("the status line", "", "HTTP/1.1 200 OK", " "),
        ("a header", "HTTP/1.1 200 OK\r\n", "X-Slow: ", "x"),
        ("headers", "HTTP/1.1 200 OK\r\n", "", "X-Slow: x\r\n"),
        ("interim answers", "", "", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("a body", "HTTP/1.1 200 OK\r\nContent-Length: 6200\r\n\r\n", &*long, " "),
        ("a body without length", "HTTP/1.1 200 OK\r\n\r\n", &*long, " "),
        ("a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1838\r\n", &*long, " "),
        ("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", "1\r\n \r\n"),
        ("a chunk's length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", "0"),
    ] {
        let (at_once, slowly, then) = (at_once.to_owned(), slowly.to_owned(), then.to_owned());
        let script = move |connection: &mut Connection| {
            connection.request();
            connection.send(&at_once);
            match then.is_empty() {
                true => connection.wait(),
                false => connection.drip(&slowly, then.as_bytes(), ms(10)),
            }
        };
        each(hasty, script, |name, outcome, _| {
            assert_eq!(broke(name, outcome), TransportErrorKind::Timeout, "{name}: {what}");
        });
    }
}

// Conforms: A-18
#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let silent = |connection: &mut Connection| connection.wait();
    each(hasty, silent, |name, outcome, _| {
        assert_eq!(broke(name, outcome), TransportErrorKind::Timeout, "{name}");
    });
    let secure = |server: &Raw| {
        let asking = Asking::at(&server.token_endpoint().replace("http://", "https://"));
        asking.with_policy(once().with_attempt_timeout(ms(100)))
    };
    each(secure, silent, |name, outcome, server| {
        assert_eq!(broke(name, outcome), TransportErrorKind::Timeout, "{name}: no TLS handshake");
        assert!(!server.heard_of(SECRET), "{name}");
    });
}

// Headers.

// Conforms: A-18
#[test]
fn a_flood_of_headers_is_refused() {
    let many: String = (0..10_000).map(|n| format!("X-Flood-{n}: {}\r\n", "x".repeat(90))).collect();
    let long = format!("X-Flood: {}\r\n", "x".repeat(1 << 20));
    for headers in [many, long] {
        let answer = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{GRANT}", GRANT.len());
        each(patient, sends(answer), |name, outcome, _| {
            assert_eq!(broke(name, outcome), TransportErrorKind::Protocol, "{name}");
        });
    }
}

#[test]
fn a_429_that_says_when_by_the_end_of_its_limit_alone_is_heard() {
    for field in ["RateLimit-Reset: 7", "X-RateLimit-Reset: 7", "RateLimit: \"default\";r=0;t=7"] {
        let answer = format!("HTTP/1.1 429 Too Many Requests\r\n{field}\r\nContent-Length: 0\r\n\r\n");
        each(patient, sends(answer), |name, outcome, _| {
            assert_eq!(refusal(name, outcome).retry_after(), Some(secs(7)), "{name}: {field}");
        });
    }
}

/// RFC 9112 §5.2 has a client replace a fold with blanks; gateways put their own lines beside an answer's. Where the HTTP library
/// has no switch for them, its own bound holds: ureq reads no folds, and 128 lines.
#[test]
fn folded_lines_and_more_than_a_hundred_lines_are_read_where_the_library_has_a_switch() {
    let lines = |count: usize| -> String { (0..count).map(|n| format!("X-Line-{n}: x\r\n")).collect() };
    for (headers, ureq_reads) in
        [("X-Folded: a\r\n  b\r\n\tc\r\n".to_owned(), false), (lines(120), true), (lines(900), false)]
    {
        let answer = format!("{JSON}{headers}Content-Length: {}\r\n\r\n{GRANT}", GRANT.len());
        each(patient, sends_and_ends(answer), |name, outcome, _| match name {
            "ureq" if !ureq_reads => assert_eq!(broke(name, outcome), TransportErrorKind::Protocol),
            "ureq" | "tokio-reqwest" => assert_eq!(outcome.expect(name).value().expose(), "one", "{name}"),
            _ => {}
        });
    }
}

// Conforms: A-18
#[test]
fn an_endless_head_is_refused() {
    for (first, again) in [
        ("HTTP/1.1 200 ", "OK ".repeat(1000)),
        ("HTTP/1.1 200 OK\r\nX-Flood: ", "x".repeat(4096)),
        ("HTTP/1.1 200 OK\r\n", format!("X-Flood: {}\r\n", "x".repeat(90))),
        ("", "\0".repeat(4096)),
    ] {
        each(patient, floods(first, again), |name, outcome, _| {
            assert_eq!(broke(name, outcome), TransportErrorKind::Protocol, "{name}: {first:?}");
        });
    }
}

/// Interim answers (RFC 9110 §15.2) are skipped; without end they are the server's time, and no memory. They come with
/// pauses: where they come faster than hyper reads them, it gives its thread back only now and then, and on a slow
/// machine the caller's patience can be over before the attempt's time is looked at. (`memory.rs` has them without.)
// Conforms: A-47
#[test]
fn endless_interim_answers_end_with_the_time() {
    let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
    let script = move |connection: &mut Connection| {
        connection.request();
        connection.drip("", flood.as_bytes(), ms(5));
    };
    each(hasty, script, |name, outcome, _| {
        let kind = broke(name, outcome);
        assert!(matches!(kind, TransportErrorKind::Timeout | TransportErrorKind::Protocol), "{name}: {kind}");
    });
    let interim = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n{}", whole(GRANT));
    each(patient, sends_and_ends(interim), |name, outcome, _| {
        assert_eq!(outcome.expect(name).value().expose(), "one", "{name}");
    });
}

// Framing.

// Conforms: A-40
#[test]
fn a_truncated_answer_is_no_token() {
    let chunked = format!("{JSON}Transfer-Encoding: chunked\r\n\r\n");
    let length = GRANT.len();
    for (what, answer, kinds) in [
        ("nothing", String::new(), &[TransportErrorKind::Closed][..]),
        ("half a head", JSON.to_owned(), &[TransportErrorKind::Closed]),
        ("a head", format!("{JSON}Content-Length: 1\r\n\r\n"), &[TransportErrorKind::Closed]),
        // What came is a grant by itself, and is none: more was promised.
        (
            "a byte is missing",
            format!("{JSON}Content-Length: {}\r\n\r\n{GRANT}", length + 1),
            &[TransportErrorKind::Closed],
        ),
        ("half a chunk", format!("{chunked}{:x}\r\n{GRANT}", length + 1), &[TransportErrorKind::Closed]),
        ("no last chunk", format!("{chunked}{}", chunk(GRANT)), &[TransportErrorKind::Closed]),
    ] {
        each(patient, sends_and_ends(answer), |name, outcome, _| {
            let kind = broke(name, outcome);
            assert!(kinds.contains(&kind), "{name}: {what}: {kind:?}");
        });
    }
}

// Conforms: A-40
#[test]
fn an_answer_that_is_framed_wrongly_is_no_token() {
    let chunked = format!("{JSON}Transfer-Encoding: chunked\r\n\r\n");
    let length = GRANT.len();
    for answer in [
        format!("{JSON}Content-Length: {length}\r\nContent-Length: {}\r\n\r\n{GRANT}", length - 1),
        format!("{JSON}Content-Length: {length}, {}\r\n\r\n{GRANT}", length + 1),
        format!("{JSON}Content-Length: -{length}\r\n\r\n{GRANT}"),
        format!("{JSON}Content-Length: 0x3f\r\n\r\n{GRANT}"),
        format!("{JSON}Content-Length: 99999999999999999999999\r\n\r\n{GRANT}"),
        format!("{chunked}ffffffffffffffffff\r\n{GRANT}"),
        format!("{chunked}-1\r\n{GRANT}"),
        format!("{chunked}x\r\n{GRANT}"),
        format!("{chunked}{length:x}\r\n{GRANT}evil"),
        format!("HTTP/1.1 2OO OK\r\n\r\n{GRANT}"),
        format!("HTTP/3.1 200 OK\r\n\r\n{GRANT}"),
        format!("HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n{GRANT}"),
        format!("HTTP/1.1 200 OK\r\nX-Null: \0\r\n\r\n{GRANT}"),
    ] {
        each(patient, sends_and_ends(answer.clone()), |name, outcome, _| {
            let refusal = refusal(name, outcome);
            let is_protocol = matches!(
                refusal.problem(),
                Problem::Transport(error) if error.kind() == TransportErrorKind::Protocol
            );
            let is_too_long = refusal.problem() == &Problem::Malformed(Malformed::TooLong);
            assert!(is_protocol || is_too_long, "{name}: {answer:?}: {refusal}");
        });
    }
}

/// The body is over, and says so without end: in a chunk's extension, or in trailers.
// Conforms: A-18
#[test]
fn an_endless_end_of_a_body_is_given_up() {
    for (first, again) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x".repeat(4096)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-End: ", "x".repeat(4096)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", "X: x\r\n".repeat(700)),
    ] {
        each(hasty, floods(first, again), |name, outcome, _| {
            // Whoever needs no trailers reads none: what came before them is what counts.
            let refusal = refusal(name, outcome);
            let is_transient = refusal.class() == Class::Transient;
            assert!(is_transient && refusal.status().is_none_or(|status| status == 200), "{name}: {refusal}");
        });
    }
}

/// A second answer that nobody asked for, behind the first: whatever the next request is, it is not its answer.
// Conforms: A-40
#[test]
fn a_forged_second_answer_is_not_taken_for_the_next_requests() {
    let evil = GRANT.replace("one", "evil");
    let (length, both) = (GRANT.len(), format!("{}0\r\n\r\n", chunk(GRANT)));
    for answer in [
        whole(GRANT),
        // Two lengths, as a proxy and a client may read them; RFC 9112 §6.3 has the chunks count.
        format!("{JSON}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{both}"),
        format!("{JSON}Transfer-Encoding: chunked\r\n\r\n{both}"),
    ] {
        let forged = format!("{answer}{}", whole(&evil));
        for (name, mount) in TRANSPORTS {
            let server = Raw::serve({
                let forged = forged.clone();
                move |connection| {
                    // As long as somebody asks, on a connection that nobody closes.
                    while connection.request().is_some() {
                        connection.send(&forged);
                    }
                }
            });
            let source = mount(&patient(&server));
            for asked in 1..=3 {
                assert_eq!(source.token().expect(name).value().expose(), "one", "{name}: {answer}");
                assert_eq!(server.connections(), asked, "{name}: a connection for each request");
                source.forget();
            }
        }
    }
}

// Codings.

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{JSON}Content-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The tests' ureq unpacks what is labelled `gzip` by itself, and takes the label off: what it unpacks is counted. What is
/// labelled otherwise goes the same way on every transport.
// Conforms: R-9110-8.4-b, A-17, Q-32
#[test]
fn a_packed_answer_is_unpacked_and_a_bomb_is_cut_at_the_bound() {
    let (grant, spaces) = (GRANT.as_bytes(), vec![b' '; 64 << 20]);
    let unwrapped = &zlib(grant)[2..zlib(grant).len() - 4];
    for (coding, body) in [
        ("gzip", &*gzip(grant)),
        ("x-gzip", &*gzip(grant)),
        ("deflate", &*zlib(grant)),
        ("deflate", unwrapped),
        ("identity", grant),
        ("utf-8", grant),
        ("none\r\nContent-Encoding: identity", grant),
    ] {
        each(patient, sends(coded(coding, body)), |name, outcome, server| {
            assert_eq!(outcome.expect(name).value().expose(), "one", "{name}: {coding}");
            assert!(server.heard_of("identity"), "{name}: identity was asked for");
        });
    }
    for (coding, bomb) in [("gzip", gzip(&spaces)), ("x-gzip", gzip(&spaces)), ("deflate", zlib(&spaces))] {
        assert!(bomb.len() < 100_000);
        each(patient, sends(coded(coding, &bomb)), |name, outcome, _| {
            is_malformed(name, outcome, Malformed::TooLong);
        });
    }
}

// Conforms: R-9110-8.4-a, A-17
#[test]
fn another_coding_two_in_a_row_and_broken_data_are_malformed() {
    let twice = gzip(&gzip(GRANT.as_bytes()));
    for coding in ["gzip, gzip", "br", "zstd", "compress"] {
        each(patient, sends(coded(coding, &twice)), |name, outcome, _| {
            is_malformed(name, outcome, Malformed::Coded);
        });
    }
    // A label is believed: what is not coded after all may be read otherwise by somebody on the way.
    each(patient, sends(coded("br", GRANT.as_bytes())), |name, outcome, _| {
        is_malformed(name, outcome, Malformed::Coded);
    });
    let whole = gzip(GRANT.as_bytes());
    for body in [GRANT.as_bytes(), &whole[..whole.len() - 9], &[&whole[..], b"\0"].concat()] {
        each(patient, sends(coded("x-gzip", body)), |name, outcome, _| {
            is_malformed(name, outcome, Malformed::Broken);
        });
    }
    // What the connection cut is told as such, packed or not.
    let mut cut = coded("x-gzip", &whole);
    cut.truncate(cut.len() - 9);
    each(patient, sends_and_ends(cut), |name, outcome, _| {
        assert_eq!(broke(name, outcome), TransportErrorKind::Closed, "{name}");
    });
}

// What is said about it.

/// Whatever goes wrong, the endpoint's query is not in the words for it: tenants, keys, codes stand there.
// Conforms: A-04
#[test]
fn no_error_shows_the_query_of_the_endpoint() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let garbage = Raw::answer("garbage\r\n\r\n");
    let silent = Raw::serve(Connection::wait);
    for url in [
        format!("http://{nobody}/token"),
        garbage.token_endpoint(),
        garbage.token_endpoint().replace("http://", "https://"),
        silent.token_endpoint(),
        "https://evergrant.invalid/token".into(),
    ] {
        for (name, mount) in TRANSPORTS {
            let asking = Asking::at(&format!("{url}?tenant=of-the-query"));
            let source = mount(&asking.with_policy(once().with_attempt_timeout(ms(300))));
            let error = source.token().expect_err(name);
            let shown = format!("{error} {error:?} {error:#?}");
            assert!(!shown.contains("of-the-query") && !shown.contains(SECRET), "{name}: {shown}");
        }
    }
}

// Many clients.

/// A source has one client, and nothing is looked up by a key: each gets its own token, however many ask at once.
// Conforms: A-41
#[test]
fn no_client_gets_the_token_of_another() {
    let server = Raw::serve(|connection| {
        while let Some(request) = connection.request() {
            let id = request.split("client_id=").nth(1).and_then(|rest| rest.split('&').next());
            connection.send(whole(&GRANT.replace("one", &format!("for-{}", id.unwrap_or_default()))));
        }
    });
    thread::scope(|scope| {
        for (name, mount) in TRANSPORTS {
            for number in 0..4 {
                let endpoint = server.token_endpoint();
                scope.spawn(move || {
                    let id = format!("{name}-{number}");
                    let provider = Provider::rfc6749(&endpoint).unwrap();
                    let auth = ClientAuth::post(&id, SECRET).unwrap();
                    let client = Client::builder(provider, auth).build().unwrap();
                    let source = mount(&Asking { client, ..Asking::at(&endpoint) });
                    for _ in 0..25 {
                        assert_eq!(source.token().expect(name).value().expose(), format!("for-{id}"));
                        source.forget();
                    }
                });
            }
        }
    });
    assert_eq!(server.connections(), 400);
}

// Redirects and cookies.

/// Wherever it leads: the second listener sees no byte and its token is nobody's, and the first sees no second request.
// Conforms: R-9110-15.4-a, R-9110-15.4-b, A-29, A-30
#[test]
fn a_redirect_of_a_token_request_is_not_followed() {
    for (name, mount) in TRANSPORTS {
        let other = Raw::answer(whole(&GRANT.replace("one", "evil")));
        let away = format!("{}/token?echo=of-the-query", other.origin());
        for status in [301, 302, 303, 307, 308] {
            for target in [&*away, "/elsewhere", "?again", "//127.0.0.1/"] {
                let answer =
                    format!("HTTP/1.1 {status} Away\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
                let server = Raw::answer(answer);
                let source = mount(&patient(&server));
                let refusal = refusal(name, source.token());
                assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(status)), "{name}");
                assert!(matches!(refusal.problem(), Problem::Redirect { .. }), "{name}: {refusal}");
                assert!(!refusal.to_string().contains("of-the-query"), "{name}: {refusal}");
                assert_eq!(server.connections(), 1, "{name}: {status} to {target}");
            }
        }
        assert_eq!(other.connections(), 0, "{name}");
    }
}

/// Nobody reads the body of a redirect, however long it takes.
#[test]
fn the_body_of_a_redirect_is_not_waited_for() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 100\r\n\r\n";
    each(patient, sends(answer), |name, outcome, _| {
        assert_eq!(refusal(name, outcome).status(), Some(302), "{name}");
    });
}

// Conforms: A-39
#[test]
fn a_cookie_of_the_token_endpoint_is_never_sent_back() {
    let grant = GRANT.replace("3600", "1");
    let answer = format!(
        "{JSON}Set-Cookie: sid=of-somebody; Path=/\r\nContent-Length: {}\r\n\r\n{grant}",
        grant.len()
    );
    for (name, mount) in TRANSPORTS {
        let server = Raw::answer(answer.clone());
        let source = mount(&patient(&server));
        for asked in 1..=3 {
            source.token().expect(name);
            source.forget();
            assert_eq!(server.connections(), asked, "{name}");
        }
        assert!(!server.heard_of("of-somebody") && !server.heard_of("ookie"), "{name}");
    }
}

/// Nobody here makes a proof for a nonce (RFC 9449 section 8): whoever asked once more would be asked for another, without
/// end.
// Conforms: A-36
#[test]
fn a_nonce_that_is_demanded_is_a_refusal_and_one_request() {
    let body = r#"{"error":"use_dpop_nonce"}"#;
    let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nDPoP-Nonce: of-the-server";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for (name, mount) in TRANSPORTS {
        let server = Raw::answer(answer.clone());
        let source = mount(&patient(&server).with_policy(once().with_cooldown(LONG, LONG)));
        for _ in 0..3 {
            let refusal = refusal(name, source.token());
            let seen = (refusal.class(), refusal.status(), refusal.code());
            assert_eq!(seen, (Class::Permanent, Some(400), Some("use_dpop_nonce")), "{name}");
        }
        assert_eq!(server.connections(), 1, "{name}");
    }
}

/// Whatever the server did, the next request is made, and is served.
#[test]
fn after_all_of_that_the_next_request_is_served() {
    let scripts: [fn(&mut Connection); 5] = [
        |connection| {
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
        },
        |connection| {
            connection.send("\0\0\0\0");
        },
        |connection| {
            connection.send(format!("{JSON}Content-Length: 9\r\n\r\n{{"));
        },
        |connection| {
            connection.send("HTTP/1.1 307 Away\r\nLocation: /\r\n\r\n");
        },
        |_| {},
    ];
    for (name, mount) in TRANSPORTS {
        for script in scripts {
            let server = Raw::serve(move |connection| {
                connection.request();
                match connection.number() {
                    0 => script(connection),
                    _ => {
                        connection.send(whole(GRANT));
                    }
                }
            });
            let source = mount(&patient(&server));
            let first = refusal(name, source.token());
            assert!(!first.to_string().contains(SECRET), "{name}: {first}");
            // What is permanent rests; what is transient is asked again at once, with the quick policy.
            source.forget();
            assert_eq!(source.token().expect(name).value().expose(), "one", "{name}");
        }
    }
}
