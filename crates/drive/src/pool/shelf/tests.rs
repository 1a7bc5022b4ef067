use super::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Keys are their own hashes, or share one.
fn shelf(keys: impl IntoIterator<Item = u64>) -> Shelf<u64, u64> {
    let mut shelf = Shelf::default();
    for key in keys {
        assert!(shelf.insert(key % 3, key, key * 10).is_ok());
    }
    shelf
}

fn find(shelf: &Shelf<u64, u64>, key: u64) -> Option<u64> {
    shelf.find(key % 3, &key).copied()
}

#[test]
fn a_key_is_found_by_itself_and_not_by_its_hash() {
    let mut shelf = shelf(1..=9);
    assert_eq!((find(&shelf, 4), find(&shelf, 10), shelf.len()), (Some(40), None, 9));
    assert_eq!(shelf.remove(4 % 3, &4), Some((4, 40)));
    assert_eq!(
        (find(&shelf, 4), find(&shelf, 1), find(&shelf, 7), shelf.len()),
        (None, Some(10), Some(70), 8)
    );
    assert_eq!(shelf.remove(4 % 3, &4), None);
}

#[test]
fn a_place_is_that_of_one_stay_alone() {
    let mut shelf = shelf([]);
    let place = shelf.insert(1, 1, 10).unwrap();
    assert_eq!(shelf.at(place), Some((&1, &10)));
    assert_eq!(shelf.remove_at(place), Some((1, 10)));
    let next = shelf.insert(2, 2, 20).unwrap();
    assert_eq!((next.slot, shelf.at(place)), (place.slot, None));
    assert_eq!(shelf.remove_at(place), None);
    assert_eq!(shelf.at(next), Some((&2, &20)));
}

#[test]
fn the_oldest_goes_first_and_one_that_was_visited_stays_where_it_is() {
    // A to G of the paper's figure: the hand passes the visited ones, takes their marks, and evicts the first without one.
    let mut shelf = shelf(1..=7);
    let visited = RefCell::new(BTreeSet::from([1, 2, 7]));
    let judge = |_: Place, _: u64, value: &u64| {
        if visited.borrow_mut().remove(&(value / 10)) { Verdict::Stays } else { Verdict::Goes }
    };
    assert_eq!(shelf.sieve(64, judge), Some((3, 30)));
    assert_eq!(visited.borrow().len(), 1);
    // The hand goes on from there; a new one comes to the front, behind which it does not begin.
    assert!(shelf.insert(8, 8, 80).is_ok());
    assert_eq!(shelf.sieve(64, judge), Some((4, 40)));
    assert_eq!(shelf.sieve(64, judge), Some((5, 50)));
    assert_eq!(shelf.sieve(64, judge), Some((6, 60)));
    // 7 was visited, 8 was not.
    assert_eq!(shelf.sieve(64, judge), Some((8, 80)));
    // And round again.
    assert_eq!(shelf.sieve(64, judge), Some((1, 10)));
    assert_eq!(shelf.sieve(64, judge), Some((2, 20)));
    assert_eq!(shelf.sieve(64, judge), Some((7, 70)));
    assert_eq!(shelf.sieve(64, judge), None);
}

#[test]
fn the_hand_gives_up_after_as_many_looks_as_it_has_and_goes_on_there() {
    let mut shelf = shelf(1..=10);
    let mut seen = Vec::new();
    let stay = |seen: &mut Vec<u64>, value: u64| {
        seen.push(value / 10);
        Verdict::Stays
    };
    assert_eq!(shelf.sieve(4, |_, _, value| stay(&mut seen, *value)), None);
    assert_eq!(shelf.sieve(4, |_, _, value| stay(&mut seen, *value)), None);
    assert_eq!(shelf.sieve(64, |_, _, value| stay(&mut seen, *value)), None);
    let round = 1..=10;
    assert_eq!(seen, round.clone().chain(round.clone()).chain(1..=8).collect::<Vec<_>>());
}

#[test]
fn the_broom_comes_to_every_slot_in_turn() {
    let mut shelf = shelf(1..=5);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let gone = shelf.sweep(2, |_, value| {
            seen.push(*value / 10);
            if *value == 30 { Verdict::Goes } else { Verdict::Stays }
        });
        assert_eq!(gone.len(), usize::from(seen.last() == Some(&4)));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 1]);
    assert_eq!(shelf.sweep(64, |_, _| Verdict::Stays), []);
}

/// A list that does what the shelf says, slowly.
#[derive(Default)]
struct Model {
    /// The first is the newest.
    order: Vec<u64>,
    /// On the way to the front; the last one if it is none.
    hand: Option<u64>,
    visited: BTreeSet<u64>,
}

