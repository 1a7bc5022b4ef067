use super::{Demo, Plan, View, work};
use crate::commands::runtime::block_on;
use evergrant_mock::Endpoint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_phase_lasts_until_a_call_was_answered() {
    // Another test may have installed one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let (mut demo, api) = Demo::prepare(Plan::of(5), View::none()).unwrap();
    let gate = demo.server.hold(Endpoint::Resource);
    let (url, over) = (demo.server.resource("/shipments"), Arc::new(AtomicBool::new(false)));
    let answered = block_on(async {
        let worker = tokio::spawn(work(api, url, Arc::clone(&demo.tally), Arc::clone(&over)));
        let mut phase = demo.begin("cold start", None, "the API is slow");
        let slow = async {
            // Much longer than the phase would last.
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            gate.release();
        };
        let watched = async {
            demo.watch(&mut phase, demo.plan.unit, |status| status.requests > 0).await;
            demo.tally.requests()
        };
        let (answered, ()) = tokio::join!(watched, slow);
        over.store(true, Ordering::Relaxed);
        worker.await.unwrap();
        Ok(answered)
    })
    .unwrap();
    assert!(answered > 0);
}

#[test]
fn one_worker_calls_and_two_call() {
    assert_eq!([1, 2].map(super::report::call), ["1 worker calls", "2 workers call"]);
}

#[test]
fn a_phase_that_lasts_longer_on_a_busy_machine_may_replace_its_tokens() {
    let plan = Plan::of(60);
    let due = plan.life * 6 / 10;
    for (time, expected) in [(Duration::ZERO, 0), (due - Duration::from_nanos(1), 0), (due, 1), (due * 3, 3)]
    {
        assert_eq!(plan.refreshes(time), expected, "{time:?}");
    }
}
