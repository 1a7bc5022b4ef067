//! Random traces: two clocks, adversarial servers, any order of inputs. A trace is a list of `Op`s, so that a
//! failure shrinks to a list that can be read.

use super::sim::{Sim, ms, permanent, secs, throttled, token, transient};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// One input. Indices are taken modulo what is there.
#[derive(Clone, Debug)]
enum Op {
    /// Both clocks go on.
    Pass(Duration),
    /// The wall clock alone steps, in seconds.
    Step(i64),
    /// The machine is suspended: the wall clock alone goes on.
    Suspend(Duration),
    Poll(usize),
    Leave(usize),
    Land(usize, Answer),
    Abandon(usize),
    Reject {
        behind: u64,
        site: u16,
    },
    Rotate(Rotation),
    Restore {
        age: u64,
        life: u64,
    },
}

#[derive(Clone, Debug)]
enum Answer {
    Grant { name: u8, life: Option<Duration>, refresh_in: Option<u64> },
    Transient,
    Throttled(u64),
    Permanent,
    NotSent,
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

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => (any::<u8>(), proptest::option::of(lives()), proptest::option::of(any::<u64>()))
            .prop_map(|(name, life, refresh_in)| Answer::Grant { name: name % 4, life, refresh_in }),
        2 => Just(Answer::Transient),
        1 => (0_u64..5000).prop_map(Answer::Throttled),
        1 => Just(Answer::Permanent),
        1 => Just(Answer::NotSent),
    ]
}

fn times() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0_u64..3000).prop_map(ms),
        2 => (0_u64..400).prop_map(secs),
        1 => (0_u64..100_000).prop_map(secs),
        1 => (0_u64..10).prop_map(Duration::from_nanos),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => times().prop_map(Op::Pass),
        1 => (-100_000_i64..100_000).prop_map(Op::Step),
        1 => times().prop_map(Op::Suspend),
        8 => (0_usize..4).prop_map(Op::Poll),
        1 => (0_usize..4).prop_map(Op::Leave),
        5 => (any::<usize>(), answers()).prop_map(|(at, answer)| Op::Land(at, answer)),
        1 => any::<usize>().prop_map(Op::Abandon),
        2 => (0_u64..3, 0_u16..3).prop_map(|(behind, site)| Op::Reject { behind, site }),
        1 => prop_oneof![Just(Rotation::Keep), Just(Rotation::Drop)].prop_map(Op::Rotate),
        1 => (0_u64..5000, 0_u64..5000).prop_map(|(age, life)| Op::Restore { age, life }),
    ]
}

/// A machine under a trace, and what must hold after every input.
struct Trace {
    sim: Sim,
    calls: Vec<(Call, Duration)>,
    flights: Vec<Flight>,
    sends: Vec<Mono>,
    /// A Retry-After told to a flight that counted: no Send before.
    told: Mono,
    /// No generation at or below this may be used again.
    dropped: u64,
    last_used: u64,
}

impl Trace {
    fn new(seed: u64) -> Self {
        let policy = Policy::new().with_max_waiters(3);
        let sim = Sim::seeded(policy, seed);
        let patiences = [ms(10), secs(3), secs(30), secs(3000)];
        let calls = patiences.map(|patience| (sim.call_within(patience), patience)).into();
        let (flights, sends) = (Vec::new(), Vec::new());
        Self { sim, calls, flights, sends, told: Mono::ZERO, dropped: 0, last_used: 0 }
    }

    fn run(ops: &[Op], seed: u64) -> Self {
        let mut trace = Self::new(seed);
        for op in ops {
            trace.apply(op);
            trace.check();
        }
        trace
    }

