//! The thread that writes the log.

use super::line::{Line, LogFormat};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How many lines with one reason are written in one second.
const AT_MOST: u32 = 10;

/// For how long reasons are counted.
const SECOND: Duration = Duration::from_secs(1);

/// What the thread is told.
pub(super) enum Message {
    Line { reason: Option<&'static str>, line: Box<Line> },
    End,
}

/// What the thread has in hand.
pub(super) struct Writer {
    format: LogFormat,
    to: Box<dyn Write + Send>,
    /// How many lines each reason had since then.
    seen: BTreeMap<&'static str, u32>,
    since: Instant,
}

impl Writer {
    pub(super) fn new(format: LogFormat, to: Box<dyn Write + Send>) -> Self {
        Self { format, to, seen: BTreeMap::new(), since: Instant::now() }
    }

    /// Writes what comes, until it is told that nothing does. A reader that has gone away is not waited for: what comes is dropped.
    pub(super) fn write(&mut self, messages: &Receiver<Message>) {
        loop {
            let message = messages.recv_timeout(SECOND);
            if self.since.elapsed() >= SECOND {
                self.tell_the_rest();
            }
            match message {
                Ok(Message::Line { reason, line }) => self.line(reason, &line),
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

    /// Of those that were too many, how many there were.
    fn tell_the_rest(&mut self) {
        self.since = Instant::now();
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
        let written = writeln!(self.to, "{text}").and_then(|()| self.to.flush());
        if written.is_err() {
            self.to = Box::new(std::io::sink());
        }
    }
}
