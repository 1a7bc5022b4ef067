//! For programs whose agent has a chain of middleware.

use crate::api::{ApiError, failed, judge, restrain};
use crate::tokens::Tokens;
use evergrant_core::{Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, BlockingExchange};
use evergrant_http::Guard;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use std::marker::PhantomData;
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::{Body, RequestExt as _, SendBody};

/// Attaches the token to every request that passes, and reports a refused one. A request to an origin that is not
/// allowed, or with an Authorization header of its own, is an error.
///
/// A ureq middleware can send only once: a refused token is replaced, and the refusal is handed on. It is
/// [`Api`](crate::Api) that replays. The token goes along with no redirect, not even within its origin.
///
/// ```no_run
/// # fn story(tokens: evergrant_ureq::Tokens) -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_ureq::{AuthorizeMiddleware, Origins};
///
/// let origins = Origins::parse(["https://api.sandbox.myparcel.com"])?;
/// let config = ureq::Agent::config_builder().middleware(AuthorizeMiddleware::new(tokens, origins)).build();
/// let agent = ureq::Agent::new_with_config(config);
/// # drop(agent); Ok(()) }
/// ```
///
/// # Its errors
/// What fails here is an [`ApiError`] in a `ureq::Error::Other`, which has no source: it is opened first.
///
/// ```no_run
/// # fn story(failed: ureq::Error) {
/// use evergrant_ureq::ApiError;
///
/// if let ureq::Error::Other(error) = &failed {
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

impl Middleware for AuthorizeMiddleware {
    fn handle(
        &self,
        request: Request<SendBody>,
        next: MiddlewareNext,
    ) -> Result<Response<Body>, ureq::Error> {
        let admitted = self.guard.admit(request.uri(), request.headers());
        let origin = admitted.map_err(|refused| outward(refused.into()))?;
        let mut passage = Passage { guard: &self.guard, next: Some(next), lifetime: PhantomData };
        self.tokens.0.call(&mut passage, request, &origin).map_err(outward)
    }
}

/// One request on its way through, which is sent once.
struct Passage<'a, 'n, 'b> {
    guard: &'a Guard,
    next: Option<MiddlewareNext<'n>>,
    lifetime: PhantomData<SendBody<'b>>,
}

impl<'b> BlockingExchange<HeaderValue> for Passage<'_, '_, 'b> {
    type Request = Request<SendBody<'b>>;
    type Answer = Response<Body>;
    type Error = ApiError;

    fn repeat(&self, _: &Request<SendBody<'b>>) -> Option<Request<SendBody<'b>>> {
        None
    }

    fn send(
        &mut self,
        mut request: Request<SendBody<'b>>,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Response<Body>, Verdict), ApiError> {
        let other = |problem: &str| ApiError::Http(ureq::Error::Other(problem.into()));
        request.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        let next = self.next.take().ok_or_else(|| other("a middleware sends once"))?;
        let config = request.middleware_config().ok_or_else(|| other("a middleware is an agent's affair"))?;
        Ok(judge(self.guard, next.handle(restrain(config)).map_err(failed)?))
    }
}

/// The error as it goes on through the chain: ureq's own as it is.
fn outward(error: ApiError) -> ureq::Error {
    match error {
        ApiError::Http(error) => error,
        error => ureq::Error::Other(error.into()),
    }
}
