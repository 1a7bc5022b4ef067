//! Host and port as every reader takes them: the crate `http` lets `[::1]x`, `a:b` and `a:99999` pass, the last two without a port.

use evergrant_core::Origin;

/// The host, in brackets if it is an IPv6 address, and the port if there is one (RFC 3986 §3.2); `None` for what readers disagree
/// about, and for a user.
pub(crate) fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let bracket = if authority.starts_with('[') { authority.find(']')? + 1 } else { 0 };
    let after = authority.get(bracket..)?;
    let colon = bracket + after.find(':').unwrap_or(after.len());
    let (host, port) = authority.split_at_checked(colon)?;
    let is_host = !host.is_empty() && !host.contains('@') && (bracket == 0 || bracket == colon);
    let digits = port.strip_prefix(':').unwrap_or_default();
    let has_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    // An empty port is the scheme's own, as if it were not there.
    let port = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
    (is_host && has_digits).then_some((host, port))
}

/// The host as a reader of addresses and names takes it: an IPv6 address without its brackets.
pub(crate) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The origin of a URL with this scheme and authority.
pub(crate) fn origin(scheme: &str, authority: &str) -> Option<Origin> {
    let (host, port) = split(authority)?;
    Origin::from_parts(scheme, host, port)
}

#[cfg(test)]
mod tests;
