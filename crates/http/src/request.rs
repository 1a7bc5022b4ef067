//! Requests: the token request, or that of metadata, as `http` has it, and a request once more.

use crate::bearer::secret;
use bytes::Bytes;
use evergrant_core::{TransportError, TransportErrorKind};
use http::{HeaderName, HeaderValue, Request};
use std::fmt;

/// The header fields of every token request. Whatever else is in one (Authorization, a key of a gateway) is a secret.
const PLAIN: [&str; 6] =
    ["accept", "accept-encoding", "cache-control", "content-length", "content-type", "user-agent"];

/// The token request (RFC 6749 §4.4.2), or that of a server's metadata (RFC 8414 §3.1), as `http` has it.
///
/// Its body is handed over without a copy, and wiped from memory with its last clone. The headers that hold a secret are
/// marked sensitive and wiped in the same way. Content-Length is among the headers of what has a body: it is that of the
/// body.
///
/// # Errors
/// [`TransportErrorKind::Other`] when the URL or a header is none to `http`: a URL longer than 65 534 bytes.
pub fn to_http(request: evergrant_core::Request) -> Result<Request<RequestBody>, TransportError> {
    let problem = |detail| TransportError::ours(TransportErrorKind::Other, detail);
    let mut outgoing = Request::builder().method(request.method()).uri(request.url());
    for (name, value) in request.headers() {
        let plain = PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name));
        let value = if plain { HeaderValue::from_str(value) } else { secret([value, ""]) };
        let value = value.map_err(|_| problem("a header of the token request has an invalid value"))?;
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| problem("a header of the token request has an invalid name"))?;
        outgoing = outgoing.header(name, value);
    }
    let outgoing = outgoing.body(RequestBody(Bytes::from_owner(Owner(request))));
    outgoing.map_err(|_| problem("the URL of the token endpoint is too long for an HTTP request"))
}

/// The body of a token request, which may hold the client's secret. Clones share one allocation, which is wiped from memory
/// with the last of them.
#[derive(Clone)]
pub struct RequestBody(Bytes);

impl RequestBody {
    /// The bytes themselves, for an HTTP library that borrows them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The same for one that takes them over. The Debug of [`Bytes`] shows them all.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// How long it is: it may hold the client's secret.
impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBody({} bytes)", self.0.len())
    }
}

/// A token request that is kept for its body: it wipes that itself.
struct Owner(evergrant_core::Request);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.body()
    }
}

/// The request once more, with this body: the same method, URL, version, headers and extensions.
pub fn repeat<B>(request: &Request<B>, body: B) -> Request<B> {
    let mut again = Request::new(body);
    request.method().clone_into(again.method_mut());
    request.uri().clone_into(again.uri_mut());
    request.headers().clone_into(again.headers_mut());
    request.extensions().clone_into(again.extensions_mut());
    *again.version_mut() = request.version();
    again
}

#[cfg(test)]
mod tests;
