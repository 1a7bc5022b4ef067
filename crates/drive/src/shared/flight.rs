//! One token request, from its sending to its landing.

use super::parting::Parting;
use super::pass::Pass;
use super::state::{Shared, State};
use crate::clock::Clocks;
use crate::commons::{Mark, Permit, Reach};
use crate::contained::contained;
use crate::identity::{CertifiedKey, Identity};
use crate::observer::{EventKind, FlightSpan, Report};
use crate::source::{Sources, Ticket};
use crate::store::{Crossing, Shares, UnderWay};
use evergrant_core::fleet::{Instance, Passage, StoreError};
use evergrant_core::{
    AccessToken, Asking, Attempt, Cause, Class, Client, ConfigError, Endpoint, Flight, Known, Landing,
    MetadataFault, Mono, Move, Now, Outcome, Problem, Response, Seed, Sent, Thumbprint, TransportError,
    TransportErrorKind, Unready,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The one request that is in the air. Lands its outcome or, dropped for ANY reason (a panic in the transport, a
/// runtime that is shut down), abandons the flight; either way everyone is woken.
pub(crate) struct FlightGuard<V> {
    shared: Arc<Shared<V>>,
    pub(super) client: Arc<Client>,
    /// Taken when it landed.
    flight: Option<Flight>,
    limit: Duration,
    /// What the attempts before have learnt.
    known: Known,
    sources: Sources,
    /// What it needs for the store, if there is one.
    through: Option<Box<Through>>,
    span: FlightSpan,
    /// Of the pool, for as long as it is in the air.
    permit: Option<Permit>,
}

/// What a flight through a store needs of its machine, as it was when it was launched.
struct Through {
    held: Option<AccessToken>,
    /// What a resource server refused, or was held when the credentials changed.
    dropped: Option<AccessToken>,
    is_rotated: bool,
    /// When the authorization server is asked, after the store was.
    asked_at: Option<Now>,
    /// From the launch on: whoever flushes may come before the job has begun.
    _under_way: UnderWay,
}

/// How a flight goes.
pub(crate) enum Way {
    /// To the authorization server; with what people hear of that.
    Alone(Vec<EventKind>),
    /// Nowhere: the store is left alone, and nobody asks without it.
    Nowhere(Outcome),
    /// Through the store first.
    Store(Box<Crossing>),
}

/// What part of an attempt's time a request may take that can be done without.
const DISPENSABLE: u32 = 4;

/// How an attempt ended, and what came of it beside its outcome.
#[derive(Debug)]
pub(crate) struct Flown {
    pub(crate) outcome: Outcome,
    pub(crate) learnt: Option<Known>,
    /// What people hear of once everyone is woken.
    pub(crate) news: Vec<EventKind>,
    /// What its connection showed.
    pub(crate) identity: Option<CertifiedKey>,
}

impl Flown {
    /// The same of an attempt whose connection showed this.
    pub(crate) fn showing(self, identity: Option<CertifiedKey>) -> Self {
        Self { identity, ..self }
    }

    /// The same, of which people hear this first.
    pub(crate) fn after(mut self, news: Vec<EventKind>) -> Self {
        self.news.splice(0..0, news);
        self
    }
}

impl From<Outcome> for Flown {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, learnt: None, news: Vec::new(), identity: None }
    }
}

impl<V> fmt::Debug for FlightGuard<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlightGuard").field("flight", &self.flight).finish_non_exhaustive()
    }
}

