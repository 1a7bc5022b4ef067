//! What the gateway is to do, by whichever words that was said.

use super::again;
use super::args::GatewayArgs;
use super::demo_page::DemoPage;
use super::tenants::Tenants;
use crate::client::profile::gateway::{AdminAt, Bounds, Listen, LogWord, Ready};
use crate::client::proving::Proving;
use crate::client::settings::Settings;
use crate::client::setup::Setup;
use crate::tell::failure::Failure;
use crate::tell::metrics::Totals;
use crate::tell::news::News;
use crate::tell::stderr;
use evergrant_gateway::{Address, Issue, Route};
use evergrant_tokio_reqwest::{Client, ClientAuth, Policy, Rotation, Tokens};
use rustls::RootCertStore;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

/// Where health and metrics are unless somebody says otherwise.
pub(super) const ADMIN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8485));

/// How long a request waits for a token unless its route says otherwise: less than the 30 s of what is often in front.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Plan {
    pub(super) listen: Vec<Listen>,
    pub(super) admin: AdminAt,
    pub(super) page: Option<DemoPage>,
    pub(super) ready: Ready,
    pub(super) log: LogWord,
    pub(super) instance: Option<String>,
    pub(super) bounds: Bounds,
    pub(super) routes: Vec<Served>,
    pub(super) issued: Option<Issued>,
    pub(super) sources: Vec<Source>,
    /// Callers that have clients of their own, if a route is for such.
    pub(super) tenants: Option<Tenants>,
    /// What all sources count.
    pub(super) totals: Arc<Totals>,
}

/// Who else uses this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Itself,
    /// A program that is about to be started: stdout is its own.
    Program,
}

/// What gives out tokens, and the names of their profiles.
pub(super) struct Issued {
    pub(super) issue: Issue,
    pub(super) profiles: Vec<String>,
}

/// A route, and in words as whom it calls what.
pub(super) struct Served {
    pub(super) route: Route,
    /// `None`: each caller as a client of its own.
    pub(super) client: Option<Described>,
}

/// A client in words.
pub(super) struct Described {
    pub(super) id: String,
    /// The origin of the authorization server.
    pub(super) server: String,
}

/// A source whose client proves who it is in another way, or by what is elsewhere.
pub(super) struct Moved {
    tokens: Tokens,
    auth: ClientAuth,
    is_rotation: bool,
    proving: Proving,
}

impl Moved {
    /// From now on.
    pub(super) fn take(self) {
        // A key in another place has a source of its own.
        if let Proving::Text(live) = self.proving {
            self.tokens.read_secret_from(live);
        }
        if self.is_rotation {
            // The token that is held was issued to this client, and works until it ends.
            self.tokens.rotate(self.auth, Rotation::Keep);
        }
    }
}

/// A source of tokens, which routes may share.
pub(in crate::commands) struct Source {
    pub(in crate::commands) tokens: Tokens,
    pub(super) settings: Settings,
    setup: Arc<Setup>,
    /// How the client authenticates itself.
    auth: ClientAuth,
    /// What tells its client from others.
    kind: Client,
    roots: Option<Arc<RootCertStore>>,
}

impl Source {
    /// The source of this client, by the name of its profile if it has one.
    pub(in crate::commands) fn new(
        settings: Settings,
        name: Option<&str>,
        bounds: &Bounds,
        totals: &Arc<Totals>,
    ) -> Result<Self, Failure> {
        let kind = settings.kind()?;
        let setup = Setup::of(&settings)?.observed(Arc::<Totals>::clone(totals)).observed(Arc::new(News));
        if setup.cache.is_some() {
            stderr::note("tokens are kept in memory alone: those of --cache are neither used nor replaced");
        }
        let tokens = setup.queue(name, PATIENCE, bounds.max_waiters)?;
        let roots = setup.network.roots.beside_machines();
        let auth = setup.client.auth().clone();
        Ok(Self { tokens, settings, setup: Arc::new(setup), auth, kind, roots })
    }

    /// Whether these are of the same client, which asks in the same way: then its source goes on, with another secret if there is one.
    pub(super) fn is_of(&self, settings: &Settings) -> Result<bool, Failure> {
        let kind = settings.kind()?;
        let is_same_client = self.kind == kind || self.kind.differs_in_auth_alone(&kind);
        // Of a source the secret can be exchanged; the place of a key or of a certificate cannot.
        let has_its_key =
            !(self.settings.has_key() || settings.has_key()) || self.settings.is_proven_as(settings);
        let is_asked_alike = settings.policy().attempt_timeout() == self.setup.timeout;
        // What the command of a field prints is not compared.
        let has_its_fields = self.settings.header_places().eq(settings.header_places());
        Ok(is_same_client
            && has_its_fields
            && has_its_key
            && is_asked_alike
            && self.setup.network.is_same(&settings.network()?))
    }

