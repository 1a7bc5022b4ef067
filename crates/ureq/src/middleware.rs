//! For programs whose agent has a chain of middleware.

use crate::api::{ApiError, Confine};
use crate::tokens::Tokens;
use evergrant_core::{Origins, Verdict, VerdictRule};
use http::header::AUTHORIZATION;
use http::{Request, Response};
use std::time::Duration;
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
        let confine = Confine::new(origins, tokens.0.verdict_rule());
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
        mut request: Request<SendBody>,
        next: MiddlewareNext,
    ) -> Result<Response<Body>, ureq::Error> {
        let admitted = self.confine.admit(request.uri(), request.headers());
        let site = admitted.map_err(|error| ureq::Error::Other(error.into()))?;
        let token = self.tokens.0.authorization().map_err(ApiError::Token);
        let (authorization, generation) = token.map_err(|error| ureq::Error::Other(error.into()))?;
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let config = request.middleware_config();
        let config = config.ok_or_else(|| ureq::Error::Other("a middleware is an agent's affair".into()))?;
        let (answer, verdict) = self.confine.judge(next.handle(Confine::restrain(config))?);
        if verdict == Verdict::TokenRefused {
            self.tokens.0.reject(generation, site);
            // A caller without patience sends what is due, and does not wait for it.
            let _unwaited = self.tokens.token_within(Duration::ZERO);
        }
        Ok(answer)
    }
}