impl<V> FlightGuard<V> {
    /// The first move of its attempt, with the client it was launched with.
    pub(crate) fn begin(&self) -> Move<'_> {
        Attempt::begin(&self.client, Seed::new(self.begun_at()), &self.known)
    }

    /// Whether a store has to do with it, and nothing else has begun.
    pub(crate) fn has_store(&self) -> bool {
        self.through.is_some()
    }

    /// Whether it shows a certificate, which its token in a store may be bound to.
    pub(crate) fn shows_certificate(&self) -> bool {
        self.sources.identity().is_some()
    }

    /// How it goes, on connections that show the certificate with this thumbprint.
    pub(crate) fn way(&self, shown: Option<Thumbprint>) -> Way {
        let (Some(shares), Some(through), Some(flight)) = (&self.shared.store, &self.through, &self.flight)
        else {
            return Way::Alone(Vec::new());
        };
        let Shares { store, claimant, .. } = &**shares;
        let policy = self.shared.policy();
        match Crossing::begin(store, &self.client, shown, self.shared.clock.now().mono) {
            Ok(Some(crossing)) => {
                let Through { held, dropped, is_rotated, .. } = &**through;
                let print = |token: &AccessToken| crossing.print(token);
                let instance = Instance::new(*claimant, policy);
                let passage =
                    Passage::new(flight, instance, held.as_ref().map(print), dropped.as_ref().map(print));
                let passage = if *is_rotated { passage.rotated() } else { passage };
                let audience = Arc::clone(&self.shared.audience);
                Way::Store(Box::new(crossing.by(passage, audience, shares)))
            }
            Ok(None) => match store.outcome_when_down() {
                Some(outcome) => Way::Nowhere(outcome),
                None => Way::Alone(Vec::new()),
            },
            // Rotated to credentials with which nothing can be sealed.
            Err(error) => {
                let error = StoreError::refused(&error.to_string());
                Way::Alone(vec![EventKind::StoreFailing { error }])
            }
        }
    }

    /// The authorization server is asked from now on: the time of an attempt begins. What is reported of it is the caller's to drop.
    pub(crate) fn asks(&mut self) -> Report {
        if let Some(through) = &mut self.through {
            through.asked_at = Some(self.shared.clock.now());
        }
        let Some(flight) = &self.flight else { return Report::nothing() };
        self.shared.enter(|state, now| state.report(now, sent(flight, &self.client, &self.known)))
    }

    /// When its attempt began.
    fn begun_at(&self) -> Now {
        self.through.as_ref().and_then(|through| through.asked_at).unwrap_or(self.sent_at())
    }

    /// The clocks that it goes by.
    pub(crate) fn clock(&self) -> Clocks {
        self.shared.clock.clone()
    }

    /// Begins to read, or to have signed, what the attempt asks for.
    ///
    /// # Errors
    /// Nobody said where it is.
    pub(crate) fn read(&self, asking: &Asking<'_>) -> Result<Ticket, Unready> {
        self.sources.begin(asking, self.time_left())
    }

    /// Where the certificate lives that its connection shows.
    ///
    /// # Errors
    /// Nobody said where it is.
    pub(crate) fn identity(&self) -> Result<&Identity, Unready> {
        self.sources.identity().ok_or_else(|| ConfigError::NeedsIdentity.into())
    }

    /// When it was sent.
    pub(crate) fn sent_at(&self) -> Now {
        self.flight.as_ref().map(Flight::sent_at).unwrap_or_default()
    }

    /// Begins its span, and takes up what others of its pool have found out: once it is out of the lock, on the thread of whoever caused it.
    pub(crate) fn begin_span(&mut self) {
        let flight = self.flight.as_ref().map_or(0, Flight::id);
        if let Some(member) = self.shared.member() {
            member.commons.found.hand_out(self.client.provider(), &mut self.known);
        }
        self.span = FlightSpan::begin(&self.client, self.shared.audience.source(), flight);
    }

    /// The span of the request.
    pub(crate) const fn span(&self) -> &FlightSpan {
        &self.span
    }

    /// How long its attempt may still take.
    pub(crate) fn time_left(&self) -> Duration {
        self.time_until(self.end())
    }

    pub(crate) fn time_until(&self, end: Mono) -> Duration {
        self.shared.until(end)
    }

    /// When its attempt is over.
    pub(crate) fn end(&self) -> Mono {
        self.begun_at().mono.after(self.limit)
    }

    /// When this request is given up: one that can be done without leaves most of the time to the token request.
    pub(crate) fn end_of(&self, sent: &Sent<'_>) -> Mono {
        let end = self.end();
        if sent.is_dispensable() { end.min(self.shared.after(self.limit / DISPENSABLE)) } else { end }
    }

    /// That no answer came in time.
    pub(crate) fn timed_out(&self) -> TransportError {
        TransportError::ours(TransportErrorKind::Timeout, &format!("none within {:?}", self.limit))
    }

    /// The next move, with what the transport brought.
    pub(crate) fn received<'a>(&self, sent: Sent<'a>, answer: Result<Response, TransportError>) -> Move<'a> {
        let status = answer.as_ref().ok().map(Response::status);
        let next = match answer {
            Ok(response) => sent.received(&response, self.shared.clock.now()),
            Err(error) => sent.failed(error),
        };
        let refusal = match &next {
            Move::Done(Outcome::Refused(refusal), _) => Some(refusal),
            _ => None,
        };
        self.span.answered(status, refusal);
        next
    }

    /// The end of its attempt.
    pub(crate) fn flown(&self, outcome: Outcome, learnt: Known, mut news: Vec<EventKind>) -> Flown {
        news.extend(learnt.clock_news(&self.known).map(|offset| EventKind::ClockOff { offset }));
        news.extend(metadata_news(&learnt, &self.known));
        Flown { outcome, learnt: Some(learnt), news, identity: None }
    }

    /// What became of it. Everyone is woken; what is reported of it is the caller's to drop.
    pub(crate) fn land(self, flown: impl Into<Flown>) -> Vec<Report> {
        self.land_by(flown.into(), None)
    }

    /// The same for a flight through a store, which has something to do after that.
    pub(crate) fn land_by(mut self, flown: Flown, mut crossing: Option<&mut Crossing>) -> Vec<Report> {
        let Flown { outcome, learnt, mut news, identity } = flown;
        news.extend(crossing.iter_mut().flat_map(|crossing| crossing.take_news()));
        let value = match &outcome {
            // Rendered here, since it is foreign and must not be made under the lock.
            Outcome::Granted(grant) => Some(Arc::new((self.shared.render)(grant.token()))),
            Outcome::Shared(lent) => Some(Arc::new((self.shared.render)(lent.token()))),
            _ => None,
        };
        if let Some(permit) = &self.permit {
            permit.learn(reach(&outcome), self.sent_at().mono);
        }
        if let (Some(member), Some(learnt)) = (self.shared.member(), &learnt) {
            member.commons.found.take_in(self.client.provider(), learnt);
        }
        let asked = self.through.as_ref().is_none_or(|through| through.asked_at.is_some());
        let narrowed = match &outcome {
            Outcome::Granted(grant) => grant.narrowed_scope().cloned(),
            _ => None,
        };
        // Taken under the lock: a clock that panics before it leaves the flight to Drop.
        let (flight, permit, member) = (&mut self.flight, &self.permit, self.shared.member());
        let (reports, outside) = self.shared.enter_at(self.shared.clock.readings(), |state, now| {
            let flight = flight.take()?;
            let (flight_id, sent_at) = (flight.id(), flight.sent_at());
            state.learn(flight_id, learnt);
            let landing = state.machine.complete(now, flight, outcome);
            if let Some(crossing) = crossing {
                crossing.landed(now, &landing, &state.machine);
            }
            match value {
                Some(value) if matches!(landing, Landing::Installed { .. }) => {
                    state.identity = identity.or(state.identity.take());
                    state.installed(now, value);
                }
                Some(value) => state.outside.drop_value(value),
                None => {}
            }
            if let (Some(member), Some(permit)) = (member, permit) {
                match told_rest(&landing) {
                    Some(until) if member.commons.shares_rests => permit.rest(until),
                    _ => {}
                }
                if let Landing::Installed { .. } = landing {
                    let _before = member.take(Mark::TokenUsed);
                }
            }
            let (took, rest) = state.landed(now, sent_at);
            let landed = EventKind::Landed { flight: flight_id, landing, took, rest, narrowed, asked };
            Some(news.into_iter().chain([landed]).map(|kind| state.report(now, kind)).collect())
        });
        let woken = Parting::of(outside);
        // Its share and its permit are free before anybody is woken: to a pool the source is not busy any more.
        drop(self);
        drop(woken);
        reports.unwrap_or_default()
    }
}

