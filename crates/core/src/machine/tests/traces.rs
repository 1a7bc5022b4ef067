//! Random traces, and the properties that need a world of their own.

use super::sim::{Sim, ms, secs, token};
use super::*;
use crate::machine::trace::{Op, Trace};
use proptest::collection::vec;
use proptest::prelude::*;

fn ops() -> impl Strategy<Value = Op> {
    any::<[u8; 8]>().prop_map(Op::decode)
}

fn lives() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0_u64..100_000).prop_map(ms),
        3 => (0_u64..100_000).prop_map(secs),
        1 => Just(Duration::ZERO),
        1 => any::<u64>().prop_map(secs),
        1 => Just(Duration::MAX),
        1 => (0_u64..100).prop_map(Duration::from_nanos),
    ]
}

/// Twice as many cases as usual; PROPTEST_CASES sets another number.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: 2 * usual.cases, failure_persistence: None, ..usual }
}

/// A generator that never reaches a corner proves nothing about it.
// Conforms: L-26
#[test]
fn random_traces_see_everything_that_can_happen() {
    let mut random = 1_u64;
    let mut bytes = || {
        // Knuth's MMIX generator; its low bits are poor.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random ^ (random >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd).to_be_bytes()
    };
    let mut seen = alloc::collections::BTreeSet::<&str>::new();
    for seed in 0..6000 {
        let trace: Vec<Op> = (0..80).map(|_| Op::decode(bytes())).collect();
        seen.extend(Trace::run(&trace, seed).seen());
    }
    let all = [
        "Dropped",
        "Elsewhere",
        "Failed",
        "HeldBack",
        "Idle",
        "Installed",
        "Installed late",
        "NoProgress",
        "Refused",
        "Replaced",
        "Resting",
        "Saturated",
        "Send",
        "Settling",
        "Superseded",
        "TimedOut",
        "Use",
        "Use aside",
        "Wait",
        "abandoned again",
        "abandoned late",
        "corrected",
        "early",
        "expired",
        "first",
        "held back",
        "refused again",
        "rejected",
        "repeated",
        "restored",
        "retry",
        "rotated",
        "shared",
        "told to rest",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

proptest! {
    #![proptest_config(cases())]

    /// I1, I2, I3, I4, I5, I6, I7, I9, I10, I11, I13, I14, I15, I17, I19, I22, I31, I32, I46 to
    /// I49 after every input of a trace.
    // Conforms: L-26
    #[test]
    fn every_trace_keeps_the_invariants(trace in vec(ops(), 1..120), seed: u64) {
        Trace::run(&trace, seed);
    }

    // Conforms: L-37
    #[test]
    fn i21_equal_machines_after_equal_inputs(trace in vec(ops(), 1..60), seed: u64) {
        let (one, other) = (Trace::run(&trace, seed), Trace::run(&trace, seed));
        prop_assert_eq!(one, other);
    }

    // Conforms: R-TIME-a
    #[test]
    fn i12_every_lease_is_finite_whatever_the_life(life in proptest::option::of(lives()), wish: Option<u64>, seed: u64) {
        let mut sim = Sim::seeded(Policy::new(), seed);
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        let grant = Grant::new(token("a"), life);
        let grant = match wish { Some(wish) => grant.with_refresh_in(secs(wish)), None => grant };
        let landing = sim.machine.complete(sim.now, flight, Outcome::Granted(grant));
        if let Landing::Installed { life, .. } = landing {
            prop_assert!(life <= secs(366 * 86_400));
            sim.pass(life);
        } else {
            let rests = matches!(landing, Landing::Resting { .. });
            prop_assert!(rests);
        }
        prop_assert!(sim.machine.held(sim.now).is_none());
    }

    /// In any window W the Sends that rejections at one site cause are at most 2 + log2(1 + W / young) + W / cap.
    // Conforms: L-17
    #[test]
    fn i18_rejections_at_one_site_cost_a_bounded_number_of_requests(gaps in vec(0_u64..130_000, 1..300), seed: u64) {
        let mut sim = Sim::seeded(Policy::new().with_jitter(false), seed);
        let mut call = sim.call_within(secs(1_000_000));
        let flight = sim.sends(&mut call);
        sim.grant(flight, "t0", 30_000_000);
        let mut sends: Vec<Mono> = Vec::new();
        for gap in gaps {
            sim.pass(ms(gap));
            let generation = sim.token(&mut call).generation();
            if sim.reject(generation, 0) == Rejection::Dropped {
                let flight = sim.sends(&mut call);
                sends.push(sim.now.mono);
                sim.grant(flight, &format!("t{}", sends.len()), 30_000_000);
            }
        }
        for (first, start) in sends.iter().enumerate() {
            for (last, end) in sends.iter().enumerate().skip(first) {
                let window = end.since(*start).as_secs_f64();
                let bound = 2.0 + (1.0 + window / 10.0).log2() + window / 60.0;
                prop_assert!((last - first + 1) as f64 <= bound, "{} sends in {window} s, bound {bound}", last - first + 1);
            }
        }
    }

    // Conforms: R-TIME-e
    #[test]
    fn i20_a_jump_of_the_wall_clock_costs_at_most_one_extra_request(jump in 0_u64..10_000_000, at in 0_u64..3000, back: bool, in_flight: bool) {
        let run = |jump: Option<u64>| {
            let mut sim = Sim::new();
            let mut call = sim.call_within(secs(1_000_000));
            let (mut sent, mut number) = (0_u32, 0);
            let start = sim.now.mono;
            let mut jumped = false;
            let mut end_of_lease = Mono::MAX;
            while sim.now.mono.since(start) < secs(7000) {
                let due = sim.now.mono.since(start) >= secs(at);
                let mut step = |sim: &mut Sim| {
                    if let (false, true, Some(jump)) = (jumped, due, jump) {
                        jumped = true;
                        sim.now.wall = if back {
                            Wall::from_epoch(sim.now.wall.since_epoch().saturating_sub(secs(jump)))
                        } else {
                            sim.now.wall.after(secs(jump))
                        };
                    }
                };
                if !in_flight {
                    step(&mut sim);
                }
                match sim.poll(&mut call) {
                    Step::Send(flight) => {
                        sent += 1;
                        number += 1;
                        let sent_at = sim.now.mono;
                        sim.pass(ms(100));
                        if in_flight {
                            step(&mut sim);
                        }
                        sim.grant(flight, &format!("t{number}"), 3600);
                        end_of_lease = sent_at.after(secs(3570));
                    }
                    Step::Use(_) => assert!(sim.now.mono < end_of_lease, "I20: a backward jump extended a lease"),
                    Step::Wait(_) | Step::Fail(_) => {}
                }
                sim.pass(ms(1000));
            }
            sent
        };
        let (calm, jumpy) = (run(None), run(Some(jump)));
        prop_assert!(jumpy <= calm + 1, "{jumpy} instead of {calm}");
    }

    /// At most 4 + log2(1.5 ahead / min_interval) + 2 log2(leeway / min_interval) requests per life of the token.
    // Conforms: Q-14
    #[test]
    fn i23_a_server_that_repeats_its_token_is_not_hammered(life in 600_u64..100_000, answer in 1_u64..900, seed: u64) {
        let mut sim = Sim::seeded(Policy::new(), seed);
        let mut call = sim.call_within(secs(1_000_000));
        let dies = sim.now.after(secs(life));
        let mut sent = 0;
        while sim.now.mono < dies.mono {
            match sim.poll(&mut call) {
                Step::Send(flight) => {
                    sent += 1;
                    let left = dies.mono.since(sim.now.mono);
                    sim.pass(ms(answer));
                    let grant = Grant::new(token("same"), Some(left));
                    let _landing = sim.machine.complete(sim.now, flight, Outcome::Granted(grant));
                }
                Step::Use(_) => sim.pass(sim.until_wake().max(ms(1))),
                Step::Wait(until) => sim.pass(until.since(sim.now.mono)),
                Step::Fail(error) => panic!("{error}"),
            }
        }
        prop_assert!(sent <= 22, "{sent} requests in a life of {life} s");
    }
}
