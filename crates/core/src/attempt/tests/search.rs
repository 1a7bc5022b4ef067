//! Everything that can happen in a chain of attempts that hand on what they know, breadth first and to closure: every order of what is
//! read, answered and refused, and of time that passes. States are compared up to a shift of time. A broken invariant prints the
//! shortest list of events that leads to it. The figures are printed with `--nocapture`.
//!
//! # Bounds, and why they are enough
//! Two texts are enough for "the same" and "another", and for A, B, A. A second is the unit of time, on a policy whose cool-downs are
//! 2 s, 4 s and 5 s; an answer comes at once or a second later, so that sending and receiving are told apart. Clocks are right, off on
//! either side, off by another amount, and about the limit.

use super::*;
use crate::clock_offset::ClockOffset;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::eprintln;
use std::time::Instant;

const COOLDOWNS: [u64; 3] = [2, 4, 5];

/// The offsets of the server's clock, in seconds: less than 16 is right, more than 30 is off.
const OFFSETS: [Option<i64>; 5] = [None, Some(0), Some(100), Some(-60), Some(25)];

const STALE: &str = "SENTINEL-one.SENTINEL-two-and-more.SENTINEL-three";
const OTHER: &str = "SENTINEL-other-text";
const PARAMETER: &str = "SENTINEL-parameter";

/// What comes of an ask.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Reads {
    Free(&'static str),
    Costly(&'static str),
    /// A text that no request can carry.
    Unusable,
    Missing,
    NotText,
}

/// What comes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Answer {
    Granted,
    /// A refusal of the credential, with its words or without.
    InvalidClient,
    Unauthorized,
    /// Another refusal.
    InvalidScope,
    Unavailable,
    /// The credential is refused, by a server that asks for patience: it may not be the credential.
    Throttled,
    Lost,
}

const ANSWERS: [Answer; 6] = [
    Answer::Granted,
    Answer::InvalidClient,
    Answer::Unauthorized,
    Answer::InvalidScope,
    Answer::Unavailable,
    Answer::Throttled,
];

impl Answer {
    /// Whether it stays while the credential is the same.
    const fn is_for_good(self) -> bool {
        matches!(self, Self::InvalidClient | Self::Unauthorized | Self::InvalidScope)
    }

