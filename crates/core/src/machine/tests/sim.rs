//! A machine in simulated time: time is a field, and a test says when it passes.

use super::*;
use core::mem::discriminant;

pub(super) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn token(name: &str) -> AccessToken {
    AccessToken::new(name).unwrap()
}

pub(super) fn transient() -> Refusal {
    Refusal::new(Class::Transient, Some(503), Problem::Status)
}

pub(super) fn permanent() -> Refusal {
    Refusal::new(Class::Permanent, Some(401), Problem::Status)
}

pub(super) fn throttled(seconds: u64) -> Refusal {
    Refusal::new(Class::Transient, Some(429), Problem::Status).with_retry_after(secs(seconds))
}

pub(super) struct Sim {
    pub(super) machine: Machine,
    pub(super) now: Now,
}

impl Sim {
    /// The defaults without jitter.
    pub(super) fn new() -> Self {
        Self::with(Policy::new().with_jitter(false))
    }

    pub(super) fn with(policy: Policy) -> Self {
        Self::seeded(policy, 0)
    }

    pub(super) fn seeded(policy: Policy, seed: u64) -> Self {
        let wall = Wall::from_epoch(secs(1_795_000_000));
        Self { machine: Machine::new(policy, seed), now: Now::new(Mono::from_origin(secs(50)), wall) }
    }

    /// A machine that has just got this token.
    pub(super) fn holding(name: &str, life: u64) -> Self {
        let mut sim = Self::new();
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        sim.grant(flight, name, life);
        sim
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    pub(super) fn call(&self) -> Call {
        self.call_within(secs(30))
    }

    pub(super) fn call_within(&self, patience: Duration) -> Call {
        Call::new(self.now.mono.after(patience))
    }

    pub(super) fn calls(&self, n: usize) -> Vec<Call> {
        (0..n).map(|_| self.call()).collect()
    }

    pub(super) fn poll(&mut self, call: &mut Call) -> Step {
        self.machine.poll(self.now, call)
    }

    pub(super) fn sends(&mut self, call: &mut Call) -> Flight {
        match self.poll(call) {
            Step::Send(flight) => flight,
            step => panic!("expected Send, got {step:?}"),
        }
    }

    pub(super) fn sends_after(&mut self, call: &mut Call, time: Duration) -> Flight {
        self.pass(time);
        self.sends(call)
    }

    pub(super) fn token(&mut self, call: &mut Call) -> Token {
        match self.poll(call) {
            Step::Use(token) => token,
            step => panic!("expected Use, got {step:?}"),
        }
    }

    pub(super) fn uses(&mut self, call: &mut Call) -> alloc::string::String {
        self.token(call).value().expose().into()
    }

    pub(super) fn fails(&mut self, call: &mut Call) -> Error {
        match self.poll(call) {
            Step::Fail(error) => error,
            step => panic!("expected Fail, got {step:?}"),
        }
    }

    pub(super) fn grant(&mut self, flight: Flight, name: &str, life: u64) -> Landing {
        self.machine.complete(self.now, flight, Outcome::Granted(Grant::new(token(name), Some(secs(life)))))
    }

    pub(super) fn refuse(&mut self, flight: Flight, refusal: Refusal) -> Landing {
        self.machine.complete(self.now, flight, Outcome::Refused(refusal))
    }

    pub(super) fn land(&mut self, flight: Flight, outcome: Outcome) {
        let installed =
            Landing::Installed { generation: Generation(0), life: Duration::ZERO, hint: JwtHint::Absent };
        let landing = self.machine.complete(self.now, flight, outcome);
        assert_eq!(discriminant(&landing), discriminant(&installed), "{landing:?}");
    }

    pub(super) fn reject(&mut self, generation: Generation, site: u16) -> Rejection {
        self.machine.reject(self.now, generation, Site(site))
    }

    pub(super) fn until_wake(&self) -> Duration {
        self.machine.next_wake(self.now).since(self.now.mono)
    }
}
