use super::*;
use crate::fixture::{ms, secs};

fn note(until: u64, permanent: bool, failures: u32) -> RestNote {
    RestNote::new(Mono::from_origin(secs(until)), permanent, failures)
}

#[test]
fn a_note_comes_back_once_as_it_was() {
    let mut notes = Notes::new(100);
    assert_eq!(notes.take(7), None);
    for (hash, kept) in [(7, note(5, true, 3)), (1 << 60, note(86_400, false, 1)), (0, note(9, false, 0))] {
        notes.keep(hash, &kept);
        assert_eq!((notes.take(hash), notes.take(hash)), (Some(kept), None));
    }
}

#[test]
fn a_rest_is_rounded_up_and_failures_are_counted_as_far_as_they_make_a_difference() {
    let mut notes = Notes::new(1);
    notes.keep(1, &RestNote::new(Mono::from_origin(ms(1500) + Duration::from_nanos(1)), false, 1000));
    assert_eq!(notes.take(1), Some(RestNote::new(Mono::from_origin(ms(1501)), false, 31)));
    notes.keep(1, &RestNote::new(Mono::MAX, true, 2));
    let far = notes.take(1).unwrap();
    assert!(far.until().since(Mono::ZERO) > secs(86_400 * 365 * 1_000_000) && far.is_permanent());
}

#[test]
fn the_newer_note_of_a_key_is_the_one_that_counts() {
    let mut notes = Notes::new(8);
    notes.keep(1, &note(90, true, 4));
    notes.keep(1, &note(20, false, 1));
    assert_eq!((notes.take(1), notes.take(1)), (Some(note(20, false, 1)), None));
}

#[test]
fn where_there_is_no_place_the_rest_that_ends_first_is_forgotten() {
    let mut notes = Notes::new(8);
    for hash in 1..=9 {
        notes.keep(hash, &note(100 - hash, false, 1));
    }
    assert_eq!(notes.notes.len(), 8);
    // The ninth took the place of the eighth, whose rest was the shortest until then.
    let kept: Vec<_> = (1..=9).filter(|hash| notes.take(*hash).is_some()).collect();
    assert_eq!(kept, [1, 2, 3, 4, 5, 6, 7, 9]);
}

#[test]
fn keys_of_one_shard_are_spread_over_all_places() {
    let mut notes = Notes::new(128);
    // Of hashes that differ above the bits that a small table looks at.
    let hashes: Vec<u64> = (1..=100).map(|n| n << 16).collect();
    for hash in &hashes {
        notes.keep(*hash, &note(50, false, 1));
    }
    assert!(hashes.iter().all(|hash| notes.take(*hash).is_some()));
}

#[test]
fn it_takes_16_bytes_for_each_and_none_before_the_first() {
    let mut notes = Notes::new(10_000);
    assert_eq!(size_of::<Note>(), 16);
    assert_eq!(notes.notes.capacity(), 0);
    notes.keep(1, &note(1, false, 1));
    assert_eq!(notes.notes.capacity(), 10_000);
}
