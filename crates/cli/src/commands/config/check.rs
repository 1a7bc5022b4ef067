//! `evergrant config check`: everything that is wrong with the configuration file, without sending anything.

use crate::client::checked;
use crate::client::profile::gateway::{GatewayTable, IssueTable, Listen};
use crate::client::profile::{Of, Profile, Profiles};
use crate::client::tenants::Descriptions;
use crate::commands::gateway::faults;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::{stderr, stdout};
use clap::{Args, ValueHint};
use evergrant_tokio_reqwest::Origin;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "printf '[profile.a]\\nprovider = \"myparcel\"\\nclient_id = \"me\"\\n' \\",
    "  > config.toml && evergrant config check --config config.toml";
    usage, transient
))]
pub(crate) struct ConfigCheckArgs {
    /// Check only this profile of the configuration file
    ///
    /// Default: all profiles.
    #[arg(help_heading = "Client")]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Configuration file
    ///
    /// Default: evergrant/config.toml in the folder for configuration ($XDG_CONFIG_HOME, ~/.config).
    #[arg(help_heading = "Client")]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
}

pub(super) fn run(args: &ConfigCheckArgs, manner: Manner) -> Result<(), Failure> {
    let mut profiles = Profiles::read(args.config.as_deref())?;
    let of = args.profile.as_deref();
    if let Some(name) = of {
        profiles.known(name)?;
    }
    let mut failures: Vec<Failure> = profiles.failures(of.map_or(Of::All, Of::Profile)).collect();
    let (path, default) = (profiles.path.display().to_string(), profiles.default.clone());
    let gateway = profiles.take_gateway().filter(|_| of.is_none());
    let tenants = tenants(&mut profiles, gateway.as_ref(), &mut failures);
    let mut good: Vec<(bool, String, Described)> = Vec::new();
    for (name, profile, is_faulty) in profiles.into_all() {
        if of.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let line = profile.line;
        match Described::of(profile, is_faulty) {
            Ok(described) => good.push((default.as_ref() == Some(&name), name, described)),
            Err(faults) => failures.extend(
                faults.into_iter().map(|(at, failure)| failure.of_profile(&path, at.or(line), &name)),
            ),
        }
    }
    let origins = |wanted: &str| {
        let its = good.iter().find(|(_, name, _)| name == wanted);
        its.map(|(.., described)| described.origins.clone())
    };
    failures.extend(gateway.iter().flat_map(|gateway| faults(gateway, &path, origins)));
    if let Some(last) = Failure::tell_but_last(failures, manner) {
        return Err(last);
    }
    if let Some((gateway, issue)) =
        gateway.as_ref().and_then(|gateway| Some((gateway, gateway.issue.as_ref()?)))
    {
        let given = issue.names(&gateway.routes);
        for (_, name, _) in
            good.iter().filter(|(_, name, described)| described.is_bound && given.contains(name))
        {
            stderr::warning(IssueTable::bound(name));
        }
    }
    if manner.json {
        let profiles: Vec<Value> =
            good.iter().map(|(default, name, described)| described.json(name, *default)).collect();
        let mut checked = json!({ "path": path, "profiles": profiles });
        if let Some(gateway) = gateway {
            checked["gateway"] = json!({ "listen": listened(&gateway), "routes": gateway.routes.len() });
            if let Some(issue) = &gateway.issue {
                checked["gateway"]["issue"] =
                    json!({ "listen": addresses(&issue.listen), "profiles": issue.names(&gateway.routes) });
            }
            if let Some(count) = tenants {
                checked["gateway"]["tenants"] = count.into();
            }
        }
        return stdout::json(&checked).map(drop);
    }
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut text = format!("{}: {}, no fault", Line(&path), counted(good.len(), "profile"));
    for (default, name, Described { provider, token_endpoint, client_id, secret, .. }) in good {
        let mark = if default { " (default)" } else { "" };
        let line = format!("{name}{mark}: {provider} at {token_endpoint}, client {client_id}, {secret}");
        // Each has a line, whatever its name.
        text.push_str(&format!("\n  {}", Line(&line)));
    }
    if let Some(gateway) = gateway {
        if !gateway.routes.is_empty() {
            let tenants = tenants.map_or_else(String::new, |count| format!(", {}", counted(count, "tenant")));
            let (routes, at) = (counted(gateway.routes.len(), "route"), listened(&gateway).join(", "));
            let line = format!("{routes} at {at}{tenants}");
            text.push_str(&format!("\n  gateway: {}", Line(&line)));
        }
        if let Some(issue) = &gateway.issue {
            let (names, at) = (issue.names(&gateway.routes).join(", "), addresses(&issue.listen).join(", "));
            text.push_str(&format!("\n  issue: {}", Line(&format!("tokens of {names} at {at}"))));
        }
    }
    stdout::plain(&text).map(drop)
}

