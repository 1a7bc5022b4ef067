//! The refresh machine: when to ask for a token, whom to make wait, and which token to use.
//!
//! It is three small machines side by side, and every combination of their states is legal:
//!
//! | part    | states                                | question        |
//! |---------|---------------------------------------|-----------------|
//! | lease   | none, held                            | may I use one?  |
//! | fetch   | idle, in flight, resting              | may I ask?      |
//! | waiters | a count, never above `max_waiters`    | may I wait?     |
//!
//! # Rules
//! 1. A lease is over as soon as EITHER clock reached its end. Every other deadline is monotonic alone, so a step of
//!    the wall clock can neither shorten a Retry-After nor stretch a wait.
//! 2. At most one flight counts: the last one sent, unless a rotation came between. The others are superseded.
//! 3. A failure never touches the lease. There is no terminal state.
//! 4. A lease is replaced by one that ends later, or by the first of new credentials; it is thrown away by
//!    [`reject`](Machine::reject) and [`rotate`](Machine::rotate) alone.
//! 5. A call holds its place among the waiters from its first `Wait` until `Use`, `Fail` or `leave`.
//! 6. Spurious calls are no-ops.
//!
//! # `poll`, first row that fits
//! `ready` is the latest of: the last `Send` + `min_interval`; the end of the rest; the deadline of the flight in
//! the air.
//!
//! | lease         | and                                                                   | step                         |
//! |---------------|-----------------------------------------------------------------------|------------------------------|
//! | held, not due |                                                                       | `Use`                        |
//! | held, due     | now >= ready                                                          | `Send`; the next poll `Use`s |
//! | held, due     |                                                                       | `Use`                        |
//! | none          | now >= ready                                                          | `Send`                       |
//! | none          | resting after a permanent refusal, or a request that cannot be built  | `Fail(Failed)`               |
//! | none          | resting, and the caller fails fast, or ready >= its deadline          | `Fail(Failed)`               |
//! | none          | the caller's deadline is reached                                      | `Fail(TimedOut)`             |
//! | none          | waiters full, and the call holds no place                             | `Fail(Saturated)`            |
//! | none          | otherwise                                                             | `Wait(min(ready, deadline))` |
//!
//! # `complete`, first row that fits
//! | flight     | outcome                                                            | what happens                                        |
//! |------------|--------------------------------------------------------------------|-----------------------------------------------------|
//! | superseded | failure                                                            | nothing                                             |
//! | superseded | grant after no rotation, of a later flight than the lease, that ends later | the lease; `fetch` and the counts of failures stay |
//! | superseded | any other grant                                                    | nothing                                             |
//! | counts     | failure, or a grant that is over already                           | resting                                             |
//! | counts     | grant that equals the held token, or ends no later                 | no progress: the lease stays, and is due later      |
//! | counts     | any other grant                                                    | the lease; the counts of failures start again       |
//!
//! # `reject`, first row that fits
//! | the generation        | and                                              | verdict    |
//! |-----------------------|--------------------------------------------------|------------|
//! | is not the held one   |                                                  | `Replaced` |
//! | is the held one       | from before a rotation                           | `Dropped`  |
//! | is the held one       | arrived less than `settle` ago                   | `Settling` |
//! | is the held one       | we rest, or the site's gate is closed            | `Refused`  |
//! | is the held one       | otherwise                                        | `Dropped`  |

mod gate;
mod lease;
#[cfg(test)]
mod relative;
mod step;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod trace;
mod view;

pub use step::{Call, Fetch, Flight, Landing, Outcome, Reason, Rejection, Rotation, Site, Step};

use crate::error::{Cause, Error, Refusal};
use crate::jitter::{self, Purpose};
use crate::policy::{GRACE, Policy};
use crate::response::Grant;
use crate::time::{Mono, Now};
use crate::token::{Generation, Stored};
use alloc::sync::Arc;
use core::mem;
use core::time::Duration;
use gate::Gates;
use lease::Lease;

