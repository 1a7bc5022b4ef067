//! Which route a path leads to.

use crate::path::{Path, PathFault};
use http::StatusCode;
use std::fmt;

/// The path of a route: one that ends in a slash is a prefix, for everything below it; any other is exact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoutePath(Box<str>);

/// Why a text is no path of a route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RoutePathError {
    /// Nobody may send it.
    Path(PathFault),
    /// It has a `%`, a `;` or a `?`: routes are written plainly.
    Plain,
}

impl RoutePath {
    /// The path of a route, as it is written in the file.
    ///
    /// # Errors
    /// It does not begin with a slash, is not written plainly, or could be read in more than one way.
    pub fn parse(text: &str) -> Result<Self, RoutePathError> {
        let path = Path::read(text).map_err(RoutePathError::Path)?;
        if let Some(at) = path.odd_slash() {
            return Err(RoutePathError::Path(PathFault::Slash { at }));
        }
        if text.contains(['%', ';', '?', '#']) {
            return Err(RoutePathError::Plain);
        }
        Ok(Self(text.into()))
    }

    /// Whether it is a prefix.
    pub fn is_prefix(&self) -> bool {
        self.0.ends_with('/')
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What of a path that leads here is below it, as it came: each of its own characters may have come percent-encoded.
    #[cfg(feature = "server")]
    pub(crate) fn below_raw<'a>(&self, raw: &'a str) -> &'a str {
        let mut rest = raw;
        for _ in self.0.bytes() {
            let taken = if rest.starts_with('%') { 3 } else { 1 };
            rest = rest.get(taken..).unwrap_or_default();
        }
        rest
    }

    /// Whether a path leads here for those who tell no letter case apart, or leave out a slash at the end.
    fn is_loosely_above(&self, plain: &str) -> bool {
        let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).len();
        let is_alike = |length: usize, other: usize| match (plain.get(..length), self.0.get(..other)) {
            (Some(plain), Some(own)) => plain.eq_ignore_ascii_case(own),
            _ => false,
        };
        let whole = self.0.len();
        is_alike(bare(plain), bare(&self.0)) || (self.is_prefix() && is_alike(whole, whole))
    }

    /// What of a path is below it; `None` if the path does not lead here.
    fn below<'a>(&self, plain: &'a str) -> Option<&'a str> {
        let rest = plain.strip_prefix(&*self.0)?;
        (self.is_prefix() || rest.is_empty()).then_some(rest)
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RoutePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(fault) => fault.fmt(f),
            Self::Plain => f.write_str("the path of a route has no %, ;, ? or #"),
        }
    }
}

impl std::error::Error for RoutePathError {}

/// Routes by their paths. The longest one that a path leads to is taken, whatever the order they were added in.
#[derive(Clone, Debug)]
pub struct Routes<R>(Vec<(RoutePath, R)>);

/// Why a path leads nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NoRoute {
    /// There is no route for it.
    Unknown,
    /// There is one, and the path must not be sent there.
    Fault(PathFault),
}

impl NoRoute {
    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Fault(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The rule, in one lower-case word: for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "route",
            Self::Fault(_) => "path",
        }
    }
}

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no route leads there"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for NoRoute {}

/// What a route says of the slashes that it lets through.
pub trait Slashes {
    /// Whether an encoded slash, and two slashes in a row, may pass: because the route says so, or because it reaches the whole
    /// origin, so that there is nothing to break out of.
    fn may_be_odd(&self) -> bool;
}

impl<R> Routes<R> {
    /// These routes. Two with one path cannot both be.
    ///
    /// # Errors
    /// The path that is there twice.
    pub fn new(mut routes: Vec<(RoutePath, R)>) -> Result<Self, RoutePath> {
        // Longest first; those of one length in one order, so that equal ones are neighbours.
        routes.sort_by(|(one, _), (other, _)| {
            other.0.len().cmp(&one.0.len()).then_with(|| one.0.cmp(&other.0))
        });
        let twice = routes.windows(2).find_map(|pair| match pair {
            [(one, _), (other, _)] if one == other => Some(one.clone()),
            _ => None,
        });
        twice.map_or(Ok(Self(routes)), Err)
    }

    /// Every route with its path, the longest first.
    pub fn iter(&self) -> impl Iterator<Item = (&RoutePath, &R)> {
        self.0.iter().map(|(path, route)| (path, route))
    }

    fn position(&self, plain: &str) -> Option<usize> {
        self.0.iter().position(|(path, _)| path.below(plain).is_some())
    }
}

impl<R: Slashes> Routes<R> {
    /// The route that a path leads to.
    ///
    /// # Errors
    /// There is none; the path has slashes that the route does not let through; or a server that decodes further, cuts segments at
    /// `;`, takes two slashes for one, tells no letter case apart or leaves out a slash at the end would read a path of another route, which
    /// may allow less than this one.
    pub fn find(&self, path: &Path<'_>) -> Result<(&RoutePath, &R), NoRoute> {
        let at = self.position(path.plain()).ok_or(NoRoute::Unknown)?;
        let (found, route) = self.0.get(at).ok_or(NoRoute::Unknown)?;
        if let Some(at) = path.odd_slash().filter(|_| !route.may_be_odd()) {
            return Err(NoRoute::Fault(PathFault::Slash { at }));
        }
        let is_another = |reading: &str| self.position(reading) != Some(at) || self.is_stricter(reading, at);
        let is_ambiguous = if path.has_one_reading() {
            self.is_stricter(path.plain(), at)
        } else {
            path.readings().any(|reading| is_another(&reading))
        };
        if is_ambiguous { Err(NoRoute::Fault(PathFault::Ambiguous)) } else { Ok((found, route)) }
    }

    /// Whether servers that tell no letter case apart, or leave out a slash at the end, would read a path of a longer route than this one,
    /// which is not the very path.
    fn is_stricter(&self, reading: &str, at: usize) -> bool {
        let Some((found, _)) = self.0.get(at) else { return false };
        let mut longer = self.0.iter().take(at).filter(|(path, _)| path.0.len() > found.0.len());
        *found.0 != *reading && longer.any(|(path, _)| path.is_loosely_above(reading))
    }
}

#[cfg(test)]
mod tests;