/// How many tenants there are, if a route is for such, with everything that is wrong with them.
fn tenants(
    profiles: &mut Profiles,
    gateway: Option<&GatewayTable>,
    failures: &mut Vec<Failure>,
) -> Option<usize> {
    let gateway = gateway?;
    let described = Descriptions::of(profiles, &gateway.routes, failures);
    if gateway.routes.iter().all(|route| route.profile().is_some()) {
        return None;
    }
    let files = described.files();
    failures
        .extend(files.iter().filter_map(|name| described.said(name).err()).flat_map(|faulty| faulty.faults));
    Some(described.tables().len() + files.len())
}

/// Where the gateway listens.
fn listened(gateway: &GatewayTable) -> Vec<String> {
    match (gateway.routes.is_empty(), gateway.listen.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => addresses(&[Listen::usual()]),
        (false, false) => addresses(&gateway.listen),
    }
}

fn addresses(listen: &[Listen]) -> Vec<String> {
    listen.iter().map(|listen| listen.address.to_string()).collect()
}

/// The client that a profile makes by itself: where, as whom, and where its secret is.
struct Described {
    provider: String,
    token_endpoint: String,
    client_id: String,
    secret: String,
    /// Where its tokens may be sent.
    origins: Vec<Origin>,
    /// Whether they are bound to its certificate.
    is_bound: bool,
}

impl Described {
    /// Or everything that is wrong, with its line where that is known.
    fn of(profile: Profile, is_faulty: bool) -> Result<Self, Vec<(Option<usize>, Failure)>> {
        let settings = checked::settings(profile, is_faulty)?;
        let origins = settings.origins().map_err(|failure| vec![(None, failure)])?;
        let shown = settings.shown().map_err(|failure| vec![(None, failure)])?;
        let said = |name: &str| shown.iter().find(|shown| shown.name == name)?.value.one();
        Ok(Self {
            provider: said("provider").unwrap_or_default(),
            // Or what is asked for it.
            token_endpoint: said("token_endpoint").or_else(|| said("metadata_url")).unwrap_or_default(),
            client_id: settings.client_id().to_owned(),
            secret: match (
                said("client_secret"),
                said("client_assertion"),
                said("signing_key"),
                said("certificate"),
            ) {
                (Some(place), ..) => format!("secret {place}"),
                (None, Some(place), ..) => format!("assertion {place}"),
                (None, None, Some(place), _) => format!("key {place}"),
                (None, None, None, Some(path)) => format!("certificate in {path}"),
                (None, None, None, None) => "no secret".into(),
            },
            origins,
            is_bound: settings.is_bound(),
        })
    }

    fn json(&self, name: &str, default: bool) -> Value {
        let Self { provider, token_endpoint, client_id, secret, .. } = self;
        json!({
            "name": name, "default": default, "provider": provider, "token_endpoint": token_endpoint,
            "client_id": client_id, "secret": secret,
        })
    }
}
