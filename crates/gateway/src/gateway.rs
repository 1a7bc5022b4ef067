//! A gateway as it is made.

use crate::access::Access;
use crate::admin::Admin;
use crate::api::Api;
use crate::body::Memory;
use crate::bounds::Bounds;
use crate::fields::Via;
use crate::issue::Issue;
use crate::limits::Limits;
use crate::listener::{Listener, ServeError};
use crate::log::{Log, LogFormat, LogMode};
use crate::route::{RoutePath, Routes};
use crate::running::{Plan, Running};
use crate::settings::Route;
use crate::table::{Placed, Table};
use evergrant_tokio_reqwest::Tokens;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::thread;

/// A server that puts a token on the requests of others, before it serves.
pub struct Gateway(GatewayBuilder);

/// How a gateway is made: [`Gateway::builder`].
#[must_use]
pub struct GatewayBuilder {
    routes: Vec<Route>,
    issue: Option<Issue>,
    limits: Limits,
    instance: Option<Box<str>>,
    log: Option<(LogMode, LogFormat, Box<dyn Write + Send>)>,
    admin: Option<Admin>,
    workers: Option<usize>,
}

impl Gateway {
    /// A gateway to be configured.
    pub const fn builder() -> GatewayBuilder {
        GatewayBuilder {
            routes: Vec::new(),
            issue: None,
            limits: Limits::new(),
            instance: None,
            log: None,
            admin: None,
            workers: None,
        }
    }

    /// Listens, starts its threads, and asks for the first tokens. It returns as soon as every listener accepts.
    ///
    /// # Errors
    /// A listener cannot be used, or should not; or the system gives no threads.
    pub fn serve(self, listeners: &[Listener]) -> Result<Running, ServeError> {
        let GatewayBuilder { routes, issue, limits, instance, log, admin, workers } = self.0;
        let mut bound = Vec::new();
        for listener in listeners {
            bound.extend(listener.bind()?);
        }
        let sources = sources(&routes, issue.as_ref());
        let issuing = issue.map(Issue::bind).transpose()?.unwrap_or_default();
        let bounds = Bounds::new(
            limits.admitted,
            bound.iter().chain(&issuing).flat_map(|bound| keys(&bound.door.access)),
        );
        let (routes, apis) = placed(routes, &limits)?;
        let (log, log_thread) = match log {
            Some((mode, format, to)) => {
                let (log, thread) = Log::start(mode, format, to).map_err(ServeError::Start)?;
                (Some(log), Some(thread))
            }
            None => (None, None),
        };
        let instance =
            instance.unwrap_or_else(|| format!("{:08x}", evergrant_drive::random_seed() as u32).into());
        let table = Arc::new(Table {
            // Two of one path were found before.
            routes: Routes::new(routes).map_err(ServeError::Twice)?,
            apis,
            memory: Memory::new(limits.replay_memory),
            limits,
            via: Via::new(&format!("evergrant-{instance}")),
            instance,
            log,
            bounds,
        });
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        Plan {
            table,
            bound,
            issuing,
            sources,
            admin,
            workers: workers.unwrap_or_else(cores).max(1),
            log_thread,
        }
        .start()
    }
}

/// The callers that have keys.
fn keys(access: &Access) -> impl Iterator<Item = &str> {
    let keys = match access {
        Access::Keys(keys) => Some(keys.names()),
        _ => None,
    };
    keys.into_iter().flatten()
}

/// Each source once, whoever shares it.
fn sources(routes: &[Route], issue: Option<&Issue>) -> Vec<Tokens> {
    let mut sources: Vec<Tokens> = Vec::new();
    let of_routes = routes.iter().map(|route| &route.tokens);
    for tokens in of_routes.chain(issue.into_iter().flat_map(Issue::sources)) {
        let is_same = |known: &Tokens| Arc::ptr_eq(known.source().shared(), tokens.source().shared());
        if !sources.iter().any(is_same) {
            sources.push(tokens.clone());
        }
    }
    sources
}

/// The routes with their APIs: one for each origin and set of roots.
#[expect(clippy::type_complexity, reason = "two lists, named where they go")]
fn placed(
    routes: Vec<Route>,
    limits: &Limits,
) -> Result<(Vec<(RoutePath, Placed)>, Vec<Arc<Api>>), ServeError> {
    let mut apis: Vec<(Arc<Api>, Option<usize>)> = Vec::new();
    let mut placed = Vec::new();
    for (number, route) in routes.into_iter().enumerate() {
        let roots = route.roots.as_ref().map(|roots| Arc::as_ptr(roots) as usize);
        let same = apis
            .iter()
            .position(|(api, known)| api.upstream().origin() == route.upstream.origin() && *known == roots);
        let api = match same {
            Some(api) => api,
            None => {
                let api = Api::new(&route.upstream, route.roots.as_ref(), limits);
                apis.push((Arc::new(api.map_err(|error| ServeError::Roots(error.to_string()))?), roots));
                apis.len() - 1
            }
        };
        placed.push((route.path.clone(), Placed::new(route, number, api)));
    }
    Ok((placed, apis.into_iter().map(|(api, _)| api).collect()))
}

impl GatewayBuilder {
    /// One route more.
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Tokens for programs of this machine, on listeners of their own. Default: none.
    pub fn issue(mut self, issue: Issue) -> Self {
        self.issue = Some(issue);
        self
    }

    /// Its bounds. Default: [`Limits::new`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What tells it from other gateways, in `Via` and `Proxy-Status`, behind `evergrant-`. Of the name letters, digits, `.`, `_` and `-`
    /// are used. Default: drawn when it starts.
    pub fn instance(mut self, name: &str) -> Self {
        let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "._-".contains(*letter);
        let name: String = name.chars().filter(is_plain).collect();
        self.instance = (!name.is_empty()).then(|| name.into());
        self
    }

    /// Which requests are logged, how and where. Default: none. It is written to on a thread of its own.
    pub fn log(mut self, mode: LogMode, format: LogFormat, to: impl Write + Send + 'static) -> Self {
        self.log = Some((mode, format, Box::new(to)));
        self
    }

    /// Health, status and metrics, at an address of their own. Default: none.
    pub fn admin(mut self, admin: Admin) -> Self {
        self.admin = Some(admin);
        self
    }

    /// How many threads serve, at least one. Default: one for each core.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count);
        self
    }

    /// The gateway. Nothing listens yet, and nothing is sent.
    ///
    /// # Errors
    /// The path of two routes.
    pub fn build(self) -> Result<Gateway, RoutePath> {
        let paths = self.routes.iter().map(|route| (route.path.clone(), ())).collect();
        Routes::new(paths)?;
        Ok(Gateway(self))
    }
}

impl fmt::Debug for GatewayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBuilder")
            .field("routes", &self.routes)
            .field("issue", &self.issue)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gateway").field(&self.0).finish()
    }
}