/// The refresh machine of one client. Two clients, or one client with two scopes, are two machines.
///
/// A plain value without clock, entropy, lock or waker: the same policy, seed and inputs give the same steps.
/// `now.mono` must never go back from one input to the next; `now.wall` may jump.
///
/// - inputs: [`poll`](Self::poll), [`complete`](Self::complete), [`abandon`](Self::abandon), [`leave`](Self::leave)
/// - commands: [`reject`](Self::reject), [`rotate`](Self::rotate), [`restore`](Self::restore)
/// - outputs, in `machine/view.rs` with the getters: [`next_wake`](Self::next_wake), [`quiet_until`](Self::quiet_until),
///   [`export`](Self::export)
/// - getters: [`held`](Self::held), [`fetch`](Self::fetch), [`waiters`](Self::waiters),
///   [`no_progress`](Self::no_progress), [`last_error`](Self::last_error), [`policy`](Self::policy)
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Machine {
    policy: Policy,
    seed: u64,
    /// The lease, or why there is none.
    lease: Result<Lease, Missing>,
    fetching: Fetching,
    waiters: usize,
    /// The number of flights so far, which is the id of the last one.
    flights: u64,
    last_sent: Option<Mono>,
    /// The flight that brought the held or the last dropped token; 0 for none.
    brought_by: u64,
    /// Flights up to this one were sent with credentials of the past.
    rotated_after: u64,
    /// The generations given so far.
    generations: u64,
    failures: Failures,
    last_error: Option<Cause>,
    no_progress: u32,
    gates: Gates,
}

/// Why there is no lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Missing {
    Never,
    Expired,
    Rejected,
    Rotated,
}

/// What is known of the token request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Fetching {
    Idle,
    InFlight { id: u64, deadline: Mono },
    Resting(Rest),
}

/// Why, and until when, no request is sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Rest {
    until: Mono,
    /// The end of the server's own Retry-After, which not even a rotation undercuts.
    told: Option<Mono>,
    /// Whether callers without a token fail at once.
    permanent: bool,
    cause: Cause,
}

/// Failures in a row, by kind: the exponents of the rests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Failures {
    transient: u32,
    permanent: u32,
    abandoned: u32,
}

// Inputs.
impl Machine {
    /// A machine that holds nothing. `seed` should differ between processes: it is what keeps a fleet from moving
    /// in step.
    pub const fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            seed,
            lease: Err(Missing::Never),
            fetching: Fetching::Idle,
            waiters: 0,
            flights: 0,
            last_sent: None,
            brought_by: 0,
            rotated_after: 0,
            generations: 0,
            failures: Failures { transient: 0, permanent: 0, abandoned: 0 },
            last_error: None,
            no_progress: 0,
            gates: Gates::new(),
        }
    }

    /// A caller asks. Asking again later is how it learns that its time has come; asking sooner changes nothing.
    pub fn poll(&mut self, now: Now, call: &mut Call) -> Step {
        self.lapse(now);
        let ready = self.ready();
        let may_send = now.mono >= ready;
        if let Ok(lease) = &self.lease {
            if may_send && lease.is_due(now) {
                return Step::Send(self.send(now));
            }
            let token = lease.token.clone();
            self.leave(call);
            return Step::Use(token);
        }
        if may_send {
            return Step::Send(self.send(now));
        }
        let retry_after = ready.since(now.mono);
        if let Some(rest) = self.rest(now.mono)
            && (rest.permanent || call.fail_fast || ready >= call.deadline)
        {
            let cause = rest.cause.clone();
            self.leave(call);
            return Step::Fail(Error::Failed { cause, retry_after });
        }
        if now.mono >= call.deadline {
            self.leave(call);
            return Step::Fail(Error::TimedOut { last_error: self.last_error.clone(), retry_after });
        }
        if !call.holds_place {
            let max_waiters = self.policy.max_waiters();
            if self.waiters >= max_waiters {
                return Step::Fail(Error::Saturated { max_waiters, retry_after });
            }
            self.waiters += 1;
            call.holds_place = true;
        }
        Step::Wait(ready.min(call.deadline))
    }

    /// What became of a flight. The flight must be one of this machine's.
    pub fn complete(&mut self, now: Now, flight: Flight, outcome: Outcome) -> Landing {
        let counts = self.is_current(&flight);
        let cause = match outcome {
            Outcome::Granted(grant) => return self.granted(now, &flight, counts, &grant),
            Outcome::Refused(refusal) => Cause::Refused(Arc::new(refusal)),
            Outcome::NotSent(problem) => Cause::NotSent(problem),
        };
        if counts { self.failed(now.mono, flight.id, cause) } else { Landing::Superseded }
    }

    /// Nobody will ever report on this flight.
    ///
    /// Once is an accident, and the next poll may send again; from the second in a row on it is a transient failure.
    pub fn abandon(&mut self, now: Now, flight: Flight) {
        if !self.is_current(&flight) {
            return;
        }
        let abandoned = self.failures.abandoned.saturating_add(1);
        if abandoned > 1 {
            self.failed(now.mono, flight.id, Cause::Abandoned);
        } else {
            self.fetching = Fetching::Idle;
            self.last_error = Some(Cause::Abandoned);
        }
        self.failures.abandoned = abandoned;
    }

    /// The caller stopped caring: its place among the waiters is free. Idempotent.
    pub fn leave(&mut self, call: &mut Call) {
        if mem::take(&mut call.holds_place) {
            self.waiters = self.waiters.saturating_sub(1);
        }
    }
}

