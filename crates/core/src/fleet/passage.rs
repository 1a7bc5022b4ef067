//! One flight through a store.

use super::name::{Claimant, Print};
use super::operation::{Claim, Fail, Fence, Put, Sealed, Stamp};
use super::reply::{Have, Reply};
use super::said::Said;
use super::store_error::StoreError;
use super::store_time::StoreTime;
use crate::error::{Cause, Class, Refusal};
use crate::jitter::{self, Purpose};
use crate::lent::Lent;
use crate::machine::{Flight, Landing, Machine, Outcome};
use crate::policy::{GRACE, Policy};
use crate::time::{Mono, Now};
use crate::token::AccessToken;
use core::mem;
use core::time::Duration;

#[cfg(test)]
mod relative;

/// A flight takes a claim while it is so young; afterwards it looks, so that a request always has its whole
/// `attempt_timeout`.
const CLAIMS_FOR: Duration = Duration::from_millis(500);
/// The bounds of the pause after "busy": a small fleet finds the token soon, and a large one leaves the store time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The pause for each instance that was told busy: as many looks a second as that, 10 000, however many instances look.
const PAUSE_EACH: Duration = Duration::from_micros(100);
/// How long a rest is believed at a time: one that was lifted meanwhile is noticed, and one that lasts is told again.
const LONGEST_BELIEVED_REST: Duration = Duration::from_secs(5 * 60);
/// When a put without a reply is repeated.
const PUT_AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// One instance of a client: who claims, and by which figures.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Instance {
    claimant: Claimant,
    policy: Policy,
}

impl Instance {
    /// The source with this id, whose machine has this policy.
    pub const fn new(claimant: Claimant, policy: Policy) -> Self {
        Self { claimant, policy }
    }

    /// How long its claims hold: it has reported by then, unless it died. The time of one attempt, and the grace of its flight.
    pub fn lease(&self) -> Duration {
        whole_up(self.policy.attempt_timeout().saturating_add(GRACE))
    }
}

/// What a passage wants next.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Next {
    /// Send this to the store, and tell the [reply](Passage::replied).
    Claim(Claim),
    /// Ask the authorization server, and tell what was [answered](Passage::answered).
    Ask,
    /// Tell the machine how the flight ended, and then the passage how it [landed](Passage::landed). The process's callers have their
    /// token from here on.
    Land(Outcome),
    /// Seal this, send it to the store, and tell the reply.
    Put(Unsealed),
    /// Send this to the store, and tell the reply.
    Fail(Fail),
    /// Poll again then.
    Pause(Mono),
    /// A reply, an answer or a landing is awaited: poll again after it.
    Await,
    /// There is nothing left to do.
    Done,
}

/// A token on its way to the store.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Unsealed {
    claimant: Claimant,
    stamp: Stamp,
    token: AccessToken,
    ends_in: Duration,
    due_in: Duration,
    life: Duration,
}

impl Unsealed {
    /// This token, which a claim with this stamp brought; its end and when it is due count from the time of the stamp.
    pub const fn new(
        claimant: Claimant,
        stamp: Stamp,
        token: AccessToken,
        ends_in: Duration,
        due_in: Duration,
        life: Duration,
    ) -> Self {
        Self { claimant, stamp, token, ends_in, due_in, life }
    }

    /// The token.
    pub const fn token(&self) -> &AccessToken {
        &self.token
    }

    /// The number of the claim that brought it: the seal covers it.
    pub const fn fence(&self) -> Fence {
        self.stamp.fence()
    }

    /// When it ends, on the store's clock: the seal covers it.
    pub const fn end(&self) -> StoreTime {
        self.stamp.now().after(self.ends_in)
    }

    /// Its whole life: the seal covers it.
    pub const fn life(&self) -> Duration {
        self.life
    }

    /// What is sent, with the token's print and the sealed token.
    pub fn sealed(self, print: Print, sealed: Sealed) -> Put {
        let Self { claimant, stamp, token: _, ends_in, due_in, life } = self;
        Put { claimant, stamp, print, sealed, ends_in, due_in, life }
    }
}

