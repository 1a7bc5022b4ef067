//! `evergrant config check`: everything that is wrong with the configuration file, without sending anything.

use crate::client::args::ClientArgs;
use crate::client::profile::{Profile, Profiles};
use crate::client::setup::{Settings, UNKNOWN};
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::{Args, ValueEnum, ValueHint};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = exit_status!(), after_long_help = examples!(
    "printf '[profile.try]\\nprovider = \"myparcel-sandbox\"\\nclient_id = \"me\"\\n' > config.toml && evergrant config check --config config.toml",
))]
pub(crate) struct ConfigCheckArgs {
    /// The one profile to look at [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The configuration file [default: evergrant/config.toml in the folder for configuration: $XDG_CONFIG_HOME,
    /// ~/.config]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
}

pub(super) fn run(args: &ConfigCheckArgs, manner: Manner) -> Result<(), Failure> {
    let profiles = Profiles::read(args.config.as_deref())?;
    let of = args.profile.as_deref();
    if let Some(name) = of {
        profiles.known(name)?;
    }
    let mut failures: Vec<Failure> = profiles.failures(of).collect();
    let (path, default) = (profiles.path.display().to_string(), profiles.default.clone());
    let mut good = Vec::new();
    let named = |name: &str| of.is_none_or(|wanted| wanted == name);
    let mut chosen = profiles.into_faultless();
    chosen.retain(|name, _| named(name));
    for (name, profile) in chosen {
        match Described::of(profile) {
            Ok(described) => good.push((default.as_ref() == Some(&name), name, described)),
            Err(failure) => failures.push(failure.of_profile(&path, &name)),
        }
    }
    if let Some(last) = failures.pop() {
        for failure in failures {
            // The last one's status is the command's: all of them are mistakes of configuration.
            let _status = failure.tell(manner);
        }
        return Err(last);
    }
    if manner.json {
        let profiles: Vec<Value> =
            good.iter().map(|(default, name, described)| described.json(name, *default)).collect();
        return stdout::json(&json!({ "path": path, "profiles": profiles })).map(drop);
    }
    let count = good.len();
    let mut text = format!("{path}: {count} profile{}, no fault", if count == 1 { "" } else { "s" });
    for (default, name, Described { provider, token_endpoint, client_id, secret }) in good {
        let mark = if default { " (default)" } else { "" };
        text.push_str(&format!(
            "\n  {name}{mark}: {provider} at {token_endpoint}, client {client_id}, {secret}"
        ));
    }
    stdout::plain(&text).map(drop)
}

/// The client that a profile makes by itself: where, as whom, and where its secret is.
struct Described {
    provider: String,
    token_endpoint: String,
    client_id: String,
    secret: String,
}

impl Described {
    fn of(profile: Profile) -> Result<Self, Failure> {
        let settings = Settings::merge(&ClientArgs::default(), profile)?.without_cache();
        let mut secret = None;
        let setup = settings.setup(|source| {
            secret = Some(source.to_string());
            Ok(source.at_hand()?.unwrap_or_else(|| UNKNOWN.to_owned().into()))
        })?;
        let provider = settings.provider.to_possible_value();
        Ok(Self {
            provider: provider.as_ref().map_or("", |value| value.get_name()).to_owned(),
            token_endpoint: setup.client.provider().token_endpoint().to_string(),
            client_id: setup.client.client_id().to_string(),
            secret: secret.map_or("no secret".into(), |place| format!("secret {place}")),
        })
    }

    fn json(&self, name: &str, default: bool) -> Value {
        let Self { provider, token_endpoint, client_id, secret } = self;
        json!({
            "name": name, "default": default, "provider": provider, "token_endpoint": token_endpoint,
            "client_id": client_id, "secret": secret,
        })
    }
}
