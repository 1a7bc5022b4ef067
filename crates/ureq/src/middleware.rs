//! For programs whose agent has a chain of middleware.

use crate::api::{ApiError, Confine};
use crate::tokens::Tokens;
use evergrant_core::{Error, Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, BlockingExchange};
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
#[derive(Clone, Debug)]
pub struct AuthorizeMiddleware {
    tokens: Tokens,
    confine: Confine,
}

impl AuthorizeMiddleware {
    /// Attaches a token of `tokens`, for these origins and no other.
    pub fn new(tokens: Tokens, origins: Origins) -> Self {
        let confine = Confine::new(origins, tokens.0.shared().verdict_rule());
        Self { tokens, confine }
    }

    /// The same with the program's own rule for what a refused token looks like.
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { confine: self.confine.with_verdict(verdict), ..self }
    }
}

impl Middleware for AuthorizeMiddleware {
    fn handle(
        &self,
        request: Request<SendBody>,
        next: MiddlewareNext,
    ) -> Result<Response<Body>, ureq::Error> {
        let admitted = self.confine.admit(request.uri(), request.headers());
        let origin = admitted.map_err(|error| ureq::Error::Other(error.into()))?;
        let mut call = Call { confine: &self.confine, next: Some(next), body: PhantomData };
        self.tokens.0.call(&mut call, request, &origin).map_err(|failed| failed.0)
    }
}

/// One call to one origin, through the rest of the chain, which can be gone through once.
struct Call<'a, 'n, 'b> {
    confine: &'a Confine,
    next: Option<MiddlewareNext<'n>>,
    body: PhantomData<SendBody<'b>>,
}

struct Failed(ureq::Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(ureq::Error::Other(ApiError::Token(error).into()))
    }
}

impl<'b> BlockingExchange<HeaderValue> for Call<'_, '_, 'b> {
    type Request = Request<SendBody<'b>>;
    type Answer = Response<Body>;
    type Error = Failed;

    fn repeat(&self, _: &Self::Request) -> Option<Self::Request> {
        None
    }

    fn send(
        &mut self,
        mut request: Self::Request,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Response<Body>, Verdict), Failed> {
        request.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        let (Some(config), Some(next)) = (request.middleware_config(), self.next.take()) else {
            return Err(Failed(ureq::Error::Other(
                "a middleware is called by an agent, once a request".into(),
            )));
        };
        let answer = next.handle(Confine::restrain(config)).map_err(Failed)?;
        Ok(self.confine.judge(answer))
    }
}
