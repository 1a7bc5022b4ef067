//! Everything that can happen in a chain of attempts whose token endpoint is found out and whose assertion a key signs, breadth first and to
//! closure: what the metadata says or that it cannot be had, which key is there, what is answered, and by which clock. States are compared up to a
//! shift of time.
//!
//! # Bounds, and why they are enough
//! The unit of time is five minutes, so that metadata was asked for just now or longer ago than a minute. It is kept for two of them, and two token
//! endpoints are enough for "the same" and "another". Cool-downs are one, two and three units. The clock is right, off, or not told.

use super::*;
use crate::signature::{Algorithm, KeyInfo, Signature};
use crate::thumbprint::Thumbprint;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::eprintln;
use std::time::Instant;

const ISSUER: &str = "https://as.example";
const ENDPOINTS: [&str; 2] = ["https://as.example/one", "https://as.example/two"];
const KEPT_FOR: u64 = 2;
const COOLDOWNS: [u64; 3] = [1, 2, 3];
const OFFSETS: [Option<i64>; 3] = [None, Some(0), Some(-100)];

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Document {
    /// It names this endpoint.
    Names(usize),
    OfAnother,
    Lost,
}

const DOCUMENTS: [Document; 4] =
    [Document::Names(0), Document::Names(1), Document::OfAnother, Document::Lost];

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Answer {
    Granted,
    InvalidClient,
    NotFound,
    Unavailable,
}

const ANSWERS: [Answer; 4] = [Answer::Granted, Answer::InvalidClient, Answer::NotFound, Answer::Unavailable];

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Event {
    Passes,
    Attempt { document: Document, key: u8, answer: Answer, offset: Option<i64> },
}

