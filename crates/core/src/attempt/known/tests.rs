use super::*;
use crate::{Class, Problem};
use alloc::format;
use alloc::string::ToString;
use core::hash::BuildHasher;
use std::hash::RandomState;

/// 2026-11-23T12:00:00Z.
const NOON: u64 = 1_795_435_200;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: u64) -> Now {
    Now::new(Mono::from_origin(secs(seconds)), Wall::from_epoch(secs(NOON + seconds)))
}

fn https() -> Origin {
    Origin::parse("https://as.example").unwrap()
}

/// An answer whose Date is so many seconds after noon.
fn dated(seconds: i64) -> Response {
    let date = std::time::UNIX_EPOCH + secs(NOON.checked_add_signed(seconds).unwrap());
    Response::new(200).with_header("Date", httpdate::fmt_http_date(date).as_bytes())
}

fn anew() -> Known {
    Known::new(&Policy::new())
}

/// What is known after an answer at noon whose Date is so many seconds after noon.
fn hears(known: &Known, date: i64) -> Known {
    let mut known = known.clone();
    known.hear(&dated(date), &https(), at(0), at(0));
    known
}

const fn behind(seconds: u64) -> Option<ClockOffset> {
    Some(ClockOffset::Behind(secs(seconds)))
}

const fn ahead(seconds: u64) -> Option<ClockOffset> {
    Some(ClockOffset::Ahead(secs(seconds)))
}

#[test]
fn a_clock_is_off_by_more_than_30_s_or_not_at_all() {
    for (date, clock) in [
        (0, None),
        (30, None),
        (31, behind(31)),
        (140, behind(140)),
        (-30, None),
        (-31, ahead(31)),
        (-86_400, ahead(86_400)),
    ] {
        assert_eq!(hears(&anew(), date).clock(), clock, "{date}");
    }
}

#[test]
fn the_answer_was_written_between_the_two_moments_and_the_clock_is_off_from_the_nearer_one() {
    for (date, clock) in [(-1, None), (0, None), (35, None), (40, None), (70, None), (71, behind(31))] {
        let mut known = anew();
        known.hear(&dated(date), &https(), at(0), at(40));
        assert_eq!(known.clock(), clock, "{date}");
    }
    let mut known = anew();
    known.hear(&dated(-31), &https(), at(0), at(40));
    assert_eq!(known.clock(), ahead(31));
}

#[test]
fn the_age_of_an_answer_is_added_to_its_date() {
    for (date, age, clock) in [
        (-100, &b"100"[..], None),
        (-100, b"131", behind(31)),
        (-100, b"69", ahead(31)),
        (-100, b"0", ahead(100)),
        (-100, b"-1", ahead(100)),
        (-100, b"a", ahead(100)),
        (0, b"99999999999999999999999999", Some(ClockOffset::Behind(Duration::MAX - secs(NOON)))),
    ] {
        let mut known = anew();
        known.hear(&dated(date).with_header("Age", age), &https(), at(0), at(0));
        match (known.clock(), clock) {
            // As far as seconds can be counted.
            (Some(ClockOffset::Behind(by)), Some(ClockOffset::Behind(most))) if most > secs(1 << 40) => {
                assert!(by > secs(1 << 40), "{by:?}");
            }
            (clock, wanted) => assert_eq!(clock, wanted, "{age:?}"),
        }
    }
}

#[test]
fn only_where_nobody_on_the_way_can_change_it_is_a_date_believed() {
    let heard = |origin: &Origin| {
        let mut known = anew();
        known.hear(&dated(100), origin, at(0), at(0));
        known.clock()
    };
    for origin in ["https://as.example", "http://127.0.0.1:8080", "http://[::1]", "https://127.0.0.1"] {
        assert_eq!(heard(&Origin::parse(origin).unwrap()), behind(100), "{origin}");
    }
    let plain = Origin::dangerous_plain_http("http://as.internal").unwrap();
    assert_eq!(heard(&plain), None);
}

