//! The refresh machine: when to ask for a token, whom to make wait, and which token to use.
//!
//! It is three small machines side by side, and every combination of their states is legal:
//!
//! | part    | states                                | question        |
//! |---------|---------------------------------------|-----------------|
//! | lease   | none, held, set aside                 | may I use one?  |
//! | fetch   | idle, in flight, resting              | may I ask?      |
//! | waiters | a count, never above `max_waiters`    | may I wait?     |
//!
//! # Rules
//! 1. A lease ends as soon as EITHER clock reached its end, and what was once seen to have ended stays so. Every other
//!    deadline is monotonic alone, so a step of the wall clock can neither shorten a Retry-After nor stretch a wait.
//! 2. At most one flight counts: the last one sent, unless a rotation came between. The others are superseded, and a
//!    flight of another machine has no effect at all.
//! 3. A failure never touches the lease. There is no terminal state.
//! 4. A held lease is replaced by one that ends later, or by the first of new credentials; it is set aside by
//!    [`reject`](Machine::reject) and thrown away by [`rotate`](Machine::rotate) alone.
//! 5. What is set aside is kept until a token is installed, until `rotate(Drop)`, or until its end. Everyone waits for
//!    the request that is to replace it: the flight in the air, else the next one. Once that has ended without a token,
//!    the lease is held, and due, for the calls of sites that did not refuse it and for calls that name no site; for
//!    the others, and for `held`, `quiet_until`, `export` and `restore`, nothing is held.
//! 6. The end of a lease was told by an answer, or is an assumption. A told end holds for the same token until a later
//!    answer tells another one; an assumed one is corrected by the first answer that tells one.
//! 7. A call holds its place among the waiters from its first `Wait` until `Use`, `Fail` or `leave`.
//! 8. Spurious calls are no-ops.
//!
//! # `poll`, first row that fits
//! `ready` is the latest of: the last `Send` + `min_interval`; the end of the rest; the deadline of the flight in
//! the air. The lease is what it is for this call (rule 5).
//!
//! A call that is [held back](Call::hold_back) never sends: to it `ready` has not come, and nobody knows when it will. A machine
//! that is [closed](Machine::close) never sends either; it serves what it holds, and what the flight in the air brings.
//!
//! | lease         | and                                                                   | step                         |
//! |---------------|-----------------------------------------------------------------------|------------------------------|
//! | held, not due |                                                                       | `Use`                        |
//! | held, due     | now >= ready                                                          | `Send`; the next poll `Use`s |
//! | held, due     |                                                                       | `Use`                        |
//! | none          | now >= ready                                                          | `Send`                       |
//! | none          | closed, and no flight is in the air                                   | `Fail(Closed)`               |
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
//! | superseded | grant after no rotation, of a later flight than the last lease, that ends later than a held one | the lease; `fetch` and the counts of failures stay |
//! | superseded | any other grant                                                    | nothing                                             |
//! | counts     | failure, or a grant that has ended on arrival                      | resting; what is set aside serves from now on       |
//! | counts     | failure that lies in what is read for each request, and is permanent | the same, 10 s each time: it is not counted        |
//! | counts     | held back: the credential is still the one that was refused        | the same, and no count changes                      |
//! | counts     | grant that equals the held token, or ends no later                 | no progress: the lease stays, and is due later      |
//! | counts     | any other grant                                                    | the lease; the counts of failures start again       |
//! | counts     | elsewhere: another process was about to ask                        | idle, and no count changes; what is set aside serves from now on |
//!
//! A token that another process shared is a grant in this table. It lives for what is left, is due when that process has drawn (and
//! some jitter later), and its end is an assumption. Without progress it makes the held lease due in the same way.
//!
//! A grant of the last token (held, stale, set aside or ended) that tells no life ends where it was told to end before;
//! where the end was an assumption, it gets the default life again. No grant makes "no progress" against a lease that
//! is stale or set aside.
//!
//! # `reject`, first row that fits
//! | the generation        | and                                              | verdict                                    |
//! |-----------------------|--------------------------------------------------|--------------------------------------------|
//! | is set aside          |                                                  | `Replaced`; the site refused it as well    |
//! | is not the held one   |                                                  | `Replaced`                                 |
//! | is the held one       | from before a rotation                           | `Dropped`: it is set aside                 |
//! | is the held one       | arrived less than `settle` ago                   | `Settling`                                 |
//! | is the held one       | we rest or are closed, or the site's gate is closed | `Refused`                               |
//! | is the held one       | otherwise                                        | `Dropped`: it is set aside                 |

