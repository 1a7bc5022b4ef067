//! Where the token may go, and what an answer means for it.

use crate::body::prefix;
use crate::error::ApiError;
use evergrant_core::{Answer, Excerpt, Origin, Origins, Verdict, VerdictRule};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Response, Url};
use std::sync::Arc;

/// The origins a token may go to, and the rule by which their answers are judged.
#[derive(Clone, Debug)]
pub(crate) struct Confine {
    origins: Arc<Origins>,
    verdict: VerdictRule,
}

impl Confine {
    pub(crate) fn new(origins: Origins, verdict: VerdictRule) -> Self {
        Self { origins: Arc::new(origins), verdict }
    }

    pub(crate) fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { verdict, ..self }
    }

    /// Whether the token may go with this request, and to which origin.
    pub(crate) fn admit(&self, url: &Url, headers: &HeaderMap) -> Result<Origin, ApiError> {
        if headers.contains_key(AUTHORIZATION) {
            return Err(ApiError::Authorized);
        }
        let admitted = origin(url).filter(|origin| self.origins.contains(origin));
        admitted.ok_or_else(|| {
            let named = Excerpt::new(&url.origin().ascii_serialization(), &[]);
            ApiError::Origin(named.unwrap_or_default())
        })
    }

    /// What the answer of a call to `origin` means for the token.
    pub(crate) async fn judge(&self, mut answer: Response, called: &Origin) -> (Response, Verdict) {
        let status = answer.status().as_u16();
        // What another origin answers, where a redirect led without the token, says nothing about the token.
        if !self.verdict.concerns(status) || origin(answer.url()).as_ref() != Some(called) {
            return (answer, Verdict::Fine);
        }
        let mut body = None;
        if self.verdict.needs_body(status) {
            let (seen, whole) = prefix(answer, VerdictRule::MAX_BODY).await;
            (body, answer) = (Some(seen), whole);
        }
        let headers: Vec<_> =
            answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let verdict = self.verdict.judge(&Answer::new(status, &headers, body.as_deref()));
        (answer, verdict)
    }
}

fn origin(url: &Url) -> Option<Origin> {
    Origin::from_parts(url.scheme(), url.host_str()?, url.port())
}
