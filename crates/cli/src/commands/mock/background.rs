//! `--env`: servers that go on in the background, and what makes a shell their client.

use super::place::{Place, quoted};
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use serde_json::Value;
use std::ffi::OsString;
use std::future::pending;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// How long they run unless --for says it: nobody may remember to stop them.
const LASTS: &str = "1h";

/// Starts them, and prints lines for a POSIX shell once they listen.
pub(super) fn start(lasts: Option<Duration>, manner: Manner) -> Result<(), Failure> {
    if manner.json {
        return Err(Failure::usage("--json and --env ask for different output", "leave one of them out"));
    }
    let cannot = |error: io::Error| Failure::system("the servers cannot be started", &error);
    let mut servers = again(lasts).and_then(|mut command| command.spawn()).map_err(cannot)?;
    let mut line = String::new();
    if let Some(stdout) = servers.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(cannot)?;
    }
    let Some(place) = Place::read(&line) else { return Err(why(servers)) };
    let read = print(&place, servers.id());
    if matches!(read, Ok(true)) {
        let loose = servers.stdin.take().map(|mut leash| leash.write_all(b"."));
        return loose.transpose().map(drop).map_err(cannot);
    }
    // Nobody has learnt how to stop them.
    stop(servers);
    read.map(drop)
}

/// In the background: waits until who started these servers has told how to stop them. If they ended before, so do the
/// servers.
pub(super) async fn let_loose() -> Result<ExitCode, Failure> {
    let leash = || io::stdin().lock().read(&mut [0]).is_ok_and(|length| length > 0);
    match tokio::task::spawn_blocking(leash).await {
        Ok(true) => pending().await,
        Ok(false) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}

/// This command once more, which tells as JSON where it listens.
fn again(lasts: Option<Duration>) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for word in std::env::args_os().skip(1) {
        match (word == "--env", lasts) {
            (false, _) => command.arg(word),
            (true, Some(_)) => command.args(["--json", "--leashed"]),
            (true, None) => command.args(["--json", "--leashed", "--for", LASTS]),
        };
    }
    // Nothing of the caller's is kept open: who reads our output to its end would wait for the servers. They leave its
    // folder themselves, once they have read the files that it named.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C at the shell's prompt is for the shell's group.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

/// Returns whether anybody reads it.
fn print(place: &Place, pid: u32) -> Result<bool, Failure> {
    let pid = pid.to_string();
    let mut variables = place.variables();
    variables.push(("EVERGRANT_MOCK_PID", &pid));
    // Those of another client would be mixed with these.
    let mut others: Vec<String> = Place::others().filter_map(identifier).collect();
    others.retain(|other| variables.iter().all(|(name, _)| name != other));
    let unset = others.into_iter().map(|name| format!("unset {name}"));
    let exports = variables.into_iter().map(|(name, value)| format!("export {name}={}", quoted(value)));
    let lines: Vec<String> = unset.chain(exports).collect();
    Ok(stdout::line(lines.join("\n"))? && stdout::flush()?)
}

#[cfg(unix)]
fn stop(servers: Child) {
    use rustix::process::{Pid, Signal, kill_process};
    // They clean up, which a kill would not let them. They may have ended already.
    let _ended = kill_process(Pid::from_child(&servers), Signal::TERM);
}

#[cfg(not(unix))]
fn stop(mut servers: Child) {
    // They may have ended already.
    let _ended = servers.kill();
}

/// Nothing else is the name of a variable to a shell.
fn identifier(name: OsString) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.into_string().ok().filter(|name| name.chars().all(is_part))
}

/// Why they ended instead of telling where they listen.
fn why(servers: Child) -> Failure {
    let cannot = |error: &str| Failure::system("the servers cannot be started", &error);
    let said = servers.wait_with_output().map(|output| output.stderr).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let mut told = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let Some(told) = told.find(|told| told["error"].is_string()) else {
        return cannot("they ended early");
    };
    let text = |name: &str| told[name].as_str().unwrap_or_default();
    if told["status"] == 2 { Failure::usage(text("error"), text("next")) } else { cannot(text("error")) }
}
