//! What is asked, by the path.

use crate::issued::Endpoint;

/// What is asked, and of which profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Asked<'a> {
    pub(super) endpoint: Endpoint,
    /// `None`: the only one.
    pub(super) profile: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Reads a path. Names have only bytes that nobody encodes, so that none is decoded. What stands behind the name in a path of
    /// `/authorize` is that of the request which a front asks about.
    pub(super) fn read(path: &'a str) -> Option<Self> {
        let (endpoint, rest) = Endpoint::ALL.into_iter().find_map(|endpoint| {
            let rest = path.strip_prefix('/')?.strip_prefix(endpoint.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((endpoint, rest))
        })?;
        let profile = match (endpoint, rest.strip_prefix('/')) {
            (Endpoint::Token, None) => None,
            (_, None) => return None,
            (Endpoint::Authorize, Some(rest)) => rest.split('/').next(),
            (_, Some(name)) => Some(name),
        };
        Some(Self { endpoint, profile })
    }
}

#[cfg(test)]
mod tests;