impl Model {
    fn remove(&mut self, key: u64) -> bool {
        let Some(at) = self.order.iter().position(|known| *known == key) else { return false };
        if self.hand == Some(key) {
            self.hand = at.checked_sub(1).map(|newer| self.order[newer]);
        }
        self.order.remove(at);
        true
    }

    fn sieve(&mut self, looks: usize) -> Option<u64> {
        for _ in 0..looks.min(2 * self.order.len()) {
            let key = self.hand.or(self.order.last().copied())?;
            if !self.visited.remove(&key) {
                self.remove(key);
                return Some(key);
            }
            let at = self.order.iter().position(|known| *known == key)?;
            self.hand = at.checked_sub(1).map(|newer| self.order[newer]);
        }
        None
    }
}

// P4
#[test]
fn it_does_what_a_plain_list_does_whatever_happens() {
    for seed in 1..=12_u64 {
        let (mut shelf, mut model) = (shelf([]), Model::default());
        let mut places = BTreeMap::new();
        let mut state = seed;
        for _ in 0..3000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let key = state / 16 % 40;
            match state % 16 {
                0..=5 if find(&shelf, key).is_none() => {
                    places.insert(key, shelf.insert(key % 3, key, key * 10).unwrap());
                    model.order.insert(0, key);
                }
                0..=9 => {
                    let found = find(&shelf, key);
                    assert_eq!(found, model.order.contains(&key).then_some(key * 10));
                    if found.is_some() {
                        model.visited.insert(key);
                    }
                }
                10 => assert_eq!(shelf.remove(key % 3, &key).is_some(), model.remove(key)),
                11 => {
                    let removed = places.remove(&key).and_then(|place| shelf.remove_at(place));
                    // A place of an earlier stay removes nobody.
                    assert!(removed.is_none_or(|(removed, _)| removed == key && model.remove(key)));
                }
                _ => {
                    let looks = usize::try_from(state / 700 % 20).unwrap();
                    let marks = RefCell::new(model.visited.clone());
                    let gone = shelf.sieve(looks, |_, _, value| {
                        if marks.borrow_mut().remove(&(value / 10)) { Verdict::Stays } else { Verdict::Goes }
                    });
                    assert_eq!(gone.map(|(key, _)| key), model.sieve(looks));
                    assert_eq!(*marks.borrow(), model.visited);
                }
            }
            assert_eq!(shelf.len(), model.order.len());
            let mut there: Vec<_> = shelf.iter().map(|(key, _)| *key).collect();
            there.sort_unstable();
            let mut expected = model.order.clone();
            expected.sort_unstable();
            assert_eq!(there, expected);
        }
    }
}

/// The same trace for the same seed: few keys often, many keys seldom (Zipf, exponent 1), and now and then a pass over all of them.
fn trace(with_scans: bool) -> Vec<u64> {
    let weights: Vec<f64> = (1..=KEYS)
        .scan(0.0, |sum, key| {
            *sum += 1.0 / f64::from(key);
            Some(*sum)
        })
        .collect();
    let mut state = 7_u64;
    let mut keys = Vec::new();
    for round in 0..6 {
        for _ in 0..8000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 11) as f64 / (1_u64 << 53) as f64 * weights.last().unwrap();
            keys.push(weights.partition_point(|weight| *weight < at) as u64);
        }
        if with_scans && round % 2 == 1 {
            keys.extend(0..u64::from(KEYS));
        }
    }
    keys
}

const KEYS: u32 = 4000;

// P7
#[test]
fn it_finds_more_than_lru_does_on_steady_and_on_scanned_traces() {
    for (with_scans, places) in [(false, 100), (false, 400), (true, 100), (true, 400)] {
        let (mut shelf, mut found) = (Shelf::<u64, std::cell::Cell<bool>>::default(), 0);
        let (mut last_used, mut by_age, mut found_by_lru) = (BTreeMap::new(), BTreeMap::new(), 0);
        for (time, key) in trace(with_scans).into_iter().enumerate() {
            if let Some(visited) = shelf.find(key, &key) {
                visited.set(true);
                found += 1;
            } else {
                if shelf.len() == places {
                    let gone =
                        shelf.sieve(
                            usize::MAX,
                            |_, _, visited| {
                                if visited.take() { Verdict::Stays } else { Verdict::Goes }
                            },
                        );
                    assert!(gone.is_some());
                }
                assert!(shelf.insert(key, key, std::cell::Cell::new(false)).is_ok());
            }
            if let Some(before) = last_used.insert(key, time) {
                by_age.remove(&before);
                found_by_lru += 1;
            } else if last_used.len() > places {
                let (_, oldest) = by_age.pop_first().unwrap();
                last_used.remove(&oldest);
            }
            by_age.insert(time, key);
        }
        assert!(found >= found_by_lru, "{found} and {found_by_lru} with {places} places");
    }
}
