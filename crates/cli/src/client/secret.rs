//! Where the client secret comes from: a file, a pipe, stdin, the environment, or a command that prints it. Never a
//! flag, and never the configuration file: argv is public, and a file is copied along.

use crate::tell::failure::Failure;
use crate::tell::stderr;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// No secret is longer; a larger file is another file.
const MAX_BYTES: u64 = 64 * 1024;

/// A command may ask its user for a passphrase; one that takes longer hangs, and a job that hangs is never seen.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

const VARIABLE: &str = "EVERGRANT_CLIENT_SECRET";

/// The variables that hold a secret, or lead to one: what no other program shall inherit.
pub(crate) const VARIABLES: [&str; 3] = [VARIABLE, "EVERGRANT_CLIENT_SECRET_FILE", "EVERGRANT_PARAM"];

/// Where a client secret is kept.
#[derive(Debug)]
pub(crate) enum Source {
    /// Nobody said where: in `EVERGRANT_CLIENT_SECRET`.
    Usual,
    /// In this variable.
    Variable(String),
    /// In this file; `-` is stdin.
    File(PathBuf),
    /// What this program prints. There is no shell in between.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

impl Source {
    /// The client secret.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        match self {
            Self::Usual => variable(VARIABLE)?.ok_or_else(|| {
                Failure::usage(
                    "there is no client secret",
                    format!("set {VARIABLE}, or name a file with --client-secret-file (- reads stdin)"),
                )
            }),
            Self::Variable(name) => variable(name)?.ok_or_else(|| {
                Failure::usage(
                    format!("there is no client secret: the profile says it is in {name}, which is not set"),
                    format!("set {name}"),
                )
            }),
            Self::File(path) if path == Path::new("-") => {
                trimmed(bytes(io::stdin().lock(), "stdin")?, "stdin", true)
            }
            Self::File(path) => file(path),
            Self::Command { program, arguments } => printed(program, arguments),
        }
    }

    /// The client secret, if it can be had without running a command and without waiting for somebody.
    pub(crate) fn at_hand(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        match self {
            Self::Usual => variable(VARIABLE),
            Self::Variable(name) => variable(name),
            Self::File(path) => file(path).map(Some),
            Self::Command { .. } => Ok(None),
        }
    }
}

/// Where it is, and whether it is there.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => write!(f, "in {VARIABLE}{}", unset(VARIABLE)),
            Self::Variable(name) => write!(f, "in {name}{}", unset(name)),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Command { program, .. } => write!(f, "printed by {program}"),
        }
    }
}

/// What is odd about a secret, though it may be meant.
pub(crate) fn oddity(secret: &str) -> Option<&'static str> {
    let quoted = |quote: char| secret.len() > 1 && secret.starts_with(quote) && secret.ends_with(quote);
    if secret.trim() != secret {
        Some("the secret begins or ends with a space")
    } else if quoted('"') || quoted('\'') {
        Some("the secret stands in quotation marks")
    } else if secret.contains("CLIENT_SECRET=") || secret.contains("client_secret=") {
        Some("the secret has its own name in it")
    } else {
        None
    }
}

/// Whether it is another text once it is form-encoded (RFC 6749 appendix B).
pub(crate) fn encodes(text: &str) -> bool {
    !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*'))
}

fn unset(name: &str) -> &'static str {
    if std::env::var_os(name).is_some_and(|value| !value.is_empty()) { "" } else { " (not set)" }
}

fn variable(name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    match std::env::var_os(name).map(OsString::into_string) {
        Some(Ok(secret)) if !secret.is_empty() => Ok(Some(Zeroizing::new(secret))),
        Some(Err(_)) => Err(not_text(name)),
        Some(Ok(_)) | None => Ok(None),
    }
}

fn file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let name = path.display().to_string();
    let opened = File::open(path).map_err(|error| {
        Failure::usage(
            format!("the client secret file {name} cannot be opened: {error}"),
            "name a file that this user can read, or - for stdin",
        )
    })?;
    guard(&opened, &name)?;
    trimmed(bytes(opened, &name)?, &name, true)
}

