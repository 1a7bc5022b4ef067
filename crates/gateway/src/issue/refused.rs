//! Why there is no token: our own problem, and the same as an OAuth error (RFC 6749 §5.2).

use crate::access::AccessDenied;
use crate::answer::Problem;
use crate::issued::Outcome;
use crate::rules::Denied;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Response, StatusCode};
use serde::Serialize;

/// A problem, and what OAuth calls it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) problem: Box<Problem>,
    code: Code,
}

/// `error` of RFC 6749 §5.2. `temporarily_unavailable` is from §4.1.2.1: the token endpoint has none of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Code {
    Request,
    Client,
    GrantType,
    Scope,
    Unauthorized,
    Unavailable,
}

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "invalid_request",
            Self::Client => "invalid_client",
            Self::GrantType => "unsupported_grant_type",
            Self::Scope => "invalid_scope",
            Self::Unauthorized => "unauthorized_client",
            Self::Unavailable => "temporarily_unavailable",
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    error: &'a str,
    error_description: String,
}

impl Refused {
    /// What is asked, or how.
    pub(super) fn request(problem: Problem) -> Self {
        Self::of(problem, Code::Request)
    }

    /// A rule.
    pub(super) fn denied(denied: &Denied) -> Self {
        Self::request(Problem::denied_without_a_route(denied))
    }

    /// Client authentication failed.
    pub(super) fn client() -> Self {
        Self::of(Problem::unknown_client(), Code::Client)
    }

    /// This user may not have it, or there is no key.
    pub(super) fn access(denied: AccessDenied) -> Self {
        Self::of(Problem::no_access_to_tokens(denied), Code::Unauthorized)
    }

    /// Another grant.
    pub(super) fn grant_type() -> Self {
        let detail = "grant_type must be client_credentials: there is no other grant here";
        Self::of(Problem::form(detail), Code::GrantType)
    }

    /// The tokens of the profile have another scope.
    pub(super) fn scope(detail: &str) -> Self {
        Self::of(Problem::form(detail), Code::Scope)
    }

    /// There is no token, or no room to wait for one.
    pub(super) fn unavailable(problem: Problem) -> Self {
        Self::of(problem, Code::Unavailable)
    }

    fn of(problem: Problem, code: Code) -> Self {
        Self { problem: Box::new(problem), code }
    }

    /// What is counted.
    pub(super) fn outcome(&self) -> Outcome {
        match self.code {
            Code::Client | Code::Unauthorized => Outcome::Denied,
            Code::Unavailable => Outcome::Unavailable,
            // A page, a name, or a field that the listener wants.
            Code::Request if self.problem.status() == StatusCode::FORBIDDEN => Outcome::Denied,
            Code::Request | Code::GrantType | Code::Scope => Outcome::Invalid,
        }
    }

    /// The answer that an OAuth library reads: that of the problem, with another body.
    pub(super) fn of_an_authorization_server(
        &self,
        instance: &str,
        draw: u64,
        method: &Method,
    ) -> Response<Bytes> {
        let mut answer = self.problem.response(Some(instance), draw, method);
        if self.code == Code::Client {
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            // Also where Basic was not used: RFC 9110 §15.5.2 wants it with every 401.
            answer.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"evergrant\", charset=\"UTF-8\""),
            );
        }
        // Who asks for a token sends nothing to an API.
        let description = described(&self.problem.detail_without_api());
        let document = Document { error: self.code.as_str(), error_description: description };
        // Two texts can always be written.
        let body = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer.headers_mut().insert(CONTENT_LENGTH, body.len().into());
        *answer.body_mut() = if *method == Method::HEAD { Bytes::new() } else { body };
        answer
    }
}

/// With the characters that RFC 6749 §5.2 allows.
fn described(detail: &str) -> String {
    let plain = |c: char| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    detail.chars().map(plain).collect()
}
