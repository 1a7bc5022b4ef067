//! By status and WWW-Authenticate (RFC 6750 §3).

use super::{Answer, Verdict};

pub(crate) fn judge(answer: &Answer<'_>) -> Verdict {
    let status = answer.status();
    if matches!(status, 407 | 431) {
        return Verdict::NotOurs;
    }
    if !matches!(status, 400 | 401 | 403) {
        return Verdict::Fine;
    }
    let challenges = answer.challenges();
    let bearer = || challenges.iter().filter(|challenge| challenge.scheme() == "bearer");
    let says = |error| bearer().any(|challenge| challenge.param("error") == Some(error));
    if says("insufficient_scope") {
        Verdict::InsufficientScope
    } else if says("invalid_token") {
        Verdict::TokenRefused
    } else if status != 401 {
        Verdict::Fine
    } else if challenges.is_empty() || bearer().next().is_some() {
        Verdict::TokenRefused
    } else {
        Verdict::NotOurs
    }
}
