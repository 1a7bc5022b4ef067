//! Where the server is, and what it is called.

/// The path of the token endpoint unless it was moved.
pub(crate) const TOKEN_PATH: &str = "/access-token";

pub(crate) struct Site {
    /// Without a slash at the end; known once the server listens.
    pub(crate) origin: String,
    /// The issuer: a path at the origin if it begins with a slash.
    pub(crate) issuer: String,
    token_path: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { origin: String::new(), issuer: String::new(), token_path: TOKEN_PATH.to_owned() }
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
}
