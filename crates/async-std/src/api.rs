//! The authorized HTTP client: attaches the token, and sends again after a refused one.

use crate::body::Body;
use crate::client::{HttpClient, HttpError};
use crate::net::Net;
use crate::tokens::Tokens;
use evergrant_core::{Answer, Error, Excerpt, Origin, Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, Exchange};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use std::fmt;
use std::sync::Arc;

/// An authorized HTTP client over an [`HttpClient`]. Clones share everything.
///
/// The token goes to the given origins alone, and no redirect is followed. It is taken anew for each attempt; when the
/// resource server refuses it, one separate job replaces it and the request is sent again with the new one, if
/// its body can be repeated.
#[derive(Clone, Debug)]
pub struct Api<N> {
    http: HttpClient<N>,
    tokens: Tokens<N>,
    origins: Arc<Origins>,
    verdict: VerdictRule,
}

/// An authorized call failed before an answer came.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiError {
    /// There is no token to attach.
    Token(Error),
    /// The URL's origin is none of those the token may be sent to: nothing was sent.
    Origin(Excerpt),
    /// The request has an Authorization header already: nothing was sent.
    Authorized,
    /// The request could not be sent, or its answer not be read.
    Http(HttpError),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::Origin(origin) => {
                write!(
                    f,
                    "the token may not be sent to {origin}: add it to the Origins, or use a plain client"
                )
            }
            Self::Authorized => f.write_str(
                "the request has an Authorization header of its own: remove it, or use a plain client",
            ),
            Self::Http(error) => write!(f, "the call failed: {error}"),
        }
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Token(error) => Some(error),
            Self::Http(error) => Some(error),
            Self::Origin(_) | Self::Authorized => None,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

impl From<HttpError> for ApiError {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl<N: Net> Api<N> {
    /// Calls through `http` with a token of `tokens`, to these origins and no other.
    ///
    /// How a refused token is told from other refusals is the provider's rule.
    pub fn new(http: HttpClient<N>, tokens: Tokens<N>, origins: Origins) -> Self {
        let verdict = tokens.0.shared().verdict_rule();
        Self { http, tokens, origins: Arc::new(origins), verdict }
    }

    /// The same with the program's own rule for what a refused token looks like.
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { verdict, ..self }
    }

    /// The source of its tokens.
    pub const fn tokens(&self) -> &Tokens<N> {
        &self.tokens
    }

    /// Sends the request with a token. If the token is refused, the request is sent again, three times at most in all: a token that has just arrived is given up to 2 s to become
    /// valid at the resource server, and one that stays refused is replaced. A resource that refuses token after token costs about one
    /// token request a minute: in between its refusals are handed on. A request is sent again only if
    /// its body can be repeated (a stream cannot); otherwise the refusal is handed on.
    ///
    /// # Errors
    /// The origin is not allowed, the request is authorized already, there is no token, or the call failed. An
    /// answer, of whatever status, is no error.
    ///
    /// # Cancel safety
    /// Dropping the future closes the call's connection; a token request it set off goes on.
    pub async fn execute(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let origin = self.admit(&request)?;
        self.tokens.0.call(&mut Call(self), request, &origin).await
    }

    /// Whether the token may go with this request, and to which origin.
    fn admit(&self, request: &Request<Body>) -> Result<Origin, ApiError> {
        if request.headers().contains_key(AUTHORIZATION) {
            return Err(ApiError::Authorized);
        }
        let admitted = origin(request.uri()).filter(|origin| self.origins.contains(origin));
        let uri = request.uri();
        let shown = || Excerpt::origin(uri.scheme_str(), uri.host(), uri.port_u16());
        admitted.ok_or_else(|| ApiError::Origin(shown()))
    }
}

/// One call.
struct Call<'a, N>(&'a Api<N>);

impl<N: Net> Exchange<HeaderValue> for Call<'_, N> {
    type Request = Request<Body>;
    type Answer = Response<Body>;
    type Error = ApiError;

    fn repeat(&self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut again = Request::new(request.body().try_clone()?);
        request.method().clone_into(again.method_mut());
        request.uri().clone_into(again.uri_mut());
        request.headers().clone_into(again.headers_mut());
        request.extensions().clone_into(again.extensions_mut());
        *again.version_mut() = request.version();
        Some(again)
    }

    async fn send(
        &mut self,
        mut request: Request<Body>,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Response<Body>, Verdict), ApiError> {
        let api = self.0;
        request.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        let mut answer = api.http.send(request).await?;
        let status = answer.status().as_u16();
        if !api.verdict.concerns(status) {
            return Ok((answer, Verdict::Fine));
        }
        let body = if api.verdict.needs_body(status) {
            Some(answer.body_mut().prefix(VerdictRule::MAX_BODY).await)
        } else {
            None
        };
        let headers: Vec<_> =
            answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let verdict = api.verdict.judge(&Answer::new(status, &headers, body.as_deref()));
        Ok((answer, verdict))
    }
}

fn origin(uri: &Uri) -> Option<Origin> {
    Origin::from_parts(uri.scheme_str()?, uri.host()?, uri.port_u16())
}
