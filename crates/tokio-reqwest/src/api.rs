//! The authorized HTTP client: attaches the token, and sends again after a refused one.

use crate::confine::Confine;
use crate::error::ApiError;
use crate::tokens::Tokens;
use evergrant_core::{Origin, Origins, Verdict, VerdictRule};
use evergrant_drive::{Attachment, Exchange};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, RequestBuilder, Response};

/// An authorized HTTP client over the program's own. Clones share everything.
///
/// The token goes to the given origins alone. It is taken anew for each attempt; when the resource server refuses it,
/// one separate job replaces it and the request is sent again with the new one, if its body can be repeated.
///
/// ```no_run
/// # async fn story(tokens: evergrant_tokio_reqwest::Tokens) -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_tokio_reqwest::{Api, Origins};
///
/// let http = reqwest::Client::new();
/// let api = Api::new(http.clone(), tokens, Origins::parse(["https://api.sandbox.myparcel.com"])?);
/// let answer = api.send(http.get("https://api.sandbox.myparcel.com/shipments")).await?;
/// # drop(answer); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    tokens: Tokens,
    confine: Confine,
}

impl Api {
    /// Calls through `http` with a token of `tokens`, to these origins and no other.
    ///
    /// How a refused token is told from other refusals is the provider's rule.
    pub fn new(http: reqwest::Client, tokens: Tokens, origins: Origins) -> Self {
        let confine = Confine::new(origins, tokens.0.shared().verdict_rule());
        Self { http, tokens, confine }
    }

    /// The same with the program's own rule for what a refused token looks like.
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { confine: self.confine.with_verdict(verdict), ..self }
    }

    /// The source of its tokens.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Builds the request and executes it.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    /// As [`execute`](Self::execute).
    pub async fn send(&self, builder: RequestBuilder) -> Result<Response, ApiError> {
        self.execute(builder.build()?).await
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
    /// Dropping the future drops the call, as with reqwest; a token request it set off goes on.
    pub async fn execute(&self, request: Request) -> Result<Response, ApiError> {
        let origin = self.confine.admit(request.url(), request.headers())?;
        self.tokens.0.call(&mut Call { api: self, origin: &origin }, request, &origin).await
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
        let answer = self.api.http.execute(request).await?;
        Ok(self.api.confine.judge(answer, self.origin).await)
    }
}
