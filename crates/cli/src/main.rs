//! The command `evergrant`.
//!
//! Each subcommand has a file of its own: what can be said to it, what it does. What they share: `args` and `config`, from words
//! to a client; `failure`, and how it is told; `stdout`, `live` and `verbose`, where the rest is told.
#![forbid(unsafe_code)]
// Talking to people on stdout is what a command is for.
#![allow(clippy::print_stdout)]

#[macro_use]
mod help;

mod args;
mod cache;
mod child;
mod completions;
mod config;
mod demo;
mod doctor;
mod failure;
mod folders;
mod inspect;
mod live;
mod man;
mod mock;
mod profile;
mod request;
mod run;
mod secret;
mod stdout;
mod token;
mod verbose;
mod watch;
mod when;

use args::{Command, Evergrant, Manner};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The program chooses its TLS provider; a second call would fail, and there is none.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let Evergrant { manner, command } = match Evergrant::try_parse() {
        Ok(said) => said,
        Err(error) => return misread(error),
    };
    if manner.verbose {
        verbose::start(manner);
    }
    let done = match command {
        Command::Demo(args) => demo::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Token(args) => token::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Request(args) => request::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Run(args) => run::run(&args),
        Command::Watch(args) => watch::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Inspect(args) => inspect::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Mock(args) => mock::run(&args),
        Command::Doctor(args) => doctor::run(&args, manner).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => completions::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => man::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Config(args) => config::run(&args, manner).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|failure| failure.tell(manner))
}

/// Help and versions are clap's to print, and so are its errors, unless JSON is asked for.
fn misread(error: clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json && error.use_stderr() {
        return Failure::from(error).tell(Manner { verbose: false, json });
    }
    error.exit()
}

/// A tokio runtime with timers and IO.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system("the async runtime cannot be started", &error))
}
