//! Secrets that live elsewhere, on each adapter: what hangs, what is renewed as platforms renew it, and clocks that are apart.
//!
//!     cargo test -p evergrant-tests --test sources -- --nocapture        the figures
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_async_std::{AsyncStd, Net, Smol};
use evergrant_mock::Server;
use evergrant_tests::places::{Folder, Place};
use evergrant_tests::{LONG, install_tls, ms, quick, secs, server};
use evergrant_tokio_reqwest::core::{Cause, ClockOffset, SourceError, Unready};
use evergrant_tokio_reqwest::{
    Client, ClientAuth, CommandSource, Error, Event, EventKind, ManualClock, Observer, Policy, Provider,
    Rotation, SecretText, Token,
};
use std::fs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// One test at a time: they count threads and processes.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits, a minute at most, until it is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < LONG, "{what}");
        thread::sleep(ms(5));
    }
}

/// How a source of tokens is made.
struct Setup {
    client: Client,
    policy: Policy,
    secret: Option<Place>,
    clock: Option<ManualClock>,
    name: &'static str,
    observer: Option<Arc<Heard>>,
}

impl Setup {
    /// Whose secret is read there.
    fn reading(server: &Server, place: Place) -> Self {
        Self { secret: Some(place), ..Self::of(server, ClientAuth::post_live(Server::CLIENT_ID).unwrap()) }
    }

    fn of(server: &Server, auth: ClientAuth) -> Self {
        let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
        let client = Client::builder(provider, auth).build().unwrap();
        Self { client, policy: quick(), secret: None, clock: None, name: "a source", observer: None }
    }
}

/// A source of tokens on an adapter, as a thread sees it. Its callers take the first outcome.
trait Asks {
    fn token(&self) -> Result<Token, Error>;
    fn rotate(&self, auth: ClientAuth, rotation: Rotation);
    /// A millisecond, in which its runtime gets on.
    fn pause(&self) {
        thread::sleep(ms(1));
    }
    /// Does this on its runtime, once another task there has had twenty turns.
    fn after_twenty_turns(&self, then: Box<dyn FnOnce() + Send>);
}

type Mount = fn(Setup) -> Box<dyn Asks>;

/// Every adapter, by name.
const ADAPTERS: [(&str, Mount); 4] = [
    ("tokio-reqwest", on_tokio),
    ("async-std", |setup| futures::<AsyncStd>(setup, |token| async_std::task::block_on(token))),
    ("smol", |setup| futures::<Smol>(setup, |token| smol::block_on(token))),
    ("ureq", on_threads),
];

macro_rules! built {
    ($builder:expr, $setup:expr) => {{
        let mut builder = $builder.policy($setup.policy).fail_fast(true).name($setup.name);
        if let Some(place) = $setup.secret {
            builder = builder.secret(place);
        }
        if let Some(clock) = $setup.clock {
            builder = builder.clock(clock);
        }
        if let Some(observer) = $setup.observer {
            builder = builder.observer(observer);
        }
        builder.build().unwrap()
    }};
}

/// On one thread: whoever blocks it blocks everything.
struct Tokio(tokio::runtime::Runtime, evergrant_tokio_reqwest::Tokens);

fn on_tokio(setup: Setup) -> Box<dyn Asks> {
    install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Box::new(Tokio(runtime, built!(evergrant_tokio_reqwest::Tokens::builder(setup.client), setup)))
}

impl Asks for Tokio {
    fn token(&self) -> Result<Token, Error> {
        self.0.block_on(self.1.token())
    }

    fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.1.rotate(auth, rotation);
    }

    fn pause(&self) {
        self.0.block_on(async { tokio::time::sleep(ms(1)).await });
    }

    fn after_twenty_turns(&self, then: Box<dyn FnOnce() + Send>) {
        self.0.spawn(async move {
            for _ in 0..20 {
                tokio::time::sleep(ms(1)).await;
            }
            then();
        });
    }
}

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<Token, Error>> + Send + 'a>>;

