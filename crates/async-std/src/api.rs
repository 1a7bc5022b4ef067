//! The authorized HTTP client: attaches the token, and sends again after a refused one.

use crate::body::Body;
use crate::client::HttpClient;
use crate::error::HttpError;
use crate::net::Net;
use crate::tokens::Tokens;
use evergrant_core::{Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, Exchange};
use evergrant_http::{Guard, repeat};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};

/// An authorized HTTP client over an [`HttpClient`]. Clones share everything.
///
/// The token goes to the given origins alone, and no redirect is followed. Each attempt takes the current one. When the
/// resource server refuses it, one separate token request replaces it, and the request is sent again with the new one, if
/// its body can be repeated.
///
/// ```
/// use evergrant_async_std::{Api, HttpClient, Origins};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # let (server, tokens) = story::tokens()?;
/// let origins = Origins::parse([server.origin()])?; // ["https://api.example.com"]
/// let api = Api::new(HttpClient::new(), tokens, origins);
/// let answer = api.get(server.resource("/shipments")).send().await?;
/// assert!(answer.into_body().text(1 << 20).await?.contains("a box of apples"));
/// # Ok(()) }) }
/// ```
#[derive(Clone, Debug)]
pub struct Api<N> {
    http: HttpClient<N>,
    tokens: Tokens<N>,
    guard: Guard,
}

/// An authorized call failed before a response came.
pub type ApiError = evergrant_http::ApiError<HttpError>;

impl<N: Net> Api<N> {
    /// Calls through `http` with a token of `tokens`, to these origins and no other.
    ///
    /// The provider's rule decides which responses mean a refused token.
    ///
    /// ```
    /// use evergrant_async_std::{Api, ApiError, HttpClient, Origins};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// let origins = Origins::parse([server.origin()])?; // ["https://api.example.com"]
    /// let api = Api::new(HttpClient::new(), tokens, origins);
    /// let error = api.get("https://elsewhere.example.com/").send().await.unwrap_err();
    /// assert!(matches!(error, ApiError::Origin(_)));
    /// assert!(server.requests().is_empty()); // no token was asked for, and none was sent
    /// # Ok(()) }) }
    /// ```
    pub fn new(http: HttpClient<N>, tokens: Tokens<N>, origins: Origins) -> Self {
        let guard = Guard::new(origins, tokens.0.shared().verdict_rule());
        Self { http, tokens, guard }
    }

    /// The same with the program's own rule for which responses mean a refused token.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Times};
    /// use evergrant_async_std::{Verdict, VerdictRule};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// // An API that says 403 for a token that has expired.
    /// let api = api.with_verdict(VerdictRule::custom(|answer| match answer.status() {
    ///     401 | 403 => Verdict::TokenRefused,
    ///     _ => Verdict::Fine,
    /// }));
    /// server.fault(Endpoint::Resource, Fault::status(403), Times::Once);
    /// assert_eq!(api.get(server.resource("/shipments")).send().await?.status(), 200);
    /// # Ok(()) }) }
    /// ```
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { guard: self.guard.with_verdict(verdict), ..self }
    }

    /// The source of its tokens.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// api.tokens().ready().await?; // before the first call
    /// assert_eq!(api.tokens().status().requests, 1);
    /// # Ok(()) }) }
    /// ```
    pub const fn tokens(&self) -> &Tokens<N> {
        &self.tokens
    }

    /// Sends the request with a token. If the token is refused, the request is sent again, at most three times in all: a
    /// token that has just arrived gets up to 2 s to become valid at the resource server, and one that is still refused is
    /// replaced. An API that refuses token after token causes about one token request a minute; in between, its refusals
    /// are returned to the caller. A request is sent again only if its body can be repeated (a stream cannot); otherwise
    /// the refusal is returned.
    ///
    /// ```
    /// use evergrant_async_std::Body;
    /// use http::Request;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// api.get(server.resource("/shipments")).send().await?;
    /// server.revoke_all();
    /// // The token was revoked: the call fetches another one, and is sent again.
    /// let request = Request::get(server.resource("/shipments")).body(Body::empty())?;
    /// assert_eq!(api.execute(request).await?.status(), 200);
    /// assert_eq!(server.counts().token_requests, 2);
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// The origin is not allowed, the request is authorized already, there is no token, or the call failed. A response is
    /// not an error, whatever its status.
    ///
    /// # Cancel safety
    /// Dropping the future closes the call's connection; a token request that it started goes on.
    pub async fn execute(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let origin = self.guard.admit(request.uri(), request.headers())?;
        self.tokens.0.call(&mut Call(self), request, &origin).await
    }
}

/// One call.
struct Call<'a, N>(&'a Api<N>);

impl<N: Net> Exchange<HeaderValue> for Call<'_, N> {
    type Request = Request<Body>;
    type Answer = Response<Body>;
    type Error = ApiError;

    fn repeat(&self, request: &Request<Body>) -> Option<Request<Body>> {
        Some(repeat(request, request.body().try_clone()?))
    }

    async fn send(
        &mut self,
        mut request: Request<Body>,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Response<Body>, Verdict), ApiError> {
        let Api { http, guard, .. } = self.0;
        request.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        let mut answer = http.send(request).await.map_err(ApiError::Http)?;
        let body = if guard.needs_body(answer.status()) {
            Some(answer.body_mut().prefix(VerdictRule::MAX_BODY).await)
        } else {
            None
        };
        let verdict = guard.judge(answer.status(), answer.headers(), body.as_deref());
        Ok((answer, verdict))
    }
}
