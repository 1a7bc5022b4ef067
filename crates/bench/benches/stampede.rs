//! Thousands of callers without a token, and one answer: how many requests they make, when the last of them goes on, and what
//! waiting takes.
//!
//!     cargo bench -p evergrant-bench --bench stampede
//!
//! The floor is the same callers on a bare notification, set off by whoever reads the same answer from a bare socket. Sides
//! take turns; times are from the moment the server lets its answer go.

// A bench shows what it measures.
#![allow(clippy::print_stdout)]

use evergrant_async_std::AsyncStd;
use evergrant_bench::allocations::Watch;
use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
use evergrant_mock::{Endpoint, Server};
use std::env;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a floor with a timer would wait: the patience of a policy.
const PATIENCE: Duration = Duration::from_secs(30);
/// No round takes longer on the busiest machine.
const LONGEST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(1);

fn main() -> Result<(), Box<dyn Error>> {
    // Without `--bench`, as when tests are run, it is tried on a few.
    let (tasks, threads, rounds) =
        if env::args().any(|word| word == "--bench") { (10_000, 1000, 15) } else { (50, 20, 1) };
    // async-std reads this once, when its executor starts.
    let workers = env::var("ASYNC_STD_THREAD_COUNT").unwrap_or_else(|_| "one per core".into());
    let _first = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start()?;
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;

    let on = tokio.handle();
    let sides = [
        Side::new("bare `Notify`", |board| {
            let notify = Arc::new(Notify::new());
            for _ in 0..board.callers {
                on.spawn(notified(Arc::clone(&notify), Arc::clone(board)));
            }
            floor(board, move || notify.notify_waiters())
        }),
        Side::new("`Notify` and a timer each", |board| {
            let notify = Arc::new(Notify::new());
            for _ in 0..board.callers {
                let waiting = notified(Arc::clone(&notify), Arc::clone(board));
                on.spawn(async { tokio::time::timeout(PATIENCE, waiting).await });
            }
            floor(board, move || notify.notify_waiters())
        }),
        Side::new("evergrant-tokio-reqwest", |board| {
            let tokens = evergrant_tokio_reqwest::Tokens::new(client(&board.endpoint)?)?;
            for _ in 0..board.callers {
                let (tokens, board) = (tokens.clone(), Arc::clone(board));
                on.spawn(async move { board.serve(tokens.authorization().await.is_ok()) });
            }
            Ok(Waiting(Box::new(move || tokens.status().waiting)))
        }),
    ];
    print(&format!("{tasks} tasks, tokio, 2 workers"), &server, &sides, tasks, rounds)?;

    let sides = [
        Side::new("bare `Notify`", |board| {
            let notify = Arc::new(Notify::new());
            for _ in 0..board.callers {
                async_std::task::spawn(notified(Arc::clone(&notify), Arc::clone(board)));
            }
            floor(board, move || notify.notify_waiters())
        }),
        Side::new("`Notify` and a timer each", |board| {
            let notify = Arc::new(Notify::new());
            for _ in 0..board.callers {
                let waiting = notified(Arc::clone(&notify), Arc::clone(board));
                async_std::task::spawn(async { async_std::future::timeout(PATIENCE, waiting).await });
            }
            floor(board, move || notify.notify_waiters())
        }),
        Side::new("evergrant-async-std", |board| {
            let tokens = evergrant_async_std::Tokens::<AsyncStd>::new(client(&board.endpoint)?)?;
            for _ in 0..board.callers {
                let (tokens, board) = (tokens.clone(), Arc::clone(board));
                async_std::task::spawn(async move { board.serve(tokens.authorization().await.is_ok()) });
            }
            Ok(Waiting(Box::new(move || tokens.status().waiting)))
        }),
    ];
    print(&format!("{tasks} tasks, async-std, workers: {workers}"), &server, &sides, tasks, rounds)?;

    let sides = [
        Side::new("bare `Condvar`", |board| {
            let answer = Arc::new((Mutex::new(false), Condvar::new()));
            for _ in 0..board.callers {
                let (answer, board) = (Arc::clone(&answer), Arc::clone(board));
                spawn(move || {
                    let (here, condition) = &*answer;
                    let waiting = here.lock().unwrap_or_else(PoisonError::into_inner);
                    board.park();
                    drop(condition.wait_while(waiting, |here| !*here));
                    board.serve(true);
                })?;
            }
            floor(board, move || {
                let (here, condition) = &*answer;
                *here.lock().unwrap_or_else(PoisonError::into_inner) = true;
                condition.notify_all();
            })
        }),
        Side::new("evergrant-ureq", |board| {
            let tokens = evergrant_ureq::Tokens::new(client(&board.endpoint)?)?;
            for _ in 0..board.callers {
                let (tokens, board) = (tokens.clone(), Arc::clone(board));
                spawn(move || board.serve(tokens.authorization().is_ok()))?;
            }
            Ok(Waiting(Box::new(move || tokens.status().waiting)))
        }),
    ];
    print(&format!("{threads} threads"), &server, &sides, threads, rounds)
}

/// Tells how many wait at this moment. What they wait on lives as long as it.
struct Waiting(Box<dyn Fn() -> usize>);

/// One way to wait.
struct Side<'a> {
    name: &'static str,
    callers: Box<dyn Callers + 'a>,
}

/// Starts the callers, and whoever sends what they wait for.
trait Callers {
    fn start(&self, board: &Arc<Board>) -> Result<Waiting, Box<dyn Error>>;
}

