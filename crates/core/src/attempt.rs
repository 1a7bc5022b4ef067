//! The conversation of one flight: what it needs, what is sent, and what became of it. [`Attempt`] tells it.

mod known;

pub use known::Known;

use crate::ask::Ask;
use crate::assertion::{self, UnsignedAssertion};
use crate::binding::Binding;
use crate::client::Client;
use crate::error::{Class, ConfigError, Excerpt, Presented, Refusal, SourceError, TransportError, Unready};
use crate::machine::Outcome;
use crate::metadata::{self, Discovery, Metadata};
use crate::request::Request;
use crate::response::Response;
use crate::secret::Secret;
use crate::text::{Parts, SecretText};
use crate::time::Now;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Deref;

/// What an attempt begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Seed {
    /// When the flight was sent ([`Flight::sent_at`](crate::Flight::sent_at)): where the life of its token begins.
    pub now: Now,
}

impl Seed {
    /// Of a flight that was sent then.
    pub const fn new(now: Now) -> Self {
        Self { now }
    }
}

/// What comes next in an attempt.
#[must_use]
#[derive(Debug)]
pub enum Move<'a> {
    /// Something must be read, or signed.
    Ask(Asking<'a>),
    /// The token request, or before it one of the server's metadata, and who takes its answer. Send it once, follow no redirect, retry nothing.
    Send(Request, Sent<'a>),
    /// It is over. The outcome is for the machine, and what was learnt for the next attempt.
    Done(Outcome, Known),
}

/// One attempt to get a token: the conversation of one flight, led without IO.
///
/// ```text
/// Attempt::begin ──► Ask ── answer ──► Ask ── answer ──► Send ──► Done
///                     │                 │                 │▲       ▲
///                     │                 │       metadata  └┘       │
///                     └─────────────────┴── nothing to send ───────┘
/// ```
/// There is nothing to send after [`unanswered`](Asking::unanswered), after an answer that no request can carry, and while a refused
/// credential is still the same. A client that asks for nothing begins with Send.
///
/// Each [`Move`] is consumed by what comes next, so that no step can be taken twice or out of order. An attempt asks six times at most:
/// for a certificate, a credential and four parameters ([`Client::asks`]), or a signature in place of the credential, after them. It sends two requests
/// at most, one of metadata if its provider is [discovered](crate::Provider::discovered) and what is kept of that is old, and one for a token. A
/// client that asks for nothing at a known token endpoint has a short form, [`Client::request`] and [`Client::read`].
///
/// - **Time**: nothing here waits, so whoever drives it bounds the whole of it by [`Policy::attempt_timeout`](crate::Policy::attempt_timeout).
///   What does not come in time is [`SourceError::TimedOut`] for an ask, and a [`TransportError`] for a request.
/// - **What it learns** for the next one comes with its end, as [`Known`]: keep that beside the machine, one for each client, and put it
///   in place of the old one.
/// - **Dropping it** is like a panic on the way: report the flight to [`Machine::abandon`](crate::Machine::abandon).
///
/// ```
/// use evergrant_core::*;
///
/// # fn read(_: &Ask) -> Result<SecretText, SourceError> { SecretText::from_bytes(b"my-client-secret\n") }
/// # fn send(request: &Request) -> Result<Response, TransportError> {
/// #     assert_eq!(request.body(), b"grant_type=client_credentials&client_id=id&client_secret=my-client-secret");
/// #     let body = br#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#.to_vec();
/// #     Ok(Response::new(200).with_header("Content-Type", b"application/json").with_body(body))
/// # }
/// # fn now() -> Now { Now::default() }
/// fn fly(client: &Client, flight: &Flight, known: &mut Known) -> Outcome {
///     let mut next = Attempt::begin(client, Seed::new(flight.sent_at()), known);
///     loop {
///         next = match next {
///             Move::Ask(asking) => match read(asking.ask()) {
///                 Ok(text) => asking.answer(text),
///                 Err(error) => {
///                     let unready = Unready::new(asking.ask().clone(), error);
///                     asking.unanswered(unready)
///                 }
///             },
///             Move::Send(request, sent) => match send(&request) {
///                 Ok(response) => sent.received(&response, now()),
///                 Err(error) => sent.failed(error),
///             },
///             Move::Done(outcome, learnt) => {
///                 *known = learnt;
///                 return outcome;
///             }
///         };
///     }
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
///
/// let client = Client::builder(provider, ClientAuth::post_live("id")?).build()?;
/// let mut machine = Machine::new(Policy::new(), 42);
/// let mut known = Known::new(machine.policy());
/// let Step::Send(flight) = machine.poll(now(), &mut Call::new(Mono::MAX)) else { panic!("nothing is held") };
/// let outcome = fly(&client, &flight, &mut known);
/// assert!(matches!(machine.complete(now(), flight, outcome), Landing::Installed { .. }));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Attempt<'a> {
    client: Whose<'a>,
    seed: Seed,
    known: Known,
    /// The credential, if it was read for this attempt.
    presented: Option<Read>,
}

