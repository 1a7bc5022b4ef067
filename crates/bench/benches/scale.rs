//! A million clients in one process: what each takes beside its token, and what a poll costs when nothing of it is cached.
//!
//!     cargo bench -p evergrant-bench --bench scale

// A bench shows what it measures.
#![allow(clippy::print_stdout)]

use evergrant_bench::allocations::Watch;
use evergrant_core::{
    AccessToken, Call, Client, ClientAuth, Machine, Mono, Now, Outcome, Policy, Provider, Response, Step,
    Stored, Wall,
};
use evergrant_drive::{Clock, Settings, Shared, SystemClock};
use evergrant_tokio_reqwest::Tokens;
use std::env;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TOKEN: usize = 1024;
const LIFE: Duration = Duration::from_secs(3600);
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    // Without `--bench`, as when tests are run, it is tried on a few.
    let machines = if env::args().any(|word| word == "--bench") { 1_000_000 } else { 1000 };
    let _first = rustls::crypto::ring::default_provider().install_default();
    let client = client()?;

    println!("### Memory: bytes each, beside the {TOKEN} bytes of the token\n");
    println!("| | how many | bytes | of these in the value itself |");
    println!("|---|---|---|---|");
    let (held, bytes) = kept(machines, |number| machine(&client, number));
    println!("| `Machine` that holds a token | {machines} | {bytes} | {} |", size_of::<Machine>());
    let (_, bytes) = kept(machines, |number| Ok::<_, Box<dyn Error>>(resting(&client, number)));
    println!(
        "| `Machine` that rests after a 503, no token | {machines} | {} | {} |",
        bytes + TOKEN as isize,
        size_of::<Machine>()
    );
    println!("| `Policy`, a part of each `Machine`; its figures are shared | | | {} |", size_of::<Policy>());
    // The rest is an adapter's: fewer of them tell the same.
    let (sources, tokens) = (machines / 10, machines / 500);
    let (_, bytes) = kept(sources, shared);
    println!(
        "| drive's `Shared`, with client and rendered value | {sources} | {bytes} | {} |",
        size_of::<Shared<Arc<str>>>()
    );
    let (_, bytes) = kept(tokens, adapter);
    println!(
        "| `Tokens` of tokio-reqwest, an HTTP client of its own with it | {tokens} | {bytes} | {} |",
        size_of::<Tokens>()
    );

    let held: Vec<Machine> = held?;
    cold(held);
    Ok(())
}

/// Makes so many, and tells what each takes beside its token.
fn kept<T, E>(many: usize, make: impl Fn(u64) -> Result<T, E>) -> (Result<Vec<T>, E>, isize) {
    let watch = Watch::start();
    let all: Result<Vec<T>, E> = {
        let mut all = Vec::with_capacity(many);
        (0..many as u64).try_for_each(|number| make(number).map(|made| all.push(made))).map(|()| all)
    };
    let each = watch.live() / many.max(1).cast_signed() - TOKEN.cast_signed();
    (all, each)
}

fn client() -> Result<Client, Box<dyn Error>> {
    let auth = ClientAuth::post("a-client-id-of-usual-length-0123456789", "a-client-secret-of-usual-length")?;
    let provider = Provider::rfc6749("https://auth.example.com/access-token")?;
    Ok(Client::builder(provider, auth).scope("shipments:read shipments:write").build()?)
}

fn text(number: u64) -> String {
    format!("{number:0>TOKEN$}")
}

fn now() -> Now {
    Now::new(Mono::from_origin(LIFE), Wall::from_epoch(Duration::from_secs(1_800_000_000)))
}

fn machine(client: &Client, number: u64) -> Result<Machine, Box<dyn Error>> {
    let body = format!(r#"{{"access_token":"{}","token_type":"Bearer","expires_in":3600}}"#, text(number));
    let response = Response::new(200).with_header("Content-Type", b"application/json").with_body(body.into());
    let mut machine = asked(client, number, &response);
    // Whoever polls from now on gets the token.
    match machine.poll(now(), &mut Call::new(now().mono)) {
        Step::Use(_) => Ok(machine),
        step => Err(format!("a token was granted, and the step is {step:?}").into()),
    }
}

fn resting(client: &Client, number: u64) -> Machine {
    asked(client, number, &Response::new(503).with_body(b"upstream connect error".to_vec()))
}

/// A machine that asked once and got this answer.
fn asked(client: &Client, number: u64, response: &Response) -> Machine {
    let mut machine = Machine::new(Policy::new(), number);
    if let Step::Send(flight) = machine.poll(now(), &mut Call::new(now().mono)) {
        let outcome = client.read(response, now()).map_or_else(Outcome::Refused, Outcome::Granted);
        let _landing = machine.complete(now(), flight, outcome);
    }
    machine
}

fn stored(number: u64) -> Result<Stored, Box<dyn Error>> {
    Ok(Stored::new(AccessToken::new(&text(number))?, SystemClock.now().wall, LIFE))
}

fn shared(number: u64) -> Result<Arc<Shared<Arc<str>>>, Box<dyn Error>> {
    let render = |token: &AccessToken| Arc::<str>::from(format!("Bearer {}", token.expose()));
    let shared = Shared::new(Settings::new(client()?), number, render);
    if shared.restore(stored(number)?) { Ok(shared) } else { Err("a fresh token was not taken".into()) }
}

fn adapter(number: u64) -> Result<Tokens, Box<dyn Error>> {
    let tokens = Tokens::new(client()?)?;
    if tokens.restore(stored(number)?) { Ok(tokens) } else { Err("a fresh token was not taken".into()) }
}

/// Polls all of them in an order in which none is cached, beside the least that any look at them costs, and beside polls of one
/// that is.
fn cold(mut machines: Vec<Machine>) {
    let order = shuffled(machines.len());
    let mut timings: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let mut took = [Duration::ZERO; 4];
        took[0] = timed(|| {
            for &at in &order {
                black_box(machines[at as usize].waiters());
            }
        });
        took[1] = timed(|| {
            for &at in &order {
                black_box(
                    machines[at as usize].held(now()).map(|token| token.value().expose().as_bytes()[0]),
                );
            }
        });
        took[2] = timed(|| order.iter().for_each(|&at| poll(&mut machines[at as usize])));
        took[3] = timed(|| order.iter().for_each(|_| poll(&mut machines[0])));
        for (timings, took) in timings.iter_mut().zip(took) {
            timings.push(took.as_nanos() as f64 / order.len() as f64);
        }
    }
    println!("\n### One poll among {} machines, ns: best and median of {ROUNDS} rounds\n", machines.len());
    println!("| | best | median |");
    println!("|---|---|---|");
    let names = [
        "floor: read one word of each, in a random order",
        "floor: read the first byte of each token, in a random order",
        "`poll` of each, in a random order",
        "`poll` of one, cached",
    ];
    for (name, timings) in names.iter().zip(&mut timings) {
        timings.sort_by(f64::total_cmp);
        println!("| {name} | {:.0} | {:.0} |", timings[0], timings[ROUNDS / 2]);
    }
}

fn poll(machine: &mut Machine) {
    drop(black_box(machine.poll(now(), &mut Call::new(now().mono))));
}

fn timed(job: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    job();
    begin.elapsed()
}

/// Every place once, in an order that no prefetcher guesses: Fisher and Yates, over the steps of SplitMix64.
fn shuffled(many: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..many as u32).collect();
    let mut state = 1_u64;
    for last in (1..many).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        order.swap(last, (random % (last as u64 + 1)) as usize);
    }
    order
}