mod aside;
mod fetch;
mod gate;
mod holding;
mod lease;
mod member;
#[cfg(test)]
mod relative;
mod step;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod trace;
mod view;

pub use aside::SetAside;
pub use member::RestNote;
pub use step::{Call, Fetch, Flight, Landing, Outcome, Reason, Rejection, Rotation, Site, Step};

use crate::binding::Binding;
use crate::error::{Cause, Closed, Error, Refusal};
use crate::jitter::{self, Purpose};
use crate::lent::Lent;
use crate::lifetime::JwtHint;
use crate::policy::{GRACE, Policy};
use crate::response::Grant;
use crate::time::{Mono, Now};
use crate::token::{AccessToken, Generation, Stored, Token};
use alloc::sync::Arc;
use aside::Aside;
use core::mem;
use core::time::Duration;
use fetch::{Failures, Fetching, Rest};
use gate::Gates;
use holding::{Holding, Missing, ToldEnd};
use lease::{Arrival, Lease};

/// How long a failure is rested from: by the count of those before, and by the server's own word.
struct Length {
    full: Duration,
    told: Option<Duration>,
}

/// What is told of a token that came, and when its replacement is due if somebody else has drawn that.
struct Arrived {
    life: Duration,
    hint: JwtHint,
    due_at: Option<Now>,
}

/// When a caller that is held back may try again: nobody knows better.
const HELD_BACK: Duration = Duration::from_secs(1);

/// The refresh machine of one client. Two clients, or one client with two scopes, are two machines.
///
/// A plain value without clock, entropy, lock or waker: the same policy, seed and inputs give the same steps.
/// `now.mono` must never go back from one input to the next; `now.wall` may jump.
///
/// - inputs: [`poll`](Self::poll), [`complete`](Self::complete), [`abandon`](Self::abandon), [`leave`](Self::leave),
///   [`lapse`](Self::lapse)
/// - commands: [`reject`](Self::reject), [`rotate`](Self::rotate), [`restore`](Self::restore)
/// - for one of many, in `machine/member.rs`: [`close`](Self::close), [`rest`](Self::rest), [`rest_note`](Self::rest_note),
///   [`forget_ended`](Self::forget_ended), [`awaits_request`](Self::awaits_request)
/// - outputs, in `machine/view.rs` with the getters: [`next_wake`](Self::next_wake), [`quiet_until`](Self::quiet_until),
///   [`export`](Self::export)
/// - getters: [`held`](Self::held), [`set_aside`](Self::set_aside), [`fetch`](Self::fetch),
///   [`waiters`](Self::waiters), [`no_progress`](Self::no_progress), [`last_error`](Self::last_error),
///   [`policy`](Self::policy)
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Machine {
    policy: Policy,
    seed: u64,
    holding: Holding,
    fetching: Fetching,
    waiters: usize,
    /// The number of flights so far, which is the id of the last one.
    flights: u64,
    last_sent: Option<Mono>,
    /// The flight that brought the held or the last dropped token; 0 for none.
    brought_by: u64,
    /// Flights up to this one were sent with credentials of the past; `None` if the credentials never changed.
    rotated_after: Option<u64>,
    /// The generations given so far.
    generations: u64,
    failures: Failures,
    last_error: Option<Cause>,
    no_progress: u32,
    gates: Gates,
    /// Why it sends no more.
    closed: Option<Closed>,
}

// Inputs.
impl Machine {
    /// A machine that holds nothing. `seed` should differ between processes, which keeps a fleet from moving in step,
    /// and between the machines of one process, which tells their flights apart.
    pub const fn new(policy: Policy, seed: u64) -> Self {
        Self::holding(policy, seed, Holding::Nothing { why: Missing::Never, last: None })
    }

