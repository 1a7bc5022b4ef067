//! By the codes of MyParcel.com's errors, which come without a challenge.

use super::code;
use crate::json;
use crate::verdict::{Answer, MAX_BODY, Verdict, rfc6750};
use alloc::string::String;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Whether a prefix of the body is needed at this status.
pub(crate) const fn needs_body(status: u16) -> bool {
    matches!(status, 401 | 403)
}

pub(crate) fn judge(answer: &Answer<'_>) -> Verdict {
    if !needs_body(answer.status()) {
        return rfc6750::judge(answer);
    }
    let codes = answer.body_prefix().map(codes).unwrap_or_default();
    let has = |code: &str| codes.iter().any(|ours| ours.as_str() == code);
    match answer.status() {
        401 if codes.is_empty() || has("14002") || has("14003") => Verdict::TokenRefused,
        401 => Verdict::NotOurs,
        _ if has("14004") => Verdict::InsufficientScope,
        _ => rfc6750::judge(answer),
    }
}

/// The codes of `{"errors":[{"code"},..]}`, as far as the prefix goes.
fn codes(prefix: &[u8]) -> Vec<Zeroizing<String>> {
    let prefix = prefix.get(..MAX_BODY).unwrap_or(prefix);
    let mut codes = Vec::new();
    let members = json::object(prefix).ok().into_iter().flatten().map_while(Result::ok);
    for (_, errors) in members.filter(|(name, _)| name.as_deref() == Some(b"errors")) {
        for error in errors.elements().into_iter().flatten().map_while(Result::ok) {
            let members = error.members().into_iter().flatten().map_while(Result::ok);
            codes.extend(members.filter_map(|(name, value)| {
                if name.as_deref() == Some(b"code") { code::read(value) } else { None }
            }));
        }
    }
    codes
}

#[cfg(test)]
mod tests;
