//! A secret that a program prints.

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use elsewhere as system;
#[cfg(unix)]
use unix as system;

use super::SecretSource;
use super::unread::unread;
use evergrant_core::{SecretText, SourceError};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use system::{Output, PIECE};
use zeroize::Zeroizing;

/// How long a command that has ended may leave its output open, to a child of its own: what was printed until then counts.
const LEFT_OPEN: Duration = Duration::from_millis(200);

/// How long is waited at once for output, or for the end: one can come without the other.
const SHORTEST_NAP: Duration = Duration::from_millis(1);
const LONGEST_NAP: Duration = Duration::from_millis(20);

/// What a program prints on stdout: one text in UTF-8 of at most 64 KiB, of which a line break at the end is no part. There is no shell
/// in between, and its stdin is empty. What it says on stderr goes where this process's stderr goes, and into no error.
///
/// A program that does not end in time is killed, with all that it has begun. (Where stderr is a terminal, the program alone: it may ask
/// whoever sits there, which the system lets only those do who were begun together.)
///
/// It is [costly](SecretSource::is_costly) unless [`at_no_cost`](Self::at_no_cost) says otherwise.
///
/// ```
/// use evergrant_core::SecretText;
/// use evergrant_drive::{CommandSource, SecretSource};
/// use std::time::Duration;
///
/// # #[cfg(unix)] {
/// let source = CommandSource::new("echo").argument("my-client-secret");
/// assert_eq!(source.read(Duration::from_secs(10)), Ok(SecretText::new("my-client-secret")));
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CommandSource {
    program: OsString,
    arguments: Vec<OsString>,
    hidden: Vec<OsString>,
    is_costly: bool,
}

impl CommandSource {
    /// This program, by its path or by its name in `PATH`.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), hidden: Vec::new(), is_costly: true }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same, which does not see this variable of the environment: a secret that is none of its business.
    #[must_use]
    pub fn without_variable(mut self, name: impl Into<OsString>) -> Self {
        self.hidden.push(name.into());
        self
    }

    /// The same, which neither asks anybody nor has a price, and may be run every 10 s after a refusal.
    #[must_use]
    pub fn at_no_cost(self) -> Self {
        Self { is_costly: false, ..self }
    }

    fn spawn(&self) -> Result<Running, SourceError> {
        let mut command = Command::new(&self.program);
        for name in &self.hidden {
            command.env_remove(name);
        }
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let has_group = !io::stderr().is_terminal();
        if has_group {
            system::in_a_group(&mut command);
        }
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SourceError::failed(
                "it cannot be started: there is no such program; name one that is in PATH, or its path",
            ),
            _ => unread(&error),
        })?;
        if has_group {
            GROUPS.lock().unwrap_or_else(PoisonError::into_inner).insert(child.id());
        }
        Ok(Running { child, has_group, status: None })
    }
}

/// Without its arguments: one of them may be a secret.
impl fmt::Debug for CommandSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandSource").field("program", &self.program).finish_non_exhaustive()
    }
}

impl SecretSource for CommandSource {
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError> {
        let deadline = Instant::now().checked_add(limit);
        let left = |until: Option<Instant>| {
            until.map_or(LONGEST_NAP, |until| until.saturating_duration_since(Instant::now()))
        };
        let mut running = self.spawn()?;
        let mut output = running.child.stdout.take().map(Output::new);
        // All room at once: a vector that grows leaves copies behind.
        let mut printed = Zeroizing::new(Vec::with_capacity(SecretText::MAX_BYTES + PIECE));
        let mut piece = Zeroizing::new([0; PIECE]);
        let (mut until, mut nap) = (deadline, SHORTEST_NAP);
        loop {
            let wait = left(until).min(nap);
            let read = match &mut output {
                Some(open) => open.read(&mut *piece, wait).map_err(|error| unread(&error))?,
                None => {
                    std::thread::sleep(wait);
                    None
                }
            };
            let is_all_read = !matches!(read, Some(1..));
            match read {
                Some(0) => output = None,
                Some(length) => printed.extend_from_slice(piece.get(..length).unwrap_or_default()),
                None => nap = (nap * 2).min(LONGEST_NAP),
            }
            if printed.len() > SecretText::MAX_BYTES {
                return Err(SourceError::TooLong);
            }
            if running.has_ended()? && until == deadline {
                let soon = Instant::now().checked_add(LEFT_OPEN);
                until =
                    deadline.map_or(soon, |deadline| Some(soon.map_or(deadline, |soon| soon.min(deadline))));
            }
            match running.status {
                // What is there is read to its end, however late: a secret that was cut off looks like a whole one.
                Some(status) if output.is_none() || (is_all_read && left(until).is_zero()) => {
                    return if status.success() {
                        SecretText::from_bytes(&printed)
                    } else {
                        Err(SourceError::ExitStatus(status.code()))
                    };
                }
                None if left(deadline).is_zero() => return Err(SourceError::TimedOut),
                _ => {}
            }
        }
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some(self.program.to_string_lossy())
    }

    fn is_costly(&self) -> bool {
        self.is_costly
    }
}

/// The groups of the programs that run at this moment, by the number of the first process in each.
static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

impl CommandSource {
    /// Kills every program that any such source runs at this moment, with all that it has begun: for the end of a process, with which the
    /// threads that wait for them go, and the programs do not.
    pub fn end_all() {
        let groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        groups.iter().copied().for_each(system::kill_group);
    }
}

/// A program that runs; dropped before it has ended, it is killed.
struct Running {
    child: Child,
    has_group: bool,
    status: Option<ExitStatus>,
}

impl Running {
    fn has_ended(&mut self) -> Result<bool, SourceError> {
        if self.status.is_none() {
            // Nobody kills a group whose number may be another's by then.
            let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
            self.status = self.child.try_wait().map_err(|error| unread(&error))?;
            if self.status.is_some() {
                groups.remove(&self.child.id());
            }
        }
        Ok(self.status.is_some())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            // It is waited for afterwards, so its number is still its own.
            if self.has_group {
                GROUPS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.child.id());
                system::kill_group(self.child.id());
            }
            let _ended_by_itself = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
