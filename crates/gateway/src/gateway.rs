//! A gateway as it is made.

use crate::admin::Admin;
use crate::body::Memory;
use crate::fields::Via;
use crate::issue::Issue;
use crate::limits::Limits;
use crate::listener::{Listener, ServeError};
use crate::log::{Log, LogFormat, LogMode};
use crate::route::{RoutePath, Routes};
use crate::running::{Plan, Running};
use crate::settings::Route;
use crate::table::{Fixed, Table};
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
            bound.push((listener.clone(), listener.bind()?));
        }
        let issuing = issue.as_ref().map(Issue::bind).transpose()?.unwrap_or_default();
        let all = bound.iter().chain(&issuing).flat_map(|(_, bound)| bound);
        let doors = all.map(|bound| Arc::clone(&bound.door)).collect();
        let table = Table::new(routes, doors, &limits)?;
        let (log, log_thread) = match log {
            Some((mode, format, to)) => {
                let (log, thread) = Log::start(mode, format, to).map_err(ServeError::Start)?;
                (Some(log), Some(thread))
            }
            None => (None, None),
        };
        let instance =
            instance.unwrap_or_else(|| format!("{:08x}", evergrant_drive::random_seed() as u32).into());
        let fixed = Arc::new(Fixed {
            memory: Memory::new(limits.replay_memory),
            limits,
            via: Via::new(&format!("evergrant-{instance}")),
            instance,
            log,
        });
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let workers = workers.unwrap_or_else(cores).max(1);
        Plan { fixed, table: Arc::new(table), bound, issuing, admin, workers, log_thread }.start()
    }
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