/// One [`Flight`] through a store: what to send, when to ask the authorization server, and what to tell the machine.
///
/// A plain value without IO. It is polled, says what it wants, and is told what came of that, until it is [`Next::Done`]. Spurious
/// inputs are no-ops. Dropping it abandons nothing but a claim, which ends with its lease.
///
/// - inputs: [`poll`](Self::poll), [`replied`](Self::replied), [`answered`](Self::answered), [`landed`](Self::landed)
///
/// # Rules, of what the store replies to a claim
/// | reply | what follows |
/// |-------|--------------|
/// | a token | it lands as [`Outcome::Shared`]. What is left of it counts from when the claim was sent |
/// | one that has ended for this process, leeway included | claimed again, once, as if it were held |
/// | one that does not open | claimed again, once, as if it were refused, however young it is |
/// | rest | it lands as a refusal with that Retry-After, of 5 minutes at most |
/// | busy | it pauses, and claims again |
/// | busy with one claim for as long as a claim may hold | the store is broken |
/// | busy for so long, with one claim after the other | it lands as [`Outcome::Elsewhere`]; the second time the store is as good as broken |
/// | claimed, and its lease has passed on the way | it lands as [`Outcome::Elsewhere`] |
/// | claimed | it asks, lands, and then puts the token, or tells of the failure |
/// | free, which only a look is told: the flight is half a second old | it lands as [`Outcome::Elsewhere`] |
/// | an error, or what no store replies to a claim | the store is broken |
///
/// With a broken store it asks by itself, lands, and offers the token once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Passage {
    instance: Instance,
    /// Of the flight: the seed of its machine, its number, and when it was sent.
    seed: u64,
    flight: u64,
    sent: Now,
    held: Option<Print>,
    dropped: Option<Print>,
    /// The credentials changed: what is dropped is thrown away however young, and never taken again.
    is_rotated: bool,
    /// When it first claimed.
    began: Option<Mono>,
    /// The claim of another one that it first saw.
    seen: Option<Seen>,
    /// A flight before landed as elsewhere.
    is_passed_over: bool,
    /// How often it paused.
    pauses: u32,
    /// An offer that is over was claimed again; one that does not open was.
    is_over_told: bool,
    is_unopened_told: bool,
    state: State,
}

/// The claim that the store was busy with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Seen {
    fence: Fence,
    since: Mono,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum State {
    Claims,
    Claiming { sent: Now, takes: bool },
    Paused { until: Mono },
    Asks(Right),
    Asking(Right),
    Lands(Outcome, Then),
    Landing(Then),
    Offers(Brought),
    Offering(Brought),
    Puts { unsealed: Unsealed, from: Mono, repeats: usize },
    Putting { unsealed: Unsealed, repeats: usize },
    Fails(Fail),
    Failing,
    Done,
}

/// By what right it asks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Right {
    /// The store's, and when that came.
    Claimed(Stamp, Mono),
    /// Its own.
    Broken,
}

/// What follows the landing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Then {
    Report(Stamp, Mono),
    Offer,
    Nothing,
}

/// What the machine holds after the landing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Brought {
    token: AccessToken,
    end: Now,
    due: Now,
    life: Duration,
}

impl Passage {
    /// The passage of this flight. `held` is the print of the token that the machine holds, and `dropped` that of the token it has set
    /// aside: it goes with every claim, from its rejection until a token is installed.
    pub fn new(flight: &Flight, instance: Instance, held: Option<Print>, dropped: Option<Print>) -> Self {
        Self {
            instance,
            seed: flight.seed(),
            flight: flight.id(),
            sent: flight.sent_at(),
            held,
            dropped,
            is_rotated: false,
            began: None,
            seen: None,
            is_passed_over: false,
            pauses: 0,
            is_over_told: false,
            is_unopened_told: false,
            state: State::Claims,
        }
    }

    /// The same for a flight after a rotation of the credentials, where the entry keeps its name: what is dropped is the token of the old
    /// ones. It is thrown away however young it is, and not taken from a store that has it still.
    #[must_use]
    pub fn rotated(mut self) -> Self {
        self.is_rotated = true;
        self
    }

    /// The flight before it landed as [`Outcome::Elsewhere`], which may have been a moment ago: whoever was passed over by others for the
    /// time of one claim waits so once more, and then asks by itself.
    pub const fn follows_elsewhere(&mut self) {
        self.is_passed_over = true;
    }

