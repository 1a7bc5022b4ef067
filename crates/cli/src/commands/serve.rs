//! `evergrant serve`: the token for whoever reads a Unix socket.

mod answering;

use crate::client::args::{ClientArgs, duration};
use crate::client::profile::gateway::Bounds;
use crate::client::settings::Settings;
use crate::commands::gateway::{Signals, Source, Wish, notify};
use crate::commands::runtime::block_on;
use crate::commands::token::Format;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::metrics::Totals;
use crate::tell::stderr;
use answering::Answering;
use clap::{Args, ValueHint};
use evergrant_gateway::OwnSocket;
use evergrant_tokio_reqwest::Tokens;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long a reader waits for a token unless somebody says otherwise: less than systemd gives the start of a unit.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often is looked whether there is a first token.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock -- timeout --preserve-status 1s \\",
    "  evergrant -q serve --socket token.sock";
    usage, transient
))]
pub(crate) struct ServeArgs {
    /// Unix socket to serve at
    ///
    /// Whoever connects gets one answer, and the connection is closed: with the token, or with nothing if there is none. The
    /// socket is for this user and root (mode 0600), in a folder that no other user may write to.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) socket: PathBuf,
    /// What to answer
    ///
    /// Default: token, or json with --json.
    #[arg(help_heading = "Output")]
    #[arg(long, value_enum, env = "EVERGRANT_FORMAT", hide_env_values = true)]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// How long a reader waits for a token
    ///
    /// Default: 20s.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "EVERGRANT_WAIT", hide_env_values = true)]
    pub(crate) wait: Option<Duration>,
}

pub(crate) fn run(args: &ServeArgs, manner: Manner) -> Result<ExitCode, Failure> {
    let format = Format::chosen(args.format, manner)?;
    let source =
        Source::new(Settings::read(&args.client)?, None, &Bounds::default(), &Arc::<Totals>::default())?;
    let tokens = source.tokens.clone();
    let ended = block_on(async {
        let mut signals = Signals::caught()?;
        let socket = OwnSocket::bind(&args.socket)
            .map_err(|error| Failure::serve("the token cannot be served", &error))?;
        tokio::spawn(tokens.keep_fresh());
        tokio::spawn(tell_when_ready(tokens.clone()));
        stderr::in_background();
        if !manner.quiet {
            stderr::note(format_args!(
                "serving the token of {} at {}",
                Line(tokens.name()),
                Line(&args.socket.to_string_lossy())
            ));
        }
        let answering = Answering { tokens, format, patience: args.wait.unwrap_or(PATIENCE) };
        // The socket goes with this.
        let mut serving = std::pin::pin!(answering.serve(socket));
        loop {
            tokio::select! {
                wish = signals.next() => match wish {
                    Wish::Again => source.try_again(),
                    Wish::End(_) => break,
                },
                never = &mut serving => match never {},
            }
        }
        notify::stopping();
        Ok(ExitCode::SUCCESS)
    });
    stderr::end();
    ended
}

/// systemd starts what reads the token then.
async fn tell_when_ready(tokens: Tokens) {
    while tokens.status().held.is_none() {
        tokio::time::sleep(LOOK).await;
    }
    notify::ready();
}
