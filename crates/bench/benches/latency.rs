//! Callers in a loop while their token is replaced, while its endpoint hangs, and while nobody is there; beside the same loop
//! on a header that stays.
//!
//! Two loops are equal (A and B): what they differ by is noise. One has a token that is left alone: what it differs by is the
//! price of having a good token, and a replacement should add nothing to it.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // A bench prints; one that cannot be set up has nothing to measure.

use evergrant_bench::allocations;
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, Origins, Policy, Provider, Rotation, Tokens};
use hdrhistogram::Histogram;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use std::env;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};

/// Several on each of two processors.
const CALLERS: usize = 8;

/// After so many calls a caller lets the others run.
const IN_A_ROW: u32 = 32;

fn main() {
    // Whoever was here first has installed the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    // `cargo bench` says `--bench`; without it everything is run once, to see that it runs.
    let (rounds, turn) = if env::args().any(|word| word == "--bench") { (60, 200) } else { (1, 5) };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bench = Bench { runtime, rounds, turn: Duration::from_millis(turn) };
    println!("### {CALLERS} callers, 2 workers, {rounds} rounds of {turn} ms for each loop\n");
    println!("ns; the median of the rounds (and from where to where nine tenths of them lie)\n");
    println!("| | loop | calls in a round | p50 | p99 | p99.9 | failed | token requests |");
    println!("|---|---|---|---|---|---|---|---|");
    bench.header("a header: token replaced every 1.4 s", 2, None);
    bench.header("a header: the endpoint hangs", 3600, Some(Trouble::Hangs));
    bench.header("a header: nobody is at the endpoint", 3600, Some(Trouble::IsGone));
    bench.call("a call by reqwest: token replaced every 1.4 s", 2);
    allocated();
}

/// What is wrong with the token endpoint, while a token is held and its replacement is due.
enum Trouble {
    Hangs,
    IsGone,
}

/// One kind of call; false if it failed.
trait Call: Clone + Send + Sync + 'static {
    fn call(&self) -> impl Future<Output = bool> + Send;
}

#[derive(Clone)]
struct Stays(HeaderValue);

impl Call for Stays {
    async fn call(&self) -> bool {
        std::hint::black_box(self.0.clone()).is_sensitive()
    }
}

#[derive(Clone)]
struct Kept(Tokens);

impl Call for Kept {
    async fn call(&self) -> bool {
        self.0.authorization().await.is_ok_and(|value| std::hint::black_box(value).is_sensitive())
    }
}

#[derive(Clone)]
struct StaysInCall {
    http: reqwest::Client,
    url: String,
    header: HeaderValue,
}

impl Call for StaysInCall {
    async fn call(&self) -> bool {
        let request = self.http.get(&self.url).header(AUTHORIZATION, self.header.clone()).build().unwrap();
        is_ok(self.http.execute(request).await).await
    }
}

#[derive(Clone)]
struct KeptInCall {
    http: reqwest::Client,
    url: String,
    api: Api,
}

impl Call for KeptInCall {
    async fn call(&self) -> bool {
        let request = self.http.get(&self.url).build().unwrap();
        is_ok(self.api.execute(request).await).await
    }
}

async fn is_ok<E>(answer: Result<reqwest::Response, E>) -> bool {
    match answer {
        Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
        _ => false,
    }
}

struct Bench {
    runtime: Runtime,
    rounds: usize,
    turn: Duration,
}

impl Bench {
    /// The time to have a header.
    fn header(&self, title: &str, life: u64, trouble: Option<Trouble>) {
        let (untroubled, server) = (server(3600), server(life));
        let tokens = tokens(&server);
        self.runtime.block_on(tokens.ready()).unwrap();
        let stays = Stays(self.runtime.block_on(tokens.authorization()).unwrap());
        let _there = match trouble {
            None => Some(server),
            Some(trouble) => {
                server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
                // The held token is used, and its replacement is due.
                tokens.rotate(auth(), Rotation::Keep);
                matches!(trouble, Trouble::Hangs).then_some(server)
            }
        };
        let untroubled = self::tokens(&untroubled);
        self.runtime.block_on(untroubled.ready()).unwrap();
        self.compare(title, &tokens, &stays, &Kept(untroubled), &Kept(tokens.clone()));
    }

    /// The time of a whole call over a kept connection, and what attaching the token adds to it.
    fn call(&self, title: &str, life: u64) {
        let (resource, untroubled, server) = (resource(), server(3600), server(life));
        let tokens = tokens(&server);
        let (_, quiet) = self.runtime.block_on(pair(&resource, &self::tokens(&untroubled)));
        let (stays, kept) = self.runtime.block_on(pair(&resource, &tokens));
        self.compare(title, &tokens, &stays, &quiet, &kept);
    }

