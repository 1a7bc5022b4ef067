//! A token endpoint on loopback that any peer can talk to: every POST, whatever its path, is answered with a token.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The length of its tokens, in bytes.
const TOKEN: usize = 1024;
/// No request of a token cache is longer, and no client takes longer to send one.
const LONGEST_BODY: usize = 64 * 1024;
const LONGEST_READ: Duration = Duration::from_secs(30);

/// The server. Every answer closes its connection; dropping the server stops it.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    settings: Mutex<Settings>,
    released: Condvar,
    requests: AtomicU64,
    /// Those that have no answer yet, and the most there were of them.
    busy: AtomicUsize,
    most_at_once: AtomicUsize,
    stopping: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    expires_in: u64,
    delay: Duration,
    fails: bool,
    held: bool,
}

impl Server {
    /// Starts one that answers at once, with tokens of an hour.
    ///
    /// # Errors
    /// No port of loopback can be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let settings = Settings { expires_in: 3600, delay: Duration::ZERO, fails: false, held: false };
        let shared = Arc::new(Shared {
            settings: Mutex::new(settings),
            released: Condvar::new(),
            requests: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), theirs) = (stream, Arc::clone(&theirs)) else { continue };
                // What goes wrong on a connection is the client's to see.
                let job = move || drop(theirs.serve(stream));
                drop(thread::Builder::new().stack_size(128 * 1024).spawn(job));
            }
        });
        Ok(Self { shared, address })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where a peer that can be told asks.
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.origin())
    }

    /// What it says from now on: the life of its tokens, in seconds, and how long it takes to answer.
    pub fn grants(&self, expires_in: u64, delay: Duration) {
        self.set(|settings| {
            *settings = Settings { expires_in, delay, fails: false, held: false };
        });
    }

    /// From now on it answers 503, after this long.
    pub fn fails(&self, delay: Duration) {
        self.set(|settings| {
            settings.fails = true;
            settings.delay = delay;
        });
    }

    /// From now on it holds its answers back, until they are released.
    pub fn hold(&self) {
        self.set(|settings| settings.held = true);
    }

    /// Lets all of them go.
    pub fn release(&self) {
        self.set(|settings| settings.held = false);
    }

    /// The requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The most requests that had no answer at one moment.
    pub fn most_at_once(&self) -> usize {
        self.shared.most_at_once.load(Ordering::SeqCst)
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.settings());
        self.shared.released.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.release();
        // The listener sees it with the next connection.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(LONGEST_READ))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(&stream);
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                // The first line has no colon in a request of ours; the last one is empty.
                if line.trim_end().is_empty() { break } else { continue }
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(LONGEST_BODY + 1);
            }
        }
        if length > LONGEST_BODY {
            return Err(io::ErrorKind::InvalidData.into());
        }
        reader.read_exact(&mut vec![0; length])?;

        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(busy, Ordering::SeqCst);
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let held = self.released.wait_while(self.settings(), |settings| settings.held);
        let settings = *held.unwrap_or_else(PoisonError::into_inner);
        thread::sleep(settings.delay);
        let (status, body) = if settings.fails {
            // In the words of each family of peers: RFC 6749's, and Entra's.
            let body =
                r#"{"error":"temporarily_unavailable","error_description":"down","error_codes":[90006]}"#;
            ("503 Service Unavailable", body.to_owned())
        } else {
            let life = settings.expires_in;
            let body = format!(
                r#"{{"access_token":"{number:0>TOKEN$}","token_type":"Bearer","expires_in":{life},"ext_expires_in":{life}}}"#
            );
            ("200 OK", body)
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        // Before the answer leaves: whoever has it may ask again at once.
        self.busy.fetch_sub(1, Ordering::SeqCst);
        (&stream).write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())
    }
}
