//! `evergrant config check`: everything that is wrong with the configuration file, without sending anything.

use crate::client::args::ClientArgs;
use crate::client::lack::{Lack, Unmade};
use crate::client::nearest::nearest;
use crate::client::profile::{Profile, Profiles};
use crate::client::settings::Settings;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::{Args, ValueHint};
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
    let profiles = Profiles::read(args.config.as_deref())?;
    let of = args.profile.as_deref();
    if let Some(name) = of {
        profiles.known(name)?;
    }
    let mut failures: Vec<Failure> = profiles.failures(of).collect();
    let (path, default) = (profiles.path.display().to_string(), profiles.default.clone());
    let mut good = Vec::new();
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
    let mut text = format!("{}: {count} profile{}, no fault", Line(&path), if count == 1 { "" } else { "s" });
    for (default, name, Described { provider, token_endpoint, client_id, secret }) in good {
        let mark = if default { " (default)" } else { "" };
        let line = format!("{name}{mark}: {provider} at {token_endpoint}, client {client_id}, {secret}");
        // Each has a line, whatever its name.
        text.push_str(&format!("\n  {}", Line(&line)));
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
    /// Or everything that is wrong, with its line where that is known. What a faulty profile lacks may be what is wrong
    /// with it, and is not said twice.
    fn of(profile: Profile, is_faulty: bool) -> Result<Self, Vec<(Option<usize>, Failure)>> {
        let unplaced = |failure| (None, failure);
        let keys: Vec<String> = profile.lines.keys().cloned().collect();
        // A key that is there, or one that was probably meant, has been complained of.
        let is_said = |lack: Lack| {
            is_faulty && keys.iter().any(|key| nearest(key, &[lack.key()]).is_some() || key == lack.key())
        };
        let settings = match Settings::merge(&ClientArgs::default(), profile) {
            Ok(settings) => settings,
            Err(Unmade::Wrong(failure)) => return Err(vec![unplaced(failure)]),
            Err(Unmade::Lacking(lacks)) => {
                let lacks = lacks.all().filter(|lack| !is_said(*lack));
                return Err(lacks.map(|lack| unplaced(lack.in_profile())).collect());
            }
        };
        let faults = settings.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let shown = settings.shown().map_err(|failure| vec![unplaced(failure)])?;
        let said = |name: &str| shown.iter().find(|shown| shown.name == name)?.value.one();
        Ok(Self {
            provider: said("provider").unwrap_or_default(),
            token_endpoint: said("token_endpoint").unwrap_or_default(),
            client_id: said("client_id").unwrap_or_default(),
            secret: said("client_secret").map_or("no secret".into(), |place| format!("secret {place}")),
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