#[test]
fn without_a_date_that_can_be_read_nothing_is_learnt_and_nothing_forgotten() {
    for known in [anew(), hears(&anew(), 100)] {
        let twice = dated(0).with_header("Date", b"Mon, 23 Nov 2026 12:00:00 GMT");
        for response in [Response::new(200), Response::new(200).with_header("Date", b"today"), twice] {
            let mut after = known.clone();
            after.hear(&response, &https(), at(0), at(0));
            assert_eq!(after, known);
        }
    }
}

#[test]
fn an_offset_is_told_once_while_it_drifts_and_again_when_it_is_another() {
    let mut known = anew();
    for (date, clock, news) in [
        (0, None, None),
        (100, behind(100), behind(100)),
        (100, behind(100), None),
        (101, behind(101), None),
        (130, behind(130), None),
        // Beyond what was told by more than 30 s.
        (131, behind(131), behind(131)),
        (101, behind(101), None),
        (100, behind(100), behind(100)),
        // About the limit: right enough to use, not right enough to tell it anew.
        (40, behind(40), behind(40)),
        (16, None, None),
        (40, behind(40), None),
        (30, None, None),
        (-16, None, None),
        (40, behind(40), None),
        // It was right in between.
        (15, None, None),
        (40, behind(40), behind(40)),
        (-15, None, None),
        (40, behind(40), behind(40)),
        // On the other side.
        (-40, ahead(40), ahead(40)),
        (-70, ahead(70), None),
        (-71, ahead(71), ahead(71)),
        (71, behind(71), behind(71)),
        (0, None, None),
        (0, None, None),
    ] {
        let next = hears(&known, date);
        assert_eq!((next.clock(), next.clock_news(&known)), (clock, news), "{date}");
        known = next;
    }
}

#[test]
fn what_is_right_from_the_beginning_costs_nothing_to_know() {
    assert!(hears(&anew(), 10).learnt.is_none());
    assert!(hears(&anew(), -30).learnt.is_none());
    let mut known = anew();
    known.accepted();
    assert!(known.learnt.is_none());
}

#[test]
fn the_servers_now_is_ours_moved_by_the_offset() {
    let now = at(0).wall;
    assert_eq!(anew().server_now(now), now);
    assert_eq!(hears(&anew(), 100).server_now(now), at(100).wall);
    assert_eq!(hears(&anew(), -100).server_now(now), Wall::from_epoch(secs(NOON - 100)));
    assert_eq!(hears(&anew(), -100).server_now(Wall::from_epoch(secs(5))), Wall::EPOCH);
}

#[test]
fn an_offset_is_said_in_words() {
    let words = [behind(140), ahead(3700)].map(|offset| offset.unwrap().to_string());
    assert_eq!(words, ["2 min 20 s behind the server's", "1 h 1 min ahead of the server's"]);
    assert_eq!(behind(140).unwrap().by(), secs(140));
    assert_eq!(ahead(31).unwrap().by(), secs(31));
}

fn refused() -> Refusal {
    Refusal::new(Class::Permanent, Some(401), Problem::Status)
}

#[test]
fn a_text_is_refused_until_a_time_and_not_at_it() {
    let mut known = anew();
    let text = Secret::new("stale");
    assert_eq!((known.refused_until(), known.held_back(&text, at(0).mono)), (None, None));
    known.refused(text.clone(), &refused().with_retry_after(secs(60)), at(0).mono);
    assert_eq!(known.refused_until(), Some(at(10).mono));
    assert_eq!(known.held_back(&text, at(9).mono), Some(refused()));
    assert_eq!(known.held_back(&text, at(10).mono), None);
    assert_eq!(known.held_back(&Secret::new("other"), at(9).mono), None);
    known.accepted();
    assert_eq!((known.refused_until(), known.held_back(&text, at(9).mono)), (None, None));
}

