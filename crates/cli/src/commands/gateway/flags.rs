//! The gateway of one client, said by flags, variables or a profile.

use super::args::GatewayArgs;
use super::plan::{ADMIN, Plan, Source, admin, listen};
use crate::client::checked;
use crate::client::profile::gateway::{AdminAt, Bounds, Listen, LogWord, Ready};
use crate::client::settings::Settings;
use crate::tell::failure::Failure;
use crate::tell::metrics::Totals;
use evergrant_gateway::{Address, Route, Upstream};
use std::net::Ipv4Addr;
use std::sync::Arc;

pub(super) fn plan(args: &GatewayArgs) -> Result<Plan, Failure> {
    // What is wrong with the words is told before a secret is asked for.
    let listen = match listen(&args.listen)? {
        none if none.is_empty() => vec![usual(args)],
        listen => listen,
    };
    let admin = match &args.admin {
        Some(text) => admin(text)?,
        None if args.program.is_empty() => AdminAt::Address(ADMIN),
        // Many programs may run at once, each with a gateway of its own.
        None => AdminAt::Nowhere,
    };
    let settings = Settings::read(&args.client)?;
    let upstream = upstream(args, &settings)?;
    let (bounds, totals) = (Bounds::default(), Arc::<Totals>::default());
    let source = Source::new(settings, None, &bounds, &totals)?;
    let roots = source.setup().network.roots.beside_machines();
    let served = source.serve(upstream, roots, |upstream, tokens, roots| {
        let route = Route::new("/", upstream, tokens)?;
        Ok(match roots {
            Some(roots) => route.roots(roots),
            None => route,
        })
    })?;
    Ok(Plan {
        listen,
        admin,
        ready: Ready::default(),
        log: args.log.unwrap_or(LogWord::Own),
        instance: None,
        bounds,
        routes: vec![served],
        sources: vec![source],
        totals,
    })
}

/// Where it listens unless somebody says otherwise.
fn usual(args: &GatewayArgs) -> Listen {
    match args.program.is_empty() {
        true => Listen::usual(),
        false => Listen::at(Address::Tcp((Ipv4Addr::LOCALHOST, 0).into())),
    }
}

/// The API that was named, or the only one that the client is for.
fn upstream(args: &GatewayArgs, settings: &Settings) -> Result<Upstream, Failure> {
    const NEXT: &str = "name the API with --upstream URL";
    if let Some(url) = &args.upstream {
        return Upstream::parse(url).map_err(|error| {
            Failure::usage(format!("--upstream: {error}"), "write one such as https://api.example.com/")
        });
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
