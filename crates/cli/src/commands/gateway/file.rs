//! The gateway of a configuration file.

use super::args::GatewayArgs;
use super::demo_page::{self, DemoPage};
use super::plan::{Issued, Moved, Plan, Served, Source, admin, listen, policy};
use super::tenants::Tenants;
use crate::client::checked;
use crate::client::chosen;
use crate::client::content::Content;
use crate::client::network::Network;
use crate::client::profile::gateway::{Bounds, GatewayTable, IssueTable, Listen, LogWord, RouteTable};
use crate::client::profile::{Of, Profile, Profiles};
use crate::client::settings::Settings;
use crate::client::tenants::Descriptions;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::metrics::Totals;
use crate::tell::stderr;
use evergrant_gateway::{Issue, Listener, Route, RoutePathError};
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
const NAMING: [&str; 5] = ["profile", "provider", "token_endpoint", "issuer", "client_id"];

/// A file that says what the gateway serves, and may say something else while it runs.
pub(super) struct Followed {
    args: GatewayArgs,
    path: PathBuf,
    /// What was in it, and in the files that it names, when it was last read, whatever came of that.
    pub(super) content: Content,
    /// What it said when the gateway began of what cannot be changed while that runs.
    settled: BTreeMap<String, String>,
    /// Whether it gave out tokens when the gateway began.
    issues: bool,
    bounds: Bounds,
    /// Origins of the demo page, beside those that routes list.
    pages: Vec<Origin>,
}

/// What a file says, in which there is no fault.
struct Said {
    table: GatewayTable,
    /// The clients of all routes, by the names of their profiles.
    clients: BTreeMap<String, Settings>,
    /// Those of tenants, if a route is for such.
    tenants: Option<Descriptions>,
}

/// What a file says that was read again.
pub(super) struct Again {
    pub(super) served: Vec<Served>,
    /// `None`: as they are.
    pub(super) listen: Option<Vec<Listener>>,
    /// `None`: as it is.
    pub(super) issue: Option<Issue>,
    /// Whether the gateway gives out tokens and the file says nothing of it any more.
    pub(super) has_lost_issue: bool,
    /// By the names of their profiles.
    pub(super) sources: Vec<Source>,
    /// Callers with clients of their own, and how they are described, if a route is for such.
    pub(super) tenants: Option<(Tenants, Option<Descriptions>)>,
    /// How sources that are there already prove who they are from now on, where that has changed.
    pub(super) moved: Vec<Moved>,
    /// Its keys that have changed and cannot be while the gateway runs.
    pub(super) needs_restart: Vec<String>,
}

/// What is to be served, and the file that says so, unless that is a pipe, which says it once.
pub(super) fn plan(
    args: &GatewayArgs,
    profiles: Profiles,
    page: Option<DemoPage>,
    manner: Manner,
) -> Result<(Plan, Option<Followed>), Failure> {
    let (path, content) = (profiles.path.clone(), content(&profiles));
    let said = match said(profiles) {
        Ok(said) => said,
        Err(failures) => {
            let last = Failure::tell_but_last(failures, manner);
            return Err(last.unwrap_or_else(|| Failure::usage("the file is faulty", "correct it")));
        }
    };
    let followed = Followed {
        args: args.clone(),
        path,
        content,
        settled: said.table.settled().clone(),
        issues: said.table.issue.is_some(),
        bounds: said.table.bounds.clone(),
        pages: page.as_ref().map(DemoPage::origins).unwrap_or_default(),
    };
    let plan = made(args, said, page, &followed.pages)?;
    let can_change = followed.path.is_file();
    Ok((plan, can_change.then_some(followed)))
}

/// What is in the file, and in those that it names: to be looked at before they are read.
fn content(profiles: &Profiles) -> Content {
    Content::of(profiles.certificates()).with(profiles.path.clone(), profiles.digest)
}

/// All that a file says, or everything that is wrong with it.
fn said(mut profiles: Profiles) -> Result<Said, Vec<Failure>> {
    let mut failures: Vec<Failure> = profiles.failures(Of::Gateway).collect();
    let path = profiles.path.display().to_string();
    let Some(table) = profiles.take_gateway() else {
        failures.push(Failure::usage(format!("{path} has no [gateway]"), "write one into it"));
        return Err(failures);
    };
    let has_tenants = table.routes.iter().any(|route| route.profile().is_none());
    let described = Descriptions::of(&mut profiles, &table.routes, &mut failures);
    let clients = clients(&table, profiles, &path, &mut failures);
    let origins = |name: &str| clients.get(name).and_then(|settings| settings.origins().ok());
    failures.extend(faults(&table, &path, origins));
    if failures.is_empty() {
        Ok(Said { table, clients, tenants: has_tenants.then_some(described) })
    } else {
        Err(failures)
    }
}

