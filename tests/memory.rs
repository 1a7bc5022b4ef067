//! How much memory a hostile answer takes: every allocation of this process is counted.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_core::Response;
use evergrant_tests::ms;
use evergrant_tests::pools::{POOLS, Setup};
use evergrant_tests::raw::{Connection, Raw};
use evergrant_tests::transports::{Asking, TRANSPORTS, once};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The system's allocator, and how much of it is in use.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(live, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a token request may take while it lasts, whatever is answered: the body up to its bound, twice while a buffer
/// grows, and 1 MiB for the runtime, its buffers, and what the HTTP library reads ahead: hyper up to 408 KiB at a time.
const ROOM: usize = 2 * Response::MAX_BODY + (1 << 20);

type Script = Arc<dyn Fn(&mut Connection) + Send + Sync>;

fn floods(first: &str, again: &str) -> Script {
    let (first, again) = (first.to_owned(), again.to_owned());
    Arc::new(move |connection| {
        connection.request();
        connection.send(&first);
        // With a pause, so that the process has time for more than reading.
        connection.drip("", again.as_bytes(), ms(1));
    })
}

fn sends(bytes: Vec<u8>) -> Script {
    Arc::new(move |connection| {
        connection.request();
        connection.send(&bytes);
        connection.finish();
        connection.wait();
    })
}

/// 64 MiB of white space, packed.
fn bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&[b' '; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

fn coded(coding: &str, bomb: &[u8]) -> Script {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    sends([head.as_bytes(), bomb].concat())
}

fn body(body: String) -> Script {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    sends(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// How much more was in use at once than before, while one request was made.
fn taken(mount: evergrant_tests::transports::Mount, script: &Script) -> usize {
    let script = Arc::clone(script);
    let server = Raw::serve(move |connection| script(connection));
    // Where nothing but waiting ends it, little time.
    let policy = once().with_attempt_timeout(ms(500));
    let source = mount(&Asking::at(&server.token_endpoint()).with_policy(policy));
    let before = LIVE.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    assert!(source.token().is_err());
    PEAK.load(Ordering::SeqCst) - before
}

/// Held by each test of this process: two at once would count each other's bytes.
static ALONE: Mutex<()> = Mutex::new(());

// Conforms: A-17, A-18, A-19, A-20
#[test]
fn no_answer_takes_more_memory_than_its_bounds_allow() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let spaces = " ".repeat(0x8000);
    let chunk = format!("8000\r\n{spaces}\r\n");
    let members: String = (0..20_000).map(|n| format!("\"a{n}\":1,")).collect();
    // It takes seconds to pack.
    let bomb = bomb();
    let cases = [
        ("10 GiB announced", floods("HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", &spaces)),
        ("a body without end", floods("HTTP/1.1 200 OK\r\n\r\n", &spaces)),
        ("chunks without end", floods("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &chunk)),
        (
            "one chunk without end",
            floods("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", &spaces),
        ),
        ("a refusal without end", floods("HTTP/1.1 400 Bad Request\r\n\r\n", &spaces)),
        ("a header without end", floods("HTTP/1.1 200 OK\r\nX-Flood: ", &"x".repeat(0x1000))),
        ("headers without end", floods("HTTP/1.1 200 OK\r\n", &"X-Flood: x\r\n".repeat(100))),
        ("interim answers without end", floods("", &"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))),
        (
            "trailers without end",
            floods("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: x\r\n"),
        ),
        ("a gzip bomb", coded("gzip", &bomb)),
        ("a gzip bomb under its old name", coded("x-gzip", &bomb)),
        ("a gzip bomb under another name", coded("br", &bomb)),
        ("a gzip bomb twice", coded("gzip, gzip", &bomb)),
        ("JSON, 100 000 deep", body("{\"x\":".to_owned() + &"[".repeat(100_000))),
        ("JSON, 20 000 wide", body(format!("{{{members}\"b\":1}}"))),
        ("a number of 250 000 digits", body(format!("{{\"expires_in\":{}}}", "9".repeat(250_000)))),
        ("a text of 250 000 escapes", body(format!("{{\"scope\":\"{}\"}}", "\\u00e9".repeat(40_000)))),
    ];
    for (name, mount) in TRANSPORTS {
        // What is made once and kept, a runtime's threads say, is made now.
        taken(mount, &cases[1].1);
        for (what, script) in &cases {
            let taken = taken(mount, script);
            println!("{name}: {what}: {taken} bytes");
            assert!(taken <= ROOM, "{name}: {what}: {taken} bytes at once, more than {ROOM}");
        }
    }
}

/// What a tenant of a pool may take, its client, its token and what the server here remembers of it included: it takes a good
/// 2 KiB, and 19 KiB with an HTTP client of its own.
const TENANT: usize = 8 << 10;

#[test]
fn the_tenants_of_a_pool_share_one_http_client() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const TENANTS: usize = 100;
    let body = r#"{"access_token":"a-token","token_type":"Bearer","expires_in":3600}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for (name, mount) in POOLS {
        let server = Raw::answer(answer.clone());
        let client = Asking::at(&server.token_endpoint()).client;
        let pool = mount(&Setup::new(move |_| client.clone()));
        let served = |tenant: usize| drop(pool.tokens(&tenant.to_string()).token().unwrap());
        // With what is made once and kept.
        (0..TENANTS).for_each(served);
        let before = LIVE.load(Ordering::SeqCst);
        (TENANTS..2 * TENANTS).for_each(served);
        let taken = LIVE.load(Ordering::SeqCst).saturating_sub(before) / TENANTS;
        println!("{name}: {taken} bytes for each tenant");
        assert_eq!(pool.status().held, 2 * TENANTS);
        assert!(taken <= TENANT, "{name}: {taken} bytes for each tenant");
    }
}

/// Takes a request with a body of this length, keeping nothing of it, and answers.
fn swallow(mut stream: TcpStream, length: usize) {
    let (mut piece, mut head, mut left) = ([0; 4096], Vec::new(), None);
    while left != Some(0) {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the request ended early");
        left = match left {
            Some(left) => Some(left - read),
            None => {
                head.extend_from_slice(&piece[..read]);
                let end = head.windows(4).position(|window| window == b"\r\n\r\n");
                end.map(|end| length + end + 4 - head.len())
            }
        };
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
}

/// ureq's calls take a body over, and could have to send it again.
#[test]
fn a_large_body_is_not_copied_so_that_it_could_be_sent_again() {
    const LENGTH: usize = 8 << 20;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..2 {
            swallow(listener.accept().unwrap().0, LENGTH);
        }
    });
    let tokens = evergrant_ureq::Tokens::fixed("a-token-of-the-test").unwrap();
    let origins = evergrant_ureq::Origins::parse([origin.as_str()]).unwrap();
    let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
    let api = evergrant_ureq::Api::new(agent, tokens, origins);
    for round in 0..2 {
        let (owned, shared) = (vec![b'x'; LENGTH], bytes::Bytes::from(vec![b'x'; LENGTH]));
        let before = LIVE.load(Ordering::SeqCst);
        PEAK.store(before, Ordering::SeqCst);
        let call = api.post(&origin);
        let answer = if round == 0 { call.body(owned).send() } else { call.body(shared).send() };
        assert_eq!(answer.unwrap().status(), 200);
        let taken = PEAK.load(Ordering::SeqCst) - before;
        assert!(taken < LENGTH / 4, "{taken} bytes more than the body itself");
    }
    server.join().unwrap();
}