    /// A machine that holds this token for ever and never sends, for tests and for tokens from elsewhere.
    ///
    /// The token has generation 0 and no end. To [`reject`](Self::reject) it is [`Rejection::Refused`];
    /// [`rotate`](Self::rotate) and [`restore`](Self::restore) change nothing; it is not exported, and
    /// [`next_wake`](Self::next_wake) is [`Mono::MAX`].
    pub const fn fixed(token: AccessToken) -> Self {
        Self::holding(Policy::new(), 0, Holding::Fixed(Token::fixed(token)))
    }

    const fn holding(policy: Policy, seed: u64, holding: Holding) -> Self {
        Self {
            policy,
            seed,
            holding,
            fetching: Fetching::Idle,
            waiters: 0,
            flights: 0,
            last_sent: None,
            brought_by: 0,
            rotated_after: None,
            generations: 0,
            failures: Failures { transient: 0, permanent: 0, abandoned: 0 },
            last_error: None,
            no_progress: 0,
            gates: Gates::new(),
            closed: None,
        }
    }

    /// A caller asks. Asking again later is how it learns that its time has come; asking sooner changes nothing.
    pub fn poll(&mut self, now: Now, call: &mut Call) -> Step {
        self.lapse(now);
        let ready = self.ready();
        let may_send = now.mono >= ready && !call.held_back;
        match self.holding.serves(now, call.site) {
            Some((token, due)) if !(due && may_send) => {
                let token = token.clone();
                self.leave(call);
                return Step::Use(token);
            }
            _ if may_send => return Step::Send(self.send(now)),
            _ => {}
        }
        if let Some(reason) = self.ended(now) {
            self.leave(call);
            return Step::Fail(Error::Closed { reason });
        }
        // Anybody else would have sent; what it waits for has no time.
        let is_held_back = now.mono >= ready;
        let wake = if is_held_back { Mono::MAX } else { self.free_from() };
        let retry_after = if is_held_back { HELD_BACK } else { wake.since(now.mono) };
        if let Some(rest) = self.fetching.rest(now.mono)
            && (rest.permanent || call.takes(&rest.cause) || wake >= call.deadline)
        {
            let cause = rest.cause.clone();
            self.leave(call);
            return Step::Fail(Error::Failed { cause, retry_after });
        }
        if now.mono >= call.deadline {
            self.leave(call);
            let last_error = self.last_error.clone().or(is_held_back.then_some(Cause::HeldBack));
            return Step::Fail(Error::TimedOut { last_error, retry_after });
        }
        if !call.holds_place {
            let max_waiters = self.policy.max_waiters();
            if self.waiters >= max_waiters {
                return Step::Fail(Error::Saturated { max_waiters, retry_after });
            }
            self.waiters += 1;
            call.holds_place = true;
        }
        Step::Wait(wake.min(call.deadline))
    }

    /// What became of a flight. A flight of another machine is [`Landing::Superseded`].
    pub fn complete(&mut self, now: Now, flight: Flight, outcome: Outcome) -> Landing {
        if !self.is_own(&flight) {
            return Landing::Superseded;
        }
        let cause = match outcome {
            Outcome::Granted(grant) => return self.granted(now, &flight, &grant),
            Outcome::Shared(lent) => return self.shared(now, &flight, &lent),
            Outcome::Elsewhere => {
                if !self.counts(&flight) {
                    return Landing::Superseded;
                }
                self.fetching = Fetching::Idle;
                self.ended_without_token(flight.id);
                return Landing::Elsewhere;
            }
            Outcome::Refused(refusal) => Cause::Refused(Arc::new(self.shown(refusal))),
            Outcome::NotSent(unready) => Cause::NotSent(unready),
            Outcome::HeldBack(refusal) => {
                // Nothing was sent: whatever is counted stands where it stood.
                return match self.counts(&flight) {
                    true => self.rests_again(now.mono, flight.id, refusal),
                    false => Landing::Superseded,
                };
            }
        };
        if self.counts(&flight) { self.failed(now.mono, flight.id, cause) } else { Landing::Superseded }
    }

