//! `evergrant token`: one token on stdout and nothing else.

use crate::client::args::{ClientArgs, duration};
use crate::client::setup::Setup;
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use crate::tell::when;
use clap::{Args, ValueEnum};
use evergrant_tokio_reqwest::core::{AccessToken, Wall};
use evergrant_tokio_reqwest::{Clock, SystemClock, Tokens};
use std::time::Duration;
use zeroize::Zeroizing;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock -- evergrant token",
    "evergrant mock -- sh -c \\",
    "  'evergrant token --format header | curl -s -H @- \"$EVERGRANT_MOCK_API\"'";
    usage, refused, transient
))]
pub(crate) struct TokenArgs {
    /// What to print
    ///
    /// Default: token, or json with --json.
    #[arg(help_heading = "Output")]
    #[arg(long, value_enum, env = "EVERGRANT_FORMAT", hide_env_values = true)]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Retry transient failures for this long
    ///
    /// Without it, the first failure ends the command.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "EVERGRANT_WAIT", hide_env_values = true)]
    pub(crate) wait: Option<Duration>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// The token alone
    Token,
    /// A whole header field: Authorization: Bearer TOKEN
    Header,
    /// An object with access_token, token_type, expires_in and expires_at
    Json,
}

pub(crate) fn run(args: &TokenArgs, manner: Manner) -> Result<(), Failure> {
    let format = Format::chosen(args.format, manner)?;
    let setup = Setup::read(&args.client)?;
    let tokens = setup.tokens(args.wait)?;
    let token = block_on(setup.token(&tokens))?;
    let mut line = format.render(token.value(), &tokens);
    line.push('\n');
    stdout::print(line.as_bytes()).map(drop)
}

impl Format {
    /// The one that was asked for, by whichever flag.
    pub(crate) fn chosen(asked: Option<Self>, manner: Manner) -> Result<Self, Failure> {
        if manner.json && asked.is_some_and(|format| !matches!(format, Self::Json)) {
            return Err(Failure::usage(
                "--json and --format (or EVERGRANT_FORMAT) ask for different output",
                "leave one of them out",
            ));
        }
        Ok(asked.unwrap_or(if manner.json { Self::Json } else { Self::Token }))
    }

    /// The token in this form. Its source knows its life.
    pub(crate) fn render(self, token: &AccessToken, source: &Tokens) -> Zeroizing<String> {
        let text = token.expose();
        Zeroizing::new(match self {
            Self::Token => text.to_owned(),
            Self::Header => format!("Authorization: Bearer {text}"),
            Self::Json => {
                let (life, end) = match source.export() {
                    Some(stored) => {
                        let (issued, life) = (stored.issued(), stored.life());
                        (Some(left(issued, life, source)), Some(issued.after(life)))
                    }
                    None => (None, None),
                };
                let end = end.and_then(|end| when::rfc3339(end.since_epoch()));
                serde_json::json!({
                    "access_token": text, "token_type": "Bearer", "expires_in": life, "expires_at": end,
                })
                .to_string()
            }
        })
    }
}

/// The whole seconds that are left of a life.
fn left(issued: Wall, life: Duration, source: &Tokens) -> u64 {
    let now = SystemClock.now().wall;
    match source.status().requests {
        // What the server said, less what was spent on the way.
        1.. if now.since(issued) < Duration::from_secs(1) => life.as_secs(),
        // One that was kept, or is held for a while, has spent some of its life.
        _ => issued.after(life).since(now).as_secs(),
    }
}
