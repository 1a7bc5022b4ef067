//! Why a token request brought no token.

use super::advice::{TOO_OFTEN, TROUBLE};
use super::{Class, Excerpt, Malformed, MetadataFault, TransportError, TransportErrorKind};
use crate::ask::Ask;
use crate::assertion::Told;
use crate::clock_offset::ClockOffset;
use crate::endpoint::Endpoint;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// A token request was made and brought no usable token.
///
/// ```
/// use evergrant_core::{Class, Client, ClientAuth, Now, Provider, Response};
///
/// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
/// # let client = Client::builder(provider, ClientAuth::none("my-client-id")?).build()?;
/// let body = r#"{"error":"invalid_scope","error_description":"orders.admin is not yours"}"#;
/// let response = Response::new(400).with_header("Content-Type", b"application/json").with_body(body.into());
/// let refusal = client.read(&response, Now::default()).unwrap_err();
///
/// assert_eq!((refusal.status(), refusal.class()), (Some(400), Class::Permanent));
/// assert_eq!(refusal.code(), Some("invalid_scope"));
/// assert_eq!(refusal.description().map(|words| words.as_str()), Some("orders.admin is not yours"));
/// assert_eq!(refusal.advice(), "request scopes that this client is allowed");
/// # Ok::<(), evergrant_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Refusal {
    pub(crate) class: Class,
    pub(crate) status: Option<u16>,
    pub(crate) problem: Problem,
    pub(crate) retry_after: Option<Duration>,
    /// The credential that it refuses, if that was read for the request.
    pub(crate) presented: Option<Arc<Presented>>,
    /// How far this machine's clock is off, if that excuses it.
    pub(crate) clock: Option<ClockOffset>,
    /// The token endpoint, where the server's metadata says which one that is, and not the configuration.
    pub(crate) endpoint: Option<Excerpt>,
    /// Whether an instance of the fleet got it earlier, and a store told so.
    pub(crate) is_told: bool,
}

/// A credential that was read for one request, without the credential.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Presented {
    pub(crate) ask: Ask,
    pub(crate) source: Option<Excerpt>,
    pub(crate) is_costly: bool,
    /// What a refused assertion says of itself.
    pub(crate) told: Option<Told>,
    /// An assertion that is for the server's issuer is for its token endpoint where that is not known.
    pub(crate) has_issuer: bool,
}

/// What was wrong with the answer, or that there was none.
///
/// ```
/// use evergrant_core::{Problem, Refusal, TransportErrorKind};
///
/// /// Whether to look at this machine before anybody calls the server's operator.
/// fn is_local(refusal: &Refusal) -> bool {
///     match refusal.problem() {
///         Problem::Transport(error) => {
///             matches!(error.kind(), TransportErrorKind::Resolve | TransportErrorKind::Proxy)
///         }
///         _ => false,
///     }
/// }
/// # let error = evergrant_core::TransportError::ours(TransportErrorKind::Resolve, "no such host");
/// # assert!(is_local(&error.into()));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// No complete response arrived.
    Transport(TransportError),
    /// The server said what is wrong (RFC 6749 §5.2).
    ErrorResponse(ErrorResponse),
    /// The server said what is wrong in words of its own, without an `error` code: a title and a detail (RFC 9457), a message,
    /// a fault. The class is that of the status.
    Described(Excerpt),
    /// The status alone says so.
    Status,
    /// The status says so, beside a web page: from a firewall, a proxy or a wrong path, rather than from an authorization server.
    WebPage,
    /// The server answered with a redirect, which a token request never follows.
    Redirect {
        /// Where it points to, if the answer said so: without userinfo, query and fragment, which may echo what was sent.
        target: Option<Excerpt>,
    },
    /// A success that cannot be read.
    Malformed(Malformed),
    /// The token had expired on arrival.
    Expired,
    /// Nothing says where the token endpoint is: the server's metadata could not be had, and none was kept.
    Metadata {
        /// Where the metadata was looked for.
        url: Excerpt,
        /// What was wrong.
        fault: Arc<MetadataFault>,
    },
}

/// The server's own words (RFC 6749 §5.2).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ErrorResponse {
    pub(crate) code: Excerpt,
    pub(crate) description: Option<Excerpt>,
}

impl ErrorResponse {
    /// A response with this code, such as `invalid_client`, without a description.
    pub const fn new(code: Excerpt) -> Self {
        Self { code, description: None }
    }

