//! What was wrong with an authorization server's metadata.

use super::advice::{TOO_OFTEN, TROUBLE};
use super::{ConfigError, Excerpt, Malformed, TransportError, TransportErrorKind};
use thiserror::Error;

/// Why the metadata of an authorization server (RFC 8414) cannot be used.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum MetadataFault {
    /// No complete response arrived.
    #[error("{0}")]
    Transport(TransportError),
    /// The status says that there is none, or that the server is in trouble.
    #[error("the server answered without it")]
    Status,
    /// The server answered with a redirect, which is not followed.
    #[error("the server redirects{}{}", if target.is_some() { " to " } else { "" }, target.as_ref().map_or("", Excerpt::as_str))]
    Redirect {
        /// Where it points to, if the answer said so.
        target: Option<Excerpt>,
    },
    /// More than 64 KiB.
    #[error("it is longer than 64 KiB")]
    TooLong,
    /// It cannot be read.
    #[error("{0}")]
    Malformed(Malformed),
    /// RFC 8414 §3.3: it is that of another issuer.
    #[error(
        "its issuer is {}, and this client is configured for {configured}",
        found.as_ref().map_or("missing", Excerpt::as_str)
    )]
    Issuer {
        /// The issuer of the configuration.
        configured: Excerpt,
        /// The issuer that it names.
        found: Option<Excerpt>,
    },
    /// It names no token endpoint.
    #[error("it names no token endpoint")]
    NoTokenEndpoint,
    /// It names a token endpoint that credentials may not be sent to.
    #[error("it names a token endpoint that cannot be used: {0}")]
    TokenEndpoint(ConfigError),
}

impl MetadataFault {
    /// What to do about it, with this status.
    pub(super) fn advice(&self, status: Option<u16>) -> &'static str {
        match (self, status) {
            (Self::Transport(error), _) => error.advice().unwrap_or(match error.kind() {
                TransportErrorKind::Resolve => "check the host of the issuer, and this machine's DNS",
                TransportErrorKind::Proxy => {
                    "check the proxy's address, its user and password, and whether it lets the issuer through"
                }
                _ => "check that the issuer is reachable from this machine",
            }),
            (Self::Status, Some(429)) => TOO_OFTEN,
            (Self::Status, Some(408 | 425 | 500..=599)) => TROUBLE,
            (Self::Status | Self::Malformed(_) | Self::TooLong, _) => {
                "check the issuer; where the metadata is elsewhere, use the other form of its address (OpenID Connect's or RFC \
                 8414's) or name that address, or set the token endpoint itself"
            }
            (Self::Redirect { .. }, _) => {
                "configure the issuer, or the address of the metadata, as it really is; redirects are not followed"
            }
            (Self::Issuer { found: Some(found), .. }, _) if found.as_str().contains('{') => {
                "configure the issuer of your tenant: what the server writes in braces stands for its name or its id"
            }
            (Self::Issuer { found: None, .. }, _) => {
                "set the token endpoint itself, and the issuer beside it: this server's metadata names none"
            }
            (Self::Issuer { .. }, _) => {
                "configure the issuer exactly as the server writes it, if that is the server you mean: a slash at the end and \
                 the name of a tenant count"
            }
            (Self::NoTokenEndpoint | Self::TokenEndpoint(_), _) => {
                "tell the server's operator, or set the token endpoint yourself"
            }
        }
    }
}
