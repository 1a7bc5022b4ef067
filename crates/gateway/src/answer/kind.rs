//! The table of our own answers: name, status and what `Proxy-Status` calls it (RFC 9209 §2.3).

use super::upstream::{ProxyFailure, UpstreamFault};
use crate::access::AccessDenied;
use crate::route::NoRoute;
use crate::rules::Denied;
use http::StatusCode;

/// A row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
}

const fn row(name: &'static str, status: StatusCode, error: &'static str, title: &'static str) -> Kind {
    Kind { name, title, status, error }
}

const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
const BAD_GATEWAY: StatusCode = StatusCode::BAD_GATEWAY;

pub(super) const QUEUE_FULL: Kind =
    row("queue-full", UNAVAILABLE, "destination_unavailable", "The queue for an access token is full");
pub(super) const BUSY: Kind = row("busy", UNAVAILABLE, "connection_limit_reached", "The gateway is busy");
pub(super) const CLOSING: Kind =
    row("closing", UNAVAILABLE, "destination_unavailable", "The gateway is shutting down");
pub(super) const NO_TOKEN: Kind = row("no-token", UNAVAILABLE, "destination_unavailable", "No access token");
pub(super) const CLIENT_REFUSED: Kind = row(
    "client-refused",
    UNAVAILABLE,
    "destination_unavailable",
    "The authorization server refuses the client of this gateway",
);
pub(super) const TENANT: Kind = row(
    "tenant-unusable",
    StatusCode::INTERNAL_SERVER_ERROR,
    "proxy_configuration_error",
    "The client of this caller cannot be used",
);
pub(super) const TENANT_LATE: Kind = Kind { status: UNAVAILABLE, ..TENANT };
pub(super) const TOKEN_REFUSED_ONCE: Kind =
    row("token-refused", UNAVAILABLE, "proxy_internal_response", "The API refused the access token");
pub(super) const TOKEN_REFUSED: Kind = Kind { status: BAD_GATEWAY, ..TOKEN_REFUSED_ONCE };
pub(super) const TIMED_OUT: Kind = row(
    "upstream-timeout",
    StatusCode::GATEWAY_TIMEOUT,
    "http_response_timeout",
    "The API did not answer in time",
);
pub(super) const CLOSED: Kind =
    row("upstream-closed", BAD_GATEWAY, "connection_terminated", "The API closed the connection");
pub(super) const UNREADABLE: Kind =
    row("upstream-unreadable", BAD_GATEWAY, "http_protocol_error", "The answer of the API cannot be read");
pub(super) const HEAD_TOO_LONG: Kind = Kind { error: "http_response_header_section_size", ..UNREADABLE };
pub(super) const TOO_LARGE: Kind = row(
    "too-large",
    StatusCode::PAYLOAD_TOO_LARGE,
    "http_request_error",
    "The body of the request is too long",
);
pub(super) const BROKEN_BODY: Kind =
    row("broken-body", StatusCode::BAD_REQUEST, "http_request_error", "The body of the request is broken");
#[cfg(feature = "server")]
pub(super) const FORM: Kind =
    row("form", StatusCode::BAD_REQUEST, "http_request_error", "The form cannot be taken");
#[cfg(feature = "server")]
pub(super) const PROFILE: Kind =
    row("profile", StatusCode::NOT_FOUND, "http_request_denied", "There is no such profile");
pub(super) const SLOW: Kind =
    row("slow", StatusCode::REQUEST_TIMEOUT, "http_request_error", "The body of the request stopped coming");
pub(super) const LOOP: Kind = row(
    "loop",
    StatusCode::LOOP_DETECTED,
    "proxy_loop_detected",
    "The request went through this gateway before",
);

pub(super) const fn unreachable(fault: UpstreamFault) -> Kind {
    let error = match fault {
        UpstreamFault::Refused => "connection_refused",
        UpstreamFault::ConnectTimeout => "connection_timeout",
        UpstreamFault::Dns => "dns_error",
        UpstreamFault::Tls => "tls_certificate_error",
        UpstreamFault::NoRoute => "destination_ip_unroutable",
        UpstreamFault::NoHttp2 => "http_protocol_error",
        UpstreamFault::Closed => "connection_terminated",
    };
    row("upstream-unreachable", BAD_GATEWAY, error, "The API cannot be reached")
}

pub(super) const fn unreachable_through(fault: ProxyFailure) -> Kind {
    let error = match fault {
        ProxyFailure::Refused | ProxyFailure::ApiRefused => "connection_refused",
        ProxyFailure::Timeout => "connection_timeout",
        ProxyFailure::Dns | ProxyFailure::NameOfApi => "dns_error",
        ProxyFailure::NoRoute | ProxyFailure::ApiUnreachable => "destination_ip_unroutable",
        ProxyFailure::Tls => "tls_certificate_error",
        // It has tried, and got no further.
        ProxyFailure::Answered(status) if status.as_u16() >= 500 => "destination_unavailable",
        ProxyFailure::Answered(_)
        | ProxyFailure::Unauthorized
        | ProxyFailure::NoSocks
        | ProxyFailure::Denied
        | ProxyFailure::KindOfAddress => "proxy_configuration_error",
        ProxyFailure::Closed => "connection_terminated",
        ProxyFailure::Unreadable => "http_protocol_error",
        ProxyFailure::Socks => "destination_unavailable",
    };
    row("upstream-unreachable", BAD_GATEWAY, error, "The API cannot be reached")
}

/// What the rules deny: a request that is no good anywhere is an error; one that is not allowed here is denied.
const fn ruled(name: &'static str, status: StatusCode) -> Kind {
    match status {
        StatusCode::BAD_REQUEST => row(name, status, "http_request_error", "The request cannot be passed on"),
        _ => row(name, status, "http_request_denied", "The request is not allowed here"),
    }
}

pub(super) const fn denied(denied: &Denied) -> Kind {
    let name = match denied {
        Denied::HostNotAllowed => "host-not-allowed",
        _ => denied.as_str(),
    };
    ruled(name, denied.status())
}

pub(super) const fn access(denied: AccessDenied) -> Kind {
    ruled(denied.as_str(), denied.status())
}

pub(super) const fn no_route(reason: NoRoute) -> Kind {
    ruled(reason.as_str(), reason.status())
}
