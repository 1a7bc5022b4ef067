//! Another table for a gateway that runs: other routes, clients, keys and roots, swapped whole.
//!
//! Requests that have begun end with the table that they began with, its sources and its connections. What is the same in both goes on:
//! the tokens of a source, the connections to an API, what was counted of a route.

use crate::access::{Access, Keys};
use crate::health::Health;
use crate::issue::{self, Desk, Issue};
use crate::keepers::Keepers;
use crate::listener::bind::Bound;
use crate::listener::{Address, Listener, ServeError};
use crate::settings::Route;
use crate::table::{Current, Door, Fixed, Numbered, Table};
use crate::working::{Never, Told};
use evergrant_tokio_reqwest::LastOutcome;
use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::WeakUnboundedSender;

/// How often is looked whether a source that comes has its first token.
const LOOK: Duration = Duration::from_millis(5);

/// How long a worker may take for the swap before it counts as one that hangs, which is not waited for.
const HANGS: Duration = Duration::from_secs(10);

/// The longest text that is kept of a fault, in bytes.
const LONGEST: usize = 4096;

/// What a gateway that runs is to serve from now on: [`Running::reload`](crate::Running::reload).
#[derive(Debug)]
#[must_use]
pub struct Reload {
    routes: Vec<Route>,
    /// `None`: as they are.
    listeners: Option<Vec<Listener>>,
    issue: Option<Issue>,
    gives_out_nothing: bool,
    warm_up: Duration,
    needs_restart: Vec<String>,
}

impl Reload {
    /// These routes, in place of all that there were. A route that has a clone of a source that the gateway has already goes on with its
    /// token.
    pub const fn new(routes: Vec<Route>) -> Self {
        Self {
            routes,
            listeners: None,
            issue: None,
            gives_out_nothing: false,
            warm_up: Duration::from_secs(5),
            needs_restart: Vec::new(),
        }
    }

    /// Who may use the addresses that it listens at, all of them: access, hosts, required field and certificate of each, found by its
    /// address. One that is new takes a restart. So does one that gets TLS or loses it, which goes on with or without, but is used by
    /// whoever may from now on; and one that is not listed, which goes on as it is, but for keys that none of these has: a key that is
    /// removed opens nothing. Default: all go on as they are.
    pub fn listeners(mut self, listeners: impl IntoIterator<Item = Listener>) -> Self {
        self.listeners = Some(listeners.into_iter().collect());
        self
    }

    /// What gives out tokens, and who may ask for them, in place of what did: each listener is found by its address, as those of
    /// [`listeners`](Self::listeners) are. Default: all goes on as it is.
    pub fn issue(mut self, issue: Issue) -> Self {
        self.gives_out_nothing = false;
        self.issue = Some(issue);
        self
    }

    /// Nothing gives out tokens any more, which takes a restart: each address that did is one that is not listed, and its keys open nothing.
    pub fn no_issue(mut self) -> Self {
        self.issue = None;
        self.gives_out_nothing = true;
        self
    }

    /// How long the new routes wait for the first tokens of sources that come with them, so that no request does. Default 5 s: half of what
    /// a token request may take. A source whose first request has failed is not waited for.
    pub const fn warm_up(mut self, time: Duration) -> Self {
        self.warm_up = time;
        self
    }

    /// What whoever asks for it knows to take a restart, in words such as the names of keys: shown by the status, beside what the gateway
    /// finds by itself.
    pub fn needs_restart(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.needs_restart.extend(names);
        self
    }
}

/// What became of a table that was to be swapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Taken,
    Failed,
}

impl Outcome {
    pub(crate) const ALL: [Self; 2] = [Self::Taken, Self::Failed];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Failed => "failed",
        }
    }
}

/// The last time that the table was to be swapped.
#[derive(Clone, Debug)]
pub(crate) struct Last {
    pub(crate) at: Instant,
    pub(crate) outcome: Outcome,
    pub(crate) fault: Option<String>,
    pub(crate) needs_restart: Vec<String>,
}

/// What became of all of them.
#[derive(Debug, Default)]
pub(crate) struct Reloads(Mutex<([u64; Outcome::ALL.len()], Option<Last>)>);

