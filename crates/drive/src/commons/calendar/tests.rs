use super::*;
use crate::fixture::{Waking, secs};

fn spot(slot: u32) -> Spot {
    Spot { shard: 0, slot, stay: 0 }
}

fn at(seconds: u64) -> Mono {
    Mono::from_origin(secs(seconds))
}

fn note(calendar: &Calendar, seconds: u64, slot: u32) {
    calendar.note(at(seconds), spot(slot)).into_iter().for_each(Waker::wake);
}

fn next(calendar: &Calendar, seconds: u64, keeper: u64, waking: &Waking) -> Next {
    calendar.next(at(seconds), keeper, waking.waker()).0
}

#[test]
fn nothing_is_noted_while_nobody_reads_it() {
    let calendar = Calendar::default();
    note(&calendar, 5, 1);
    assert!(!calendar.is_kept() && calendar.len() == 0);
    let (first, is_only) = calendar.open();
    assert!(is_only && calendar.is_kept());
    note(&calendar, 5, 1);
    let (second, is_only) = calendar.open();
    assert!(!is_only);
    drop(calendar.close(first));
    assert!(calendar.is_kept() && calendar.len() == 1);
    drop(calendar.close(second));
    assert!(!calendar.is_kept() && calendar.len() == 0);
}

#[test]
fn the_earliest_comes_first_and_not_before_its_time() {
    let (calendar, waking) = (Calendar::default(), Waking::new());
    let (keeper, _) = calendar.open();
    assert!(matches!(next(&calendar, 0, keeper, &waking), Next::Nothing));
    for (seconds, slot) in [(7, 7), (3, 3), (5, 5)] {
        note(&calendar, seconds, slot);
    }
    assert!(matches!(next(&calendar, 2, keeper, &waking), Next::At(then) if then == at(3)));
    for slot in [3, 5] {
        let due = next(&calendar, 5, keeper, &waking);
        assert!(matches!(due, Next::Due(found) if found == spot(slot)), "{due:?}");
    }
    assert!(matches!(next(&calendar, 5, keeper, &waking), Next::At(then) if then == at(7)));
}

#[test]
fn a_keeper_is_woken_once_by_what_is_earlier_than_all_others() {
    let (calendar, waking) = (Calendar::default(), Waking::new());
    let (keeper, _) = calendar.open();
    let _nothing = next(&calendar, 0, keeper, &waking);
    note(&calendar, 5, 1);
    assert_eq!(waking.count(), 1);
    let _at_five = next(&calendar, 0, keeper, &waking);
    for seconds in [5, 6] {
        note(&calendar, seconds, 2);
    }
    assert_eq!(waking.count(), 1);
    note(&calendar, 4, 3);
    note(&calendar, 3, 4);
    assert_eq!(waking.count(), 2, "it was woken, and has not looked since");
    assert_eq!(calendar.wakers().len(), 0);
    let _at_three = next(&calendar, 0, keeper, &waking);
    assert_eq!(calendar.wakers().len(), 1);
}

#[test]
fn a_place_has_one_time_whoever_comes_to_it_and_however_often_it_changes() {
    let (calendar, waking) = (Calendar::default(), Waking::new());
    let (keeper, _) = calendar.open();
    for n in 0..1000 {
        note(&calendar, 5 + n % 7, 1);
        calendar.note(at(9), Spot { stay: u32::try_from(n).unwrap(), ..spot(2) });
    }
    assert_eq!(calendar.len(), 2);
    // The last one that was said: 5 + 999 % 7.
    assert!(matches!(next(&calendar, 0, keeper, &waking), Next::At(then) if then == at(9)));
    assert!(matches!(next(&calendar, 20, keeper, &waking), Next::Due(Spot { slot: 2, stay: 999, .. })));
    assert!(matches!(next(&calendar, 20, keeper, &waking), Next::Due(Spot { slot: 1, .. })));
    assert!(matches!(next(&calendar, 20, keeper, &waking), Next::Nothing));
}