/// What is wrong with the listeners and the routes of the file at this path that their own lines do not show. `origins`: of the profile of
/// this name, if that is good.
pub(in crate::commands) fn faults(
    table: &GatewayTable,
    path: &str,
    origins: impl Fn(&str) -> Option<Vec<Origin>>,
) -> Vec<Failure> {
    let of_routes = table.routes.iter().flat_map(|route| {
        // Where the tokens of a tenant may go is said by each.
        let origins = route.profile().map_or_else(|| Some(Vec::new()), &origins);
        checked::route(route, origins.as_deref())
    });
    let faults = table.listens().filter_map(checked::listen).chain(of_routes);
    faults.map(|(line, failure)| failure.of(&format_args!("{path}:{line}"))).collect()
}

impl Followed {
    /// Reads it again, whole: a fault changes nothing. `known`: the sources that there are, which go on where their clients are the same.
    pub(super) fn again(
        &mut self,
        known: (&[Source], Option<&Tenants>),
        totals: &Arc<Totals>,
    ) -> Result<Again, Vec<Failure>> {
        let now = self.content.now();
        let profiles = match Profiles::read(Some(&self.path)) {
            Ok(profiles) => profiles,
            Err(failure) => {
                self.content = now;
                return Err(vec![failure]);
            }
        };
        // A file that cannot be read as TOML names no others: those that were named are looked at all the same.
        let content = match profiles.has_gateway() {
            true => content(&profiles),
            false => now.with(self.path.clone(), profiles.digest),
        };
        // A secret that was missing may come later than the file that names it: until then it is one of the files that are looked at.
        self.content = content.clone().and(profiles.secrets());
        let again = self.made(said(profiles)?, known, totals).map_err(|failure| vec![failure])?;
        self.content = content;
        Ok(again)
    }

    fn made(
        &self,
        Said { table, clients, tenants }: Said,
        (known, known_tenants): (&[Source], Option<&Tenants>),
        totals: &Arc<Totals>,
    ) -> Result<Again, Failure> {
        let (mut sources, mut moved) = (BTreeMap::new(), Vec::new());
        for (name, settings) in clients {
            let of_profile = |failure: Failure| failure.of(&format_args!("profile {}", Line(&name)));
            let same = known.iter().find(|source| source.tokens.name() == name);
            let source = match same {
                Some(same) if same.is_of(&settings).map_err(of_profile)? => {
                    let (source, moves) = same.as_said(settings).map_err(of_profile)?;
                    moved.extend(moves);
                    source
                }
                _ => Source::new(settings, Some(&name), &self.bounds, totals).map_err(of_profile)?,
            };
            sources.insert(name, source);
        }
        let tenants = match (known_tenants, tenants) {
            // One pool for as long as the gateway runs: tokens outlive a file without a route for them.
            (Some(known), tenants) => Some((known.clone(), tenants)),
            (None, Some(tenants)) => Some((Tenants::new(tenants, policy(&self.bounds), totals)?, None)),
            (None, None) => None,
        };
        let served = served(&table, (&sources, tenants.as_ref().map(|(tenants, _)| tenants)), &self.pages)?;
        let mut needs_restart = table.needs_restart(&self.settled);
        let issue = table.issue.map(|issue| issued(issue, &table.routes, &sources)).transpose()?;
        let has_lost_issue = self.issues && issue.is_none();
        if has_lost_issue {
            needs_restart.push("issue".to_owned());
        }
        let by_flag = [("admin", self.args.admin.is_some()), ("log", self.args.log.is_some())];
        let is_said_by_flag = |key: &String| by_flag.contains(&(key, true));
        let listen = match self.args.listen.is_empty() && !table.routes.is_empty() {
            true => {
                let said = listen(&self.args, table.listen)?;
                Some(said.iter().map(checked::listener).collect::<Result<_, _>>()?)
            }
            false => None,
        };
        Ok(Again {
            served,
            listen,
            issue: issue.map(|issued| issued.issue),
            has_lost_issue,
            sources: sources.into_values().collect(),
            tenants,
            moved,
            needs_restart: needs_restart.into_iter().filter(|key| !is_said_by_flag(key)).collect(),
        })
    }
}

