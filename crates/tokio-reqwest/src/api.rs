//! The authorized HTTP client: attaches the token, and sends again after a refused one.

use crate::error::ApiError;
use crate::judge::{admit, judge};
use crate::tokens::Tokens;
use evergrant_core::{Origin, Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, Exchange};
use evergrant_http::Guard;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, RequestBuilder, Response};
use std::fmt;

/// An authorized HTTP client over the program's own. Clones share everything.
///
/// The token goes to the given origins alone. Each attempt takes the current one. When the resource server refuses it, one
/// separate token request replaces it, and the request is sent again with the new one, if its body can be repeated.
///
/// ```no_run
/// # async fn story(tokens: evergrant_tokio_reqwest::Tokens) -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_tokio_reqwest::{Api, Origins};
///
/// let origins = Origins::parse(["https://api.sandbox.myparcel.com"])?;
/// let api = Api::new(reqwest::Client::new(), tokens, origins);
/// let answer = api.get("https://api.sandbox.myparcel.com/shipments").send().await?;
/// # drop(answer); Ok(()) }
/// ```
///
/// # Redirects
/// The HTTP client handles them. reqwest follows ten by default: with the token as long as they stay at one origin, and
/// without it after that, even if they lead back. It does not report this: a 401 after a redirect to another origin and
/// back counts as a refused token. Call an API that redirects like this with `redirect::Policy::none()`.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    tokens: Tokens,
    guard: Guard,
}

impl Api {
    /// Calls through `http` with a token of `tokens`, to these origins and no other.
    ///
    /// The provider's rule decides which responses mean a refused token.
    ///
    /// ```
    /// use evergrant_tokio_reqwest::{Api, ApiError, Origins};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let origins = Origins::parse([server.origin()])?; // ["https://api.example.com"]
    /// let api = Api::new(reqwest::Client::new(), tokens, origins);
    /// let error = api.get("https://elsewhere.example.com/").send().await.unwrap_err();
    /// assert!(matches!(error, ApiError::Origin(_)));
    /// assert!(server.requests().is_empty()); // no token was asked for, and none was sent
    /// # Ok(()) }
    /// ```
    pub fn new(http: reqwest::Client, tokens: Tokens, origins: Origins) -> Self {
        let guard = Guard::new(origins, tokens.0.shared().verdict_rule());
        Self { http, tokens, guard }
    }

    /// The same with the program's own rule for which responses mean a refused token.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Times};
    /// use evergrant_tokio_reqwest::{Verdict, VerdictRule};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// // An API that says 403 for a token that has expired.
    /// let api = api.with_verdict(VerdictRule::custom(|answer| match answer.status() {
    ///     401 | 403 => Verdict::TokenRefused,
    ///     _ => Verdict::Fine,
    /// }));
    /// server.fault(Endpoint::Resource, Fault::status(403), Times::Once);
    /// assert_eq!(api.get(server.resource("/shipments")).send().await?.status(), 200);
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
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.tokens().ready().await?; // before the first call
    /// assert_eq!(api.tokens().status().requests, 1);
    /// # Ok(()) }
    /// ```
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(crate) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Builds the request and executes it.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// // A request that another part of the program has built.
    /// let request = reqwest::Client::new().get(server.resource("/shipments")).header("Accept", "application/json");
    /// assert_eq!(api.send(request).await?.status(), 200);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn send(&self, builder: RequestBuilder) -> Result<Response, ApiError> {
        self.execute(builder.build().map_err(ApiError::Http)?).await
    }

    /// Sends the request with a token. If the token is refused, the request is sent again, at most three times in all: a
    /// token that has just arrived gets up to 2 s to become valid at the resource server, and one that is still refused is
    /// replaced. An API that refuses token after token causes about one token request a minute; in between, its refusals
    /// are returned to the caller. A request is sent again only if its body can be repeated (a stream cannot); otherwise
    /// the refusal is returned.
    ///
    /// ```
    /// use reqwest::{Method, Request};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.get(server.resource("/shipments")).send().await?;
    /// server.revoke_all();
    /// // The token was revoked: the call fetches another one, and is sent again.
    /// let request = Request::new(Method::GET, server.resource("/shipments").parse()?);
    /// assert_eq!(api.execute(request).await?.status(), 200);
    /// assert_eq!(server.counts().token_requests, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The origin is not allowed, the request is authorized already, there is no token, or the call failed. A response is
    /// not an error, whatever its status.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call, as with reqwest; a token request that it started goes on.
    pub async fn execute(&self, request: Request) -> Result<Response, ApiError> {
        let origin = admit(&self.guard, &request)?;
        self.tokens.0.call(&mut Call { api: self, origin: &origin }, request, &origin).await
    }
}

/// Without the HTTP client, whose default headers may hold a secret.
impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, guard, .. } = self;
        f.debug_struct("Api").field("tokens", tokens).field("guard", guard).finish_non_exhaustive()
    }
}

/// One call to one origin.
struct Call<'a> {
    api: &'a Api,
    origin: &'a Origin,
}

impl Exchange<HeaderValue> for Call<'_> {
    type Request = Request;
    type Answer = Response;
    type Error = ApiError;

    fn repeat(&self, request: &Request) -> Option<Request> {
        request.try_clone()
    }

    async fn send(
        &mut self,
        mut request: Request,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Response, Verdict), ApiError> {
        request.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        let answer = self.api.http.execute(request).await;
        // Whoever has seen the token may have written it into the URL of a redirect.
        let answer = answer.map_err(|error| ApiError::Http(error.without_url()))?;
        Ok(judge(&self.api.guard, answer, self.origin).await)
    }
}
