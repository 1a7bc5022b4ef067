//! What can go wrong, sorted by who is at fault.
//!
//! [`ConfigError`] is ours to mend before anything is sent. [`Refusal`] is what the authorization server, or the way
//! to it, made of a token request. [`Error`] is what a caller who wanted a token gets. All are plain data, and none
//! can hold a secret: what comes from outside enters as an [`Excerpt`].

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use thiserror::Error;
use zeroize::Zeroizing;

/// Words from outside, made fit to show: control and bidirectional characters stripped, at most
/// [`MAX_CHARS`](Excerpt::MAX_CHARS) characters, configured secrets and the userinfo of URLs masked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Excerpt(Arc<str>);

impl Excerpt {
    /// The longest excerpt, in characters.
    pub const MAX_CHARS: usize = 256;

    /// What may be shown of `words`, each of `secrets` masked; `None` if nothing is left.
    pub fn new(words: &str, secrets: &[&str]) -> Option<Self> {
        // The bound comes last: a secret that it cut in two would not be found.
        // A secret is searched for as it would be shown.
        let printable =
            |text: &str| -> String { text.chars().filter(|c| !c.is_control() && !is_bidi(*c)).collect() };
        let masked = secrets
            .iter()
            .map(|secret| Zeroizing::new(printable(secret)))
            .filter(|secret| !secret.is_empty())
            .fold(printable(words), |text, secret| text.replace(secret.as_str(), "[redacted]"));
        let shown: String = mask_userinfo(&masked).trim().chars().take(Self::MAX_CHARS).collect();
        (!shown.is_empty()).then(|| Self(shown.into()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For words of which nothing can be shown.
impl Default for Excerpt {
    fn default() -> Self {
        Self("(nothing that can be shown)".into())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Characters that reorder or break the line: they could make a terminal show what was not said.
const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Masks `user:password` in every `scheme://user:password@host` (a proxy's URL, say).
fn mask_userinfo(text: &str) -> String {
    let mut parts = text.split("://");
    let mut masked = String::from(parts.next().unwrap_or_default());
    for part in parts {
        masked.push_str("://");
        let authority = part.find(['/', '?', '#', ' ']).unwrap_or(part.len());
        match part[..authority].rfind('@') {
            Some(at) => {
                masked.push_str("[redacted]");
                masked.push_str(&part[at..]);
            }
            None => masked.push_str(part),
        }
    }
    masked
}

/// The configuration cannot work: found before anything is sent, and mended by whoever configured it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is no absolute http or https URL (RFC 3986).
    #[error("{field} is not an http or https URL: write it as https://host/path")]
    NotAUrl {
        /// Which setting.
        field: &'static str,
    },
    /// Plain http would send the credentials, or the token, readable by everyone on the way.
    #[error(
        "{field} is plain http to {host}: use https (plain http is accepted for the literals 127.0.0.0/8 and [::1] only)"
    )]
    PlainHttp {
        /// Which setting.
        field: &'static str,
        /// The host named there.
        host: Excerpt,
    },
    /// `localhost` is a name, and a name can be made to point elsewhere.
    #[error(
        "{field} is plain http to the name localhost, which may resolve to anywhere: write 127.0.0.1 or [::1]"
    )]
    Localhost {
        /// Which setting.
        field: &'static str,
    },
    /// A host such as `127.1`, `0x7f.1`, `%6cocalhost` or `example.com.`: URL readers disagree on what it names.
    #[error(
        "{field} has a host that programs read in different ways: write a DNS name without a dot at its end, or an \
         address such as 127.0.0.1 or [::1]"
    )]
    AmbiguousHost {
        /// Which setting.
        field: &'static str,
    },
    /// A secret in a URL: it is logged all along the way (RFC 6749 §2.3.1).
    #[error("{field} has a secret in its query: remove it and set the client authentication")]
    SecretInUrl {
        /// Which setting.
        field: &'static str,
    },
    /// RFC 6749 §3.2: the endpoint must not have a fragment.
    #[error("{field} has a fragment: remove the # and what follows")]
    Fragment {
        /// Which setting.
        field: &'static str,
    },
    /// Credentials do not belong into a URL: it is logged.
    #[error(
        "{field} has a user name or password in it: remove what stands before the @ and set the client authentication"
    )]
    Userinfo {
        /// Which setting.
        field: &'static str,
    },
    /// An origin is scheme, host and port (RFC 6454).
    #[error(
        "{field} has a path or query: an origin is scheme, host and port alone, such as https://api.example.com"
    )]
    NotAnOrigin {
        /// Which setting.
        field: &'static str,
    },
    /// A required setting is empty.
    #[error("{field} is empty: set it to the value your authorization server gave you")]
    Empty {
        /// Which setting.
        field: &'static str,
    },
    /// A control character, most often a newline at the end of a file.
    #[error(
        "{field} has a control character at byte {at}: remove it (often a line break that was copied along)"
    )]
    ControlCharacter {
        /// Which setting.
        field: &'static str,
        /// Its place, in bytes from 0.
        at: usize,
    },
    /// RFC 7617 §2: unencoded, the user-id of Basic cannot contain a colon.
    #[error(
        "client_id has a colon, which basic-raw cannot carry: use client_secret_basic or client_secret_post"
    )]
    ColonInClientId,
    /// RFC 6749 §3.3: a scope token is 0x21, 0x23-0x5B, 0x5D-0x7E.
    #[error("scope token {token:?} has a character that no scope may have at byte {at}: remove it")]
    ScopeToken {
        /// The scope token.
        token: Excerpt,
        /// The place of the offending byte in it, from 0.
        at: usize,
    },
    /// RFC 6749 §3.3: one space between scope tokens, none before or after.
    #[error("scope has a space too many at byte {at}: write its tokens with one space between them")]
    ScopeSpace {
        /// Its place, in bytes from 0.
        at: usize,
    },
    /// RFC 6749 §8.2: a parameter's name is made of ASCII letters, digits, `-`, `.` and `_`.
    #[error(
        "parameter {name:?} has a character that no name may have: write letters, digits, - . and _ only"
    )]
    ParameterName {
        /// Its name.
        name: Excerpt,
    },
    /// A parameter of this name is set by the library, or was set before.
    #[error(
        "parameter {name} is set twice, or is one that the library sets itself: remove it, or use the setting of that name"
    )]
    Parameter {
        /// Its name.
        name: Excerpt,
    },
    /// RFC 8707 §2: a resource is an absolute URI without a fragment.
    #[error("resource is not an absolute URI without fragment: write it as https://api.example.com/")]
    Resource,
    /// The token given to `fixed` is none.
    #[error("{0}")]
    Token(#[from] crate::UnusableToken),
    /// The HTTP client that sends token requests could not be built.
    #[error("the HTTP client for token requests cannot be built: {reason}")]
    HttpClient {
        /// What the library said.
        reason: Excerpt,
    },
}

