//! What of a request's head is refused before anything is sent, or asked for: what two programs would read differently, what no route
//! allows, and what a page in a browser sent.

use crate::authority;
use crate::page::Page;
use crate::path::{Path, PathFault};
use evergrant_core::Origin;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::{Authority, Uri};
use http::{Method, StatusCode, Version};
use std::fmt;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How many fields a request may have, as for the parser of HTTP/1.1.
const FIELDS: usize = 100;

/// The methods that a route allows unless it says otherwise.
pub const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Which hosts a listener answers to.
///
/// On a TCP port without a key a page of any web site could call us by a name that it made point here (DNS rebinding): there the host
/// must be one that no name server has a say in, or one that is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Hosts {
    /// Any: who may use the listener is known otherwise, by a key or by the peer of a Unix socket.
    Any,
    /// A loopback literal or `localhost`, with this port; or one of these, written `name` or `name:port`.
    #[non_exhaustive]
    Loopback {
        /// The port that it listens on.
        port: u16,
        /// Other hosts, in lower case.
        listed: Vec<Box<str>>,
    },
}

/// Why a request is refused by its head.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Denied {
    /// The method is never passed on.
    Method,
    /// Another method than the route's. These are allowed.
    MethodOfRoute(Vec<Method>),
    /// The target is not in origin-form, nor in absolute-form of an allowed host (RFC 9112 §3.2).
    Target,
    /// There is no Host, there are two, or it is empty, has a user, or is another one than the target's (RFC 9112 §3.2).
    Host,
    /// The host is none that this listener answers to.
    HostNotAllowed,
    /// This field names a transfer coding other than `chunked`, or does not exist in HTTP/2 (RFC 9112 §6.1, RFC 9113 §8.2.2).
    Framing(HeaderName),
    /// The path.
    Path(PathFault),
    /// A page in a browser sent it, of an origin that the route does not list. This field says so.
    Browser(HeaderName),
    /// There is an Authorization, which is not a key of this gateway.
    Authorization,
    /// The listener wants a field that is not there.
    RequiredField(HeaderName),
    /// The route lists other callers.
    Caller,
    /// There are more than 100 fields, which a parser of HTTP/1.1 refuses by itself.
    TooManyFields,
    /// The route is for tenants, and its caller is none.
    Tenant,
}

impl Denied {
    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Method | Self::MethodOfRoute(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Target | Self::Host | Self::Framing(_) | Self::Path(_) | Self::Authorization => {
                StatusCode::BAD_REQUEST
            }
            Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HostNotAllowed
            | Self::Browser(_)
            | Self::RequiredField(_)
            | Self::Caller
            | Self::Tenant => StatusCode::FORBIDDEN,
        }
    }

    /// The rule, in one lower-case word: for logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Method | Self::MethodOfRoute(_) => "method",
            Self::Target => "target",
            Self::Host => "host",
            Self::HostNotAllowed => "host_not_allowed",
            Self::Framing(_) => "framing",
            Self::RequiredField(_) => "required_field",
            Self::Caller => "caller",
            Self::TooManyFields => "fields",
            Self::Tenant => "tenant",
            Self::Path(_) => "path",
            Self::Browser(_) => "browser",
            Self::Authorization => "authorization",
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("CONNECT, TRACE and TRACK are never passed on"),
            Self::MethodOfRoute(_) => f.write_str("the route does not list this method in methods"),
            Self::Target => f.write_str("the request target must be a path, or a URL of a host that is allowed here"),
            Self::Host => f.write_str(
                "there must be one Host field with a host and no user, and it must be that of the request target if that has one",
            ),
            Self::HostNotAllowed => f.write_str(
                "Host names neither a loopback address with the port of this listener, nor a host that is listed in hosts",
            ),
            Self::Framing(field) if *field == TRANSFER_ENCODING => {
                f.write_str("transfer-encoding may only be chunked, once, and over HTTP/2 it must not be there")
            }
            Self::Framing(field) => write!(f, "over HTTP/2 there must be no {field}"),
            Self::Path(fault) => fault.fmt(f),
            Self::RequiredField(field) => {
                write!(f, "this listener wants the field {field}, as its require_header says")
            }
            Self::Caller => f.write_str("the route does not list this caller in callers"),
            Self::TooManyFields => write!(f, "there are more than {FIELDS} fields"),
            Self::Tenant => f.write_str("the route is for tenants, each with a client of its own, and there is no client of this caller's name"),
            Self::Browser(field) => write!(
                f,
                "{field} says that a page in a browser sent this, and the route does not list its origin in origins"
            ),
            Self::Authorization => f.write_str(
                "Authorization is not a key of this gateway, which puts its own there; leave it out, or let the route drop it with authorization = \"drop\"",
            ),
        }
    }
}

