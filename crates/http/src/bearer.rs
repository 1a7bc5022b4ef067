//! Header values that hold a secret.

use bytes::Bytes;
use evergrant_core::AccessToken;
use http::HeaderValue;
use http::header::InvalidHeaderValue;
use zeroize::Zeroizing;

/// The value of the Authorization header for this token (RFC 6750 §2.1): `Bearer`, a space, and the token.
///
/// It is marked sensitive, so that its Debug does not show it and HTTP/2 does not index it. Clones share one allocation,
/// which is wiped from memory with the last of them.
pub fn bearer(token: &AccessToken) -> HeaderValue {
    // An access token is visible ASCII: AccessToken::new took nothing else, so this cannot fail.
    secret(["Bearer ", token.expose()]).unwrap_or(HeaderValue::from_static("Bearer"))
}

/// A sensitive value of these parts, in memory of its own that is wiped with the last clone.
pub(crate) fn secret(parts: [&str; 2]) -> Result<HeaderValue, InvalidHeaderValue> {
    // Reserved at once: a buffer that grew would leave a copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        text.extend_from_slice(part.as_bytes());
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