/// Whether asking again, unchanged, can help.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// The client or the request must change first.
    Permanent,
    /// It may work later.
    Transient,
}

/// A token request was made and brought no usable token.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Refusal {
    pub(crate) class: Class,
    pub(crate) status: Option<u16>,
    pub(crate) problem: Problem,
    pub(crate) retry_after: Option<Duration>,
}

/// What was wrong with the answer, or that there was none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// There was no whole answer.
    Transport(TransportError),
    /// The server said what is wrong (RFC 6749 §5.2).
    ErrorResponse(ErrorResponse),
    /// The status alone says so.
    Status,
    /// The server answered with a redirect, which a token request never follows.
    Redirect {
        /// The host it points to, if the answer named one.
        host: Option<Excerpt>,
    },
    /// A success that cannot be read.
    Malformed(Malformed),
    /// The token was over before it arrived.
    Expired,
}

/// The server's own words (RFC 6749 §5.2).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ErrorResponse {
    /// The `error` member, or what a provider's own code stands for.
    pub code: Excerpt,
    /// The `error_description` member.
    pub description: Option<Excerpt>,
}

/// Why a successful answer cannot be read. It never holds a piece of the body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// More than 256 KiB.
    #[error("the body is longer than 256 KiB")]
    TooLong,
    /// Neither JSON nor a form.
    #[error("the body is neither a JSON object nor a form")]
    NotAnObject,
    /// HTML: a login page, a proxy, a wrong path.
    #[error("the body is an HTML page")]
    Html,
    /// The JSON is broken, nested deeper than 32, or has trailing bytes.
    #[error("the body is not valid JSON")]
    Syntax,
    /// A known member stands twice.
    #[error("the member {0} stands twice")]
    Duplicate(&'static str),
    /// No `access_token`.
    #[error("there is no access_token")]
    NoAccessToken,
    /// An `access_token` that no header can carry.
    #[error("access_token is not a text of 1 to 16384 visible ASCII characters")]
    AccessToken,
    /// An `error` next to which no code can be read.
    #[error("the member error is not a text")]
    ErrorMember,
    /// A `token_type` other than Bearer.
    #[error("token_type is not Bearer")]
    TokenType,
    /// A 2xx other than 200 and 201.
    #[error("the status is a success without a token")]
    Status,
}