impl<V> Drop for FlightGuard<V> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            contained(|| drop(self.shared.abandon(flight)));
        }
    }
}

impl<V> Shared<V> {
    /// A request leaves: with the credentials of this moment, under the same lock. `None` if there are none.
    pub(super) fn launch(
        self: &Arc<Self>,
        state: &mut State<V>,
        now: Now,
        flight: Flight,
        pass: Pass,
    ) -> Option<(FlightGuard<V>, Report)> {
        let client = Arc::clone(state.client.as_ref()?);
        let limit = state.machine.policy().attempt_timeout();
        let id = flight.id();
        // Where there is a store nobody knows yet whether a request leaves.
        let left = match &self.store {
            None => state.report(now, sent(&flight, &client, &state.known)),
            Some(_) => Report::nothing(),
        };
        let (shared, span, permit) = (Arc::clone(self), FlightSpan::default(), pass.into_permit());
        let (known, sources) = (state.known.clone(), state.sources.clone());
        let through = self.store.as_ref().map(|shares| Box::new(state.through(now, shares.untold.begin())));
        state.launched = id;
        let flight = Some(flight);
        let guard = FlightGuard { shared, client, flight, limit, known, sources, through, span, permit };
        Some((guard, left))
    }

    fn abandon(&self, flight: Flight) -> Report {
        let (id, sent_at) = (flight.id(), flight.sent_at());
        self.enter(|state, now| {
            let landing = state.machine.abandon(now, flight);
            let (took, rest) = state.landed(now, sent_at);
            state.report(now, EventKind::Abandoned { flight: id, landing, took, rest })
        })
    }
}

