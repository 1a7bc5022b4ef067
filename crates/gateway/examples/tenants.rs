//! Many tenants behind one gateway, each with a key and a client of its own: what it costs, and that none ever gets the token of another.
//!
//! `cargo run --release -p evergrant-gateway --example tenants -- TENANTS SECONDS`
//!
//! It plays all sides: an authorization server whose tokens say whose they are, an API that answers with the token that it got, and callers
//! that hold no token. First each tenant comes once, then callers pick tenants at random. It prints the figures, and fails if any answer
//! carried another tenant's token, if one was no 200, or if a tenant cost more than one token request.

#![allow(clippy::print_stdout)] // It is there to be read.

use evergrant_gateway::{
    Access, Address, Gateway, Key, Keys, Listener, Route, Running, Tenants, UnknownTenant, Upstream,
};
use evergrant_tokio_reqwest::{
    BoxError, Client, ClientAuth, Origins, Policy, Provider, TokensPool, Transport,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Callers at once.
const CALLERS: usize = 32;

/// How long the authorization server takes for an answer.
const DELAY: Duration = Duration::from_millis(20);

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let mut words = std::env::args().skip(1);
    let tenants: usize = words.next().map_or(Ok(1000), |word| word.parse())?;
    let seconds: u64 = words.next().map_or(Ok(5), |word| word.parse())?;
    let _installed = rustls::crypto::ring::default_provider().install_default();

    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = serve(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        thread::sleep(DELAY);
        let id = request.body.split('&').find_map(|pair| pair.strip_prefix("client_id=")).unwrap_or_default();
        format!(r#"{{"access_token":"of-{id}","token_type":"Bearer","expires_in":3600}}"#)
    })?;
    let api = serve(|request| request.authorization.clone())?;

    let keys = (0..tenants).map(|number| Ok((format!("tenant-{number}"), Key::generate()?)));
    let keys: BTreeMap<String, Key> = keys.collect::<Result<_, Failed>>()?;
    let before = memory();
    let running = gateway(server, api, &keys)?;
    let [Address::Tcp(at)] = running.addresses() else { return Err("another address".into()) };

    let names: Vec<&str> = keys.keys().map(String::as_str).collect();
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let cold = call(*at, &keys, |_| names.get(next.fetch_add(1, Ordering::Relaxed)).copied())?;
    let cold_took = began.elapsed();
    let end = Instant::now().checked_add(Duration::from_secs(seconds)).ok_or("that is too long")?;
    let warm = call(*at, &keys, |random| {
        let place = usize::try_from(random).unwrap_or_default() % names.len();
        (Instant::now() < end).then(|| names.get(place).copied()).flatten()
    })?;

    let asked = asked.load(Ordering::Relaxed);
    println!("{tenants} tenants, {CALLERS} callers, an authorization server that takes {DELAY:?}");
    println!("  cold: each once in {cold_took:.1?}; {}", figures(cold));
    println!("  warm: {} requests in {seconds} s; {}", warm.len(), figures(warm));
    println!("  {asked} token requests");
    println!(
        "  memory: {} KiB before the gateway, {} KiB now (this process plays all sides)",
        before,
        memory()
    );
    if asked != tenants {
        return Err(format!("{asked} token requests for {tenants} tenants").into());
    }
    running.drain(Duration::ZERO);
    if running.wait() { Ok(()) } else { Err("something was cut".into()) }
}

fn gateway(server: SocketAddr, api: SocketAddr, keys: &BTreeMap<String, Key>) -> Result<Running, Failed> {
    let provider = Provider::rfc6749(&format!("http://{server}/token"))?
        .with_origins(Origins::parse([format!("http://{api}")])?);
    let names: Vec<String> = keys.keys().cloned().collect();
    let client_for = move |name: &String| -> Result<Client, BoxError> {
        if names.binary_search(name).is_err() {
            return Err(UnknownTenant.into());
        }
        Ok(Client::builder(provider.clone(), ClientAuth::post(name, "a-secret")?).build()?)
    };
    let pool = TokensPool::builder(client_for)
        .name("tenants")
        .policy(Policy::new().with_max_waiters(1024))
        .transport(&Transport::builder().proxy_variables(false).build())
        .build()?;
    let route = Route::tenants("/", Upstream::parse(&format!("http://{api}/"))?, Tenants::new(pool))?;
    let known = Keys::new(keys.iter().map(|(name, key)| (name.clone(), key.digest())))?;
    let listener = Listener::new(Address::parse("127.0.0.1:0")?).access(Access::Keys(known));
    let gateway = Gateway::builder().route(route).build().map_err(|path| format!("twice: {path}"))?;
    Ok(gateway.serve(&[listener])?)
}

/// Calls as the tenants that `next` says, until it says none. How long each call took.
fn call<'a>(
    at: SocketAddr,
    keys: &'a BTreeMap<String, Key>,
    next: impl Fn(u64) -> Option<&'a str> + Sync,
) -> Result<Vec<Duration>, Failed> {
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<Duration>, Failed> {
                    let mut caller = Connection::new(TcpStream::connect(at)?)?;
                    let (mut times, mut random) = (Vec::new(), evergrant_drive::random_seed() | 1);
                    while let Some(name) = next(random) {
                        // xorshift64, George Marsaglia 2003
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let key = keys.get(name).map(Key::expose).unwrap_or_default();
                        let head = format!("GET / HTTP/1.1\r\nHost: {at}\r\nX-Evergrant-Key: {key}\r\n\r\n");
                        let began = Instant::now();
                        caller.writer.write_all(head.as_bytes())?;
                        let answer = caller.read()?.ok_or("the gateway hung up")?;
                        times.push(began.elapsed());
                        if answer.first != "HTTP/1.1 200 OK" || answer.body != format!("Bearer of-{name}") {
                            return Err(format!("{name} got {} with {:?}", answer.first, answer.body).into());
                        }
                    }
                    Ok(times)
                })
            })
            .collect();
        let mut all = Vec::new();
        for caller in callers {
            all.extend(caller.join().map_err(|_| "a caller panicked")??);
        }
        Ok(all)
    })
}

/// `p50 1.2ms, p99 3.4ms, at most 5.6ms`.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
    format!("p50 {:.1?}, p99 {:.1?}, at most {:.1?}", at(50), at(99), at(100))
}

/// Resident memory of this process, in KiB; 0 where the system does not say it so.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// A request, or an answer.
struct Message {
    first: String,
    authorization: String,
    body: String,
}

struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { writer: stream.try_clone()?, reader: BufReader::new(stream) })
    }

    /// The next message, whose length is said; `None` at the end.
    fn read(&mut self) -> io::Result<Option<Message>> {
        let mut message = Message { first: String::new(), authorization: String::new(), body: String::new() };
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            match line.split_once(": ") {
                _ if line.is_empty() => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap_or(0);
                }
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                    value.clone_into(&mut message.authorization);
                }
                _ if message.first.is_empty() => line.clone_into(&mut message.first),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        message.body = String::from_utf8_lossy(&body).into_owned();
        Ok(Some(message))
    }
}

/// A server on a free port that answers each request with this text, as long as the process runs.
fn serve(answer: impl Fn(&Message) -> String + Send + Sync + 'static) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (address, answer) = (listener.local_addr()?, Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || -> io::Result<()> {
                let mut connection = Connection::new(stream)?;
                while let Some(request) = connection.read()? {
                    let text = answer(&request);
                    let head =
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n";
                    write!(connection.writer, "{head}Content-Length: {}\r\n\r\n{text}", text.len())?;
                }
                Ok(())
            });
        }
    });
    Ok(address)
}
