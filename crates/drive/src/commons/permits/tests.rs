//! The table as a value; that those who wait are told is tried with the pool.

use super::table::{Answer, Grants, Limits, Place, Reach, Table, Ticket, Times};
use crate::fixture::{ms, origin, secs};
use evergrant_core::Mono;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const TIMES: Times = Times { unclaimed: secs(1), sent: secs(16) };
const LIMITS: Limits = Limits { total: 8, per_origin: 4 };

fn table() -> Table<u32> {
    Table::new(LIMITS, TIMES)
}

fn at(n: u64) -> Mono {
    Mono::from_origin(ms(n))
}

/// Asks for the first time.
fn ask(table: &mut Table<u32>, place: Place, who: u32) -> Answer {
    let (answer, grants) = table.apply(at(0), place, None, None, || who);
    assert!(grants.is_empty());
    answer
}

/// Whether it waits.
fn waits(answer: &Answer) -> bool {
    matches!(answer, Answer::Queued(_))
}

/// The turn of somebody who waits already. Nothing is decided by whose it is.
const QUEUED: u64 = 0;

/// Whether it may send.
fn may(answer: &Answer) -> bool {
    matches!(answer, Answer::Permit(_))
}

/// The permit of one that may send at once.
fn permit(table: &mut Table<u32>, place: Place) -> Ticket {
    match ask(table, place, 0) {
        Answer::Permit(ticket) => ticket,
        other => panic!("no permit: {other:?}"),
    }
}

fn names(grants: &Grants<u32>) -> Vec<u32> {
    grants.iter().map(|(who, _)| *who).collect()
}

/// An origin that has answered.
fn proven(table: &mut Table<u32>, name: &str) -> Place {
    let place = table.enter(&origin(name));
    assert!(table.learn(place, Reach::Answers, at(0)).is_empty());
    place
}

#[test]
fn so_many_are_sent_to_one_origin_and_so_many_in_all() {
    let mut table = table();
    let places = ["a", "b", "c"].map(|name| proven(&mut table, name));
    for place in places {
        for who in 0..4 {
            let free = table.in_use() < 8;
            assert_eq!(may(&ask(&mut table, place, who)), free);
        }
        assert!(waits(&ask(&mut table, place, 9)));
    }
    assert_eq!(table.in_use(), 8);
}

#[test]
fn who_waits_is_served_in_the_order_of_asking_whatever_its_origin() {
    let mut table = table();
    let [a, b] = ["a", "b"].map(|name| proven(&mut table, name));
    let [mut of_a, mut of_b] = [a, b].map(|place| [(); 4].map(|()| permit(&mut table, place)).to_vec());
    for (place, who) in [(a, 1), (b, 2), (b, 3), (a, 4)] {
        assert!(waits(&ask(&mut table, place, who)));
    }
    // What is free at one origin does not help those of another.
    let mut back = |permits: &mut Vec<Ticket>| names(&table.give_back(permits.pop().unwrap()));
    assert_eq!(back(&mut of_b), [2]);
    assert_eq!(back(&mut of_a), [1]);
    assert_eq!(back(&mut of_a), [4]);
    assert_eq!(back(&mut of_b), [3]);
    assert_eq!(table.in_use(), 8);
}

#[test]
fn an_origin_that_never_answered_gets_an_eighth_and_all_of_them_half() {
    let mut table = Table::new(Limits { total: 16, per_origin: 16 }, TIMES);
    let silent: Vec<_> = (0..6).map(|n| table.enter(&origin(&format!("silent{n}")))).collect();
    let asked = |table: &mut Table<u32>, place| (0..3).filter(|_| may(&ask(table, place, 1))).count();
    let permits: Vec<_> = silent.iter().map(|place| asked(&mut table, *place)).collect();
    assert_eq!(permits, [2, 2, 2, 2, 0, 0]);
    // The other half is for those that answer.
    let known = proven(&mut table, "known");
    let permits = (0..9).filter(|_| may(&ask(&mut table, known, 2))).count();
    assert_eq!(permits, 8);
}

#[test]
fn an_origin_that_answers_gets_its_full_share_at_once_and_loses_it_by_silence() {
    let mut table = Table::new(Limits { total: 100, per_origin: 16 }, TIMES);
    let place = table.enter(&origin("a"));
    let mut permits = vec![permit(&mut table, place), permit(&mut table, place)];
    for who in 2..6 {
        assert!(waits(&ask(&mut table, place, who)));
    }
    let grants = table.learn(place, Reach::Answers, at(0));
    assert_eq!(names(&grants), [2, 3, 4, 5]);
    for (who, ticket) in grants {
        assert!(may(&table.apply(at(0), place, Some(ticket), None, || who).0));
        permits.push(ticket);
    }
    assert!(table.learn(place, Reach::Silent, at(0)).is_empty());
    assert!(waits(&ask(&mut table, place, 6)));
    for permit in permits.drain(..4) {
        assert!(table.give_back(permit).is_empty());
    }
    assert_eq!(names(&table.give_back(permits[0])), [6]);
    assert!(table.learn(place, Reach::Unknown, at(0)).is_empty());
}