    /// The same with what the server says about it.
    #[must_use]
    pub fn with_description(self, description: Excerpt) -> Self {
        Self { description: Some(description), ..self }
    }

    /// The `error` member, or what a provider's own code stands for.
    pub const fn code(&self) -> &Excerpt {
        &self.code
    }

    /// The `error_description` member.
    pub const fn description(&self) -> Option<&Excerpt> {
        self.description.as_ref()
    }
}

impl Refusal {
    /// A response whose token had expired on arrival.
    pub(crate) const fn expired() -> Self {
        Self {
            class: Class::Transient,
            status: None,
            problem: Problem::Expired,
            retry_after: None,
            presented: None,
            clock: None,
            endpoint: None,
            is_told: false,
        }
    }

    /// A refusal as a server would make it, for tests and for transports that are no HTTP.
    ///
    /// ```
    /// use core::time::Duration;
    /// use evergrant_core::{Class, Problem, Refusal};
    ///
    /// let refusal = Refusal::new(Class::Transient, Some(429), Problem::Status).with_retry_after(Duration::from_secs(7));
    /// assert_eq!(refusal.retry_after(), Some(Duration::from_secs(7)));
    /// assert!(refusal.advice().starts_with("this client requests tokens too often"));
    /// ```
    pub fn new(class: Class, status: Option<u16>, problem: Problem) -> Self {
        Self {
            class,
            status,
            problem,
            retry_after: None,
            presented: None,
            clock: None,
            endpoint: None,
            is_told: false,
        }
    }

    /// What an instance was told earlier, with how long nobody of the fleet asks.
    pub(crate) fn told(
        class: Class,
        status: Option<u16>,
        code: Option<&str>,
        retry_after: Option<Duration>,
    ) -> Self {
        let code = code.and_then(|code| Excerpt::new(code, &[]));
        let problem = code.map_or(Problem::Status, |code| Problem::ErrorResponse(ErrorResponse::new(code)));
        Self { retry_after, is_told: true, ..Self::new(class, status, problem) }
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

    /// The server's code, such as `invalid_client` (RFC 6749 §5.2); `None` for a server that names none.
    pub fn code(&self) -> Option<&str> {
        match &self.problem {
            Problem::ErrorResponse(response) => Some(response.code.as_str()),
            _ => None,
        }
    }

    /// What the server says about it, beside a code or without one.
    pub const fn description(&self) -> Option<&Excerpt> {
        match &self.problem {
            Problem::ErrorResponse(response) => response.description(),
            Problem::Described(words) => Some(words),
            _ => None,
        }
    }

    /// The server's Retry-After (RFC 9110 §10.2.3), from when the answer came.
    ///
    /// ```
    /// use core::time::Duration;
    /// # use evergrant_core::{Client, ClientAuth, Now, Provider};
    /// use evergrant_core::Response;
    ///
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let client = Client::builder(provider, ClientAuth::none("my-client-id")?).build()?;
    /// let response = Response::new(429).with_header("Retry-After", b"120");
    /// let refusal = client.read(&response, Now::default()).unwrap_err();
    /// assert_eq!(refusal.retry_after(), Some(Duration::from_secs(120)));
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether it says nothing of the server, but of how this process reaches it: what the others of a fleet need not hear of.
    pub(crate) fn is_of_this_process(&self) -> bool {
        match &self.problem {
            Problem::Transport(error) => error.kind().is_of_this_process(),
            Problem::Metadata { fault, .. } => {
                matches!(&**fault, MetadataFault::Transport(error) if error.kind().is_of_this_process())
            }
            // A proxy's word (RFC 9110 section 15.5.8).
            _ => self.status == Some(407),
        }
    }

    /// Whether an earlier request got it, of this instance of the fleet or another one, and none was sent now: a store told so. Display
    /// says it behind the advice.
    pub const fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether it refuses, for good, a request with a credential that is read for each one, where reading it again costs nobody anything: it is
    /// read every 10 s, and sent as soon as it is another one.
    pub fn is_live(&self) -> bool {
        self.presented.as_ref().is_some_and(|presented| !presented.is_costly)
    }

    /// What is known of the credential that it refuses, if that was read for the request: where it was read, and what a refused assertion
    /// says of itself. Display says it behind the advice.
    pub fn credential(&self) -> Option<impl fmt::Display + '_> {
        self.presented.as_deref().filter(|_| self.may_be_of_credential())
    }

