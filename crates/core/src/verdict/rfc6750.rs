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
    let scope = ("bearer", Some("insufficient_scope"));
    if challenges.iter().any(|challenge| (challenge.scheme(), challenge.param("error")) == scope) {
        return Verdict::InsufficientScope;
    }
    // We sent a Bearer token and it was refused, whatever scheme the server would rather have: many name another one
    // (Basic, a vendor's own), some with the error of ours. The gate bounds what a wrong guess costs.
    let refused =
        status == 401 || challenges.iter().any(|challenge| challenge.param("error") == Some("invalid_token"));
    if refused { Verdict::TokenRefused } else { Verdict::Fine }
}