#[test]
fn who_is_kept_waiting_alone_makes_no_origin_silent() {
    let mut table = Table::new(Limits { total: 100, per_origin: 16 }, TIMES);
    let place = table.enter(&origin("a"));
    let of_unproven = |table: &mut Table<u32>| (0..9).filter(|_| may(&ask(table, place, 1))).count();
    assert!(table.learn(place, Reach::Answers, at(5000)).is_empty());
    // One that was sent earlier got no answer in time: a later one did.
    assert!(table.learn(place, Reach::Silent, at(4999)).is_empty());
    assert_eq!(of_unproven(&mut table), 9);
    assert!(table.learn(place, Reach::Silent, at(5000)).is_empty());
    assert_eq!(of_unproven(&mut table), 0);
}

#[test]
fn a_new_origin_comes_before_those_that_swallow_what_they_get() {
    let mut table = Table::new(Limits { total: 8, per_origin: 16 }, TIMES);
    let silent: Vec<_> = (0..3).map(|n| table.enter(&origin(&format!("silent{n}")))).collect();
    let mut sent = Vec::new();
    for place in &silent {
        for who in 0..10 {
            if let Answer::Permit(ticket) = ask(&mut table, *place, who) {
                sent.push(ticket);
            }
        }
    }
    assert_eq!(sent.len(), 4, "half of all");
    let new = table.enter(&origin("new"));
    assert!(waits(&ask(&mut table, new, 99)));
    // The third of them has nothing in the air either, and was there before.
    let next: Vec<_> = [0, 2].iter().flat_map(|at| names(&table.give_back(sent[*at]))).collect();
    assert_eq!(next, [0, 99]);
}

#[test]
fn a_permit_that_lies_goes_to_somebody_else_after_a_second() {
    let mut table = Table::new(Limits { total: 1, per_origin: 8 }, TIMES);
    let place = proven(&mut table, "a");
    let first = permit(&mut table, place);
    assert!(waits(&ask(&mut table, place, 1)));
    assert!(waits(&ask(&mut table, place, 2)));
    let grants = table.give_back(first);
    let (who, ticket) = grants[0];
    assert_eq!(who, 1);
    // Whoever waits looks again, and finds it taken: it is not 1's to keep.
    let (answer, grants) = table.apply(at(999), place, None, Some(QUEUED), || 2);
    assert!(waits(&answer) && grants.is_empty());
    let (answer, grants) = table.apply(at(1000), place, None, Some(QUEUED), || 2);
    assert!(waits(&answer) && names(&grants) == [2]);
    // And 1, which comes too late, waits anew.
    let (answer, grants) = table.apply(at(1001), place, Some(ticket), None, || 1);
    assert!(waits(&answer) && grants.is_empty());
    assert!(table.decline(ticket).is_empty());
    assert_eq!(table.in_use(), 1);
}

#[test]
fn a_request_that_nobody_will_ever_report_on_keeps_its_permit_for_as_long_as_one_may_take() {
    let mut table = Table::new(Limits { total: 1, per_origin: 8 }, TIMES);
    let place = proven(&mut table, "a");
    let lost = permit(&mut table, place);
    assert!(waits(&ask(&mut table, place, 1)));
    let (_, grants) = table.apply(at(15_999), place, None, Some(QUEUED), || 1);
    assert!(grants.is_empty());
    let (_, grants) = table.apply(at(16_000), place, None, Some(QUEUED), || 1);
    assert_eq!((names(&grants), table.in_use()), (vec![1], 1));
    // Should it come back after all, it frees nothing that is another's.
    assert!(table.give_back(lost).is_empty());
    assert_eq!(table.in_use(), 1);
}

#[test]
fn a_ticket_is_taken_once_and_declined_once() {
    let mut table = Table::new(Limits { total: 1, per_origin: 8 }, TIMES);
    let place = proven(&mut table, "a");
    let sent = permit(&mut table, place);
    for who in 1..4 {
        assert!(waits(&ask(&mut table, place, who)));
    }
    let first = table.give_back(sent)[0].1;
    assert!(table.give_back(sent).is_empty());
    let second = table.decline(first);
    assert_eq!(names(&second), [2]);
    assert!(table.decline(first).is_empty());
    let (answer, _) = table.apply(at(0), place, Some(second[0].1), None, || 2);
    assert!(may(&answer));
    assert!(table.decline(second[0].1).is_empty());
    assert_eq!(table.in_use(), 1);
}

