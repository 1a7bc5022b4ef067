//! Ten thousand requests that wait in the gateway for one token, beside as many through a bare proxy that need not wait.
//!
//!     cargo build --release -p evergrant-bench --example gateway --example bare_proxy
//!     cargo run --release -p evergrant-bench --example queued -- 10000 5
//!
//! Callers, token endpoint and API are this process. Every caller has a connection of its own, made before. To the gateway all send
//! their requests while the token endpoint is silent; the time is from its answer until the last head has arrived at the API. To the bare
//! proxy all send at once, and the time is from there: what the gateway has read already it must still read.

// An example shows what it does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use rustix::process::{Resource, getrlimit, setrlimit};
use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whatever does not happen within this does not happen.
const LIMIT: Duration = Duration::from_secs(60);
/// Files beside two for each request.
const SPARE: u64 = 200;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";

fn main() -> Result<(), BoxError> {
    let mut words = env::args().skip(1).map(|word| word.parse());
    let (asked, rounds) = (words.next().unwrap_or(Ok(10_000))?, words.next().unwrap_or(Ok(5))?);
    let many = asked.min(room());
    if many < asked {
        eprintln!("queued: {many} requests, as the limit of open files allows no more");
    }
    Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(rounds_of(many, rounds))
}

/// For how many requests there are files: each is two connections. The limit is raised as far as it may be, for the proxies too.
fn room() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What cannot be raised stays.
    let _same = setrlimit(Resource::Nofile, limit);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(SPARE) / 2).unwrap_or(usize::MAX)
}

async fn rounds_of(many: usize, rounds: usize) -> Result<(), BoxError> {
    let (mut queued, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        queued.push(through_gateway(many).await?);
        bare.push(through_bare_proxy(many).await?);
        if let (Some(queued), Some(bare)) = (queued.last(), bare.last()) {
            eprintln!("queued: round {round}: gateway {queued:.1?}, bare proxy {bare:.1?}");
        }
    }
    let mut ratios: Vec<_> =
        queued.iter().zip(&bare).map(|(one, other)| one.as_secs_f64() / other.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    println!("| {many} requests, until the last has left | ms, median of {rounds} | x the bare proxy |");
    println!("|---|---|---|");
    println!("| bare proxy, they need not wait | {:.0} | 1.00 |", median(&mut bare));
    println!(
        "| gateway, from the landing of the token | {:.0} | {:.2} |",
        median(&mut queued),
        ratios.get(rounds / 2).copied().unwrap_or_default()
    );
    Ok(())
}

/// In milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e3
}

async fn through_gateway(many: usize) -> Result<Duration, BoxError> {
    let (api, address) = Api::start().await?;
    let (endpoint, granted) = Endpoint::start().await?;
    let (listen, admin) = (free()?, free()?);
    let words = [
        listen.to_string(),
        format!("http://{address}"),
        format!("http://{endpoint}/token"),
        admin.to_string(),
    ];
    let _proxy = Proxy::start("gateway", &words)?;
    let callers = Callers::connect(many, listen).await?;
    callers.go.send_replace(true);
    until("all requests wait", async || waiting(admin).await.is_some_and(|waiting| waiting == many)).await?;
    let began = Instant::now();
    granted.send_replace(true);
    callers.answered().await?;
    Ok(api.last_head().saturating_duration_since(began))
}

async fn through_bare_proxy(many: usize) -> Result<Duration, BoxError> {
    let (api, address) = Api::start().await?;
    let listen = free()?;
    let _proxy = Proxy::start("bare_proxy", &[listen.to_string(), format!("http://{address}")])?;
    let callers = Callers::connect(many, listen).await?;
    let began = Instant::now();
    callers.go.send_replace(true);
    callers.answered().await?;
    Ok(api.last_head().saturating_duration_since(began))
}

/// A port that is free now.
fn free() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) -> Result<(), BoxError> {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, waiting).await.map_err(|_| format!("in vain: {what}").into())
}

