//! Tokens for programs of this machine, which ask for one as they always did: any OAuth library, and servers in front of an API that
//! let another program decide about a request. On a listener of its own, since the paths beside a route are its API's.

mod asked;
mod client;
mod counter;
mod desk;
mod form;
mod given;
mod refused;
mod reject;
mod serving;

use crate::access::{Access, is_name};
use crate::listener::bind::Bound;
use crate::listener::{Address, Listener, ServeError};
use crate::rules::Hosts;
use crate::table::{Door, Serves};
use desk::Profile;
use evergrant_tokio_reqwest::Tokens;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use counter::Counter;
pub(crate) use desk::Desk;
pub(crate) use serving::answer;

/// Listeners that give out tokens: `POST /token` as an authorization server does (RFC 6749 §4.4), `/authorize/NAME` for servers in
/// front of an API, and `POST /reject/NAME` for a token that an API refused.
///
/// A program that gets a token may keep it: give it out where a route cannot stand between. A listener is a Unix socket with
/// [`Access::Peers`] or [`Access::Keys`], or a loopback address with [`Access::Keys`].
#[derive(Clone)]
#[must_use]
pub struct Issue {
    listeners: Vec<Listener>,
    profiles: Vec<Profile>,
    patience: Duration,
}

/// Why this gives out no tokens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum IssueError {
    /// There is no source.
    NoProfile,
    /// A name is not `[a-z0-9][a-z0-9._-]{0,63}`.
    Name(String),
    /// Two sources have this name.
    Twice(String),
}

impl Issue {
    /// Tokens of these sources, each with the name that stands in its paths. `/token` without a name is for the only one.
    ///
    /// # Errors
    /// There is no source, or a name is not well formed, or repeated.
    pub fn new(profiles: impl IntoIterator<Item = (String, Tokens)>) -> Result<Self, IssueError> {
        let mut known: Vec<Profile> = Vec::new();
        for (name, tokens) in profiles {
            Self::check_name(&name)?;
            if known.iter().any(|other| *other.name == *name) {
                return Err(IssueError::Twice(name));
            }
            known.push(Profile::new(&name, tokens));
        }
        if known.is_empty() {
            return Err(IssueError::NoProfile);
        }
        Ok(Self { listeners: Vec::new(), profiles: known, patience: Duration::from_secs(20) })
    }

    /// Whether a source may have this name, which is part of a path.
    ///
    /// # Errors
    /// [`IssueError::Name`].
    pub fn check_name(name: &str) -> Result<(), IssueError> {
        if is_name(name) { Ok(()) } else { Err(IssueError::Name(name.to_owned())) }
    }

    /// One listener more.
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// How long a caller waits for a token. Default 20 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Binds its listeners.
    pub(crate) fn bind(&self) -> Result<Vec<(Listener, Vec<Bound>)>, ServeError> {
        let desk = self.desk();
        let bind = |listener: &Listener| {
            suits(listener)?;
            let bound = listener.bind()?.into_iter().map(|bound| {
                let door = for_tokens(&bound.door, &bound.address, listener, &desk);
                Bound { door, ..bound }
            });
            Ok((listener.clone(), bound.collect()))
        };
        self.listeners.iter().map(bind).collect()
    }

    /// What its listeners have to give.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::new(Desk { profiles: self.profiles.clone().into(), patience: self.patience })
    }

    /// The listeners.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }
}

/// Who may use an address that was bound for this listener, one for tokens, and was this one's so far.
pub(crate) fn door_at(
    listener: &Listener,
    (bound, before): (&Address, &Door),
    desk: &Arc<Desk>,
) -> Result<Arc<Door>, ServeError> {
    suits(listener)?;
    Ok(for_tokens(listener.door_at(bound, before)?.as_ref(), bound, listener, desk))
}

fn suits(listener: &Listener) -> Result<(), ServeError> {
    if is_for_tokens(listener) { Ok(()) } else { Err(ServeError::Issue(listener.address.clone())) }
}

/// Whether each caller is a program of this machine, and known.
fn is_for_tokens(listener: &Listener) -> bool {
    match (&listener.access, &listener.address) {
        (None | Some(Access::Peers(_) | Access::Keys(_)), Address::Unix(_)) => true,
        (Some(Access::Keys(_)), address) => address.is_local(),
        _ => false,
    }
}

/// The same listener, which answers on loopback to its own names alone: a key that a program sends for another client's secret must not
/// be what a page with a rebound name sends.
fn for_tokens(door: &Door, bound: &Address, listener: &Listener, desk: &Arc<Desk>) -> Arc<Door> {
    let hosts = match bound {
        Address::Tcp(address) => Hosts::loopback(address.port(), listener.hosts.iter().map(String::as_str)),
        _ => Hosts::Any,
    };
    Arc::new(Door { hosts, serves: Serves::Tokens(Arc::clone(desk)), ..door.clone() })
}

impl fmt::Debug for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issue")
            .field("listeners", &self.listeners)
            .field("profiles", &self.profiles)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProfile => f.write_str("there is no profile whose tokens are given out"),
            Self::Name(name) => write!(
                f,
                "the name {name:?} is part of a path: it must have 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begin with a letter or digit"
            ),
            Self::Twice(name) => write!(f, "two profiles have the name {name}"),
        }
    }
}

impl std::error::Error for IssueError {}