    /// Nobody will ever report on this flight.
    ///
    /// Once is an accident ([`Landing::Idle`]), and the next poll may send again after `min_interval`; from the second
    /// in a row on it is a transient failure ([`Landing::Resting`]). [`Landing::Superseded`] says that nothing came of
    /// the flight anyway.
    pub fn abandon(&mut self, now: Now, flight: Flight) -> Landing {
        if !self.is_own(&flight) || !self.counts(&flight) {
            return Landing::Superseded;
        }
        let abandoned = self.failures.abandoned.saturating_add(1);
        let landing = if abandoned > 1 {
            self.failed(now.mono, flight.id, Cause::Abandoned)
        } else {
            self.fetching = Fetching::Idle;
            self.last_error = Some(Cause::Abandoned);
            self.ended_without_token(flight.id);
            Landing::Idle
        };
        self.failures.abandoned = abandoned;
        landing
    }

    /// The caller stopped caring: its place among the waiters is free. Idempotent.
    pub fn leave(&mut self, call: &mut Call) {
        if mem::take(&mut call.holds_place) {
            self.waiters = self.waiters.saturating_sub(1);
        }
    }

    /// Lets time pass: what has ended by now stays ended, wherever the wall clock goes. An input like any other, for
    /// whoever looks at the machine and does not poll it.
    pub fn lapse(&mut self, now: Now) {
        if self.holding.lapse(now) {
            self.no_progress = 0;
        }
    }
}

// Commands.
impl Machine {
    /// A resource server refused the token of this generation: a 401 told us.
    ///
    /// Only [`Rejection::Dropped`] changes the machine; and `Replaced` of a token that is set aside adds the site to
    /// those that refused it. Each `site` has a gate: a token set aside because of it closes it for a while after the
    /// next one arrives, so that a resource which refuses everything costs about one token request a minute.
    pub fn reject(&mut self, now: Now, generation: Generation, site: Site) -> Rejection {
        let lease = match &mut self.holding {
            Holding::Fixed(token) if token.generation == generation => return Rejection::Refused,
            Holding::Aside(Aside { lease, .. }) | Holding::Held(lease)
                if lease.token.generation != generation || lease.is_over(now) =>
            {
                return Rejection::Replaced;
            }
            Holding::Aside(aside) => {
                aside.refused(site);
                return Rejection::Replaced;
            }
            Holding::Nothing { .. } | Holding::Fixed(_) => return Rejection::Replaced,
            Holding::Held(lease) => lease,
        };
        let rests = self.fetching.rest(now.mono).is_some();
        if !lease.stale {
            if now.mono < lease.settled_at {
                return Rejection::Settling(lease.settled_at);
            }
            if rests || self.closed.is_some() || self.gates.is_closed(site, now.mono) {
                return Rejection::Refused;
            }
        }
        let awaits = match self.fetching {
            Fetching::InFlight { id, .. } => Some(id),
            // Whoever waited for the next flight would wait for the rest as well.
            _ if rests || self.closed.is_some() => None,
            Fetching::Resting(_) | Fetching::Idle => Some(self.flights + 1),
        };
        self.holding.set_aside(site, awaits);
        self.no_progress = 0;
        self.gates.dropped(&self.policy, site, now.mono);
        Rejection::Dropped
    }

    /// From when on a token that this site refuses can be replaced, after [`Rejection::Refused`]: the site's gate is open then, and no
    /// failure is rested from. `None`: never, since the token is fixed or the machine closed.
    ///
    /// ```
    /// use evergrant_core::{Machine, Now, Policy, Site};
    ///
    /// let machine = Machine::new(Policy::new(), 0);
    /// let now = Now::default();
    /// assert_eq!(machine.replaceable_from(Site::new(0)), Some(now.mono)); // no token was refused yet
    /// ```
    pub fn replaceable_from(&self, site: Site) -> Option<Mono> {
        if self.closed.is_some() || matches!(self.holding, Holding::Fixed(_)) {
            return None;
        }
        let rest = match &self.fetching {
            Fetching::Resting(rest) => rest.until,
            Fetching::Idle | Fetching::InFlight { .. } => Mono::ZERO,
        };
        Some(self.gates.closed_until(site).max(rest))
    }

