//! No complete response.

use super::Excerpt;
use core::fmt;
use thiserror::Error;

/// No complete response arrived: the connection to the server failed, or the server did.
///
/// Errors say nothing of a retry: whether there is one is the caller's affair.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    detail: Option<Excerpt>,
    /// The words of the detail are this library's own.
    is_ours: bool,
    /// The connection had this client's certificate to show.
    showed_certificate: bool,
}

/// What failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host's name could not be resolved.
    #[error("the host name cannot be resolved")]
    Resolve,
    /// No connection.
    #[error("no connection could be made")]
    Connect,
    /// TLS failed.
    #[error("the TLS handshake failed")]
    Tls,
    /// The proxy on the way could not be reached, or refused the tunnel.
    #[error("the proxy did not open a connection")]
    Proxy,
    /// `attempt_timeout` has passed.
    #[error("timed out before the full response arrived")]
    Timeout,
    /// The connection was closed or reset.
    #[error("the connection was closed before the full response arrived")]
    Closed,
    /// What came was not HTTP.
    #[error("the response is not valid HTTP")]
    Protocol,
    /// There is no runtime to spawn the request on.
    #[error("there is no async runtime to run the request on")]
    NoRuntime,
    /// The system could not start a thread for the request.
    #[error("the system could not start a thread for the request")]
    NoThread,
    /// This process, or this machine, has as many files open as it may, and a connection is one more.
    #[error("the system could not open a file for the request")]
    NoFile,
    /// Anything else.
    #[error("the request could not be sent")]
    Other,
}

impl TransportErrorKind {
    /// Whether another process may fare better at the same server: by another proxy, with other roots or another clock, or with room
    /// for one more connection.
    pub(crate) const fn is_of_this_process(self) -> bool {
        matches!(self, Self::Tls | Self::Proxy | Self::NoRuntime | Self::NoThread | Self::NoFile)
    }

    /// What to do about what lies in this machine alone.
    const fn advice_of_this_machine(self) -> Option<&'static str> {
        Some(match self {
            Self::NoRuntime => "ask for a token from inside a running async runtime",
            Self::NoThread => "raise this process's limit of threads, or lower its load",
            Self::NoFile => {
                "raise this process's limit of open files (ulimit -n; LimitNOFILE of systemd), or close files that it \
                 no longer needs"
            }
            _ => return None,
        })
    }
}

impl TransportError {
    /// An error of this kind, with what the HTTP library said about it. `secrets` are masked in the detail; words of the
    /// caller's own belong into [`ours`](Self::ours).
    pub fn new(kind: TransportErrorKind, detail: &str, secrets: &[&str]) -> Self {
        Self { kind, detail: Excerpt::new(detail, secrets), is_ours: false, showed_certificate: false }
    }

    /// An error of this kind, with words of the caller's own in which nothing is quoted: no secret is masked in them,
    /// since a short one could be read from what is missing.
    pub fn ours(kind: TransportErrorKind, detail: &str) -> Self {
        Self { kind, detail: Excerpt::new(detail, &[]), is_ours: true, showed_certificate: false }
    }

    /// The same with these secrets masked in what an HTTP library said.
    pub(crate) fn masking(mut self, secrets: &[&str]) -> Self {
        if !self.is_ours {
            self.detail = self.detail.map(|detail| detail.masking(secrets));
        }
        self
    }

    /// The same of a connection that had this client's certificate to show.
    pub(crate) fn beside_certificate(self, shows: bool) -> Self {
        Self { showed_certificate: shows, ..self }
    }

    /// What to do about what is the same wherever the connection leads: what lies in this machine alone, and where the server may have refused the
    /// certificate (in TLS 1.3 it reads that after the client's handshake is over, and then sends an alert or closes).
    pub(super) const fn advice(&self) -> Option<&'static str> {
        match self.kind {
            TransportErrorKind::Tls if self.showed_certificate => Some(
                "if the server sent the alert, check with its operator which certificate it expects of this client; otherwise \
                 check the server's certificate, this machine's trusted roots and its clock",
            ),
            TransportErrorKind::Closed if self.showed_certificate => Some(
                "check with the server's operator which certificate it expects of this client: many servers refuse another by \
                 closing the connection without a word",
            ),
            TransportErrorKind::Tls => {
                Some("check the server's certificate, this machine's trusted roots and its clock")
            }
            kind => kind.advice_of_this_machine(),
        }
    }

    /// What failed.
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// What the HTTP library said.
    pub const fn detail(&self) -> Option<&Excerpt> {
        self.detail.as_ref()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl core::error::Error for TransportError {}
