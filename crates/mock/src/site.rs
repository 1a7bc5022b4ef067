//! Where the server is, what it is called, and which path is which endpoint.

use crate::fault::Endpoint;
use crate::http::path_of;

/// The path of the token endpoint unless it was moved.
pub(crate) const TOKEN_PATH: &str = "/access-token";
/// OpenID Connect Discovery §4: behind the path of the issuer.
const OPENID: &str = "/.well-known/openid-configuration";
/// RFC 8414 §3: before the path of the issuer.
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// How the paths begin that are for clients with a certificate.
const MTLS: &str = "/mtls";

pub(crate) struct Site {
    /// Without a slash at the end; known once the server listens.
    pub(crate) origin: String,
    /// The issuer: a path at the origin if it begins with a slash.
    pub(crate) issuer: String,
    token_path: String,
    /// Where the token endpoint was before.
    left: Vec<String>,
    /// Whether clients are asked for a certificate.
    pub(crate) asks_for_certificates: bool,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            origin: String::new(),
            issuer: String::new(),
            token_path: TOKEN_PATH.to_owned(),
            left: Vec::new(),
            asks_for_certificates: false,
        }
    }

    pub(crate) fn issuer(&self) -> String {
        if self.issuer.is_empty() || self.issuer.starts_with('/') {
            format!("{}{}", self.origin, self.issuer)
        } else {
            self.issuer.clone()
        }
    }

    pub(crate) fn token_endpoint(&self) -> String {
        format!("{}{}", self.origin, self.token_path)
    }

    /// The other URL of the token endpoint, for clients with a certificate (RFC 8705 §5).
    pub(crate) fn mtls_token_endpoint(&self) -> Option<String> {
        self.asks_for_certificates.then(|| format!("{}{MTLS}{}", self.origin, self.token_path))
    }

    /// The path of an endpoint, of which an alias begins otherwise.
    fn without_alias<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(MTLS).filter(|_| self.asks_for_certificates).unwrap_or(path)
    }

    /// Puts the token endpoint at another path.
    pub(crate) fn move_token_endpoint(&mut self, path: &str) {
        let left = std::mem::replace(&mut self.token_path, path.to_owned());
        self.left.push(left);
        self.left.retain(|left| left != path);
    }

    /// Which endpoint a path is. A token endpoint that was moved is one still, where nothing is found.
    pub(crate) fn endpoint(&self, path: &str) -> Endpoint {
        let path = self.without_alias(path);
        if path == self.token_path || self.left.iter().any(|left| left == path) {
            Endpoint::Token
        } else if path.ends_with(OPENID) || path.starts_with(OAUTH) {
            Endpoint::Metadata
        } else {
            Endpoint::Resource
        }
    }

    /// Whether the token endpoint is at this path, and not only was.
    pub(crate) fn has_token_endpoint(&self, path: &str) -> bool {
        self.without_alias(path) == self.token_path
    }

    /// Whether metadata is at this path, in one of the two forms. A slash at the end of the issuer is left out there.
    pub(crate) fn has_metadata(&self, path: &str) -> bool {
        let issuer = self.issuer();
        let of_issuer = path_of(&issuer).trim_end_matches('/');
        path.strip_suffix(OPENID) == Some(of_issuer) || path.strip_prefix(OAUTH) == Some(of_issuer)
    }
}

#[cfg(test)]
mod tests;
