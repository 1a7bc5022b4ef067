//! HTTP/2 on either side: many requests over one connection.

use crate::api::{After, Api, ok, say as say1};
use crate::fixture::{Caller, address, fixed, limited, route, route_to, serve, tokens, until};
use crate::many::{Manner, Many, ManyApi, a_moment, read, run, say, write};
use bytes::Bytes;
use evergrant_gateway::{Limits, Running};
use evergrant_mock::{Endpoint, Server};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::{HeaderMap, HeaderValue};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An API that speaks HTTP/2 and says this of each request.
fn plain(status: u16, body: &'static [u8]) -> ManyApi {
    ManyApi::start(move |_, (request, mut answer)| {
        Box::pin(async move {
            let _read = read(&mut request.into_body()).await;
            say(&mut answer, status, &[], body).await;
        })
    })
}

fn http2(api: &ManyApi) -> Running {
    serve(route_to(&api.origin(), fixed()).http2(true))
}

#[test]
fn a_request_over_http2_arrives_as_any_other() {
    let server = Server::start().unwrap();
    let running = serve(route(&server).cookies(true));
    run(async {
        let caller = Many::new(&running).await;
        let request = caller.request("GET", "/shipments?page[number]=2&é");
        let request = request.header("cookie", "a=1").header("cookie", "b=2").header("te", "trailers");
        let answer = caller.send(request.body(()).unwrap(), b"", None).await.unwrap();
        assert_eq!((answer.status(), answer.field("proxy-status")), (200, None), "{answer:?}");
        assert_eq!(answer.head.version, http::Version::HTTP_2);
    });
    let requests = server.requests();
    let seen = requests.iter().find(|request| request.endpoint() == Endpoint::Resource).unwrap();
    assert_eq!((seen.method(), seen.target()), ("GET", "/shipments?page[number]=2&é"));
    assert_eq!(seen.header("host"), Some(server.address().to_string().as_str()));
    assert_eq!(seen.header("cookie"), Some("a=1; b=2"), "RFC 9113 §8.2.3");
    assert!(seen.header("via").unwrap().starts_with("2 evergrant-"));
    let token = server.issued().pop().unwrap();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {token}").as_str()));
}

#[test]
fn an_api_of_http2_gets_what_any_other_would() {
    let api = plain(200, b"hello");
    let running = http2(&api);
    let mut caller = Caller::new(&running);
    caller.send("POST", "/a?b[c]=1", "TE: trailers\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-Keep: 1\r\n", b"{}");
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let head = api.heads().pop().unwrap();
    assert_eq!(head.uri.to_string(), format!("{}/a?b[c]=1", api.origin()));
    let field = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(field("authorization"), Some("Bearer a-token-for-the-test"));
    assert_eq!((field("host"), field("x-hop"), field("x-keep")), (None, None, Some("1")));
    assert_eq!((field("te"), field("content-length")), (Some("trailers"), Some("2")));
    assert!(field("via").unwrap().starts_with("1.1 evergrant-"));
}

/// What is sent, and comes back.
fn long() -> Vec<u8> {
    (0..300_000_u32).flat_map(|number| (number as u16).to_le_bytes()).collect()
}

fn trailers(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static(value))])
}

/// An API of HTTP/2 that sends back what it gets, and what followed it.
fn echo() -> ManyApi {
    ManyApi::start(|_, (request, mut answer)| {
        Box::pin(async move {
            let (body, came) = read(&mut request.into_body()).await.unwrap();
            let head = http::Response::builder().header("trailer", "X-Sum").body(()).unwrap();
            let mut stream = answer.send_response(head, false).unwrap();
            write(&mut stream, &body, false).await;
            stream.send_trailers(came.unwrap()).unwrap();
        })
    })
}

/// The same over HTTP/1.1.
fn echo1() -> Api {
    Api::start(|arrived, stream| {
        say1(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n");
        for piece in arrived.body.chunks(7001) {
            say1(stream, &format!("{:x}\r\n", piece.len()));
            let _gone = std::io::Write::write_all(stream, piece);
            say1(stream, "\r\n");
        }
        say1(stream, &format!("0\r\n{}\r\n", arrived.trailers));
        After::KeepOpen
    })
}

async fn echoed(running: &Running) {
    let caller = Many::new(running).await;
    let request = caller.request("POST", "/").header("trailer", "x-sum").header("te", "trailers");
    let answer = caller.send(request.body(()).unwrap(), &long(), Some(trailers("17"))).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.body == long(), "{} bytes came back", answer.body.len());
    assert_eq!(answer.trailers, Some(trailers("17")));
}

