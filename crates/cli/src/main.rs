//! The command `evergrant`.
//!
//! By floors, each of which knows those below it alone: `commands`, a file for each subcommand; `client`, from words to a
//! client; `tell`, what people are told and where.
#![forbid(unsafe_code)]
// A stream that is full or closed must not end the command: `tell` writes to both.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod tell;
mod client;
mod commands;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use client::mistake;
use client::variables;
use commands::cache::{self, CacheArgs};
use commands::completions::{self, CompletionsArgs};
use commands::config::{self, ConfigArgs};
use commands::demo::{self, DemoArgs};
use commands::doctor::{self, DoctorArgs};
use commands::gateway::{self, GatewayArgs};
use commands::help::{self, HelpArgs};
use commands::inspect::{self, InspectArgs};
use commands::key::{self, KeyArgs};
use commands::man::{self, ManArgs};
use commands::mock::{self, MockArgs};
use commands::request::{self, RequestArgs};
use commands::run::{self, RunArgs};
#[cfg(unix)]
use commands::serve::{self, ServeArgs};
use commands::token::{self, TokenArgs};
use commands::watch::{self, WatchArgs};
use evergrant_drive::CommandSource;
use std::process::ExitCode;
use tell::escaped::Escaped;
use tell::failure::Failure;
use tell::help::summarized;
use tell::manner::Manner;
use tell::stderr;
use tell::stdout;
use tell::verbose;

/// Get OAuth 2.0 access tokens with the client credentials grant, and use them
///
/// The client is described by flags, by variables, or by a profile of the configuration file. Without a server of your own,
/// evergrant mock -- sh starts one to try it with.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 80,
    arg_required_else_help = true,
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true
)]
struct Evergrant {
    #[command(flatten)]
    manner: Manner,
    /// Print help: a summary with -h, everything with --help
    #[arg(short, long, global = true, action = ArgAction::Help, help_heading = Manner::HEADING)]
    help: Option<bool>,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = Manner::HEADING)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the library at work on servers of its own
    Demo(DemoArgs),
    /// Print an access token
    Token(TokenArgs),
    /// Call an API with a token
    Request(RequestArgs),
    /// Run a program with a token in a variable or a file
    Run(RunArgs),
    /// Keep a token fresh and show what happens
    Watch(WatchArgs),
    /// Show what an access token contains; nothing is verified
    Inspect(InspectArgs),
    /// Run an authorization server and an API on loopback, for tests
    Mock(MockArgs),
    /// Run a server that puts a token on the requests of other programs
    Gateway(GatewayArgs),
    /// Give the token to whoever reads a Unix socket
    #[cfg(unix)]
    Serve(ServeArgs),
    /// Print a client's public key, to register it at the server
    Key(KeyArgs),
    /// Find out what is wrong with a setup
    Doctor(DoctorArgs),
    /// Print a shell completion script
    Completions(CompletionsArgs),
    /// Print a page of the manual, or write all of them
    Man(ManArgs),
    /// Create, check and show the configuration file
    Config(ConfigArgs),
    /// List or remove the tokens that --cache has kept
    Cache(CacheArgs),
    /// Print help, as --help does
    Help(HelpArgs),
}

fn main() -> ExitCode {
    without_core_files();
    with_limited_files();
    // The program chooses its TLS provider; a second call would fail, and there is none.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let mut said = variables::without_empty(summarized(Evergrant::command()));
    let parsed = said.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|mut matches| Evergrant::from_arg_matches_mut(&mut matches));
    let Evergrant { manner, command, .. } = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return misread(mistake::plain(variables::blamed(error, &said), &said), &mut said),
    };
    stderr::speak(manner);
    if manner.verbose {
        verbose::start(manner);
        for variable in variables::unread(&said) {
            stderr::note(variable);
        }
    }
    let done = match command {
        Command::Demo(args) => demo::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Token(args) => token::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Request(args) => request::run(args, manner).map(|()| ExitCode::SUCCESS),
        Command::Run(args) => run::run(&args),
        Command::Watch(args) => watch::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Inspect(args) => inspect::run(&args, manner),
        Command::Mock(args) => mock::run(&args, manner),
        Command::Gateway(args) => gateway::run(&args, manner),
        #[cfg(unix)]
        Command::Serve(args) => serve::run(&args, manner),
        Command::Doctor(args) => doctor::run(&args, manner, &variables::unread(&said)),
        Command::Completions(args) => {
            completions::run(&args, Evergrant::command(), manner).map(|()| ExitCode::SUCCESS)
        }
        Command::Key(args) => key::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => man::run(&args, Evergrant::command(), manner).map(|()| ExitCode::SUCCESS),
        Command::Help(args) => help::run(&args, said).map(|()| ExitCode::SUCCESS),
        Command::Cache(args) => cache::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Config(args) => config::run(&args, manner).map(|()| ExitCode::SUCCESS),
    };
    // Whoever waits for a program that prints a secret goes with this process; the program would stay.
    CommandSource::end_all();
    done.unwrap_or_else(|failure| failure.tell(manner))
}

/// A core file would hold the secret and the token. A program that is started by this one has core files as before.
fn without_core_files() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // Where the system does not let it, all is as it was.
    let _set = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// A file that grows beyond the limit of this process (`ulimit -f`) is an error of its writer, who cleans up, and not the end of
/// the process. Caught and not ignored: a program that is started by this one is ended by it as before.
fn with_limited_files() {
    #[cfg(unix)]
    if !commands::child::is_ignored(signal_hook::consts::SIGXFSZ) {
        // Where the system does not let it, all is as it was.
        let _caught = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
    }
}

/// Help and versions are clap's to print, and so are its errors, unless JSON is asked for.
fn misread(error: clap::Error, command: &mut clap::Command) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    // Ours say by themselves what to do next; a usage would say less.
    let is_ours = error.kind() == ErrorKind::ArgumentConflict && error.context().next().is_none();
    if (json || is_ours) && error.use_stderr() {
        return Failure::from(error).tell(Manner { verbose: false, json, quiet: false });
    }
    let error = error.format(command);
    if !error.use_stderr() {
        let manner = Manner { verbose: false, json, quiet: false };
        let printed =
            stdout::line(error.render().ansi().to_string().trim_end()).and_then(|_| stdout::flush());
        return printed.map_or_else(|failure| failure.tell(manner), |_| ExitCode::SUCCESS);
    }
    let text = error.render().to_string();
    // What it repeats may be what others wrote.
    if Escaped(&text).to_string() != text {
        stderr::line(Escaped(text.trim_end()));
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX));
    }
    error.exit()
}

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tests;
