//! `evergrant cache`: the tokens that `--cache` has kept.

use crate::client::args::ClientArgs;
use crate::client::cache::inventory::{Cleared, Inventory, Which, has_ended, is_over};
use crate::client::profile::{Profile, Profiles};
use crate::client::settings::Settings;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::{stdout, when};
use clap::{Args, Subcommand, ValueHint};
use evergrant_core::fleet::{Name, StoreTime};
use evergrant_folder::Held;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant cache list",
    "evergrant cache clear --ended";
    usage, transient
), disable_help_subcommand = true)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List the kept tokens: file, size, and when each one ends
    ///
    /// A token is sealed with the secret of its client. The client is named if it is a profile, or the client of
    /// these flags and variables, and its secret is in a file or a variable; no command is run to find out. An
    /// entry without a token is that of a client whose token request failed, or has not ended.
    ///
    /// With --json each of tokens is an entry: expires_at is null if it has no token; requesting says whether one is being
    /// requested now, and rests_until, after a failure, when the next request may be made.
    List(CacheListArgs),
    /// Remove the kept tokens, and what is known of failures
    ///
    /// After a failure, other invocations of the same client make no token request for a while. Once its cause
    /// is corrected, this ends that time: for all clients, or with --profile for one. A token that another invocation is
    /// replacing stays.
    Clear(CacheClearArgs),
}

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant cache list",
    "evergrant cache list --json";
    usage, transient
))]
pub(crate) struct CacheListArgs {
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant cache clear --ended",
    "evergrant cache clear";
    usage, transient
))]
pub(crate) struct CacheClearArgs {
    /// Remove only the tokens that have ended
    #[arg(long, conflicts_with = "profile")]
    ended: bool,
    /// Remove only the token of this profile, and what is known of its failures
    ///
    /// Its secret must be in a file or a variable: its entry is found by that, and no command is run to find out.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Configuration file with that profile
    ///
    /// Default: evergrant/config.toml in the folder for configuration ($XDG_CONFIG_HOME, ~/.config).
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
}

/// `evergrant cache`.
pub(crate) fn run(args: &CacheArgs, manner: Manner) -> Result<(), Failure> {
    match &args.command {
        CacheCommand::List(args) => list(args, manner),
        CacheCommand::Clear(args) => clear(args, manner),
    }
}

fn list(args: &CacheListArgs, manner: Manner) -> Result<(), Failure> {
    let inventory = Inventory::open()?;
    let entries = inventory.entries()?;
    let owners = Owners::find(&args.client)?;
    if manner.json {
        let tokens: Vec<Value> = entries.iter().map(|entry| owners.json(entry)).collect();
        return stdout::json(&json!({ "path": inventory.path(), "tokens": tokens })).map(drop);
    }
    let with_token = entries.iter().filter(|held| held.token_ends_at.is_some()).count();
    let without = without_token(entries.len() - with_token);
    let mut text = format!("{}: {}{without}", inventory.path().display(), tokens(with_token));
    for entry in &entries {
        text.push_str(&owners.line(entry));
    }
    stdout::plain(&text).map(drop)
}

fn clear(args: &CacheClearArgs, manner: Manner) -> Result<(), Failure> {
    let inventory = Inventory::open()?;
    let which = match &args.profile {
        Some(profile) => match entry_of(profile, args.config.as_deref())? {
            Some(name) => Some(Which::Named(name)),
            None if inventory.entries()?.is_empty() => None,
            None => return Err(unknown(profile)),
        },
        None if args.ended => Some(Which::Ended),
        None => Some(Which::All),
    };
    let cleared = which.map_or_else(|| Ok(Cleared::default()), |which| inventory.clear(which))?;
    let Cleared { removed, without_token: others, in_use, mut failures } = cleared;
    let path = inventory.path();
    if manner.json {
        let done = json!({ "path": path, "removed": removed, "without_token": others, "in_use": in_use });
        stdout::json(&done)?;
    } else {
        let stay = match in_use {
            0 => String::new(),
            _ => format!(", {} in use and not removed", tokens(in_use)),
        };
        let others = without_token(others);
        stdout::plain(&format!("{}: {}{others} removed{stay}", path.display(), tokens(removed)))?;
    }
    let last = failures.pop();
    for failure in failures {
        // The last one's status is the command's: all of them are the same.
        let _status = failure.tell(manner);
    }
    last.map_or(Ok(()), Err)
}

