//! What all workers share: what is fixed as long as the gateway runs, and the table, which is swapped whole when it is given another one.

use crate::access::{Access, Keys};
use crate::api::Api;
use crate::body::Memory;
use crate::bounds::Bounds;
use crate::fields::Via;
use crate::identity::Identity;
use crate::issue::Desk;
use crate::limits::Limits;
use crate::listener::ServeError;
use crate::log::Log;
use crate::route::{RoutePath, Routes, Slashes};
use crate::rules::{Denied, Hosts};
use crate::settings::{Lent, Route};
use crate::tenants::Tenants;
use evergrant_core::{Origins, VerdictRule};
use evergrant_http::Guard;
use evergrant_tokio_reqwest::Tokens;
use http::{HeaderMap, HeaderName};
use std::sync::{Arc, Mutex, PoisonError};

/// A route with what it takes to serve it.
pub(crate) struct Placed {
    pub(crate) route: Route,
    /// Its place in the counts.
    pub(crate) number: usize,
    /// The place of its API among them all.
    pub(crate) api: usize,
    pub(crate) guard: Guard,
    /// Whether the API is shown the certificate that brings the tokens, if it asks for one: a token may be bound to it (RFC 8705 §3).
    pub(crate) shows_certificate: bool,
}

impl Placed {
    pub(crate) fn new(route: Route, number: usize, api: usize) -> Self {
        // Of a tenant's client it is its own.
        let rule =
            route.tokens().map_or(VerdictRule::Rfc6750, |tokens| tokens.source().shared().verdict_rule());
        let guard = Guard::new(Origins::new([route.upstream.origin().clone()]), rule);
        let placed = Self { route, number, api, guard, shows_certificate: false };
        // Of a tenant's client it is its own.
        let shows_certificate = placed.route.tokens().is_some_and(|tokens| placed.shows(tokens));
        Self { shows_certificate, ..placed }
    }

    /// Whether the API may be shown the certificate of these.
    pub(crate) fn shows(&self, tokens: &Tokens) -> bool {
        let client = || tokens.source().shared().client();
        self.route.upstream().is_tls() && client().is_some_and(|client| client.shows_certificate())
    }
}

impl Slashes for Placed {
    fn may_be_odd(&self) -> bool {
        self.route.may_be_odd()
    }
}

/// What a listener is for.
#[derive(Clone, Debug)]
pub(crate) enum Serves {
    Routes,
    Tokens(Arc<Desk>),
}

/// A listener, as far as its requests are concerned.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) serves: Serves,
    pub(crate) hosts: Hosts,
    pub(crate) access: Access,
    pub(crate) require_header: Option<HeaderName>,
    pub(crate) tls: Option<Identity>,
}

impl Door {
    /// Whether a request has the field that each one here must have.
    ///
    /// # Errors
    /// It has not.
    pub(crate) fn has_required_field(&self, fields: &HeaderMap) -> Result<(), Denied> {
        match self.require_header.as_ref().filter(|name| !fields.contains_key(*name)) {
            Some(name) => Err(Denied::RequiredField(name.clone())),
            None => Ok(()),
        }
    }
}

/// What is fixed as long as the gateway runs.
pub(crate) struct Fixed {
    pub(crate) limits: Limits,
    /// Our name in `Via`. There is one: an instance's name has only letters, digits, `.`, `_` and `-`.
    pub(crate) via: Option<Via>,
    /// What of it tells us from other gateways.
    pub(crate) instance: Box<str>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) log: Option<Log>,
}

/// A source of tokens, with a number that no other one ever has in this gateway.
#[derive(Clone)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) tokens: Tokens,
}

/// The sources of tenants, with a number of the same kind.
#[derive(Clone)]
pub(crate) struct NumberedTenants {
    pub(crate) number: u64,
    pub(crate) tenants: Tenants,
}

/// Where tokens come from: each once, whichever routes share it.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    pub(crate) single: Vec<Numbered>,
    pub(crate) tenants: Vec<NumberedTenants>,
    /// The number of the last one that came.
    last: u64,
}

impl Sources {
    /// Those of these routes, and those that these listeners give out, with the numbers that they have among these known ones.
    fn of(routes: &[Route], doors: &[Arc<Door>], known: &Self) -> Self {
        let mut sources = Self { last: known.last, ..Self::default() };
        for route in routes {
            match &route.tokens {
                Lent::Of(tokens) => sources.add(tokens, known),
                Lent::Tenants(tenants) => sources.add_tenants(tenants, known),
            }
        }
        for door in doors {
            // What a listener gives out is what it has: one that takes a restart goes on with what it had.
            if let Serves::Tokens(desk) = &door.serves {
                desk.sources().for_each(|tokens| sources.add(tokens, known));
            }
        }
        sources
    }

