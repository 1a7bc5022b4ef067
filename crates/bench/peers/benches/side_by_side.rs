//! The same work through evergrant and through other token caches: one command, the whole table.
//!
//!     cargo bench --manifest-path crates/bench/peers/Cargo.toml

use evergrant_bench::allocations::Watch;
use evergrant_bench::subjects::{body, client, header_of, noon_and, opaque, response};
use evergrant_bench::{Group, Side, at_once};
use evergrant_peers::{
    Azure, Bare, Evergrant, GcpAuth, Google, GoogleKept, Hasty, Huskarl, ObjectStore, Peer, Problem, Server,
    Smithy, Static, Yup,
};
use evergrant_tokio_reqwest::ClientAuth;
use oauth2::basic::BasicTokenResponse;
use std::env;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const HOUR: u64 = 3600;
/// How long the endpoint takes where that is not what is measured.
const ANSWER: Duration = Duration::from_millis(50);
/// How long a stampede is given.
const LONGEST: Duration = Duration::from_secs(60);

/// How much of each is done: little, unless `cargo bench` says `--bench`.
#[derive(Clone, Copy)]
struct Extent {
    rounds: usize,
    callers: usize,
    outage: Duration,
    refreshing: Duration,
}

fn main() -> Result<(), Problem> {
    let extent = if env::args().any(|word| word == "--bench") {
        let (outage, refreshing) = (Duration::from_secs(10), Duration::from_secs(8));
        Extent { rounds: 7, callers: usize::MAX, outage, refreshing }
    } else {
        let (outage, refreshing) = (Duration::from_millis(500), Duration::from_millis(500));
        Extent { rounds: 1, callers: 50, outage, refreshing }
    };
    if env::vars().any(|(name, _)| name.to_ascii_lowercase().ends_with("_proxy")) {
        return Err(
            "some of the peers obey the variables HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, and would not ask \
                    loopback: unset them"
                .into(),
        );
    }
    // Two of the peers leave the choice of a TLS library to the program, though nothing here is sent over TLS.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let on = runtime.handle();

    let server = Server::start()?;
    evergrant_bench::run(&[
        Group::new("A header value that may be sent now", headers(on, &server)?),
        Group::new("The same", headers(on, &server)?).on_threads(2),
        Group::new("A token that may be used now", tokens(on, &server)?),
        Group::new("A token response, 1 KiB", responses()),
    ]);
    cold_starts(on, extent)?;
    outages(on, extent)?;
    refreshes(on, extent)
}

/// One side for each peer, evergrant first: the others are told in multiples of it.
fn headers(on: &Handle, server: &Server) -> Result<Vec<Side>, Problem> {
    Ok(vec![
        header::<Evergrant>(on, server)?,
        direct(on, server)?,
        lent(on, server)?,
        header::<Static>(on, server)?,
        header::<ObjectStore>(on, server)?,
        header::<Azure>(on, server)?,
        header::<Google>(on, server)?,
        header::<GoogleKept>(on, server)?,
        header::<Smithy>(on, server)?,
        header::<Yup>(on, server)?,
        header::<GcpAuth>(on, server)?,
        header::<Huskarl>(on, server)?,
    ])
}

fn header<P: Peer>(on: &Handle, server: &Server) -> Result<Side, Problem> {
    let peer = warm::<P>(on, server)?;
    let on = on.clone();
    Ok(Side::new(P::NAME, move || {
        let peer = Arc::clone(&peer);
        entered(&on);
        move || at_once(peer.header())
    }))
}

/// From the body of an answer to what is kept of it.
fn responses() -> Vec<Side> {
    let body = body(&opaque(1024));
    let [ready, read, theirs] = [&body; 3].map(String::clone);
    vec![
        Side::new("evergrant, and the header", move || {
            let (client, response) = (client(ClientAuth::post), response(&ready));
            move || header_of(&client, &response)
        }),
        Side::new("evergrant", move || {
            let (client, response) = (client(ClientAuth::post), response(&read));
            move || client.read(&response, noon_and(0)).ok()
        }),
        Side::new("oauth2 5, the parse alone", move || {
            let body = theirs.clone();
            move || serde_json::from_str::<BasicTokenResponse>(&body).ok()
        }),
    ]
}

/// Not through the interface that all peers have here: what that adds to each of them.
fn direct(on: &Handle, server: &Server) -> Result<Side, Problem> {
    let peer = warm::<Evergrant>(on, server)?;
    Ok(Side::new("the same, called directly", move || {
        let peer = Arc::clone(&peer);
        move || at_once(peer.tokens().authorization())
    }))
}

/// What a program that writes its own bytes does: it looks, and clones nothing.
fn lent(on: &Handle, server: &Server) -> Result<Side, Problem> {
    let peer = warm::<Evergrant>(on, server)?;
    Ok(Side::new("the same, lent by `with_authorization`", move || {
        let peer = Arc::clone(&peer);
        move || at_once(peer.tokens().with_authorization(|value| value.as_bytes()[0]))
    }))
}

