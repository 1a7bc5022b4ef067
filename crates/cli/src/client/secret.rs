//! Where a secret comes from: a file, a pipe, stdin, the environment, or a command that prints it. Never a flag, and never
//! the configuration file: argv is public, and a file is copied along.

use crate::tell::failure::Failure;
use crate::tell::stderr;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// No secret is longer; a larger file is another file.
const MAX_BYTES: u64 = 64 * 1024;

/// How much of a command's output is read at once, in bytes.
const PIECE: usize = 4096;

/// How long a command that has ended may leave its output open, to a child of its own: what was printed until then counts.
const LEFT_OPEN: Duration = Duration::from_millis(200);

const VARIABLE: &str = "EVERGRANT_CLIENT_SECRET";

/// The variables that hold a secret, or lead to one: what no other program shall inherit.
pub(crate) const VARIABLES: [&str; 5] = [
    VARIABLE,
    "EVERGRANT_CLIENT_SECRET_FILE",
    "EVERGRANT_PARAM",
    "EVERGRANT_PROXY",
    "EVERGRANT_TOKEN_HEADER",
];

/// What a secret is for, as it is called in errors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// The client secret (RFC 6749 §2.3.1).
    Client,
    /// The value of a header field of token requests, by its name.
    Header(String),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client secret"),
            Self::Header(name) => write!(f, "value of the token header {name}"),
        }
    }
}

/// Where a secret is kept.
#[derive(Debug)]
pub(crate) enum Source {
    /// Nobody said where: in `EVERGRANT_CLIENT_SECRET`.
    Usual,
    /// The same, since the profile's is for the profile's own token endpoint, and another is named.
    Withheld,
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
    /// The secret, which is for this. `limit`: how long it may take until it is there.
    pub(crate) fn read(&self, purpose: &Purpose, limit: Duration) -> Result<Zeroizing<String>, Failure> {
        match self {
            Self::Usual => variable(VARIABLE, purpose)?.ok_or_else(|| {
                Failure::usage(
                    "there is no client secret",
                    format!("set {VARIABLE}, or name a file with --client-secret-file (- reads stdin)"),
                )
            }),
            Self::Withheld => variable(VARIABLE, purpose)?.ok_or_else(|| {
                Failure::usage(
                    "the profile's client secret is for its own token endpoint, and another one is named",
                    format!(
                        "leave --token-endpoint and --provider out and unset EVERGRANT_TOKEN_ENDPOINT and \
                         EVERGRANT_PROVIDER; or give the other server's secret in {VARIABLE} or --client-secret-file"
                    ),
                )
            }),
            Self::Variable(name) => variable(name, purpose)?.ok_or_else(|| {
                Failure::usage(
                    format!("there is no {purpose}: the profile says it is in {name}, which is not set"),
                    format!("set {name}"),
                )
            }),
            Self::File(path) => file_within(limit, path, purpose),
            Self::Command { program, arguments } => printed(program, arguments, purpose, limit),
        }
    }

    /// The secret, if it can be had without running a command and without waiting for somebody.
    pub(crate) fn at_hand(&self, purpose: &Purpose) -> Result<Option<Zeroizing<String>>, Failure> {
        match self {
            Self::Usual | Self::Withheld => variable(VARIABLE, purpose),
            Self::Variable(name) => variable(name, purpose),
            Self::File(path) if path == Path::new("-") || is_pipe(path) => Ok(None),
            Self::File(path) => file(path, purpose).map(Some),
            Self::Command { .. } => Ok(None),
        }
    }
}

impl Source {
    /// The variable that it is in, if somebody named one.
    pub(crate) fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable(name) => Some(name),
            _ => None,
        }
    }
}

/// Where it is, and whether it is there.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => write!(f, "in {VARIABLE}{}", unset(VARIABLE)),
            Self::Withheld => {
                write!(f, "in {VARIABLE}{}: the profile's is for its own token endpoint", unset(VARIABLE))
            }
            Self::Variable(name) => write!(f, "in {name}{}", unset(name)),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Command { program, .. } => write!(f, "printed by {program}"),
        }
    }
}