impl std::error::Error for Denied {}

/// The head of a request that may be looked at: its path, which everybody reads alike, and its query, byte for byte.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Head<'a> {
    /// The host that it names, with the port if it names one.
    pub host: &'a str,
    /// The path.
    pub path: Path<'a>,
    /// What follows the question mark, if there is one.
    pub query: Option<&'a str>,
}

/// Reads the head of a request, before its route is known.
///
/// # Errors
/// Nobody may send it, on any route.
pub fn head<'a>(parts: &'a Parts, hosts: &Hosts) -> Result<Head<'a>, Denied> {
    let host = framed(parts, hosts)?;
    let path = path(&parts.uri)?;
    Ok(Head { host, path: Path::read(path).map_err(Denied::Path)?, query: parts.uri.query() })
}

/// The same without the path: the host.
pub(crate) fn framed<'a>(parts: &'a Parts, hosts: &Hosts) -> Result<&'a str, Denied> {
    if [Method::CONNECT, Method::TRACE].contains(&parts.method) || parts.method.as_str() == "TRACK" {
        return Err(Denied::Method);
    }
    if parts.headers.len() > FIELDS {
        return Err(Denied::TooManyFields);
    }
    framing(parts)?;
    let host = host(parts)?;
    if hosts.allow(host) { Ok(host) } else { Err(Denied::HostNotAllowed) }
}

/// Whether the route allows this method, and the page that sent the request, if one did. `origins` are the pages that the route lists.
///
/// # Errors
/// It does not.
pub fn allowed(parts: &Parts, methods: &[Method], origins: &[Origin]) -> Result<(), Denied> {
    if !methods.contains(&parts.method) {
        return Err(Denied::MethodOfRoute(methods.to_vec()));
    }
    from_a_page(&parts.headers, host(parts).ok(), origins)
}

/// A browser names the page that sent a request, on requests that change something and on those to another origin; newer ones say of
/// every request where it comes from. Whoever is no browser says neither. `host` is the one that the request names.
///
/// # Errors
/// A page sent it whose origin is not among these.
fn from_a_page(fields: &HeaderMap, host: Option<&str>, origins: &[Origin]) -> Result<(), Denied> {
    if fields.contains_key(ORIGIN) {
        // A page of a listed origin names itself, also on a GET.
        return Page::listed(fields, origins, false).map(drop).ok_or(Denied::Browser(ORIGIN));
    }
    // A page that came by this name does not name itself on a GET: then it is of that origin, whichever scheme a front has.
    let is_listed = || {
        let page = |scheme| authority::origin(scheme, host?);
        ["http", "https"].into_iter().filter_map(page).any(|page| origins.contains(&page))
    };
    let may = |site: &HeaderValue| match site.as_bytes() {
        // A person who typed the address, or a program.
        b"none" => true,
        b"same-origin" => is_listed(),
        _ => false,
    };
    fields.get_all(&SEC_FETCH_SITE).iter().all(may).then_some(()).ok_or(Denied::Browser(SEC_FETCH_SITE))
}