impl Reloads {
    /// How many there were, by outcome.
    pub(crate) fn counts(&self) -> [u64; Outcome::ALL.len()] {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn last(&self) -> Option<Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    fn remember(&self, outcome: Outcome, fault: Option<String>, needs_restart: Vec<String>) {
        let mut reloads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (counts, last) = &mut *reloads;
        if let Some(count) = counts.get_mut(outcome as usize) {
            *count += 1;
        }
        *last = Some(Last { at: Instant::now(), outcome, fault, needs_restart });
    }
}

/// What is served, for whoever is no worker.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) fixed: Arc<Fixed>,
    pub(crate) current: Arc<Current>,
    pub(crate) reloads: Arc<Reloads>,
}

/// A listener as it was bound, with the addresses that this made.
pub(crate) struct Listening {
    pub(crate) listener: Listener,
    pub(crate) addresses: Vec<Address>,
    pub(crate) is_for_tokens: bool,
}

impl Listening {
    pub(crate) fn new(listener: &Listener, bound: &[Bound], is_for_tokens: bool) -> Self {
        let addresses = bound.iter().map(|bound| bound.address.clone()).collect();
        Self { listener: listener.clone(), addresses, is_for_tokens }
    }
}

/// What it takes to swap the table.
pub(crate) struct Swap {
    pub(crate) served: Served,
    pub(crate) health: Arc<Health>,
    pub(crate) keepers: Arc<Keepers>,
    /// As they were bound.
    pub(crate) listening: Vec<Listening>,
    /// They end with whoever accepts, and not with this.
    pub(crate) told: Vec<WeakUnboundedSender<Told>>,
    /// One after the other.
    pub(crate) turn: Mutex<()>,
}