    /// Whether it asks, or has asked, by a right that the store gave it.
    pub const fn is_claimed(&self) -> bool {
        matches!(
            self.state,
            State::Asks(Right::Claimed(..))
                | State::Asking(Right::Claimed(..))
                | State::Lands(_, Then::Report(..))
                | State::Landing(Then::Report(..))
        )
    }

    /// What it wants next.
    pub fn poll(&mut self, now: Now) -> Next {
        match mem::replace(&mut self.state, State::Done) {
            State::Paused { until } if now.mono < until => {
                self.state = State::Paused { until };
                Next::Pause(until)
            }
            State::Claims | State::Paused { .. } => {
                self.began.get_or_insert(now.mono);
                let takes = now.mono.since(self.sent.mono) < CLAIMS_FOR;
                self.state = State::Claiming { sent: now, takes };
                Next::Claim(self.claim(self.instance.claimant, takes))
            }
            State::Asks(right) => {
                self.state = State::Asking(right);
                Next::Ask
            }
            State::Lands(outcome, then) => {
                self.state = State::Landing(then);
                Next::Land(outcome)
            }
            State::Offers(brought) => {
                self.state = State::Offering(brought);
                Next::Claim(self.claim(self.instance.claimant.offering(), true))
            }
            State::Puts { unsealed, from, repeats } if now.mono < from => {
                self.state = State::Puts { unsealed, from, repeats };
                Next::Pause(from)
            }
            State::Puts { unsealed, repeats, .. } => {
                self.state = State::Putting { unsealed: unsealed.clone(), repeats };
                Next::Put(unsealed)
            }
            State::Fails(fail) => {
                self.state = State::Failing;
                Next::Fail(fail)
            }
            State::Done => Next::Done,
            awaiting @ (State::Claiming { .. }
            | State::Asking(_)
            | State::Landing(_)
            | State::Offering(_)
            | State::Putting { .. }
            | State::Failing) => {
                self.state = awaiting;
                Next::Await
            }
        }
    }

    /// What the store replied, or that it did not.
    pub fn replied(&mut self, now: Now, reply: Result<Reply<Option<AccessToken>>, StoreError>) {
        self.state = match (mem::replace(&mut self.state, State::Done), reply) {
            (State::Claiming { sent, takes }, Ok(reply)) => self.claimed(now, sent, takes, reply),
            (State::Claiming { .. }, Err(_)) => State::Asks(Right::Broken),
            (State::Offering(brought), Ok(Reply::Claimed { stamp, .. })) => {
                let claimant = self.instance.claimant.offering();
                brought.put(now, claimant, stamp, now.mono).unwrap_or(State::Done)
            }
            // It was lost: the same again finds `late` where it was not.
            (State::Putting { unsealed, repeats }, Err(_)) => match PUT_AGAIN.get(repeats) {
                Some(pause) => State::Puts { unsealed, from: now.mono.after(*pause), repeats: repeats + 1 },
                // Nobody is to wait for what does not come.
                None => State::Fails(release(unsealed.claimant, unsealed.stamp)),
            },
            (State::Putting { unsealed, .. }, Ok(Reply::Late)) => {
                State::Fails(release(unsealed.claimant, unsealed.stamp))
            }
            (State::Offering(_) | State::Putting { .. } | State::Failing, _) => State::Done,
            (other, _) => other,
        };
    }

    /// What became of the token request.
    pub fn answered(&mut self, outcome: Outcome) {
        self.state = match mem::replace(&mut self.state, State::Done) {
            State::Asking(Right::Claimed(stamp, came)) => State::Lands(outcome, Then::Report(stamp, came)),
            State::Asking(Right::Broken) => State::Lands(outcome, Then::Offer),
            other => other,
        };
    }

