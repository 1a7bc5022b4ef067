//! Why the command ends without having done its job: what happened, who is at fault, what to do next.

use crate::tell::escaped::{self, Line};
use crate::tell::manner::Manner;
use crate::tell::stderr;
use crate::tell::told::told;
use evergrant_gateway::ServeError;
use evergrant_tokio_reqwest::core::{Cause, MetadataFault, Problem, Refusal, TransportErrorKind, Unready};
use evergrant_tokio_reqwest::{ConfigError, Error};
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// What did not let a request through.
pub(crate) const PROXY: &str = "the proxy, or the setting that names it";

/// What may be wrong where the server cannot be reached, and where something else answers.
const WAY: &str = "the connection to the authorization server, or the token endpoint's address";
const UNANSWERED: &str = "the authorization server, or the connection to it";
const ADDRESS: &str = "the token endpoint's address";
const ISSUER: &str = "the issuer, or the address of its metadata";

/// The longest rest that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A failure of the command.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    happened: String,
    at_fault: &'static str,
    next: String,
    /// Until another try makes sense.
    retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn usage(happened: impl Into<String>, next: impl Into<String>) -> Self {
        let (happened, next) = (happened.into(), next.into());
        Self { status: 2, happened, at_fault: "the configuration", next, retry_after: None }
    }

    pub(crate) fn system(happened: &str, error: &dyn fmt::Display) -> Self {
        Self {
            status: 4,
            happened: format!("{happened}: {error}"),
            at_fault: "this machine",
            next: "try again, or fix what the system says".into(),
            retry_after: None,
        }
    }

    /// Nobody is served: an address or a route is wrong, or the system, or its certificates, do not allow it.
    pub(crate) fn serve(happened: &str, error: &ServeError) -> Self {
        let text = error.to_string();
        match (error, text.rsplit_once(": ")) {
            // What follows their colon is why, and not what to do next.
            (ServeError::Io(..) | ServeError::Start(_) | ServeError::Roots(_), _) | (_, None) => {
                Self::system(happened, error)
            }
            (_, Some((wrong, next))) => Self::usage(wrong, next),
        }
    }

    /// The server cannot be reached.
    pub(crate) fn way(happened: String, next: &str) -> Self {
        Self { status: 4, happened, at_fault: WAY, next: next.to_owned(), retry_after: None }
    }

    /// The demonstration found what must not happen.
    pub(crate) fn demo(happened: String) -> Self {
        Self {
            status: 1,
            happened,
            at_fault: "evergrant",
            next: "run it again with more --seconds; if it happens again, report it".into(),
            retry_after: None,
        }
    }

    /// The same, about one profile of the configuration file, with the line where that is known.
    pub(crate) fn of_profile(self, path: &str, line: Option<usize>, profile: &str) -> Self {
        let line = line.map_or_else(String::new, |line| format!("{line}:"));
        Self { happened: format!("{path}:{line} {} (profile {})", self.happened, Line(profile)), ..self }
    }

    /// The same, with what led to it.
    pub(crate) fn since(self, reason: &dyn fmt::Display) -> Self {
        Self { happened: format!("{}: {reason}", self.happened), ..self }
    }

    /// The same, in what this says.
    pub(crate) fn of(self, place: &dyn fmt::Display) -> Self {
        Self { happened: format!("{place}: {}", self.happened), ..self }
    }

    /// The same; where the token endpoint's address may be wrong, with where it was written.
    pub(crate) fn address_from(self, place: &dyn fmt::Display) -> Self {
        match self.at_fault {
            WAY | ADDRESS => {
                Self { next: format!("{}; the token endpoint is that of {place}", self.next), ..self }
            }
            ISSUER => Self { next: format!("{}; the issuer is that of {place}", self.next), ..self },
            _ => self,
        }
    }

    /// A program could not be started.
    pub(crate) fn not_started(status: u8, happened: String) -> Self {
        let next = "check its name, its permissions and PATH".into();
        Self { status, happened, at_fault: "the command line", next, retry_after: None }
    }

    /// A call to an API, other than for want of a token.
    pub(crate) fn api(status: u8, happened: String, at_fault: &'static str, next: &str) -> Self {
        Self { status, happened, at_fault, next: next.to_owned(), retry_after: None }
    }

    /// What happened and what to do, in one sentence.
    pub(crate) fn in_one(&self) -> String {
        format!("{}; {}", self.happened, self.next)
    }

    /// What happened, and what to do next: for whoever tells it in another way.
    pub(crate) fn parts(&self) -> (&str, &str) {
        (&self.happened, &self.next)
    }

    /// The status of the command that failed like this.
    pub(crate) fn status(&self) -> ExitCode {
        ExitCode::from(self.status)
    }

    /// Tells all of them but the last one, which is for the command to end with: all are mistakes of configuration.
    pub(crate) fn tell_but_last(mut failures: Vec<Self>, manner: Manner) -> Option<Self> {
        let last = failures.pop()?;
        for failure in failures {
            let _status = failure.tell(manner);
        }
        Some(last)
    }

    /// Tells it on stderr, and ends with its status.
    pub(crate) fn tell(&self, manner: Manner) -> ExitCode {
        if manner.json {
            let Self { status, happened, at_fault, next, retry_after } = self;
            let mut object = serde_json::json!({
                "error": happened, "at_fault": at_fault, "next": next, "status": status,
            });
            if let Some(time) = retry_after {
                object["retry_after_ms"] = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into();
            }
            stderr::line(escaped::json(&object));
        } else {
            let style = anstyle::AnsiColor::Red.on_default().bold();
            stderr::line(format_args!("{style}error:{style:#} {self}"));
        }
        self.status()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever it repeats of a file or a server, it has three lines.
        writeln!(f, "{}", Line(&self.happened))?;
        writeln!(f, "  at fault: {}", self.at_fault)?;
        write!(f, "  next: {}", Line(&self.next))
    }
}

