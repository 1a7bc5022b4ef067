//! Many requests, each with a number of its own, through a gateway whose servers are stopped, killed, refuse and reset at random; and
//! whether what each caller was told is what the API saw.
//!
//! `cargo run --release -p evergrant-gateway --example chaos -- REQUESTS SEED`
//!
//! The API is a process of its own, which is stopped (SIGSTOP), killed and started again, and writes down the number of each request
//! before it answers. For each request the caller's answer and that file must agree: what was answered with `sent: no` is not in it,
//! what the API answered is, and no POST was taken twice.

#![allow(clippy::print_stdout)] // It is there to be read.

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let first = words.next();
    if first.as_deref() == Some("api") {
        return api::run(&words.collect::<Vec<_>>());
    }
    let requests = first.map_or(Ok(10_000), |word| word.parse())?;
    let seed = words.next().map_or_else(|| Ok(evergrant_drive::random_seed()), |word| word.parse())?;
    story::run(requests, seed)
}

#[cfg(not(unix))]
fn main() {
    println!("this example stops processes with signals, which this system has not");
}

/// The API, in a process of its own.
#[cfg(unix)]
mod api {
    use std::error::Error;
    use std::fs::{File, OpenOptions};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::thread;

    struct Books {
        arrived: File,
        /// Tokens that are not good any more, and `reset` if connections are to be.
        orders: PathBuf,
    }

    pub(super) fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
        let [port, arrived, orders] = words else { return Err("api PORT ARRIVED ORDERS".into()) };
        let listener = TcpListener::bind(("127.0.0.1", port.parse()?))?;
        let arrived = OpenOptions::new().append(true).create(true).open(arrived)?;
        let books = Arc::new(Books { arrived, orders: orders.into() });
        for stream in listener.incoming().flatten() {
            let books = Arc::clone(&books);
            thread::spawn(move || serve(stream, &books));
        }
        Ok(())
    }

    fn serve(stream: TcpStream, books: &Books) -> Option<()> {
        let mut writer = stream.try_clone().ok()?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let target = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
            let (mut length, mut token) = (0_usize, String::new());
            loop {
                let mut line = String::new();
                // What arrived in part has arrived.
                if reader.read_line(&mut line).ok().is_none_or(|read| read == 0) {
                    write_down(books, &target, "cut");
                    return None;
                }
                let Some((name, value)) = line.trim_end().split_once(':') else { break };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().ok()?,
                    "authorization" => token = value.trim().trim_start_matches("Bearer ").to_owned(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                write_down(books, &target, "cut");
                return None;
            }
            let orders = std::fs::read_to_string(&books.orders).unwrap_or_default();
            if orders.contains("reset") {
                write_down(books, &target, "reset");
                return None;
            }
            let answer = if orders.contains("unavailable") {
                write_down(books, &target, "taken");
                "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
            } else if orders.lines().any(|revoked| revoked == token) {
                write_down(books, &target, "refused");
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\nContent-Length: 0\r\n\r\n"
            } else {
                write_down(books, &target, "taken");
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            };
            writer.write_all(answer.as_bytes()).ok()?;
        }
    }

    /// One write, so that lines of several threads do not mix, and none is lost with the process.
    fn write_down(books: &Books, target: &str, what: &str) {
        let _full = (&books.arrived).write_all(format!("{target} {what}\n").as_bytes());
    }
}

#[cfg(unix)]
mod story {
    use evergrant_gateway::{Address, Gateway, Limits, Listener, Route, Running, Upstream};
    use evergrant_mock::{Endpoint, Fault, Server, Times};
    use evergrant_tokio_reqwest::{Client, ClientAuth, Policy, Provider, Tokens};
    use rustix::process::{Pid, Signal, kill_process};
    use std::collections::BTreeMap;
    use std::error::Error;
    use std::fs;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    /// Callers at once.
    const CALLERS: usize = 48;

