//! `evergrant run`: a program that only reads variables or files, with a token that works.

mod token_file;

use crate::client::args::{ClientArgs, duration};
use crate::client::secret;
use crate::client::setup::Setup;
use crate::commands::child::{self, Signals};
use crate::commands::metrics::MetricsArgs;
use crate::commands::runtime::block_on;
use crate::commands::token::Format;
use crate::tell::cause::Cause;
use crate::tell::failure::{Failure, why};
use crate::tell::news::News;
use crate::tell::stderr;
use clap::{Args, ValueHint};
use evergrant_tokio_reqwest::core::Generation;
use evergrant_tokio_reqwest::{LastOutcome, Status, Tokens};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use token_file::TokenFile;

/// The program's variables, unless --env names another.
const TOKEN: &str = "EVERGRANT_TOKEN";
const TOKEN_FILE: &str = "EVERGRANT_TOKEN_FILE";

/// No nap is longer: a suspend, or a step of a clock, is noticed within that time.
const LONGEST_NAP: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
#[command(override_usage = "evergrant run [OPTIONS] -- <CMD>...", after_long_help = examples!(
    "evergrant mock -- evergrant run -- sh -c \\",
    "  'echo \"$EVERGRANT_TOKEN\" | evergrant inspect'",
    "evergrant mock -- evergrant run --token-file token -- sh -c \\",
    "  'evergrant inspect \"$EVERGRANT_TOKEN_FILE\"'";
    usage, refused, transient, program
))]
pub(crate) struct RunArgs {
    /// Keep a fresh token in this file while the program runs
    ///
    /// The file is replaced before its token ends, and removed afterwards. Only this user can read it. The
    /// variable EVERGRANT_TOKEN_FILE names it to the program. A file of yours that exists is not touched: the
    /// command refuses it.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,
    /// Variable that holds the token
    ///
    /// Default: EVERGRANT_TOKEN, or none with --token-file. The variable of a running program cannot be renewed.
    #[arg(long, value_name = "NAME", value_parser = variable)]
    env: Option<String>,
    /// What the variable and the file contain
    #[arg(long, value_enum, default_value = "token")]
    format: Format,
    /// Program and its arguments
    ///
    /// Signals are passed on to it, and the command ends with its exit status. stdout belongs to the program,
    /// also with --json: then errors and notes on stderr are objects.
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true, allow_hyphen_values = true,
        value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
    #[command(flatten)]
    metrics: MetricsArgs,
    #[command(flatten)]
    client: ClientArgs,
    /// Retry transient failures for this long
    ///
    /// It applies to the first token. Without it, the first failure ends the command.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "EVERGRANT_WAIT", hide_env_values = true)]
    wait: Option<Duration>,
}

pub(crate) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let Some(mut command) = child::command(&args.command) else {
        return Err(Failure::usage("there is no program to run", "name it after --"));
    };
    let metrics = args.metrics.read()?;
    let setup = Setup::lasting(&args.client, None)?.observed(Arc::new(News));
    let setup = metrics.iter().fold(setup, |setup, metrics| setup.observed(metrics.observer()));
    let tokens = setup.tokens(args.wait)?;
    block_on(async {
        // Until now Ctrl-C ended this command as it ends any other; from now on there is something to remove.
        let mut signals = Signals::caught()?;
        let file = args.token_file.as_deref().map(TokenFile::at).transpose()?;
        let mut alive = Alive(Vec::new());
        if let Some(metrics) = metrics {
            alive.0.push(metrics.serve(tokens.clone()).await?);
        }
        let token = tokio::select! {
            token = setup.token(&tokens) => token?,
            ended = child::ended_by(&mut signals) => return Ok(ended),
        };
        // Nor what another run has set, one that this one runs under.
        let outer = [TOKEN, TOKEN_FILE];
        for name in secret::VARIABLES
            .into_iter()
            .chain(outer)
            .chain(setup.secret_variables.iter().map(String::as_str))
        {
            command.env_remove(name);
        }
        let text = args.format.render(token.value(), &tokens);
        let variable = args.env.as_deref().or(file.is_none().then_some(TOKEN));
        if let Some(name) = variable {
            command.env(name, &*text);
        }
        match file {
            Some(mut file) => {
                file.replace(&text).map_err(|error| file.failure(&error))?;
                command.env(TOKEN_FILE, file.path());
                let keeping = tokens.keep_fresh();
                let replacing = replace(file, args.format, tokens, token.generation());
                // Both end with the program.
                alive.0.extend([tokio::spawn(keeping), tokio::spawn(replacing)]);
            }
            None => alive.0.push(tokio::spawn(tell_the_end(tokens))),
        }
        let ended = child::run(command, &mut signals).await;
        alive.end().await;
        ended
    })
}

/// Tasks that have no end of their own.
struct Alive(Vec<tokio::task::JoinHandle<()>>);

impl Alive {
    /// Ends them, and waits until they are over: with them goes the token file.
    async fn end(self) {
        for task in &self.0 {
            task.abort();
        }
        for task in self.0 {
            let _aborted = task.await;
        }
    }
}

/// Replaces the file whenever there is another token.
async fn replace(mut file: TokenFile, format: Format, tokens: Tokens, first: Generation) {
    let (mut written, mut trouble) = (first, false);
    loop {
        let nap = nap(&tokens.status());
        tokio::time::sleep(if trouble { nap.min(Duration::from_secs(1)) } else { nap }).await;
        let error = match tokens.try_token() {
            Some(token) if token.generation() == written => continue,
            Some(token) => {
                let text = format.render(token.value(), &tokens);
                match tokio::task::block_in_place(|| file.replace(&text)) {
                    Ok(()) => {
                        written = token.generation();
                        None
                    }
                    Err(error) => Some(format!("the token file cannot be replaced: {}", Cause(&error))),
                }
            }
            None => Some(expired(&tokens.status())),
        };
        match &error {
            Some(error) if !trouble => stderr::warning(format_args!("{error}; it is retried automatically")),
            None if trouble => stderr::note("the token file holds a new token"),
            _ => {}
        }
        trouble = error.is_some();
    }
}

/// That the file's token is over, and why there is no other.
fn expired(status: &Status) -> String {
    let happened = "the token in the token file has expired, and there is no new one yet";
    match &status.last_outcome {
        Some((LastOutcome::Failed(cause), _)) => format!("{happened}: {}", why(cause)),
        _ => happened.to_owned(),
    }
}

/// How long nothing can happen: until the token is due, then in small steps until it is replaced.
fn nap(status: &Status) -> Duration {
    let (shortest, longest) = (Duration::from_millis(20), Duration::from_secs(1));
    match &status.held {
        Some(held) if !held.refresh_in.is_zero() => held.refresh_in.clamp(shortest, LONGEST_NAP),
        Some(held) => (held.used_for / 20).clamp(shortest, longest),
        None => Duration::from_millis(200),
    }
}

/// A variable cannot be changed from outside: says so when its token ends under the running program.
async fn tell_the_end(tokens: Tokens) {
    while let Some(held) = tokens.status().held {
        tokio::time::sleep(held.used_for.min(LONGEST_NAP)).await;
    }
    stderr::note("the token in the program's variable has expired; with --token-file it would be replaced");
}

fn variable(name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("a variable's name must not be empty or contain =".into());
    }
    Ok(name.to_owned())
}