/// The client as it asks: as it is, or with what was read for it. Boxed, since it goes from move to move.
#[derive(Debug)]
enum Whose<'a> {
    Given(&'a Client),
    Filled(Box<Client>),
}

impl Deref for Whose<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        match self {
            Self::Given(client) => client,
            Self::Filled(client) => client,
        }
    }
}

impl<'a> Attempt<'a> {
    /// The first move of an attempt of this client, which knows what earlier ones have learnt.
    pub fn begin(client: &'a Client, seed: Seed, known: &Known) -> Move<'a> {
        Self { client: Whose::Given(client), seed, known: known.clone(), presented: None }.next()
    }

    fn next(mut self) -> Move<'a> {
        let ask = self.client.asks().next();
        if let Some(ask) = ask {
            return Move::Ask(Asking { attempt: self, ask, unsigned: None });
        }
        if let Some(discovery) = self.client.provider().discovery() {
            let Some(metadata) = self.known.current_metadata(discovery.max_age(), self.seed.now.mono) else {
                let request = Request::of_metadata(discovery.url().clone());
                return Move::Send(request, Sent { attempt: self, what: Sending::Metadata });
            };
            let resolved = self.client.clone().resolved(metadata);
            self.client = Whose::Filled(Box::new(resolved));
        }
        match self.client.unsigned(self.known.signing_now(self.seed.now.wall)) {
            Some(unsigned) => {
                Move::Ask(Asking { attempt: self, ask: Ask::Signature, unsigned: Some(unsigned.into()) })
            }
            None => {
                Move::Send(self.client.filled_request(), Sent { attempt: self, what: Sending::TokenRequest })
            }
        }
    }

    fn done(self, outcome: Outcome) -> Move<'a> {
        Move::Done(outcome, self.known)
    }
}

/// An attempt that needs something.
#[must_use]
#[derive(Debug)]
pub struct Asking<'a> {
    attempt: Attempt<'a>,
    ask: Ask,
    unsigned: Option<Box<UnsignedAssertion>>,
}

impl<'a> Asking<'a> {
    /// What it needs.
    pub const fn ask(&self) -> &Ask {
        &self.ask
    }

    /// The assertion that has to be signed: there for [`Ask::Signature`] alone.
    pub fn unsigned(&self) -> Option<&UnsignedAssertion> {
        self.unsigned.as_deref()
    }

    /// This is it. A credential that the server has refused is not sent again while it is the same: it ends the attempt as
    /// [`Outcome::HeldBack`], until its time comes to be tried once more.
    pub fn answer(self, text: SecretText) -> Move<'a> {
        let Self { mut attempt, ask, .. } = self;
        let Parts { text, source, is_costly, told_by } = text.into_parts();
        let client = match attempt.client.clone().with_read(&ask, text.clone()) {
            Ok(client) => client,
            Err(error) => {
                let unready = Unready::new(ask, SourceError::Unusable(error)).with_source(source);
                return attempt.done(Outcome::NotSent(if is_costly { unready.costly() } else { unready }));
            }
        };
        if attempt.client.is_credential(&ask) {
            if !is_costly && let Some(refusal) = attempt.known.held_back(&told_by, attempt.seed.now.mono) {
                return attempt.done(Outcome::HeldBack(refusal));
            }
            attempt.presented = Some(Read { ask, text, told_by, source, is_costly });
        }
        Attempt { client: Whose::Filled(Box::new(client)), ..attempt }.next()
    }

    /// It cannot be had: nothing is sent. What is known of a refused credential stays as it is.
    pub fn unanswered(self, unready: Unready) -> Move<'a> {
        self.attempt.done(Outcome::NotSent(unready))
    }
}

/// An attempt whose request is under way.
#[must_use]
#[derive(Debug)]
pub struct Sent<'a> {
    attempt: Attempt<'a>,
    what: Sending,
}

/// What was sent.
#[derive(Clone, Copy, Debug)]
enum Sending {
    TokenRequest,
    Metadata,
}

