//! Faults: what an endpoint does instead of its ordinary answer, and how often.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A side of the server.
///
/// ```
/// use evergrant_mock::{Endpoint, Fault, Server, Times};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token, call_api};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// ask_for_token(&server)?;
/// server.fault(Endpoint::Resource, Fault::status(502), Times::UntilCleared);
/// // The API is in trouble, and the authorization server is not.
/// assert_eq!(call_api(&server, &server.issued()[0])?.status(), 502);
/// assert_eq!(ask_for_token(&server)?.status(), 200);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// The token endpoint: the path `/access-token`, or where it was [moved](crate::Server::move_token_endpoint), whatever the
    /// method.
    Token,
    /// What the server says of itself (RFC 8414, OpenID Connect Discovery): the paths that end with
    /// `/.well-known/openid-configuration` or begin with `/.well-known/oauth-authorization-server`.
    Metadata,
    /// The resource API: every other path.
    Resource,
}

/// What an endpoint does instead of its ordinary answer.
///
/// ```
/// use evergrant_mock::{Endpoint, Fault, Server, Times};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// for fault in [Fault::Reset, Fault::CloseBeforeAnswer, Fault::Garbage, Fault::TruncatedBody] {
///     server.fault(Endpoint::Token, fault, Times::Once);
///     let answer = ask_for_token(&server).and_then(|mut answer| answer.body_mut().read_to_string());
///     assert!(answer.is_err());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with this status.
    Status {
        /// The status code.
        status: u16,
        /// The value of `Retry-After`, written as it stands: seconds, a date, or nonsense.
        retry_after: Option<String>,
        /// The media type and the body; without one the body is empty.
        body: Option<(String, Vec<u8>)>,
    },
    /// Answers with an OAuth error: as `{"error":..}` or JSON:API by the server's [`ErrorStyle`](crate::ErrorStyle)
    /// at the token endpoint and as metadata, as `WWW-Authenticate: Bearer error=..` (RFC 6750 §3) at the resource API.
    Error {
        /// The status code.
        status: u16,
        /// The value of `error`, or the JSON:API code.
        error: String,
        /// The value of `error_description`, or the JSON:API detail.
        description: Option<String>,
    },
    /// Never answers. The connection stays open until the client closes it or the server stops.
    Hang,
    /// Resets the connection instead of answering: the client sees ECONNRESET.
    Reset,
    /// Reads the request, then closes the connection without a byte.
    CloseBeforeAnswer,
    /// The ordinary answer: its header at once, its body one byte at a time.
    SlowBody {
        /// The wait before each byte.
        per_byte: Duration,
    },
    /// The ordinary answer, of which only the first half of the body is sent before the connection closes:
    /// `Content-Length` has promised more.
    TruncatedBody,
    /// The ordinary answer, still well-formed JSON, grown to this many bytes by a member `padding` that comes first.
    Oversized {
        /// The length of the body, in bytes. One below that of the ordinary body changes nothing.
        bytes: usize,
    },
    /// The ordinary answer as gzip (RFC 1952), whatever the request accepts: so does many a proxy.
    Gzip,
    /// The same as deflate (RFC 1950).
    Deflate,
    /// Bytes that are no HTTP, then the end of the connection.
    Garbage,
    /// 200 with an HTML page, as from a captive portal or a proxy.
    Html,
    /// A redirect.
    Redirect {
        /// The status code: 301, 302, 303, 307 or 308.
        status: u16,
        /// The value of `Location`.
        location: String,
    },
    /// The ordinary answer, with another value of one member of its JSON object, or without it: metadata of another issuer, a
    /// token response without a token. An answer that is no JSON object is not changed.
    Member {
        /// The name of the member.
        name: String,
        /// Its value, written as it stands, which may be no JSON; None leaves it out.
        json: Option<String>,
    },
    /// These bytes and nothing else, then the end of the connection.
    Raw(Vec<u8>),
}