    /// The client's credentials changed: what was sent with the old ones has no effect any more, and one request
    /// with the new ones is due as soon as `min_interval`, and a Retry-After of the server, allow.
    pub fn rotate(&mut self, now: Now, rotation: Rotation) {
        self.lapse(now);
        match (&mut self.holding, rotation) {
            (Holding::Fixed(_), _) => return,
            (Holding::Held(lease), Rotation::Keep) => lease.stale = true,
            (Holding::Aside(aside), Rotation::Keep) => aside.rotated(self.flights + 1),
            (Holding::Nothing { why, .. }, Rotation::Keep) => *why = Missing::Rotated,
            (holding, Rotation::Drop) => {
                *holding = Holding::Nothing { why: Missing::Rotated, last: None };
                self.no_progress = 0;
            }
        }
        self.rotated_after = Some(self.flights);
        self.failures = Failures::default();
        self.last_error = None;
        self.gates = Gates::new();
        self.fetching = mem::replace(&mut self.fetching, Fetching::Idle).rotated();
    }

    /// A token kept from before a restart. Returns whether it was taken.
    ///
    /// It is taken only if nothing is held, nothing was refused since a token was last installed, the credentials never
    /// changed (no clock says whether it is of the old ones), it was issued no more than 60 s in the future of the wall
    /// clock, and something of its life is left; one that is bound is none of these: [`restore_bound`](Self::restore_bound) takes it.
    pub fn restore(&mut self, now: Now, stored: Stored) -> bool {
        self.restore_bound(now, stored, Binding::None)
    }

    /// The same for a token that is bound to this, which whoever uses it has at hand; one that is bound to something else is not taken.
    pub fn restore_bound(&mut self, now: Now, stored: Stored, at_hand: Binding) -> bool {
        self.lapse(now);
        if stored.binding() != at_hand {
            return false;
        }
        let open = matches!(self.holding, Holding::Nothing { why: Missing::Never | Missing::Expired, .. });
        if !open || self.rotated_after.is_some() {
            return false;
        }
        // No flight has the id 0, so this draw is like no other.
        let jitter = self.refresh_jitter(0, stored.life);
        let Some(mut lease) = Lease::restored(&self.policy, now, stored, jitter) else {
            return false;
        };
        lease.token.generation = self.next_generation();
        self.holding = Holding::Held(lease);
        true
    }
}

// Transitions the inputs share.
impl Machine {
    fn send(&mut self, now: Now) -> Flight {
        let reason = self.reason();
        self.flights += 1;
        let id = self.flights;
        // Whatever was in the air is overdue.
        self.ended_without_token(id - 1);
        let deadline = now.mono.after(self.policy.attempt_timeout()).after(GRACE);
        self.fetching = Fetching::InFlight { id, deadline };
        self.last_sent = Some(now.mono);
        Flight { seed: self.seed, id, deadline, sent_at: now, reason }
    }

    fn reason(&self) -> Reason {
        let again = match &self.fetching {
            Fetching::Idle => self.failures.abandoned > 0,
            Fetching::InFlight { .. } => true,
            Fetching::Resting(Rest { has_failed, .. }) => *has_failed,
        };
        match &self.holding {
            _ if again => Reason::Retry,
            Holding::Held(Lease { stale: true, .. })
            | Holding::Aside(Aside { lease: Lease { stale: true, .. }, .. })
            | Holding::Nothing { why: Missing::Rotated, .. } => Reason::Rotated,
            Holding::Held(_) | Holding::Fixed(_) => Reason::Early,
            Holding::Aside(_) | Holding::Nothing { why: Missing::Rejected, .. } => Reason::Rejected,
            Holding::Nothing { why: Missing::Never, .. } => Reason::First,
            Holding::Nothing { why: Missing::Expired, .. } => Reason::Expired,
        }
    }

