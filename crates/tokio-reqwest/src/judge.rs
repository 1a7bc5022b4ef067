//! The guard, asked about reqwest's requests and answers.

use crate::body::prefix;
use evergrant_core::{Origin, Verdict};
use evergrant_http::{Guard, Refused};
use reqwest::{Request, Response, Url};

/// The origin that a token may go to with this request.
pub(crate) fn admit(guard: &Guard, request: &Request) -> Result<Origin, Refused> {
    let url = request.url();
    guard.admit_parts(url.scheme(), url.host_str(), url.port(), request.headers())
}

/// What the answer of a call to `origin` means for the token.
pub(crate) async fn judge(guard: &Guard, mut answer: Response, origin: &Origin) -> (Response, Verdict) {
    let status = answer.status();
    // What another origin answers, where a redirect led without the token, says nothing about the token.
    if !guard.concerns(status) || origin_of(answer.url()).as_ref() != Some(origin) {
        return (answer, Verdict::Fine);
    }
    let mut body = None;
    if guard.needs_body(status) {
        let (seen, whole) = prefix(answer).await;
        (body, answer) = (Some(seen), whole);
    }
    let verdict = guard.judge(status, answer.headers(), body.as_deref());
    (answer, verdict)
}

fn origin_of(url: &Url) -> Option<Origin> {
    Origin::from_parts(url.scheme(), url.host_str()?, url.port())
}
