//! Answers of a listener for tokens, whose callers ask for a token and send nothing to an API.

use super::detail::Detail;
use super::{Problem, Sent, kind};
use crate::access::AccessDenied;
use crate::rules::Denied;
use http::StatusCode;

impl Problem {
    /// A form, or a field of it, that nothing can be given for: 400.
    pub(crate) fn form(detail: &str) -> Self {
        Self::by_rule(kind::FORM, "form", detail.into())
    }

    /// A rule, in words for callers that have no route.
    pub(crate) fn denied_without_a_route(denied: &Denied) -> Self {
        let detail = match denied {
            Denied::MethodOfRoute(_) => "this path takes POST alone".into(),
            Denied::Browser(field) => {
                format!("{field} says that a page in a browser sent this, and no page gets a token here")
            }
            denied => return Self::denied(denied),
        };
        Self { detail: Box::new(Detail::from(detail)), ..Self::denied(denied) }
    }

    /// The form is longer than so many bytes: 413.
    pub(crate) fn form_too_large(limit: usize) -> Self {
        let detail = format!("the form is longer than {limit} bytes");
        Self::by_rule(kind::Kind { status: StatusCode::PAYLOAD_TOO_LARGE, ..kind::FORM }, "form", detail)
    }

    /// The form stopped coming: 408.
    pub(crate) fn form_slow() -> Self {
        Self::new(kind::SLOW, "the form of this request did not come in time".into(), Sent::No)
    }

    /// Client authentication failed: 403 by itself, 401 to an OAuth library.
    pub(crate) fn unknown_client() -> Self {
        let detail = "the client id must be the name of a key of this listener, and the client secret its text; the operator of the gateway makes them";
        Self::by_rule(kind::access(AccessDenied::Key), AccessDenied::Key.as_str(), detail.into())
    }

    /// Who asks may not use this listener: 403.
    pub(crate) fn no_access_to_tokens(denied: AccessDenied) -> Self {
        let detail = match denied {
            // Authorization is that of whoever asked the front.
            AccessDenied::Key => {
                "this listener requires one of its keys, once, in X-Evergrant-Key; the operator of the gateway makes them".into()
            }
            AccessDenied::Peer => denied.to_string(),
        };
        Self::by_rule(kind::access(denied), denied.as_str(), detail)
    }

    /// There is no profile of this name: 404.
    pub(crate) fn no_profile() -> Self {
        let detail = "no profile of this name is given out here; check the path, or add the profile to issue in the gateway's file";
        Self::by_rule(kind::PROFILE, "profile", detail.into())
    }

    /// There is nothing at this path: 404.
    pub(crate) fn nothing_to_issue() -> Self {
        let detail = "there is nothing at this path; tokens are at /token, /token/NAME and /authorize/NAME, and /reject/NAME takes one that was refused";
        Self::by_rule(kind::PROFILE, "profile", detail.into())
    }
}