    fn granted(&mut self, now: Now, flight: &Flight, grant: &Grant) -> Landing {
        self.lapse(now);
        let lease = self.lease(flight.id, Arrival { now, sent: flight.sent_at, grant });
        let life = lease.as_ref().map_or(Duration::ZERO, |lease| lease.life);
        self.arrived(now, flight, lease, Arrived { life, hint: grant.lifetime.hint, due_at: None })
    }

    /// Another process has asked. A lease like any other, but that its end is an assumption, and that who asked has drawn when its
    /// replacement is due.
    fn shared(&mut self, now: Now, flight: &Flight, lent: &Lent) -> Landing {
        self.lapse(now);
        let sent = flight.sent_at;
        let life = lent.life.min(self.policy.max_lifetime());
        // Of no token is more left than it lives, now.
        let left = lent.left.min(life.saturating_add(now.mono.since(sent.mono)));
        let lent = Lent { token: lent.token.clone(), left, due_in: lent.due_in.min(left), life };
        let lease = Lease::shared(&self.policy, now, sent, &lent, self.refresh_jitter(flight.id, life));
        // Those who hold the same token would all look at once when it is due.
        let spread = self.draw(flight.id, Purpose::Refresh, lent.due_in / 4).unwrap_or_default();
        let (life, due_at) = (left, Some(sent.after(lent.due_in.saturating_add(spread))));
        self.arrived(now, flight, lease, Arrived { life, hint: JwtHint::Absent, due_at })
    }

    /// A token came, granted or shared; no lease if it has ended already.
    fn arrived(&mut self, now: Now, flight: &Flight, lease: Option<Lease>, arrived: Arrived) -> Landing {
        let counts = self.counts(flight);
        let Some(lease) = lease else {
            // An expired answer is a failure: taken for a success it would be asked for in a busy loop.
            return if counts {
                self.failed(now.mono, flight.id, Cause::Refused(Arc::new(Refusal::expired())))
            } else {
                Landing::Superseded
            };
        };
        let progress = self.holding.held(now).is_none_or(|held| held.is_replaced_by(&lease, now));
        if counts {
            self.fetching = Fetching::Idle;
            if !progress {
                return self.no_progress_made(now, &lease, arrived.due_at);
            }
            self.failures = Failures::default();
            self.last_error = None;
        } else if !progress || flight.id <= self.brought_by.max(self.rotated_after.unwrap_or(0)) {
            return Landing::Superseded;
        }
        self.install(now, flight.id, lease, arrived)
    }

    /// The lease that this answer would be; none if it has ended already.
    fn lease(&self, flight: u64, arrival: Arrival<'_>) -> Option<Lease> {
        let policy = &self.policy;
        let told = arrival.grant.lifetime.life;
        if told.is_none() {
            match self.holding.told_end_of(&arrival.grant.token) {
                Some(ToldEnd::Reached) => return None,
                Some(ToldEnd::Ahead(last)) => {
                    return last.repeated(policy, arrival, self.refresh_jitter(flight, last.life));
                }
                None => {}
            }
        }
        let life = told.unwrap_or(policy.default_lifetime());
        Lease::granted(policy, arrival, life, self.refresh_jitter(flight, life))
    }

    fn install(&mut self, now: Now, flight: u64, mut lease: Lease, arrived: Arrived) -> Landing {
        let (generation, Arrived { life, hint, .. }) = (self.next_generation(), arrived);
        lease.token.generation = generation;
        self.holding = Holding::Held(lease);
        self.brought_by = flight;
        self.no_progress = 0;
        self.gates.installed(&self.policy, now.mono);
        Landing::Installed { generation, life, hint }
    }