fn echoed1(running: &Running) {
    let mut caller = Caller::new(running);
    let host = address(running);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    caller.write(head).unwrap();
    for piece in long().chunks(70_001) {
        caller.write([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).unwrap();
    }
    caller.write("0\r\nX-Sum: 17\r\n\r\n").unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!(answer.status, 200);
    let text = String::from_utf8_lossy(&answer.body[long().len()..]).to_ascii_lowercase();
    assert!(answer.body.starts_with(&long()));
    assert_eq!(text.trim(), "x-sum: 17");
}

#[test]
fn bodies_and_trailers_arrive_byte_for_byte_from_http2_to_http2() {
    let api = echo();
    let running = http2(&api);
    run(echoed(&running));
}

#[test]
fn bodies_and_trailers_arrive_byte_for_byte_from_http2_to_http1() {
    let api = echo1();
    let running = serve(route_to(&api.origin(), fixed()));
    run(echoed(&running));
}

#[test]
fn bodies_and_trailers_arrive_byte_for_byte_from_http1_to_http2() {
    let api = echo();
    let running = http2(&api);
    echoed1(&running);
}

#[test]
fn requests_of_one_connection_wait_together_and_leave_with_one_token() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let running = serve(route(&server));
    run(async {
        let caller = Many::new(&running).await;
        let all = (0..100).map(|number| {
            let caller = &caller;
            async move { caller.post("/", format!("{{\"number\":{number}}}").as_bytes()).await }
        });
        let landing = async {
            until_async("all wait", || running.counts().queued == 100).await;
            gate.release();
        };
        let (answers, ()) = tokio::join!(join_all(all), landing);
        for answer in answers {
            assert_eq!(answer.status(), 200);
        }
        assert_eq!(running.counts().connections, 1);
    });
    assert_eq!(server.counts().token_requests, 1);
}

#[test]
fn many_requests_share_a_connection_to_the_api() {
    let api = plain(200, b"{}");
    let running = http2(&api);
    run(async {
        let caller = Many::new(&running).await;
        let all = (0..60).map(|_| caller.get("/"));
        for answer in join_all(all).await {
            assert_eq!(answer.status(), 200);
        }
    });
    // One caller is one worker's.
    assert_eq!(api.connections(), 1);
}

#[test]
fn an_api_that_takes_few_at_a_time_gets_no_more_over_a_connection() {
    let most = Arc::new(AtomicUsize::new(0));
    let (now, seen) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&most));
    let manner = Manner { at_a_time: Some(3), ..Manner::default() };
    let api = ManyApi::with(manner, move |number, (_, mut answer)| {
        let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
        Box::pin(async move {
            seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // All but the first wait for each other.
            until_async("all are here", || number == 0 || seen.load(Ordering::SeqCst) == 12).await;
            now.fetch_sub(1, Ordering::SeqCst);
            say(&mut answer, 200, &[], b"").await;
        })
    });
    let running = http2(&api);
    run(async {
        let caller = Many::new(&running).await;
        assert_eq!(caller.get("/").await.status(), 200);
        for answer in join_all((0..12).map(|_| caller.get("/"))).await {
            assert_eq!(answer.status(), 200);
        }
    });
    assert_eq!(api.connections(), 4, "three at a time, and twelve that do not wait for each other");
    assert_eq!(most.load(Ordering::SeqCst), 12);
}

#[test]
fn nothing_is_sent_before_an_api_has_said_how_many_it_takes() {
    let manner = Manner { at_a_time: Some(2), ..Manner::default() };
    let api = ManyApi::with(manner, |_, (_, mut answer)| {
        Box::pin(async move { say(&mut answer, 200, &[], b"{}").await })
    });
    let running = http2(&api);
    run(async {
        let caller = Many::new(&running).await;
        // Those beyond would be refused, and refused again.
        for answer in join_all((0..60).map(|_| caller.post("/", b"{}"))).await {
            assert_eq!(answer.status(), 200, "{answer:?}");
        }
    });
    assert_eq!(api.heads().len(), 60);
}