// Commands.
impl Machine {
    /// A resource server refused the token of this generation: a 401 told us.
    ///
    /// Only [`Rejection::Dropped`] changes the machine. Each `site` has a gate: a token thrown away because of it
    /// closes it for a while after the next one arrives, so that a resource which refuses everything costs about
    /// one token request a minute.
    pub fn reject(&mut self, now: Now, generation: Generation, site: Site) -> Rejection {
        let Some(lease) = self.live(now).filter(|lease| lease.token.generation == generation) else {
            return Rejection::Replaced;
        };
        if !lease.stale {
            if now.mono < lease.settled_at {
                return Rejection::Settling(lease.settled_at);
            }
            if self.rest(now.mono).is_some() || self.gates.is_closed(site, now.mono) {
                return Rejection::Refused;
            }
        }
        self.gates.dropped(&self.policy, site, now.mono);
        self.drop_lease(Missing::Rejected);
        Rejection::Dropped
    }

    /// The client's credentials changed: what was sent with the old ones has no effect any more, and one request
    /// with the new ones is due as soon as `min_interval`, and a Retry-After of the server, allow.
    pub fn rotate(&mut self, now: Now, rotation: Rotation) {
        self.lapse(now);
        self.rotated_after = self.flights;
        self.failures = Failures::default();
        self.last_error = None;
        self.gates = Gates::new();
        self.fetching = match mem::replace(&mut self.fetching, Fetching::Idle) {
            // Over or not: a rest that is over holds nothing back.
            Fetching::Resting(Rest { told: Some(told), cause, .. }) => {
                Fetching::Resting(Rest { until: told, told: Some(told), permanent: false, cause })
            }
            _ => Fetching::Idle,
        };
        match (&mut self.lease, rotation) {
            (Ok(lease), Rotation::Keep) => lease.stale = true,
            _ => self.drop_lease(Missing::Rotated),
        }
    }

    /// A token kept from before a restart. Returns whether it was taken.
    ///
    /// It is taken only if nothing is held, nothing was rejected or rotated away since a token was last held, it was
    /// issued no more than 60 s in the future of the wall clock, and something of its life is left.
    pub fn restore(&mut self, now: Now, stored: Stored) -> bool {
        self.lapse(now);
        if !matches!(self.lease, Err(Missing::Never | Missing::Expired)) {
            return false;
        }
        // No flight has the id 0, so this draw is like no other.
        let jitter = self.refresh_jitter(0, stored.life);
        let Some(mut lease) = Lease::restored(&self.policy, now, stored, jitter) else {
            return false;
        };
        lease.token.generation = self.next_generation();
        self.lease = Ok(lease);
        true
    }
}

// Transitions the inputs share.
impl Machine {
    /// What was once seen to be over stays over, wherever the wall clock goes.
    fn lapse(&mut self, now: Now) {
        if self.lease.is_ok() && self.live(now).is_none() {
            self.drop_lease(Missing::Expired);
        }
    }

    fn drop_lease(&mut self, missing: Missing) {
        self.lease = Err(missing);
        self.no_progress = 0;
    }

    fn send(&mut self, now: Now) -> Flight {
        let reason = self.reason();
        self.flights += 1;
        let id = self.flights;
        let deadline = now.mono.after(self.policy.attempt_timeout()).after(GRACE);
        self.fetching = Fetching::InFlight { id, deadline };
        self.last_sent = Some(now.mono);
        Flight { id, deadline, sent_at: now, reason }
    }

    fn reason(&self) -> Reason {
        let Failures { transient, permanent, abandoned } = self.failures;
        let again = match self.fetching {
            Fetching::Idle => abandoned > 0,
            Fetching::InFlight { .. } => true,
            Fetching::Resting(_) => transient > 0 || permanent > 0,
        };
        match &self.lease {
            _ if again => Reason::Retry,
            Ok(lease) if lease.stale => Reason::Rotated,
            Ok(_) => Reason::Early,
            Err(Missing::Never) => Reason::First,
            Err(Missing::Expired) => Reason::Expired,
            Err(Missing::Rejected) => Reason::Rejected,
            Err(Missing::Rotated) => Reason::Rotated,
        }
    }

