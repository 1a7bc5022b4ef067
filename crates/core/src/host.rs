//! Hosts that every reader of URLs reads alike.
//!
//! RFC 3986 and the URL standard of the web disagree about hosts such as `127.1`, `0x7f.1` or `%6cocalhost`: what is
//! checked under one reading could be connected to under the other. Such a host is refused.

use alloc::string::String;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// RFC 1035 §2.3.4, less the final dot and the length octet.
const MAX_NAME: usize = 253;
/// RFC 1035 §2.3.4.
const MAX_LABEL: usize = 63;

/// A host in its one canonical form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Host {
    /// Lower case, without a final dot.
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    /// A DNS name, a dotted quad, or an IPv6 address, in brackets or not; `None` for what readers disagree about.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        if text.contains(':') {
            return text.parse().ok().map(Self::V6);
        }
        if let Ok(address) = text.parse() {
            return Some(Self::V4(address));
        }
        is_name(text).then(|| Self::Name(text.to_ascii_lowercase()))
    }

    /// 127.0.0.0/8 and ::1. An IPv4 address mapped into IPv6 is none: not every system treats it as one.
    pub(crate) const fn is_loopback(&self) -> bool {
        match self {
            Self::Name(_) => false,
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }

    /// `localhost` and the names below it (RFC 6761 §6.3).
    pub(crate) fn is_localhost(&self) -> bool {
        matches!(self, Self::Name(name) if name == "localhost" || name.ends_with(".localhost"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

fn is_name(text: &str) -> bool {
    let fits = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= MAX_NAME && text.split('.').all(fits) && !text.rsplit('.').next().is_some_and(is_number)
}

/// The web's readers take a host whose last label is a number, decimal or hexadecimal, for an IPv4 address.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