/// An API that says goodbye with every fifth request of a connection, and leaves unread what is on its way there, as nginx does.
fn hasty_api() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || hasty(stream));
        }
    });
    address
}

fn hasty(mut stream: std::net::TcpStream) -> std::io::Result<()> {
    use std::io::{Read as _, Write as _};
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; 24])?;
    // SETTINGS, and that those of the other side are known.
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0])?;
    let mut requests = 0;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [_, high, low, kind, _, id @ ..] = head;
        stream.read_exact(&mut vec![0; usize::from(high) << 8 | usize::from(low)])?;
        // HEADERS (RFC 9113 §6.2).
        if kind != 1 || requests == 5 {
            continue;
        }
        requests += 1;
        if requests == 5 {
            stream.write_all(&[&[0, 0, 8, 7, 0, 0, 0, 0, 0][..], &id, &[0; 4]].concat())?;
        }
        // A head without a body: `:status: 200` of the static table.
        stream.write_all(&[&[0, 0, 1, 1, 5][..], &id, &[0x88]].concat())?;
    }
}

#[test]
fn many_at_a_time_get_through_the_goodbyes_of_an_api() {
    let running = serve(route_to(&format!("http://{}", hasty_api()), fixed()).http2(true));
    run(async {
        let caller = Many::new(&running).await;
        for _ in 0..20 {
            for answer in join_all((0..30).map(|_| caller.get("/"))).await {
                assert_eq!(answer.status(), 200, "{answer:?}");
            }
        }
    });
}

/// An API of which each connection begins so, once the preface has come, and takes nothing.
fn begins(says: &'static [u8]) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _gone = stream.read_exact(&mut [0; 24]);
            let _gone = stream.write_all(says);
            let _gone = stream.shutdown(std::net::Shutdown::Write);
            // Else the system would take back what was said.
            let _gone = stream.read_to_end(&mut Vec::new());
        }
    });
    origin
}

#[test]
fn an_api_that_closes_before_it_takes_a_request_has_not_refused_the_connection() {
    let goodbye = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for says in [&b""[..], &goodbye[..]] {
        let running = serve(route_to(&begins(says), fixed()).http2(true));
        let answer = Caller::new(&running).get("/");
        assert_eq!((answer.status, answer.sent().as_deref()), (502, Some("no")), "{answer:?}");
        assert!(answer.text().contains("closed the connection before it took a request"), "{answer:?}");
        let status = answer.field("proxy-status").unwrap();
        assert!(status.contains(";error=connection_terminated;"), "{status}");
    }
    let running = serve(route_to(&begins(b"HTTP/1.1 400 Bad Request\r\n\r\n"), fixed()).http2(true));
    let answer = Caller::new(&running).get("/");
    assert!(answer.text().contains("does not speak HTTP/2"), "{answer:?}");
}

/// An API that takes its time for a connection, takes one request at a time over it, and never answers.
fn slow_and_narrow() -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _gone = stream.read_exact(&mut [0; 24]);
                std::thread::sleep(Duration::from_millis(100));
                let _gone = stream.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]);
                let _gone = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    origin
}

#[test]
fn whoever_finds_every_place_taken_is_told_that_the_gateway_is_busy() {
    let route = route_to(&slow_and_narrow(), fixed()).http2(true).patience(Duration::from_millis(50));
    let running = limited(route, Limits::new().connect_time(Duration::from_millis(400)));
    run(async {
        let caller = Many::new(&running).await;
        let mut answers: FuturesUnordered<_> = (0..20).map(|_| caller.get("/")).collect();
        let began = std::time::Instant::now();
        for _ in 0..10 {
            let answer = answers.next().await.unwrap();
            assert_eq!((answer.status(), answer.problem().as_deref()), (503, Some("busy")), "{answer:?}");
            assert_eq!(answer.sent().as_deref(), Some("no"));
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(400), "{took:?}");
    });
}

