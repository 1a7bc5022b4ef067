//! The authorized HTTP client: attaches the token, and replays once after a refused one.

use crate::body::prefix;
use crate::tokens::Tokens;
use evergrant_core::{Answer, Error, Excerpt, Origin, Origins, Site, Verdict, VerdictRule};
use evergrant_drive::Exchange;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, RequestBuilder, Response, Url};
use std::fmt;
use std::sync::Arc;

/// An authorized HTTP client over the program's own. Clones share everything.
///
/// The token goes to the given origins alone. It is taken anew for each attempt; when the resource server refuses it,
/// one separate job replaces it and the request is sent once more with the new one, if its body can be repeated.
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
    /// The request could not be built or sent, or its answer not be read.
    Http(reqwest::Error),
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

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

impl Api {
    /// Calls through `http` with a token of `tokens`, to these origins and no other.
    ///
    /// How a refused token is told from other refusals is the provider's rule.
    pub fn new(http: reqwest::Client, tokens: Tokens, origins: Origins) -> Self {
        let verdict = tokens.0.verdict_rule();
        Self { http, tokens, origins: Arc::new(origins), verdict }
    }

    /// The same with the program's own rule for what a refused token looks like.
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { verdict, ..self }
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

    /// Sends the request with a token. If the token is refused, it is replaced, and the request is sent once more if
    /// its body can be repeated (a stream cannot); otherwise the refusal is handed on.
    ///
    /// # Errors
    /// The origin is not allowed, the request is authorized already, there is no token, or the call failed. An
    /// answer, of whatever status, is no error.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call, as with reqwest; a token request it set off goes on.
    pub async fn execute(&self, request: Request) -> Result<Response, ApiError> {
        let (origin, site) = self.admit(&request)?;
        self.tokens.0.call(&Call { api: self, origin }, request, site).await
    }

    /// Whether the token may go with this request, and to which site.
    fn admit(&self, request: &Request) -> Result<(Origin, Site), ApiError> {
        if request.headers().contains_key(AUTHORIZATION) {
            return Err(ApiError::Authorized);
        }
        let admitted = origin(request.url()).and_then(|origin| {
            let site = self.origins.site(&origin)?;
            Some((origin, site))
        });
        admitted.ok_or_else(|| {
            let named = Excerpt::new(&request.url().origin().ascii_serialization(), &[]);
            ApiError::Origin(named.unwrap_or_default())
        })
    }

    async fn judge(&self, answer: Response) -> (Verdict, Response) {
        let status = answer.status().as_u16();
        if !self.verdict.concerns(status) {
            return (Verdict::Fine, answer);
        }
        let (body, answer) = if self.verdict.needs_body(status) {
            let (body, answer) = prefix(answer, VerdictRule::MAX_BODY).await;
            (Some(body), answer)
        } else {
            (None, answer)
        };
        let headers: Vec<_> =
            answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let verdict = self.verdict.judge(&Answer::new(status, &headers, body.as_deref()));
        (verdict, answer)
    }
}

/// One call to one origin.
struct Call<'a> {
    api: &'a Api,
    origin: Origin,
}

impl Exchange<HeaderValue> for Call<'_> {
    type Request = Request;
    type Answer = Response;
    type Error = ApiError;

    fn repeat(&self, request: &Request) -> Option<Request> {
        request.try_clone()
    }

    async fn send(
        &self,
        mut request: Request,
        authorization: HeaderValue,
    ) -> Result<(Response, Verdict), ApiError> {
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let answer = self.api.http.execute(request).await?;
        // What another origin answers, where a redirect led without the token, says nothing about the token.
        if origin(answer.url()).as_ref() != Some(&self.origin) {
            return Ok((answer, Verdict::Fine));
        }
        let (verdict, answer) = self.api.judge(answer).await;
        Ok((answer, verdict))
    }
}

fn origin(url: &Url) -> Option<Origin> {
    Origin::from_parts(url.scheme(), url.host_str()?, url.port())
}