/// The clients of all routes and of issue, by the names of their profiles.
fn clients(
    table: &GatewayTable,
    profiles: Profiles,
    path: &str,
    failures: &mut Vec<Failure>,
) -> BTreeMap<String, Settings> {
    let is_served = |name: &str| table.profiles().any(|known| known == name);
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
    Said { table, clients, tenants }: Said,
    page: Option<DemoPage>,
    pages: &[Origin],
) -> Result<Plan, Failure> {
    let totals = Arc::<Totals>::default();
    let said_listen = match table.routes.is_empty() {
        true => no_listen(args)?,
        false => listen(args, table.listen.clone())?,
    };
    demo_page::check(page.as_ref(), &said_listen)?;
    let mut sources = BTreeMap::new();
    for (name, settings) in clients {
        let source = Source::new(settings, Some(&name), &table.bounds, &totals)
            .map_err(|failure| failure.of(&format_args!("profile {}", Line(&name))))?;
        sources.insert(name, source);
    }
    let tenants = tenants.map(|described| Tenants::new(described, policy(&table.bounds), &totals));
    let tenants = tenants.transpose()?;
    let routes = served(&table, (&sources, tenants.as_ref()), pages)?;
    let issued = table.issue.map(|issue| issued(issue, &table.routes, &sources)).transpose()?;
    Ok(Plan {
        listen: said_listen,
        admin: admin(args, table.admin)?,
        page,
        ready: table.ready,
        log: args.log.or(table.log).unwrap_or(LogWord::Own),
        instance: table.instance,
        bounds: table.bounds,
        routes,
        issued,
        sources: sources.into_values().collect(),
        tenants,
        totals,
    })
}

/// The routes, each with the source of its profile.
fn served(
    table: &GatewayTable,
    (sources, tenants): (&BTreeMap<String, Source>, Option<&Tenants>),
    pages: &[Origin],
) -> Result<Vec<Served>, Failure> {
    let (mut routes, mut authorities) = (Vec::new(), Authorities::default());
    for route in &table.routes {
        // Each route's profile is there, or the file would have a fault.
        let source = route.profile().map(|name| sources.get(name));
        let failed =
            |error: RoutePathError| Failure::usage(error.to_string(), "correct the path of the route");
        match (source, tenants) {
            (Some(Some(source)), _) => {
                let upstream = checked::upstream(route, &source.settings.origins()?)?;
                let roots = authorities.of(route, source.roots())?;
                let make = |path: &str| Route::new(path, upstream, source.tokens.clone());
                let made = route.route(make, roots, pages).map_err(failed)?;
                routes.push(source.served(route.linked(made, source.writes_links()))?);
            }
            (None, Some(tenants)) => {
                let upstream = checked::upstream(route, &[])?;
                let proxy = Network::default().proxy_for(upstream.origin())?;
                let roots = authorities.of(route, None)?;
                let make = |path: &str| Route::tenants(path, upstream, tenants.served.clone());
                let made = route.route(make, roots, pages).map_err(failed)?.proxy(proxy);
                routes.push(Served { route: route.linked(made, false), client: None });
            }
            _ => {}
        }
    }
    Ok(routes)
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
    sources: &BTreeMap<String, Source>,
) -> Result<Issued, Failure> {
    let profiles = table.names(routes);
    // Each profile is there, or the file would have a fault.
    let named = profiles.iter().filter_map(|name| Some((name.clone(), sources.get(name)?.tokens.clone())));
    for name in
        profiles.iter().filter(|name| sources.get(*name).is_some_and(|source| source.settings.is_bound()))
    {
        stderr::warning(IssueTable::bound(name));
    }
    let issue = Issue::new(named)
        .map_err(|error| Failure::usage(format!("issue: {error}"), "correct profiles of [gateway.issue]"))?;
    let issue = match table.patience {
        Some(patience) => issue.patience(patience),
        None => issue,
    };
    let listeners = table.listen.iter().map(checked::listener).collect::<Result<Vec<_>, _>>()?;
    let issue = listeners.into_iter().fold(issue, Issue::listener);
    Ok(Issued { issue, profiles })
}

/// The certificates that routes name: those of one file once, since routes with the same ones share their connections.
#[derive(Default)]
struct Authorities(BTreeMap<PathBuf, Arc<RootCertStore>>);

impl Authorities {
    /// What the API of this route is verified by: the certificates that it names, alone, or as its profile has it.
    fn of(
        &mut self,
        route: &RouteTable,
        of_profile: Option<Arc<RootCertStore>>,
    ) -> Result<Option<Arc<RootCertStore>>, Failure> {
        let Some(path) = route.ca.as_ref().map(|ca| &ca.value) else { return Ok(of_profile) };
        if let Some(known) = self.0.get(path) {
            return Ok(Some(Arc::clone(known)));
        }
        let read = checked::roots(route)?.map(|roots| Arc::new(roots.store()));
        self.0.extend(read.clone().map(|roots| (path.clone(), roots)));
        Ok(read)
    }
}
