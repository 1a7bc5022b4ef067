//! The command: `demo`, `token`, `mock`, `doctor`, `config`.
//!
//! Exit status: 0 done, 1 the demonstration found a fault, 2 configuration or usage, 3 refused (the client must
//! change), 4 transient (try again).
#![forbid(unsafe_code)]
// Talking to people on stdout is what a command is for.
#![allow(clippy::print_stdout)]

mod args;
mod cache;
mod config;
mod demo;
mod doctor;
mod failure;
mod folders;
mod mock;
mod profile;
mod secret;
mod token;

use args::{Command, Evergrant};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The program chooses its TLS provider; a second call would fail, and there is none.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let done = match Evergrant::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Mock(args) => mock::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Config(args) => config::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

/// A tokio runtime with timers and IO.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system("the async runtime cannot be started", &error))
}
