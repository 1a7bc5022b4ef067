//! The gateway of a configuration file.

use super::args::GatewayArgs;
use super::demo_page::{self, DemoPage};
use super::plan::{Issued, Plan, Source, admin, listen};
use crate::client::checked;
use crate::client::chosen;
use crate::client::profile::gateway::{GatewayTable, IssueTable, Listen, LogWord, RouteTable};
use crate::client::profile::{Of, Profile, Profiles};
use crate::client::settings::Settings;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::metrics::Totals;
use evergrant_gateway::Issue;
use evergrant_tokio_reqwest::Origin;
use rustls::RootCertStore;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The file whose gateway is meant: one that has `[gateway]`, where no flag names a client or an API. A file that a flag names
/// is meant as a whole, whatever variables there are.
pub(super) fn of(args: &GatewayArgs) -> Result<Option<Profiles>, Failure> {
    let by_flag = args.client.flags_of_a_client();
    let names_a_client = by_flag.iter().any(|id| NAMING.contains(&id.as_str()));
    // Whoever names a file and no client means its routes, which name their APIs.
    if args.upstream.is_some() && args.client.names_a_file() && !names_a_client {
        let named = Profiles::find(args.client.config.as_deref())?.filter(Profiles::has_gateway);
        if named.is_some() {
            return Err(of_one_client("upstream"));
        }
    }
    if args.upstream.is_some() || names_a_client {
        return Ok(None);
    }
    if !args.client.names_a_file() && chosen::is_chosen(&args.client) {
        return Ok(None);
    }
    let Some(profiles) = Profiles::find(args.client.config.as_deref())?.filter(Profiles::has_gateway) else {
        return Ok(None);
    };
    match by_flag.first() {
        None => Ok(Some(profiles)),
        Some(id) => Err(of_one_client(&id.replace('_', "-"))),
    }
}

/// This flag does not go with a file that names its clients.
fn of_one_client(flag: &str) -> Failure {
    Failure::usage(
        format!("--{flag} is about one client, and the [gateway] of the file names its own"),
        "write it into the file, or name one client with --profile",
    )
}

/// The flags that say which client is meant, so that it is not the file's gateway.
const NAMING: [&str; 4] = ["profile", "provider", "token_endpoint", "client_id"];

pub(super) fn plan(
    args: &GatewayArgs,
    mut profiles: Profiles,
    page: Option<DemoPage>,
    manner: Manner,
) -> Result<Plan, Failure> {
    let mut failures: Vec<Failure> = profiles.failures(Of::Gateway).collect();
    let path = profiles.path.display().to_string();
    let Some(table) = profiles.take_gateway() else {
        return Err(Failure::usage(format!("{path} has no [gateway]"), "write one into it"));
    };
    let clients = clients(&table, profiles, &path, &mut failures);
    for route in &table.routes {
        let origins = clients.get(&route.profile.value).and_then(|settings| settings.origins().ok());
        let faults = checked::route(route, origins.as_deref()).into_iter();
        failures.extend(faults.map(|(line, failure)| failure.of(&format_args!("{path}:{line}"))));
    }
    if let Some(last) = Failure::tell_but_last(failures, manner) {
        return Err(last);
    }
    made(args, table, page, clients)
}

/// The clients of all routes and of issue, by the names of their profiles.
fn clients(
    table: &GatewayTable,
    profiles: Profiles,
    path: &str,
    failures: &mut Vec<Failure>,
) -> BTreeMap<String, Settings> {
    let is_served = |name: &str| table.profiles().any(|known| known.value == name);
    let mut clients = BTreeMap::new();
    for (name, profile, is_faulty) in profiles.into_all().filter(|(name, ..)| is_served(name)) {
        let line = profile.line;
        match checked::settings(Profile { name: Some(name.clone()), ..profile }, is_faulty) {
            Ok(settings) => drop(clients.insert(name, settings)),
            Err(faults) => failures
                .extend(faults.into_iter().map(|(at, failure)| failure.of_profile(path, at.or(line), &name))),
        }
    }
    clients
}

