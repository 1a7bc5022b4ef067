//! A program of the user's that runs under the command: signals are passed on to it, and its end is ours.

#[cfg(not(unix))]
#[path = "child/elsewhere.rs"]
mod system;
#[cfg(unix)]
#[path = "child/unix.rs"]
mod system;

use crate::tell::failure::Failure;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;
use tokio::process::Command;

pub(crate) use system::Signals;
#[cfg(unix)]
pub(crate) use system::is_ignored;

/// The program and its arguments, still to be given an environment. `None` if none is named.
pub(crate) fn command(words: &[OsString]) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments);
    Some(command)
}

/// Runs it to its end. Signals caught before it started are its first.
pub(crate) async fn run(mut command: Command, signals: &mut Signals) -> Result<ExitCode, Failure> {
    let mut child = command.spawn().map_err(|error| {
        let program = command.as_std().get_program().to_string_lossy();
        // As shells have it.
        let status = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
        Failure::not_started(status, format!("{program} cannot be started: {error}"))
    })?;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let ended = ended.map_err(|error| Failure::system("cannot wait for the program to end", &error))?;
                return Ok(system::exit_code(ended));
            }
            signal = signals.next() => signal.pass_on(&child),
        }
    }
}

/// Waits for a signal. Returns the status of a command that it ended.
pub(crate) async fn ended_by(signals: &mut Signals) -> ExitCode {
    signals.next().await.exit_code()
}