#[test]
fn a_caller_that_takes_its_request_back_frees_its_place() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let running = serve(route(&server));
    run(async {
        let caller = Many::new(&running).await;
        let mut sender = caller.sender.clone().ready().await.unwrap();
        let request = caller.request("POST", "/").body(()).unwrap();
        let (answer, mut stream) = sender.send_request(request, false).unwrap();
        stream.send_data(Bytes::from_static(&[b'x'; 1000]), false).unwrap();
        until_async("it waits", || running.counts().queued == 1).await;
        stream.send_reset(h2::Reason::CANCEL);
        drop(answer);
        until_async("its place is free", || running.counts().queued == 0).await;
        assert_eq!(running.counts().connections, 1, "the connection is another matter");
    });
}

/// Some callers take a reset behind the answer, which RFC 9113 §8.1 allows, for a failure.
#[test]
fn whoever_expects_a_word_over_http2_may_send_all_and_is_not_reset() {
    let api = plain(200, b"{}");
    let running = serve(route_to(&api.origin(), fixed()).http2(true).max_body(1024));
    run(async {
        let caller = Many::new(&running).await;
        let mut sender = caller.sender.clone().ready().await.unwrap();
        let request = caller.request("PUT", "/").header("expect", "100-continue");
        let request = request.header("content-length", long().len()).body(()).unwrap();
        let (answer, mut stream) = sender.send_request(request, false).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 413);
        let (_text, trailers) = read(&mut answer.into_body()).await.unwrap();
        assert_eq!(trailers, None);
        // Much more than its window: it is read.
        let mut left = long().len();
        while left > 0 {
            stream.reserve_capacity(left);
            let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
            let now = room.expect("it was reset").unwrap().min(left);
            left -= now;
            stream.send_data(Bytes::from(vec![b'x'; now]), left == 0).unwrap();
        }
        assert_eq!(caller.get("/").await.status(), 200);
    });
}

