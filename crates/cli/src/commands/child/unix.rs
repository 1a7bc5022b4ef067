//! Signals of Unix, and what an end by one means.

use crate::tell::failure::Failure;
use rustix::process::{Pid, Signal, getpgid, getpgrp, getpid, getsid, kill_process};
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use std::future::pending;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};
use tokio::process::Child;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const PASSED_ON: [(i32, Signal); 7] = [
    (SIGALRM, Signal::ALARM),
    (SIGHUP, Signal::HUP),
    (SIGINT, Signal::INT),
    (SIGQUIT, Signal::QUIT),
    (SIGTERM, Signal::TERM),
    (SIGUSR1, Signal::USR1),
    (SIGUSR2, Signal::USR2),
];

/// The signals that are meant for the program.
pub(crate) struct Signals(UnboundedReceiver<Caught>);

pub(crate) struct Caught {
    signal: Signal,
    /// Whether no process sent it: Ctrl-C, a hangup, an alarm.
    by_kernel: bool,
}

impl Signals {
    /// From now on they no longer end this process.
    pub(crate) fn caught() -> Result<Self, Failure> {
        let cannot = |error: &dyn std::fmt::Display| Failure::system("signals cannot be passed on", error);
        // What is ignored, as under nohup, stays ignored: a handler would not outlive the program's start.
        let wanted = PASSED_ON.iter().map(|(number, _)| *number).filter(|number| !is_ignored(*number));
        let mut arriving = SignalsInfo::<WithOrigin>::new(wanted).map_err(|error| cannot(&error))?;
        let (sender, receiver) = unbounded_channel();
        let forward = move || {
            for origin in arriving.forever() {
                let signal = PASSED_ON.iter().find(|(number, _)| *number == origin.signal);
                if let Some((_, signal)) = signal
                    && sender
                        .send(Caught { signal: *signal, by_kernel: matches!(origin.cause, Cause::Kernel) })
                        .is_err()
                {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(forward).map_err(|error| cannot(&error))?;
        Ok(Self(receiver))
    }

    /// Never, if there will be no other.
    pub(super) async fn next(&mut self) -> Caught {
        match self.0.recv().await {
            Some(caught) => caught,
            None => pending().await,
        }
    }
}

impl Caught {
    /// A program that has ended meanwhile needs none.
    pub(super) fn pass_on(self, child: &Child) {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return };
        let in_our_group = getpgid(Some(id)) == Ok(getpgrp());
        if self.by_kernel && in_our_group && is_for_a_group(self.signal, leads_session()) {
            return;
        }
        let _ended = kill_process(id, self.signal);
        if self.by_kernel && self.signal == Signal::HUP {
            // A program that is stopped takes no hangup: the kernel sends this after it, too.
            let _ended = kill_process(id, Signal::CONT);
        }
    }

    /// As shells have it for a program that it ended.
    pub(super) fn exit_code(self) -> ExitCode {
        ended_by(self.signal.as_raw())
    }
}

/// Whether the kernel sends this to a whole process group: a program in ours has it already. When a terminal goes away, only the
/// leader of its session learns of it (`leads`), and the others when the leader has ended. An alarm that was set before
/// the command was started comes to it alone.
fn is_for_a_group(signal: Signal, leads: bool) -> bool {
    match signal {
        Signal::INT | Signal::QUIT => true,
        Signal::HUP => !leads,
        _ => false,
    }
}

/// Whether this process leads its session, as the first program of a terminal does.
fn leads_session() -> bool {
    getsid(None) == Ok(getpid())
}

/// Whether this process was started to ignore this signal; not so where the system does not tell.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // A set of bits.
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    ignored.is_some_and(|bits| bits >> (signal - 1) & 1 == 1)
}

/// As shells have it: 128 and the number of the signal.
pub(super) fn exit_code(ended: ExitStatus) -> ExitCode {
    match (ended.code(), ended.signal()) {
        (None, Some(signal)) => ended_by(signal),
        (code, _) => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX).into(),
    }
}

fn ended_by(signal: i32) -> ExitCode {
    u8::try_from(128 + signal).unwrap_or(u8::MAX).into()
}

#[cfg(test)]
#[path = "unix/tests.rs"]
mod tests;
