//! For programs whose client is a `tower::Service` of `http` requests: hyper-util's, and what is built on it.

use crate::body::Whole;
use crate::error::ApiError;
use crate::tokens::Tokens;
use bytes::Bytes;
use evergrant_core::{Error, Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, BoxError, Exchange};
use evergrant_http::{Guard, repeat};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Attaches the token to every request that passes, and sends a refused one again, with a new token where it must, if its body can
/// be repeated. A request to an origin that is not allowed, or with an Authorization header of its own, is an error.
///
/// Answers are judged by status and headers and, where the provider's rule asks for it, by the beginning of the body, which is put
/// back: an answer's body is a [`JudgedBody`] around the inner service's. A layer that unpacks bodies belongs below this one.
///
/// The inner service must not follow redirects with the token: hyper-util's client follows none.
pub struct AuthorizeLayer<B> {
    tokens: Tokens,
    guard: Guard,
    repeat: fn(&B) -> Option<B>,
}

impl<B> AuthorizeLayer<B> {
    /// For bodies that can be cloned, such as `http_body_util::Full`: each can be repeated.
    pub fn new(tokens: Tokens, origins: Origins) -> Self
    where
        B: Clone,
    {
        Self::with_repeat(tokens, origins, |body| Some(body.clone()))
    }

    /// For bodies of which none can be repeated, such as tonic's: after a refusal the token is replaced, and the refusal is
    /// returned.
    pub fn attach_only(tokens: Tokens, origins: Origins) -> Self {
        Self::with_repeat(tokens, origins, |_| None)
    }

    /// For bodies of which `repeat` tells whether they can be repeated.
    pub fn with_repeat(tokens: Tokens, origins: Origins, repeat: fn(&B) -> Option<B>) -> Self {
        let guard = Guard::new(origins, tokens.0.shared().verdict_rule());
        Self { tokens, guard, repeat }
    }

    /// The same with the program's own rule for which responses mean a refused token.
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { guard: self.guard.with_verdict(verdict), ..self }
    }
}

impl<B> Clone for AuthorizeLayer<B> {
    fn clone(&self) -> Self {
        Self { tokens: self.tokens.clone(), guard: self.guard.clone(), repeat: self.repeat }
    }
}

impl<B> fmt::Debug for AuthorizeLayer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeLayer")
            .field("tokens", &self.tokens)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl<S, B> Layer<S> for AuthorizeLayer<B> {
    type Service = Authorize<S, B>;

    fn layer(&self, inner: S) -> Authorize<S, B> {
        Authorize { inner, layer: self.clone() }
    }
}

/// A service under an [`AuthorizeLayer`].
#[derive(Debug)]
pub struct Authorize<S, B> {
    inner: S,
    layer: AuthorizeLayer<B>,
}

impl<S: Clone, B> Clone for Authorize<S, B> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

/// The body of an answer that came through an [`AuthorizeLayer`]: the inner service's own, whole, whatever was looked at of it.
pub struct JudgedBody<A: Body>(Whole<A>);

impl<A: Body> Body for JudgedBody<A> {
    type Data = Bytes;
    type Error = A::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, A::Error>>> {
        Pin::new(&mut self.get_mut().0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// Without what was looked at: it may hold what is nobody's business.
impl<A: Body> fmt::Debug for JudgedBody<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JudgedBody").finish_non_exhaustive()
    }
}

impl<S, B, A> Service<Request<B>> for Authorize<S, B>
where
    S: Service<Request<B>, Response = Response<A>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send + 'static,
    A: Body<Error: Send> + Send + 'static,
{
    type Response = Response<JudgedBody<A>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready is taken; its clone takes its place, and is asked to be ready for the next call.
        let spare = self.inner.clone();
        let ready = mem::replace(&mut self.inner, spare);
        let layer = self.layer.clone();
        Box::pin(async move {
            let origin = layer.guard.admit(request.uri(), request.headers()).map_err(ApiError::from)?;
            let mut call = Call { service: ready, layer: &layer };
            layer.tokens.0.call(&mut call, request, &origin).await.map_err(|failed| failed.0)
        })
    }
}

/// One call through the service that is ready for it.
struct Call<'a, S, B> {
    service: S,
    layer: &'a AuthorizeLayer<B>,
}

struct Failed(BoxError);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(ApiError::Token(error).into())
    }
}

impl<S, B, A> Exchange<HeaderValue> for Call<'_, S, B>
where
    S: Service<Request<B>, Response = Response<A>> + Send,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send,
    A: Body<Error: Send> + Send,
{
    type Request = Request<B>;
    type Answer = Response<JudgedBody<A>>;
    type Error = Failed;

    fn repeat(&self, request: &Request<B>) -> Option<Request<B>> {
        Some(repeat(request, (self.layer.repeat)(request.body())?))
    }

    async fn send(
        &mut self,
        mut request: Request<B>,
        attachment: Attachment<HeaderValue>,
    ) -> Result<(Self::Answer, Verdict), Failed> {
        request.headers_mut().insert(AUTHORIZATION, attachment.into_authorization());
        // It was ready for the first attempt, and says so again; for the replay it must be asked.
        let ready = poll_fn(|cx| self.service.poll_ready(cx)).await;
        ready.map_err(|error| Failed(error.into()))?;
        let answer = self.service.call(request).await.map_err(|error| Failed(error.into()))?;
        let guard = &self.layer.guard;
        let (parts, body) = answer.into_parts();
        let mut body = Whole::new(body);
        let seen = if guard.needs_body(parts.status) { Some(body.prefix().await) } else { None };
        let verdict = guard.judge(parts.status, &parts.headers, seen.as_deref());
        Ok((Response::from_parts(parts, JudgedBody(body)), verdict))
    }
}
