//! `evergrant config init`: a first configuration file.

use crate::client::args::{ClientArgs, NewClientArgs, OriginArgs};
use crate::client::profile::{self, draft};
use crate::client::settings::Settings;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stderr;
use crate::tell::stdout;
use clap::Args;
use serde_json::json;
use std::path::Path;

/// What the profile is called unless it is named.
const NAME: &str = "default";

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant config init --config config.toml --profile sandbox \\",
    "  --provider myparcel-sandbox --client-id my-client-id",
    "evergrant mock -- evergrant config init --config config.toml \\",
    "  --scope orders.read --allow-origin https://api.example.com";
    usage, transient
))]
pub(crate) struct ConfigInitArgs {
    #[command(flatten)]
    client: NewClientArgs,
    #[command(flatten)]
    origins: OriginArgs,
}

pub(super) fn run(args: &ConfigInitArgs, manner: Manner) -> Result<(), Failure> {
    let NewClientArgs(client) = &args.client;
    let origins = args.origins.all();
    not_the_mocks(client, origins)?;
    let path = profile::named(client.config.as_deref())?;
    draft::vacant(&path)?;
    let name = client.profile.as_deref().unwrap_or(NAME);
    // As flags they have no line yet.
    let settings = Settings::of_a_new_profile(client)?;
    if let Some((_, failure)) = settings.faults().into_iter().next() {
        return Err(failure);
    }
    for origin in origins {
        settings.origin(origin)?;
    }
    let text = draft::text(&path, name, client, origins)?;
    draft::create(&path, &text)?;
    for variable in draft::left_out(client) {
        stderr::note(format_args!("{variable} may hold a secret, and is not written into the file"));
    }
    let next = next(client, name, &path);
    if manner.json {
        return stdout::json(&json!({ "path": path, "profile": name, "next": next })).map(drop);
    }
    stdout::plain(&format!("{}\nnext: {}", Line(&path.display().to_string()), Line(&next))).map(drop)
}

/// The servers of `evergrant mock` end with its program. Their address in a default profile would stay, and the next secret would
/// go to whatever listens there then.
fn not_the_mocks(client: &ClientArgs, origins: &[String]) -> Result<(), Failure> {
    let Some(api) = std::env::var("EVERGRANT_MOCK_API").ok().filter(|api| !api.is_empty()) else {
        return Ok(());
    };
    let is_the_mocks = |address: &&String| {
        address.strip_prefix(&api).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match client.token_endpoint.iter().chain(origins).find(is_the_mocks) {
        Some(address) if client.config.is_none() => Err(Failure::usage(
            format!("{address} is an address of evergrant mock, and of no use once the mock has ended"),
            "leave the mock's shell first, or name another file with --config PATH",
        )),
        _ => Ok(()),
    }
}

/// What there is to do with the file.
fn next(client: &ClientArgs, name: &str, path: &Path) -> String {
    let secret = match client.client_secret_file {
        Some(_) => "",
        None => "set EVERGRANT_CLIENT_SECRET, or say in the file where the client secret is; then ",
    };
    // What begins with a dash would be another flag.
    let equals = if name.starts_with('-') { '=' } else { ' ' };
    let config = match client.config {
        Some(_) => format!(" --config {}", word(&path.display().to_string())),
        None => String::new(),
    };
    format!("{secret}run: evergrant doctor --profile{equals}{}{config}", word(name))
}

/// A word for a shell.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
