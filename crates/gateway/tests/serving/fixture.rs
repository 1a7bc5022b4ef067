//! A gateway in front of a mock, and callers that write what they like.

use evergrant_gateway::{Address, Gateway, GatewayBuilder, Limits, Listener, Route, Running, Upstream};
use evergrant_mock::Server;
use evergrant_tokio_reqwest::{Client, ClientAuth, Policy, Provider, Tokens, TokensBuilder};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Whatever should happen at once has happened by then, however slow the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn tokens(server: &Server) -> TokensBuilder {
    // Another test may have been first.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    let client = Client::builder(provider, auth).build().unwrap();
    Tokens::builder(client).proxy(None).policy(Policy::new().with_max_waiters(1024))
}

/// A source that never asks.
pub(crate) fn fixed() -> Tokens {
    Tokens::fixed("a-token-for-the-test").unwrap()
}

/// A route from everywhere to the mock's API.
pub(crate) fn route(server: &Server) -> Route {
    route_to(&server.origin(), tokens(server).build().unwrap())
}

pub(crate) fn route_to(origin: &str, tokens: Tokens) -> Route {
    Route::new("/", Upstream::parse(origin).unwrap(), tokens).unwrap()
}

/// A gateway with this route and two workers, on a free port.
pub(crate) fn serve(route: Route) -> Running {
    serve_with(Gateway::builder().route(route))
}

pub(crate) fn serve_with(builder: GatewayBuilder) -> Running {
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap());
    builder.workers(2).build().unwrap().serve(&[listener]).unwrap()
}

pub(crate) fn limited(route: Route, limits: Limits) -> Running {
    serve_with(Gateway::builder().route(route).limits(limits))
}

/// Where it listens.
pub(crate) fn address(running: &Running) -> SocketAddr {
    match running.addresses().first() {
        Some(Address::Tcp(address)) => *address,
        other => panic!("{other:?}"),
    }
}

/// A thousand callers need some thousands of handles.
pub(crate) fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A log that the test reads.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A caller, byte by byte.
pub(crate) struct Caller {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// What a caller gets.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The member `sent` of an answer of ours.
    pub(crate) fn sent(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        problem["sent"].as_str().map(str::to_owned)
    }

    /// The last part of the type of an answer of ours.
    pub(crate) fn problem(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        problem["type"].as_str()?.rsplit(':').next().map(str::to_owned)
    }
}

impl Caller {
    pub(crate) fn new(running: &Running) -> Self {
        Self::at(address(running))
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// What came already and belongs to no answer.
    pub(crate) fn unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// A request with these lines behind Host, and this body.
    pub(crate) fn send(&mut self, method: &str, target: &str, lines: &str, body: &[u8]) {
        let host = self.stream.peer_addr().unwrap();
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}{length}\r\n");
        self.write([head.as_bytes(), body].concat()).unwrap();
    }

    /// A GET and what comes of it.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, "", b"");
        self.answer().unwrap()
    }

    pub(crate) fn post(&mut self, target: &str, body: &[u8]) -> Answer {
        self.send("POST", target, "", body);
        self.answer().unwrap()
    }

    /// The next answer. Interim ones are left out.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        loop {
            let answer = self.any_answer("GET")?;
            if answer.status >= 200 {
                return Ok(answer);
            }
        }
    }

    pub(crate) fn any_answer(&mut self, method: &str) -> io::Result<Answer> {
        let end =
            self.fill(|bytes| bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4))?;
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut answer = Answer { status, head, body: Vec::new() };
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Ok(answer);
        }
        answer.body = if answer.field("transfer-encoding").is_some() {
            self.chunks()?
        } else if let Some(length) = answer.field("content-length") {
            let length = length.parse().unwrap();
            self.fill(|bytes| (bytes.len() >= length).then_some(()))?;
            self.unread.drain(..length).collect()
        } else {
            let mut rest = std::mem::take(&mut self.unread);
            self.stream.read_to_end(&mut rest)?;
            rest
        };
        Ok(answer)
    }

    /// A chunked body; trailers are left behind its bytes.
    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.fill(|bytes| bytes.windows(2).position(|window| window == b"\r\n"))?;
            let line: Vec<u8> = self.unread.drain(..end + 2).collect();
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).unwrap();
            if size == 0 {
                let end = self.fill(|bytes| {
                    if bytes.starts_with(b"\r\n") {
                        return Some(2);
                    }
                    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
                })?;
                body.extend(self.unread.drain(..end).take(end - 2));
                return Ok(body);
            }
            self.fill(|bytes| (bytes.len() >= size + 2).then_some(()))?;
            body.extend(self.unread.drain(..size));
            self.unread.drain(..2);
        }
    }

    fn fill<T>(&mut self, mut done: impl FnMut(&[u8]) -> Option<T>) -> io::Result<T> {
        loop {
            if let Some(found) = done(&self.unread) {
                return Ok(found);
            }
            let mut piece = [0; 16 * 1024];
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.unread.extend_from_slice(&piece[..read]),
            }
        }
    }

    /// Whether the gateway closes the connection, with nothing more than what came.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut piece = [0; 1024];
        matches!(self.stream.read(&mut piece), Ok(0) | Err(_))
    }
}