/// The entry of this profile, which need not be there; `None` if its name cannot be told.
fn entry_of(profile: &str, config: Option<&Path>) -> Result<Option<Name>, Failure> {
    Ok(Settings::read(&ClientArgs::of_profile(profile, config))?.name_in_cache())
}

fn unknown(profile: &str) -> Failure {
    Failure::usage(
        format!(
            "the entry of profile {} cannot be found: its secret or its key is not in a file or a variable that can be read now",
            Line(profile)
        ),
        "remove all entries: evergrant cache clear",
    )
}

fn tokens(count: usize) -> String {
    format!("{count} token{}", if count == 1 { "" } else { "s" })
}

/// The entries that have none, if there are any.
fn without_token(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " and 1 entry without a token".into(),
        _ => format!(" and {count} entries without a token"),
    }
}

/// Whose a kept token is, as far as it can be told.
struct Owners {
    /// The profiles, each with the name of its entry in the cache.
    profiles: Vec<(String, Name)>,
    /// The name of the entry of the client that flags and variables name.
    current: Option<Name>,
}

impl Owners {
    /// What is wrong with the configuration is for `config check` to say, unless a profile was asked for.
    fn find(args: &ClientArgs) -> Result<Self, Failure> {
        let current = match Settings::read(args) {
            Ok(settings) => settings.name_in_cache(),
            Err(failure) if args.profile.is_some() => return Err(failure),
            Err(_) => None,
        };
        let profiles = Profiles::find(args.config.as_deref()).ok().flatten();
        let named = |(name, profile, is_faulty): (String, Profile, bool)| {
            let settings = Settings::merge(&ClientArgs::default(), profile).ok().filter(|_| !is_faulty)?;
            Some((name, settings.name_in_cache()?))
        };
        let profiles = profiles.into_iter().flat_map(Profiles::into_all).filter_map(named).collect();
        Ok(Self { profiles, current })
    }

    fn profiles(&self, held: &Held) -> Vec<&str> {
        let own = self.profiles.iter().filter(|(_, name)| *name == held.name);
        own.map(|(profile, _)| profile.as_str()).collect()
    }

    fn is_current(&self, held: &Held) -> bool {
        self.current == Some(held.name)
    }

    fn line(&self, held: &Held) -> String {
        let mut owners: Vec<String> =
            self.profiles(held).iter().map(|profile| format!("profile {profile}")).collect();
        if owners.is_empty() && self.is_current(held) {
            owners.push("the client of these flags and variables".into());
        }
        let owners = if owners.is_empty() { "client unknown".into() } else { owners.join(", ") };
        let (name, bytes, says) = (&held.name, held.bytes, says(held));
        format!("\n  {name}  {bytes} bytes, {says}  ({})", Line(&owners))
    }

    fn json(&self, held: &Held) -> Value {
        json!({
            "name": held.name.to_string(),
            "bytes": held.bytes,
            "ended": has_ended(held),
            "expires_at": held.token_ends_at.and_then(|end| when::rfc3339(since_epoch(end))),
            "requesting": held.is_asked_for,
            "rests_until": rest(held).and_then(|until| when::rfc3339(since_epoch(until))),
            "profiles": self.profiles(held),
            "current": self.is_current(held),
        })
    }
}

/// What is told of it to people.
fn says(held: &Held) -> String {
    let Some(end) = held.token_ends_at.map(since_epoch) else {
        return match (held.is_asked_for, rest(held)) {
            (true, _) => "no token, one is being requested".into(),
            (false, Some(until)) => {
                let relative = when::relative(since_epoch(until), when::now());
                format!("no token, after a failure; the next request may be made {relative}")
            }
            (false, None) => "no token".into(),
        };
    };
    let at = when::utc(end).unwrap_or_default();
    let verb = if has_ended(held) { "ended" } else { "ends" };
    format!("{verb} {at}, {}", when::relative(end, when::now()))
}

/// Until when nobody asks, if that is not over.
fn rest(held: &Held) -> Option<StoreTime> {
    held.rests_until.filter(|until| !is_over(*until))
}

fn since_epoch(time: StoreTime) -> Duration {
    Duration::from_millis(time.as_millis())
}
