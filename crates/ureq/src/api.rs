//! The authorized HTTP client: attaches the token, and sends again after a refused one.

use crate::repeatable::RepeatableBody;
use crate::tokens::Tokens;
use evergrant_core::{Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, BlockingExchange};
use evergrant_http::Guard;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use std::io::{self, Cursor, Read};
use ureq::config::{ConfigBuilder, RedirectAuthHeaders};
use ureq::typestate::HttpCrateScope;
use ureq::{Agent, AsSendBody, Body, ResponseExt as _};

/// An authorized HTTP client over the program's own agent, whose roots and proxies are its own too. Clones share everything.
///
/// The token goes to the given origins alone. Each attempt takes the current one. When the resource server refuses it, one
/// separate token request replaces it, and the request is sent again with the new one.
///
/// Redirects are followed as the agent says, and the token goes along with none, not even within its origin: ureq cannot
/// tell one port of a host from another. An agent with `max_redirects(0)` and `max_redirects_will_error(false)` returns the
/// redirect, so that the program can call its target with a token.
///
/// ```no_run
/// # fn story(tokens: evergrant_ureq::Tokens) -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_ureq::{Api, Origins};
///
/// let api = Api::new(ureq::agent(), tokens, Origins::parse(["https://api.sandbox.myparcel.com"])?);
/// let shipments = api.get("https://api.sandbox.myparcel.com/shipments").header("Accept", "application/vnd.api+json");
/// let answer = shipments.send()?.into_body().read_to_string()?;
/// # drop(answer); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Api {
    agent: Agent,
    tokens: Tokens,
    guard: Guard,
}

/// An authorized call failed before a response came.
pub type ApiError = evergrant_http::ApiError<ureq::Error>;

impl Api {
    /// Calls through `agent` with a token of `tokens`, to these origins and no other.
    ///
    /// The provider's rule decides which responses mean a refused token.
    ///
    /// ```
    /// use evergrant_ureq::{Api, ApiError, Origins};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let origins = Origins::parse([server.origin()])?; // ["https://api.example.com"]
    /// let api = Api::new(ureq::agent(), tokens, origins);
    /// let error = api.get("https://elsewhere.example.com/").send().unwrap_err();
    /// assert!(matches!(error, ApiError::Origin(_)));
    /// assert!(server.requests().is_empty()); // no token was asked for, and none was sent
    /// # Ok(()) }
    /// ```
    pub fn new(agent: Agent, tokens: Tokens, origins: Origins) -> Self {
        let guard = Guard::new(origins, tokens.0.shared().verdict_rule());
        Self { agent, tokens, guard }
    }

    /// The same with the program's own rule for which responses mean a refused token.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Times};
    /// use evergrant_ureq::{Verdict, VerdictRule};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// // An API that says 403 for a token that has expired.
    /// let api = api.with_verdict(VerdictRule::custom(|answer| match answer.status() {
    ///     401 | 403 => Verdict::TokenRefused,
    ///     _ => Verdict::Fine,
    /// }));
    /// server.fault(Endpoint::Resource, Fault::status(403), Times::Once);
    /// assert_eq!(api.get(server.resource("/shipments")).send()?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { guard: self.guard.with_verdict(verdict), ..self }
    }

    /// The source of its tokens.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.tokens().ready()?; // before the first call
    /// assert_eq!(api.tokens().status().requests, 1);
    /// # Ok(()) }
    /// ```
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Sends the request with a token. If the token is refused, the request is sent again, at most three times in all: a
    /// token that has just arrived gets up to 2 s to become valid at the resource server, and one that is still refused is
    /// replaced. An API that refuses token after token causes about one token request a minute; in between, its refusals
    /// are returned to the caller.
    ///
    /// The body is borrowed for each send and never copied; see [`RepeatableBody`].
    ///
    /// ```
    /// use ureq::http::Request;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.get(server.resource("/shipments")).send()?;
    /// server.revoke_all();
    /// // The token was revoked: the call fetches another one, and is sent again.
    /// let request = Request::get(server.resource("/shipments")).body(())?;
    /// assert_eq!(api.run(request)?.status(), 200);
    /// assert_eq!(server.counts().token_requests, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The origin is not allowed, the request is authorized already, there is no token, or the call failed. A response is
    /// not an error, whatever its status and the agent's `http_status_as_error`.
    ///
    /// # Blocking
    /// For a token as [`Tokens::token`]; for the responses as long as the agent's timeouts allow.
    pub fn run<B: RepeatableBody>(&self, request: Request<B>) -> Result<Response<Body>, ApiError> {
        let (parts, body) = request.into_parts();
        self.call(Request::from_parts(parts, ()), Again(body.sent()))
    }

    /// The same with a body that can be read once (a file, a stream): after a refusal the token is replaced, and the
    /// refusal is returned.
    ///
    /// ```
    /// use std::fs::File;
    /// use ureq::http::Request;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let file = File::open("Cargo.toml")?;
    /// let request = Request::post(server.resource("/uploads")).body(file)?;
    /// assert_eq!(api.run_once(request)?.status(), 200);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Blocking
    /// As [`run`](Self::run).
    pub fn run_once<B: AsSendBody>(&self, request: Request<B>) -> Result<Response<Body>, ApiError> {
        let (parts, body) = request.into_parts();
        self.call(Request::from_parts(parts, ()), Once(Some(body)))
    }

    fn call(&self, head: Request<()>, body: impl Sending) -> Result<Response<Body>, ApiError> {
        let origin = self.guard.admit(head.uri(), head.headers())?;
        self.tokens.0.call(&mut Call { api: self, body }, head, &origin)
    }

    fn exchange<B: AsSendBody>(&self, request: Request<B>) -> Result<Response<Body>, ureq::Error> {
        self.agent.run(restrain(self.agent.configure_request(request).http_status_as_error(false)))
    }
}