/// What is odd about a secret, though it may be meant.
pub(crate) fn oddity(secret: &str) -> Option<&'static str> {
    let between = |open: &str, close: &str| {
        secret.len() > open.len() + close.len() && secret.starts_with(open) && secret.ends_with(close)
    };
    let quoted = |quote: char| secret.len() > 1 && secret.starts_with(quote) && secret.ends_with(quote);
    let template = [("${", "}"), ("$(", ")"), ("{{", "}}"), ("%", "%"), ("<", ">")];
    if template.iter().any(|(open, close)| between(open, close)) {
        Some("the secret looks like a template's placeholder that nobody filled in")
    } else if secret.trim() != secret {
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

fn variable(name: &str, purpose: &Purpose) -> Result<Option<Zeroizing<String>>, Failure> {
    match std::env::var_os(name).map(OsString::into_string) {
        Some(Ok(secret)) if !secret.is_empty() => Ok(Some(Zeroizing::new(secret))),
        Some(Err(_)) => Err(not_text(name, purpose)),
        Some(Ok(_)) | None => Ok(None),
    }
}

/// The content of a file, or of stdin, if it takes no longer: a pipe that nobody writes, or a terminal that nobody sits at,
/// would never end.
fn file_within(limit: Duration, path: &Path, purpose: &Purpose) -> Result<Zeroizing<String>, Failure> {
    let (sender, done) = mpsc::channel();
    let (of, what) = (path.to_owned(), purpose.clone());
    // Nobody waits for it any more if sending fails.
    let read = move || drop(sender.send(contents(&of, &what)));
    if let Err(error) = thread::Builder::new().name("secret".into()).spawn(read) {
        return Err(Failure::system(&format!("the {purpose} cannot be read"), &error));
    }
    done.recv_timeout(limit).unwrap_or_else(|_| {
        let name = if path == Path::new("-") { "stdin".into() } else { path.display().to_string() };
        Err(Failure::usage(
            format!("the {purpose} did not arrive from {name} within {limit:?}"),
            "check that something writes it there, or allow more time with --timeout",
        ))
    })
}

fn contents(path: &Path, purpose: &Purpose) -> Result<Zeroizing<String>, Failure> {
    if path == Path::new("-") {
        return trimmed(&bytes(io::stdin().lock(), "stdin", purpose)?, "stdin", purpose, true);
    }
    file(path, purpose)
}

/// Whether somebody else hands the content in, some time or never.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn file(path: &Path, purpose: &Purpose) -> Result<Zeroizing<String>, Failure> {
    let name = path.display().to_string();
    let opened = File::open(path).map_err(|error| {
        Failure::usage(
            format!("the file {name} with the {purpose} cannot be opened: {error}"),
            match purpose {
                Purpose::Client => "name a file that this user can read, or - for stdin",
                Purpose::Header(_) => "name a file that this user can read",
            },
        )
    })?;
    guard(&opened, path, purpose)?;
    trimmed(&bytes(opened, &name, purpose)?, &name, purpose, true)
}

/// What the program prints on stdout. It sees neither our stdin nor a secret of ours; what it says on stderr is for
/// the user. It has this long, and so has whatever it leaves behind.
fn printed(
    program: &str,
    arguments: &[String],
    purpose: &Purpose,
    limit: Duration,
) -> Result<Zeroizing<String>, Failure> {
    let wrong = |happened: String| {
        Failure::usage(
            format!("the {purpose} cannot be had from {program}: {happened}"),
            "run the command that the profile names by hand: it must print the secret, and end",
        )
    };
    let late = || wrong(format!("it did not end within {limit:?}"));
    let deadline = Instant::now() + limit;
    let mut command = Command::new(program);
    for name in VARIABLES {
        command.env_remove(name);
    }
    let spawned = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| wrong(format!("it cannot be started: {error}")))?;
    let (sender, pieces) = mpsc::channel();
    if let Some(stdout) = child.stdout.take()
        && let Err(error) = thread::Builder::new().spawn(move || read_pieces(stdout, &sender))
    {
        end(&mut child);
        return Err(wrong(error.to_string()));
    }
    // All room at once: a vector that grows leaves copies behind.
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + PIECE));
    let (mut open, mut ended) = (true, None);
    let mut until = deadline;
    loop {
        // Short, so that its end is seen while its output stays open.
        let nap = until.saturating_duration_since(Instant::now()).min(Duration::from_millis(5));
        match if open { pieces.recv_timeout(nap) } else { Err(RecvTimeoutError::Timeout) } {
            Ok(Ok(piece)) => output.extend_from_slice(&piece),
            Ok(Err(error)) => {
                end(&mut child);
                return Err(wrong(format!("its output cannot be read: {error}")));
            }
            Err(RecvTimeoutError::Disconnected) => open = false,
            Err(RecvTimeoutError::Timeout) if !open => thread::sleep(nap),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if output.len() as u64 > MAX_BYTES {
            end(&mut child);
            return Err(too_long(&format!("the output of {program}"), purpose));
        }
        if ended.is_none() {
            ended = child.try_wait().map_err(|error| wrong(error.to_string()))?;
            if ended.is_some() {
                until = deadline.min(Instant::now() + LEFT_OPEN);
            }
        }
        match ended {
            Some(status) if !open || Instant::now() >= until => {
                if !status.success() {
                    return Err(wrong(format!("it ended with {status}")));
                }
                // Whoever prints a line ends it; that needs no note.
                return trimmed(&output, &format!("the output of {program}"), purpose, false);
            }
            None if Instant::now() >= deadline => {
                end(&mut child);
                return Err(late());
            }
            _ => {}
        }
    }
}