/// A body is framed anew for the API, from what the parser made of it. What it might have made less of than others do is refused.
fn framing(parts: &Parts) -> Result<(), Denied> {
    let mut codings = parts.headers.get_all(TRANSFER_ENCODING).into_iter();
    let first = codings.next();
    if parts.version >= Version::HTTP_2 {
        let foreign = [TRANSFER_ENCODING, CONNECTION, UPGRADE, HeaderName::from_static("keep-alive")];
        let found = foreign.into_iter().find(|name| parts.headers.contains_key(name));
        return found.map_or(Ok(()), |name| Err(Denied::Framing(name)));
    }
    let is_chunked = first.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if is_chunked && codings.next().is_none() { Ok(()) } else { Err(Denied::Framing(TRANSFER_ENCODING)) }
}

/// The protocol that a request wants to be upgraded to (RFC 9110 §7.8), where it is one of these and the only one that it names. It is
/// there in HTTP/1.1 alone.
pub fn upgrade(parts: &Parts, allowed: &[Box<str>]) -> Option<HeaderValue> {
    if allowed.is_empty() || parts.version != Version::HTTP_11 || parts.method != Method::GET {
        return None;
    }
    let connection = parts.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut named = connection.flat_map(|value| value.split(',')).map(str::trim);
    let mut protocols = parts.headers.get_all(UPGRADE).iter();
    let (Some(protocol), None) = (protocols.next(), protocols.next()) else { return None };
    let is_allowed = |text: &str| allowed.iter().any(|known| known.eq_ignore_ascii_case(text));
    let is_asked = named.any(|name| name.eq_ignore_ascii_case("upgrade"));
    (is_asked && protocol.to_str().is_ok_and(is_allowed)).then(|| protocol.clone())
}

/// The one host that the request names.
fn host(parts: &Parts) -> Result<&str, Denied> {
    let mut named = parts.headers.get_all(HOST).into_iter();
    let field = match (named.next(), named.next()) {
        (Some(host), None) => Some(host.to_str().ok().filter(|host| is_host(host)).ok_or(Denied::Host)?),
        (Some(_), Some(_)) => return Err(Denied::Host),
        (None, _) => None,
    };
    let target = parts.uri.authority();
    if target.is_some_and(|target| authority::split(target.as_str()).is_none()) {
        return Err(Denied::Host);
    }
    match (field, target) {
        // Over HTTP/2 the target has it, and the field may be left out (RFC 9113 §8.3.1).
        (None, Some(target)) if parts.version >= Version::HTTP_2 => Ok(target.as_str()),
        (Some(host), None) => Ok(host),
        (Some(host), Some(target)) if target == host => Ok(host),
        _ => Err(Denied::Host),
    }
}

/// Whether everybody reads a host here, and a port if there is one. What is no name or number is read by the book, which copies it.
fn is_host(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    authority::split(text).is_some() && (text.bytes().all(is_plain) || text.parse::<Authority>().is_ok())
}

/// The path of a target in origin-form, or in absolute-form with a scheme of the web.
fn path(uri: &Uri) -> Result<&str, Denied> {
    let is_web = uri.scheme_str().is_none_or(|scheme| ["http", "https"].contains(&scheme));
    match uri.path_and_query() {
        Some(target) if is_web && target.as_str() != "*" => Ok(target.path()),
        _ => Err(Denied::Target),
    }
}

impl Hosts {
    /// Those of a listener on loopback, on this port, and these.
    pub fn loopback<'a>(port: u16, listed: impl IntoIterator<Item = &'a str>) -> Self {
        let listed = listed.into_iter().map(|host| host.to_ascii_lowercase().into()).collect();
        Self::Loopback { port, listed }
    }

    fn allow(&self, host: &str) -> bool {
        let Self::Loopback { port, listed } = self else { return true };
        if listed.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            return true;
        }
        let Some((name, named)) = authority::split(host) else { return false };
        let address = authority::without_brackets(name).parse::<std::net::IpAddr>();
        let is_loopback =
            name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback());
        is_loopback && named.map_or([80, 443].contains(port), |named| named == *port)
    }
}

#[cfg(test)]
mod tests;