    fn add(&mut self, tokens: &Tokens, known: &Self) {
        let is_it = |source: &&Numbered| is_same(&source.tokens, tokens);
        if self.single.iter().any(|source| is_it(&source)) {
            return;
        }
        let known = known.single.iter().find(is_it).map(|source| source.number);
        let number = known.unwrap_or_else(|| self.new_number());
        self.single.push(Numbered { number, tokens: tokens.clone() });
    }

    fn add_tenants(&mut self, tenants: &Tenants, known: &Self) {
        let is_it = |source: &&NumberedTenants| source.tenants.is_same(tenants);
        if self.tenants.iter().any(|source| is_it(&source)) {
            return;
        }
        let known = known.tenants.iter().find(is_it).map(|source| source.number);
        let number = known.unwrap_or_else(|| self.new_number());
        self.tenants.push(NumberedTenants { number, tenants: tenants.clone() });
    }

    fn new_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// What a request is served by. One that has begun is served by the table that it began with, whole: a route never gets the client of
/// another one's.
pub(crate) struct Table {
    pub(crate) routes: Routes<Placed>,
    pub(crate) apis: Vec<Arc<Api>>,
    /// By the places of the bound listeners, which never change.
    pub(crate) doors: Vec<Arc<Door>>,
    pub(crate) bounds: Bounds,
    pub(crate) sources: Sources,
}

impl Table {
    /// The first one.
    pub(crate) fn new(
        routes: Vec<Route>,
        doors: Vec<Arc<Door>>,
        limits: &Limits,
    ) -> Result<Self, ServeError> {
        let bounds = Bounds::new(limits.admitted, keys(&doors));
        Self::made(routes, doors, limits, bounds, (&[], &Sources::default()))
    }

    /// The one after this one: what stays in it keeps its connections, its places among the bounds and its number.
    pub(crate) fn next(
        &self,
        routes: Vec<Route>,
        doors: Vec<Arc<Door>>,
        limits: &Limits,
    ) -> Result<Self, ServeError> {
        let bounds = self.bounds.next(keys(&doors));
        Self::made(routes, doors, limits, bounds, (&self.apis, &self.sources))
    }

    fn made(
        routes: Vec<Route>,
        doors: Vec<Arc<Door>>,
        limits: &Limits,
        bounds: Bounds,
        (known_apis, known_sources): (&[Arc<Api>], &Sources),
    ) -> Result<Self, ServeError> {
        let sources = Sources::of(&routes, &doors, known_sources);
        let mut apis = Vec::<Arc<Api>>::new();
        let mut placed: Vec<(RoutePath, Placed)> = Vec::new();
        for (number, route) in routes.into_iter().enumerate() {
            let is_its = |api: &Arc<Api>| api.is_of(&route);
            let api = match apis.iter().position(is_its) {
                Some(api) => api,
                None => {
                    apis.push(match known_apis.iter().find(|api| is_its(api)) {
                        Some(known) => Arc::clone(known),
                        None => {
                            let api = Api::new(&route, limits);
                            Arc::new(api.map_err(|error| ServeError::Roots(error.to_string()))?)
                        }
                    });
                    apis.len() - 1
                }
            };
            placed.push((route.path.clone(), Placed::new(route, number, api)));
        }
        let routes = Routes::new(placed).map_err(ServeError::Twice)?;
        Ok(Self { routes, apis, doors, bounds, sources })
    }

    /// The paths of its routes, by their numbers.
    pub(crate) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<_> =
            self.routes.iter().map(|(path, placed)| (placed.number, path.as_str())).collect();
        paths.sort_unstable();
        paths.into_iter().map(|(_, path)| path).collect()
    }
}

/// Whether these are clones of one source.
fn is_same(one: &Tokens, other: &Tokens) -> bool {
    Arc::ptr_eq(one.source().shared(), other.source().shared())
}

/// The callers that have keys.
fn keys(doors: &[Arc<Door>]) -> impl Iterator<Item = &str> {
    let keys = doors.iter().filter_map(|door| match &door.access {
        Access::Keys(keys) => Some(keys),
        _ => None,
    });
    keys.flat_map(Keys::names)
}

/// The table of now, for whoever is no worker: it is seldom looked at.
pub(crate) struct Current(Mutex<Arc<Table>>);

impl Current {
    pub(crate) fn new(table: Arc<Table>) -> Self {
        Self(Mutex::new(table))
    }

    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn swap(&self, table: Arc<Table>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }
}