    /// What the machine made of the outcome; `machine` as it is after that.
    pub fn landed(&mut self, now: Now, landing: &Landing, machine: &Machine) {
        let State::Landing(then) = self.state else { return };
        let brought = || Brought::by(now, machine);
        self.state = match (then, landing) {
            (Then::Report(stamp, came), Landing::Installed { .. } | Landing::NoProgress { .. }) => {
                let put = brought().and_then(|brought| brought.put(now, self.instance.claimant, stamp, came));
                put.unwrap_or_else(|| State::Fails(release(self.instance.claimant, stamp)))
            }
            (Then::Report(stamp, _), Landing::Resting { cause: Cause::Refused(refusal), .. })
                if !refusal.is_of_this_process() =>
            {
                State::Fails(self.failure(stamp, refusal))
            }
            (Then::Report(stamp, _), _) => State::Fails(release(self.instance.claimant, stamp)),
            (Then::Offer, Landing::Installed { .. }) => brought().map_or(State::Done, State::Offers),
            (Then::Offer | Then::Nothing, _) => State::Done,
        };
    }
}

impl Passage {
    fn claim(&self, claimant: Claimant, takes: bool) -> Claim {
        let lease = takes.then(|| self.instance.lease());
        // What does not open is of use to nobody, however young it is.
        let is_useless = self.is_rotated || self.is_unopened_told;
        let young = if is_useless { Duration::ZERO } else { whole_up(self.instance.policy.gate(1)) };
        Claim { claimant, dropped: self.dropped, held: self.held, lease, young }
    }

    /// What follows the reply to a claim that was sent then.
    fn claimed(&mut self, now: Now, sent: Now, takes: bool, reply: Reply<Option<AccessToken>>) -> State {
        let lands = |outcome| State::Lands(outcome, Then::Nothing);
        match reply {
            Reply::Have(have) => self.has(now, sent, have),
            Reply::Rest { left, said, .. } => {
                let left = Some(left.min(LONGEST_BELIEVED_REST));
                let refusal = match said {
                    Some(said) => said.refusal(left),
                    None => Refusal::told(Class::Transient, None, None, left),
                };
                lands(Outcome::Refused(refusal))
            }
            Reply::Busy { told, fence, .. } => self.busy(now.mono, told, fence),
            Reply::Free if !takes => lands(Outcome::Elsewhere),
            // It was suspended meanwhile, and another one may ask by now.
            Reply::Claimed { .. } if takes && now.has_reached(sent.after(self.instance.lease())) => {
                lands(Outcome::Elsewhere)
            }
            Reply::Claimed { stamp, .. } if takes => State::Asks(Right::Claimed(stamp, now.mono)),
            // No store replies so to a claim.
            Reply::Free | Reply::Claimed { .. } | Reply::Kept | Reply::Late | Reply::Noted => {
                State::Asks(Right::Broken)
            }
        }
    }

    fn has(&mut self, now: Now, sent: Now, have: Have<Option<AccessToken>>) -> State {
        let Have { token, print, left, due_in, life, .. } = have;
        let Some(token) = token else {
            // Nobody can use it: it goes as a refused one does, and the print of a token that is not there says nothing.
            if mem::replace(&mut self.is_unopened_told, true) {
                return State::Asks(Right::Broken);
            }
            self.dropped = Some(print);
            return State::Claims;
        };
        if self.is_rotated && self.dropped == Some(print) {
            return State::Asks(Right::Broken);
        }
        // From when the flight was sent, on the clock that says less.
        let waited = now_since(sent, self.sent);
        let left = left.min(life).saturating_add(waited);
        let due_in = due_in.saturating_add(waited).min(left);
        let policy = &self.instance.policy;
        let use_until = self.sent.after(left.saturating_sub(policy.leeway(life.min(policy.max_lifetime()))));
        if !now.has_reached(use_until) {
            return State::Lands(Outcome::Shared(Lent::new(token, left, due_in, life)), Then::Nothing);
        }
        if mem::replace(&mut self.is_over_told, true) {
            return State::Asks(Right::Broken);
        }
        self.held = Some(print);
        State::Claims
    }