impl<F: Fn(&Arc<Board>) -> Result<Waiting, Box<dyn Error>>> Callers for F {
    fn start(&self, board: &Arc<Board>) -> Result<Waiting, Box<dyn Error>> {
        self(board)
    }
}

impl<'a> Side<'a> {
    fn new(
        name: &'static str,
        callers: impl Fn(&Arc<Board>) -> Result<Waiting, Box<dyn Error>> + 'a,
    ) -> Self {
        Self { name, callers: Box::new(callers) }
    }
}

/// Where callers say that they wait, and that they go on.
struct Board {
    callers: usize,
    endpoint: String,
    parked: AtomicUsize,
    served: AtomicUsize,
    failed: AtomicUsize,
    origin: Instant,
    /// In nanoseconds from the origin.
    last: AtomicU64,
}

impl Board {
    fn park(&self) {
        self.parked.fetch_add(1, Ordering::SeqCst);
    }

    fn serve(&self, well: bool) {
        let now = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.fetch_max(now, Ordering::SeqCst);
        self.failed.fetch_add(usize::from(!well), Ordering::SeqCst);
        self.served.fetch_add(1, Ordering::SeqCst);
    }
}

async fn notified(notify: Arc<Notify>, board: Arc<Board>) {
    let mut notified = pin!(notify.notified());
    notified.as_mut().enable();
    board.park();
    notified.await;
    board.serve(true);
}

/// A thread reads the answer from a bare socket and lets everyone go.
fn floor(board: &Arc<Board>, release: impl FnOnce() + Send + 'static) -> Result<Waiting, Box<dyn Error>> {
    let theirs = Arc::clone(board);
    spawn(move || {
        let answer = ask(&theirs.endpoint);
        theirs.failed.fetch_add(usize::from(answer.is_err()), Ordering::SeqCst);
        release();
    })?;
    let board = Arc::clone(board);
    Ok(Waiting(Box::new(move || board.parked.load(Ordering::SeqCst))))
}

fn spawn(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().stack_size(256 * 1024).spawn(job).map(drop)
}

fn ask(endpoint: &str) -> io::Result<Vec<u8>> {
    let authority = endpoint.split('/').nth(2).unwrap_or_default();
    let path = endpoint.splitn(4, '/').nth(3).unwrap_or_default();
    let (id, secret) = (Server::CLIENT_ID, Server::CLIENT_SECRET);
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let mut stream = TcpStream::connect(authority)?;
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if answer.starts_with(b"HTTP/1.1 200") { Ok(answer) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn client(endpoint: &str) -> Result<Client, ConfigError> {
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    Client::builder(Provider::rfc6749(endpoint)?, auth).build()
}

/// What came of one round of one side.
struct Round {
    requests: u64,
    /// From the answer's leave to the last caller.
    took: Duration,
    /// Bytes for each caller that waits.
    each: isize,
    /// Bytes at once, beyond those that were there when all waited.
    above: isize,
}

fn round(
    server: &Server,
    side: &Side<'_>,
    callers: usize,
    watch: Option<&Watch>,
) -> Result<Round, Box<dyn Error>> {
    server.reset_counts();
    let gate = server.hold(Endpoint::Token);
    let board = Arc::new(Board {
        callers,
        endpoint: server.token_endpoint(),
        parked: AtomicUsize::new(0),
        served: AtomicUsize::new(0),
        failed: AtomicUsize::new(0),
        origin: Instant::now(),
        last: AtomicU64::new(0),
    });
    let live = || watch.map_or(0, Watch::live);
    let before = live();
    let waiting = side.callers.start(&board)?;
    until(|| (waiting.0)() == callers && gate.held() > 0)?;
    let parked = live();
    if let Some(watch) = watch {
        watch.reset_peak();
    }
    let begin = board.origin.elapsed();
    gate.release();
    until(|| board.served.load(Ordering::SeqCst) == callers)?;
    if board.failed.load(Ordering::SeqCst) > 0 {
        return Err(format!("{}: not everyone was served", side.name).into());
    }
    let last = Duration::from_nanos(board.last.load(Ordering::SeqCst));
    Ok(Round {
        requests: server.counts().token_requests,
        took: last.saturating_sub(begin),
        each: (parked - before) / callers.max(1).cast_signed(),
        above: watch.map_or(0, Watch::peak) - parked,
    })
}

fn until(done: impl Fn() -> bool) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > LONGEST {
            return Err("a round took longer than a minute".into());
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn print(
    title: &str,
    server: &Server,
    sides: &[Side<'_>],
    callers: usize,
    rounds: usize,
) -> Result<(), Box<dyn Error>> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for first in 0..rounds {
        for place in 0..sides.len() {
            // Nobody is always the first.
            let place = (first + place) % sides.len();
            let round = round(server, &sides[place], callers, None)?;
            times[place].push(round.took.as_secs_f64() * 1e3);
        }
    }
    println!("### {title}: {rounds} rounds\n");
    println!(
        "| | token requests | last caller, ms: best | median | x the first | bytes per waiting caller | KiB above that |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (side, mine) in sides.iter().zip(&times) {
        // Apart from the times: following the bytes of all threads slows every one of them.
        let watch = Watch::start();
        let Round { requests, each, above, .. } = round(server, side, callers, Some(&watch))?;
        let ratio = median(mine.iter().zip(&times[0]).map(|(mine, first)| mine / first));
        let best = mine.iter().copied().fold(f64::INFINITY, f64::min);
        let typical = median(mine.iter().copied());
        println!(
            "| {} | {requests} | {best:.1} | {typical:.1} | {ratio:.2} | {each} | {} |",
            side.name,
            above / 1024
        );
    }
    println!();
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
