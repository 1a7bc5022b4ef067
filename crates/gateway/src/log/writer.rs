//! The thread that writes the log.

use super::line::{Line, LogFormat};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines with one reason are written in one second.
const AT_MOST: u32 = 10;

/// For how long reasons are counted.
const SECOND: Duration = Duration::from_secs(1);

/// What the thread is told.
pub(super) enum Message {
    Line { reason: Option<&'static str>, line: Box<Line> },
    Reload { outcome: &'static str, fault: Option<String>, needs_restart: Vec<String> },
    End,
}

/// What the thread has in hand.
pub(super) struct Writer {
    format: LogFormat,
    to: Box<dyn Write + Send>,
    /// How many lines each reason had since then.
    seen: BTreeMap<&'static str, u32>,
    since: Instant,
    /// Lines that could not be written, or for which there was no room.
    lost: Arc<AtomicU64>,
    /// A line was written in part: the next one begins anew.
    is_torn: bool,
}

impl Writer {
    pub(super) fn new(format: LogFormat, to: Box<dyn Write + Send>, lost: Arc<AtomicU64>) -> Self {
        Self { format, to, seen: BTreeMap::new(), since: Instant::now(), lost, is_torn: false }
    }

    /// Writes what comes, until it is told that nothing does. A reader that has gone away is not waited for: what comes is dropped. A disk
    /// that is full may have room again.
    pub(super) fn write(&mut self, messages: &Receiver<Message>) {
        loop {
            let message = messages.recv_timeout(SECOND);
            if self.since.elapsed() >= SECOND {
                self.tell_the_rest();
            }
            match message {
                Ok(Message::Line { reason, line }) => self.line(reason, &line),
                Ok(Message::Reload { outcome, fault, needs_restart }) => {
                    self.reload(outcome, fault.as_deref(), &needs_restart);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.tell_the_rest();
    }

    fn line(&mut self, reason: Option<&'static str>, line: &Line) {
        if let Some(reason) = reason {
            let seen = self.seen.entry(reason).or_default();
            *seen += 1;
            if *seen > AT_MOST {
                return;
            }
        }
        let text = match self.format {
            LogFormat::Json => serde_json::to_string(line).unwrap_or_default(),
            LogFormat::Short => line.to_string(),
        };
        self.put(&text);
    }

    fn reload(&mut self, outcome: &'static str, fault: Option<&str>, needs_restart: &[String]) {
        let text = match self.format {
            LogFormat::Json => json!({
                "time": Timestamp::now(), "reload": outcome, "fault": fault, "needs_restart": needs_restart,
            })
            .to_string(),
            LogFormat::Short => {
                let fault = fault.map(|fault| format!(": {}", fault.escape_debug())).unwrap_or_default();
                let later = match needs_restart {
                    [] => String::new(),
                    names => format!("; needs a restart: {}", names.join(", ").escape_debug()),
                };
                format!("reload {outcome}{fault}{later}")
            }
        };
        self.put(&text);
    }

    /// Of those that were too many, how many there were.
    fn tell_the_rest(&mut self) {
        self.since = Instant::now();
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let text = match self.format {
                LogFormat::Json => json!({ "time": Timestamp::now(), "lost": lost }).to_string(),
                LogFormat::Short => format!("{lost} lines were lost: the log could not be written"),
            };
            self.put(&text);
            // Not even that could be.
            if self.lost.load(Ordering::Relaxed) > 0 {
                self.lost.fetch_add(lost - 1, Ordering::Relaxed);
            }
        }
        for (reason, seen) in std::mem::take(&mut self.seen) {
            let Some(more) = seen.checked_sub(AT_MOST).filter(|more| *more > 0) else { continue };
            let text = match self.format {
                LogFormat::Json => {
                    json!({ "time": Timestamp::now(), "reason": reason, "more": more }).to_string()
                }
                LogFormat::Short => format!("{more} more: {reason}"),
            };
            self.put(&text);
        }
    }

    fn put(&mut self, text: &str) {
        let line = if self.is_torn { format!("\n{text}\n") } else { format!("{text}\n") };
        match write_all(&mut *self.to, line.as_bytes()) {
            Ok(()) => self.is_torn = false,
            Err(Failed { error: io::ErrorKind::BrokenPipe, .. }) => self.to = Box::new(io::sink()),
            Err(Failed { written, .. }) => {
                self.is_torn |= written > 0;
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A line was not written, or not whole.
struct Failed {
    error: io::ErrorKind,
    written: usize,
}

/// Writes all of it. A reader that takes nothing at the moment, of a pipe that does not block, is waited for.
fn write_all(to: &mut dyn Write, line: &[u8]) -> Result<(), Failed> {
    let (mut written, end) = (0, Instant::now() + SECOND);
    while written < line.len() {
        match to.write(line.get(written..).unwrap_or_default()) {
            Ok(0) => return Err(Failed { error: io::ErrorKind::WriteZero, written }),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(Failed { error: error.kind(), written }),
        }
    }
    // What a buffer in between holds back is lost with it, if it is.
    to.flush().map_err(|error| Failed { error: error.kind(), written })
}
