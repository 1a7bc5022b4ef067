//! Whole calls through each adapter, beside the same HTTP client with a header that stays: how many a second, in turns.
//!
//!     cargo bench -p evergrant-bench --bench adapters
#![allow(clippy::print_stdout, clippy::unwrap_used)] // A bench prints; one that cannot be set up has nothing to measure.

use evergrant_async_std::AsyncStd;
use evergrant_core::{Client, ClientAuth, Origins, Provider};
use evergrant_mock::Server;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use std::env;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Several on each of two processors.
const CALLERS: usize = 8;

/// Longer than any answer.
const MOST: usize = 1 << 16;

fn main() {
    // Whoever was here first has installed the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    // `cargo bench` says `--bench`; without it everything is run once, to see that it runs.
    let (runs, turn) = if env::args().any(|word| word == "--bench") {
        (5, Duration::from_secs(3))
    } else {
        (1, Duration::from_millis(20))
    };
    println!("### Calls a second: {CALLERS} callers, {runs} runs of {turn:?} for each, in turns\n");
    println!(
        "| | a static header | the same again | evergrant | the same again, x the first | evergrant, x the first |"
    );
    println!("|---|---|---|---|---|---|");
    let server = Server::start().unwrap();
    print("tokio-reqwest", &tokio_reqwest(&server), runs, turn);
    print("async-std", &async_std(&server), runs, turn);
    print("ureq", &ureq(&server), runs, turn);
}

/// Calls without a pause until then; how many there were.
type Loop = Box<dyn Fn(Instant) -> u64>;

fn print(name: &str, [stays, kept]: &[Loop; 2], runs: usize, turn: Duration) {
    let sides = [stays, stays, kept];
    let mut rates: [Vec<f64>; 3] = Default::default();
    for run in 0..=runs {
        for place in 0..sides.len() {
            // Nobody is always the first.
            let side = (run + place) % sides.len();
            let begin = Instant::now();
            let calls = sides[side](begin + turn);
            // In the first run connections are made.
            if run > 0 {
                rates[side].push(calls as f64 / begin.elapsed().as_secs_f64());
            }
        }
    }
    let [first, again, kept] = &rates;
    let ratios = |of: &[f64]| spread(of.iter().zip(first).map(|(of, first)| of / first), 3);
    let absolute = |of: &[f64]| spread(of.iter().copied(), 0);
    let (first, again, kept, same, ours) =
        (absolute(first), absolute(again), absolute(kept), ratios(again), ratios(kept));
    println!("| {name} | {first} | {again} | {kept} | {same} | {ours} |");
}

/// The median, and from where to where all of them lie.
fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (least, median, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}

fn client(server: &Server) -> Client {
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Client::builder(Provider::rfc6749(&server.token_endpoint()).unwrap(), auth).build().unwrap()
}

fn origins(server: &Server) -> Origins {
    Origins::parse([server.origin().as_str()]).unwrap()
}

fn request<B>(url: &str, body: B) -> http::Request<B> {
    http::Request::get(url).body(body).unwrap()
}

fn authorized<B>(url: &str, header: &HeaderValue, body: B) -> http::Request<B> {
    http::Request::get(url).header(AUTHORIZATION, header.clone()).body(body).unwrap()
}

fn tokio_reqwest(server: &Server) -> [Loop; 2] {
    use evergrant_tokio_reqwest::{Api, Tokens};
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let (runtime, url) = (Arc::new(runtime.unwrap()), server.resource("/"));
    let tokens = Tokens::new(client(server)).unwrap();
    let header = runtime.block_on(tokens.authorization()).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let api = Api::new(http.clone(), tokens, origins(server));
    let stays = {
        let (http, url) = (http.clone(), url.clone());
        move || {
            let (http, request) = (http.clone(), http.get(&url).header(AUTHORIZATION, header.clone()));
            async move { taken(http.execute(request.build().unwrap()).await.unwrap()).await }
        }
    };
    let kept = move || {
        let (api, request) = (api.clone(), http.get(&url));
        async move { taken(api.execute(request.build().unwrap()).await.unwrap()).await }
    };
    let on = Arc::clone(&runtime);
    [
        Box::new(move |end| on_tokio(&runtime, end, stays.clone())),
        Box::new(move |end| on_tokio(&on, end, kept.clone())),
    ]
}

