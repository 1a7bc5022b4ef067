//! What a task gets through a store: the rules are core's, here they are waited for.

use super::*;
use crate::fixture::{Fault, InMemory, ms};
use crate::observer::{Event, EventKind, Observer};
use crate::{SealedStore, WhenDown};
use evergrant_core::fleet::{Claim, Claimant, Operation, Reply as Replied};
use evergrant_core::{Class, Landing, Rejection, Rotation};

const UNAVAILABLE: Option<(u16, &str)> = Some((503, ""));
const INVALID_CLIENT: Option<(u16, &str)> = Some((401, r#"{"error":"invalid_client"}"#));

/// A store, and processes that share it: each a source with a runtime of its own.
struct Fleet {
    clock: crate::ManualClock,
    memory: InMemory,
}

struct Process {
    source: Source<Hand, Answers, String>,
    hand: Hand,
    sent: &'static AtomicU32,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard(Mutex<Vec<EventKind>>);

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(event.kind.clone());
    }
}

impl Fleet {
    fn new() -> Self {
        let (_, clock) = fixture::settings();
        let memory = InMemory::new(&clock);
        Self { clock, memory }
    }

    /// A process with a store of its own over the one memory, as another host has it.
    fn process(&self, answer: Option<(u16, &'static str)>) -> Process {
        self.process_with(answer, self.memory.sealed())
    }

    fn process_with(&self, answer: Option<(u16, &'static str)>, store: SealedStore) -> Process {
        let heard = Arc::<Heard>::default();
        let observer = Arc::<Heard>::clone(&heard);
        let settings =
            Settings::new(fixture::client()).policy(evergrant_core::Policy::new().with_jitter(false));
        let settings = settings.clock(self.clock.clone()).store(store).observer(observer);
        let (source, hand, sent) = source_of(settings, answer);
        Process { source, hand, sent, heard }
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Process {
    /// Polls a call until it has an outcome, with the jobs run between.
    fn token(&self) -> Result<String, Error> {
        let mut call = Box::pin(self.source.wait(None, None));
        for _ in 0..10 {
            if let Poll::Ready(done) = poll(&mut call) {
                return done.map(|snapshot| snapshot.value().clone());
            }
            self.hand.run();
        }
        panic!("nothing came")
    }

    fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }

    fn run(&self) {
        for _ in 0..10 {
            self.hand.run();
        }
    }

    /// The words for what it told of the store.
    fn heard_of_store(&self) -> Vec<&'static str> {
        let heard = self.heard.0.lock().unwrap();
        let words = heard.iter().filter_map(|kind| match kind {
            EventKind::StoreFailing { .. } => Some("failing"),
            EventKind::StoreBack {} => Some("back"),
            EventKind::StoreUnopened {} => Some("unopened"),
            _ => None,
        });
        words.collect()
    }

    fn landed(&self) -> Vec<(&'static str, bool)> {
        // It is told once everyone was woken.
        self.run();
        let heard = self.heard.0.lock().unwrap();
        let landed = heard.iter().filter_map(|kind| match kind {
            EventKind::Landed { landing, asked, .. } => Some((landing.as_str(), *asked)),
            _ => None,
        });
        landed.collect()
    }
}

/// A claim of somebody else's.
fn others_claim() -> Operation {
    let lease = Some(secs(11));
    Operation::Claim(Claim {
        claimant: Claimant::new([9; 16]),
        dropped: None,
        held: None,
        lease,
        young: secs(10),
    })
}

#[test]
fn the_second_process_has_the_token_of_the_first_and_sends_nothing() {
    let fleet = Fleet::new();
    let [first, second] = [fleet.process(GRANT), fleet.process(GRANT)];
    assert_eq!(first.token().unwrap(), "Bearer a");
    first.run();
    assert_eq!(fleet.memory.commands(), ["claim", "put"]);
    assert_eq!(second.token().unwrap(), "Bearer a");
    assert_eq!((first.sent(), second.sent()), (1, 0));
    assert_eq!(fleet.memory.commands(), ["claim"], "one command, and nobody was asked");
    let [one, other] = [&first, &second].map(|process| process.source.shared().status());
    assert_eq!((one.requests, other.requests), (1, 0));
    assert_eq!(other.held.unwrap().used_for, one.held.unwrap().used_for);
    assert_eq!((first.landed(), second.landed()), (vec![("installed", true)], vec![("installed", false)]));
    let sent = |process: &Process| {
        process.heard.0.lock().unwrap().iter().filter(|kind| matches!(kind, EventKind::Sent { .. })).count()
    };
    assert_eq!((sent(&first), sent(&second)), (1, 0));
}

#[test]
fn a_put_that_hangs_holds_nobody_up() {
    let fleet = Fleet::new();
    let process = fleet.process(GRANT);
    let mut call = Box::pin(process.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    // It claims, asks and lands in one run, then steps aside once: the put comes in the next.
    process.hand.run();
    fleet.memory.fails_by(Fault::Hangs);
    assert!(poll(&mut call).is_ready());
    process.run();
    assert_eq!(fleet.memory.commands(), ["claim", "put"]);
    // It is repeated twice, then given up, and the claim with it.
    for pause in [250, 100, 250, 400, 250, 250] {
        fleet.advance(ms(pause));
        process.run();
    }
    assert_eq!(fleet.memory.commands(), ["put", "put", "fail"]);
    assert!(process.hand.0.jobs.lock().unwrap().is_empty(), "nothing runs on in the background");
}

#[test]
fn while_another_process_asks_it_pauses_and_has_that_ones_token() {
    let fleet = Fleet::new();
    let [first, second] = [fleet.process(GRANT), fleet.process(GRANT)];
    let Replied::Claimed { stamp, .. } = fleet.memory.run_as(&fixture::client(), &others_claim()) else {
        panic!()
    };
    let mut call = Box::pin(second.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    second.run();
    assert_eq!(fleet.memory.commands(), ["claim"]);
    assert_eq!(second.sent(), 0);
    // The other one fails by a fault of its own, and the first process is faster than the second.
    let zero = Duration::ZERO;
    let fail = evergrant_core::fleet::Fail {
        claimant: Claimant::new([9; 16]),
        stamp,
        counts: false,
        base: zero,
        cap: zero,
        told: zero,
        spread: 0,
        said: None,
    };
    assert_eq!(fleet.memory.run_as(&fixture::client(), &Operation::Fail(fail)), Replied::Noted);
    assert_eq!(first.token().unwrap(), "Bearer a");
    first.run();
    fleet.advance(secs(1));
    second.run();
    assert_eq!(poll(&mut call).map(|done| done.unwrap().value().clone()), Poll::Ready("Bearer a".into()));
    assert_eq!((first.sent(), second.sent()), (1, 0));
}

#[test]
fn a_refusal_is_the_whole_fleets() {
    let fleet = Fleet::new();
    let [first, second] = [fleet.process(INVALID_CLIENT), fleet.process(GRANT)];
    let Error::Failed { cause, .. } = first.token().unwrap_err() else { panic!() };
    assert!(!matches!(cause, Cause::Refused(refusal) if refusal.is_told()));
    first.run();
    let Error::Failed { cause, retry_after } = second.token().unwrap_err() else { panic!() };
    let Cause::Refused(refusal) = &cause else { panic!("{cause:?}") };
    assert!(refusal.is_told() && refusal.class() == Class::Permanent, "{refusal}");
    assert_eq!(refusal.code(), Some("invalid_client"));
    assert!(retry_after > Duration::ZERO);
    assert_eq!((first.sent(), second.sent()), (1, 0));
    assert_eq!(second.landed(), [("permanent", false)]);
    assert_eq!(second.source.shared().status().requests, 0);
}

#[test]
fn a_refused_token_is_thrown_away_for_all_and_one_asks() {
    let fleet = Fleet::new();
    let [first, second] = [fleet.process(GRANT), fleet.process(GRANT)];
    assert!(first.token().is_ok());
    first.run();
    assert!(second.token().is_ok());
    fleet.memory.commands();
    // No younger than `young`.
    fleet.advance(secs(30));
    let generation = second.source.shared().try_token().unwrap().generation();
    assert_eq!(second.source.shared().reject(generation, &fixture::origin("api")), Rejection::Dropped);
    // The server hands out the same text again, which is a new token to the store.
    let origin = fixture::origin("api");
    let mut call = Box::pin(second.source.token_for(&origin));
    assert!(poll(&mut call).is_pending());
    second.run();
    assert!(poll(&mut call).is_ready());
    assert_eq!((first.sent(), second.sent()), (1, 1));
    assert_eq!(fleet.memory.commands(), ["claim", "put"]);
}

#[test]
fn a_store_that_fails_costs_nobody_a_token_and_is_left_alone_for_a_while() {
    for fault in [Fault::Refuses, Fault::Panics, Fault::PanicsLater] {
        let fleet = Fleet::new();
        fleet.memory.fails_by(fault);
        let store = fleet.memory.sealed();
        let process = fleet.process_with(GRANT, store.clone());
        assert_eq!(process.token().unwrap(), "Bearer a", "{fault:?}");
        process.run();
        assert_eq!(fleet.memory.commands(), ["claim", "claim"], "{fault:?}: what it got was offered once");
        assert_eq!(process.heard_of_store(), ["failing"]);
        // Another source of the process leaves it alone.
        let other = fleet.process_with(GRANT, store.clone());
        assert!(other.token().is_ok());
        assert_eq!((fleet.memory.commands(), other.sent()), (vec![], 1));
        assert_eq!(other.landed(), [("installed", true)]);
        // The first flight after the pause tries it out.
        fleet.memory.fails_by(Fault::None);
        fleet.advance(secs(5));
        let third = fleet.process_with(GRANT, store);
        assert!(third.token().is_ok());
        third.run();
        assert_eq!(fleet.memory.commands(), ["claim", "put"]);
        assert_eq!(third.heard_of_store(), ["back"]);
    }
}

#[test]
fn i15_a_store_that_hangs_costs_a_cold_process_250_ms_and_nobody_else() {
    let fleet = Fleet::new();
    fleet.memory.fails_by(Fault::Hangs);
    let process = fleet.process(GRANT);
    let mut call = Box::pin(process.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    process.run();
    fleet.advance(ms(249));
    process.run();
    assert!(poll(&mut call).is_pending());
    assert_eq!(process.sent(), 0);
    fleet.advance(ms(1));
    process.run();
    assert!(poll(&mut call).is_ready());
    assert_eq!(process.sent(), 1);
    // Whoever has a token never waits for the next one.
    fleet.advance(secs(3300));
    let mut call = Box::pin(process.source.wait(None, None));
    assert!(poll(&mut call).is_ready());
}

#[test]
fn a_store_that_no_network_can_lose_may_be_given_longer() {
    let fleet = Fleet::new();
    fleet.memory.fails_by(Fault::Hangs);
    let process = fleet.process_with(GRANT, fleet.memory.sealed().limit(secs(5)));
    let mut call = Box::pin(process.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    process.run();
    fleet.advance(ms(4999));
    process.run();
    assert!(poll(&mut call).is_pending() && process.sent() == 0);
    fleet.advance(ms(1));
    process.run();
    assert!(poll(&mut call).is_ready() && process.sent() == 1);
}

#[test]
fn the_request_has_its_whole_time_after_the_store_took_some() {
    let fleet = Fleet::new();
    fleet.memory.fails_by(Fault::Hangs);
    let process = fleet.process(None);
    let mut call = Box::pin(process.source.wait(Some(secs(60)), None));
    assert!(poll(&mut call).is_pending());
    process.run();
    fleet.advance(ms(250));
    process.run();
    assert_eq!(process.sent(), 1);
    // attempt_timeout is 10 s.
    fleet.advance(ms(9999));
    process.run();
    assert!(process.landed().is_empty());
    fleet.advance(ms(1));
    process.run();
    assert_eq!(process.landed(), [("transient", true)]);
}

#[test]
fn who_pays_for_each_token_rests_while_the_store_is_down() {
    let fleet = Fleet::new();
    fleet.memory.fails_by(Fault::Refuses);
    let store = fleet.memory.sealed().when_down(WhenDown::Rest);
    let settings = || fleet.process_with(GRANT, store.clone());
    let process = settings();
    let mut call = Box::pin(process.source.wait(Some(ms(100)), None));
    assert!(poll(&mut call).is_pending());
    process.run();
    fleet.advance(ms(100));
    let Poll::Ready(Err(error)) = poll(&mut call) else { panic!("its patience is over") };
    assert!(error.to_string().contains("the token request was not sent: the store refused: "), "{error}");
    assert_eq!(process.sent(), 0);
    // Also while it is left alone.
    let other = settings();
    let mut call = Box::pin(other.source.wait(Some(ms(100)), None));
    assert!(poll(&mut call).is_pending());
    other.run();
    assert_eq!(other.landed(), [("not_sent", false)]);
    assert_eq!((other.sent(), fleet.memory.commands().len()), (0, 1));
    // It is tried again as after any transient failure.
    fleet.memory.fails_by(Fault::None);
    fleet.advance(secs(5));
    assert_eq!(other.token().unwrap(), "Bearer a");
}

#[test]
fn a_token_of_the_old_credentials_does_not_come_back_from_the_store() {
    let fleet = Fleet::new();
    let [first, second] = [fleet.process(GRANT), fleet.process(GRANT)];
    assert!(first.token().is_ok());
    first.run();
    assert!(second.token().is_ok());
    fleet.memory.commands();
    // The entry keeps its name: the same secret, for whatever reason it is set once more.
    second.source.shared().rotate(fixture::auth("first"), Rotation::Drop);
    fleet.advance(secs(1));
    assert!(second.token().is_ok());
    second.run();
    assert_eq!(
        (first.sent(), second.sent()),
        (1, 1),
        "what it dropped is young, and is thrown away all the same"
    );
    assert_eq!(fleet.memory.commands(), ["claim", "put"]);
}

#[test]
fn what_does_not_open_is_told_and_replaced() {
    let fleet = Fleet::new();
    let process = fleet.process(GRANT);
    let Replied::Claimed { stamp, .. } = fleet.memory.run_as(&fixture::client(), &others_claim()) else {
        panic!()
    };
    let put = evergrant_core::fleet::Put {
        claimant: Claimant::new([9; 16]),
        stamp,
        print: evergrant_core::fleet::Print::new([1; 8]),
        sealed: evergrant_core::fleet::Sealed::new(b"of another key"),
        ends_in: secs(3600),
        due_in: secs(3000),
        life: secs(3600),
    };
    assert_eq!(fleet.memory.run_as(&fixture::client(), &Operation::Put(put)), Replied::Kept);
    // However young it is.
    assert_eq!(process.token().unwrap(), "Bearer a");
    process.run();
    assert_eq!(process.heard_of_store(), ["unopened"]);
    let second = fleet.process(GRANT);
    assert!(second.token().is_ok());
    assert_eq!((process.sent(), second.sent()), (1, 0), "it was replaced for all");
}

#[test]
fn what_the_store_does_not_keep_is_used_all_the_same() {
    let fleet = Fleet::new();
    fleet.memory.fails_by(Fault::KeepsNothing);
    let process = fleet.process(GRANT);
    assert!(process.token().is_ok());
    for _ in 0..3 {
        process.run();
        fleet.advance(ms(400));
    }
    assert_eq!(fleet.memory.commands(), ["claim", "put", "put", "put", "fail"]);
    assert_eq!(process.heard_of_store(), ["failing", "back"]);
    // Nobody waits for what was not kept.
    let second = fleet.process(GRANT);
    assert!(second.token().is_ok());
    assert_eq!(second.sent(), 1);
}

#[test]
fn a_failure_of_the_servers_is_told_to_the_store() {
    let fleet = Fleet::new();
    let process = fleet.process(UNAVAILABLE);
    let mut call = Box::pin(process.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    process.run();
    assert_eq!(fleet.memory.commands(), ["claim", "fail"]);
    assert!(matches!(
        fleet.memory.run_as(&fixture::client(), &others_claim()),
        Replied::Rest { failures: 1, .. }
    ));
    let Landing::Resting { .. } = process
        .heard
        .0
        .lock()
        .unwrap()
        .iter()
        .rev()
        .find_map(|kind| match kind {
            EventKind::Landed { landing, .. } => Some(landing.clone()),
            _ => None,
        })
        .unwrap()
    else {
        panic!()
    };
}

#[test]
fn a_client_that_cannot_be_sealed_for_is_named_when_the_source_is_made() {
    let fleet = Fleet::new();
    let provider = evergrant_core::Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let auth = evergrant_core::ClientAuth::none("public").unwrap();
    let client = evergrant_core::Client::builder(provider, auth).build().unwrap();
    let settings = Settings::new(client).store(fleet.memory.sealed());
    assert_eq!(settings.check(), Err(evergrant_core::ConfigError::NeedsStoreKey));
}

#[test]
fn whoever_wants_to_end_can_wait_until_the_store_was_told() {
    let fleet = Fleet::new();
    let process = fleet.process(GRANT);
    let mut flushed = Box::pin(process.source.flush());
    assert!(poll(&mut flushed).is_ready(), "nothing is under way");
    let mut call = Box::pin(process.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    assert!(poll(&mut Box::pin(process.source.flush())).is_pending(), "its job is there, and has not begun");
    process.hand.run();
    fleet.memory.fails_by(Fault::Hangs);
    assert!(poll(&mut call).is_ready());
    let waking = Waking::new();
    let mut flushed = Box::pin(process.source.flush());
    assert!(flushed.as_mut().poll(&mut Context::from_waker(&waking.waker())).is_pending());
    process.run();
    for pause in [250, 100, 250, 400, 250] {
        fleet.advance(ms(pause));
        process.run();
        assert_eq!(waking.count(), 0);
    }
    fleet.advance(ms(250));
    process.run();
    assert_eq!(waking.count(), 1);
    assert!(poll(&mut flushed).is_ready());
}

#[test]
fn whoever_wants_to_end_waits_for_a_job_that_has_not_begun_yet() {
    let fleet = Fleet::new();
    let process = fleet.process(GRANT);
    assert!(process.token().is_ok());
    process.run();
    // A refresh is due, and its job has not run yet.
    fleet.advance(secs(3301));
    let mut call = Box::pin(process.source.wait(None, None));
    assert!(poll(&mut call).is_ready());
    let mut flushed = Box::pin(process.source.flush());
    assert!(poll(&mut flushed).is_pending());
    process.run();
    assert!(poll(&mut flushed).is_ready());
    assert_eq!(fleet.memory.commands(), ["claim", "put", "claim", "put"]);
    // Nor does a job that is lost keep anybody waiting.
    let lost = fleet.process(GRANT);
    let mut call = Box::pin(lost.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    drop(std::mem::take(&mut *lost.hand.0.jobs.lock().unwrap()));
    assert!(poll(&mut Box::pin(lost.source.flush())).is_ready());
    // Nor one that leaks, for ever.
    let leaking = fleet.process(GRANT);
    let mut call = Box::pin(leaking.source.wait(None, None));
    assert!(poll(&mut call).is_pending());
    let mut flushed = Box::pin(leaking.source.flush());
    assert!(poll(&mut flushed).is_pending());
    fleet.advance(secs(23));
    assert!(poll(&mut flushed).is_pending());
    fleet.advance(secs(1));
    assert!(poll(&mut flushed).is_ready());
}
