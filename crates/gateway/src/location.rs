//! Links of an answer that lead back to the API: whoever follows them as they stand arrives there without a token.

use crate::authority;
use evergrant_core::Origin;
use http::header::{CONTENT_LOCATION, HeaderMap, HeaderValue, LINK, LOCATION};

/// Gives the links of an answer in `Location`, `Content-Location` (RFC 9110 §10.2.2, §8.7) and `Link` (RFC 8288) the base that the
/// caller used, if they lead below the route's own upstream: its path alone, which is right whatever scheme and host the caller knows us by.
/// Others stay as they are, byte for byte.
///
/// `upstream` is the URL that the route puts paths after, and `base` the one that the caller knows it by; both end in a slash.
/// ```
/// use evergrant_gateway::relocate;
/// use http::header::{HeaderMap, HeaderValue, LOCATION};
///
/// let mut fields = HeaderMap::new();
/// fields.insert(LOCATION, HeaderValue::from_static("https://api.example.com/v1/orders/7"));
/// relocate(&mut fields, "https://api.example.com/v1/", "http://localhost:8484/api/");
/// assert_eq!(fields[LOCATION], "/api/orders/7");
/// ```
pub fn relocate(fields: &mut HeaderMap, upstream: &str, base: &str) {
    let Some(mapping) = Mapping::new(upstream, base) else { return };
    for (name, value) in fields.iter_mut() {
        let Ok(text) = value.to_str() else { continue };
        let moved = match *name {
            LOCATION | CONTENT_LOCATION => mapping.reference(text),
            LINK => Some(mapping.links(text)),
            _ => None,
        };
        if let Some(moved) = moved.and_then(|moved| HeaderValue::try_from(moved).ok()) {
            *value = moved;
        }
    }
}

/// A URL that ends in a slash, below which others are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Base {
    scheme: Box<str>,
    origin: Origin,
    /// Begins and ends with a slash.
    path: Box<str>,
}

impl Base {
    /// The URL of an origin and a path that ends in a slash; `None` if this is something else.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, authority, path) = absolute(url)?;
        let origin = authority::origin(scheme, authority)?;
        path.ends_with('/').then(|| Self { scheme: scheme.into(), origin, path: path.into() })
    }

    /// What of an absolute URL is below it, its query and fragment too. It may write the origin otherwise, with capitals or its port.
    pub(crate) fn below<'b>(&self, url: &'b str) -> Option<&'b str> {
        let (scheme, authority, path) = absolute(url)?;
        self.below_origin(scheme, authority, path)
    }

    fn below_origin<'b>(&self, scheme: &str, authority: &str, path: &'b str) -> Option<&'b str> {
        if authority::origin(scheme, authority)? != self.origin {
            return None;
        }
        // Without a path it is that of the root (RFC 9110 §4.2.3).
        if path.starts_with('/') { self.below_path(path) } else { (*self.path == *"/").then_some(path) }
    }

    /// What of a path is below its own.
    fn below_path<'b>(&self, path: &'b str) -> Option<&'b str> {
        path.strip_prefix(&*self.path).filter(|below| !climbs_out(below))
    }
}

/// From below one URL to below another.
struct Mapping<'a> {
    from: Base,
    /// The path of `base`, which begins and ends with a slash.
    to: &'a str,
    base: &'a str,
}

impl<'a> Mapping<'a> {
    fn new(upstream: &str, base: &'a str) -> Option<Self> {
        let (_, _, to) = absolute(base)?;
        let from = Base::parse(upstream)?;
        to.ends_with('/').then_some(Self { from, to, base })
    }

    /// Where a URI reference (RFC 3986 §4.1) leads instead; `None` if it stays.
    fn reference(&self, text: &str) -> Option<String> {
        let below = match text.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(authority_end(rest));
                self.from.below_origin(&self.from.scheme, authority, path)?
            }
            None if text.starts_with('/') => return self.path(text),
            // What is relative to the request leads to the same place below either.
            None => self.from.below(text)?,
        };
        Some(self.below_base(below))
    }

    fn path(&self, text: &str) -> Option<String> {
        let below = self.from.below_path(text)?;
        (*self.from.path != *self.to).then(|| self.below_base(below))
    }

    /// A path alone: right whatever host and scheme the caller knows us by, also behind something that ends TLS.
    fn below_base(&self, below: &str) -> String {
        // Behind the slash of a root these make a reference to another host, of the URLs that browsers read at least: they take `\` for
        // `/`, and leave tabs out.
        let base = if below.starts_with(['/', '\\', '\t']) { self.base } else { self.to };
        format!("{base}{below}")
    }

    /// A Link field (RFC 8288 §3): the targets, each in angle brackets at the start of its element.
    fn links(&self, text: &str) -> String {
        let (mut links, mut rest) = (String::with_capacity(text.len()), text);
        loop {
            let element = rest.trim_start_matches([' ', '\t', ',']);
            let target = element.strip_prefix('<').and_then(|element| element.split_once('>'));
            let Some((target, after)) = target else { break };
            links.push_str(rest.strip_suffix(element).unwrap_or_default());
            links.push('<');
            links.push_str(self.reference(target).as_deref().unwrap_or(target));
            links.push('>');
            let (parameters, next) = after.split_at(element_end(after));
            links.push_str(parameters);
            rest = next;
        }
        // The end, or what is no link.
        links.push_str(rest);
        links
    }
}

/// Scheme, authority, and what comes after it.
fn absolute(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(authority_end(rest));
    Some((scheme, authority, path))
}

fn authority_end(rest: &str) -> usize {
    rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

/// Whether a path that is relative to a folder leads out of it once its dots are resolved.
fn climbs_out(below: &str) -> bool {
    let path = below.split(['?', '#']).next().unwrap_or_default();
    let mut depth = 0_usize;
    for segment in path.split('/') {
        match segment.replace("%2e", ".").replace("%2E", ".").as_str() {
            "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// Where an element of a list ends: at the next comma outside of quotation marks.
fn element_end(text: &str) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