    fn compare<A: Call, B: Call>(&self, title: &str, tokens: &Tokens, stays: &A, quiet: &B, kept: &B) {
        let before = tokens.status().requests;
        let mut turns: [Vec<Turn>; 4] = Default::default();
        for round in 0..self.rounds {
            for place in 0..4 {
                // Nobody is always the first.
                let side = (round + place) % 4;
                let turn = self.turn;
                turns[side].push(match side {
                    1 => self.runtime.block_on(run(quiet, turn)),
                    2 => self.runtime.block_on(run(kept, turn)),
                    _ => self.runtime.block_on(run(stays, turn)),
                });
            }
        }
        let requests = tokens.status().requests - before;
        for (name, turns, requests) in [
            ("static A", &turns[0], "-".into()),
            ("static B", &turns[3], "-".into()),
            ("evergrant, left alone", &turns[1], "-".into()),
            ("evergrant", &turns[2], requests.to_string()),
        ] {
            let calls = spread(turns.iter().map(|turn| turn.times.len()));
            let failed: u64 = turns.iter().map(|turn| turn.failed).sum();
            let [p50, p99, p999] = [50.0, 99.0, 99.9]
                .map(|p| spread(turns.iter().map(|turn| turn.times.value_at_percentile(p))));
            println!("| {title} | {name} | {calls} | {p50} | {p99} | {p999} | {failed} | {requests} |");
        }
    }
}

/// One loop's turn, all callers together.
struct Turn {
    times: Histogram<u64>,
    failed: u64,
}

impl Turn {
    fn new() -> Self {
        Self { times: Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap(), failed: 0 }
    }
}

async fn run<C: Call>(call: &C, turn: Duration) -> Turn {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let call = call.clone();
        callers.spawn(async move {
            let (mut mine, begin) = (Turn::new(), Instant::now());
            while begin.elapsed() < turn {
                for _ in 0..IN_A_ROW {
                    let begin = Instant::now();
                    mine.failed += u64::from(!call.call().await);
                    let took = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    mine.times.saturating_record(took);
                }
                yield_now().await;
            }
            mine
        });
    }
    let mut all = Turn::new();
    while let Some(mine) = callers.join_next().await {
        let mine = mine.unwrap();
        all.times.add(&mine.times).unwrap();
        all.failed += mine.failed;
    }
    all
}

/// The median, and from where to where nine tenths lie.
fn spread(values: impl Iterator<Item = u64>) -> String {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let at = |twentieth: usize| values[(values.len() - 1) * twentieth / 20];
    format!("{} ({} to {})", at(10), at(1), at(19))
}

/// What a call allocates on the caller's thread, which is the only one here.
fn allocated() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (resource, server) = (resource(), server(3600));
    let tokens = tokens(&server);
    let (stays, kept) = runtime.block_on(pair(&resource, &tokens));
    println!("\n### One call by reqwest, the whole of it on one thread\n");
    println!("| | allocations | bytes |\n|---|---|---|");
    println!("| static header | {} |", least(&runtime, &stays));
    println!("| evergrant | {} |", least(&runtime, &kept));
}

/// The least of many: now and then a call meets the growth of something that all of them share.
fn least<C: Call>(runtime: &Runtime, call: &C) -> String {
    let counts = (0..64).map(|_| {
        let (is_ok, count) = allocations::count(|| runtime.block_on(call.call()));
        assert!(is_ok, "the server answers");
        (count.calls, count.bytes)
    });
    let (calls, bytes) = counts.min().unwrap();
    format!("{calls} | {bytes}")
}

/// The same call with a header that stays and with one that is kept good.
async fn pair(resource: &Server, tokens: &Tokens) -> (StaysInCall, KeptInCall) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = resource.resource("/");
    let origins = Origins::parse([resource.origin().as_str()]).unwrap();
    let header = tokens.authorization().await.unwrap();
    let api = Api::new(http.clone(), tokens.clone(), origins);
    (StaysInCall { http: http.clone(), url: url.clone(), header }, KeptInCall { http, url, api })
}

/// A resource that is there for everybody: its tokens are another server's.
fn resource() -> Server {
    let resource = server(3600);
    resource.fault(
        Endpoint::Resource,
        Fault::status_with_body(200, "text/plain", "here"),
        Times::UntilCleared,
    );
    resource
}

fn server(life: u64) -> Server {
    Server::builder().lifetime(Duration::from_secs(life)).start().unwrap()
}

/// A source whose troubles come quickly, and which sends no two requests at the same time of a run.
fn tokens(server: &Server) -> Tokens {
    let policy = Policy::new()
        .with_jitter(false)
        .with_attempt_timeout(Duration::from_millis(500))
        .with_min_interval(Duration::from_millis(100))
        .with_backoff(Duration::from_millis(100), Duration::from_millis(400));
    let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
    let client = Client::builder(provider, auth()).build().unwrap();
    Tokens::builder(client).policy(policy).build().unwrap()
}

fn auth() -> ClientAuth {
    ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap()
}
