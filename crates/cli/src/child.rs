//! A program of the user's that runs under the command: signals are passed on to it, and its end is ours.

use crate::failure::Failure;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{ExitCode, ExitStatus};
use tokio::process::Command;

/// The program and its arguments, still to be given an environment. `None` if none is named.
pub(crate) fn command(words: &[OsString]) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments);
    Some(command)
}

/// Runs it to its end. Signals caught before it started are its first.
pub(crate) async fn run(mut command: Command, mut signals: Signals) -> Result<ExitCode, Failure> {
    let mut child = command.spawn().map_err(|error| {
        let program = command.as_std().get_program().to_string_lossy();
        // As shells have it.
        let status = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
        Failure::not_started(status, format!("{program} cannot be started: {error}"))
    })?;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let ended = ended.map_err(|error| Failure::system("the program's end cannot be awaited", &error))?;
                return Ok(exit_code(ended));
            }
            signal = signals.next() => signal.pass_on(&child),
        }
    }
}

#[cfg(unix)]
pub(crate) use unix::Signals;

#[cfg(unix)]
fn exit_code(ended: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    let code = ended.code().or_else(|| Some(128 + ended.signal()?));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

#[cfg(unix)]
mod unix {
    use crate::failure::Failure;
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    use signal_hook::iterator::SignalsInfo;
    use signal_hook::iterator::exfiltrator::WithOrigin;
    use signal_hook::low_level::siginfo::Cause;
    use std::future::pending;
    use tokio::process::Child;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    const PASSED_ON: [(i32, Signal); 6] = [
        (SIGHUP, Signal::HUP),
        (SIGINT, Signal::INT),
        (SIGQUIT, Signal::QUIT),
        (SIGTERM, Signal::TERM),
        (SIGUSR1, Signal::USR1),
        (SIGUSR2, Signal::USR2),
    ];

    /// The signals that are meant for the program.
    pub(crate) struct Signals(UnboundedReceiver<Caught>);

    pub(crate) struct Caught(Signal);

    impl Signals {
        /// From now on they no longer end this process.
        pub(crate) fn caught() -> Result<Self, Failure> {
            let cannot =
                |error: &dyn std::fmt::Display| Failure::system("signals cannot be passed on", error);
            // What is ignored, as under nohup, stays ignored: a handler would not outlive the program's start.
            let ignored = ignored();
            let wanted =
                PASSED_ON.iter().map(|(number, _)| *number).filter(|number| ignored >> (number - 1) & 1 == 0);
            let mut arriving = SignalsInfo::<WithOrigin>::new(wanted).map_err(|error| cannot(&error))?;
            let (sender, receiver) = unbounded_channel();
            let forward = move || {
                for origin in arriving.forever() {
                    // What the kernel sends for a terminal (Ctrl-C, a hangup) it sends to the whole group, the program
                    // included.
                    let signal = PASSED_ON.iter().find(|(number, _)| *number == origin.signal);
                    if let Some((_, signal)) = signal
                        && !matches!(origin.cause, Cause::Kernel)
                        && sender.send(Caught(*signal)).is_err()
                    {
                        return;
                    }
                }
            };
            std::thread::Builder::new()
                .name("signals".into())
                .spawn(forward)
                .map_err(|error| cannot(&error))?;
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
            if let Some(id) = id {
                let _ended = kill_process(id, self.0);
            }
        }
    }

    /// The signals that this process was started to ignore, as a set of bits; none where the system does not tell.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
    }
}

/// Elsewhere a terminal's Ctrl-C reaches the program by itself, and must not end us before it.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
pub(crate) struct Caught;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn caught() -> Result<Self, Failure> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> Caught {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Caught
    }
}

#[cfg(not(unix))]
impl Caught {
    fn pass_on(self, _: &tokio::process::Child) {}
}

#[cfg(not(unix))]
fn exit_code(ended: ExitStatus) -> ExitCode {
    ExitCode::from(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