    /// Whether it may be about the proof of who the client is: `invalid_client` and `unauthorized_client`, or a 401 without a code, which is
    /// for that alone (RFC 6749 §5.2); and what servers say of a request whose credential is half a one.
    pub(crate) fn may_be_of_credential(&self) -> bool {
        match self.code() {
            Some(code) => {
                matches!(code, "invalid_client" | "unauthorized_client" | "invalid_request" | "invalid_grant")
            }
            // What is in front of a server refuses a certificate with a page of its own (nginx: 400, or 495 and 496 by its own word).
            None => {
                self.status == Some(401)
                    || (self.is_of_certificate() && matches!(self.status, Some(400 | 403)))
            }
        }
    }

    /// How far this machine's clock is off, if that may be why an assertion was refused that the client had signed: what is sent next has its
    /// times by the server's clock. Display says it behind the advice.
    pub const fn clock(&self) -> Option<ClockOffset> {
        self.clock
    }

    /// The same, which lies in the clock: what is sent next has the right times.
    pub(crate) fn excused(self, clock: Option<ClockOffset>) -> Self {
        Self { class: Class::Transient, clock, ..self }
    }

    /// The same, which refuses this credential.
    pub(crate) fn of(self, presented: Presented) -> Self {
        Self { presented: Some(Arc::new(presented)), ..self }
    }

    /// The same at this token endpoint, which nobody has configured.
    pub(crate) fn at(self, endpoint: &Endpoint) -> Self {
        Self { endpoint: Excerpt::new(endpoint.without_query(), &[]), ..self }
    }

    /// The same, which refuses a client secret that was read for its request.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn of_live(self) -> Self {
        self.of(Presented {
            ask: Ask::ClientSecret,
            source: None,
            is_costly: false,
            told: None,
            has_issuer: true,
        })
    }

    /// The same, without the server's word on when to ask again: it counted from another time.
    pub(crate) fn kept(&self) -> Self {
        Self { retry_after: None, ..self.clone() }
    }

    /// The same with these secrets masked in what the server and the HTTP library said.
    pub(crate) fn masking(self, secrets: &[&str]) -> Self {
        let problem = match self.problem {
            Problem::Transport(error) => Problem::Transport(error.masking(secrets)),
            Problem::ErrorResponse(ErrorResponse { code, description }) => {
                let description = description.map(|words| words.masking(secrets));
                Problem::ErrorResponse(ErrorResponse { code: code.masking(secrets), description })
            }
            Problem::Described(words) => Problem::Described(words.masking(secrets)),
            Problem::Redirect { target } => {
                Problem::Redirect { target: target.map(|target| target.masking(secrets)) }
            }
            other @ (Problem::Status
            | Problem::WebPage
            | Problem::Malformed(_)
            | Problem::Expired
            // Nothing of the client's goes with a request of metadata.
            | Problem::Metadata { .. }) => other,
        };
        Self { problem, ..self }
    }

    /// What happened, in one sentence, without what to do about it.
    ///
    /// ```
    /// use evergrant_core::{Class, Problem, Refusal};
    ///
    /// let refusal = Refusal::new(Class::Permanent, Some(404), Problem::Status);
    /// assert_eq!(refusal.summary().to_string(), "the authorization server answered with http 404");
    /// assert!(refusal.advice().starts_with("check the path of the token endpoint"));
    /// assert_eq!(refusal.to_string(), format!("{}; {}", refusal.summary(), refusal.advice()));
    /// ```
    pub fn summary(&self) -> impl fmt::Display + '_ {
        Summary(self)
    }

    /// What to do about it, in one sentence.
    pub fn advice(&self) -> &'static str {
        if self.clock.is_some() {
            return CLOCK;
        }
        match &self.problem {
            Problem::Transport(error) => error.advice().unwrap_or(match error.kind() {
                TransportErrorKind::Resolve => "check the host in the token endpoint, and this machine's DNS",
                TransportErrorKind::Proxy => {
                    "check the proxy's address, its user and password, and whether it lets the token endpoint through"
                }
                _ => "check that the token endpoint is reachable from this machine",
            }),
            Problem::Redirect { .. } => {
                "set the token endpoint to its real address; credentials never follow a redirect"
            }
            Problem::Malformed(Malformed::Html) => PAGE,
            Problem::Malformed(Malformed::TokenType) => {
                "check the token endpoint; if this server uses another word for Bearer, list it with \
                 Provider::with_bearer_words"
            }
            Problem::Malformed(_) => REPORT,
            Problem::Expired => {
                "check this machine's clock and the server's: the token had expired on arrival"
            }
            Problem::Metadata { fault, .. } => fault.advice(self.status),
            Problem::ErrorResponse(_) | Problem::Described(_) | Problem::Status | Problem::WebPage => {
                self.advice_by_status()
            }
        }
    }

    /// First what only the status knows, then the codes that say more than the status beside them, then what is left of both.
    /// The server's words decide nothing: the same ones stand for different faults.
    fn advice_by_status(&self) -> &'static str {
        let is_page = self.problem == Problem::WebPage;
        match (self.status.unwrap_or_default(), self.code().unwrap_or_default()) {
            (0, "") if self.is_told => TOLD_WITHOUT_STATUS,
            (429, _) => TOO_OFTEN,
            (400 | 403, "") if self.is_of_certificate() => CERTIFICATE,
            (500..=599, _) if self.class == Class::Transient => TROUBLE,
            (_, "slow_down" | "throttled") => TOO_OFTEN,
            (_, "temporarily_unavailable" | "server_error") => TROUBLE,
            // A rule of the user's own says so.
            (400..=499, _) if self.class == Class::Transient => "try again later",
            (_, "invalid_scope") => "request scopes that this client is allowed",
            (_, "invalid_target") => "check the resource and audience of the request",
            (_, "unsupported_grant_type") => {
                "check the token endpoint: it does not support the client credentials grant"
            }
            (403, "") if is_page => {
                "something in front of the server, such as a firewall or an address list, refused the request: ask the \
                 server's operator to let this machine in"
            }
            (401, _) | (_, "invalid_client") => self.credentials(),
            // Where it is not a 401, the client is known and lacks a permission.
            (_, "unauthorized_client" | "access_denied") => {
                "ask the server's operator to allow this client the client credentials grant"
            }
            (403, _) => self.credentials(),
            (407, _) => "check the user and password of the proxy",
            (415, _) => "check the body format against the server's documentation: this one is not accepted",
            (_, "invalid_request" | "invalid_grant") => PARAMETERS,
            (404 | 405 | 410, _) => {
                "check the path of the token endpoint: there is no token endpoint at this address"
            }
            _ if is_page => PAGE,
            (200 | 201, "") => REPORT,
            _ if self.class == Class::Transient => TROUBLE,
            (_, "") => "check the token endpoint and the body format against the server's documentation",
            _ => PARAMETERS,
        }
    }
}

