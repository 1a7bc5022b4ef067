use super::*;
use crate::clock::ManualClock;
use crate::fixture::{self, render, secs};
use evergrant_core::{Class, Problem, Refusal, Request, Response, TransportError, TransportErrorKind};

/// A transport that brings no answer: what is tried here asks nobody.
#[derive(Debug)]
struct Nobody;

impl BlockingTransport for Nobody {
    fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
        Err(TransportError::new(TransportErrorKind::Connect, "nobody", &[]))
    }
}

type Threads = Supply<BlockingSource<Nobody, String>, String>;

fn live() -> (Threads, ManualClock) {
    let clock = ManualClock::new();
    let mut settings = Settings::new(fixture::client());
    settings.clock = Arc::new(clock.clone());
    settings.policy = Policy::new().with_jitter(false).with_patience(secs(7));
    (settings.supply(render, |shared| BlockingSource::new(shared, Nobody)), clock)
}

fn stored(clock: &ManualClock) -> Stored {
    Stored { token: AccessToken::new("kept").unwrap(), issued: clock.now().wall, life: secs(3600) }
}

#[test]
fn a_live_source_is_what_its_parts_are() {
    let (supply, clock) = live();
    assert_eq!(supply.patience(), secs(7));
    assert!(supply.try_token().is_none() && supply.export().is_none() && supply.live().is_some());
    assert!(supply.restore(stored(&clock)));
    assert!(!supply.restore(stored(&clock)), "one is held");
    assert_eq!(supply.export(), Some(stored(&clock)));
    assert_eq!(supply.try_token().unwrap().value().expose(), "kept");
    supply.rotate(fixture::auth("second"), Rotation::Drop);
    assert!(supply.try_token().is_none(), "the old credentials leaked");
    assert_eq!(supply.live().unwrap().shared().client().client_id(), "second");
}

#[test]
fn a_caller_that_fails_fast_takes_the_first_outcome() {
    let (patient, _clock) = live();
    let mut settings = Settings::new(fixture::client());
    settings.fail_fast = true;
    let fast: Threads = settings.supply(render, |shared| BlockingSource::new(shared, Nobody));
    let error = fast.token(None).unwrap_err();
    assert!(matches!(error.refusal().map(Refusal::problem), Some(Problem::Transport(_))), "{error}");
    assert_eq!(error.refusal().map(Refusal::class), Some(Class::Transient));
    // One without patience does not wait for the outcome.
    let error = patient.token(Some(Duration::ZERO)).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. } | Error::Failed { .. }), "{error}");
}

#[test]
fn a_fixed_token_is_there_for_ever_and_cannot_be_changed() {
    let (_, clock) = live();
    let fixed = Threads::fixed(AccessToken::new("fixed").unwrap(), render);
    let generation = fixed.try_token().unwrap().generation();
    assert_eq!(fixed.reject(generation, Site(0)), Rejection::Refused);
    fixed.rotate(fixture::auth("second"), Rotation::Drop);
    assert!(!fixed.restore(stored(&clock)) && fixed.export().is_none() && fixed.live().is_none());
    assert_eq!(fixed.token(Some(Duration::ZERO)).unwrap().value().expose(), "fixed");
    assert_eq!(fixed.authorization().unwrap().0, "Bearer fixed");
    assert_eq!(fixed.verdict_rule(), VerdictRule::Rfc6750);
    assert_eq!(fixed.status().requests, 0);
    assert!(!fixed.settle(clock.now().mono), "nothing to wait for");
}