fn tokens(on: &Handle, server: &Server) -> Result<Vec<Side>, Problem> {
    Ok(vec![
        token::<Evergrant>(on, server)?,
        token::<ObjectStore>(on, server)?,
        token::<Azure>(on, server)?,
        token::<Google>(on, server)?,
        token::<Smithy>(on, server)?,
        token::<Yup>(on, server)?,
        token::<GcpAuth>(on, server)?,
        token::<Huskarl>(on, server)?,
    ])
}

fn token<P: Peer>(on: &Handle, server: &Server) -> Result<Side, Problem> {
    let peer = warm::<P>(on, server)?;
    let on = on.clone();
    Ok(Side::new(P::NAME, move || {
        let peer = Arc::clone(&peer);
        entered(&on);
        move || at_once(peer.token())
    }))
}

/// A peer that holds a token, and hands it out without waiting.
fn warm<P: Peer>(on: &Handle, server: &Server) -> Result<Arc<P>, Problem> {
    let _entered = on.enter();
    let peer = Arc::new(P::new(server)?);
    on.block_on(peer.header())?;
    match at_once(peer.header()) {
        Some(Ok(_)) => Ok(peer),
        Some(Err(error)) => Err(error),
        None => Err(format!("{} waits although it holds a token", P::NAME).into()),
    }
}

/// This thread is on the runtime from now on, for those peers that set a timer even when they need none.
fn entered(on: &Handle) {
    mem::forget(on.enter());
}

/// What came of callers that were all let at one peer at once.
struct Stampede {
    requests: u64,
    served: usize,
    failed: usize,
    /// From the release of the answer to the last caller that went on.
    took: Duration,
    /// Bytes at once, beyond those that were there when all waited.
    above: isize,
}

/// A cold start of one peer; the bytes of the process are followed if the last argument says so.
type Cold = fn(&Handle, Extent, bool) -> Result<Stampede, Problem>;

fn cold_starts(on: &Handle, extent: Extent) -> Result<(), Problem> {
    let sides: [(&str, Cold); 9] = [
        (Bare::NAME, cold::<Bare>),
        (Evergrant::NAME, cold::<Evergrant>),
        (ObjectStore::NAME, cold::<ObjectStore>),
        (Azure::NAME, cold::<Azure>),
        (Google::NAME, cold::<Google>),
        (Smithy::NAME, cold::<Smithy>),
        (GcpAuth::NAME, cold::<GcpAuth>),
        (Huskarl::NAME, cold::<Huskarl>),
        (Yup::NAME, cold::<Yup>),
    ];
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for first in 0..extent.rounds {
        for place in 0..sides.len() {
            // Nobody is always the first.
            let place = (first + place) % sides.len();
            times[place].push(sides[place].1(on, extent, false)?.took.as_secs_f64() * 1e3);
        }
    }
    println!("### Cold start: all callers at once, one answer; {} rounds\n", extent.rounds);
    println!(
        "| | callers | token requests | failed | last caller, ms: best | median | x the first | KiB above the parked tasks |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for ((name, cold), mine) in sides.iter().zip(&times) {
        // Apart from the times: following the bytes of all threads slows every one of them.
        let Stampede { requests, served, failed, above, .. } = cold(on, extent, true)?;
        let ratio = median(mine.iter().zip(&times[0]).map(|(mine, first)| mine / first));
        let (best, typical) =
            (mine.iter().copied().fold(f64::INFINITY, f64::min), median(mine.iter().copied()));
        let above = above / 1024;
        println!(
            "| {name} | {served} | {requests} | {failed} | {best:.1} | {typical:.1} | {ratio:.2} | {above} |"
        );
    }
    println!();
    Ok(())
}

fn cold<P: Peer>(on: &Handle, extent: Extent, with_memory: bool) -> Result<Stampede, Problem> {
    let (server, callers) = (Server::start()?, P::CALLERS.min(extent.callers));
    server.grants(HOUR, Duration::ZERO);
    server.hold();
    let peer = {
        let _entered = on.enter();
        Arc::new(P::new(&server)?)
    };
    let watch = with_memory.then(Watch::start);
    let board = Arc::new(Board::default());
    let origin = Instant::now();
    for _ in 0..callers {
        let (peer, board) = (Arc::clone(&peer), Arc::clone(&board));
        on.spawn(async move {
            board.began.fetch_add(1, Ordering::SeqCst);
            let well = peer.header().await.is_ok();
            board.serve(origin.elapsed(), well);
        });
    }
    // Everyone has begun, and nobody has made another request for a while: all wait.
    let mut seen = 0;
    until(|| {
        thread::sleep(Duration::from_millis(100));
        let before = mem::replace(&mut seen, server.requests());
        board.began.load(Ordering::SeqCst) == callers && before > 0 && before == seen
    })?;
    let parked = watch.as_ref().map_or(0, Watch::live);
    if let Some(watch) = &watch {
        watch.reset_peak();
    }
    let begin = origin.elapsed();
    server.release();
    until(|| board.served.load(Ordering::SeqCst) == callers)?;
    let last = Duration::from_nanos(board.last.load(Ordering::SeqCst));
    Ok(Stampede {
        requests: server.requests(),
        served: callers,
        failed: board.failed.load(Ordering::SeqCst),
        took: last.saturating_sub(begin),
        above: watch.as_ref().map_or(0, Watch::peak) - parked,
    })
}