    /// The same source by other settings of the same client, and how that proves who it is from now on, if otherwise.
    pub(super) fn as_said(&self, settings: Settings) -> Result<(Self, Option<Moved>), Failure> {
        let kind = settings.kind()?;
        let is_as_before = settings.is_proven_as(&self.settings);
        let moved = match is_as_before {
            true => None,
            false => {
                let Setup { client, proving, .. } = Setup::of(&settings)?;
                let auth = client.auth().clone();
                Some(Moved { tokens: self.tokens.clone(), is_rotation: auth != self.auth, auth, proving })
            }
        };
        let auth = moved.as_ref().map_or_else(|| self.auth.clone(), |moved| moved.auth.clone());
        let (tokens, setup, roots) = (self.tokens.clone(), Arc::clone(&self.setup), self.roots.clone());
        Ok((Self { tokens, settings, setup, auth, kind, roots }, moved))
    }

    /// See [`again::try_again`].
    pub(in crate::commands) fn try_again(&self) {
        again::try_again(&self.tokens);
    }

    /// A route with its tokens, in words.
    pub(super) fn served(&self, route: Route) -> Result<Served, Failure> {
        // As token requests are, by the same words.
        let proxy = self.setup.network.proxy_for(route.upstream().origin())?;
        let route = route.proxy(proxy);
        let server = self.setup.client.provider().server().origin().to_string();
        let id = self.settings.client_id().to_owned();
        Ok(Served { route, client: Some(Described { id, server }) })
    }

    /// What the API is verified by, where it is not this machine's roots alone: as the token endpoint is. Routes with the same
    /// ones share their connections.
    pub(super) fn roots(&self) -> Option<Arc<RootCertStore>> {
        self.roots.clone()
    }

    /// Whether the links in its API's answers are changed unless somebody says otherwise.
    pub(super) fn writes_links(&self) -> bool {
        self.settings.writes_links()
    }

    /// The variables that its profile keeps secrets in.
    pub(super) fn secret_variables(&self) -> &[String] {
        &self.setup.secret_variables
    }
}

/// How the requests of each tenant wait for its token.
pub(super) fn policy(bounds: &Bounds) -> Policy {
    Policy::new().with_patience(PATIENCE).with_max_waiters(bounds.max_waiters)
}

/// Where it listens: as the command line says, or else the file, or else where it is usual.
pub(super) fn listen(args: &GatewayArgs, file: Vec<Listen>) -> Result<Vec<Listen>, Failure> {
    let flags = args.listen.iter().map(|text| address(text)).collect::<Result<Vec<_>, _>>()?;
    let said = if flags.is_empty() { file } else { flags };
    Ok(match (said.is_empty(), args.program.is_empty()) {
        (false, _) => said,
        (true, true) => vec![Listen::usual()],
        // Many programs may run at once, each with a gateway of its own.
        (true, false) => vec![Listen::at(Address::Tcp((Ipv4Addr::LOCALHOST, 0).into()))],
    })
}

/// Where health and metrics are, likewise.
pub(super) fn admin(args: &GatewayArgs, file: Option<AdminAt>) -> Result<AdminAt, Failure> {
    let usual = if args.program.is_empty() { AdminAt::Usual(ADMIN) } else { AdminAt::Nowhere };
    Ok(args.admin.as_deref().map(admin_of).transpose()?.or(file).unwrap_or(usual))
}

/// What was written for the address of health and metrics.
pub(super) fn admin_of(text: &str) -> Result<AdminAt, Failure> {
    AdminAt::parse(text)
        .map_err(|_| Failure::usage("--admin is neither an IP address and a port nor none", AdminAt::FORMS))
}

/// An address of the command line. Who may use one that other machines reach is for a file to say.
fn address(text: &str) -> Result<Listen, Failure> {
    let address = Address::parse(text).map_err(|error| {
        Failure::usage(format!("--listen: {error}"), "write one of these, such as localhost:8484")
    })?;
    if address.is_local() {
        return Ok(Listen::at(address));
    }
    Err(Failure::usage(
        format!(
            "--listen {address} can be reached from other machines, where whoever calls acts as the client"
        ),
        "use localhost:PORT or unix:PATH, or write a configuration file with [gateway] that says who may use it",
    ))
}