async fn until_async(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + crate::fixture::PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < end, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn a_request_that_the_api_turned_away_is_sent_again_whatever_its_method() {
    let api = ManyApi::start(|number, (request, mut answer)| {
        Box::pin(async move {
            if number == 0 {
                answer.send_reset(h2::Reason::REFUSED_STREAM);
                return;
            }
            let (body, _) = read(&mut request.into_body()).await.unwrap();
            say(&mut answer, 200, &[], &body).await;
        })
    });
    let running = http2(&api);
    run(async {
        let caller = Many::new(&running).await;
        let answer = caller.post("/", b"once").await;
        assert_eq!((answer.status(), answer.body.as_slice()), (200, &b"once"[..]));
    });
    assert_eq!(api.heads().len(), 2);
}

#[test]
fn an_api_that_turns_every_request_away_is_not_asked_for_ever() {
    let api = ManyApi::start(|_, (_, mut answer)| {
        Box::pin(async move { answer.send_reset(h2::Reason::REFUSED_STREAM) })
    });
    let running = http2(&api);
    run(async {
        let answer = Many::new(&running).await.post("/", b"{}").await;
        assert_eq!((answer.status(), answer.sent().as_deref()), (502, Some("no")), "{answer:?}");
    });
    assert_eq!(api.heads().len(), 3);
}

#[test]
fn what_an_api_reset_on_its_way_may_have_arrived() {
    let api = ManyApi::start(|_, (_, mut answer)| {
        Box::pin(async move { answer.send_reset(h2::Reason::INTERNAL_ERROR) })
    });
    let running = http2(&api);
    run(async {
        let answer = Many::new(&running).await.post("/", b"{}").await;
        assert_eq!((answer.status(), answer.sent().as_deref()), (502, Some("perhaps")), "{answer:?}");
        assert_eq!(answer.problem().as_deref(), Some("upstream-closed"));
    });
    assert_eq!(api.heads().len(), 1);
}

/// Proxies in front of an API do that when they end a stream of which they have not handed on all (RFC 9113 §8.1).
#[test]
fn an_answer_that_is_reset_without_an_error_and_an_end_is_not_handed_on_as_a_whole_one() {
    let api = ManyApi::start(|number, (request, mut answer)| {
        Box::pin(async move {
            let head = http::Response::new(());
            let mut stream = answer.send_response(head, false).unwrap();
            // The last one has ended before: it is whole, whatever of the request is still to come.
            stream.send_data(Bytes::from_static(b"a part"), number == 2).unwrap();
            a_moment().await;
            stream.send_reset(h2::Reason::NO_ERROR);
            drop(request);
        })
    });
    let running = http2(&api);
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    let answer = caller.answer();
    assert!(answer.is_err(), "{answer:?}");
    run(async {
        let caller = Many::new(&running).await;
        let request = caller.request("GET", "/").body(()).unwrap();
        let answer = caller.send(request, b"", None).await;
        assert!(answer.is_err(), "{answer:?}");
        let mut sender = caller.sender.clone().ready().await.unwrap();
        let request = caller.request("POST", "/").body(()).unwrap();
        let (answer, _stream) = sender.send_request(request, false).unwrap();
        let (body, _) = read(&mut answer.await.unwrap().into_body()).await.unwrap();
        assert_eq!(body, b"a part");
    });
    assert_eq!(api.heads().len(), 3);
}

#[test]
fn a_connection_that_asks_too_much_of_its_api_takes_no_other_request() {
    let api = ManyApi::start(|number, (request, mut answer)| {
        Box::pin(async move {
            let _read = read(&mut request.into_body()).await;
            match number {
                0 => answer.send_reset(h2::Reason::ENHANCE_YOUR_CALM),
                _ => say(&mut answer, 200, &[], b"{}").await,
            }
        })
    });
    let running = http2(&api);
    run(async {
        let caller = Many::new(&running).await;
        let answer = caller.post("/", b"{}").await;
        assert_eq!((answer.status(), answer.sent().as_deref()), (502, Some("perhaps")), "{answer:?}");
        assert_eq!(caller.post("/", b"{}").await.status(), 200);
    });
    assert_eq!(api.connections(), 2);
}

#[test]
fn an_api_that_says_goodbye_loses_no_request() {
    let manner = Manner { goodbye_after: Some(3), ..Manner::default() };
    let api = ManyApi::with(manner, |_, (request, mut answer)| {
        Box::pin(async move {
            let (body, _) = read(&mut request.into_body()).await.unwrap_or_default();
            say(&mut answer, 200, &[], &body).await;
        })
    });
    let running = http2(&api);
    run(async {
        let caller = Many::new(&running).await;
        for round in 0..5 {
            let all = (0..8).map(|number| {
                let caller = &caller;
                async move { (number, caller.post("/", format!("{round} {number}").as_bytes()).await) }
            });
            for (number, answer) in join_all(all).await {
                assert_eq!(answer.status(), 200, "{answer:?}");
                assert_eq!(answer.body, format!("{round} {number}").into_bytes());
            }
        }
    });
    assert!(api.connections() > 1);
}

#[test]
fn a_token_that_is_refused_over_http2_is_replaced_and_the_body_sent_again() {
    let server = Server::start().unwrap();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let api = ManyApi::start(move |_, (request, mut answer)| {
        let seen = Arc::clone(&seen);
        Box::pin(async move {
            let token = request.headers()["authorization"].clone();
            let (body, _) = read(&mut request.into_body()).await.unwrap();
            let first = {
                let mut seen = seen.lock().unwrap();
                seen.push((token.clone(), body));
                seen[0].0.clone()
            };
            let challenge = [("www-authenticate", "Bearer error=\"invalid_token\"")];
            match token == first {
                true => say(&mut answer, 401, &challenge, b"").await,
                false => say(&mut answer, 200, &[], b"{}").await,
            }
        })
    });
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()).http2(true));
    run(async {
        let answer = Many::new(&running).await.post("/", b"twice").await;
        assert_eq!(answer.status(), 200, "{answer:?}");
    });
    let sent = sent.lock().unwrap();
    assert!((2..=3).contains(&sent.len()) && sent.iter().all(|(_, body)| body == b"twice"), "{sent:?}");
    assert_eq!(server.counts().token_requests, 2);
}