/// All that the file says is good: secrets are read.
fn made(
    args: &GatewayArgs,
    table: GatewayTable,
    page: Option<DemoPage>,
    clients: BTreeMap<String, Settings>,
) -> Result<Plan, Failure> {
    let listen = match table.routes.is_empty() {
        true => no_listen(args)?,
        false => listen(args, table.listen)?,
    };
    demo_page::check(page.as_ref(), &listen)?;
    let pages = page.as_ref().map(DemoPage::origins).unwrap_or_default();
    let totals = Arc::<Totals>::default();
    let mut sources = BTreeMap::new();
    for (name, settings) in clients {
        let origins = settings.origins()?;
        let source = Source::new(settings, Some(&name), &table.bounds, &totals)
            .map_err(|failure| failure.of(&format_args!("profile {}", Line(&name))))?;
        sources.insert(name, (source, origins));
    }
    let (mut routes, mut authorities) = (Vec::new(), Authorities::default());
    for route in &table.routes {
        // Each route's profile is there, or the file would have a fault.
        let Some((source, origins)) = sources.get(&route.profile.value) else { continue };
        let upstream = checked::upstream(route, origins)?;
        let roots = authorities.of(route, source)?;
        let made = route.route(upstream, source.tokens.clone(), roots, &pages);
        let made =
            made.map_err(|error| Failure::usage(error.to_string(), "correct the path of the route"))?;
        routes.push(source.served(made)?);
    }
    let issued = table.issue.map(|issue| issued(issue, &table.routes, &sources)).transpose()?;
    Ok(Plan {
        listen,
        admin: admin(args, table.admin)?,
        page,
        ready: table.ready,
        log: args.log.or(table.log).unwrap_or(LogWord::Own),
        instance: table.instance,
        bounds: table.bounds,
        routes,
        issued,
        sources: sources.into_values().map(|(source, _)| source).collect(),
        totals,
    })
}

/// A gateway without a route listens nowhere but where it gives out tokens.
fn no_listen(args: &GatewayArgs) -> Result<Vec<Listen>, Failure> {
    let asked = [("a program behind --", !args.program.is_empty()), ("--listen", !args.listen.is_empty())];
    match asked.into_iter().find(|(_, is_asked)| *is_asked) {
        None => Ok(Vec::new()),
        Some((what, _)) => Err(Failure::usage(
            format!("{what} needs a route, and the [gateway] of the file has only issue"),
            "write a [[gateway.route]] with path and profile",
        )),
    }
}

/// What gives out tokens, with the names of their profiles.
fn issued(
    table: IssueTable,
    routes: &[RouteTable],
    sources: &BTreeMap<String, (Source, Vec<Origin>)>,
) -> Result<Issued, Failure> {
    let profiles = table.names(routes);
    // Each profile is there, or the file would have a fault.
    let named = profiles.iter().filter_map(|name| Some((name.clone(), sources.get(name)?.0.tokens.clone())));
    let issue = Issue::new(named)
        .map_err(|error| Failure::usage(format!("issue: {error}"), "correct profiles of [gateway.issue]"))?;
    let issue = match table.patience {
        Some(patience) => issue.patience(patience),
        None => issue,
    };
    let issue = table.listen.iter().map(Listen::listener).fold(issue, Issue::listener);
    Ok(Issued { issue, profiles })
}

/// The certificates that routes name: those of one file once, since routes with the same ones share their connections.
#[derive(Default)]
struct Authorities(BTreeMap<PathBuf, Arc<RootCertStore>>);

impl Authorities {
    /// What the API of this route is verified by: the certificates that it names, alone, or as its profile has it.
    fn of(&mut self, route: &RouteTable, source: &Source) -> Result<Option<Arc<RootCertStore>>, Failure> {
        let Some(path) = route.ca.as_ref().map(|ca| &ca.value) else { return Ok(source.roots()) };
        if let Some(known) = self.0.get(path) {
            return Ok(Some(Arc::clone(known)));
        }
        let read = checked::roots(route)?.map(|roots| Arc::new(roots.store()));
        self.0.extend(read.clone().map(|roots| (path.clone(), roots)));
        Ok(read)
    }
}
