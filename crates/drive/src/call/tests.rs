//! The authorized call, for tasks and for threads, on the same scripts.

use super::*;
use crate::clock::ManualClock;
use crate::fixture::{self, Ticking, ms, render, secs};
use crate::runtime::Handle;
use crate::settings::Settings;
use crate::shared::Shared;
use evergrant_core::{Policy, Request, Response, TransportError};
use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::pin::pin;
use std::time::Duration;

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Every token request brings another token.
#[derive(Debug, Default)]
struct Numbered(AtomicU32);

impl Numbered {
    fn answer(&self) -> Response {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let body = format!(r#"{{"access_token":"t{number}","token_type":"Bearer","expires_in":3600}}"#);
        Response::new(200).with_header("content-type", b"application/json").with_body(body.into())
    }
}

impl Transport for Numbered {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        Ok(self.answer())
    }
}

impl BlockingTransport for Numbered {
    fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
        Ok(self.answer())
    }
}

/// A runtime whose jobs have a thread each, and whose timers are over when they are set.
#[derive(Clone, Copy, Debug)]
struct Threads;

impl Runtime for Threads {
    type Handle = Self;

    fn current(&self) -> Result<Self, TransportError> {
        Ok(Self)
    }
}

impl Handle for Threads {
    type Sleep = Ready<()>;

    fn sleep(&self, _: Duration) -> Ready<()> {
        ready(())
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let _detached = thread::spawn(|| run(job));
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => return done,
            // Each poll may move the clock, and the request must come before that has moved by the time that it may take.
            Poll::Pending => thread::sleep(ms(1)),
        }
    }
}

/// What the resource server answers, one after the other, and how much time passes before each answer.
struct Script {
    answers: VecDeque<(Duration, Verdict)>,
    clock: ManualClock,
    repeatable: bool,
    /// The `Authorization` of each request.
    seen: Vec<String>,
}

impl Script {
    fn answer(&mut self, authorization: String) -> Result<(usize, Verdict), Error> {
        self.seen.push(authorization);
        let (time, verdict) = self.answers.pop_front().expect("one more request than the script has");
        self.clock.advance(time);
        Ok((self.seen.len(), verdict))
    }
}

impl Exchange<String> for Script {
    type Request = ();
    type Answer = usize;
    type Error = Error;

    fn repeat(&self, (): &()) -> Option<()> {
        self.repeatable.then_some(())
    }

    async fn send(&mut self, (): (), attachment: Attachment<String>) -> Result<(usize, Verdict), Error> {
        self.answer(attachment.into_authorization())
    }
}

impl BlockingExchange<String> for Script {
    type Request = ();
    type Answer = usize;
    type Error = Error;

    fn repeat(&self, (): &()) -> Option<()> {
        self.repeatable.then_some(())
    }

    fn send(&mut self, (): (), attachment: Attachment<String>) -> Result<(usize, Verdict), Error> {
        self.answer(attachment.into_authorization())
    }
}

/// What came of a call: which answer was handed on, the `Authorization` of each request, the token that is held
/// afterwards, and the token requests made.
#[derive(Debug, PartialEq)]
struct Came {
    answer: usize,
    seen: Vec<String>,
    held: Option<String>,
    asked: u64,
}

struct Setup {
    answers: &'static [(Duration, Verdict)],
    patience: Duration,
    tick: Duration,
    repeatable: bool,
}

const SETTLED: Duration = secs(1);
/// By then the gate of the site is open again, too.
const SETTLED_AGAIN: Duration = secs(20);

impl Setup {
    fn new(answers: &'static [(Duration, Verdict)]) -> Self {
        Self { answers, patience: secs(30), tick: Duration::ZERO, repeatable: true }
    }

    fn parts(&self) -> (Settings, Script) {
        let clock = ManualClock::new();
        let policy = Policy::new()
            .with_jitter(false)
            .with_min_interval(ms(1))
            .with_settle(ms(40))
            .with_patience(self.patience);
        let settings =
            Settings::new(fixture::client()).policy(policy).clock(Ticking(clock.clone(), self.tick));
        let answers = self.answers.iter().copied().collect();
        let script = Script { answers, clock, repeatable: self.repeatable, seen: Vec::new() };
        (settings, script)
    }

    /// On tasks and on threads: the same must come of it.
    fn comes_to(&self, answer: usize, seen: &[&str], held: Option<&str>, asked: u64) {
        let expected = Came {
            answer,
            seen: seen.iter().map(|token| format!("Bearer {token}")).collect(),
            held: held.map(String::from),
            asked,
        };
        let (settings, mut script) = self.parts();
        let tasks = Source::new(settings, render, Threads, Numbered::default());
        let answer = run(tasks.call(&mut script, (), &fixture::origin("a"))).unwrap();
        assert_eq!(came(answer, script, tasks.shared(), asked), expected, "on tasks");

        let (settings, mut script) = self.parts();
        let threads = BlockingSource::new(settings, render, Numbered::default());
        let answer = threads.call(&mut script, (), &fixture::origin("a")).unwrap();
        assert_eq!(came(answer, script, threads.shared(), asked), expected, "on threads");
    }
}

fn came(answer: usize, script: Script, shared: &Shared<String>, asked: u64) -> Came {
    assert!(script.answers.is_empty(), "a request was not made");
    // A request that was set off, and is not waited for, lands on a thread of its own. Each look may move the clock, and some thousands of
    // them would be longer than the request may take.
    while shared.status().requests < asked
        || matches!(shared.status().request, crate::RequestStatus::InFlight(_))
    {
        thread::sleep(ms(20));
    }
    let held = shared.try_token().map(|token| token.value().expose().to_owned());
    Came { answer, seen: script.seen, held, asked: shared.status().requests }
}