/// What the command line says that cannot be: its first line, without the usage around it.
impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        match first.split_once(": ").filter(|_| error.context().next().is_none()) {
            Some((happened, next)) => Self::usage(happened, next),
            None => Self::usage(first, "see evergrant --help"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        // A configuration error says in one sentence what is wrong and what to write instead.
        let sentence = of_the_command(error.to_string());
        let parts = match error {
            // First of all what became of that.
            ConfigError::HttpClient { .. } => sentence.rsplit_once(": "),
            _ => sentence.split_once(": "),
        };
        match parts {
            Some((happened, next)) if matches!(error, ConfigError::PlainHttp { .. }) => Self::usage(
                happened,
                format!(
                    "{next}; where the network is safe by itself, allow it with --dangerous-plain-http, or with \
                     dangerous_plain_http = true in the profile"
                ),
            ),
            Some((happened, next)) => Self::usage(happened, next),
            None => Self::usage(sentence, "see evergrant --help"),
        }
    }
}

impl From<Unready> for Failure {
    fn from(unready: Unready) -> Self {
        match unready.config() {
            Some(ConfigError::KeyFormat { found, mend }) => {
                let what = unready.ask().map_or_else(String::new, ToString::to_string);
                let from = unready.source_name().map_or_else(String::new, |source| format!(" in {source}"));
                Self::usage(format!("{what}{from} cannot be used: {found}"), mend.as_str())
            }
            Some(error) if unready.ask().is_none() => error.clone().into(),
            config => {
                let sentence = of_the_command(unready.to_string());
                // A source says behind a semicolon what to do next, and a configuration error behind its last colon.
                let parts = match (sentence.split_once("; "), config) {
                    (None, Some(_)) => sentence.rsplit_once(": "),
                    (parts, _) => parts,
                };
                match parts {
                    Some((happened, next)) => Self::usage(happened, next),
                    None => Self::usage(sentence, "check what is at that place, and what this user may read"),
                }
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // Where the client must change, no time helps.
        let retry_after = (!error.is_permanent()).then(|| error.retry_after());
        match error.cause() {
            Some(Cause::NotSent(problem)) => problem.clone().into(),
            Some(Cause::Refused(refusal)) => Self { retry_after, ..Self::from(&**refusal) },
            _ => Self {
                status: 4,
                happened: error.to_string(),
                at_fault: UNANSWERED,
                next: "try again, with a longer --wait or --timeout".into(),
                retry_after,
            },
        }
    }
}

/// What the library advises a program, in words for who uses the command.
pub(crate) fn of_the_command(text: String) -> String {
    let words = [
        (
            "what failed is in the log of the process that sent it",
            "the invocation that sent it said what failed, and evergrant doctor looks at each step",
        ),
        // Calls have one that is made in the same way.
        ("the HTTP client for token requests", "the HTTP client"),
        ("or give it to the HTTP client", "or in --ca-file"),
        ("or give root certificates to the HTTP client", "or name a PEM file with --ca-file"),
        ("give the source an identity (mutual TLS)", "name it with --certificate (mutual TLS)"),
        (
            "set the token endpoint, or have the assertion be for the issuer",
            "name it with --token-endpoint, or leave --assertion-audience token-endpoint out",
        ),
        ("list it with Provider::with_bearer_words", "name it with --bearer-word"),
        (
            "use client_secret_basic or client_secret_post, or a longer secret",
            "use --auth basic or --auth post, or a longer secret",
        ),
        (
            "use the other form of its address (OpenID Connect's or RFC 8414's) or name that address",
            "use --metadata-url rfc8414 for the other form of its address, or name that address with --metadata-url",
        ),
    ];
    words.into_iter().fold(text, |text, (library, command)| text.replace(library, command))
}

/// Why there is no token: what happened, and what is known of the credential that was refused, without what to do about it.
pub(crate) fn why(cause: &Cause) -> String {
    let happened = of_the_command(cause.summary().to_string());
    match cause {
        Cause::Refused(refusal) => match refusal.credential() {
            Some(credential) => format!("{happened}; {credential}"),
            None => happened,
        },
        _ => happened,
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        // What answers 407 is neither the server nor the client (RFC 9110 §15.5.8).
        let by_proxy = refusal.status() == Some(407);
        let permanent = !by_proxy && refusal.class() == evergrant_tokio_reqwest::core::Class::Permanent;
        let at_fault = match refusal.problem() {
            Problem::Transport(error) if error.kind() == TransportErrorKind::NoFile => "this machine",
            Problem::Transport(error) if error.kind() == TransportErrorKind::Proxy => PROXY,
            Problem::Transport(_) => WAY,
            Problem::Redirect { .. } => ADDRESS,
            Problem::Metadata { fault, .. } => match &**fault {
                MetadataFault::Transport(error) if error.kind() == TransportErrorKind::NoFile => {
                    "this machine"
                }
                MetadataFault::Transport(error) if error.kind() == TransportErrorKind::Proxy => PROXY,
                MetadataFault::Transport(_) => WAY,
                MetadataFault::Status | MetadataFault::Redirect { .. } | MetadataFault::Issuer { .. }
                    if permanent =>
                {
                    ISSUER
                }
                _ => "the authorization server",
            },
            // What another process was told without an answer of the server's.
            Problem::Status if refusal.is_told() && refusal.status().is_none() => UNANSWERED,
            _ if by_proxy => PROXY,
            _ if refusal.clock().is_some() => "this machine",
            Problem::WebPage if refusal.status() == Some(401) => {
                "the client's credentials, or something in front of the server"
            }
            Problem::WebPage if permanent => {
                "the token endpoint's address, or something in front of the server"
            }
            Problem::Described(_) | Problem::Status if matches!(refusal.status(), Some(404 | 405 | 410)) => {
                ADDRESS
            }
            Problem::ErrorResponse(_) | Problem::Described(_) | Problem::Status if permanent => {
                "the client: its credentials, or what it asks for"
            }
            _ => "the authorization server",
        };
        let mut next = refusal.advice().to_owned();
        if let Some(clock) = refusal.clock() {
            next = format!("{next}; this machine's clock is {clock}");
        }
        if let Some(credential) = refusal.credential() {
            next = format!("{next}; {credential}");
        }
        // No longer than is obeyed; and of no time at all there is nothing to say.
        let wait = refusal.retry_after().map(|wait| wait.min(LONGEST_WAIT)).filter(|wait| !wait.is_zero());
        match wait {
            _ if refusal.is_told() => next = format!("{next}; {}", told(wait)),
            Some(wait) => next = format!("{next} (the server asks to wait {} s)", wait.as_secs()),
            None => {}
        }
        Self {
            status: if permanent { 3 } else { 4 },
            happened: if by_proxy {
                "a proxy answered http 407".into()
            } else {
                of_the_command(refusal.summary().to_string())
            },
            at_fault,
            next: of_the_command(next),
            retry_after: refusal.retry_after().map(|wait| wait.min(LONGEST_WAIT)),
        }
    }
}

#[cfg(test)]
mod tests;