async fn taken(answer: reqwest::Response) {
    assert!(answer.status() == 200 && answer.bytes().await.is_ok());
}

fn on_tokio<F>(
    runtime: &tokio::runtime::Runtime,
    end: Instant,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> u64
where
    F: Future<Output = ()> + Send + 'static,
{
    let callers: Vec<_> = (0..CALLERS).map(|_| runtime.spawn(calls(end, call.clone()))).collect();
    callers.into_iter().map(|caller| runtime.block_on(caller).unwrap()).sum()
}

fn async_std(server: &Server) -> [Loop; 2] {
    use evergrant_async_std::{Api, Body, HttpClient, Tokens};
    let (http, url) = (HttpClient::<AsyncStd>::new(), server.resource("/"));
    let tokens = Tokens::<AsyncStd>::new(client(server)).unwrap();
    let header = async_std::task::block_on(tokens.authorization()).unwrap();
    let api = Api::new(http.clone(), tokens, origins(server));
    let stays = {
        let url = url.clone();
        move || {
            let (http, request) = (http.clone(), authorized(&url, &header, Body::empty()));
            async move {
                let answer = http.send(request).await.unwrap();
                assert!(answer.status() == 200 && answer.into_body().bytes(MOST).await.is_ok());
            }
        }
    };
    let kept = move || {
        let (api, request) = (api.clone(), request(&url, Body::empty()));
        async move {
            let answer = api.execute(request).await.unwrap();
            assert!(answer.status() == 200 && answer.into_body().bytes(MOST).await.is_ok());
        }
    };
    [
        Box::new(move |end| on_async_std(end, stays.clone())),
        Box::new(move |end| on_async_std(end, kept.clone())),
    ]
}

fn on_async_std<F>(end: Instant, call: impl Fn() -> F + Clone + Send + 'static) -> u64
where
    F: Future<Output = ()> + Send + 'static,
{
    let callers: Vec<_> = (0..CALLERS).map(|_| async_std::task::spawn(calls(end, call.clone()))).collect();
    callers.into_iter().map(async_std::task::block_on).sum()
}

async fn calls<F: Future<Output = ()>>(end: Instant, call: impl Fn() -> F) -> u64 {
    let mut calls = 0;
    while Instant::now() < end {
        call().await;
        calls += 1;
    }
    calls
}

fn ureq(server: &Server) -> [Loop; 2] {
    use evergrant_ureq::{Api, Tokens};
    let (agent, url) = (ureq::Agent::config_builder().proxy(None).build().new_agent(), server.resource("/"));
    let tokens = Tokens::new(client(server)).unwrap();
    let header = tokens.authorization().unwrap();
    let api = Api::new(agent.clone(), tokens, origins(server));
    let stays = {
        let url = url.clone();
        move || {
            let mut answer = agent.run(authorized(&url, &header, ())).unwrap();
            assert!(answer.status() == 200 && answer.body_mut().read_to_vec().is_ok());
        }
    };
    let kept = move || {
        let mut answer = api.run(request(&url, ())).unwrap();
        assert!(answer.status() == 200 && answer.body_mut().read_to_vec().is_ok());
    };
    [Box::new(move |end| on_threads(end, &stays)), Box::new(move |end| on_threads(end, &kept))]
}

fn on_threads(end: Instant, call: &(impl Fn() + Sync)) -> u64 {
    let calls = || {
        let mut calls = 0;
        while Instant::now() < end {
            call();
            calls += 1;
        }
        calls
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(calls)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    })
}