    fn apply(&mut self, op: &Op) {
        let now = self.sim.now;
        let before = self.sim.machine.clone();
        match op {
            Op::Pass(time) => self.sim.pass(*time),
            Op::Step(seconds) => {
                let (step, wall) = (secs(seconds.unsigned_abs()), now.wall);
                self.sim.now.wall = if *seconds < 0 {
                    Wall::from_epoch(wall.since_epoch().saturating_sub(step))
                } else {
                    wall.after(step)
                };
            }
            Op::Suspend(time) => self.sim.now.wall = now.wall.after(*time),
            Op::Poll(at) => self.poll(*at),
            Op::Leave(at) => {
                let (call, _) = &mut self.calls[*at];
                self.sim.machine.leave(call);
                let once = self.sim.machine.clone();
                self.sim.machine.leave(call);
                assert_eq!(self.sim.machine, once, "leave is idempotent");
            }
            Op::Land(at, answer) if !self.flights.is_empty() => self.land(*at, answer, &before),
            Op::Abandon(at) if !self.flights.is_empty() => {
                let flight = self.flights.swap_remove(at % self.flights.len());
                self.sim.machine.abandon(now, flight);
                assert_eq!(self.sim.machine.held(now), before.held(now), "I14");
            }
            Op::Reject { behind, site } => {
                let held = before.held(now).map_or(before.generations, |held| held.generation().number());
                let generation = Generation(held.saturating_sub(*behind));
                match self.sim.machine.reject(now, generation, Site(*site)) {
                    Rejection::Dropped => self.dropped = generation.number(),
                    verdict => {
                        assert_eq!(self.sim.machine, before, "I4 {verdict:?}");
                        let until = matches!(verdict, Rejection::Settling(until) if until <= now.mono);
                        assert!(!until, "I6: a settling token is waited for in the future");
                    }
                }
            }
            Op::Rotate(rotation) => {
                self.sim.machine.rotate(now, *rotation);
                if *rotation == Rotation::Drop {
                    self.dropped = before.generations;
                }
            }
            Op::Restore { age, life } => self.restore(secs(*age), secs(*life), &before),
            Op::Land(..) | Op::Abandon(_) => {}
        }
    }

    fn poll(&mut self, at: usize) {
        let now = self.sim.now;
        let held = self.sim.machine.held(now).cloned();
        let wake = self.sim.machine.next_wake(now);
        let (call, patience) = &mut self.calls[at];
        if call.deadline() <= now.mono && !call.holds_place() {
            *call = self.sim.call_within(*patience);
        }
        let step = self.sim.machine.poll(now, call);
        assert_eq!(matches!(step, Step::Send(_)), wake <= now.mono, "I32");
        match step {
            Step::Use(token) => {
                assert!(!now.has_reached(token.use_until()), "I2");
                let generation = token.generation().number();
                assert!(generation > self.dropped, "I3");
                assert!(generation >= self.last_used, "I5");
                self.last_used = generation;
            }
            Step::Send(flight) => {
                let spaced = self.sends.last().is_none_or(|last| now.mono.since(*last) >= secs(1));
                assert!(spaced, "I17: min_interval");
                assert!(now.mono >= self.told, "I17: Retry-After");
                self.sends.push(now.mono);
                self.flights.push(flight);
            }
            Step::Wait(until) => {
                assert_eq!(held, None, "I15");
                assert!(now.mono < until && until <= call.deadline(), "I6");
                let before = self.sim.machine.clone();
                assert_eq!(self.sim.machine.poll(now, call), Step::Wait(until), "I10");
                assert_eq!(self.sim.machine, before, "I10");
            }
            Step::Fail(error) => {
                assert_eq!(held, None, "I15");
                assert!(!call.holds_place());
                if matches!(error, Error::TimedOut { .. }) {
                    assert!(now.mono >= call.deadline(), "I19");
                }
            }
        }
    }

    fn land(&mut self, at: usize, answer: &Answer, before: &Machine) {
        let now = self.sim.now;
        let flight = self.flights.swap_remove(at % self.flights.len());
        let (counts, sent) = (before.is_current(&flight), flight.sent_at());
        let outcome = match answer {
            Answer::Grant { name, life, refresh_in } => {
                let grant = Grant::new(token(&format!("t{name}")), *life);
                Outcome::Granted(match refresh_in {
                    Some(wish) => grant.with_refresh_in(secs(*wish)),
                    None => grant,
                })
            }
            Answer::Transient => Outcome::Refused(transient()),
            Answer::Throttled(seconds) => {
                if counts {
                    self.told = now.mono.after(secs(*seconds).min(secs(3600)));
                }
                Outcome::Refused(throttled(*seconds))
            }
            Answer::Permanent => Outcome::Refused(permanent()),
            Answer::NotSent => Outcome::NotSent(ConfigError::ColonInClientId),
        };
        let failure = !matches!(outcome, Outcome::Granted(_));
        match self.sim.machine.complete(now, flight, outcome) {
            Landing::Installed { life, .. } => {
                let held = self.sim.machine.held(now).expect("I2: what was installed is usable");
                let leeway = secs(30).min(life / 10);
                assert!(life <= secs(366 * 86_400), "I12");
                assert_eq!(held.use_until(), sent.after(life - leeway), "I11");
                for (born, refresh, end) in [
                    (
                        sent.mono.max(now.mono).since_origin(),
                        held.refresh_at().mono.since_origin(),
                        held.use_until().mono.since_origin(),
                    ),
                    (
                        sent.wall.max(now.wall).since_epoch(),
                        held.refresh_at().wall.since_epoch(),
                        held.use_until().wall.since_epoch(),
                    ),
                ] {
                    assert!(born < refresh && refresh <= end, "I13: {born:?} {refresh:?} {end:?}");
                }
            }
            Landing::Resting { until, .. } => {
                assert!(counts && until > now.mono);
                assert_eq!(self.sim.machine.held(now), before.held(now), "I14");
            }
            Landing::NoProgress { .. } => {
                let (after, before) = (self.sim.machine.held(now), before.held(now));
                assert_eq!(after.map(Token::generation), before.map(Token::generation));
                assert_eq!(after.map(Token::use_until), before.map(Token::use_until));
            }
            Landing::Superseded => {
                assert!(!counts, "I22: a flight that counts has an effect");
                let fetch = (self.sim.machine.fetch(now), self.sim.machine.failures);
                assert_eq!(fetch, (before.fetch(now), before.failures), "I22");
            }
        }
        if failure {
            assert_eq!(self.sim.machine.held(now), before.held(now), "I14");
        }
    }

