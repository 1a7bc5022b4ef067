//! A server of raw bytes on loopback: it says what no HTTP library would, and counts what it hears and what is taken
//! of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A server that plays a script on every connection. It ends, with all of its connections, when it is dropped.
#[derive(Debug)]
pub struct Raw {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    connections: AtomicU64,
    sent: AtomicU64,
    /// One entry for each connection: what was read of it.
    heard: Mutex<Vec<Vec<u8>>>,
    open: Mutex<Vec<TcpStream>>,
}

impl Raw {
    /// Plays `script` on every connection, each on a thread of its own; the connection ends with it.
    ///
    /// # Panics
    /// No port can be had.
    pub fn serve(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound");
        let (shared, script) = (Arc::new(Shared::default()), Arc::new(script));
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(handle) = stream.try_clone() {
                    lock(&accepting.open).push(handle);
                }
                let at = usize::try_from(accepting.connections.fetch_add(1, Ordering::SeqCst));
                lock(&accepting.heard).push(Vec::new());
                let shared = Arc::clone(&accepting);
                let mut connection = Connection { stream, shared, at: at.unwrap_or_default() };
                let script = Arc::clone(&script);
                thread::spawn(move || script(&mut connection));
            }
        });
        Self { address, shared }
    }

    /// Reads a request and answers with these bytes, on every connection.
    pub fn answer(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::serve(move |connection| {
            if connection.request().is_some() {
                connection.send(&bytes);
            }
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token endpoint there.
    pub fn token_endpoint(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many bytes were taken of it, by the client or by what the system buffers for it.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// What was read of each connection.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.heard).clone()
    }

    /// Whether somebody read or wrote `text` there.
    pub fn heard_of(&self, text: &str) -> bool {
        self.heard().iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // The one that waits for connections gets one; those that read or write get their end.
        drop(TcpStream::connect(self.address));
        for stream in lock(&self.shared.open).drain(..) {
            let _gone_already = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A connection of a [`Raw`].
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    at: usize,
}

impl Connection {
    /// Which connection it is, from 0.
    pub fn number(&self) -> usize {
        self.at
    }

    /// The socket, for those who speak another protocol on it.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The next request, head and body; `None` when the client has gone, or speaks no HTTP.
    pub fn request(&mut self) -> Option<String> {
        let mut request = Vec::new();
        while !is_whole(&request) {
            request.extend(self.read()?);
        }
        Some(String::from_utf8_lossy(&request).into_owned())
    }

    /// What the client sends next; `None` when it has gone.
    pub fn read(&mut self) -> Option<Vec<u8>> {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(0) | Err(_) => None,
            Ok(read) => {
                let piece = piece[..read].to_vec();
                if let Some(heard) = lock(&self.shared.heard).get_mut(self.at) {
                    heard.extend_from_slice(&piece);
                }
                Some(piece)
            }
        }
    }

    /// Sends these bytes; false when the client has gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        let sent = !self.shared.over.load(Ordering::SeqCst) && self.stream.write_all(bytes).is_ok();
        if sent {
            self.shared.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        }
        sent
    }

    /// Sends these bytes again and again until the client has gone.
    pub fn send_without_end(&mut self, bytes: impl AsRef<[u8]>) {
        while self.send(&bytes) {}
    }

    /// Sends these bytes one at a time, with a pause before each, and then `last` until the client has gone.
    pub fn drip(&mut self, bytes: impl AsRef<[u8]>, last: &[u8], pause: Duration) {
        for byte in bytes.as_ref() {
            thread::sleep(pause);
            if !self.send([*byte]) {
                return;
            }
        }
        while self.send(last) {
            thread::sleep(pause);
        }
    }

    /// Waits until the client has gone.
    pub fn wait(&mut self) {
        while self.read().is_some() {}
    }

    /// Ends our side alone.
    pub fn finish(&mut self) {
        let _gone_already = self.stream.shutdown(Shutdown::Write);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The server keeps a handle of it, which alone would leave it open.
        let _gone_already = self.stream.shutdown(Shutdown::Both);
    }
}

/// Waits until `met`, for as long as waiting makes sense.
///
/// # Panics
/// It is never met.
#[track_caller]
pub fn wait_until(what: &str, met: impl Fn() -> bool) {
    let began = Instant::now();
    while !met() {
        assert!(began.elapsed() < crate::LONG, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether this is a request with all of its body.
pub fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
    body.len() >= head.lines().find_map(length).unwrap_or(0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
