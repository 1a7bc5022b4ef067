//! For programs whose client is a `reqwest_middleware::ClientWithMiddleware`.

use crate::error::ApiError;
use crate::judge::{admit, judge};
use crate::tokens::Tokens;
use evergrant_core::{Error, Origin, Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, Exchange};
use evergrant_http::Guard;
use http::Extensions;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next};

/// Attaches the token to every request that passes, and sends a refused one again, with a new token where it must, if its body can
/// be repeated. A request to an origin that is not allowed, or with an Authorization header of its own, is an error.
///
/// ```no_run
/// # fn story(tokens: evergrant_tokio_reqwest::Tokens) -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_tokio_reqwest::{AuthorizeMiddleware, Origins};
///
/// let origins = Origins::parse(["https://api.sandbox.myparcel.com"])?;
/// let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
///     .with(AuthorizeMiddleware::new(tokens, origins))
///     .build();
/// # drop(client); Ok(()) }
/// ```
///
/// # Its errors
/// What fails here is an [`ApiError`] in a `reqwest_middleware::Error::Middleware`. That error is transparent, so its `source` is
/// none of ours: it is opened first.
///
/// ```no_run
/// # fn story(failed: reqwest_middleware::Error) {
/// use evergrant_tokio_reqwest::ApiError;
///
/// if let reqwest_middleware::Error::Middleware(error) = &failed {
///     if let Some(error) = error.downcast_ref::<ApiError>() {
///         eprintln!("{error}; the next token request may be sent in {:?}", error.retry_after());
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AuthorizeMiddleware {
    tokens: Tokens,
    guard: Guard,
}

impl AuthorizeMiddleware {
    /// Attaches a token of `tokens`, for these origins and no other.
    pub fn new(tokens: Tokens, origins: Origins) -> Self {
        let guard = Guard::new(origins, tokens.0.shared().verdict_rule());
        Self { tokens, guard }
    }

    /// The same with the program's own rule for which responses mean a refused token.
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { guard: self.guard.with_verdict(verdict), ..self }
    }
}

#[async_trait::async_trait]
impl Middleware for AuthorizeMiddleware {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let origin = admit(&self.guard, &request)
            .map_err(|refused| reqwest_middleware::Error::middleware(ApiError::from(refused)))?;
        let mut call = Call { guard: &self.guard, origin: &origin, next, extensions };
        self.tokens.0.call(&mut call, request, &origin).await.map_err(|failed| failed.0)
    }
}

/// One call to one origin, through the rest of the chain.
struct Call<'a> {
    guard: &'a Guard,
    origin: &'a Origin,
    next: Next<'a>,
    extensions: &'a mut Extensions,
}

struct Failed(reqwest_middleware::Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(reqwest_middleware::Error::middleware(ApiError::Token(error)))
    }
}

impl Exchange<HeaderValue> for Call<'_> {
    type Request = Request;
    type Answer = Response;
    type Error = Failed;

    fn repeat(&self, request: &Request) -> Option<Request> {
        request.try_clone()
    }

    async fn send(
        &mut self,
        mut request: Request,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Response, Verdict), Failed> {
        request.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        let answer = self.next.clone().run(request, self.extensions).await;
        let answer = answer.map_err(|error| match error {
            // Whoever has seen the token may have written it into the URL of a redirect.
            reqwest_middleware::Error::Reqwest(error) => Failed(error.without_url().into()),
            error => Failed(error),
        })?;
        Ok(judge(self.guard, answer, self.origin).await)
    }
}
