//! What a thread gets through a store. The rules are core's; tasks have the same tests in `wait/tests/store.rs`.

use super::*;
use crate::fixture::{Fault, InMemory, Plain};
use crate::{ManualClock, SealedStore, WhenDown};
use std::thread;

/// A process: its sources share this store.
fn process(clock: &ManualClock, store: SealedStore) -> (BlockingSource<Gated, String>, Arc<Gate>) {
    let settings = Settings::new(fixture::client()).policy(Policy::new().with_jitter(false));
    let settings = settings.clock(clock.clone()).store(store);
    let gate = Arc::new(Gate::default());
    gate.open();
    (BlockingSource::new(settings, fixture::render, Gated(Arc::clone(&gate))), gate)
}

fn sent(gate: &Gate) -> u32 {
    gate.sent.load(Ordering::SeqCst)
}

/// Until the job of a flight has told the store.
fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::sleep(ms(1));
    }
}

#[test]
fn the_second_process_has_the_token_of_the_first_over_engines_of_both_kinds() {
    let (_, clock) = fixture::settings();
    for blocks in [false, true] {
        let memory = InMemory::new(&clock);
        let sealed = || if blocks { SealedStore::blocking(memory.clone(), Plain) } else { memory.sealed() };
        let ((first, one), (second, other)) = (process(&clock, sealed()), process(&clock, sealed()));
        assert_eq!(first.wait(None, None).unwrap().value(), "Bearer a");
        let mut commands = Vec::new();
        until(|| {
            commands.extend(memory.commands());
            commands == ["claim", "put"]
        });
        assert_eq!(second.wait(None, None).unwrap().value(), "Bearer a");
        assert_eq!((sent(&one), sent(&other)), (1, 0), "blocks: {blocks}");
        assert_eq!(memory.commands(), ["claim"]);
        assert_eq!((first.shared().status().requests, second.shared().status().requests), (1, 0));
    }
}

#[test]
fn a_store_that_fails_or_panics_costs_nobody_a_token() {
    let (_, clock) = fixture::settings();
    for fault in [Fault::Refuses, Fault::Panics, Fault::PanicsLater] {
        for blocks in [false, true] {
            let memory = InMemory::new(&clock);
            memory.fails_by(fault);
            let sealed = if blocks { SealedStore::blocking(memory.clone(), Plain) } else { memory.sealed() };
            let (source, gate) = process(&clock, sealed);
            assert_eq!(source.wait(None, None).unwrap().value(), "Bearer a", "{fault:?}, blocks: {blocks}");
            assert_eq!(sent(&gate), 1);
        }
    }
}

#[test]
fn a_store_that_hangs_is_given_up_by_the_clock() {
    let (_, clock) = fixture::settings();
    let memory = InMemory::new(&clock);
    memory.fails_by(Fault::Hangs);
    let (source, gate) = process(&clock, SealedStore::blocking(memory.clone(), Plain));
    let waiting = source.clone();
    let call = thread::spawn(move || waiting.wait(None, None).unwrap().value().clone());
    until(|| source.shared().status().waiting == 1);
    assert_eq!(sent(&gate), 0);
    until(|| {
        clock.advance(ms(250));
        sent(&gate) == 1
    });
    assert_eq!(call.join().unwrap(), "Bearer a");
    // The thread that hangs ends.
    memory.fails_by(Fault::None);
}

#[test]
fn who_pays_for_each_token_does_not_ask_without_the_store() {
    let (_, clock) = fixture::settings();
    let memory = InMemory::new(&clock);
    memory.fails_by(Fault::Refuses);
    let (source, gate) = process(&clock, memory.sealed().when_down(WhenDown::Rest));
    let waiting = source.clone();
    let call =
        thread::spawn(move || waiting.wait(Some(ms(100)), None).map(|snapshot| snapshot.value().clone()));
    until(|| source.shared().status().last_outcome.is_some());
    clock.advance(ms(100));
    let error = call.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("the token request was not sent: the store refused: "), "{error}");
    assert_eq!(sent(&gate), 0);
}

#[test]
fn whoever_wants_to_end_can_wait_until_the_store_was_told() {
    let (_, clock) = fixture::settings();
    let memory = InMemory::new(&clock);
    let (source, _gate) = process(&clock, SealedStore::blocking(memory.clone(), Plain));
    source.flush();
    assert!(source.wait(None, None).is_ok());
    source.flush();
    assert_eq!(memory.commands(), ["claim", "put"]);
}