#[test]
fn whoever_keeps_it_and_whoever_is_given_it_do_not_change_each_others() {
    let mut known = hears(&anew(), 100);
    let kept = known.clone();
    known.refused(Secret::new("stale"), &refused(), at(0).mono);
    assert_eq!((kept.refused_until(), kept.clock()), (None, behind(100)));
    known.accepted();
    assert_eq!(known, kept);
}

#[test]
fn other_credentials_are_none_that_was_refused_and_the_server_is_the_same() {
    let mut known = hears(&anew(), 100);
    let before = known.clone();
    known.forget_credential();
    assert_eq!(known, before);
    known.refused(Secret::new("stale"), &refused(), at(0).mono);
    known.refused(Secret::new("stale"), &refused(), at(0).mono);
    known.forget_credential();
    assert_eq!((known.refused_until(), known.clock()), (None, behind(100)));
    known.refused(Secret::new("stale"), &refused(), at(0).mono);
    assert_eq!(known.refused_until(), Some(at(10).mono), "it is counted anew");
}

#[test]
fn debug_and_hash_tell_nothing_of_the_text() {
    let known = |text| {
        let mut known = anew();
        known.refused(Secret::new(text), &refused(), at(0).mono);
        known
    };
    let shown = format!("{:?} {:#?}", known("SENTINEL"), known("SENTINEL"));
    assert!(!shown.contains("SENTINEL"), "{shown}");
    let hasher = RandomState::new();
    assert_eq!(hasher.hash_one(known("SENTINEL")), hasher.hash_one(known("sentinel")));
    assert_ne!(known("SENTINEL"), known("sentinel"));
}

impl Known {
    /// The same as it would be with this moment as the origin of the clock: equal for two that will behave alike.
    pub(in crate::attempt) fn relative(&self, now: Mono) -> Self {
        let mut relative = self.clone();
        if let Some(Learnt { refused: Some(refused), .. }) = relative.learnt.as_mut().map(Arc::make_mut) {
            refused.until = Mono::from_origin(refused.until.since(now));
            refused.any_until = Mono::from_origin(refused.any_until.since(now));
        }
        relative.counted()
    }

    /// The same as it would be so much later, at the moment that is `now` for both: equal for two that will behave alike.
    pub(in crate::attempt) fn later(&self, by: Duration, now: Mono) -> Self {
        let mut later = self.clone();
        let Some(learnt) = later.learnt.as_mut().map(Arc::make_mut) else { return later };
        let earlier = |then: Mono| Mono::from_origin(then.since_origin().saturating_sub(by));
        if let Some(refused) = &mut learnt.refused {
            // What is over is over.
            refused.until = earlier(refused.until).max(now);
            refused.any_until = earlier(refused.any_until).max(now);
        }
        if let Some(kept) = &mut learnt.metadata {
            // What is older than anything that matters is that old.
            let ago = |then: Mono, most: u64| {
                earlier(then)
                    .max(Mono::from_origin(now.since_origin().saturating_sub(Duration::from_secs(most))))
            };
            kept.fetched = ago(kept.fetched, 600);
            kept.tried = ago(kept.tried, 60);
        }
        later.counted()
    }

    /// The same with counts as far as they matter.
    fn counted(self) -> Self {
        let mut relative = self;
        if let Some(Learnt { refused: Some(refused), .. }) = relative.learnt.as_mut().map(Arc::make_mut) {
            let policy = &relative.policy;
            let longest = policy.cooldown(u32::MAX);
            let is_counted = |count: &u32| policy.cooldown(*count) < longest;
            refused.count = (0..refused.count).find(|count| !is_counted(count)).unwrap_or(refused.count);
            let beyond = refused.others.saturating_sub(OTHERS);
            let beyond = (0..beyond).find(|count| !is_counted(count)).unwrap_or(beyond);
            refused.others = refused.others.min(OTHERS + beyond);
        }
        relative
    }
}