impl Swap {
    /// Swaps the table. What takes a restart.
    pub(crate) fn reload(&self, reload: Reload) -> Result<Vec<Address>, ServeError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match self.swapped(reload) {
            Ok((addresses, needs_restart)) => {
                self.told_of(Outcome::Taken, None, needs_restart);
                Ok(addresses)
            }
            Err(error) => {
                self.failed(&error.to_string());
                Err(error)
            }
        }
    }

    /// There was to be another table, and there cannot be.
    pub(crate) fn failed(&self, fault: &str) {
        let mut end = fault.len().min(LONGEST);
        while !fault.is_char_boundary(end) {
            end -= 1;
        }
        let fault = fault.get(..end).unwrap_or_default();
        self.told_of(Outcome::Failed, Some(fault.to_owned()), Vec::new());
    }

    fn told_of(&self, outcome: Outcome, fault: Option<String>, needs_restart: Vec<String>) {
        if let Some(log) = &self.served.fixed.log {
            log.reload(outcome.as_str(), fault.as_deref(), &needs_restart);
        }
        self.served.reloads.remember(outcome, fault, needs_restart);
    }

    fn swapped(&self, reload: Reload) -> Result<(Vec<Address>, Vec<String>), ServeError> {
        let Reload { routes, listeners, issue, gives_out_nothing, warm_up, needs_restart } = reload;
        let before = self.served.current.table();
        let of_tokens = match &issue {
            Some(issue) => Some(issue.listeners().to_vec()),
            None => gives_out_nothing.then(Vec::new),
        };
        let desk = issue.as_ref().map(Issue::desk);
        let (doors, unchanged) = self.doors(&before, listeners, (of_tokens, desk))?;
        let table = Arc::new(before.next(routes, doors, &self.served.fixed.limits)?);
        self.warmed_up(&before, &table, warm_up);
        // Who is served to the end has a token.
        if self.health.is_draining() {
            return Err(ServeError::Ending);
        }
        self.served.current.swap(Arc::clone(&table));
        self.tell(&table);
        self.keepers.keep_alone(&table.sources);
        let needs_restart = needs_restart.into_iter().chain(unchanged.iter().map(ToString::to_string));
        let needs_restart = needs_restart.collect();
        Ok((unchanged, needs_restart))
    }

    /// Who may use each bound address, and the addresses that take a restart. Listeners that are `None` are as they are.
    fn doors(
        &self,
        before: &Table,
        mut of_routes: Option<Vec<Listener>>,
        (mut of_tokens, desk): (Option<Vec<Listener>>, Option<Arc<Desk>>),
    ) -> Result<(Vec<Arc<Door>>, Vec<Address>), ServeError> {
        let (keys_of_routes, keys_of_tokens) = (keys(of_routes.as_deref()), keys(of_tokens.as_deref()));
        let (mut doors, mut unchanged) = (Vec::new(), Vec::new());
        let mut known = before.doors.iter();
        for Listening { listener, addresses, is_for_tokens } in &self.listening {
            let (coming, keys) = match *is_for_tokens {
                true => (&mut of_tokens, &keys_of_tokens),
                false => (&mut of_routes, &keys_of_routes),
            };
            let other = coming.as_mut().map(|coming| {
                let place = coming.iter().position(|other| other.address == listener.address);
                place.map(|place| coming.remove(place))
            });
            let is_bound_so =
                |other: &Option<Listener>| other.as_ref().is_some_and(|other| listener.is_bound_as(other));
            if !other.as_ref().is_none_or(is_bound_so) {
                unchanged.push(listener.address.clone());
            }
            for (address, door) in addresses.iter().zip(known.by_ref()) {
                doors.push(match (&other, &desk) {
                    (None, _) => Arc::clone(door),
                    (Some(None), _) => without_removed(door, keys),
                    (Some(Some(other)), Some(desk)) if *is_for_tokens => {
                        issue::door_at(other, (address, door), desk)?
                    }
                    (Some(Some(other)), _) => other.door_at(address, door)?,
                });
            }
        }
        let new = of_routes.into_iter().chain(of_tokens).flatten();
        unchanged.extend(new.map(|listener| listener.address));
        Ok((doors, unchanged))
    }

    /// Has the first tokens of the sources that come asked for, and waits for them, while the table before goes on serving.
    fn warmed_up(&self, before: &Table, table: &Table, time: Duration) {
        let is_known =
            |source: &&Numbered| before.sources.single.iter().any(|known| known.number == source.number);
        let coming: Vec<&Numbered> = table.sources.single.iter().filter(|source| !is_known(source)).collect();
        self.keepers.keep(&table.sources);
        let end = Instant::now().checked_add(time);
        let is_awaited = |source: &Numbered| {
            let status = source.tokens.status();
            status.held.is_none() && !matches!(status.last_outcome, Some((LastOutcome::Failed(_), _)))
        };
        // Before it is ready nobody is served, and one that ends is given no other table.
        while self.health.is_ready()
            && coming.iter().copied().any(is_awaited)
            && end.is_none_or(|end| Instant::now() < end)
        {
            thread::sleep(LOOK);
        }
    }

    /// Tells every worker, and waits until each has the table.
    fn tell(&self, table: &Arc<Table>) {
        let (done, all_done) = channel::<Never>();
        for told in self.told.iter().filter_map(WeakUnboundedSender::upgrade) {
            let _gone = told.send(Told::Swap(Arc::clone(table), done.clone()));
        }
        drop(done);
        let end = Instant::now() + HANGS;
        while all_done.recv_timeout(end.saturating_duration_since(Instant::now()))
            == Err(RecvTimeoutError::Timeout)
        {
            if Instant::now() >= end {
                return;
            }
        }
    }
}

/// The keys that these listeners have.
fn keys(listeners: Option<&[Listener]>) -> Vec<Keys> {
    let listeners = listeners.unwrap_or_default().iter();
    let keys = listeners.filter_map(|listener| match &listener.access {
        Some(Access::Keys(keys)) => Some(keys.clone()),
        _ => None,
    });
    keys.collect()
}

/// Who may use an address that nobody speaks of any more: whoever may, but for keys that are none of these.
fn without_removed(door: &Arc<Door>, keys: &[Keys]) -> Arc<Door> {
    match &door.access {
        Access::Keys(known) => {
            Arc::new(Door { access: Access::Keys(known.among(keys)), ..Door::clone(door) })
        }
        _ => Arc::clone(door),
    }
}

impl fmt::Debug for Swap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swap").field("reloads", &self.served.reloads).finish_non_exhaustive()
    }
}
