//! Links in the bodies of answers, and the programs that follow them.

use crate::api::{After, Api, Arrived, say};
use crate::fixture::{Answer, Caller, address, fixed, serve, serve_with, until};
use evergrant_gateway::{Gateway, LogFormat, LogMode, Route, Running, Upstream};
use serde_json::Value;
use std::collections::HashSet;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// How the API calls itself, which no test could reach.
const OWN: &str = "https://api.example.com";
const ALIAS: &str = "https://sandbox-api.example.com";

/// A route with links, to an API whose own URL is not where it is.
fn route(api: &Api) -> Route {
    let upstream = Upstream::parse(&api.origin()).unwrap();
    let aliases = [OWN, ALIAS].map(|url| Upstream::parse(url).unwrap());
    Route::new("/", upstream, fixed()).unwrap().links(aliases)
}

/// Which of the pages was asked for, with brackets as they are.
fn page(arrived: &Arrived) -> usize {
    let query = arrived.target().split_once('?').map_or("", |(_, query)| query);
    query.split('&').find_map(|pair| pair.strip_prefix("page[number]=")?.parse().ok()).unwrap_or(1)
}

/// Three pages of JSON:API, as PHP writes them: with `\/`, in pieces that end anywhere.
fn three_pages(arrived: &Arrived, stream: &mut TcpStream) -> After {
    let page = page(arrived);
    let link = |page: usize| {
        format!(r"https:\/\/sandbox-api.example.com\/shipments?page[number]={page}&page[size]=2")
    };
    let next = if page < 3 { format!(r#""{}""#, link(page + 1)) } else { "null".into() };
    let body = format!(
        r#"{{"data":[{{"id":"{page}a","links":{{"self":"https:\/\/api.example.com\/shipments\/{page}a"}}}},{{"id":"{page}b"}}],
"meta":{{"docs":"https:\/\/api.example.com\/docs"}},"links":{{"self":"{}","next":{next}}}}}"#,
        link(page)
    );
    say(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.api+json\r\nETag: \"1\"\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for piece in body.as_bytes().chunks(11) {
        say(stream, &format!("{:x}\r\n", piece.len()));
        let _gone = stream.write_all(piece);
        say(stream, "\r\n");
    }
    say(stream, "0\r\n\r\n");
    After::KeepOpen
}

/// As MyParcel.com's PHP SDK pages: it follows `links.next`, and puts its own base before whatever does not begin with it.
fn all(running: &Running, base: &str, first: &str) -> Vec<String> {
    let mut caller = Caller::new(running);
    let (mut ids, mut seen, mut next) = (Vec::new(), HashSet::new(), Some(first.to_owned()));
    while let Some(link) = next {
        assert!(seen.insert(link.clone()), "{link} once more");
        let url = if link.starts_with(base) { link } else { format!("{base}{link}") };
        let answer = caller.get(url.strip_prefix(base).unwrap());
        assert_eq!(answer.status, 200, "{url}: {answer:?}");
        let page: Value = serde_json::from_slice(&answer.body).unwrap();
        for item in page["data"].as_array().unwrap() {
            ids.push(item["id"].as_str().unwrap().to_owned());
        }
        next = page["links"]["next"].as_str().map(str::to_owned);
    }
    ids
}