/// There was no whole answer: the way to the server is at fault, or the server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    detail: Option<Excerpt>,
}

/// Where the way to the server broke.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host's name could not be resolved.
    #[error("the host name cannot be resolved")]
    Resolve,
    /// No connection.
    #[error("no connection could be made")]
    Connect,
    /// TLS failed.
    #[error("the TLS handshake failed")]
    Tls,
    /// `attempt_timeout` was over.
    #[error("no whole answer came in time")]
    Timeout,
    /// The connection was closed or reset.
    #[error("the connection was closed before the whole answer came")]
    Closed,
    /// What came was not HTTP.
    #[error("the answer is not valid HTTP")]
    Protocol,
    /// There is no runtime to spawn the request on.
    #[error("there is no async runtime to carry the request")]
    NoRuntime,
    /// The system gives no thread to carry the request.
    #[error("the system gives no thread to carry the request")]
    NoThread,
    /// Anything else.
    #[error("the request could not be sent")]
    Other,
}

impl TransportError {
    /// An error of this kind, with what the HTTP library said about it. `secrets` are masked in the detail.
    pub fn new(kind: TransportErrorKind, detail: &str, secrets: &[&str]) -> Self {
        Self { kind, detail: Excerpt::new(detail, secrets) }
    }

    /// Where the way broke.
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// What the HTTP library said.
    pub const fn detail(&self) -> Option<&Excerpt> {
        self.detail.as_ref()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl core::error::Error for TransportError {}

impl From<TransportError> for Refusal {
    fn from(error: TransportError) -> Self {
        Self { class: Class::Transient, status: None, problem: Problem::Transport(error), retry_after: None }
    }
}

impl Refusal {
    /// An answer whose token was over before it arrived.
    pub(crate) const fn expired() -> Self {
        Self { class: Class::Transient, status: None, problem: Problem::Expired, retry_after: None }
    }

    /// A refusal as a server would make it, for tests and for transports that are no HTTP.
    pub fn new(class: Class, status: Option<u16>, problem: Problem) -> Self {
        Self { class, status, problem, retry_after: None }
    }

    /// The same, with the server's word on when to ask again.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    /// Whether asking again can help.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// The HTTP status of the answer, if there was one.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// What was wrong.
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The server's code, such as `invalid_client` (RFC 6749 §5.2).
    pub fn code(&self) -> Option<&str> {
        match &self.problem {
            Problem::ErrorResponse(response) => Some(response.code.as_str()),
            _ => None,
        }
    }

    /// The server's Retry-After (RFC 9110 §10.2.3), from when the answer came.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What happened, in one sentence, without what to do about it.
    pub fn summary(&self) -> impl fmt::Display + '_ {
        Summary(self)
    }

    /// What to do about it, in one sentence.
    pub fn advice(&self) -> &'static str {
        match (&self.problem, self.class) {
            (Problem::Transport(error), _) => match error.kind {
                TransportErrorKind::Resolve => "check the host in the token endpoint, and this machine's DNS",
                TransportErrorKind::Tls => {
                    "check the server's certificate, this machine's trusted roots and its clock"
                }
                TransportErrorKind::NoRuntime => "ask for a token from inside a running tokio runtime",
                TransportErrorKind::NoThread => "raise this process's limit of threads, or lower its load",
                _ => "check that the token endpoint is reachable from here; it is asked again by itself",
            },
            (Problem::Redirect { .. }, _) => {
                "set the token endpoint to the address it really has; credentials never follow a redirect"
            }
            (Problem::Malformed(Malformed::Html), _) => {
                "check the path of the token endpoint: a web page answered, not an authorization server"
            }
            (Problem::Malformed(_), _) => {
                "check the token endpoint; if it is right, tell the server's operator"
            }
            (Problem::Expired, _) => {
                "check this machine's clock and the server's: the token was over before it arrived"
            }
            (Problem::ErrorResponse(response), Class::Permanent) => match response.code.as_str() {
                "invalid_client" => {
                    "check the client id, the client secret and the authentication method with the server's operator"
                }
                "unauthorized_client" | "access_denied" => {
                    "ask the server's operator to allow this client the client credentials grant"
                }
                "invalid_scope" => "ask for scopes that this client may have",
                "invalid_target" => "check the resource and audience that are asked for",
                "unsupported_grant_type" => {
                    "check the token endpoint: this one has no client credentials grant"
                }
                _ => "check the request's parameters and body format against the server's documentation",
            },
            (_, Class::Permanent) => {
                "check the token endpoint and the body format against the server's documentation"
            }
            (_, Class::Transient) => "the server is in trouble; it is asked again by itself",
        }
    }
}