/// What the program prints on stdout. It sees neither our stdin nor a secret of ours; what it says on stderr is for
/// the user.
fn printed(program: &str, arguments: &[String]) -> Result<Zeroizing<String>, Failure> {
    let wrong = |happened: String| {
        Failure::usage(
            format!("the client secret cannot be had from {program}: {happened}"),
            "run the command of the profile's client_secret by hand: it must print the secret, and end",
        )
    };
    let deadline = Instant::now() + COMMAND_TIMEOUT;
    let mut child = Command::new(program)
        .args(arguments)
        .env_remove(VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| wrong(format!("it cannot be started: {error}")))?;
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        let name = format!("the output of {program}");
        let reader = thread::Builder::new().spawn(move || sender.send(bytes(stdout, &name)));
        if let Err(error) = reader {
            let _gone = child.kill();
            return Err(wrong(error.to_string()));
        }
    }
    let text = receiver.recv_timeout(COMMAND_TIMEOUT);
    let ended = loop {
        match child.try_wait() {
            Ok(None) if matches!(text, Ok(Ok(_))) && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            Ok(None) => {
                // It may end by itself in this moment.
                let _gone = child.kill();
                let _status = child.wait();
                break None;
            }
            Ok(status) => break status,
            Err(error) => return Err(wrong(error.to_string())),
        }
    };
    match (text, ended) {
        (Ok(Err(failure)), _) => Err(failure),
        (Err(_), _) | (_, None) => {
            Err(wrong(format!("it did not end within {} s", COMMAND_TIMEOUT.as_secs())))
        }
        (Ok(Ok(_)), Some(status)) if !status.success() => Err(wrong(format!("it ended with {status}"))),
        // Whoever prints a line ends it; that needs no note.
        (Ok(Ok(text)), Some(_)) => trimmed(text, &format!("the output of {program}"), false),
    }
}

fn bytes(source: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // All room at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
        Failure::usage(
            format!("the client secret cannot be read from {name}: {error}"),
            "name a file with the secret and nothing else",
        )
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(
            format!("{name} is longer than {MAX_BYTES} bytes"),
            "name a file with the secret and nothing else",
        ));
    }
    Ok(bytes)
}

fn trimmed(bytes: Zeroizing<Vec<u8>>, name: &str, told: bool) -> Result<Zeroizing<String>, Failure> {
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text(name))?;
    let secret = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if told && secret.len() < text.len() {
        stderr::note(format_args!(
            "the line break at the end of {name} is not taken as part of the client secret"
        ));
    }
    if secret.is_empty() {
        return Err(Failure::usage(format!("{name} is empty"), "write the client secret into it"));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn not_text(name: &str) -> Failure {
    Failure::usage(format!("{name} is not UTF-8 text"), "write the client secret as plain text")
}

/// A secret that others can read is none. The opened file is looked at, not its name, so that nobody can exchange
/// it in between.
#[cfg(unix)]
fn guard(file: &File, name: &str) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_READ: u32 = 0o044;
    let metadata = file.metadata().map_err(|error| {
        Failure::usage(
            format!("the client secret file {name} cannot be examined: {error}"),
            "name another file",
        )
    })?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{name} is a folder"), "name the file in it"));
    }
    if !metadata.is_file() || metadata.mode() & OTHERS_READ == 0 {
        return Ok(());
    }
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Err(Failure::usage(
            format!(
                "other users can read the client secret file {name} (mode {:o})",
                metadata.mode() & 0o777
            ),
            format!("chmod 600 '{name}'"),
        ));
    }
    stderr::warning(format_args!(
        "{name} belongs to another user, and others can read it (mode {:o})",
        metadata.mode() & 0o777
    ));
    Ok(())
}

/// Elsewhere permissions are no bits to look at; the folder's protection is the user's affair.
#[cfg(not(unix))]
fn guard(file: &File, name: &str) -> Result<(), Failure> {
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            Err(Failure::usage(format!("{name} is a folder"), "name the file in it"))
        }
        _ => Ok(()),
    }
}