#[test]
fn a_caller_that_takes_nothing_of_one_answer_loses_that_one_alone() {
    let big: &'static [u8] = Box::leak(vec![b'x'; 2 * 1024 * 1024].into_boxed_slice());
    let api = ManyApi::start(move |_, (request, mut answer)| {
        let body = if request.uri().path() == "/big" { big } else { b"{}" };
        Box::pin(async move { say(&mut answer, 200, &[], body).await })
    });
    let route = route_to(&api.origin(), fixed()).http2(true);
    let running = limited(route, Limits::new().idle_body(Duration::from_millis(400)));
    run(async {
        let caller = Many::new(&running).await;
        let mut sender = caller.sender.clone().ready().await.unwrap();
        let (answer, _) = sender.send_request(caller.request("GET", "/big").body(()).unwrap(), true).unwrap();
        let mut stalled = answer.await.unwrap().into_body();
        let broken = async {
            let mut came = 0;
            loop {
                match stalled.data().await {
                    // Its window is never opened again.
                    Some(Ok(piece)) => came += piece.len(),
                    Some(Err(error)) => return (came, error.reason()),
                    None => return (came, None),
                }
            }
        };
        let others = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert_eq!(caller.get("/").await.status(), 200);
            }
        };
        let ((came, reason), ()) = tokio::join!(broken, others);
        assert!(came < big.len(), "{came}");
        assert_eq!(reason, Some(h2::Reason::CANCEL));
        assert_eq!(running.counts().connections, 1);
    });
}

#[test]
fn an_answer_of_our_own_that_nobody_takes_is_lost_likewise_and_its_place_is_free() {
    // Nobody listens there.
    let origin = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let limits = Limits::new().idle_body(Duration::from_millis(300)).admitted(1);
    let running = limited(route_to(&origin, fixed()), limits);
    run(async {
        let stream = tokio::net::TcpStream::connect(address(&running)).await.unwrap();
        let mut builder = h2::client::Builder::new();
        // No byte of an answer has room, and so no place among the requests would ever be free again.
        let made = builder.initial_window_size(0).handshake::<_, Bytes>(stream).await;
        let (mut sender, connection) = made.unwrap();
        let _ended = tokio::spawn(connection);
        let request = http::Request::get(format!("http://{}/", address(&running))).body(()).unwrap();
        let (answer, _) = sender.send_request(request, true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 502);
        let lost = answer.into_body().data().await.unwrap().unwrap_err();
        assert_eq!(lost.reason(), Some(h2::Reason::CANCEL));
        until_async("its place is free", || running.counts().in_flight == 0).await;
        let answer = Many::new(&running).await.get("/").await;
        assert_eq!((answer.status(), answer.problem().as_deref()), (502, Some("upstream-unreachable")));
    });
}

#[test]
fn a_connection_without_requests_is_left_with_a_goodbye_and_not_sooner() {
    let api = plain(200, b"{}");
    let limits = Limits::new().idle_callers(Duration::from_millis(700)).head_time(Duration::from_millis(100));
    let running = limited(route_to(&api.origin(), fixed()).http2(true), limits);
    run(async {
        let stream = tokio::net::TcpStream::connect(address(&running)).await.unwrap();
        let (mut sender, mut connection) = h2::client::handshake(stream).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let ended = tokio::spawn(connection);
        let began = std::time::Instant::now();
        // What is no request neither counts as the beginning of one, nor keeps the connection.
        for _ in 0..3 {
            pings.ping(h2::Ping::opaque()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
        let request = http::Request::get(format!("http://{}/", address(&running))).body(()).unwrap();
        let (answer, _) = sender.send_request(request, true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
        let pinging = async {
            while pings.ping(h2::Ping::opaque()).await.is_ok() {
                a_moment().await;
            }
        };
        let (ended, ()) = tokio::join!(ended, pinging);
        ended.unwrap().unwrap();
        assert!(began.elapsed() >= Duration::from_millis(700));
    });
    until("the gateway has let it go", || running.counts().connections == 0);
}

#[test]
fn a_gateway_that_drains_says_goodbye_and_answers_what_came() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let running = serve(route(&server));
    run(async {
        let caller = Many::new(&running).await;
        let waiting = (0..20).map(|_| caller.post("/", b"{}"));
        let draining = async {
            until_async("all wait", || running.counts().queued == 20).await;
            running.drain(Duration::ZERO);
            a_moment().await;
            gate.release();
        };
        let (answers, ()) = tokio::join!(join_all(waiting), draining);
        for answer in answers {
            assert_eq!(answer.status(), 200, "{answer:?}");
        }
        caller.ended.await.unwrap().unwrap();
    });
    assert!(running.wait(), "everything was answered");
}

#[test]
fn more_than_a_hundred_fields_are_too_many_in_either_version() {
    let running = serve(route_to("http://127.0.0.1:9", fixed()));
    run(async {
        let caller = Many::new(&running).await;
        let mut request = caller.request("GET", "/");
        for number in 0..101 {
            request = request.header(format!("x-{number}"), "1");
        }
        let answer = caller.send(request.body(()).unwrap(), b"", None).await.unwrap();
        assert_eq!((answer.status(), answer.problem().as_deref()), (431, Some("fields")));
    });
}

#[test]
fn one_caller_of_both_versions_is_understood_from_its_first_bytes() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()));
    // Byte by byte, and a method that begins as the preface does.
    let mut caller = Caller::new(&running);
    for byte in format!("PRI / HTTP/1.1\r\nHost: {}\r\n\r\n", address(&running)).into_bytes() {
        caller.write([byte]).unwrap();
    }
    assert_eq!(caller.answer().unwrap().status, 405);
    let mut caller = Caller::new(&running);
    caller.write("P").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let host = address(&running);
    caller.write(format!("OST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}")).unwrap();
    assert_eq!(caller.answer().unwrap().status, 200);
}