impl<V> State<V> {
    fn through(&self, now: Now, under_way: UnderWay) -> Through {
        let held = self.machine.held(now).map(|token| token.value().clone());
        let aside = self.machine.set_aside(now).map(|aside| aside.token().value().clone());
        let is_rotated = self.rotated_away.is_some();
        let dropped = self.rotated_away.clone().or(aside);
        Through { held, dropped, is_rotated, asked_at: None, _under_way: under_way }
    }

    /// A flight has ended, and everyone is woken. Returns how long it took, and the time until the next one may be sent.
    fn landed(&mut self, now: Now, sent_at: Now) -> (Duration, Duration) {
        self.wake_all(now);
        (now.mono.since(sent_at.mono), self.machine.next_wake(now).since(now.mono))
    }
}

/// That the request of this flight leaves.
fn sent(flight: &Flight, client: &Client, known: &Known) -> EventKind {
    let endpoint = known_endpoint(client, known).clone();
    EventKind::Sent { flight: flight.id(), reason: flight.reason(), endpoint }
}

/// What is new of the server's metadata, to whoever knew that before: it is another one, or there again, or it cannot be had again.
fn metadata_news(learnt: &Known, before: &Known) -> Option<EventKind> {
    let metadata = learnt.metadata()?;
    let (failing, was_failing) = (learnt.metadata_failing_since(), before.metadata_failing_since());
    match (failing, was_failing) {
        (Some(since), None) => Some(EventKind::MetadataFailing { since }),
        (None, None) if before.metadata() == Some(metadata) => None,
        (None, _) => {
            let mtls_token_endpoint = metadata.mtls_token_endpoint().cloned();
            let token_endpoint = metadata.token_endpoint().clone();
            Some(EventKind::MetadataFetched { token_endpoint, mtls_token_endpoint })
        }
        (Some(_), Some(_)) => None,
    }
}

/// Where the token request goes, as far as that is known: the place of the metadata, until that was had.
fn known_endpoint<'a>(client: &'a Client, known: &'a Known) -> &'a Endpoint {
    let provider = client.provider();
    let Some(metadata) = known.metadata().filter(|_| provider.token_endpoint().is_none()) else {
        return provider.server();
    };
    let alias = metadata.mtls_token_endpoint().filter(|_| client.shows_certificate());
    alias.unwrap_or(metadata.token_endpoint())
}

/// What a request told of the server that it was sent to.
fn reach(outcome: &Outcome) -> Reach {
    let refusal = match outcome {
        Outcome::Granted(_) => return Reach::Answers,
        Outcome::Refused(refusal) => refusal,
        _ => return Reach::Unknown,
    };
    let error = match refusal.problem() {
        Problem::Transport(error) => error,
        Problem::Metadata { fault, .. } => match &**fault {
            MetadataFault::Transport(error) => error,
            _ => return Reach::Answers,
        },
        _ => return Reach::Answers,
    };
    match error.kind() {
        TransportErrorKind::Timeout | TransportErrorKind::Connect | TransportErrorKind::Resolve => {
            Reach::Silent
        }
        _ => Reach::Unknown,
    }
}

/// The end of a rest that the server itself asked for: a client that is refused for good speaks for itself alone.
fn told_rest(landing: &Landing) -> Option<Mono> {
    match landing {
        Landing::Resting { until, cause: Cause::Refused(refusal) }
            if refusal.class() == Class::Transient && refusal.retry_after().is_some() =>
        {
            Some(*until)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