/// The body of a call, apart from the head that goes with it.
trait Sending {
    /// Whether it can be sent once more.
    fn is_repeatable(&self) -> bool;

    /// Sends the head with it.
    fn send(&mut self, api: &Api, head: Request<()>) -> Result<Response<Body>, ureq::Error>;
}

/// One that is lent for each send.
struct Again<'a>(Option<&'a [u8]>);

impl Sending for Again<'_> {
    fn is_repeatable(&self) -> bool {
        true
    }

    fn send(&mut self, api: &Api, head: Request<()>) -> Result<Response<Body>, ureq::Error> {
        match self.0 {
            Some(body) => api.exchange(head.map(|()| body)),
            None => api.exchange(head),
        }
    }
}

/// One that is at its end after the first.
struct Once<B>(Option<B>);

impl<B: AsSendBody> Sending for Once<B> {
    fn is_repeatable(&self) -> bool {
        false
    }

    fn send(&mut self, api: &Api, head: Request<()>) -> Result<Response<Body>, ureq::Error> {
        let body =
            self.0.take().ok_or_else(|| ureq::Error::Other("a body that is read once was sent".into()))?;
        api.exchange(head.map(|()| body))
    }
}

/// The request with what must hold of every one with a token: it goes along with no redirect, whatever the agent says,
/// since ureq would take another port for the same host; and it can be told whether there was one.
pub(crate) fn restrain<B: AsSendBody>(config: ConfigBuilder<HttpCrateScope<B>>) -> Request<B> {
    config.redirect_auth_headers(RedirectAuthHeaders::Never).save_redirect_history(true).build()
}

/// What the answer means for the token.
pub(crate) fn judge(guard: &Guard, answer: Response<Body>) -> (Response<Body>, Verdict) {
    // Who answers where a redirect led has not seen the token, and says nothing about it.
    if answer.get_redirect_history().is_some_and(|visited| visited.len() > 1) {
        return (answer, Verdict::Fine);
    }
    let (seen, answer) = if guard.needs_body(answer.status()) {
        let (seen, whole) = prefix(answer);
        (Some(seen), whole)
    } else {
        (None, answer)
    };
    let verdict = guard.judge(answer.status(), answer.headers(), seen.as_deref());
    (answer, verdict)
}

/// One call.
struct Call<'a, S> {
    api: &'a Api,
    body: S,
}

impl<S: Sending> BlockingExchange<HeaderValue> for Call<'_, S> {
    type Request = Request<()>;
    type Answer = Response<Body>;
    type Error = ApiError;

    fn repeat(&self, head: &Request<()>) -> Option<Request<()>> {
        self.body.is_repeatable().then(|| head.clone())
    }

    fn send(
        &mut self,
        mut head: Request<()>,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Response<Body>, Verdict), ApiError> {
        head.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        Ok(judge(&self.api.guard, self.body.send(self.api, head).map_err(failed)?))
    }
}

/// The error without what a redirect's `Location` says: whoever has seen the token may have written it there.
pub(crate) fn failed(error: ureq::Error) -> ApiError {
    ApiError::Http(match error {
        ureq::Error::BadUri(_) => ureq::Error::RedirectFailed,
        ureq::Error::Protocol(error) if error.to_string().contains("location") => ureq::Error::RedirectFailed,
        error => error,
    })
}

/// Reads the beginning of the body, and gives the answer back as it was.
fn prefix(answer: Response<Body>) -> (Vec<u8>, Response<Body>) {
    let (parts, body) = answer.into_parts();
    let mut builder = Body::builder();
    if let Some(media_type) = body.mime_type() {
        builder = builder.mime_type(media_type);
    }
    if let Some(charset) = body.charset() {
        builder = builder.charset(charset);
    }
    if let Some(length) = body.content_length() {
        builder = builder.limit(length);
    }
    let (mut seen, mut rest) = (Vec::new(), body.into_reader());
    let read = rest.by_ref().take(VerdictRule::MAX_BODY as u64).read_to_end(&mut seen);
    let chunk = Cursor::new(seen.clone());
    let whole = match read {
        Ok(_) => builder.reader(chunk.chain(rest)),
        // Its reader shall meet it where it was.
        Err(error) => builder.reader(chunk.chain(Broken(Some(error)))),
    };
    (seen, Response::from_parts(parts, whole))
}

/// A body that broke.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