impl Refusal {
    /// Whether it refuses a request whose proof is the certificate of its connection.
    fn is_of_certificate(&self) -> bool {
        self.presented.as_deref().is_some_and(|presented| presented.ask == Ask::Certificate)
    }

    /// What to look at where the client did not prove who it is.
    fn credentials(&self) -> &'static str {
        match self.presented.as_deref() {
            Some(Presented { ask: Ask::Assertion, told: Some(Told { ended: Some(_), .. }), .. }) => {
                ASSERTION_ENDED
            }
            Some(Presented { ask: Ask::Assertion, .. }) => ASSERTION,
            Some(Presented { ask: Ask::Signature, has_issuer: false, .. }) => SIGNED_FOR_ENDPOINT,
            Some(Presented { ask: Ask::Signature, told: Some(Told { key: None, .. }), .. }) => {
                SIGNED_NAMELESS
            }
            Some(Presented { ask: Ask::Signature, .. }) => SIGNED,
            Some(Presented { ask: Ask::Certificate, .. }) => CERTIFICATE,
            _ => CREDENTIALS,
        }
    }
}

const ASSERTION_ENDED: &str =
    "see to it that a new client assertion is written in time, and check this machine's clock";
const ASSERTION: &str = "check with the server's operator that it trusts whoever signs the client assertion, with this audience and this subject";
const SIGNED: &str = "check with the server's operator that it has this client's public key, by this key id, and expects this algorithm and this audience";
const SIGNED_FOR_ENDPOINT: &str = "name the server's issuer, which is whom its assertions are for: without it the audience is the token endpoint, which \
     many servers refuse; then check with the server's operator that it has this client's public key, by the key id if it has one, and expects this algorithm";
const SIGNED_NAMELESS: &str = "check with the server's operator that it has this client's public key, and expects this algorithm and this audience; if \
     it knows the key by an id (kid), say that beside the key";
const CERTIFICATE: &str = "check with the server's operator which certificate it expects of this client";
const CREDENTIALS: &str =
    "check the client id, the client secret and the authentication method with the server's operator";