    /// What a caller was told.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    enum Told {
        /// The API answered.
        Api(u16),
        /// We did: nothing was sent.
        No,
        /// We did: the API refused it.
        Refused,
        /// We did: the API may have it.
        Perhaps,
        /// The answer was cut.
        Cut,
    }

    pub(super) fn run(requests: usize, seed: u64) -> Result<(), Box<dyn Error>> {
        println!("{requests} requests, seed {seed}");
        let folder = tempfile::tempdir()?;
        let (arrived, orders) = (folder.path().join("arrived"), folder.path().join("orders"));
        fs::write(&orders, "")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let api = Api { port, arrived: arrived.clone(), orders, child: None };
        let server = Server::start()?;
        let running = serve(&server, port)?;
        let address = address(&running)?;
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let told = Mutex::new(vec![None; requests]);
        let before = resident();
        let began = Instant::now();
        let harm = thread::scope(|scope| {
            let harm = scope.spawn(|| harm(api, &server, seed, &is_over));
            let callers: Vec<_> =
                (0..CALLERS).map(|_| scope.spawn(|| call(address, &next, requests, &told))).collect();
            for caller in callers {
                let _panicked = caller.join();
            }
            is_over.store(true, Ordering::Relaxed);
            harm.join().map_err(|_| "the harm panicked".to_owned())
        })?;
        let took = began.elapsed();
        running.drain(Duration::ZERO);
        running.wait();
        println!("{took:.1?}; {harm}; resident set {before} KiB before, {} KiB after", resident());
        let told = told.into_inner().map_err(|_| "a caller panicked")?;
        agree(&told, &arrived)
    }

    fn serve(server: &Server, port: u16) -> Result<Running, Box<dyn Error>> {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
        let client = Client::builder(Provider::rfc6749(&server.token_endpoint())?, auth).build()?;
        let policy = Policy::new().with_attempt_timeout(Duration::from_millis(500));
        let tokens = Tokens::builder(client).proxy(None).policy(policy).build()?;
        let upstream = Upstream::parse(&format!("http://127.0.0.1:{port}"))?;
        let route = Route::new("/", upstream, tokens)?
            .patience(Duration::from_millis(600))
            .answer_timeout(Duration::from_millis(400));
        let limits = Limits::new().connect_time(Duration::from_millis(300));
        let gateway =
            Gateway::builder().route(route).limits(limits).build().map_err(|path| path.to_string())?;
        Ok(gateway.serve(&[Listener::new(Address::parse("127.0.0.1:0")?)])?)
    }

    fn address(running: &Running) -> Result<SocketAddr, Box<dyn Error>> {
        match running.addresses().first() {
            Some(Address::Tcp(address)) => Ok(*address),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// The API's process.
    struct Api {
        port: u16,
        arrived: PathBuf,
        orders: PathBuf,
        child: Option<Child>,
    }

    impl Api {
        fn start(&mut self) {
            let Ok(this) = std::env::current_exe() else { return };
            let started = Command::new(this)
                .args(["api", &self.port.to_string()])
                .args([&self.arrived, &self.orders])
                .spawn();
            self.child = started.ok();
        }

        fn signal(&self, signal: Signal) {
            if let Some(pid) = self.child.as_ref().map(Pid::from_child) {
                let _gone = kill_process(pid, signal);
            }
        }

        fn kill(&mut self) {
            if let Some(mut child) = self.child.take() {
                let _gone = child.kill();
                let _gone = child.wait();
            }
        }
    }

    impl Drop for Api {
        fn drop(&mut self) {
            self.kill();
        }
    }

    /// Does harm at random until it is over, and says what it did.
    fn harm(mut api: Api, server: &Server, seed: u64, is_over: &AtomicBool) -> String {
        let mut random = seed | 1;
        let mut draw = move |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut done = BTreeMap::<&str, u32>::new();
        api.start();
        let mut revoked = String::new();
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100 + draw(200)));
            let time = Duration::from_millis(50 + draw(900));
            let what = match draw(12) {
                0 => {
                    api.signal(Signal::STOP);
                    thread::sleep(time);
                    api.signal(Signal::CONT);
                    "API stopped"
                }
                1 => {
                    api.kill();
                    thread::sleep(time / 2);
                    api.start();
                    "API killed"
                }
                2 => {
                    order(&api.orders, &(revoked.clone() + "unavailable\n"));
                    thread::sleep(time / 4);
                    order(&api.orders, &revoked);
                    "API unavailable"
                }
                3 => {
                    order(&api.orders, &(revoked.clone() + "reset\n"));
                    thread::sleep(time / 8);
                    order(&api.orders, &revoked);
                    "API resets"
                }
                4 => {
                    revoked = server.issued().concat_lines();
                    order(&api.orders, &revoked);
                    "revocations"
                }
                5 | 6 => {
                    server.fault(Endpoint::Token, Fault::status(503), Times::For(time));
                    "token endpoint unavailable"
                }
                7 | 8 => {
                    server.fault(Endpoint::Token, Fault::Reset, Times::For(time));
                    "token endpoint resets"
                }
                _ => {
                    let gate = server.hold(Endpoint::Token);
                    thread::sleep(time);
                    gate.release();
                    "token endpoint stopped"
                }
            };
            *done.entry(what).or_default() += 1;
        }
        let done: Vec<_> = done.into_iter().map(|(what, count)| format!("{what} {count}")).collect();
        done.join(", ")
    }

    trait ConcatLines {
        fn concat_lines(&self) -> String;
    }

    impl ConcatLines for Vec<String> {
        fn concat_lines(&self) -> String {
            self.iter().map(|line| format!("{line}\n")).collect()
        }
    }

    /// In one step: the API reads it at each request.
    fn order(orders: &Path, text: &str) {
        let new = orders.with_extension("new");
        let _full = fs::write(&new, text).and_then(|()| fs::rename(&new, orders));
    }

    fn call(address: SocketAddr, next: &AtomicUsize, requests: usize, told: &Mutex<Vec<Option<Told>>>) {
        let mut connection = None;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= requests {
                return;
            }
            let answer = ask(&mut connection, address, number).unwrap_or_else(|| {
                connection = None;
                Told::Cut
            });
            if let Some(place) = told.lock().ok().as_deref_mut().and_then(|told| told.get_mut(number)) {
                *place = Some(answer);
            }
        }
    }

    /// Even numbers are GETs, odd ones POSTs with a body.
    fn ask(
        connection: &mut Option<BufReader<TcpStream>>,
        address: SocketAddr,
        number: usize,
    ) -> Option<Told> {
        let reader = match connection {
            Some(reader) => reader,
            None => {
                let stream = TcpStream::connect(address).ok()?;
                stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
                connection.insert(BufReader::new(stream))
            }
        };
        let request = if number.is_multiple_of(2) {
            format!("GET /{number} HTTP/1.1\r\nHost: {address}\r\n\r\n")
        } else {
            format!("POST /{number} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 4\r\n\r\nbody")
        };
        reader.get_mut().write_all(request.as_bytes()).ok()?;
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let (mut length, mut is_ours) = (0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let line = line.trim_end().to_ascii_lowercase();
            let Some((name, value)) = line.split_once(':') else { break };
            match name {
                "content-length" => length = value.trim().parse().ok()?,
                "proxy-status" => is_ours = true,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if !is_ours {
            return Some(Told::Api(status));
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).ok()?;
        match problem["sent"].as_str()? {
            "no" => Some(Told::No),
            "refused" => Some(Told::Refused),
            _ => Some(Told::Perhaps),
        }
    }

    /// Whether the API's book and the callers' answers agree, request by request.
    fn agree(told: &[Option<Told>], arrived: &Path) -> Result<(), Box<dyn Error>> {
        let mut seen: Vec<Vec<String>> = vec![Vec::new(); told.len()];
        for line in fs::read_to_string(arrived)?.lines() {
            let (number, what) = line.split_once(' ').ok_or("a line of the book is broken")?;
            seen.get_mut(number.parse::<usize>()?).ok_or("nobody sent this number")?.push(what.to_owned());
        }
        let (mut sums, mut wrong) = (BTreeMap::<Told, usize>::new(), 0);
        for (number, (told, seen)) in told.iter().zip(&seen).enumerate() {
            let told = told.ok_or("a request was not made")?;
            *sums.entry(told).or_default() += 1;
            let count = |what: &str| seen.iter().filter(|known| *known == what).count();
            let is_post = !number.is_multiple_of(2);
            let is_right = match told {
                Told::Api(_) => count("taken") >= 1,
                Told::No => seen.is_empty(),
                Told::Refused => count("refused") == seen.len() && !seen.is_empty(),
                Told::Perhaps => count("taken") <= 1,
                // Answers are short: none is cut.
                Told::Cut => false,
            } && (!is_post || count("taken") + count("reset") + count("cut") <= 1)
                && seen.len() <= 3;
            if !is_right {
                wrong += 1;
                if wrong <= 20 {
                    println!("{number}: its caller was told {told:?}, the API saw {seen:?}");
                }
            }
        }
        for (told, count) in sums {
            println!("{count:>8} {told:?}");
        }
        if wrong > 0 { Err(format!("{wrong} requests are told wrongly").into()) } else { Ok(()) }
    }

    /// The resident set of this process, in KiB; 0 where the system does not say.
    fn resident() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
    }
}
