//! An API that says what a test wants, and remembers every byte that it got.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// What came behind the last chunk.
    pub(crate) trailers: String,
}

impl Arrived {
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Arrived {
    /// All fields of this name.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }
}

/// What a handler does with the connection afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum After {
    KeepOpen,
    Close,
}

type Handler = dyn Fn(&Arrived, &mut TcpStream) -> After + Send + Sync;

/// An API that says what a test wants.
pub(crate) struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    arrived: Mutex<Vec<Arrived>>,
    bytes: AtomicUsize,
    connections: AtomicUsize,
    open: AtomicUsize,
    is_over: AtomicBool,
    handler: Box<Handler>,
    /// Whether the body is read before the handler is asked.
    reads_bodies: bool,
}

impl Api {
    /// Answers each request whole with what the handler writes.
    pub(crate) fn start(handler: impl Fn(&Arrived, &mut TcpStream) -> After + Send + Sync + 'static) -> Self {
        Self::begin(true, Box::new(handler))
    }

    /// Asks the handler as soon as the head is here.
    pub(crate) fn early(handler: impl Fn(&Arrived, &mut TcpStream) -> After + Send + Sync + 'static) -> Self {
        Self::begin(false, Box::new(handler))
    }

    fn begin(reads_bodies: bool, handler: Box<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            arrived: Mutex::default(),
            bytes: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            handler,
            reads_bodies,
        });
        let of_listener = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if of_listener.is_over.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&of_listener);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                shared.open.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || {
                    let _ended = serve(&shared, stream);
                    shared.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { address, shared }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// How many bytes came.
    pub(crate) fn bytes(&self) -> usize {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many of them are open.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(self.address);
    }
}

/// `200 OK` with this body.
pub(crate) fn ok(stream: &mut TcpStream, body: &[u8]) -> After {
    say(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
    let _gone = stream.write_all(body);
    After::KeepOpen
}

/// 401, with a challenge that says that the token is invalid.
pub(crate) fn refuse(stream: &mut TcpStream) -> After {
    let body = r#"{"errors":[{"title":"no","detail":"the token was revoked"}]}"#;
    say(
        stream,
        &format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    After::KeepOpen
}

pub(crate) fn say(stream: &mut TcpStream, text: &str) {
    let _gone = stream.write_all(text.as_bytes());
}

fn serve(shared: &Shared, mut stream: TcpStream) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    stream.set_nodelay(true).ok()?;
    let mut unread = Vec::new();
    loop {
        let end = fill(shared, &mut stream, &mut unread, |bytes| {
            bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
        })?;
        let head: Vec<u8> = unread.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut arrived = Arrived { head, body: Vec::new(), trailers: String::new() };
        if shared.reads_bodies {
            read_body(shared, &mut stream, &mut unread, &mut arrived)?;
        }
        shared.arrived.lock().unwrap().push(arrived.clone());
        if (shared.handler)(&arrived, &mut stream) == After::Close {
            return None;
        }
    }
}

fn read_body(
    shared: &Shared,
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    arrived: &mut Arrived,
) -> Option<()> {
    if arrived.field("transfer-encoding").is_some() {
        loop {
            let end = fill(shared, stream, unread, |bytes| {
                bytes.windows(2).position(|window| window == b"\r\n").map(|at| at + 2)
            })?;
            let line: Vec<u8> = unread.drain(..end).collect();
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
            if size == 0 {
                loop {
                    let end = fill(shared, stream, unread, |bytes| {
                        bytes.windows(2).position(|window| window == b"\r\n").map(|at| at + 2)
                    })?;
                    let line: Vec<u8> = unread.drain(..end).collect();
                    if line == b"\r\n" {
                        return Some(());
                    }
                    arrived.trailers += &String::from_utf8_lossy(&line);
                }
            }
            fill(shared, stream, unread, |bytes| (bytes.len() >= size + 2).then_some(()))?;
            arrived.body.extend(unread.drain(..size));
            unread.drain(..2);
        }
    }
    let length = arrived.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    fill(shared, stream, unread, |bytes| (bytes.len() >= length).then_some(()))?;
    arrived.body = unread.drain(..length).collect();
    Some(())
}

fn fill<T>(
    shared: &Shared,
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    mut done: impl FnMut(&[u8]) -> Option<T>,
) -> Option<T> {
    loop {
        if let Some(found) = done(unread) {
            return Some(found);
        }
        let mut piece = [0; 16 * 1024];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(read) => {
                shared.bytes.fetch_add(read, Ordering::Relaxed);
                unread.extend_from_slice(&piece[..read]);
            }
        }
    }
}
