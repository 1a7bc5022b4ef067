//! What all workers share: the routes with their APIs, the listeners, the bounds.

use crate::access::Access;
use crate::api::Api;
use crate::body::Memory;
use crate::bounds::Bounds;
use crate::fields::Via;
use crate::issue::Desk;
use crate::limits::Limits;
use crate::log::Log;
use crate::route::{Routes, Slashes};
use crate::rules::Hosts;
use crate::settings::Route;
use evergrant_core::Origins;
use evergrant_http::Guard;
use http::HeaderName;
use std::sync::Arc;

/// A route with what it takes to serve it.
pub(crate) struct Placed {
    pub(crate) route: Route,
    /// Its place in the counts.
    pub(crate) number: usize,
    /// The place of its API among them all.
    pub(crate) api: usize,
    pub(crate) guard: Guard,
}

impl Placed {
    pub(crate) fn new(route: Route, number: usize, api: usize) -> Self {
        let rule = route.tokens.source().shared().verdict_rule();
        let guard = Guard::new(Origins::new([route.upstream.origin().clone()]), rule);
        Self { route, number, api, guard }
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
}

/// What all workers share.
pub(crate) struct Table {
    pub(crate) routes: Routes<Placed>,
    pub(crate) apis: Vec<Arc<Api>>,
    pub(crate) limits: Limits,
    /// Our name in `Via`. There is one: an instance's name has only letters, digits, `.`, `_` and `-`.
    pub(crate) via: Option<Via>,
    /// What of it tells us from other gateways.
    pub(crate) instance: Box<str>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) log: Option<Log>,
    pub(crate) bounds: Bounds,
}