    fn granted(&mut self, now: Now, flight: &Flight, counts: bool, grant: &Grant) -> Landing {
        self.lapse(now);
        let life = grant.lifetime.life.unwrap_or(self.policy.default_lifetime());
        let jitter = self.refresh_jitter(flight.id, life);
        let Some(lease) = Lease::granted(&self.policy, now, flight.sent_at, grant, life, jitter) else {
            // An expired answer is a failure: taken for a success it would be asked for in a busy loop.
            return if counts {
                self.failed(now.mono, flight.id, Cause::Refused(Arc::new(Refusal::expired())))
            } else {
                Landing::Superseded
            };
        };
        let progress = self.lease.as_ref().map_or(true, |held| held.is_replaced_by(&lease, now));
        if counts {
            self.fetching = Fetching::Idle;
            if !progress {
                return self.no_progress_made(now);
            }
            self.failures = Failures::default();
            self.last_error = None;
        } else if !progress || flight.id <= self.brought_by.max(self.rotated_after) {
            return Landing::Superseded;
        }
        self.install(now, flight.id, lease, grant)
    }

    fn install(&mut self, now: Now, flight: u64, mut lease: Lease, grant: &Grant) -> Landing {
        let (generation, life) = (self.next_generation(), lease.life);
        lease.token.generation = generation;
        self.lease = Ok(lease);
        self.brought_by = flight;
        self.no_progress = 0;
        self.gates.installed(&self.policy, now.mono);
        Landing::Installed { generation, life, hint: grant.lifetime.hint }
    }

    /// Some servers hand out the same token until it dies. Asking at half of what is left, and half of that, costs
    /// few requests; asking again at once would hammer them through the whole window.
    fn no_progress_made(&mut self, now: Now) -> Landing {
        self.no_progress = self.no_progress.saturating_add(1);
        // It was answered: an abandonment before it and one after it are not in a row.
        self.failures.abandoned = 0;
        if let Ok(lease) = &mut self.lease {
            lease.postpone_refresh(&self.policy, now);
        }
        Landing::NoProgress { count: self.no_progress }
    }

    fn failed(&mut self, now: Mono, flight: u64, cause: Cause) -> Landing {
        let permanent = cause.is_permanent();
        let (full, count) = if permanent {
            (self.policy.cooldown(self.failures.permanent), &mut self.failures.permanent)
        } else {
            (self.policy.backoff(self.failures.transient), &mut self.failures.transient)
        };
        *count = count.saturating_add(1);
        self.failures.abandoned = 0;
        let cap = self.policy.retry_after_cap();
        let told = match &cause {
            Cause::Refused(refusal) => refusal.retry_after().map(|told| told.min(cap)),
            Cause::NotSent(_) | Cause::Abandoned => None,
        };
        let half = full / 2;
        let spread = self.draw(flight, Purpose::Rest, full - half).unwrap_or(full - half);
        let own = half + spread;
        let rest = match told {
            Some(told) if told > own => {
                let added = self.draw(flight, Purpose::RetryAfter, told / 10).unwrap_or_default();
                (told + added).min(cap)
            }
            _ => own,
        };
        let until = now.after(rest);
        self.last_error = Some(cause.clone());
        let told = told.map(|told| now.after(told));
        self.fetching = Fetching::Resting(Rest { until, told, permanent, cause: cause.clone() });
        Landing::Resting { until, cause }
    }

    fn next_generation(&mut self) -> Generation {
        self.generations += 1;
        Generation(self.generations)
    }

    /// How much earlier than necessary a token of this life is refreshed: up to half of `ahead`.
    fn refresh_jitter(&self, flight: u64, life: Duration) -> Duration {
        let life = life.min(self.policy.max_lifetime());
        self.draw(flight, Purpose::Refresh, self.policy.ahead(life) / 2).unwrap_or_default()
    }

    /// A draw in [0, `upto`], or none where the policy wants no jitter.
    fn draw(&self, flight: u64, purpose: Purpose, upto: Duration) -> Option<Duration> {
        self.policy.jitter().then(|| jitter::draw(self.seed, flight, purpose, upto))
    }
}

// Questions the inputs share.
impl Machine {
    /// The lease, if neither clock says that it is over.
    fn live(&self, now: Now) -> Option<&Lease> {
        self.lease.as_ref().ok().filter(|lease| !now.has_reached(lease.token.use_until))
    }

    /// The rest, unless it is over.
    fn rest(&self, now: Mono) -> Option<&Rest> {
        match &self.fetching {
            Fetching::Resting(rest) if now < rest.until => Some(rest),
            _ => None,
        }
    }

    /// From when on a request may be sent.
    fn ready(&self) -> Mono {
        let spaced = self.last_sent.map_or(Mono::ZERO, |sent| sent.after(self.policy.min_interval()));
        let free = match &self.fetching {
            Fetching::Idle => Mono::ZERO,
            Fetching::InFlight { deadline, .. } => *deadline,
            Fetching::Resting(rest) => rest.until,
        };
        spaced.max(free)
    }

    fn is_current(&self, flight: &Flight) -> bool {
        matches!(self.fetching, Fetching::InFlight { id, .. } if id == flight.id)
    }
}

#[cfg(test)]
mod tests;
