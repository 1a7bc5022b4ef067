//! `evergrant config init`: a first configuration file.

mod mock;

use crate::client::args::{Auth, ClientArgs, NewClientArgs, OriginArgs};
use crate::client::profile::{self, draft};
use crate::client::said::Said;
use crate::client::settings::Settings;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stderr;
use crate::tell::stdout;
use clap::Args;
use mock::Mock;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What the profile is called unless it is named.
const NAME: &str = "default";

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant config init --config config.toml --profile sandbox \\",
    "  --provider myparcel-sandbox --client-id my-client-id",
    "evergrant config init --config config.toml --client-id my-client-id \\",
    "  --token-endpoint https://auth.example.com/token \\",
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
    let mock = Mock::around();
    let mocks = mock.as_ref().and_then(|mock| mock.named(client, origins));
    if let Some(address) = mocks.as_ref().filter(|_| client.config.is_none()) {
        return Err(mock::refused(address));
    }
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
    if let Some(Said { value, by }) = mocks {
        stderr::note(format_args!("{value}, from {by}, works only while this evergrant mock runs"));
    }
    let next = next(client, name, &path, &before(client, &settings, mock.as_ref()));
    if manner.json {
        return stdout::json(&json!({ "path": path, "profile": name, "next": next })).map(drop);
    }
    stdout::plain(&format!("{}\nnext: {}", Line(&path.display().to_string()), Line(&next))).map(drop)
}

/// Whether the profile's secret is there already, or none is needed. The variable in the mock's shell has that of the mock, which
/// is for no other server.
fn has_secret(client: &ClientArgs, settings: &Settings, mock: Option<&Mock>) -> bool {
    let is_meant =
        mock.is_none_or(|mock| client.token_endpoint.as_deref().is_some_and(|url| mock.serves(url)));
    let is_set = || std::env::var_os("EVERGRANT_CLIENT_SECRET").is_some_and(|secret| !secret.is_empty());
    client.client_secret_file.is_some()
        || matches!(settings.method(), Auth::Assertion | Auth::None)
        || (is_meant && is_set())
}

/// What is lacking before the client can ask.
enum Before {
    Nothing,
    /// Its secret has no place yet.
    Secret,
    /// The server does not know its key.
    Key,
    /// The server does not know the certificate in this file.
    Certificate(PathBuf),
}

fn before(client: &ClientArgs, settings: &Settings, mock: Option<&Mock>) -> Before {
    let certificate = |file: &Path| Before::Certificate(file.to_owned());
    match settings.method() {
        Auth::PrivateKeyJwt => client.key_certificate.as_deref().map_or(Before::Key, certificate),
        Auth::Tls => client.certificate.as_deref().map_or(Before::Nothing, certificate),
        _ if has_secret(client, settings, mock) => Before::Nothing,
        _ => Before::Secret,
    }
}

/// What there is to do with the file.
fn next(client: &ClientArgs, name: &str, path: &Path, before: &Before) -> String {
    // What begins with a dash would be another flag.
    let equals = if name.starts_with('-') { '=' } else { ' ' };
    let config = match client.config {
        Some(_) => format!(" --config {}", word(&path.display().to_string())),
        None => String::new(),
    };
    let of_profile = format!("--profile{equals}{}{config}", word(name));
    let first = match before {
        Before::Nothing => String::new(),
        Before::Secret => {
            "set EVERGRANT_CLIENT_SECRET, or say in the file where the client secret is; then ".to_owned()
        }
        Before::Key => {
            format!(
                "register the public key at the server, which this prints: evergrant key {of_profile}; then "
            )
        }
        Before::Certificate(file) => {
            format!(
                "register the certificate {} at the server, without its key; then ",
                word(&file.display().to_string())
            )
        }
    };
    format!("{first}run: evergrant doctor {of_profile}")
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
