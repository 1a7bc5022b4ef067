//! A line of the log.

use jiff::Timestamp;
use serde::Serialize;
use std::fmt::{self, Write as _};

/// The longest path that is shown, in bytes.
const PATH: usize = 256;

/// How a line of the log looks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum LogFormat {
    /// A JSON object.
    #[default]
    Json,
    /// A few words, for people.
    Short,
}

/// What is said of one request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<String>,
    pub(crate) caller: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Left out for a caller that went away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) denied: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<&'static str>,
    /// Who or what broke the answer off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) broken: Option<&'static str>,
    pub(crate) waited_ms: u64,
    pub(crate) upstream_ms: u64,
    pub(crate) total_ms: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) attempts: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<u64>,
    pub(crate) protocol: &'static str,
}

impl Line {
    /// Of a head that could not be read.
    pub(crate) fn unread(peer: Option<String>, status: Option<u16>, rule: &'static str) -> Self {
        Self {
            time: Timestamp::now(),
            route: None,
            caller: "-".to_owned(),
            peer,
            method: "-".to_owned(),
            path: "-".to_owned(),
            status,
            problem: Some("denied"),
            denied: Some(rule),
            sent: Some("no"),
            broken: None,
            waited_ms: 0,
            upstream_ms: 0,
            total_ms: 0,
            bytes_in: 0,
            bytes_out: 0,
            attempts: 0,
            generation: None,
            protocol: "HTTP/1.1",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = self.time.strftime("%H:%M:%S");
        write!(f, "{clock} {} {} ", self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("gone")?,
        }
        for word in [self.problem, self.denied].into_iter().flatten() {
            write!(f, " {word}")?;
        }
        if let Some(sent) = self.sent {
            write!(f, ", sent: {sent}")?;
        }
        if let Some(broken) = self.broken {
            write!(f, ", broken: {broken}")?;
        }
        write!(f, " {} ms", self.total_ms)
    }
}

/// A path as it is shown: what is no visible ASCII is escaped, and the rest of a long one is cut off.
pub(crate) fn shown(path: &str) -> String {
    let mut shown = String::new();
    for byte in path.bytes() {
        if shown.len() >= PATH {
            shown.push_str("...");
            break;
        }
        match byte {
            b'"' | b'\\' => _ = write!(shown, "\\x{byte:02x}"),
            byte if byte.is_ascii_graphic() => shown.push(char::from(byte)),
            byte => _ = write!(shown, "\\x{byte:02x}"),
        }
    }
    shown
}
