//! What the server remembers of its requests: the counters and the log.

mod assertion;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::fault::Endpoint;
use crate::http::{Request, path_of};

pub use assertion::RecordedAssertion;

/// Entries of the log. A bench makes millions of requests; a test looks at a few.
const MAX_ENTRIES: usize = 100_000;
/// Bytes of the log, all entries together: bodies may have 1 MiB each.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How often what happened, since the start or the last [`Server::reset_counts`](crate::Server::reset_counts).
///
/// A request counts when it has been read in full, and as answered when its answer is decided, which is before the
/// answer is held, delayed or sent. So `token_requests` is the sum of granted, refused and faulted, but for requests
/// in the very moment between the two.
///
/// ```
/// use evergrant_mock::Server;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| ask_for_token(&server));
///     }
/// });
/// let counts = server.counts();
/// assert_eq!(counts.token_requests, 4);
/// assert!(counts.token_in_flight_max <= 4);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Requests at the token endpoint, whatever became of them.
    pub token_requests: u64,
    /// Those that were granted a token.
    pub token_granted: u64,
    /// Those that were refused, by the rules and not by a fault.
    pub token_refused: u64,
    /// Those of them that were refused because of the client: it is unknown, or its secret or assertion is not accepted.
    pub token_invalid_client: u64,
    /// Those that a fault struck.
    pub token_faulted: u64,
    /// The most requests that were at the token endpoint at one time, from their arrival until the last of the answer
    /// is about to be sent; with [`Fault::Hang`](crate::Fault::Hang), until the server sees that the client has gone.
    pub token_in_flight_max: u64,
    /// Requests for the metadata, whatever became of them.
    pub metadata_requests: u64,
    /// Those that were answered with it.
    pub metadata_served: u64,
    /// Those that were refused: the issuer has its metadata elsewhere, or the method is not GET.
    pub metadata_refused: u64,
    /// Those that a fault struck.
    pub metadata_faulted: u64,
    /// Requests at the resource API, whatever became of them.
    pub resource_requests: u64,
    /// Those that were served.
    pub resource_ok: u64,
    /// Those that were refused for their token, or for want of one.
    pub resource_refused: u64,
    /// Those that a fault struck.
    pub resource_faulted: u64,
}

/// What was answered to a request.
///
/// ```
/// use evergrant_mock::{Answer, Endpoint, Fault, Server, Times};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// server.fault(Endpoint::Token, Fault::Html, Times::Once);
/// ask_for_token(&server)?;
/// ask_for_token(&server)?;
/// let answers: Vec<Answer> = server.requests().iter().map(|request| request.answer()).collect();
/// assert_eq!(answers, [Answer::Fault("html"), Answer::Status(200)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// Nothing is decided yet.
    Pending,
    /// The ordinary answer, with this status.
    Status(u16),
    /// A fault, by [its name](crate::Fault::name).
    Fault(&'static str),
}

/// A request as it arrived. Its `Debug` shows no value of a header, no query and no body: secrets travel there.
///
/// ```
/// use evergrant_mock::{Endpoint, Server};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// ask_for_token(&server)?;
/// let request = &server.requests()[0];
/// assert_eq!((request.endpoint(), request.method(), request.path()), (Endpoint::Token, "POST", "/access-token"));
/// assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
/// // The secret was in the body, once, and in no header.
/// let secret = Server::CLIENT_SECRET;
/// assert_eq!(request.parameter("client_secret").as_deref(), Some(secret));
/// assert!(request.headers().iter().all(|(_, value)| !value.contains(secret)));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Recorded {
    endpoint: Endpoint,
    at: Duration,
    request: Arc<Request>,
    answer: Answer,
}

impl Recorded {
    /// The side of the server it was for.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The method, as it was written.
    pub fn method(&self) -> &str {
        &self.request.method
    }

    /// The request target, as it was written: path and query.
    pub fn target(&self) -> &str {
        &self.request.target
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        path_of(&self.request.target)
    }

    /// The header fields in their order, names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.request.headers
    }

    /// The value of the first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.header(name)
    }

    /// The body, without a transfer coding.
    pub fn body(&self) -> &[u8] {
        &self.request.body
    }

    /// The first parameter of this name in a form, or the member of this name of a JSON object when it is a string:
    /// `grant_type`, `scope`. None when there is none or the body is neither.
    ///
    /// ```
    /// use evergrant_mock::Server;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// ask_for_token(&server)?;
    /// let request = &server.requests()[0];
    /// assert_eq!(request.parameter("grant_type").as_deref(), Some("client_credentials"));
    /// assert_eq!(request.parameter("scope"), None);
    /// # Ok(()) }
    /// ```
    pub fn parameter(&self, name: &str) -> Option<String> {
        let body = self.body();
        if body.first() == Some(&b'{') {
            let json: serde_json::Value = serde_json::from_slice(body).ok()?;
            return Some(json.get(name)?.as_str()?.to_owned());
        }
        form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Its client assertion (RFC 7521 §4.2), read, whatever was thought of it. None when there is none, or it is no JWT.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Issuer::new("orders")?;
    /// let server = Server::builder().registers(client.registration()).start()?;
    /// for _ in 0..2 {
    ///     ask_by_assertion(&server, &client.client_assertion(&server.issuer()).signed()?)?;
    /// }
    /// // Does your program use each of its assertions once?
    /// let requests = server.requests();
    /// let jtis = requests.iter().map(|request| Some(request.assertion()?.jti()?.to_owned()));
    /// assert_eq!(jtis.collect::<std::collections::HashSet<_>>().len(), 2);
    /// # Ok(()) }
    /// ```
    pub fn assertion(&self) -> Option<RecordedAssertion> {
        RecordedAssertion::read(&self.parameter("client_assertion")?)
    }

    /// The certificate that the client showed, by its SHA-256 as base64url: the `x5t#S256` of RFC 8705 §3.1. None without one.
    pub fn certificate(&self) -> Option<&str> {
        Some(self.request.certificate()?.thumbprint.as_str())
    }

    /// Whether the TLS session was resumed, in which case [`certificate`](Self::certificate) is that of the earlier session.
    /// None without TLS.
    pub fn tls_resumed(&self) -> Option<bool> {
        Some(self.request.session.as_ref()?.resumed)
    }

    /// When it had arrived, from the start of the server.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// What was answered.
    pub fn answer(&self) -> Answer {
        self.answer
    }

    fn weight(&self) -> usize {
        let headers: usize = self.headers().iter().map(|(name, value)| name.len() + value.len()).sum();
        self.target().len() + headers + self.body().len()
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers().iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Recorded")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method())
            .field("path", &self.path())
            .field("header_names", &names)
            .field("body_bytes", &self.body().len())
            .field("at", &self.at)
            .field("answer", &self.answer)
            .finish()
    }
}

#[derive(Default)]
pub(crate) struct Log {
    entries: VecDeque<Recorded>,
    bytes: usize,
    dropped: u64,
}

impl Log {
    /// Remembers a request and tells its place, for [`Log::answered`].
    pub(crate) fn push(&mut self, endpoint: Endpoint, at: Duration, request: Arc<Request>) -> u64 {
        let entry = Recorded { endpoint, at, request, answer: Answer::Pending };
        self.bytes += entry.weight();
        self.entries.push_back(entry);
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            self.drop_oldest();
        }
        self.dropped + self.entries.len() as u64 - 1
    }

    pub(crate) fn answered(&mut self, place: u64, answer: Answer) {
        let index = place.checked_sub(self.dropped).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            entry.answer = answer;
        }
    }

    pub(crate) fn entries(&self) -> Vec<Recorded> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.weight();
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests;
