//! One process of the fleet.

use super::circuit::Circuit;
use super::server::print;
use crate::random::Random;
use evergrant_core::fleet::{Claimant, Instance, Operation, Passage, Reply};
use evergrant_core::{Call, Flight, Machine, Mono, Now, Policy, Response, Wall};
use std::time::Duration;

/// What the wall clocks show at the start of the fleet, give or take some seconds.
pub(super) const START: Duration = Duration::from_secs(1_800_000_000);
/// How far a process's wall clock is off at most, to either side.
const OFF: Duration = Duration::from_secs(5);

/// A process: its machine, its clocks, one caller that always wants a token, and the flights that are under way.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) machine: Machine,
    pub(super) call: Option<Call>,
    pub(super) jobs: Vec<Job>,
    pub(super) circuit: Circuit,
    pub(super) is_dead: bool,
    /// When it polls next; an event of another time is one that was overtaken.
    pub(super) wakes_at: Option<Duration>,
    /// Until when it has had a token, or when it started.
    pub(super) covered_until: Duration,
    pub(super) is_served: bool,
    instance: Instance,
    mono: Duration,
    wall: Duration,
}

/// One flight.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) number: u64,
    /// Until it has landed.
    pub(super) flight: Option<Flight>,
    /// Its way through the store, if it goes there.
    pub(super) passage: Option<Passage>,
    /// What is on its way to a store or back, and when it was sent.
    pub(super) command: Option<Operation>,
    pub(super) reply: Option<Reply>,
    pub(super) sent: Duration,
    /// What the authorization server answered.
    pub(super) response: Option<Response>,
}

impl Process {
    pub(super) fn new(policy: Policy, starts_at: Duration, random: &mut Random) -> Self {
        let mut me = [0; 16];
        me[..8].copy_from_slice(&random.number().to_be_bytes());
        me[8..].copy_from_slice(&random.number().to_be_bytes());
        Self {
            machine: Machine::new(policy.clone(), random.number()),
            call: None,
            jobs: Vec::new(),
            circuit: Circuit::default(),
            is_dead: false,
            wakes_at: None,
            covered_until: starts_at,
            is_served: false,
            instance: Instance::new(Claimant::new(me), policy),
            // Since some boot in the last months.
            mono: Duration::from_secs(random.below(10_000_000)),
            wall: START - OFF + (OFF * 2).mul_f64(random.share()),
        }
    }

    /// Its clocks, so long after the start of the fleet.
    pub(super) fn now(&self, time: Duration) -> Now {
        Now::new(Mono::from_origin(self.mono + time), Wall::from_epoch(self.wall + time))
    }

    /// When its monotonic clock shows this, from the start of the fleet.
    pub(super) fn time(&self, mono: Mono) -> Duration {
        mono.since_origin().saturating_sub(self.mono)
    }

    /// The way of this flight through a store.
    pub(super) fn passage(&self, now: Now, flight: &Flight) -> Passage {
        let held = self.machine.held(now).map(|token| print(token.value()));
        let dropped = self.machine.set_aside(now).map(|aside| print(aside.token().value()));
        Passage::new(flight, self.instance.clone(), held, dropped)
    }

    pub(super) fn job(&mut self, number: u64) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.number == number)
    }
}