/// What must be known of the past, by the rules and not by the code. Times are units ago.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Past {
    kept: Option<PastDocument>,
    refused: Option<PastRefusal>,
    /// How far the server's clock is ahead, in seconds, where that is known and matters.
    offset: i64,
    is_excused: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PastDocument {
    endpoint: usize,
    fetched: u64,
    tried: u64,
    is_doubtful: bool,
    is_failing: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PastRefusal {
    key: u8,
    count: usize,
    /// Units until it may be sent again.
    rests: u64,
    others: usize,
    any_rests: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct World {
    known: Known,
    past: Past,
}

const fn units(count: u64) -> Duration {
    Duration::from_secs(300 * count)
}

/// All worlds are at this moment: what is known is shifted.
const HERE: u64 = 6000;

impl Past {
    fn passes(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.fetched = (kept.fetched + 1).min(KEPT_FOR);
            kept.tried = (kept.tried + 1).min(1);
        }
        if let Some(refused) = &mut self.refused {
            refused.rests = refused.rests.saturating_sub(1);
            refused.any_rests = refused.any_rests.saturating_sub(1);
        }
    }

    /// Whether metadata has to be asked for.
    fn is_due(&self) -> bool {
        self.kept.is_none_or(|kept| (kept.is_doubtful || kept.fetched == KEPT_FOR) && kept.tried >= 1)
    }

    fn is_held_back(&self, key: u8) -> bool {
        self.refused.is_some_and(|refused| refused.any_rests > 0 || (refused.key == key && refused.rests > 0))
    }

    fn refuses(&mut self, key: u8) {
        let most = COOLDOWNS.len() - 1;
        let (count, others) = match self.refused {
            Some(past) if past.key == key => ((past.count + 1).min(most), past.others),
            Some(past) => (0, (past.others + 1).min(most + 3)),
            None => (0, 0),
        };
        let any_rests = others.checked_sub(3).map_or(0, |beyond| COOLDOWNS[beyond.min(most)]);
        self.refused = Some(PastRefusal { key, count, rests: COOLDOWNS[count], others, any_rests });
    }
}

/// One attempt, checked at each step against what the rules say of the past.
fn attempt(client: &Client, world: &World, event: Event) -> (World, bool, Outcome) {
    let Event::Attempt { document, key, answer, offset } = event else { unreachable!("no attempt") };
    let (mut past, now) = (world.past, at(HERE));
    let is_due = past.is_due();
    let mut next = Attempt::begin(client, Seed::new(now), &world.known);
    let (mut gets, mut posts, mut signed) = (0, 0, 0);
    let (outcome, known) = loop {
        next = match next {
            Move::Ask(asking) => {
                signed += 1;
                assert_eq!((gets, posts, signed), (usize::from(is_due), 0, 1), "asked out of order");
                let unsigned = asking.unsigned().unwrap();
                let info = KeyInfo::new([Algorithm::Es256]).with_thumbprint(Thumbprint::new([key; 32]));
                let input = unsigned.for_key(&info, [7; 16]).unwrap();
                let text = core::str::from_utf8(input.as_bytes()).unwrap();
                let claims = URL_SAFE_NO_PAD.decode(text.split('.').nth(1).unwrap()).unwrap();
                let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
                // I41
                let told = now.wall.since_epoch().as_secs().checked_add_signed(past.offset).unwrap();
                let (iat, exp) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
                assert_eq!((iat, exp), (told - 5, told + 55));
                assert_eq!(claims["aud"], ISSUER);
                let signed = input.signed(&Signature::new([1; 64])).unwrap();
                asking.answer(signed)
            }
            Move::Send(request, sent) if request.method() == "GET" => {
                gets += 1;
                assert!(is_due && gets == 1 && signed == 0, "metadata for nothing");
                assert!(request.body().is_empty());
                answered(sent, document, now)
            }
            Move::Send(request, sent) => {
                posts += 1;
                assert_eq!((posts, signed), (1, 1));
                let kept = past_document(&past, is_due, document).expect("no credential without metadata");
                assert_eq!(request.url(), ENDPOINTS[kept]);
                let is_moved = is_due && past.kept.is_some_and(|before| before.endpoint != kept);
                assert!(is_moved || !past.is_held_back(key), "I36: a refused key before its time");
                sent.received(&response(answer, offset, now), now)
            }
            Move::Done(outcome, known) => break (outcome, known),
        };
    };
    assert_eq!(gets, usize::from(is_due), "metadata that was due");
    if is_due {
        match (document, &mut past.kept) {
            (Document::Names(endpoint), kept) => {
                if kept.is_some_and(|kept| kept.endpoint != endpoint) {
                    past.refused = None;
                }
                let (fetched, tried) = (0, 0);
                *kept =
                    Some(PastDocument { endpoint, fetched, tried, is_doubtful: false, is_failing: false });
            }
            (_, Some(kept)) => (kept.tried, kept.is_failing) = (0, true),
            (_, None) => {}
        }
    }
    match (&outcome, past.kept) {
        (Outcome::Refused(refusal), None) => {
            assert!(matches!(refusal.problem(), Problem::Metadata { .. }) && posts == 0);
            let passes = document == Document::Lost;
            assert_eq!(refusal.class(), if passes { Class::Transient } else { Class::Permanent });
        }
        (_, None) => panic!("{outcome:?} without metadata"),
        (Outcome::HeldBack(_), Some(_)) => assert!(past.is_held_back(key) && posts == 0),
        (outcome, Some(mut kept)) => {
            assert_eq!(posts, 1);
            let before = past.offset;
            if let Some(offset) = offset {
                past.offset = offset;
            }
            kept.is_doubtful |= matches!(answer, Answer::InvalidClient | Answer::NotFound);
            past.kept = Some(kept);
            match (outcome, answer) {
                (Outcome::Granted(_), Answer::Granted) => (past.refused, past.is_excused) = (None, false),
                (Outcome::Refused(refusal), Answer::InvalidClient) => {
                    let is_excused = past.offset != before && !past.is_excused;
                    assert_eq!(refusal.class() == Class::Transient, is_excused);
                    past.is_excused |= is_excused;
                    if !is_excused {
                        past.refuses(key);
                    }
                }
                // Nobody has looked at the key.
                (Outcome::Refused(refusal), Answer::NotFound) => assert!(!refusal.is_live()),
                (Outcome::Refused(_), Answer::Unavailable) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(known.metadata_failing_since().is_some(), past.kept.is_some_and(|kept| kept.is_failing));
    let endpoint = known.metadata().map(|metadata| metadata.token_endpoint().url());
    assert_eq!(endpoint, past.kept.map(|kept| ENDPOINTS[kept.endpoint]), "I39");
    (World { known, past }, posts > 0, outcome)
}

/// Which token endpoint counts after the metadata was asked for, if it was.
fn past_document(past: &Past, is_due: bool, document: Document) -> Option<usize> {
    match document {
        Document::Names(endpoint) if is_due => Some(endpoint),
        _ => past.kept.map(|kept| kept.endpoint),
    }
}

fn answered<'a>(sent: Sent<'a>, document: Document, now: Now) -> Move<'a> {
    let of = |issuer: &str, endpoint: &str| {
        json(200, &format!(r#"{{"issuer":"{issuer}","token_endpoint":"{endpoint}"}}"#))
    };
    let response = match document {
        Document::Names(endpoint) => of(ISSUER, ENDPOINTS[endpoint]),
        Document::OfAnother => of("https://evil.example", "https://evil.example/token"),
        Document::Lost => {
            return sent.failed(TransportError::ours(TransportErrorKind::Connect, "nobody there"));
        }
    };
    // A cache serves it with the date of yesterday, which tells nothing.
    sent.received(&response.with_header("Date", b"Sun, 22 Nov 2026 12:00:00 GMT"), now)
}

fn response(answer: Answer, offset: Option<i64>, now: Now) -> Response {
    let response = match answer {
        Answer::Granted => token(),
        Answer::InvalidClient => json(401, r#"{"error":"invalid_client"}"#),
        Answer::NotFound => Response::new(404),
        Answer::Unavailable => Response::new(503),
    };
    let Some(offset) = offset else { return response };
    let theirs = now.wall.since_epoch().as_secs().checked_add_signed(offset).unwrap();
    let date = std::time::UNIX_EPOCH + Duration::from_secs(theirs);
    response.with_header("Date", httpdate::fmt_http_date(date).as_bytes())
}

#[test]
fn attempts_at_a_discovered_endpoint_keep_the_invariants() {
    let began = Instant::now();
    let age = units(KEPT_FOR);
    let provider = Provider::discovered(ISSUER).unwrap().with_metadata_age(age);
    let client = Client::builder(provider, ClientAuth::private_key_jwt("erp").unwrap()).build().unwrap();
    let [first, .., longest] = COOLDOWNS.map(units);
    let known = Known::new(&Policy::new().with_cooldown(first, longest));
    let first = World { known, past: Past::default() };
    let mut reached: HashMap<World, Option<(World, Event)>> = HashMap::from([(first.clone(), None)]);
    let mut frontier = VecDeque::from([first]);
    let (mut transitions, mut sent, mut held_back) = (0_u64, 0_u64, 0_u64);
    while let Some(world) = frontier.pop_front() {
        let mut next = Vec::new();
        let mut past = world.past;
        past.passes();
        next.push((Event::Passes, World { known: world.known.later(units(1), at(HERE).mono), past }));
        for document in DOCUMENTS {
            for key in [1, 2] {
                for (answer, offset) in
                    ANSWERS.iter().flat_map(|answer| OFFSETS.iter().map(move |offset| (*answer, *offset)))
                {
                    let event = Event::Attempt { document, key, answer, offset };
                    let way = Way { reached: &reached, world: &world, event };
                    let (after, is_sent, outcome) = attempt(&client, &world, event);
                    drop(way);
                    sent += u64::from(is_sent);
                    held_back += u64::from(matches!(outcome, Outcome::HeldBack(_)));
                    next.push((event, after));
                    if !is_sent {
                        break;
                    }
                }
            }
            if !world.past.is_due() {
                break;
            }
        }
        for (event, after) in next {
            transitions += 1;
            let after = World { known: after.known.later(Duration::ZERO, at(HERE).mono), past: after.past };
            if let Entry::Vacant(entry) = reached.entry(after.clone()) {
                entry.insert(Some((world.clone(), event)));
                frontier.push_back(after);
            }
        }
    }
    eprintln!(
        "attempts at a discovered endpoint: {} states, {transitions} transitions ({sent} sent, {held_back} held back), closed, \
         {:.1} s",
        reached.len(),
        began.elapsed().as_secs_f64()
    );
    assert!(sent > 0 && held_back > 0);
}

/// How a state was reached: printed if an invariant breaks.
struct Way<'a> {
    reached: &'a HashMap<World, Option<(World, Event)>>,
    world: &'a World,
    event: Event,
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (mut events, mut at) = (Vec::from([self.event]), self.world);
            while let Some(Some((before, event))) = self.reached.get(at) {
                events.push(*event);
                at = before;
            }
            events.reverse();
            eprintln!("after {events:#?}");
        }
    }
}