#[test]
fn an_answer_that_does_not_refuse_the_token_is_handed_on() {
    for answers in [
        &[(SETTLED, Verdict::Fine)],
        &[(SETTLED, Verdict::NotOurs)],
        &[(SETTLED, Verdict::InsufficientScope)],
    ] {
        Setup::new(answers).comes_to(1, &["t1"], Some("t1"), 1);
    }
}

#[test]
fn a_refused_token_is_replaced_and_the_request_sent_once_more() {
    Setup::new(&[(SETTLED, Verdict::TokenRefused), (SETTLED, Verdict::Fine)]).comes_to(
        2,
        &["t1", "t2"],
        Some("t2"),
        2,
    );
}

#[test]
fn the_refusal_of_the_replay_is_handed_on_and_told() {
    // The second token is refused as well, and its replacement set off for the next caller.
    Setup::new(&[(SETTLED, Verdict::TokenRefused), (SETTLED_AGAIN, Verdict::TokenRefused)]).comes_to(
        2,
        &["t1", "t2"],
        Some("t3"),
        3,
    );
}

#[test]
fn a_request_that_cannot_be_repeated_is_not_and_the_token_is_replaced_all_the_same() {
    let once = Setup { repeatable: false, ..Setup::new(&[(SETTLED, Verdict::TokenRefused)]) };
    once.comes_to(1, &["t1"], Some("t2"), 2);
}

#[test]
fn a_token_that_cannot_be_replaced_now_is_kept_and_its_refusal_handed_on() {
    let (settings, mut script) = Setup::new(&[
        (SETTLED, Verdict::TokenRefused),
        (Duration::ZERO, Verdict::Fine),
        (SETTLED, Verdict::TokenRefused),
    ])
    .parts();
    let source = BlockingSource::new(settings, render, Numbered::default());
    let origin = fixture::origin("a");
    assert_eq!(source.call(&mut script, (), &origin), Ok(2));
    // The gate of this site is closed.
    assert_eq!(source.call(&mut script, (), &origin), Ok(3));
    assert_eq!(script.seen, ["Bearer t1", "Bearer t2", "Bearer t2"]);
    assert_eq!(source.shared().status().requests, 2);
}

#[test]
fn a_token_that_just_came_is_given_time_to_settle() {
    let young = &[(Duration::ZERO, Verdict::TokenRefused), (Duration::ZERO, Verdict::Fine)];
    Setup { tick: ms(5), ..Setup::new(young) }.comes_to(2, &["t1", "t1"], Some("t1"), 1);
    let hasty = Setup { patience: ms(20), ..Setup::new(&young[..1]) };
    hasty.comes_to(1, &["t1"], Some("t1"), 1);
}

#[test]
fn a_fixed_token_is_never_replaced() {
    let token = evergrant_core::AccessToken::new("fixed").unwrap();
    let answers = &[(SETTLED, Verdict::TokenRefused)];
    let (_, mut script) = Setup::new(answers).parts();
    let origin = fixture::origin("a");
    let threads = BlockingSource::<Numbered, String>::fixed(token.clone(), render);
    assert_eq!(threads.call(&mut script, (), &origin), Ok(1));
    let (_, mut script) = Setup::new(answers).parts();
    let tasks = Source::<Threads, Numbered, String>::fixed(token, render, Threads);
    assert_eq!(run(tasks.call(&mut script, (), &origin)), Ok(1));
    assert_eq!(script.seen, ["Bearer fixed"]);
}

/// The first test that everybody writes: a token, its revocation, a call, and 200 is expected.
#[test]
fn a_token_revoked_while_it_is_young_is_replaced_by_the_third_send() {
    let answers = &[
        (Duration::ZERO, Verdict::TokenRefused),
        (SETTLED, Verdict::TokenRefused),
        (Duration::ZERO, Verdict::Fine),
    ];
    Setup { tick: ms(5), ..Setup::new(answers) }.comes_to(3, &["t1", "t1", "t2"], Some("t2"), 2);
}

#[test]
fn no_request_is_sent_a_fourth_time() {
    let answers = &[
        (Duration::ZERO, Verdict::TokenRefused),
        (SETTLED, Verdict::TokenRefused),
        (SETTLED_AGAIN, Verdict::TokenRefused),
    ];
    Setup { tick: ms(5), ..Setup::new(answers) }.comes_to(3, &["t1", "t1", "t2"], Some("t3"), 3);
}

#[test]
fn two_clients_over_one_source_share_no_gate_since_each_has_its_only_origin_first() {
    let (settings, mut script) = Setup::new(&[
        (SETTLED, Verdict::TokenRefused),
        (SETTLED, Verdict::Fine),
        (SETTLED, Verdict::TokenRefused),
        (SETTLED, Verdict::Fine),
    ])
    .parts();
    let source = BlockingSource::new(settings, render, Numbered::default());
    assert_eq!(source.call(&mut script, (), &fixture::origin("a")), Ok(2));
    // The gate of the first origin is closed, and the second one's is not: the revocation that is seen there counts.
    assert_eq!(source.call(&mut script, (), &fixture::origin("b")), Ok(4));
    assert_eq!(script.seen, ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]);
}
