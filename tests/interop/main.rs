//! evergrant against authorization servers that nobody here wrote: the command and every adapter, case by case.
//!
//! `run`, beside this file, installs the servers, starts them, and runs this with their addresses in the environment. It
//! is an example of its package, so that it is compiled and linted with everything, and run by nothing else.
// A failed unwrap is a failed case. What is printed is what it is for.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cases;
mod clocks;
mod command;
mod credentials;
mod placed;
mod program;
mod report;
mod servers;
mod shells;

use cases::{Case, Run};
use command::Command;
use program::PROGRAMS;
use report::Report;
use servers::Servers;
use shells::SHELLS;
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    evergrant_tests::install_tls();
    // The cases of the servers whose names begin with this.
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let is_wanted = |case: &Case<'_>| case.server.name.starts_with(&wanted);
    let (servers, command, report) =
        (Servers::from_environment(), Command::from_environment(), Report::default());
    for case in cases::one_by_one(&servers).into_iter().filter(is_wanted) {
        for (driver, job) in jobs(&case, &command) {
            report.run(&case, driver, job);
        }
    }
    let cases: Vec<Case<'_>> = cases::together(&servers).into_iter().filter(is_wanted).collect();
    thread::scope(|scope| {
        for case in &cases {
            for (driver, job) in jobs(case, &command) {
                let report = &report;
                scope.spawn(move || report.run(case, driver, job));
            }
        }
    });
    report.finish()
}

type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// The case, on each driver it is for.
fn jobs<'a>(case: &'a Case<'a>, command: &'a Command) -> Vec<(&'static str, Job<'a>)> {
    let server = case.server;
    match case.run {
        Run::Shell(run) => SHELLS
            .into_iter()
            .map(|(name, mount)| (name, Box::new(move || run(server, mount)) as Job<'a>))
            .collect(),
        Run::Command(run) => vec![("command", Box::new(move || run(server, command)))],
        Run::Program(run) => PROGRAMS
            .into_iter()
            .map(|(name, kind)| (name, Box::new(move || run(server, command, kind)) as Job<'a>))
            .collect(),
        Run::ByHand(run) => vec![("by hand", Box::new(move || run(server)))],
    }
}