const CLOCK: &str =
    "set this machine's clock; until then its requests go by the server's, from the next one on";
const PARAMETERS: &str = "check the request's parameters and body format against the server's documentation";
const REPORT: &str = "check the token endpoint; if it is right, report this to the server's operator";
const TOLD_WITHOUT_STATUS: &str = "what failed is in the log of the process that sent it";
const PAGE: &str = "check the path of the token endpoint: a web page answered, not an authorization server";

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
            Problem::Transport(error) => write!(f, "the token endpoint cannot be reached: {error}")?,
            Problem::ErrorResponse(ErrorResponse { code, description }) => {
                write!(f, "the authorization server refused with {code}")?;
                http(f)?;
                if let Some(description) = description {
                    write!(f, ": {description}")?;
                }
            }
            // What the transport said stayed with the instance that it said it to.
            Problem::Status if refusal.is_told && refusal.status.is_none() => {
                f.write_str("the token request brought no token")?;
            }
            Problem::Status | Problem::Described(_) => {
                match refusal.status {
                    Some(200 | 201) => {
                        f.write_str("the authorization server answered without an access token")?;
                        http(f)?;
                    }
                    Some(status) => write!(f, "the authorization server answered with http {status}")?,
                    None => f.write_str("the authorization server refused")?,
                }
                if let Problem::Described(words) = &refusal.problem {
                    write!(f, ": {words}")?;
                }
            }
            Problem::WebPage => {
                f.write_str("the token endpoint answered with a web page")?;
                http(f)?;
            }
            Problem::Redirect { target: Some(target) } => {
                write!(f, "the token endpoint redirects to {target}")?;
                http(f)?;
            }
            Problem::Redirect { target: None } => {
                f.write_str("the token endpoint redirects")?;
                http(f)?;
            }
            Problem::Malformed(why) => {
                f.write_str("the authorization server's response cannot be read")?;
                http(f)?;
                write!(f, ": {why}")?;
            }
            Problem::Expired => {
                f.write_str("the authorization server sent a token that had already expired")?;
            }
            Problem::Metadata { url, fault } => {
                write!(f, "the authorization server's metadata cannot be had from {url}")?;
                http(f)?;
                write!(f, ": {fault}")?;
            }
        }
        // Where the place may be the fault, nobody can know which one that was.
        match &refusal.endpoint {
            Some(endpoint) if !matches!(refusal.problem, Problem::ErrorResponse(_) | Problem::Expired) => {
                write!(f, "; the server's metadata names the token endpoint {endpoint}")
            }
            _ => Ok(()),
        }
    }
}

/// What happened, and what to do about it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.summary(), self.advice())?;
        if self.is_told {
            f.write_str("; that was an earlier request of this client, and none was sent now")?;
        }
        if let Some(clock) = self.clock {
            write!(f, "; this machine's clock is {clock}")?;
        }
        match self.credential() {
            Some(credential) => write!(f, "; {credential}"),
            None => Ok(()),
        }
    }
}

/// Where it was read, and what it says of itself.
impl fmt::Display for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.ask, &self.source) {
            // What it says is said of the assertion, and the key is what somebody may have to replace.
            (Ask::Signature, source) => {
                f.write_str("the client assertion, signed")?;
                if let Some(Told { algorithm: Some(algorithm), header_type, key, .. }) = &self.told {
                    if let Some(header_type) = header_type {
                        write!(f, " as {header_type}")?;
                    }
                    write!(f, " by {algorithm}")?;
                    match key {
                        Some(key) => write!(f, " with the key {key}")?,
                        None => f.write_str(" with a key without a name")?,
                    }
                }
                if let Some(source) = source {
                    write!(f, " in {source}")?;
                }
                f.write_str(",")?;
            }
            (ask, Some(source)) => write!(f, "{ask} in {source}")?,
            (ask, None) => ask.fmt(f)?,
        }
        match &self.told {
            Some(told) => write!(f, " {told}"),
            None if self.ask == Ask::Assertion => f.write_str(" is no JWT that can be read"),
            None if self.ask == Ask::Certificate => f.write_str(" was shown"),
            None if self.is_costly => f.write_str(" was read for this request"),
            None => f.write_str(" is read again for each request"),
        }
    }
}

impl core::error::Error for Refusal {}

impl From<TransportError> for Refusal {
    fn from(error: TransportError) -> Self {
        Self::new(Class::Transient, None, Problem::Transport(error))
    }
}