    fn restore(&mut self, age: Duration, life: Duration, before: &Machine) {
        let now = self.sim.now;
        let issued = Wall::from_epoch(now.wall.since_epoch().saturating_sub(age));
        let end = issued.after(life - secs(30).min(life / 10));
        let stored = Stored { token: token("kept"), issued, life };
        if self.sim.machine.restore(now, stored) {
            assert_eq!(before.held(now), None, "I31");
            let held = self.sim.machine.held(now).expect("I31: what was restored is usable");
            assert_eq!(held.use_until().wall, end, "I31");
            let due = [Err(Missing::Rejected), Err(Missing::Rotated)].contains(&before.lease);
            assert!(!due, "I31: a request that is due is not blocked");
        } else {
            assert_eq!(self.sim.machine.held(now), before.held(now));
        }
    }

    /// What holds in every state.
    fn check(&mut self) {
        let (now, machine) = (self.sim.now, &self.sim.machine);
        let holding = self.calls.iter().filter(|(call, _)| call.holds_place()).count();
        assert_eq!(machine.waiters(), holding, "I9");
        assert!(holding <= machine.policy().max_waiters(), "I9");
        assert!(machine.next_wake(now) >= now.mono);
        if let Some((_, until)) = machine.quiet_until(now)
            && !now.has_reached(until)
        {
            let mut probe = machine.clone();
            let mut call = Call::new(now.mono);
            assert!(matches!(probe.poll(now, &mut call), Step::Use(_)), "before quiet_until a poll says Use");
            // And one instant before the first of both clocks reaches it, still.
            let later = now.after(now.until(until) - Duration::from_nanos(1));
            assert!(
                matches!(probe.poll(later, &mut call), Step::Use(_)),
                "quiet_until is no promise too many"
            );
        }
        self.time_alone_leads_to_an_answer();
    }

    /// I7: whatever happened, a caller that only waits gets `Use`, `Send` or a `Fail` in a few polls.
    fn time_alone_leads_to_an_answer(&self) {
        let (mut machine, mut now) = (self.sim.machine.clone(), self.sim.now);
        let mut call = Call::new(now.mono.after(secs(30)));
        for _ in 0..3 {
            match machine.poll(now, &mut call) {
                Step::Wait(until) => now = now.after(until.since(now.mono)),
                Step::Use(_) | Step::Send(_) | Step::Fail(_) => return,
            }
        }
        panic!("I7: a livelock");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    /// I1, I2, I3, I4, I5, I6, I7, I9, I10, I11, I13, I14, I15, I17, I19, I22, I31, I32 after every input of a trace.
    #[test]
    fn every_trace_keeps_the_invariants(trace in vec(ops(), 1..120), seed: u64) {
        Trace::run(&trace, seed);
    }

    #[test]
    fn i21_equal_machines_after_equal_inputs(trace in vec(ops(), 1..60), seed: u64) {
        let (one, other) = (Trace::run(&trace, seed), Trace::run(&trace, seed));
        prop_assert_eq!(one.sim.machine, other.sim.machine);
        prop_assert_eq!(one.sends, other.sends);
    }

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