/// An API of gRPC that refuses the first token that it sees, in this way, and takes any other.
fn grpc_api(bare: bool) -> ManyApi {
    let first = Mutex::new(None::<HeaderValue>);
    ManyApi::start(move |_, (request, mut answer)| {
        let token = request.headers()["authorization"].clone();
        let is_refused = *first.lock().unwrap().get_or_insert_with(|| token.clone()) == token;
        Box::pin(async move {
            let (body, _) = read(&mut request.into_body()).await.unwrap_or_default();
            let media_type = ("content-type", "application/grpc");
            let status = if is_refused { "16" } else { "0" };
            if is_refused && bare {
                return say(&mut answer, 200, &[media_type, ("grpc-status", status)], b"").await;
            }
            let head = http::Response::builder().header(media_type.0, media_type.1).body(()).unwrap();
            let mut stream = answer.send_response(head, false).unwrap();
            write(&mut stream, &body, false).await;
            let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
            stream.send_trailers(trailers).unwrap();
        })
    })
}

async fn call(running: &Running) -> crate::many::Whole {
    let caller = Many::new(running).await;
    let request = caller.request("POST", "/shop.Shop/Sell");
    let request = request.header("content-type", "application/grpc+proto").header("te", "trailers");
    caller.send(request.body(()).unwrap(), b"\0\0\0\0\x02hi", None).await.unwrap()
}

#[test]
fn a_refusal_of_grpc_behind_its_200_is_one_and_the_call_is_made_again() {
    let server = Server::start().unwrap();
    let api = grpc_api(true);
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()).http2(true));
    let answer = run(call(&running));
    let status = answer.trailers.as_ref().map(|trailers| trailers["grpc-status"].clone());
    assert_eq!((answer.status(), status.unwrap().to_str().unwrap()), (200, "0"));
    assert_eq!(answer.body, b"\0\0\0\0\x02hi");
    assert_eq!(server.counts().token_requests, 2);
    assert_eq!(running.counts().replays, [1, 0, 0]);
}

#[test]
fn a_refusal_of_grpc_behind_messages_is_handed_on() {
    let server = Server::start().unwrap();
    let api = grpc_api(false);
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()).http2(true));
    let answer = run(call(&running));
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "16");
    assert_eq!(api.heads().len(), 1);
}

#[test]
fn an_answer_of_our_own_to_grpc_is_a_head_alone() {
    let running = serve(route_to("http://127.0.0.1:1", fixed()).http2(true));
    let answer = run(call(&running));
    assert_eq!((answer.status(), answer.body.len()), (502, 0), "{answer:?}");
    assert!(answer.field("proxy-status").unwrap().contains("connection_refused"));
    assert_eq!(answer.field("content-length"), None);
}
