//! gRPC, whose answers say with 200 that something failed: what a head without a body says of the token.

use crate::fields::media_type;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, response};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// UNAUTHENTICATED, by the list of gRPC's status codes.
const UNAUTHENTICATED: &[u8] = b"16";

const GRPC: &str = "application/grpc";

/// Whether these are the fields of a gRPC request: `application/grpc`, or that with a format behind a plus sign.
pub(crate) fn is_grpc(fields: &HeaderMap) -> bool {
    let Some((known, rest)) = media_type(fields).and_then(|it| it.split_at_checked(GRPC.len())) else {
        return false;
    };
    known.eq_ignore_ascii_case(GRPC) && (rest.is_empty() || rest.starts_with('+'))
}

/// Whether an answer refuses the token of its request: by a status in a head that nothing follows ("Trailers-Only"). One behind messages
/// comes too late: they have been handed on.
pub(crate) fn is_refused(head: &response::Parts, is_bare: bool) -> bool {
    let status = head.headers.get(GRPC_STATUS).map(HeaderValue::as_bytes);
    head.status == StatusCode::OK && is_bare && status == Some(UNAUTHENTICATED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::CONTENT_TYPE;

    fn fields(media_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))])
    }

    #[test]
    fn what_is_grpc() {
        for media_type in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc;x=1",
            "application/grpc ; x=1",
            "Application/gRPC+proto",
        ] {
            assert!(is_grpc(&fields(media_type)), "{media_type}");
        }
        for media_type in ["application/grpc-web", "application/json", "application/grpcx"] {
            assert!(!is_grpc(&fields(media_type)), "{media_type}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn what_refuses_a_token() {
        let head = |status: u16, grpc: &'static str| {
            let (mut head, ()) = http::Response::new(()).into_parts();
            head.status = StatusCode::from_u16(status).unwrap_or_default();
            head.headers.insert(GRPC_STATUS, HeaderValue::from_static(grpc));
            head
        };
        assert!(is_refused(&head(200, "16"), true));
        assert!(!is_refused(&head(200, "16"), false), "its messages have been handed on");
        assert!(!is_refused(&head(200, "7"), true), "PERMISSION_DENIED is no matter of the token");
        assert!(!is_refused(&head(200, "0"), true));
        assert!(!is_refused(&head(500, "16"), true));
    }
}
