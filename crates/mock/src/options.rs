//! How the ordinary answers look: the token, what is said of its life, the errors, the challenge.

/// What kind of access token the server issues: [`Builder::style`](crate::Builder::style).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TokenStyle {
    /// A JWT (RFC 7519) signed with HS256 and a key of this server's own; a new one for each request.
    Jwt(JwtTimes),
    /// A string in which a client cannot read anything; a new one for each request.
    Opaque,
    /// The same token for the same client and scope until its life is over or it is revoked, and `expires_in`
    /// tells what is left of it, in whole seconds, rounded down. A JWT with [`JwtTimes::Float`].
    Sticky,
}

impl Default for TokenStyle {
    /// A JWT with times as [`JwtTimes::Float`], which is what league/oauth2-server and so MyParcel.com issue.
    fn default() -> Self {
        Self::Jwt(JwtTimes::Float)
    }
}

/// How `iat`, `nbf` and `exp` of a JWT are written (RFC 7519 §2, NumericDate).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum JwtTimes {
    /// Seconds with six decimals: `1764000000.123456`.
    Float,
    /// Whole seconds, rounded down: `1764000000`. When the life of tokens is no whole number of seconds, `exp` is
    /// written as with [`JwtTimes::Float`]: a whole number could not tell it.
    Integer,
    /// As [`JwtTimes::Integer`], within quotation marks: `"1764000000"`.
    Text,
    /// None of the three claims is there.
    Absent,
}

/// What a token response says as `expires_in` (RFC 6749 §5.1): [`Builder::expires_in`](crate::Builder::expires_in).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum ExpiresIn {
    /// The true life, in whole seconds, rounded up (of a token given out again: what is left, rounded down).
    #[default]
    Lifetime,
    /// The member is absent.
    Omitted,
    /// A JSON literal, written as it stands: `"3600"` within quotation marks, `3600.5`, `-1`, `null`. A literal
    /// that is no JSON makes a response that is no JSON.
    Raw(String),
}

impl ExpiresIn {
    /// A JSON literal, written as it stands.
    ///
    /// ```
    /// use evergrant_mock::{ExpiresIn, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().expires_in(ExpiresIn::raw("-1")).start()?;
    /// let answer = ask_for_token(&server)?.body_mut().read_to_string()?;
    /// assert!(answer.contains(r#""expires_in":-1"#));
    /// # Ok(()) }
    /// ```
    pub fn raw(literal: impl Into<String>) -> Self {
        Self::Raw(literal.into())
    }
}

/// How the token endpoint words a refusal: [`Builder::errors`](crate::Builder::errors).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum ErrorStyle {
    /// `{"error":"invalid_client","error_description":..}` at 400 or 401 (RFC 6749 §5.2).
    #[default]
    Rfc6749,
    /// JSON:API, as MyParcel.com answers: `{"errors":[{"status":"403","code":"14000","title":..,"detail":..}]}`.
    /// 14000 is a wrong client and 14001 a wrong scope, both at 403; 14050 is everything else.
    MyParcel,
}

/// What the resource API answers to a token it does not accept: [`Builder::challenge`](crate::Builder::challenge).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Challenge {
    /// 401 with `WWW-Authenticate: Bearer .., error="invalid_token"` (RFC 6750 §3).
    #[default]
    Bearer,
    /// 401 and no challenge at all.
    None,
    /// 401, no challenge, and a JSON:API body with code 14002 (14003 when no token was sent).
    MyParcel,
    /// **Every** request that carries a token is answered so, however good the token: 401, no challenge, and a
    /// JSON:API body with code 13003, as MyParcel.com answers when a carrier refuses a secret. A client that
    /// takes this for a refused token asks for tokens without end.
    Foreign,
    /// **Every** request that carries a token is answered so, however good the token: 401 with
    /// `WWW-Authenticate: Basic realm="upstream"`, a challenge for another scheme.
    ForeignScheme,
    /// What a test wants. `Date` and `Content-Length` are added unless they are among the headers.
    Raw {
        /// The status code.
        status: u16,
        /// The header fields, name and value.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
}
