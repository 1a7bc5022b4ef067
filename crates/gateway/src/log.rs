//! The log of requests: without query, header or body, written by a thread of its own, so that a reader who takes his time holds up no
//! request.

mod line;
mod writer;

pub use line::LogFormat;
pub(crate) use line::{Line, shown};

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use writer::{Message, Writer};

/// How long a reader has for the last lines.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lines that wait to be written. Those beyond are counted, not written.
const WAITING: usize = 4096;

/// Which requests are logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum LogMode {
    /// Those that we answered by ourselves.
    #[default]
    Own,
    /// All.
    All,
    /// None.
    Off,
}

/// Where the lines of all workers go. Clones are one log.
#[derive(Clone)]
pub(crate) struct Log {
    mode: LogMode,
    lines: SyncSender<Message>,
    /// Lines for which there was no room.
    lost: Arc<AtomicU64>,
}

impl Log {
    /// Lines go to this writer, on a thread of its own, which ends with [`end`](Self::end).
    pub(crate) fn start(
        mode: LogMode,
        format: LogFormat,
        to: Box<dyn Write + Send>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (lines, received) = sync_channel(WAITING);
        let lost = Arc::<AtomicU64>::default();
        let mut writer = Writer::new(format, to, Arc::clone(&lost));
        let thread =
            thread::Builder::new().name("evergrant-log".into()).spawn(move || writer.write(&received))?;
        Ok((Self { mode, lines, lost }, thread))
    }

    /// Whether a request is logged: `is_own` says that we answered it by ourselves.
    pub(crate) fn wants(&self, is_own: bool) -> bool {
        match self.mode {
            LogMode::Own => is_own,
            LogMode::All => true,
            LogMode::Off => false,
        }
    }

    /// A line. Of those with one reason at most ten a second are written.
    pub(crate) fn line(&self, reason: Option<&'static str>, line: Line) {
        // A request is not held up for its line.
        if self.lines.try_send(Message::Line { reason, line: Box::new(line) }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It was to be given another table.
    pub(crate) fn reload(&self, outcome: &'static str, fault: Option<&str>, needs_restart: &[String]) {
        let (fault, needs_restart) = (fault.map(str::to_owned), needs_restart.to_vec());
        if self.lines.try_send(Message::Reload { outcome, fault, needs_restart }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// No line comes any more. It waits until the last one is written, but not for a reader that takes nothing.
    pub(crate) fn end(&self, thread: &JoinHandle<()>) {
        let patience = Instant::now() + PATIENCE;
        let mut is_told = false;
        while Instant::now() < patience && !thread.is_finished() {
            is_told = is_told || self.lines.try_send(Message::End).is_ok();
            thread::sleep(Duration::from_millis(1));
        }
    }
}
#[cfg(test)]
mod tests;