/// How many requests wait for a token, as the gateway's metrics say.
async fn waiting(admin: SocketAddr) -> Option<usize> {
    let mut stream = TcpStream::connect(admin).await.ok()?;
    let head = format!("GET /metrics HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.ok()?;
    text.lines().find_map(|line| line.strip_prefix("evergrant_gateway_queue_depth "))?.trim().parse().ok()
}

/// An example beside this one, until it is dropped.
struct Proxy(Child);

impl Proxy {
    fn start(example: &str, words: &[String]) -> io::Result<Self> {
        let program = env::current_exe()?.with_file_name(example);
        Command::new(program).args(words).stdin(Stdio::null()).spawn().map(Self)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It has ended, or does now.
        let _ended = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// An API that notes when the last head came.
struct Api {
    start: Instant,
    /// Nanoseconds after the start.
    last: AtomicU64,
}

impl Api {
    async fn start() -> io::Result<(Arc<Self>, SocketAddr)> {
        let api = Arc::new(Self { start: Instant::now(), last: AtomicU64::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, known) = (listener.local_addr()?, Arc::clone(&api));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let api = Arc::clone(&api);
                tokio::spawn(async move { api.serve(stream).await });
            }
        });
        Ok((known, address))
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut head = Vec::with_capacity(2048);
        while stream.read_buf(&mut head).await? > 0 {
            if head.ends_with(b"\r\n\r\n") {
                let after = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.last.fetch_max(after, Ordering::Relaxed);
                head.clear();
                stream.write_all(OK).await?;
            }
        }
        Ok(())
    }

    fn last_head(&self) -> Instant {
        self.start + Duration::from_nanos(self.last.load(Ordering::Relaxed))
    }
}

/// A token endpoint that says nothing until it is told to.
struct Endpoint;

impl Endpoint {
    async fn start() -> io::Result<(SocketAddr, watch::Sender<bool>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (granted, told) = watch::channel(false);
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Self::answer(stream, told.clone()));
            }
        });
        Ok((address, granted))
    }

    async fn answer(mut stream: TcpStream, mut told: watch::Receiver<bool>) -> io::Result<()> {
        let token = "a".repeat(1024);
        let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.read_buf(&mut Vec::with_capacity(4096)).await?;
        // The one that tells has gone at the end of a round.
        let _gone = told.wait_for(|is_granted| *is_granted).await.map(drop);
        stream.write_all(answer.as_bytes()).await?;
        // The rest of the request, if it came in pieces, and then its end.
        while stream.read_buf(&mut Vec::with_capacity(4096)).await? > 0 {}
        Ok(())
    }
}

/// Those who send one request each.
struct Callers {
    go: watch::Sender<bool>,
    calls: JoinSet<io::Result<()>>,
}

impl Callers {
    /// Makes their connections.
    async fn connect(many: usize, address: SocketAddr) -> Result<Self, BoxError> {
        until("the proxy listens", async || TcpStream::connect(address).await.is_ok()).await?;
        let (go, told) = watch::channel(false);
        let (at_once, made) = (Arc::new(Semaphore::new(64)), Arc::new(AtomicUsize::new(0)));
        let mut calls = JoinSet::new();
        for _ in 0..many {
            let (at_once, made, mut told) = (Arc::clone(&at_once), Arc::clone(&made), told.clone());
            calls.spawn(async move {
                let place = at_once.acquire().await;
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                drop(place);
                made.fetch_add(1, Ordering::Relaxed);
                let _gone = told.wait_for(|is_told| *is_told).await.map(drop);
                let head =
                    format!("GET /shipments HTTP/1.1\r\nhost: {address}\r\nuser-agent: queued\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                let mut answer = Vec::with_capacity(1024);
                while !answer.ends_with(b"ok\n") && stream.read_buf(&mut answer).await? > 0 {}
                let is_good = answer.starts_with(b"HTTP/1.1 200 ");
                is_good
                    .then_some(())
                    .ok_or_else(|| io::Error::other(String::from_utf8_lossy(&answer).into_owned()))
            });
        }
        until("all are connected", async || made.load(Ordering::Relaxed) == many).await?;
        // The last of them are still being accepted.
        sleep(Duration::from_millis(100)).await;
        Ok(Self { go, calls })
    }

    /// Waits until each has its answer.
    async fn answered(mut self) -> Result<(), BoxError> {
        let all = async {
            while let Some(answered) = self.calls.join_next().await {
                answered??;
            }
            Ok(())
        };
        timeout(LIMIT, all).await?
    }
}