    fn busy(&mut self, now: Mono, told: u32, fence: Fence) -> State {
        let lease = self.instance.lease();
        let seen = match self.seen {
            Some(seen) if seen.fence == fence => seen,
            _ => *self.seen.insert(Seen { fence, since: now }),
        };
        let limit = self.began.unwrap_or(now).after(lease);
        if now >= limit {
            // The first claim may have been seen a command later than it was asked for.
            let is_one = self.pauses == 0 || now.since(seen.since).saturating_add(CLAIMS_FOR) >= lease;
            return match is_one || self.is_passed_over {
                true => State::Asks(Right::Broken),
                false => State::Lands(Outcome::Elsewhere, Then::Nothing),
            };
        }
        let full = PAUSE_EACH.saturating_mul(told).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let spread = self.draw(Purpose::Busy, full).unwrap_or(full / 2);
        self.pauses = self.pauses.saturating_add(1);
        State::Paused { until: now.after(full / 2 + spread).min(limit) }
    }

    /// The authorization server refused: the rests are the machine's, counted by the fleet.
    fn failure(&self, stamp: Stamp, refusal: &Refusal) -> Fail {
        let policy = &self.instance.policy;
        let is_permanent = refusal.class() == Class::Permanent;
        let (base, cap) = if is_permanent {
            (policy.cooldown(0), policy.cooldown(u32::MAX))
        } else {
            (policy.backoff(0), policy.backoff(u32::MAX))
        };
        let told = refusal.retry_after().unwrap_or_default().min(policy.retry_after_cap());
        let spread = self.draw(Purpose::FleetRest, Duration::from_nanos(1000));
        Fail {
            claimant: self.instance.claimant,
            stamp,
            // Another instance may read another credential.
            counts: !(is_permanent && refusal.is_live()),
            base: whole_up(base),
            cap: whole_up(cap),
            told: whole_up(told),
            spread: spread.map_or(1000, |spread| spread.subsec_nanos().min(1000) as u16),
            said: Some(Said::of(refusal)),
        }
    }

    /// A draw in [0, `upto`], another one after each pause; none where the policy wants no jitter.
    fn draw(&self, purpose: Purpose, upto: Duration) -> Option<Duration> {
        let number = self.flight.wrapping_add(u64::from(self.pauses) << 32);
        self.instance.policy.jitter().then(|| jitter::draw(self.seed, number, purpose, upto))
    }
}

impl Brought {
    /// What this machine holds, to its very end.
    fn by(now: Now, machine: &Machine) -> Option<Self> {
        let (held, stored) = (machine.held(now)?, machine.export(now)?);
        let life = stored.life();
        let end = held.use_until().after(machine.policy().leeway(life));
        Some(Self { token: held.value().clone(), end, due: held.refresh_at(), life })
    }

    /// Puts it by a right that came then; `None` if it ends now.
    ///
    /// At `came` the store's clock showed the time of the stamp, or a later one. So what is put ends no later than here, whatever the
    /// clocks show, and however long the put is on its way.
    fn put(self, now: Now, claimant: Claimant, stamp: Stamp, came: Mono) -> Option<State> {
        let from_stamp = |then: Now| whole_down(now.mono.since(came).saturating_add(now.until(then)));
        let ends_in = (!now.has_reached(self.end)).then(|| from_stamp(self.end))?;
        let due_in = from_stamp(self.due).min(ends_in);
        let (token, life) = (self.token, whole_down(self.life));
        let unsealed = Unsealed { claimant, stamp, token, ends_in, due_in, life };
        Some(State::Puts { unsealed, from: Mono::ZERO, repeats: 0 })
    }
}

/// The claim ends, and nothing failed that is the others' affair.
const fn release(claimant: Claimant, stamp: Stamp) -> Fail {
    let zero = Duration::ZERO;
    Fail { claimant, stamp, counts: false, base: zero, cap: zero, told: zero, spread: 0, said: None }
}

/// The time from `earlier` to `later`, on the clock that says less.
fn now_since(later: Now, earlier: Now) -> Duration {
    later.mono.since(earlier.mono).min(later.wall.since(earlier.wall))
}

/// In whole milliseconds, not longer.
fn whole_down(duration: Duration) -> Duration {
    Duration::new(duration.as_secs(), duration.subsec_millis() * 1_000_000)
}

/// In whole milliseconds, not shorter.
fn whole_up(duration: Duration) -> Duration {
    let down = whole_down(duration);
    if down == duration { down } else { down.saturating_add(Duration::from_millis(1)) }
}

#[cfg(test)]
mod tests;
