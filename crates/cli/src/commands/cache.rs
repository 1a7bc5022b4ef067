//! `evergrant cache`: the tokens that `--cache` has kept.

use crate::client::args::ClientArgs;
use crate::client::cache::entry::Entry;
use crate::client::cache::inventory::{Cleared, Inventory, Which};
use crate::client::profile::{Profile, Profiles};
use crate::client::settings::Settings;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::{stdout, when};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

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
    /// these flags and variables, and its secret is in a file or a variable; no command is run to find out.
    List(CacheListArgs),
    /// Remove the kept tokens
    ///
    /// A token that another invocation is replacing stays.
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
    #[arg(long)]
    ended: bool,
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
    let mut text = format!("{}: {}", inventory.path().display(), tokens(entries.len()));
    for entry in &entries {
        text.push_str(&owners.line(entry));
    }
    stdout::plain(&text).map(drop)
}

fn clear(args: &CacheClearArgs, manner: Manner) -> Result<(), Failure> {
    let inventory = Inventory::open()?;
    let which = if args.ended { Which::Ended } else { Which::All };
    let Cleared { removed, in_use, mut failures } = inventory.clear(which)?;
    let path = inventory.path();
    if manner.json {
        stdout::json(&json!({ "path": path, "removed": removed, "in_use": in_use }))?;
    } else {
        let stay = match in_use {
            0 => String::new(),
            _ => format!(", {} in use and not removed", tokens(in_use)),
        };
        stdout::plain(&format!("{}: {} removed{stay}", path.display(), tokens(removed)))?;
    }
    let last = failures.pop();
    for failure in failures {
        // The last one's status is the command's: all of them are the same.
        let _status = failure.tell(manner);
    }
    last.map_or(Ok(()), Err)
}

fn tokens(count: usize) -> String {
    format!("{count} token{}", if count == 1 { "" } else { "s" })
}

/// Whose a kept token is, as far as it can be told.
struct Owners {
    /// The profiles, each with the name of its file in the cache.
    profiles: Vec<(String, String)>,
    /// The name of the file of the client that flags and variables name.
    current: Option<String>,
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

    fn profiles(&self, entry: &Entry) -> Vec<&str> {
        let own = self.profiles.iter().filter(|(_, name)| *name == entry.name);
        own.map(|(profile, _)| profile.as_str()).collect()
    }

    fn is_current(&self, entry: &Entry) -> bool {
        self.current.as_ref() == Some(&entry.name)
    }

    fn line(&self, entry: &Entry) -> String {
        let (end, now) = (entry.end.since_epoch(), when::now());
        let at = when::utc(end).unwrap_or_default();
        let verb = if entry.has_ended() { "ended" } else { "ends" };
        let mut owners: Vec<String> =
            self.profiles(entry).iter().map(|profile| format!("profile {profile}")).collect();
        if owners.is_empty() && self.is_current(entry) {
            owners.push("the client of these flags and variables".into());
        }
        let owners = if owners.is_empty() { "client unknown".into() } else { owners.join(", ") };
        let (name, bytes) = (&entry.name, entry.bytes);
        let relative = when::relative(end, now);
        format!("\n  {name}  {bytes} bytes, {verb} {at}, {relative}  ({})", Line(&owners))
    }

    fn json(&self, entry: &Entry) -> Value {
        let end = entry.end.since_epoch();
        json!({
            "name": entry.name,
            "bytes": entry.bytes,
            "ended": entry.has_ended(),
            "expires_at": when::rfc3339(end),
            "profiles": self.profiles(entry),
            "current": self.is_current(entry),
        })
    }
}
