//! The gateway of one client, said by flags, variables or a profile.

use super::args::GatewayArgs;
use super::demo_page::{self, DemoPage};
use super::plan::{Plan, Source, admin, listen};
use crate::client::checked;
use crate::client::profile::gateway::{Bounds, LogWord, Ready};
use crate::client::settings::Settings;
use crate::tell::failure::Failure;
use crate::tell::metrics::Totals;
use evergrant_gateway::{Route, Upstream};
use std::fmt;
use std::sync::Arc;

pub(super) fn plan(args: &GatewayArgs, page: Option<DemoPage>) -> Result<Plan, Failure> {
    // What is wrong with the words is told before a secret is asked for.
    let (listen, admin) = (listen(args, Vec::new())?, admin(args, None)?);
    demo_page::check(page.as_ref(), &listen)?;
    let settings = Settings::read(&args.client)?;
    let upstream = upstream(args, &settings)?;
    let (bounds, totals) = (Bounds::default(), Arc::<Totals>::default());
    let source = Source::new(settings, None, &bounds, &totals)?;
    let route = Route::new("/", upstream, source.tokens.clone())
        .map_err(|error| Failure::system("the route cannot be made", &error))?;
    let route = route.origins(page.as_ref().map(DemoPage::origins).unwrap_or_default());
    let route = if source.writes_links() { route.links([]) } else { route };
    let served = source.served(match source.roots() {
        Some(roots) => route.roots(roots),
        None => route,
    })?;
    Ok(Plan {
        listen,
        admin,
        page,
        ready: Ready::default(),
        log: args.log.unwrap_or(LogWord::Own),
        instance: None,
        bounds,
        routes: vec![served],
        issued: None,
        sources: vec![source],
        tenants: None,
        totals,
    })
}

/// The API that was named, or the only one that the client is for.
fn upstream(args: &GatewayArgs, settings: &Settings) -> Result<Upstream, Failure> {
    const NEXT: &str = "name the API with --upstream URL";
    if let Some(url) = &args.upstream {
        let failed = |error: &dyn fmt::Display| {
            Failure::usage(format!("--upstream: {error}"), "write one such as https://api.example.com/")
        };
        let upstream = Upstream::dangerous_plain_http(url).map_err(|error| failed(&error))?;
        // With --dangerous-plain-http any host is allowed.
        settings.origin(&upstream.origin().to_string()).map_err(|error| failed(&error))?;
        return Ok(upstream);
    }
    let mut origins = settings.origins()?;
    for text in args.client.allowed(&args.origins) {
        let origin = settings.origin(text)?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    checked::only(&origins, "the client", NEXT)
}