/// Hands on what is printed, until nobody prints, or nobody wants it any more.
fn read_pieces(mut stdout: impl Read, sender: &mpsc::Sender<io::Result<Zeroizing<Vec<u8>>>>) {
    loop {
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        let read = match stdout.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => {
                piece.truncate(length);
                Ok(piece)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        if sender.send(read).is_err() {
            return;
        }
    }
}

fn end(child: &mut Child) {
    // It may end by itself in this moment.
    let _gone = child.kill();
    let _status = child.wait();
}

fn bytes(source: impl Read, name: &str, purpose: &Purpose) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // All room at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
        Failure::usage(
            format!("the {purpose} cannot be read from {name}: {error}"),
            format!("name a file with the {purpose} and nothing else"),
        )
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_long(name, purpose));
    }
    Ok(bytes)
}

fn too_long(name: &str, purpose: &Purpose) -> Failure {
    Failure::usage(
        format!("{name} is longer than {MAX_BYTES} bytes"),
        format!("name a file with the {purpose} and nothing else"),
    )
}

fn trimmed(bytes: &[u8], name: &str, purpose: &Purpose, told: bool) -> Result<Zeroizing<String>, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| not_text(name, purpose))?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => {
            stderr::note(format_args!(
                "the byte order mark at the beginning of {name} is not taken as part of the {purpose}"
            ));
            rest
        }
        None => text,
    };
    let secret = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if told && secret.len() < text.len() {
        stderr::note(format_args!(
            "the line break at the end of {name} is not taken as part of the {purpose}"
        ));
    }
    if secret.is_empty() {
        return Err(Failure::usage(format!("{name} is empty"), format!("write the {purpose} into it")));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn not_text(name: &str, purpose: &Purpose) -> Failure {
    Failure::usage(format!("{name} is not UTF-8 text"), format!("write the {purpose} as plain text"))
}

/// A secret that others can read is none. The opened file is looked at, not its name, so that nobody can exchange
/// it in between.
#[cfg(unix)]
fn guard(file: &File, path: &Path, purpose: &Purpose) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_READ: u32 = 0o044;
    let metadata = file.metadata().map_err(|error| {
        Failure::usage(
            format!("the file {} with the {purpose} cannot be examined: {error}", path.display()),
            "name another file",
        )
    })?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{} is a folder", path.display()), "name the file in it"));
    }
    if !metadata.is_file() || metadata.mode() & OTHERS_READ == 0 || is_handed_in(file, path) {
        return Ok(());
    }
    let name = path.display();
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Err(Failure::usage(
            format!(
                "other users can read the file {name} with the {purpose} (mode {:o})",
                metadata.mode() & 0o777
            ),
            match purpose {
                Purpose::Client => {
                    format!("chmod 600 '{name}', or hand it in by stdin with --client-secret-file -")
                }
                Purpose::Header(_) => format!("chmod 600 '{name}'"),
            },
        ));
    }
    stderr::warning(format_args!(
        "{name} belongs to another user, and others can read it (mode {:o})",
        metadata.mode() & 0o777
    ));
    Ok(())
}

/// Whether a container or a service manager has put it there: on a mount that cannot be written, in `/run/secrets`, in
/// systemd's `$CREDENTIALS_DIRECTORY`. Who may read it is decided there, and `chmod` does not work.
#[cfg(unix)]
fn is_handed_in(file: &File, path: &Path) -> bool {
    use rustix::fs::StatVfsMountFlags;
    let read_only =
        rustix::fs::fstatvfs(file).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    let folders = [Some("/run/secrets".into()), std::env::var_os("CREDENTIALS_DIRECTORY")];
    // As it is, whatever links and dots led there.
    let within = |folder: OsString| {
        let (folder, path) = (Path::new(&folder).canonicalize(), path.canonicalize());
        folder.is_ok_and(|folder| folder.is_absolute() && path.is_ok_and(|path| path.starts_with(folder)))
    };
    read_only || folders.into_iter().flatten().any(within)
}

/// Elsewhere permissions are no bits to look at; the folder's protection is the user's affair.
#[cfg(not(unix))]
fn guard(file: &File, path: &Path, _: &Purpose) -> Result<(), Failure> {
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            Err(Failure::usage(format!("{} is a folder", path.display()), "name the file in it"))
        }
        _ => Ok(()),
    }
}
