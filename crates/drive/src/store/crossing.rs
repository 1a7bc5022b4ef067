//! One flight through a store, as far as the loops need not know how: what they run, ask, wait for and land.

use super::circuit::Change;
use super::command::Command;
use super::sealing::TokenSeal;
use super::{SealedStore, Shares, UnderWay};
use crate::observer::{Audience, EventKind};
use evergrant_core::fleet::{Have, Next, Operation, Passage, Print, Reply, StoreError};
use evergrant_core::{
    AccessToken, Binding, Client, ConfigError, Landing, Machine, Mono, Now, Outcome, Thumbprint,
};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the loop does next.
pub(crate) enum Leg {
    /// It runs this, and tells what it replied.
    Run(Command),
    /// It asks the authorization server, and tells what became of that.
    Ask,
    /// It waits until then.
    Pause(Mono),
    /// It lands this, and goes on after that.
    Land(Outcome),
    /// It is done.
    End,
}

/// One flight through a store.
pub(crate) struct Crossing {
    passage: Passage,
    store: SealedStore,
    seal: Box<dyn TokenSeal>,
    /// The certificate that its connections show.
    shown: Option<Thumbprint>,
    /// What people hear of it.
    news: Vec<EventKind>,
    audience: Arc<Audience>,
    /// Whether the last flight of the source landed as elsewhere.
    elsewhere: Arc<AtomicBool>,
    _under_way: UnderWay,
}

/// A seal of a store that may be asked now.
pub(crate) struct Shore<'a> {
    store: &'a SealedStore,
    seal: Box<dyn TokenSeal>,
    shown: Option<Thumbprint>,
}

impl Shore<'_> {
    /// What tells this token from others in the store.
    pub(crate) fn print(&self, token: &AccessToken) -> Print {
        self.seal.print(token)
    }

    /// This passage, from here.
    pub(crate) fn by(self, passage: Passage, audience: Arc<Audience>, shares: &Shares) -> Crossing {
        let (Self { store, seal, shown }, news) = (self, Vec::new());
        let (elsewhere, under_way) = (Arc::clone(&shares.elsewhere), shares.untold.begin());
        Crossing {
            passage,
            store: store.clone(),
            seal,
            shown,
            news,
            audience,
            elsewhere,
            _under_way: under_way,
        }
    }
}

impl Crossing {
    /// Where it begins, for this client, on connections that show this certificate; `None` while the store is left alone.
    ///
    /// # Errors
    /// Its tokens cannot be sealed.
    pub(crate) fn begin<'a>(
        store: &'a SealedStore,
        client: &Client,
        shown: Option<Thumbprint>,
        now: Mono,
    ) -> Result<Option<Shore<'a>>, ConfigError> {
        let seal = store.seal_of(client, shown)?;
        Ok(store.admits(now).then_some(Shore { store, seal, shown }))
    }

    pub(crate) fn next(&mut self, now: Now) -> Leg {
        loop {
            let operation = match self.passage.poll(now) {
                Next::Claim(claim) => Operation::Claim(claim),
                Next::Put(unsealed) => {
                    let print = self.seal.print(unsealed.token());
                    let sealed =
                        self.is_usable(unsealed.token()).then(|| self.seal.seal(&unsealed)).flatten();
                    match sealed {
                        Some(sealed) => Operation::Put(unsealed.sealed(print, sealed)),
                        // The certificate was renewed meanwhile, and another entry is that of its tokens: the claim ends with its lease.
                        None => {
                            self.passage.replied(now, Ok(Reply::Late));
                            continue;
                        }
                    }
                }
                Next::Fail(fail) => Operation::Fail(fail),
                Next::Ask => match self.store.outcome_when_down().filter(|_| !self.passage.is_claimed()) {
                    Some(outcome) => {
                        self.passage.answered(outcome);
                        continue;
                    }
                    None => return Leg::Ask,
                },
                Next::Pause(until) => return Leg::Pause(until),
                Next::Land(outcome) => {
                    self.elsewhere.store(matches!(outcome, Outcome::Elsewhere), Ordering::Relaxed);
                    return Leg::Land(outcome);
                }
                Next::Await | Next::Done => return Leg::End,
            };
            let (engine, limit) = (&self.store.inner.engine, self.store.limit);
            return Leg::Run(Command::begin(engine, self.seal.name(), operation, limit));
        }
    }

    /// What a command replied.
    pub(crate) fn replied(&mut self, now: Now, reply: Result<Reply, StoreError>) {
        let change = match &reply {
            Ok(_) => self.store.circuit().replied(),
            Err(error) => self.store.circuit().failed(now.mono, error, draw()),
        };
        match (change, &reply) {
            (Some(Change::Failing), Err(error)) => {
                self.news.push(EventKind::StoreFailing { error: error.clone() });
            }
            (Some(Change::Back), _) => self.news.push(EventKind::StoreBack {}),
            _ => {}
        }
        let reply = reply.map(|reply| reply.opened(|have| self.opened(have)));
        if self.elsewhere.load(Ordering::Relaxed) {
            self.passage.follows_elsewhere();
        }
        self.passage.replied(now, reply);
    }

    /// The token, if it is what was sealed, and can be used with what the client shows.
    fn opened(&mut self, have: &Have) -> Option<AccessToken> {
        let token = self.seal.open(have).filter(|token| self.is_usable(token));
        if token.is_none() {
            self.news.push(EventKind::StoreUnopened {});
        }
        token
    }

    /// Whether whoever shows what this client shows can use it.
    fn is_usable(&self, token: &AccessToken) -> bool {
        match token.binding() {
            Binding::None => true,
            Binding::Certificate(bound) => self.shown == Some(bound),
            _ => false,
        }
    }

    /// What became of the token request.
    pub(crate) fn answered(&mut self, outcome: Outcome) {
        self.passage.answered(outcome);
    }

    /// What the machine made of the outcome.
    pub(crate) fn landed(&mut self, now: Now, landing: &Landing, machine: &Machine) {
        self.passage.landed(now, landing, machine);
    }

    /// What people hear of, once everyone is woken.
    pub(crate) fn take_news(&mut self) -> Vec<EventKind> {
        std::mem::take(&mut self.news)
    }

    /// It is over: people hear of what came after the landing.
    pub(crate) fn end(mut self) {
        self.take_news().iter().for_each(|kind| self.audience.tell(kind));
    }
}

/// In thousandths.
fn draw() -> u16 {
    // The standard library seeds its hash maps from the system's entropy.
    u16::try_from(RandomState::new().hash_one(0) % 1001).unwrap_or(1000)
}
