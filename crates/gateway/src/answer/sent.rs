//! What the API saw of a request, which decides whether it may be sent again.

/// Whether the API saw the request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Sent {
    /// No byte of it: sending it again is safe, whatever the method.
    No,
    /// The API refused its access token and did not act on it (RFC 9110 §15.5.2): sending it again is safe, whatever the method.
    Refused,
    /// It may have acted on it.
    Perhaps,
}

impl Sent {
    /// `no`, `refused` or `perhaps`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Refused => "refused",
            Self::Perhaps => "perhaps",
        }
    }

    pub(super) const fn state(self) -> &'static str {
        match self {
            Self::No => "this request was not sent",
            Self::Refused => "the API refused this request",
            Self::Perhaps => "the API may have acted on this request",
        }
    }

    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::No => "this request was not sent; send it again",
            Self::Refused => "the API had refused this request; send it again",
            Self::Perhaps => {
                "the API may have acted on this request; send it again only if that does no harm"
            }
        }
    }
}