    /// Some servers hand out the same token until it dies. Asking at half of what is left, and half of that, costs
    /// few requests; asking again at once would hammer them through the whole window.
    ///
    /// In a fleet the one that asks does so, and the others are due when it said, some jitter later: at `due_at`.
    fn no_progress_made(&mut self, now: Now, answer: &Lease, due_at: Option<Now>) -> Landing {
        self.no_progress = self.no_progress.saturating_add(1);
        // It was answered: an abandonment before it and one after it are not in a row.
        self.failures.abandoned = 0;
        if let Holding::Held(lease) = &mut self.holding {
            lease.outlast(&self.policy, now, answer, due_at);
        }
        Landing::NoProgress { count: self.no_progress }
    }

    /// Who waits for this flight, with a token set aside, need not wait for the next one as well.
    fn ended_without_token(&mut self, flight: u64) {
        if let Holding::Aside(aside) = &mut self.holding {
            aside.ended_without_token(flight);
        }
    }

    fn failed(&mut self, now: Mono, flight: u64, cause: Cause) -> Landing {
        let permanent = cause.is_permanent();
        let is_told = matches!(&cause, Cause::Refused(refusal) if refusal.is_told());
        let full = match (permanent || cause.is_costly(), cause.is_live()) {
            // Another process of the fleet counts it, and what is told is what is left of that rest.
            _ if is_told => Duration::ZERO,
            // What is read for each request may be corrected at any moment, and to read it costs nobody anything: the doubling is for what is
            // sent, and stands where the refused credential is known.
            (true, true) => self.policy.cooldown(0),
            // Whoever is asked for a passphrase, or pays, is not asked every few seconds, whatever went wrong.
            (true, false) => {
                let before = self.failures.permanent;
                self.failures.permanent = before.saturating_add(1);
                self.policy.cooldown(before)
            }
            (false, _) => {
                let before = self.failures.transient;
                self.failures.transient = before.saturating_add(1);
                self.policy.backoff(before)
            }
        };
        self.failures.abandoned = 0;
        let cap = self.policy.retry_after_cap();
        let told = match &cause {
            Cause::Refused(refusal) => refusal.retry_after().map(|told| told.min(cap)),
            _ => None,
        };
        let until = self.rests(now, flight, Length { full, told }, permanent, cause.clone());
        Landing::Resting { until, cause }
    }

    /// A server may repeat in its words the token that it gave out before.
    fn shown(&self, refusal: Refusal) -> Refusal {
        match self.holding.value() {
            Some(token) => refusal.masking(&[token.expose()]),
            None => refusal,
        }
    }

    /// Nothing was sent, since the credential is still the one that was refused.
    fn rests_again(&mut self, now: Mono, flight: u64, refusal: Refusal) -> Landing {
        let (full, cause) = (self.policy.cooldown(0), Cause::Refused(Arc::new(self.shown(refusal))));
        let until = self.rests(now, flight, Length { full, told: None }, true, cause.clone());
        Landing::HeldBack { until, cause }
    }

    fn rests(&mut self, now: Mono, flight: u64, length: Length, permanent: bool, cause: Cause) -> Mono {
        let Length { full, told } = length;
        let cap = self.policy.retry_after_cap();
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
        self.ended_without_token(flight);
        self.fetching = Fetching::Resting(Rest { until, told, permanent, has_failed: true, cause });
        until
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
    /// From when on a request may be sent.
    fn ready(&self) -> Mono {
        if self.closed.is_some() { Mono::MAX } else { self.free_from() }
    }

    /// From when on neither the last request nor what became of it holds another one back.
    fn free_from(&self) -> Mono {
        let spaced = self.last_sent.map_or(Mono::ZERO, |sent| sent.after(self.policy.min_interval()));
        spaced.max(self.fetching.free_from())
    }

    fn is_in_flight(&self, now: Mono) -> bool {
        matches!(self.fetching, Fetching::InFlight { deadline, .. } if now < deadline)
    }

    /// Whether this machine sent it.
    const fn is_own(&self, flight: &Flight) -> bool {
        flight.seed == self.seed && flight.id <= self.flights
    }

    /// Whether no newer one was sent, and no rotation came between.
    fn counts(&self, flight: &Flight) -> bool {
        matches!(self.fetching, Fetching::InFlight { id, .. } if id == flight.id)
    }
}

#[cfg(test)]
mod tests;