    /// An answer that repeats what was sent, as far as it has words.
    fn response(self, sent: &[&str], offset: Option<i64>, now: Now) -> Response {
        let sent = sent.join(" and ");
        let echo = format!(r#"{{"error":"invalid_client","error_description":"not {sent}"}}"#);
        let response = match self {
            Self::Granted => token(),
            Self::InvalidClient => json(400, &echo).with_header("Retry-After", b"7"),
            Self::Unauthorized => Response::new(401),
            Self::InvalidScope => json(400, r#"{"error":"invalid_scope"}"#),
            Self::Unavailable => Response::new(503),
            Self::Throttled => json(429, &echo),
            Self::Lost => unreachable!("there is none"),
        };
        let Some(offset) = offset else { return response };
        let theirs = now.wall.since_epoch().as_secs().checked_add_signed(offset).unwrap();
        let date = std::time::UNIX_EPOCH + Duration::from_secs(theirs);
        response.with_header("Date", httpdate::fmt_http_date(date).as_bytes())
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Event {
    /// A second passes.
    Passes,
    /// An attempt: what is read for each of its asks, and what is answered, after so many seconds, by a clock that is off like that.
    Attempt { reads: [Reads; 2], answer: Answer, offset: Option<i64>, delay: u64 },
}

/// What must be known of the past, by the rules and not by the code.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Past {
    refused: Option<PastRefusal>,
    /// What people were told of the clocks and still believe.
    told: Option<ClockOffset>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct PastRefusal {
    text: &'static str,
    answer: Answer,
    /// How often in a row, as far as it matters.
    count: usize,
    /// When it may be sent again.
    until: Mono,
    /// How often in a row another one was refused, as far as it matters.
    others: usize,
    /// When any may be sent.
    any_until: Option<Mono>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct World {
    known: Known,
    past: Past,
    now: Now,
}

impl World {
    /// The same at the beginning of time.
    fn relative(&self) -> Self {
        let mut past = self.past.clone();
        if let Some(refused) = &mut past.refused {
            refused.until = Mono::from_origin(refused.until.since(self.now.mono));
            refused.any_until = refused.any_until.map(|until| Mono::from_origin(until.since(self.now.mono)));
        }
        Self { known: self.known.relative(self.now.mono), past, now: Now::new(Mono::ZERO, at(0).wall) }
    }
}

/// What an attempt came to.
struct Ended {
    outcome: Outcome,
    known: Known,
    /// Which asks were made, and whether a request was sent.
    asks: usize,
    sent: bool,
}

/// Takes one attempt to its end, and no step more than it may have.
fn ends(
    client: &Client,
    world: &World,
    reads: [Reads; 2],
    answer: Answer,
    offset: Option<i64>,
    now: Now,
) -> Ended {
    let mut next = Attempt::begin(client, Seed::new(world.now), &world.known);
    let (mut asks, mut sent, mut texts) = (0, false, Vec::new());
    for _ in 0..7 {
        next = match next {
            Move::Ask(asking) => {
                assert!(!sent && asks < 5, "an ask too many");
                assert_eq!(client.asks().nth(asks).as_ref(), Some(asking.ask()), "asked out of order");
                let ask = asking.ask().clone();
                let read = reads[asks.min(1)];
                asks += 1;
                if let Reads::Free(text) | Reads::Costly(text) = read {
                    texts.push(text);
                }
                match read {
                    Reads::Free(text) => asking.answer(SecretText::new(text).read_from("/run/a")),
                    Reads::Costly(text) => asking.answer(SecretText::new(text).costly()),
                    Reads::Unusable => asking.answer(SecretText::new("SENTINEL\nSENTINEL")),
                    Reads::Missing => asking.unanswered(Unready::new(ask, SourceError::Missing)),
                    Reads::NotText => asking.unanswered(Unready::new(ask, SourceError::NotText)),
                }
            }
            Move::Send(request, under_way) => {
                assert!(!core::mem::replace(&mut sent, true), "two requests");
                assert_eq!(asks, client.asks().count(), "sent before all was read");
                assert!(!request.body().is_empty());
                match answer {
                    Answer::Lost => under_way.failed(TransportError::new(
                        TransportErrorKind::Closed,
                        &texts.join(" and "),
                        &[],
                    )),
                    answer => under_way.received(&answer.response(&texts, offset, now), now),
                }
            }
            Move::Done(outcome, known) => return Ended { outcome, known, asks, sent },
        };
    }
    panic!("an attempt that does not end");
}

/// What must hold of an attempt that ended so, by what was known of the past.
fn check(client: &Client, before: &World, after: &mut World, event: &Event, ended: &Ended) {
    let Event::Attempt { reads, answer, offset, .. } = event else { unreachable!("no attempt") };
    let Ended { outcome, known, asks, sent } = ended;
    let is_live = client.auth().is_live();
    // What the credential was, if it was read for nothing.
    let free = match reads[0] {
        Reads::Free(text) if is_live => Some(text),
        _ => None,
    };
    let held = before.past.refused.as_ref();
    let held = held.filter(|refused| {
        let is_same = Some(refused.text) == free && before.now.mono < refused.until;
        free.is_some() && (is_same || refused.any_until.is_some_and(|until| before.now.mono < until))
    });
    match (outcome, held) {
        (Outcome::HeldBack(refusal), Some(refused)) => {
            assert!(!sent && *asks == 1 && *known == before.known);
            assert!(refusal.is_live() && refusal.class() == Class::Permanent);
            assert_eq!(refusal.retry_after(), None);
            let status = if refused.answer == Answer::Unauthorized { 401 } else { 400 };
            assert_eq!(refusal.status(), Some(status), "the words of another refusal");
        }
        // I36
        (outcome, Some(_)) => panic!("a refused text again before its time: {outcome:?}"),
        (Outcome::HeldBack(_), None) => panic!("held back for nothing"),
        (Outcome::Shared(_) | Outcome::Elsewhere, _) => panic!("an attempt asks"),
        (Outcome::NotSent(unready), None) => {
            assert!(!sent && *known == before.known, "a source that fails has taught something");
            let read = reads[(*asks - 1).min(1)];
            let class = match read {
                Reads::Missing => Class::Transient,
                Reads::NotText | Reads::Unusable => Class::Permanent,
                read => panic!("{read:?} is there"),
            };
            assert_eq!(unready.class(), class);
            assert_eq!(client.asks().nth(asks - 1).as_ref(), unready.ask());
        }
        (Outcome::Granted(_), None) => {
            assert!(*sent && *answer == Answer::Granted);
            after.past.refused = None;
        }
        (Outcome::Refused(refusal), None) => {
            assert!(*sent && *answer != Answer::Granted);
            let counts = is_live && answer.is_for_good();
            assert_eq!(refusal.is_live(), counts && free.is_some());
            if let Some(text) = free.filter(|_| counts) {
                let most = COOLDOWNS.len() - 1;
                let rest =
                    |count: usize| after.now.mono.after(Duration::from_secs(COOLDOWNS[count.min(most)]));
                let (count, others) = match &before.past.refused {
                    Some(past) if past.text == text => ((past.count + 1).min(most), past.others),
                    Some(past) => (0, (past.others + 1).min(most + 3)),
                    None => (0, 0),
                };
                let (until, any_until) = (rest(count), others.checked_sub(3).map(rest));
                after.past.refused =
                    Some(PastRefusal { text, answer: *answer, count, until, others, any_until });
            }
        }
    }
    let until = |refused: &PastRefusal| refused.any_until.map_or(refused.until, |any| any.max(refused.until));
    assert_eq!(known.refused_until(), after.past.refused.as_ref().map(until));
    clocks(before, after, known, offset.filter(|_| *sent && *answer != Answer::Lost));
}

/// The clocks are what the last answer with a date says, and people are told once.
fn clocks(before: &World, after: &mut World, known: &Known, offset: Option<i64>) {
    let news = known.clock_news(&before.known);
    let Some(offset) = offset else {
        assert_eq!((known.clock(), news), (before.known.clock(), None), "nobody told the time");
        return;
    };
    // The date is of when the answer came; it may have been written when the request was sent.
    let took = after.now.mono.since(before.now.mono).as_secs();
    let off = if offset > 0 { offset.unsigned_abs() } else { offset.unsigned_abs().saturating_sub(took) };
    let clock = (off > 30).then(|| {
        let by = Duration::from_secs(off);
        if offset > 0 { ClockOffset::Behind(by) } else { ClockOffset::Ahead(by) }
    });
    assert_eq!(known.clock(), clock);
    let is_believed = |told: ClockOffset, clock: ClockOffset| {
        core::mem::discriminant(&told) == core::mem::discriminant(&clock)
            && told.by().abs_diff(clock.by()) <= Duration::from_secs(30)
    };
    let told = after.past.told;
    let wanted = clock.filter(|clock| told.is_none_or(|told| !is_believed(told, *clock)));
    assert_eq!(news, wanted);
    if off <= 15 {
        after.past.told = None;
    } else if news.is_some() {
        after.past.told = news;
    }
}

fn shows_nothing(outcome: &Outcome) {
    let mut shown = format!("{outcome:?}");
    match outcome {
        Outcome::Refused(refusal) | Outcome::HeldBack(refusal) => shown += &refusal.to_string(),
        Outcome::NotSent(unready) => shown += &unready.to_string(),
        Outcome::Granted(_) | Outcome::Shared(_) | Outcome::Elsewhere => {}
    }
    assert!(!shown.contains("SENTINEL"), "{shown}");
}

/// Every attempt that can be made from here, one at a time.
fn attempts(client: &Client, world: &World, mut each: impl FnMut(Event, World, Ended)) {
    let cannot = [Reads::Unusable, Reads::Missing, Reads::NotText];
    let texts = [Reads::Free(STALE), Reads::Free(OTHER), Reads::Costly(STALE)];
    for first in texts.into_iter().chain(cannot) {
        'seconds: for second in [Reads::Free(PARAMETER)].into_iter().chain(cannot) {
            let answers = ANSWERS.iter().flat_map(|answer| {
                OFFSETS.iter().flat_map(move |offset| [0, 1].map(move |delay| (*answer, *offset, delay)))
            });
            for (answer, offset, delay) in answers.chain([(Answer::Lost, None, 1)]) {
                let event = Event::Attempt { reads: [first, second], answer, offset, delay };
                let now = world.now.after(Duration::from_secs(delay));
                let ended = ends(client, world, [first, second], answer, offset, now);
                let after = World { known: ended.known.clone(), past: world.past.clone(), now };
                let (asked, sent) = (ended.asks, ended.sent);
                each(event, after, ended);
                // What was not sent is not answered, and what was not asked for is not read.
                match (sent, asked) {
                    (true, _) => {}
                    (false, 1) => break 'seconds,
                    (false, _) => break,
                }
            }
            if client.asks().nth(1).is_none() {
                break;
            }
        }
    }
}

/// How a state was reached: printed if an invariant breaks.
struct Way<'a> {
    reached: &'a HashMap<World, Option<(World, Event)>>,
    world: &'a World,
    event: &'a Event,
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut events = Vec::from([self.event]);
            let mut at = self.world;
            while let Some(Some((before, event))) = self.reached.get(at) {
                events.push(event);
                at = before;
            }
            events.reverse();
            eprintln!("after {events:#?}");
        }
    }
}

/// Explores everything, and says how much that is.
fn explore(name: &str, client: &Client) {
    let began = Instant::now();
    let [first, .., longest] = COOLDOWNS.map(Duration::from_secs);
    let policy = Policy::new().with_cooldown(first, longest);
    let first = World { known: Known::new(&policy), past: Past::default(), now: at(0) }.relative();
    let mut reached: HashMap<World, Option<(World, Event)>> = HashMap::from([(first.clone(), None)]);
    let mut frontier = VecDeque::from([first]);
    let (mut transitions, mut kinds) = (0_u64, [0_u64; 4]);
    while let Some(world) = frontier.pop_front() {
        let mut next = Vec::new();
        let passed = World { now: world.now.after(Duration::from_secs(1)), ..world.clone() };
        transitions += 1;
        next.push((Event::Passes, passed));
        attempts(client, &world, |event, mut after, ended| {
            let way = Way { reached: &reached, world: &world, event: &event };
            transitions += 1;
            kinds[match ended.outcome {
                Outcome::Granted(_) => 0,
                Outcome::Refused(_) => 1,
                Outcome::NotSent(_) => 2,
                Outcome::HeldBack(_) => 3,
                Outcome::Shared(_) | Outcome::Elsewhere => panic!("an attempt asks"),
            }] += 1;
            check(client, &world, &mut after, &event, &ended);
            // What is shown is the same whatever the time.
            if matches!(event, Event::Attempt { offset: None, delay: 0, .. }) {
                shows_nothing(&ended.outcome);
            }
            drop(way);
            next.push((event, after));
        });
        for (event, after) in next {
            let after = after.relative();
            if let Entry::Vacant(entry) = reached.entry(after.clone()) {
                let shown = format!("{:?}", after.known);
                assert!(!shown.contains("SENTINEL"), "{shown}");
                entry.insert(Some((world.clone(), event)));
                frontier.push_back(after);
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let [granted, refused, not_sent, held_back] = kinds;
    eprintln!(
        "attempts of {name}: {} states, {transitions} transitions ({granted} granted, {refused} refused, {not_sent} not \
         sent, {held_back} held back), closed, {seconds:.1} s",
        reached.len()
    );
    let is_live = client.auth().is_live();
    assert!(granted > 0 && refused > 0 && (not_sent > 0 || !client.is_live()) && (held_back > 0) == is_live);
}

#[test]
fn attempts_with_a_live_secret_keep_the_invariants() {
    let auth = ClientAuth::post_live("id").unwrap();
    explore("a live secret and a parameter", &builder(auth).live_param("password").build().unwrap());
}

#[test]
fn attempts_with_an_assertion_keep_the_invariants() {
    explore("an assertion", &asserting());
}

#[test]
fn attempts_with_live_parameters_alone_keep_the_invariants() {
    let builder = builder(ClientAuth::basic("id", "SENTINEL-fixed").unwrap());
    let builder = ["a", "b", "c", "d"].iter().fold(builder, |builder, name| builder.live_param(name));
    explore("four live parameters", &builder.build().unwrap());
}