#[test]
fn while_an_origin_rests_its_clients_are_told_until_when() {
    let mut table = table();
    let [a, b] = ["a", "b"].map(|name| proven(&mut table, name));
    table.rest(a, at(5000));
    table.rest(a, at(3000));
    assert_eq!(table.apply(at(4999), a, None, None, || 1).0, Answer::Resting(at(5000)));
    assert!(may(&table.apply(at(4999), b, None, None, || 1).0));
    assert!(may(&table.apply(at(5000), a, None, None, || 1).0));
}

#[test]
fn an_origin_without_sources_is_forgotten_once_nothing_is_sent_to_it() {
    let mut table = table();
    let a = proven(&mut table, "a");
    let sent = permit(&mut table, a);
    table.leave(a, None);
    // Its request is still in the air.
    assert_eq!(table.enter(&origin("a")), a);
    table.leave(a, None);
    assert!(table.give_back(sent).is_empty());
    let b = table.enter(&origin("b"));
    assert_eq!(b, a, "the row is used again");
    // And it is another origin, of which nothing is known.
    let permits = (0..4).filter(|who| may(&ask(&mut table, b, *who))).count();
    assert_eq!(permits, 1);
}

/// A small generator: the same trace for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// What an observer knows of a table.
#[derive(Default)]
struct Ledger {
    sent: Vec<(Ticket, Place)>,
    granted: BTreeMap<Ticket, (Place, u32)>,
    queued: BTreeMap<Place, VecDeque<u32>>,
    answers: BTreeSet<Place>,
}

impl Ledger {
    fn take(&mut self, grants: Grants<u32>) {
        for (who, ticket) in grants {
            let place = *self.queued.iter().find(|(_, queue)| queue.contains(&who)).unwrap().0;
            assert_eq!(
                self.queued.get_mut(&place).unwrap().pop_front(),
                Some(who),
                "first come, first served"
            );
            self.granted.insert(ticket, (place, who));
        }
    }

    fn used(&self, place: Place) -> usize {
        let sent = self.sent.iter().map(|(_, at)| at);
        let all = sent.chain(self.granted.values().map(|(at, _)| at));
        all.filter(|at| **at == place).count()
    }

    fn check(&self, table: &Table<u32>, places: &[Place]) {
        let total = self.sent.len() + self.granted.len();
        assert_eq!(table.in_use(), total);
        assert!(total <= LIMITS.total);
        let room = |place| if self.answers.contains(&place) { LIMITS.per_origin } else { 1 };
        let unproven: usize =
            places.iter().filter(|place| !self.answers.contains(place)).map(|place| self.used(*place)).sum();
        for place in places {
            let (used, waits) = (self.used(*place), !self.queued[place].is_empty());
            // Whoever has more than its share had it before it lost that.
            let share = self.answers.contains(place) || unproven < LIMITS.total / 2;
            let may_go = used < room(*place) && total < LIMITS.total && share;
            assert!(!(waits && may_go), "somebody waits who may go");
        }
    }
}

#[test]
fn whatever_happens_the_bounds_hold_and_nobody_waits_who_may_go() {
    for seed in 1..=40 {
        let (mut dice, mut table, mut ledger) = (Dice(seed), table(), Ledger::default());
        let places: Vec<_> = (0..5).map(|n| table.enter(&origin(&format!("o{n}")))).collect();
        for place in &places {
            ledger.queued.insert(*place, VecDeque::new());
        }
        for who in 0..2000 {
            let place = places[dice.roll(places.len())];
            match dice.roll(8) {
                0..=3 => {
                    let before = ledger.queued[&place].len();
                    let (answer, grants) = table.apply(at(0), place, None, None, || who);
                    if let Answer::Permit(ticket) = answer {
                        assert_eq!(before, 0, "nobody is overtaken");
                        ledger.sent.push((ticket, place));
                    } else {
                        ledger.queued.get_mut(&place).unwrap().push_back(who);
                    }
                    ledger.take(grants);
                }
                4 if !ledger.sent.is_empty() => {
                    let (ticket, _) = ledger.sent.swap_remove(dice.roll(ledger.sent.len()));
                    let grants = table.give_back(ticket);
                    ledger.take(grants);
                }
                5 => {
                    let Some((ticket, (place, who))) = ledger.granted.pop_first() else { continue };
                    let (answer, grants) = table.apply(at(0), place, Some(ticket), None, || who);
                    assert_eq!(answer, Answer::Permit(ticket));
                    ledger.sent.push((ticket, place));
                    ledger.take(grants);
                }
                6 => {
                    let Some((ticket, _)) = ledger.granted.pop_last() else { continue };
                    let grants = table.decline(ticket);
                    ledger.take(grants);
                }
                _ => {
                    let reach = if dice.roll(3) == 0 { Reach::Silent } else { Reach::Answers };
                    if reach == Reach::Answers {
                        ledger.answers.insert(place);
                    } else {
                        ledger.answers.remove(&place);
                    }
                    let grants = table.learn(place, reach, at(0));
                    ledger.take(grants);
                }
            }
            ledger.check(&table, &places);
        }
    }
}
