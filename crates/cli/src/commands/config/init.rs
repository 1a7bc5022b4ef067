//! `evergrant config init`: a first configuration file.

use crate::client::args::ClientArgs;
use crate::client::profile::{self, Profile, draft};
use crate::client::settings::Settings;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::Args;
use evergrant_tokio_reqwest::Origin;
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
    /// Origin that tokens may be sent to; may be repeated
    ///
    /// It is added to the origins of the provider.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &ConfigInitArgs, manner: Manner) -> Result<(), Failure> {
    let client = &args.client;
    let path = profile::named(client.config.as_deref())?;
    draft::vacant(&path)?;
    let name = client.profile.as_deref().unwrap_or(NAME);
    // As flags they have no line yet.
    if let Some((_, failure)) = Settings::merge(client, Profile::default())?.faults().into_iter().next() {
        return Err(failure);
    }
    for origin in &args.allow_origin {
        Origin::parse(origin)?;
    }
    let text = draft::text(&path, name, client, &args.allow_origin)?;
    draft::create(&path, &text)?;
    let next = next(client, name, &path);
    if manner.json {
        return stdout::json(&json!({ "path": path, "profile": name, "next": next })).map(drop);
    }
    stdout::plain(&format!("{}\nnext: {next}", path.display())).map(drop)
}

/// What there is to do with the file.
fn next(client: &ClientArgs, name: &str, path: &Path) -> String {
    let secret = match client.client_secret_file {
        Some(_) => "",
        None => "set EVERGRANT_CLIENT_SECRET, or say in the file where the client secret is; then ",
    };
    let config = match client.config {
        Some(_) => format!(" --config {}", word(&path.display().to_string())),
        None => String::new(),
    };
    format!("{secret}run: evergrant doctor --profile {}{config}", word(name))
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
