//! An assertion as a request had it, read for a test.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The client assertion of a request, read: [`Recorded::assertion`](crate::Recorded::assertion). It may be one that was
/// refused, or has a wrong signature. Its `Debug` shows the names of its members alone.
///
/// ```
/// use evergrant_mock::{Issuer, Server};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::ask_by_assertion;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Issuer::new("orders")?;
/// let server = Server::builder().registers(client.registration()).start()?;
/// ask_by_assertion(&server, &client.client_assertion(&server.issuer()).signed()?)?;
///
/// // What your program sent:
/// let assertion = server.requests()[0].assertion().ok_or("none was sent")?;
/// assert_eq!((assertion.alg(), assertion.typ()), (Some("ES256"), Some("client-authentication+jwt")));
/// assert_eq!((assertion.iss(), assertion.sub()), (Some("orders"), Some("orders")));
/// assert_eq!(assertion.aud(), Some(server.issuer().as_str()));
/// assert!(assertion.jti().is_some() && assertion.exp() > assertion.iat());
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedAssertion {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl RecordedAssertion {
    pub(crate) fn read(jwt: &str) -> Option<Self> {
        let mut parts = jwt.split('.').map(|part| {
            let json = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice(&json).ok()
        });
        Some(Self { header: parts.next()??, claims: parts.next()?? })
    }

    /// `alg` of the header.
    pub fn alg(&self) -> Option<&str> {
        text(&self.header, "alg")
    }

    /// `kid` of the header.
    pub fn kid(&self) -> Option<&str> {
        text(&self.header, "kid")
    }

    /// `typ` of the header.
    pub fn typ(&self) -> Option<&str> {
        text(&self.header, "typ")
    }

    /// `iss`.
    pub fn iss(&self) -> Option<&str> {
        text(&self.claims, "iss")
    }

    /// `sub`.
    pub fn sub(&self) -> Option<&str> {
        text(&self.claims, "sub")
    }

    /// `aud`, when it is one string. An array is in [`claim`](Self::claim).
    pub fn aud(&self) -> Option<&str> {
        text(&self.claims, "aud")
    }

    /// `jti`.
    pub fn jti(&self) -> Option<&str> {
        text(&self.claims, "jti")
    }

    /// `iat`, in whole seconds since 1970.
    pub fn iat(&self) -> Option<i64> {
        self.seconds("iat")
    }

    /// `nbf`, in whole seconds since 1970.
    pub fn nbf(&self) -> Option<i64> {
        self.seconds("nbf")
    }

    /// `exp`, in whole seconds since 1970.
    pub fn exp(&self) -> Option<i64> {
        self.seconds("exp")
    }

    /// Any claim, as JSON: a string is within quotation marks.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Issuer::new("orders")?;
    /// let server = Server::start()?;
    /// ask_by_assertion(&server, &client.client_assertion("me").claim("aud", r#"["me"]"#).signed()?)?;
    /// let assertion = server.requests()[0].assertion().ok_or("none was sent")?;
    /// assert_eq!(assertion.claim("aud").as_deref(), Some(r#"["me"]"#));
    /// assert_eq!(assertion.claim("nbf"), None);
    /// # Ok(()) }
    /// ```
    pub fn claim(&self, name: &str) -> Option<String> {
        self.claims.get(name).map(Value::to_string)
    }

    /// Any member of the header, as JSON: a string is within quotation marks.
    pub fn header(&self, name: &str) -> Option<String> {
        self.header.get(name).map(Value::to_string)
    }

    fn seconds(&self, name: &str) -> Option<i64> {
        self.claims.get(name)?.as_i64()
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

impl fmt::Debug for RecordedAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |members: &Map<String, Value>| members.keys().cloned().collect::<Vec<_>>();
        f.debug_struct("RecordedAssertion")
            .field("header", &names(&self.header))
            .field("claims", &names(&self.claims))
            .finish()
    }
}
