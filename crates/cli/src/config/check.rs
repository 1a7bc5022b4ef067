//! `evergrant config check`: everything that is wrong with the configuration file, without sending anything.

use super::Settings;
use crate::args::{Caching, ClientArgs, ConfigCheckArgs};
use crate::failure::Failure;
use crate::profile::{Profile, Profiles};
use clap::ValueEnum;
use std::io::{self, Write};

/// What stands for a secret that is not at hand: nothing is sent with it.
const UNKNOWN: &str = "unknown";

pub(super) fn run(args: &ConfigCheckArgs) -> Result<(), Failure> {
    let profiles = Profiles::read(args.config.as_deref())?;
    let of = args.profile.as_deref();
    if let Some(name) = of {
        profiles.known(name)?;
    }
    let mut failures: Vec<Failure> = profiles.failures(of).collect();
    let (path, default) = (profiles.path.display().to_string(), profiles.default.clone());
    let mut lines = Vec::new();
    let named = |name: &str| of.is_none_or(|wanted| wanted == name);
    let mut chosen = profiles.into_faultless();
    chosen.retain(|name, _| named(name));
    for (name, profile) in chosen {
        match described(profile) {
            Ok(description) => {
                let mark = if default.as_ref() == Some(&name) { " (default)" } else { "" };
                lines.push(format!("  {name}{mark}: {description}"));
            }
            Err(failure) => failures.push(failure.of_profile(&path, &name)),
        }
    }
    if let Some(last) = failures.pop() {
        for failure in failures {
            eprintln!("{failure}");
        }
        return Err(last);
    }
    let count = lines.len();
    let mut text = format!("{path}: {count} profile{}, no fault", if count == 1 { "" } else { "s" });
    for line in lines {
        text.push('\n');
        text.push_str(&line);
    }
    writeln!(io::stdout(), "{text}").map_err(|error| Failure::system("the result cannot be printed", &error))
}

/// The client that the profile makes by itself: where, as whom, and where its secret is.
fn described(profile: Profile) -> Result<String, Failure> {
    let settings = Settings { cache: Caching::No, ..Settings::merge(&ClientArgs::default(), profile)? };
    let mut secret = None;
    let setup = settings.setup(|source| {
        secret = Some(source.to_string());
        Ok(source.at_hand()?.unwrap_or_else(|| UNKNOWN.to_owned().into()))
    })?;
    let provider = settings.provider.to_possible_value();
    Ok(format!(
        "{} at {}, client {}, {}",
        provider.as_ref().map_or("", |value| value.get_name()),
        setup.client.provider().token_endpoint(),
        setup.client.client_id(),
        secret.map_or("no secret".into(), |place| format!("secret {place}"))
    ))
}
