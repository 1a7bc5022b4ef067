//! Processes where they have groups, and pipes can be waited for.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command};
use std::time::Duration;

/// How much output is read at once, in bytes.
pub(super) const PIECE: usize = 4096;

/// What a process prints.
pub(super) struct Output(ChildStdout);

impl Output {
    pub(super) const fn new(stdout: ChildStdout) -> Self {
        Self(stdout)
    }

    /// The next bytes, none at its end; `None` if none come in time.
    pub(super) fn read(&mut self, into: &mut [u8], wait: Duration) -> io::Result<Option<usize>> {
        let wait = Timespec::try_from(wait).ok();
        let ready = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], wait.as_ref());
        match ready {
            Ok(0) | Err(Errno::INTR) => Ok(None),
            Ok(_) => match self.0.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
                read => read.map(Some),
            },
            Err(error) => Err(error.into()),
        }
    }
}

pub(super) fn in_a_group(command: &mut Command) {
    command.process_group(0);
}

/// All that the process has begun, unless that left the group.
pub(super) fn kill_group(first: u32) {
    if let Some(group) = i32::try_from(first).ok().and_then(Pid::from_raw) {
        let _gone = kill_process_group(group, Signal::KILL);
    }
}