struct Futures<N>(evergrant_async_std::Tokens<N>, fn(Outcome<'_>) -> Result<Token, Error>);

fn futures<N: Net>(setup: Setup, block_on: fn(Outcome<'_>) -> Result<Token, Error>) -> Box<dyn Asks> {
    Box::new(Futures(built!(evergrant_async_std::Tokens::<N>::builder(setup.client), setup), block_on))
}

impl<N: Net> Asks for Futures<N> {
    fn token(&self) -> Result<Token, Error> {
        (self.1)(Box::pin(self.0.token()))
    }

    fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.0.rotate(auth, rotation);
    }

    fn after_twenty_turns(&self, then: Box<dyn FnOnce() + Send>) {
        N::default().spawn(async move {
            for _ in 0..20 {
                N::default().sleep(ms(1)).await;
            }
            then();
        });
    }
}

struct Threads(evergrant_ureq::Tokens);

fn on_threads(setup: Setup) -> Box<dyn Asks> {
    Box::new(Threads(built!(evergrant_ureq::Tokens::builder(setup.client), setup)))
}

impl Asks for Threads {
    fn token(&self) -> Result<Token, Error> {
        self.0.token()
    }

    fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.0.rotate(auth, rotation);
    }

    fn after_twenty_turns(&self, then: Box<dyn FnOnce() + Send>) {
        thread::spawn(move || {
            thread::sleep(ms(20));
            then();
        });
    }
}

#[track_caller]
fn unready(outcome: &Result<Token, Error>) -> &Unready {
    match outcome {
        Err(Error::Failed { cause: Cause::NotSent(unready), .. }) => unready,
        other => panic!("expected a secret that cannot be had, saw {other:?}"),
    }
}

/// How many attempts hang, one after the other.
const ATTEMPTS: usize = 20;

#[cfg(target_os = "linux")]
mod hanging {
    use super::*;

    /// The threads that read.
    fn readers() -> usize {
        // A name is cut after 15 bytes.
        let named = |task: &fs::DirEntry| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "evergrant-secre")
        };
        fs::read_dir("/proc/self/task").unwrap().flatten().filter(named).count()
    }

    /// A pipe that nobody writes to: like a mount that hangs, but that it can be ended.
    fn pipe(folder: &Folder, name: &str) -> std::path::PathBuf {
        let path = folder.at(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// Whoever reads the pipe has this, and its end.
    fn write(pipe: &Path, text: &str) {
        fs::write(pipe, text).unwrap();
    }

    #[test]
    fn i35_what_hangs_holds_up_no_runtime_and_costs_one_thread_however_often_it_is_asked() {
        let _alone = alone();
        for (adapter, mount) in ADAPTERS {
            let (server, folder) = (server(), Folder::new());
            let fifo = pipe(&folder, "secret");
            let limit = ms(50);
            let policy = quick().with_attempt_timeout(limit).with_backoff(ms(1), ms(1));
            let source = mount(Setup { policy, ..Setup::reading(&server, Place::file(&fifo)) });
            let mut slowest = Duration::ZERO;
            for _ in 0..ATTEMPTS {
                let began = Instant::now();
                let outcome = source.token();
                slowest = slowest.max(began.elapsed());
                let unready = unready(&outcome);
                assert_eq!(unready.problem(), &SourceError::TimedOut, "{adapter}");
                assert!(unready.to_string().contains(&*fifo.to_string_lossy()), "{adapter}: {unready}");
                assert!(readers() <= 1, "{adapter}: {} threads", readers());
                thread::sleep(ms(2));
            }
            eprintln!("{adapter}: {ATTEMPTS} attempts of {limit:?}, the slowest {slowest:?}");
            assert_eq!(server.counts().token_requests, 0, "{adapter}");
            // A pipe is left when the time is over.
            until("a thread is left", || readers() == 0);
            fs::remove_file(&fifo).unwrap();
            folder.put("secret", Server::CLIENT_SECRET);
            until("it is read", || source.token().is_ok());
        }
    }

    /// What no system call can be told to leave, such as a mount that hangs.
    #[test]
    fn i35_a_read_that_cannot_be_ended_is_waited_for_and_no_other_is_begun() {
        let _alone = alone();
        for (adapter, mount) in ADAPTERS {
            let (server, folder) = (server(), Folder::new());
            let fifo = pipe(&folder, "secret");
            let policy = quick().with_attempt_timeout(ms(20)).with_backoff(ms(1), ms(1));
            let path = fifo.clone();
            let place = Place::call(move || {
                let text = fs::read_to_string(&path);
                text.map(|text| SecretText::new(&text))
                    .map_err(|error| SourceError::failed(&error.to_string()))
            });
            let source = mount(Setup { policy, ..Setup::reading(&server, place) });
            for _ in 0..ATTEMPTS {
                assert_eq!(unready(&source.token()).problem(), &SourceError::TimedOut, "{adapter}");
                thread::sleep(ms(2));
            }
            assert_eq!((readers(), server.counts().token_requests), (1, 0), "{adapter}");
            // It answers after all, and nobody waits any more.
            write(&fifo, "late");
            until("a thread is left", || readers() == 0);
            fs::remove_file(&fifo).unwrap();
            folder.put("secret", Server::CLIENT_SECRET);
            until("it is read", || source.token().is_ok());
        }
    }

    /// If the attempt blocked the thread of a runtime that has one, the other task would never write.
    #[test]
    fn i35_other_tasks_get_on_while_a_source_hangs() {
        let _alone = alone();
        for (adapter, mount) in ADAPTERS {
            let (server, folder) = (server(), Folder::new());
            let fifo = pipe(&folder, "secret");
            let policy = quick().with_attempt_timeout(LONG);
            let source = mount(Setup { policy, ..Setup::reading(&server, Place::file(&fifo)) });
            source.after_twenty_turns(Box::new(move || {
                // It waits for whoever reads.
                thread::spawn(move || write(&fifo, Server::CLIENT_SECRET));
            }));
            assert!(source.token().is_ok(), "{adapter}");
        }
    }

    // I40
    #[test]
    fn a_held_token_is_served_while_the_source_hangs() {
        let _alone = alone();
        for (adapter, mount) in ADAPTERS {
            let (server, folder) = (server(), Folder::new());
            let place = Place::file(folder.put("secret", Server::CLIENT_SECRET));
            let policy = quick().with_attempt_timeout(ms(100));
            let source = mount(Setup { policy, ..Setup::reading(&server, place) });
            until("there is a token", || source.token().is_ok());
            let held = source.token().unwrap().generation();
            fs::remove_file(folder.at("secret")).unwrap();
            let fifo = pipe(&folder, "secret");
            source.rotate(ClientAuth::basic_live(Server::CLIENT_ID).unwrap(), Rotation::Keep);
            let mut calls = 0;
            // Until one attempt has hung to its end, and another is under way.
            let began = Instant::now();
            while began.elapsed() < ms(150) || readers() == 0 {
                assert_eq!(source.token().unwrap().generation(), held, "{adapter}");
                calls += 1;
                source.pause();
            }
            assert!(readers() == 1 && calls > 1, "{adapter}");
            // Whoever reads next finds a file there.
            fs::rename(&fifo, folder.at("pipe")).unwrap();
            folder.put("secret", Server::CLIENT_SECRET);
            write(&folder.at("pipe"), "late");
            until("a thread is left", || {
                let _served = source.token().unwrap();
                source.pause();
                readers() == 0
            });
        }
    }

    /// Every process with this word in its command line that has not ended.
    fn processes(word: &str) -> usize {
        let runs = |entry: &fs::DirEntry| {
            let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let (line, stat) = (read("cmdline"), read("stat"));
            String::from_utf8_lossy(&line).contains(word) && !String::from_utf8_lossy(&stat).contains(") Z ")
        };
        fs::read_dir("/proc").unwrap().flatten().filter(runs).count()
    }

    #[test]
    fn i35_no_process_is_left_of_commands_that_hang() {
        let _alone = alone();
        for (number, (adapter, mount)) in ADAPTERS.into_iter().enumerate() {
            let server = server();
            // A word of its own in the command line of each, and of what it begins.
            let word = format!("{}.{number}", 86_400_000 + std::process::id());
            let script = format!("sleep {word} & sleep {word}; wait");
            let command = Place::command(CommandSource::new("sh").argument("-c").argument(script));
            let policy = quick().with_attempt_timeout(ms(50)).with_backoff(ms(1), ms(1));
            let source = mount(Setup { policy, ..Setup::reading(&server, command) });
            let mut most = 0;
            for _ in 0..ATTEMPTS {
                let outcome = source.token();
                assert_eq!(unready(&outcome).problem(), &SourceError::TimedOut, "{adapter}");
                most = most.max(processes(&word));
                thread::sleep(ms(2));
            }
            eprintln!("{adapter}: {ATTEMPTS} commands, at most {most} processes at once");
            // The shell and its two: what is ended may still be going while the next begins.
            until("a process is left", || processes(&word) == 0);
            until("a thread is left", || readers() == 0);
        }
    }
}

/// What becomes of a secret in a file when somebody renews it, step by step; between two steps this much of the clock passes.
#[cfg(unix)]
mod renewed {
    use super::*;
    use std::os::unix::fs::symlink;

    type Step = fn(&Folder);

    /// As the kubelet does it: a folder of its own for each version, and one link that is replaced.
    fn project(folder: &Folder, version: &str, secret: &str) {
        let before = fs::read_link(folder.at("..data")).ok();
        fs::create_dir(folder.at(version)).unwrap();
        fs::write(folder.at(version).join("secret"), secret).unwrap();
        symlink(version, folder.at("..data_tmp")).unwrap();
        fs::rename(folder.at("..data_tmp"), folder.at("..data")).unwrap();
        match before {
            Some(before) => fs::remove_dir_all(folder.at("").join(before)).unwrap(),
            None => symlink("..data/secret", folder.at("secret")).unwrap(),
        }
    }

    fn plain(folder: &Folder) {
        fs::write(folder.at("secret"), "the old one\n").unwrap();
    }

    /// How a file is renewed.
    #[derive(Clone, Copy)]
    struct Way {
        name: &'static str,
        begin: Step,
        /// What is done to it, and how many seconds pass before the next.
        steps: &'static [(Step, u64)],
    }

    const WAYS: [Way; 4] = [
        Way {
            name: "a projected volume is swapped",
            begin: |folder| project(folder, "..2026_11_30_1", "the old one"),
            steps: &[(|folder| project(folder, "..2026_11_30_2", Server::CLIENT_SECRET), 0)],
        },
        Way {
            name: "renamed over",
            begin: plain,
            steps: &[(|folder| drop(folder.put("secret", format!("{}\n", Server::CLIENT_SECRET))), 0)],
        },
        Way {
            name: "truncated, and written 3 s later",
            begin: plain,
            steps: &[
                (|folder| fs::write(folder.at("secret"), "").unwrap(), 3),
                (|folder| fs::write(folder.at("secret"), Server::CLIENT_SECRET).unwrap(), 0),
            ],
        },
        Way {
            name: "deleted, and back 3 s later",
            begin: plain,
            steps: &[
                (|folder| fs::remove_file(folder.at("secret")).unwrap(), 3),
                (|folder| fs::write(folder.at("secret"), Server::CLIENT_SECRET).unwrap(), 0),
            ],
        },
    ];

    /// How often somebody asks.
    const PACE: Duration = ms(100);

    /// The secret becomes right so long after the first request with the wrong one, by the clock of the test: the time from then to the
    /// first token, and the token requests before and after.
    fn heals(mount: Mount, way: Way, after: u64) -> (Duration, u64, u64) {
        let Way { begin, steps, .. } = way;
        let (server, folder, clock) = (server(), Folder::new(), ManualClock::new());
        begin(&folder);
        // The default figures, with their jitter; but whoever waits for the shortest interval would wait for a clock that stands.
        let setup = Setup {
            policy: Policy::new().with_attempt_timeout(secs(600)).with_min_interval(PACE),
            clock: Some(clock.clone()),
            ..Setup::reading(&server, Place::file(folder.at("secret")))
        };
        let source = mount(setup);
        let fails = |time: Duration| {
            let mut passed = Duration::ZERO;
            while passed < time {
                assert!(source.token().is_err());
                clock.advance(PACE);
                passed += PACE;
            }
        };
        fails(secs(after));
        let before = server.counts().token_requests;
        for (step, seconds) in steps {
            step(&folder);
            fails(secs(*seconds));
        }
        let mut healed = Duration::ZERO;
        while source.token().is_err() {
            clock.advance(PACE);
            healed += PACE;
            assert!(healed < secs(3600));
        }
        (healed, before, server.counts().token_requests - before)
    }

    // I36
    #[test]
    fn a_secret_that_is_mended_in_any_way_works_again_within_ten_seconds_and_costs_one_request() {
        let _alone = alone();
        eprintln!(
            "| the file is | s after the first refusal | token requests before | after | s until the first token |"
        );
        eprintln!("|---|---|---|---|---|");
        for way in WAYS {
            for after in [1, 7, 15, 40, 100] {
                let (healed, before, requests) = heals(on_threads, way, after);
                eprintln!("| {} | {after} | {before} | {requests} | {:.1} |", way.name, healed.as_secs_f64());
                assert_eq!(requests, 1, "{}: the right one alone is sent", way.name);
                let rest = secs(10) + PACE + PACE;
                assert!(healed <= rest, "{}, after {after} s: {healed:?}", way.name);
            }
        }
        for (adapter, mount) in ADAPTERS {
            let (healed, _, requests) = heals(mount, WAYS[0], 1);
            assert!(requests == 1 && healed <= secs(12), "{adapter}: {healed:?}");
        }
    }

    /// Each renewal is one request, and nobody waits: the token is asked for anew when it ends.
    #[test]
    fn a_projected_token_that_is_renewed_in_time_costs_nothing_more() {
        let _alone = alone();
        for (adapter, mount) in ADAPTERS {
            let (server, folder, clock) = (server(), Folder::new(), ManualClock::new());
            project(&folder, "..0", Server::CLIENT_SECRET);
            let place = Place::file(folder.at("secret"));
            let clocked = Some(clock.clone());
            let source = mount(Setup { clock: clocked, ..Setup::reading(&server, place) });
            for round in 1..=5_u64 {
                assert!(source.token().is_ok(), "{adapter}");
                assert_eq!(server.counts().token_requests, round, "{adapter}");
                let secret = format!("secret number {round}");
                server.rotate_client(Server::CLIENT_ID, &secret);
                project(&folder, &format!("..{round}"), &secret);
                clock.advance(secs(3600));
            }
        }
    }
}

/// What is heard of clocks.
#[derive(Default)]
struct Heard(Mutex<Vec<ClockOffset>>);

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        if let EventKind::ClockOff { offset, .. } = event.kind {
            self.0.lock().unwrap().push(*offset);
        }
    }
}