impl<'a> Sent<'a> {
    /// This is the answer, which came at this moment.
    pub fn received(self, response: &Response, now: Now) -> Move<'a> {
        match self.what {
            Sending::TokenRequest => self.attempt.answered(response, now),
            Sending::Metadata => self.attempt.told(|of| Metadata::read(response, of, now.wall)),
        }
    }

    /// There is no answer. What the HTTP library said is shown with the client's secrets masked.
    pub fn failed(self, error: TransportError) -> Move<'a> {
        let client = &self.attempt.client;
        let error = client.masked_error(error).beside_certificate(client.certificate().is_some());
        match self.what {
            Sending::TokenRequest => {
                let refusal = self.attempt.placed(error.into());
                self.attempt.done(Outcome::Refused(refusal))
            }
            Sending::Metadata => self.attempt.told(|of| Err(metadata::unreachable(of, error))),
        }
    }

    /// Whether the attempt goes on if this is not answered: a request of metadata, while older metadata is kept. Whoever drives it gives it a part of
    /// the attempt's time, and the rest to the token request.
    pub fn is_dispensable(&self) -> bool {
        matches!(self.what, Sending::Metadata) && self.attempt.known.metadata().is_some()
    }

    /// The client that the request is of, with everything that was read for it: equal to one whose secrets are fixed.
    pub fn client(&self) -> &Client {
        &self.attempt.client
    }
}

impl<'a> Attempt<'a> {
    /// What came of a request of metadata. What is kept stays good while no newer can be had: a lease is not touched, and neither is the way to
    /// a new one.
    fn told(mut self, read: impl FnOnce(&Discovery) -> Result<Metadata, Refusal>) -> Move<'a> {
        let asked = self.seed.now;
        let Some(discovery) = self.client.provider().discovery() else {
            return self.done(Outcome::NotSent(ConfigError::NeedsAttempt { field: "issuer" }.into()));
        };
        match read(discovery) {
            Ok(metadata) => self.known.fetched(metadata, asked.mono),
            Err(refusal) => {
                if self.known.not_fetched(asked).is_none() {
                    return self.done(Outcome::Refused(refusal));
                }
            }
        }
        self.next()
    }

    fn answered(mut self, response: &Response, now: Now) -> Move<'a> {
        let sent = self.seed.now;
        let before = self.known.clock();
        self.known.hear(response, self.client.provider().server().origin(), sent, now);
        match self.client.read(response, sent) {
            Ok(grant) => {
                self.known.accepted();
                let binding = self.client.binding_of(grant.token());
                self.done(Outcome::Granted(if binding == Binding::None {
                    grant
                } else {
                    grant.with_binding(binding)
                }))
            }
            Err(refusal) => {
                let refusal = self.placed(refusal);
                if metadata::is_doubted_by(&refusal) {
                    self.known.doubt_metadata();
                }
                // Its times were wrong by the server's clock, as is known now: the next one has the right ones.
                let is_of_times = self.client.auth().is_signed() && refusal.may_be_of_credential();
                let refusal = if is_of_times && self.known.excuse(before) {
                    refusal.excused(self.known.clock())
                } else {
                    self.refused(refusal, now)
                };
                self.done(Outcome::Refused(refusal))
            }
        }
    }
}

impl Attempt<'_> {
    /// The refusal, which says where that was if nobody has configured it.
    fn placed(&self, refusal: Refusal) -> Refusal {
        let provider = self.client.provider();
        if provider.is_found_out() { refusal.at(provider.server()) } else { refusal }
    }

    /// The refusal, which says what it knows of a credential that was read for this attempt, if it stays while that is the same.
    fn refused(&mut self, refusal: Refusal, now: Now) -> Refusal {
        // Whatever the server says of it: a text that was cut off while it was written may be no request at all to it.
        let is_permanent = refusal.class() == Class::Permanent && !metadata::is_elsewhere(&refusal);
        let Some(read) = self.presented.take().filter(|_| is_permanent) else { return refusal };
        let told = match read.ask {
            Ask::Assertion | Ask::Signature => {
                let masks = self.client.own_masks();
                let masks: Vec<&str> = masks.iter().map(|mask| mask.as_str()).collect();
                assertion::Told::of(read.text.expose(), self.known.server_now(now.wall), &masks)
            }
            _ => None,
        };
        let is_costly = read.is_costly;
        let presented = Presented {
            ask: read.ask,
            source: read.source,
            is_costly,
            told,
            has_issuer: self.client.has_issuer(),
        };
        let refusal = refusal.of(presented);
        if !is_costly {
            self.known.refused(read.told_by, &refusal, now.mono);
        }
        refusal
    }
}

/// A credential that was read for an attempt.
#[derive(Debug)]
struct Read {
    ask: Ask,
    text: Secret,
    /// What tells it from another: of an assertion that was signed for this attempt, the key.
    told_by: Secret,
    source: Option<Excerpt>,
    is_costly: bool,
}

#[cfg(test)]
mod tests;
