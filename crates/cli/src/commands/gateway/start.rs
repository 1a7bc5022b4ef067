//! From the plan to a gateway that listens.

use super::demo_page::DemoPage;
use super::descriptors;
use super::file::Followed;
use super::greeting;
use super::live::Live;
use super::plan::{For, Issued, Plan};
use super::reload::Reloads;
use crate::client::checked;
use crate::client::profile::gateway::{AdminAt, LogWord, Ready};
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::metrics::Totals;
use crate::tell::stderr;
use crate::tell::verbose;
use evergrant_gateway::{Admin, Gateway, GatewayBuilder, Listener, LogFormat, Running};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A gateway that listens.
pub(super) struct Started {
    pub(super) running: Arc<Running>,
    pub(super) reloads: Reloads,
    pub(super) live: Live,
    /// How long it goes on accepting when it is told to end, and how long what is in flight may take then.
    pub(super) grace: Duration,
    pub(super) drain_time: Duration,
}

/// Starts it, and says where it listens. On a runtime, which serves the demo page.
pub(super) fn start(
    plan: Plan,
    followed: Option<Followed>,
    of: For,
    manner: Manner,
) -> Result<Started, Failure> {
    let bounds = descriptors::enough(plan.bounds, plan.routes.len(), of);
    let listeners: Vec<Listener> = plan.listen.iter().map(checked::listener).collect::<Result<_, _>>()?;
    let live = Live::default();
    live.are(plan.sources.iter().map(|source| source.tokens.clone()));
    if let Some(tenants) = &plan.tenants {
        live.has_pool(tenants.pool().clone());
    }
    let mut builder = Gateway::builder().limits(bounds.limits);
    for served in &plan.routes {
        builder = builder.route(served.route.clone());
    }
    let mut issued = Vec::new();
    if let Some(Issued { issue, profiles }) = plan.issued {
        builder = builder.issue(issue);
        issued = profiles;
    }
    if let Some(instance) = &plan.instance {
        builder = builder.instance(instance);
    }
    if let AdminAt::Usual(address) | AdminAt::Address(address) = plan.admin {
        builder = builder.admin(admin(address, plan.ready, live.clone(), Arc::clone(&plan.totals)));
    }
    let gateway = log(builder, plan.log, of, manner)
        .build()
        .map_err(|path| Failure::usage(format!("two routes have the path {path}"), "remove one of them"))?;
    if plan.sources.len() > 1 {
        verbose::with_sources();
    }
    if stderr::is_verbose() {
        stderr::in_background();
    }
    let running =
        gateway.serve(&listeners).map_err(|error| Failure::serve("the gateway cannot be started", &error))?;
    if let (Some(Err(error)), AdminAt::Address(address)) = (running.admin(), plan.admin) {
        // Whoever asks there would hear of somebody else.
        let happened = format!("there can be no health and metrics at {address}: {error}");
        return Err(Failure::usage(happened, "choose another address with --admin or admin, or none"));
    }
    if let Some(Err(error)) = running.admin() {
        stderr::warning(format_args!(
            "there is no address for health and metrics: {error}; the gateway serves without it"
        ));
    }
    let page = plan.page.as_ref().map(DemoPage::url);
    if let Some(page) = plan.page {
        let path = plan.routes.first().map_or("/", |served| served.route.path().as_str());
        page.serve(&plan.listen, running.addresses(), path)?;
    }
    // Whoever reads stderr may take his time: neither the end nor a change of the configuration waits for that. What is said before a program
    // begins, which has stderr too, stands before what that says.
    if of == For::Itself {
        stderr::in_background();
    }
    greeting::greet(&running, &plan.routes, &issued, &plan.listen, page.as_deref(), manner);
    stderr::in_background();
    let running = Arc::new(running);
    let reloads =
        Reloads::watched(&running, followed, (plan.sources, plan.tenants), (live.clone(), plan.totals))?;
    Ok(Started { running, reloads, live, grace: bounds.grace, drain_time: bounds.drain_time })
}

fn admin(address: SocketAddr, ready: Ready, live: Live, totals: Arc<Totals>) -> Admin {
    let text = move || {
        let sources = live.sources();
        let seen: Vec<_> = sources.iter().map(|source| (source.name(), source.status())).collect();
        let pool = live.pool();
        totals.text_with(&seen, pool.as_ref().map(|pool| (pool.name(), pool.status())))
    };
    Admin::new(address).metrics(text).ready_when_listening(ready == Ready::Listening)
}

/// To stdout, or to stderr where stdout is a program's.
fn log(builder: GatewayBuilder, word: LogWord, of: For, manner: Manner) -> GatewayBuilder {
    let (is_terminal, to): (bool, Box<dyn Write + Send>) = match of {
        For::Itself => (io::stdout().is_terminal(), Box::new(io::stdout())),
        For::Program => (io::stderr().is_terminal(), Box::new(io::stderr())),
    };
    let format = if is_terminal && !manner.json { LogFormat::Short } else { LogFormat::Json };
    match word {
        LogWord::Off => builder,
        word => builder.log(word.into(), format, to),
    }
}