/// What is logged, at WARN.
static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_ansi(false)
            .with_writer(Log);
        tracing_subscriber::util::SubscriberInitExt::init(subscriber.finish());
    });
}

#[test]
fn clocks_that_are_apart_are_told_of_once_and_once_more_when_that_changes() {
    let _alone = alone();
    listen();
    for (name, mount) in ADAPTERS {
        let server = server();
        let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
        let heard = Arc::new(Heard::default());
        let source =
            mount(Setup { name, observer: Some(Arc::clone(&heard)), ..Setup::of(&server, auth.clone()) });
        let warned = || {
            let logged = LOGGED.lock().unwrap();
            logged
                .lines()
                .filter(|line| {
                    line.contains(name) && line.contains("this machine's clock and the server's are apart")
                })
                .count()
        };
        let mut told = Vec::new();
        // A machine may be slow, and Date has whole seconds: whoever is off by a little more or less is off by the same.
        for offset in [0, 140, 140, 141, -140, -140, 0, 0, 140] {
            server.set_clock_offset(offset);
            // Its answer is all that tells it, whatever became of the request.
            source.rotate(auth.clone(), Rotation::Drop);
            thread::sleep(ms(2));
            assert!(source.token().is_ok(), "{name}");
            // Reported after the callers were woken.
            let count = usize::from(told.last() != Some(&offset) && offset.abs() == 140);
            told.extend((count == 1 || offset == 0).then_some(offset));
            let expected = told.iter().filter(|offset| **offset != 0).count();
            until("it is told", || {
                // A runtime of one thread moves only while somebody calls.
                source.pause();
                heard.0.lock().unwrap().len() >= expected && warned() >= expected
            });
        }
        let heard = heard.0.lock().unwrap();
        let ways: Vec<_> = heard.iter().map(|offset| matches!(offset, ClockOffset::Behind(_))).collect();
        assert_eq!(ways, [true, false, true], "{name}: {heard:?}");
        assert!(heard.iter().all(|offset| offset.by() > secs(60)), "{name}: {heard:?}");
        assert_eq!(warned(), 3, "{name}");
    }
    let logged = LOGGED.lock().unwrap();
    let line =
        logged.lines().find(|line| line.contains("this machine's clock and the server's are apart")).unwrap();
    eprintln!("{line}");
}