/// Where callers say that they go on.
#[derive(Default)]
struct Board {
    began: AtomicUsize,
    served: AtomicUsize,
    failed: AtomicUsize,
    /// In nanoseconds.
    last: AtomicU64,
}

impl Board {
    fn serve(&self, now: Duration, well: bool) {
        self.last.fetch_max(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        self.failed.fetch_add(usize::from(!well), Ordering::SeqCst);
        self.served.fetch_add(1, Ordering::SeqCst);
    }
}

fn until(mut done: impl FnMut() -> bool) -> Result<(), Problem> {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > LONGEST {
            return Err("a round took longer than a minute".into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn outages(on: &Handle, extent: Extent) -> Result<(), Problem> {
    println!(
        "### 100 callers without a token, an endpoint that answers 503 after 50 ms: the first {:?}\n",
        extent.outage
    );
    println!("| | token requests | callers with an error | the last of them after, ms |");
    println!("|---|---|---|---|");
    outage::<Evergrant>(on, extent)?;
    outage::<Hasty>(on, extent)?;
    outage::<ObjectStore>(on, extent)?;
    outage::<Azure>(on, extent)?;
    outage::<Google>(on, extent)?;
    outage::<Smithy>(on, extent)?;
    outage::<Yup>(on, extent)?;
    outage::<GcpAuth>(on, extent)?;
    outage::<Huskarl>(on, extent)?;
    println!();
    Ok(())
}

fn outage<P: Peer>(on: &Handle, extent: Extent) -> Result<(), Problem> {
    let (server, board, callers) = (Server::start()?, Arc::new(Board::default()), 100);
    server.fails(ANSWER);
    let origin = Instant::now();
    let mut tasks = {
        let _entered = on.enter();
        let peer = Arc::new(P::new(&server)?);
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (peer, board) = (Arc::clone(&peer), Arc::clone(&board));
            tasks.spawn(async move {
                let well = peer.header().await.is_ok();
                board.serve(origin.elapsed(), well);
            });
        }
        tasks
    };
    while origin.elapsed() < extent.outage && board.served.load(Ordering::SeqCst) < callers {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(extent.outage.saturating_sub(origin.elapsed()));
    let (requests, failed) = (server.requests(), board.failed.load(Ordering::SeqCst));
    let last = Duration::from_nanos(board.last.load(Ordering::SeqCst)).as_millis();
    println!("| {} | {requests} | {failed} | {last} |", P::NAME);
    on.block_on(tasks.shutdown());
    Ok(())
}

fn refreshes(on: &Handle, extent: Extent) -> Result<(), Problem> {
    println!(
        "### A new caller every millisecond, a token that is replaced about once a second by an endpoint that takes 50 ms: {:?}\n",
        extent.refreshing
    );
    println!("| | callers | token requests | p50, us | p99 | p99.9 | slowest | failed |");
    println!("|---|---|---|---|---|---|---|---|");
    refresh::<Static>(on, extent)?;
    refresh::<Evergrant>(on, extent)?;
    refresh::<Static>(on, extent)?;
    refresh::<ObjectStore>(on, extent)?;
    refresh::<Azure>(on, extent)?;
    refresh::<Google>(on, extent)?;
    refresh::<Smithy>(on, extent)?;
    refresh::<Yup>(on, extent)?;
    refresh::<GcpAuth>(on, extent)?;
    refresh::<Huskarl>(on, extent)
}

fn refresh<P: Peer>(on: &Handle, extent: Extent) -> Result<(), Problem> {
    let server = Server::start()?;
    server.grants(P::EACH_SECOND, ANSWER);
    let mut waits: Vec<(Duration, bool)> = on.block_on(async {
        let peer = Arc::new(P::new(&server)?);
        peer.header().await?;
        let (mut callers, origin) = (JoinSet::new(), Instant::now());
        let mut tick = interval(Duration::from_millis(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while origin.elapsed() < extent.refreshing {
            tick.tick().await;
            let peer = Arc::clone(&peer);
            callers.spawn(async move {
                let begin = Instant::now();
                let well = peer.header().await.is_ok();
                (begin.elapsed(), well)
            });
        }
        Ok::<_, Problem>(callers.join_all().await)
    })?;
    waits.sort_unstable();
    let at = |share: f64| {
        let place = (waits.len() as f64 * share) as usize;
        waits.get(place.min(waits.len() - 1)).map_or(0.0, |(wait, _)| wait.as_secs_f64() * 1e6)
    };
    let failed = waits.iter().filter(|(_, well)| !well).count();
    println!(
        "| {} | {} | {} | {:.1} | {:.0} | {:.0} | {:.0} | {failed} |",
        P::NAME,
        waits.len(),
        server.requests(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    );
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
