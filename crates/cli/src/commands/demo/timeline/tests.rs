use super::{Timeline, What};
use crate::commands::demo::tally::Tally;
use evergrant_tokio_reqwest::{Held, Status, Tokens};
use std::thread::sleep;
use std::time::Duration;

const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// A source with a token that lives a minute, and the same without one. Each source counts its tokens anew.
fn status() -> (Status, Held) {
    let mut status = Tokens::fixed("a-token").unwrap().status();
    let mut held = status.held.take().unwrap();
    held.used_for = ms(60_000);
    (status, held)
}

#[test]
fn a_token_is_used_until_another_is_held_or_none() {
    let (mut status, held) = status();
    let (mut timeline, tally) = (Timeline::begin(), Tally::default());
    timeline.look(&status, &tally);
    assert!(timeline.lives().is_empty());
    status.held = Some(held);
    timeline.look(&status, &tally);
    sleep(ms(5));
    timeline.look(&status, &tally);
    let [life] = timeline.lives() else { panic!("{timeline:?}") };
    assert_eq!((life.used_until, life.valid_until), (None, life.from + ms(60_000)));
    status.held = None;
    timeline.look(&status, &tally);
    let [life] = timeline.lives() else { panic!("{timeline:?}") };
    let used_until = life.used_until.unwrap();
    assert!(life.from + ms(5) <= used_until && used_until <= timeline.elapsed());
    status.held = Some(held);
    timeline.look(&status, &tally);
    timeline.end(&tally);
    assert_eq!(timeline.lives().len(), 2);
    assert!(timeline.lives()[1].used_until.is_some(), "the end ends it");
}

#[test]
fn a_revoked_token_is_no_longer_valid_and_the_next_one_ends_the_trouble() {
    let (mut status, held) = status();
    let (mut timeline, tally) = (Timeline::begin(), Tally::default());
    status.held = Some(held);
    timeline.look(&status, &tally);
    assert_eq!(timeline.trouble(), None);
    timeline.revoked();
    timeline.look(&status, &tally);
    assert_eq!(timeline.trouble(), Some(What::Revoked), "the old one is still held");
    status.held = None;
    timeline.look(&status, &tally);
    assert_eq!(timeline.trouble(), Some(What::Revoked));
    assert!(timeline.lives()[0].valid_until < ms(60_000));
    status.held = Some(held);
    timeline.look(&status, &tally);
    assert_eq!(timeline.trouble(), None);
    timeline.down();
    timeline.look(&status, &tally);
    assert_eq!(timeline.trouble(), Some(What::Down), "a token changes nothing about that");
    timeline.up();
    assert_eq!(timeline.trouble(), None);
    assert!(timeline.troubles().iter().all(|trouble| Some(trouble.from) <= trouble.until), "{timeline:?}");
}

#[test]
fn each_step_has_its_calls_and_none_is_lost_when_a_look_comes_late() {
    let (mut status, _) = status();
    let (mut timeline, tally) = (Timeline::begin(), Tally::default());
    (0..10).for_each(|_| tally.count(ms(7), None));
    status.waiting = 3;
    timeline.look(&status, &tally);
    status.waiting = 0;
    (0..7).for_each(|_| tally.count(ms(900), None));
    // More than two steps, in which nobody looked.
    (0..5).for_each(|_| sleep(ms(100)));
    timeline.look(&status, &tally);
    let samples = timeline.samples();
    assert!(samples.len() >= 2, "{samples:?}");
    assert_eq!(samples.iter().map(|sample| sample.calls).sum::<u64>(), 17, "{samples:?}");
    assert_eq!((samples[0].queue, samples[0].longest_wait), (3, ms(900)));
}
