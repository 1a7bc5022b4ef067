//! `evergrant config show`: the client as it will be used, and who said each of its values.

use crate::client::args::{ClientArgs, OriginArgs};
use crate::client::chosen::unused_default;
use crate::client::profile;
use crate::client::settings::Settings;
use crate::client::settings::shown::Shown;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::Args;
use serde_json::{Map, Value, json};

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock -- evergrant config show",
    "evergrant config show --provider myparcel-sandbox --client-id me --json";
    usage, transient
))]
pub(crate) struct ConfigShowArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    origins: OriginArgs,
}

pub(super) fn run(args: &ConfigShowArgs, manner: Manner) -> Result<(), Failure> {
    let (args, origins) = (&args.client, &args.origins);
    let settings = Settings::read(args)?.with_allowed(args, origins);
    let shown = settings.shown()?;
    let unused = unused_default(args).map(|unused| unused.to_string());
    let path = settings.profile().map(|_| profile::named(args.config.as_deref())).transpose()?;
    if manner.json {
        let named = settings.profile().map(|said| json!({ "value": said.value, "from": said.by.json() }));
        let settings: Map<String, Value> = shown.iter().map(Shown::json).collect();
        let object = json!({ "path": path, "profile": named, "settings": settings, "unused": unused });
        return stdout::json(&object).map(drop);
    }
    let mut text = String::new();
    if let (Some(said), Some(path)) = (settings.profile(), path) {
        let value = format!("{} in {}", said.value, path.display());
        text.push_str(&row("profile", &value, &said.by.to_string()));
    }
    for shown in shown {
        text.push_str(&row(shown.name, &shown.value.to_string(), &shown.by.to_string()));
    }
    if let Some(unused) = unused {
        text.push_str(&format!("note: {}\n", Line(&unused)));
    }
    stdout::plain(text.trim_end()).map(drop)
}

fn row(name: &str, value: &str, by: &str) -> String {
    // What stands in a file may have line breaks.
    format!("{name:<21} {}  ({})\n", Line(value), Line(by))
}