#[test]
fn an_sdk_that_follows_links_goes_through_all_pages() {
    let api = Api::start(three_pages);
    let running = serve(route(&api));
    let base = format!("http://{}", address(&running));
    assert_eq!(all(&running, &base, "/shipments?page[size]=2"), ["1a", "1b", "2a", "2b", "3a", "3b"]);
    let targets: Vec<String> = api.arrived().iter().map(|arrived| arrived.target().to_owned()).collect();
    assert_eq!(
        targets,
        [
            "/shipments?page[size]=2",
            "/shipments?page[number]=2&page[size]=2",
            "/shipments?page[number]=3&page[size]=2"
        ]
    );
    for arrived in api.arrived() {
        assert_eq!(arrived.field("authorization"), Some("Bearer a-token-for-the-test"));
    }
    let answer = Caller::new(&running).get("/shipments");
    assert_eq!(answer.field("etag"), Some("\"1\""));
    let text = answer.text();
    // Elsewhere every byte is as it was.
    assert!(text.contains(r#""meta":{"docs":"https:\/\/api.example.com\/docs"}"#), "{text}");
    assert!(text.contains(&format!(r#"{{"self":"{base}/shipments\/1a"}}"#)), "{text}");
}

#[test]
fn without_it_links_stay_as_they_are() {
    let api = Api::start(three_pages);
    let running = serve(Route::new("/", Upstream::parse(&api.origin()).unwrap(), fixed()).unwrap());
    let answer = Caller::new(&running).get("/shipments");
    assert!(answer.text().contains(r#""next":"https:\/\/sandbox-api.example.com\/shipments?"#), "{answer:?}");
}

#[test]
fn the_base_has_the_host_that_was_asked_for_and_the_path_of_a_route_that_is_stripped() {
    let own = Arc::new(OnceLock::<String>::new());
    let url = Arc::clone(&own);
    let api = Api::start(move |_, stream| {
        let body = format!(r#"{{"links":{{"a":"{}/v1/b?c","d":"{0}/v2/e"}}}}"#, url.get().unwrap());
        json(stream, "", &body)
    });
    own.set(api.origin()).unwrap();
    let upstream = || Upstream::parse(&format!("{}/v1", api.origin())).unwrap();
    let stays = format!("{}/v2/e", api.origin());
    for (path, strip, expected) in
        [("/shop/", true, "/shop/b?c"), ("/shop/", false, "/b?c"), ("/", false, "/b?c")]
    {
        let running = serve(Route::new(path, upstream(), fixed()).unwrap().strip(strip).links([]));
        let mut caller = Caller::new(&running);
        let host = format!("LocalHost:{}", address(&running).port());
        caller.write(format!("GET {path}x HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
        let text = caller.answer().unwrap().text();
        let expected = format!(r#"{{"links":{{"a":"http://{host}{expected}","d":"{stays}"}}}}"#);
        assert_eq!(text, expected, "{path} {strip}");
    }
    // Nothing is below an exact path that is taken off.
    let running = serve(Route::new("/x", upstream(), fixed()).unwrap().strip(true).links([]));
    let text = Caller::new(&running).get("/x").text();
    assert!(text.contains(&format!("{}/v1/b?c", api.origin())), "{text}");
}

/// JSON with its length, and these lines in its head.
fn json(stream: &mut TcpStream, lines: &str, body: &str) -> After {
    say(
        stream,
        &format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{lines}\r\n{body}",
            body.len()
        ),
    );
    After::KeepOpen
}

const LINKS: &str = r#"{"links":{"self":"https://api.example.com/a"}}"#;

/// An API whose answers have the lines that a request names.
fn as_asked() -> Api {
    Api::start(|arrived, stream| {
        let lines: String = arrived.fields("x-line").iter().map(|line| format!("{line}\r\n")).collect();
        if arrived.method() == "HEAD" {
            say(
                stream,
                &format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nETag: \"1\"\r\n{lines}\r\n",
                    LINKS.len()
                ),
            );
            return After::KeepOpen;
        }
        json(stream, &lines, LINKS)
    })
}

fn with_line(caller: &mut Caller, line: &str) -> Answer {
    caller.send("GET", "/", &format!("X-Line: {line}\r\n"), b"");
    caller.answer().unwrap()
}

#[test]
fn what_is_coded_or_vouched_for_is_left_alone_with_its_length() {
    let api = as_asked();
    let running = serve(route(&api));
    let mut caller = Caller::new(&running);
    for line in [
        "Content-Encoding: br",
        "Content-Digest: sha-256=:AAAA:",
        "Repr-Digest: sha-256=:AAAA:",
        "Content-MD5: AAAA",
    ] {
        let answer = with_line(&mut caller, line);
        assert_eq!((answer.text().as_str(), answer.field("transfer-encoding")), (LINKS, None), "{line}");
        let length = LINKS.len().to_string();
        assert_eq!(answer.field("content-length"), Some(length.as_str()), "{line}");
    }
    let answer = with_line(&mut caller, "X-Else: 1");
    assert_eq!(answer.field("content-length"), None);
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.text(), format!(r#"{{"links":{{"self":"http://{}/a"}}}}"#, address(&running)));
}

#[test]
fn what_is_not_json_is_left_alone() {
    let api = Api::start(|_, stream| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", LINKS.len());
        say(stream, &(head + LINKS));
        After::KeepOpen
    });
    let running = serve(route(&api));
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.text().as_str(), answer.field("transfer-encoding")), (LINKS, None));
}

#[test]
fn the_answer_to_head_tells_no_length_and_keeps_its_etag() {
    let api = as_asked();
    let running = serve(route(&api));
    let mut caller = Caller::new(&running);
    for _ in 0..2 {
        caller.send("HEAD", "/", "", b"");
        let answer = caller.any_answer("HEAD").unwrap();
        assert_eq!((answer.status, answer.field("content-length")), (200, None), "{answer:?}");
        assert_eq!(answer.field("etag"), Some("\"1\""));
    }
    // The connection goes on.
    assert_eq!(with_line(&mut caller, "X-Else: 1").status, 200);
}

#[test]
fn the_api_is_asked_for_no_coding_and_no_range() {
    let api = as_asked();
    let line = "Accept-Encoding: gzip, br\r\nRange: bytes=0-1\r\nIf-Range: \"1\"\r\n";
    for (route, expected) in [
        (route(&api), (Some("identity"), None)),
        (
            Route::new("/", Upstream::parse(&api.origin()).unwrap(), fixed()).unwrap(),
            (Some("gzip, br"), Some("bytes=0-1")),
        ),
    ] {
        let running = serve(route);
        let mut caller = Caller::new(&running);
        caller.send("GET", "/", line, b"");
        assert_eq!(caller.answer().unwrap().status, 200);
        let arrived = api.arrived().pop().unwrap();
        assert_eq!((arrived.field("accept-encoding"), arrived.field("range")), expected);
        assert_eq!(arrived.field("if-range"), Some("\"1\""));
    }
}

#[test]
fn an_answer_that_streams_goes_on_as_it_comes() {
    let (told, go_on) = std::sync::mpsc::channel::<()>();
    let go_on = Mutex::new(go_on);
    let api = Api::start(move |_, stream| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n",
        );
        say(stream, "b\r\n{\"a\":\"one\",\r\n");
        let _gone = go_on.lock().unwrap().recv();
        say(
            stream,
            "1b\r\n\"links\":\"https://api.exampl\r\n8\r\ne.com/b\"\r\n1\r\n}\r\n0\r\nX-Sum: 1\r\n\r\n",
        );
        After::KeepOpen
    });
    let running = serve(route(&api));
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "TE: trailers\r\n", b"");
    let mut begin = Vec::new();
    let mut reader = caller.stream().try_clone().unwrap();
    while !begin.ends_with(b"{\"a\":\"one\",\r\n") {
        let mut byte = [0];
        io::Read::read_exact(&mut reader, &mut byte).unwrap();
        begin.extend(byte);
    }
    told.send(()).unwrap();
    let mut rest = Vec::new();
    while !rest.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        io::Read::read_exact(&mut reader, &mut byte).unwrap();
        rest.extend(byte);
    }
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains(&format!("http://{}/b", address(&running))), "{rest}");
    // Trailers pass.
    assert!(rest.to_ascii_lowercase().ends_with("0\r\nx-sum: 1\r\n\r\n"), "{rest}");
}

#[test]
fn json_that_breaks_off_goes_on_to_its_last_byte() {
    for length in [false, true] {
        let api = Api::start(move |_, stream| {
            const BODY: &str = "{\"links\":\"https://api.example.com/a";
            if length {
                return json(stream, "", BODY);
            }
            say(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n",
            );
            say(
                stream,
                &format!(
                    "{:x}\r\n{BODY}\r\n0\r\nX-Sum: 1\r\nContent-Digest: sha-256=:AAAA:\r\n\r\n",
                    BODY.len()
                ),
            );
            After::KeepOpen
        });
        let running = serve(route(&api));
        let mut caller = Caller::new(&running);
        for _ in 0..2 {
            caller.send("GET", "/", "TE: trailers\r\n", b"");
            let text = caller.answer().unwrap().text().to_ascii_lowercase();
            let trailers = if length { "" } else { "x-sum: 1\r\n" };
            assert_eq!(text, format!("{{\"links\":\"https://api.example.com/a{trailers}"), "{length}");
        }
        assert_eq!(api.connections(), 1, "its connection is used again");
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_counts_the_bytes_that_leave() {
    let (api, sink) = (as_asked(), Sink::default());
    let builder = Gateway::builder().route(route(&api));
    let running = serve_with(builder.log(LogMode::All, LogFormat::Json, sink.clone()));
    let length = Caller::new(&running).get("/").body.len();
    assert_ne!(length, LINKS.len());
    until("it is counted", || running.counts().requests == 1);
    running.drain(Duration::ZERO);
    running.wait();
    let line: Value = serde_json::from_slice(&sink.0.lock().unwrap()).unwrap();
    assert_eq!(line["bytes_out"], length);
}
