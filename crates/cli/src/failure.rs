//! Why the command ends without having done its job: what happened, who is at fault, what to do next.

use crate::args::Manner;
use evergrant_tokio_reqwest::core::{Cause, Problem, Refusal, TransportErrorKind};
use evergrant_tokio_reqwest::{ConfigError, Error};
use std::fmt;
use std::process::ExitCode;

/// A failure of the command.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    happened: String,
    at_fault: &'static str,
    next: String,
}

impl Failure {
    pub(crate) fn usage(happened: impl Into<String>, next: impl Into<String>) -> Self {
        let (happened, next) = (happened.into(), next.into());
        Self { status: 2, happened, at_fault: "the configuration", next }
    }

    pub(crate) fn system(happened: &str, error: &dyn fmt::Display) -> Self {
        Self {
            status: 4,
            happened: format!("{happened}: {error}"),
            at_fault: "this machine",
            next: "try again, or mend what the system says".into(),
        }
    }

    /// The server cannot be reached.
    pub(crate) fn way(happened: String, next: &str) -> Self {
        let at_fault = "the way to the authorization server, or the token endpoint's address";
        Self { status: 4, happened, at_fault, next: next.to_owned() }
    }

    /// The demonstration found what must not happen.
    pub(crate) fn demo(happened: String) -> Self {
        Self {
            status: 1,
            happened,
            at_fault: "evergrant",
            next: "run it again with more --seconds; if it happens again, report it".into(),
        }
    }

    /// The same, about one profile of the configuration file.
    pub(crate) fn of_profile(self, path: &str, profile: &str) -> Self {
        Self { happened: format!("{path}: {} (profile {profile})", self.happened), ..self }
    }

    /// A program could not be started.
    pub(crate) fn not_started(status: u8, happened: String) -> Self {
        let next = "check its name, its permissions and PATH".into();
        Self { status, happened, at_fault: "the command line", next }
    }

    /// A call to an API, other than for want of a token.
    pub(crate) fn api(status: u8, happened: String, at_fault: &'static str, next: &str) -> Self {
        Self { status, happened, at_fault, next: next.to_owned() }
    }

    /// Tells it on stderr, and ends with its status.
    pub(crate) fn tell(&self, manner: Manner) -> ExitCode {
        if manner.json {
            let Self { status, happened, at_fault, next } = self;
            let object = serde_json::json!({
                "error": happened, "at_fault": at_fault, "next": next, "status": status,
            });
            eprintln!("{object}");
        } else {
            let style = anstyle::AnsiColor::Red.on_default().bold();
            anstream::eprintln!("{style}error:{style:#} {self}");
        }
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.happened)?;
        writeln!(f, "  at fault: {}", self.at_fault)?;
        write!(f, "  next: {}", self.next)
    }
}

/// What the command line says that cannot be: its first line, without the usage around it.
impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        Self::usage(first.strip_prefix("error: ").unwrap_or(first), "see evergrant --help")
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        // A configuration error says in one sentence what is wrong and what to write instead.
        let sentence = error.to_string();
        match sentence.split_once(": ") {
            Some((happened, next)) => Self::usage(happened, next),
            None => Self::usage(sentence, "see evergrant --help"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.cause() {
            Some(Cause::NotSent(problem)) => problem.clone().into(),
            Some(Cause::Refused(refusal)) => (&**refusal).into(),
            _ => Self {
                status: 4,
                happened: error.to_string(),
                at_fault: "the authorization server, or the way to it",
                next: "try again, with a longer --wait or --timeout".into(),
            },
        }
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let permanent = refusal.class() == evergrant_tokio_reqwest::core::Class::Permanent;
        let at_fault = match refusal.problem() {
            Problem::Transport(error) if error.kind() == TransportErrorKind::Proxy => {
                "the proxy, or the variable that names it"
            }
            Problem::Transport(_) => "the way to the authorization server, or the token endpoint's address",
            Problem::Redirect { .. } => "the token endpoint's address",
            Problem::ErrorResponse(_) | Problem::Status if permanent => {
                "the client: its credentials, or what it asks for"
            }
            _ => "the authorization server",
        };
        let mut next = refusal.advice().to_owned();
        if let Some(wait) = refusal.retry_after() {
            next = format!("{next} (the server asks to wait {} s)", wait.as_secs());
        }
        Self {
            status: if permanent { 3 } else { 4 },
            happened: refusal.summary().to_string(),
            at_fault,
            next,
        }
    }
}
