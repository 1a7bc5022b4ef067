//! What requests cost in memory. A process of its own, since its memory is what is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use evergrant_gateway::{Address, Gateway, Listener, Route, Running, Upstream};
use evergrant_mock::{Endpoint, Server};
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider, Tokens};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// The resident set, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() * 1024
}

fn address(running: &Running) -> SocketAddr {
    match &running.addresses()[0] {
        Address::Tcp(address) => *address,
        other => panic!("{other}"),
    }
}

fn serve(route: Route) -> Running {
    let gateway = Gateway::builder().route(route).workers(2).build().unwrap();
    gateway.serve(&[Listener::new(Address::parse("127.0.0.1:0").unwrap())]).unwrap()
}

/// An API that reads everything and keeps nothing.
fn drain() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut length = 0_u64;
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    if let Some(announced) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = announced.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                }
                std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).unwrap();
                let _gone = reader
                    .get_mut()
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            });
        }
    });
    origin
}

#[test]
fn a_body_streams_and_a_request_that_waits_costs_little() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    a_long_body_is_never_whole_in_memory();
    a_link_of_an_answer_is_never_whole_in_memory();
    a_queued_request_costs_its_head_and_a_small_window();
    a_queued_request_of_http2_costs_its_window();
}

fn a_long_body_is_never_whole_in_memory() {
    const LENGTH: u64 = 1 << 30;
    let upstream = Upstream::parse(&drain()).unwrap();
    let route = Route::new("/", upstream, Tokens::fixed("a-token-for-the-test").unwrap()).unwrap();
    let running = serve(route.max_body(LENGTH));
    let address = address(&running);
    let send = |length: u64| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "PUT / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let piece = vec![b'x'; 64 * 1024];
        let mut most = 0;
        for number in 0..length / piece.len() as u64 {
            stream.write_all(&piece).unwrap();
            if number % 256 == 0 {
                most = most.max(resident());
            }
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        most
    };
    // Whatever is made once has been made then.
    let before = send(64 << 20);
    let most = send(LENGTH);
    let more = most.saturating_sub(before);
    println!("a body of 1 GiB: {} KiB more than one of 64 MiB", more / 1024);
    assert!(more < 1 << 20, "{more} bytes");
}

/// An API whose answer is one link, of as many bytes as the query says.
fn one_link() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let link = format!("{{\"links\":\"{origin}/");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let target = lines.next().unwrap_or_default();
            let length = target.split(['?', ' ']).nth(2).and_then(|length| length.parse().ok()).unwrap_or(0);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
            let mut pieces = std::io::repeat(b'x').take(length);
            let _gone = stream.write_all(format!("{head}{link}").as_bytes());
            let _gone = std::io::copy(&mut pieces, &mut stream);
            let _gone = stream.write_all(b"\"}");
        }
    });
    origin
}

fn a_link_of_an_answer_is_never_whole_in_memory() {
    let upstream = Upstream::parse(&one_link()).unwrap();
    let route = Route::new("/", upstream, Tokens::fixed("a-token-for-the-test").unwrap()).unwrap();
    let running = serve(route.links([]));
    let address = address(&running);
    let read = |length: u64| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("GET /?{length} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let (mut piece, mut read, mut most, mut looks) = (vec![0; 64 * 1024], 0, 0, 0_u64);
        loop {
            match stream.read(&mut piece).unwrap() {
                0 => break,
                more => read += more as u64,
            }
            looks += 1;
            if looks.is_multiple_of(64) {
                most = most.max(resident());
            }
        }
        assert!(read > length, "{read} of {length}");
        most
    };
    let before = read(16 << 20);
    let more = read(128 << 20).saturating_sub(before);
    println!("a link of 128 MiB: {} KiB more than one of 16 MiB", more / 1024);
    assert!(more < 1 << 20, "{more} bytes");
}

fn a_queued_request_costs_its_head_and_a_small_window() {
    const QUEUED: u64 = 800;
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    let client = Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), auth).build().unwrap();
    let tokens = Tokens::builder(client).proxy(None).build().unwrap();
    let running = serve(Route::new("/", Upstream::parse(&server.origin()).unwrap(), tokens).unwrap());
    let address = address(&running);
    let queue = |count: u64, body: usize| -> (Vec<TcpStream>, u64) {
        let before = resident();
        let began = running.counts().queued;
        let streams: Vec<_> = (0..count)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nonblocking(true).unwrap();
                let head = format!("POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {body}\r\n\r\n");
                let _partly = stream.write(&[head.into_bytes(), vec![b'x'; body]].concat());
                stream
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(30);
        while running.counts().queued < began + i64::try_from(count).unwrap() {
            assert!(Instant::now() < end, "not all are queued");
            thread::sleep(Duration::from_millis(5));
        }
        (streams, resident().saturating_sub(before) / count)
    };
    let _warm = queue(200, 1);
    let (_small, small) = queue(QUEUED / 4, 1);
    let (_large, large) = queue(QUEUED - QUEUED / 4, 100_000);
    println!("a queued request: {small} bytes; with a body that came unasked: {large} bytes");
    // Two buffers of hyper's, of 8 KiB each, and what we remember of it.
    assert!(small <= 24 * 1024, "{small} bytes for each");
    assert!(large <= 48 * 1024, "{large} bytes for each");
}

fn a_queued_request_of_http2_costs_its_window() {
    const CONNECTIONS: u64 = 8;
    const EACH: u64 = 100;
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    let client = Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), auth).build().unwrap();
    let tokens = Tokens::builder(client).proxy(None).build().unwrap();
    let running = serve(Route::new("/", Upstream::parse(&server.origin()).unwrap(), tokens).unwrap());
    let address = address(&running);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let before = resident();
        let mut kept = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (sender, connection) = h2::client::handshake(stream).await.unwrap();
            // It goes on by itself.
            let _running = tokio::spawn(connection);
            for _ in 0..EACH {
                let request = http::Request::post(format!("http://{address}/")).body(()).unwrap();
                let (answer, mut body) =
                    sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
                // As much as comes unasked, and it waits for more.
                body.reserve_capacity(1 << 20);
                let mut sent = 0;
                while sent < 65_535 {
                    let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
                    body.send_data(vec![b'x'; room].into(), false).unwrap();
                    sent += room;
                }
                kept.push((answer, body));
            }
        }
        let end = Instant::now() + Duration::from_secs(60);
        while running.counts().queued < i64::try_from(CONNECTIONS * EACH).unwrap() {
            assert!(Instant::now() < end, "not all are queued");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // What is on its way has arrived by then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let each = resident().saturating_sub(before) / (CONNECTIONS * EACH);
        println!("a queued request of HTTP/2 with all of its window: {each} bytes");
        assert!(each <= (64 + 24) * 1024, "{each} bytes for each");
    });
}