/// What happened, without the advice.
struct Summary<'a>(&'a Refusal);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusal = self.0;
        let http = |f: &mut fmt::Formatter<'_>| match refusal.status {
            Some(status) => write!(f, " (http {status})"),
            None => Ok(()),
        };
        match &refusal.problem {
            Problem::Transport(error) => write!(f, "the token endpoint cannot be asked: {error}")?,
            Problem::ErrorResponse(ErrorResponse { code, description }) => {
                write!(f, "the authorization server refused with {code}")?;
                http(f)?;
                if let Some(description) = description {
                    write!(f, ": {description}")?;
                }
            }
            Problem::Status => match refusal.status {
                Some(status) => write!(f, "the authorization server answered with http {status}")?,
                None => f.write_str("the authorization server refused")?,
            },
            Problem::Redirect { host: Some(host) } => {
                write!(f, "the token endpoint redirects to {host}")?;
                http(f)?;
            }
            Problem::Redirect { host: None } => {
                f.write_str("the token endpoint redirects")?;
                http(f)?;
            }
            Problem::Malformed(why) => {
                f.write_str("the authorization server's answer cannot be read")?;
                http(f)?;
                write!(f, ": {why}")?;
            }
            Problem::Expired => f.write_str("the authorization server sent a token that was already over")?,
        }
        Ok(())
    }
}

/// What happened, and what to do about it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.summary(), self.advice())
    }
}

impl core::error::Error for Refusal {}

/// Why there is no token: what became of the last flight.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
pub enum Cause {
    /// It was sent, and refused.
    #[error("{0}")]
    Refused(Arc<Refusal>),
    /// It could not be built from the configuration, so it was not sent.
    #[error("the token request cannot be built: {0}")]
    NotSent(ConfigError),
    /// Nobody reported on it: a panic, or a runtime that was shut down.
    #[error("the token request was given up before its answer came; it is asked again by itself")]
    Abandoned,
}

impl Cause {
    /// Whether the client or the request must change before another try can help.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.class == Class::Permanent,
            Self::NotSent(_) => true,
            Self::Abandoned => false,
        }
    }
}

/// A caller wanted a token and gets none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The last request failed, and waiting for the next one is pointless: it is permanent, the caller fails fast, or
    /// its patience ends first.
    Failed {
        /// What became of the request.
        cause: Cause,
        /// The time until another one may be sent.
        retry_after: Duration,
    },
    /// The caller's patience is over.
    TimedOut {
        /// What became of the last request that ended, if one did since a token was last installed.
        last_error: Option<Cause>,
        /// The time until another one may be sent, or the one in the air is given up.
        retry_after: Duration,
    },
    /// `max_waiters` callers wait already.
    Saturated {
        /// How many that are.
        max_waiters: usize,
        /// The time until another request may be sent, or the one in the air is given up.
        retry_after: Duration,
    },
}

impl Error {
    /// The time until another try makes sense, for a server to pass on to its own callers.
    pub const fn retry_after(&self) -> Duration {
        match self {
            Self::Failed { retry_after, .. }
            | Self::TimedOut { retry_after, .. }
            | Self::Saturated { retry_after, .. } => *retry_after,
        }
    }

    /// What became of the last request, if that is known.
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Failed { cause, .. } => Some(cause),
            Self::TimedOut { last_error, .. } => last_error.as_ref(),
            Self::Saturated { .. } => None,
        }
    }

    /// The authorization server's refusal, if that is the reason.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self.cause() {
            Some(Cause::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the client or the request must change before another try can help.
    pub fn is_permanent(&self) -> bool {
        self.cause().is_some_and(Cause::is_permanent)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { cause, .. } => write!(f, "no access token: {cause}"),
            Self::TimedOut { last_error: Some(cause), .. } => {
                write!(f, "no access token within the caller's patience: {cause}")
            }
            Self::TimedOut { last_error: None, .. } => f.write_str(
                "no access token within the caller's patience; the token request is still unanswered",
            ),
            Self::Saturated { max_waiters, .. } => write!(
                f,
                "no access token: {max_waiters} callers wait for one already; lower the load or raise max_waiters"
            ),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests;