impl Fault {
    /// A status and an empty body.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.fault(Endpoint::Token, Fault::status(503), Times::Once);
    /// assert_eq!(ask_for_token(&server)?.status(), 503);
    /// # Ok(()) }
    /// ```
    pub const fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, body: None }
    }

    /// A status with `Retry-After` and an empty body.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.fault(Endpoint::Token, Fault::status_with_retry_after(429, "2"), Times::Once);
    /// assert_eq!(ask_for_token(&server)?.headers()["retry-after"], "2");
    /// # Ok(()) }
    /// ```
    pub fn status_with_retry_after(status: u16, retry_after: impl Into<String>) -> Self {
        Self::Status { status, retry_after: Some(retry_after.into()), body: None }
    }

    /// A status with a body of this media type.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// let problem = r#"{"title":"Quota exceeded","detail":"1000 tokens a day"}"#; // RFC 9457
    /// let fault = Fault::status_with_body(403, "application/problem+json", problem);
    /// server.fault(Endpoint::Token, fault, Times::Once);
    /// assert_eq!(ask_for_token(&server)?.body_mut().read_to_string()?, problem);
    /// # Ok(()) }
    /// ```
    pub fn status_with_body(status: u16, media_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::Status { status, retry_after: None, body: Some((media_type.into(), body.into())) }
    }

    /// An OAuth error without a description.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.fault(Endpoint::Token, Fault::error(400, "invalid_scope"), Times::Once);
    /// assert_eq!(ask_for_token(&server)?.body_mut().read_to_string()?, r#"{"error":"invalid_scope"}"#);
    /// # Ok(()) }
    /// ```
    pub fn error(status: u16, error: impl Into<String>) -> Self {
        Self::Error { status, error: error.into(), description: None }
    }

    /// A redirect to `location`.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// // Does your program send its secret to wherever a redirect leads?
    /// server.fault(Endpoint::Token, Fault::redirect(307, "http://127.0.0.1:1/"), Times::Once);
    /// assert_eq!(ask_for_token(&server)?.headers()["location"], "http://127.0.0.1:1/");
    /// # Ok(()) }
    /// ```
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::Redirect { status, location: location.into() }
    }

    /// The ordinary answer with this member, whose value is JSON: a string has its quotation marks.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_for_metadata;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// let other = Fault::with_member("issuer", r#""https://attacker.example""#);
    /// server.fault(Endpoint::Metadata, other, Times::Once);
    /// let metadata = ask_for_metadata(&server)?.body_mut().read_to_string()?;
    /// assert!(metadata.contains(r#""issuer":"https://attacker.example""#));
    /// # Ok(()) }
    /// ```
    pub fn with_member(name: impl Into<String>, json: impl Into<String>) -> Self {
        Self::Member { name: name.into(), json: Some(json.into()) }
    }

    /// The ordinary answer without this member.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_for_metadata;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.fault(Endpoint::Metadata, Fault::without_member("token_endpoint"), Times::Once);
    /// let metadata = ask_for_metadata(&server)?.body_mut().read_to_string()?;
    /// assert!(!metadata.contains("\"token_endpoint\""));
    /// # Ok(()) }
    /// ```
    pub fn without_member(name: impl Into<String>) -> Self {
        Self::Member { name: name.into(), json: None }
    }

    /// These bytes, then the end of the connection.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// server.fault(Endpoint::Token, Fault::raw("HTTP/1.1 204 No Content\r\n\r\n"), Times::Once);
    /// assert_eq!(ask_for_token(&server)?.status(), 204);
    /// # Ok(()) }
    /// ```
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Raw(bytes.into())
    }

    /// The name under which the log shows it: `status`, `error`, `hang`, `reset`, `close-before-answer`, `slow-body`,
    /// `truncated-body`, `oversized`, `gzip`, `deflate`, `garbage`, `html`, `redirect`, `member` or `raw`.
    ///
    /// ```
    /// use evergrant_mock::Fault;
    ///
    /// assert_eq!(Fault::CloseBeforeAnswer.name(), "close-before-answer");
    /// ```
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Error { .. } => "error",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::CloseBeforeAnswer => "close-before-answer",
            Self::SlowBody { .. } => "slow-body",
            Self::TruncatedBody => "truncated-body",
            Self::Oversized { .. } => "oversized",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Garbage => "garbage",
            Self::Html => "html",
            Self::Redirect { .. } => "redirect",
            Self::Member { .. } => "member",
            Self::Raw(_) => "raw",
        }
    }

    /// Whether the ordinary answer is made, and spoilt only on its way.
    pub(crate) const fn spoils_the_ordinary_answer(&self) -> bool {
        matches!(
            self,
            Self::SlowBody { .. }
                | Self::TruncatedBody
                | Self::Oversized { .. }
                | Self::Gzip
                | Self::Deflate
                | Self::Member { .. }
        )
    }
}

/// How often a fault strikes.
///
/// ```
/// use evergrant_mock::{Endpoint, Fault, Server, Times};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// server.fault(Endpoint::Token, Fault::status(503), Times::Next(2));
/// let statuses = [(); 3].map(|()| ask_for_token(&server).map(|answer| answer.status().as_u16()));
/// assert!(matches!(statuses, [Ok(503), Ok(503), Ok(200)]));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Times {
    /// The next request.
    Once,
    /// As many requests; 0 is none.
    Next(u32),
    /// Every request that arrives within this time from now.
    For(Duration),
    /// Every request, until [`FaultHandle::clear`](crate::FaultHandle::clear) or
    /// [`Server::clear_faults`](crate::Server::clear_faults).
    UntilCleared,
}

/// The faults in force, oldest first: the oldest that applies to a request strikes.
#[derive(Default)]
pub(crate) struct Faults {
    active: VecDeque<Active>,
    last_id: u64,
}

struct Active {
    id: u64,
    on: Endpoint,
    fault: Fault,
    left: Left,
}

enum Left {
    Requests(u32),
    Until(Instant),
    Forever,
}

impl Left {
    fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Requests(left) => *left == 0,
            Self::Until(end) => now >= *end,
            Self::Forever => false,
        }
    }
}

impl Faults {
    /// Sets a fault from `now` on and tells its number.
    pub(crate) fn add(&mut self, on: Endpoint, fault: Fault, times: Times, now: Instant) -> u64 {
        let left = match times {
            Times::Once => Left::Requests(1),
            Times::Next(count) => Left::Requests(count),
            Times::For(time) => now.checked_add(time).map_or(Left::Forever, Left::Until),
            Times::UntilCleared => Left::Forever,
        };
        self.last_id += 1;
        self.active.push_back(Active { id: self.last_id, on, fault, left });
        self.last_id
    }

    /// The fault that strikes a request arriving now, if any.
    pub(crate) fn claim(&mut self, on: Endpoint, now: Instant) -> Option<Fault> {
        self.active.retain(|active| !active.left.is_over(now));
        let active = self.active.iter_mut().find(|active| active.on == on)?;
        if let Left::Requests(left) = &mut active.left {
            *left -= 1;
        }
        Some(active.fault.clone())
    }

    /// Takes one fault back.
    pub(crate) fn remove(&mut self, id: u64) {
        self.active.retain(|active| active.id != id);
    }

    /// Whether the fault may strike again.
    pub(crate) fn is_active(&self, id: u64, now: Instant) -> bool {
        self.active.iter().any(|active| active.id == id && !active.left.is_over(now))
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }
}

#[cfg(test)]
mod tests;
