//! Which answers have links that may be changed.

use crate::fields::media_type;
use http::header::{CONTENT_ENCODING, CONTENT_RANGE, HeaderMap, HeaderName};
use http::{StatusCode, response};

/// Fields that vouch for the bytes of a body (RFC 9530 §2 and §3, RFC 3230 §4.3.2, RFC 2616 §14.15): whoever checks them must get those bytes.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Whether the links in the body of an answer with this head are changed: it is JSON, whole, in no coding, and nothing vouches for its bytes.
pub(crate) fn is_mapped(head: &response::Parts) -> bool {
    let fields = &head.headers;
    is_json(fields)
        && is_uncoded(fields)
        && head.status != StatusCode::PARTIAL_CONTENT
        && !fields.contains_key(CONTENT_RANGE)
        && !DIGESTS.iter().any(|digest| fields.contains_key(digest))
}

/// Whether the length that this head may tell is not that of what the caller gets, or would get with GET.
pub(crate) fn has_another_length(head: &response::Parts) -> bool {
    // It need not say what it would be of (RFC 9110 §15.4.5).
    head.status == StatusCode::NOT_MODIFIED || is_mapped(head)
}

/// What vouches for bytes that were changed goes.
pub(super) fn remove_digests(trailers: &mut HeaderMap) {
    for digest in &DIGESTS {
        trailers.remove(digest);
    }
}

/// `application/json` (RFC 8259 §11), or a type that is written in JSON (RFC 6839 §3.1), such as `application/vnd.api+json`.
fn is_json(fields: &HeaderMap) -> bool {
    let Some(media_type) = media_type(fields) else { return false };
    let suffix = media_type.rsplit_once('+').map(|(_, suffix)| suffix);
    media_type.eq_ignore_ascii_case("application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("json"))
}

fn is_uncoded(fields: &HeaderMap) -> bool {
    fields.get_all(CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests;
