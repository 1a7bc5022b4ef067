//! Whose assertions authenticate a client, and what must be in them.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::jwk::Key;
use crate::registration::public_keys;

/// The clocks of two servers may differ by so much.
const LEEWAY: Duration = Duration::from_secs(30);

/// Whose assertions authenticate a client (RFC 7521 §4.2, RFC 7523 §2.2), and what must be in them:
/// [`Builder::trusts`](crate::Builder::trusts).
///
/// Required always: a signature by one of the keys (ES256, ES384, RS256, RS384, PS256 or EdDSA), `sub`, the audience, `exp`, and `iss` unless the
/// type is [`Trust::JWT_SPIFFE`]. `kid` picks the key; without one, the only key of that algorithm is taken. `nbf` is
/// obeyed. What is wrong is refused with `invalid_client`, and `error_description` says which check failed.
///
/// The request may have a `client_id`, which must be that of a client of the server, or the `sub` of the assertion.
/// Without one, the client is the `sub`.
///
/// ```
/// use evergrant_mock::{Issuer, Server};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::ask_by_assertion;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Issuer::new("https://kubernetes.default.svc")?;
/// let trust = cluster.trust("https://login.example.com").subject("system:serviceaccount:shop:orders");
/// let server = Server::builder().trusts(trust).start()?;
///
/// // What your program finds in its file:
/// let token = cluster.service_account("shop", "orders", "https://login.example.com").signed()?;
/// assert_eq!(ask_by_assertion(&server, &token)?.status(), 200);
///
/// let other = cluster.service_account("shop", "bills", "https://login.example.com").signed()?;
/// let refusal = ask_by_assertion(&server, &other)?.body_mut().read_to_string()?;
/// assert!(refusal.contains("sub of the assertion"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Trust {
    pub(crate) keys: Vec<Key>,
    pub(crate) audience: String,
    /// Whether `aud` may be an array with others beside it.
    pub(crate) among_others: bool,
    pub(crate) subject: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) client_id: ClientId,
    pub(crate) assertion_type: String,
    pub(crate) leeway: Duration,
    /// Whether a `jti` is required, and accepted once.
    pub(crate) once: bool,
}

/// Whether the parameter `client_id` is in the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClientId {
    Optional,
    Required,
    Refused,
}

impl Trust {
    /// The `client_assertion_type` of a JWT (RFC 7523 §2.2).
    pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    /// The `client_assertion_type` of a SPIFFE JWT-SVID (draft-ietf-oauth-spiffe-client-auth).
    pub const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

    pub(crate) fn new(keys: Vec<Key>, audience: &str) -> Self {
        Self {
            keys,
            audience: audience.to_owned(),
            among_others: false,
            subject: None,
            issuer: None,
            client_id: ClientId::Optional,
            assertion_type: Self::JWT_BEARER.to_owned(),
            leeway: LEEWAY,
            once: false,
        }
    }

    /// Assertions signed by a key of this JWKS (RFC 7517 §5), by this JWK, or by this public key in PEM, for this audience.
    /// Keys of other kinds in a JWKS are left out. The keys of an [`Issuer`](crate::Issuer) are trusted by [`Issuer::trust`](crate::Issuer::trust).
    ///
    /// ```
    /// use evergrant_mock::{Server, Trust};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let server = Server::builder().trusts(Trust::jwks(keys, "https://login.example.com")?).start()?;
    /// assert!(Trust::jwks("{}", "https://login.example.com").is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the text is none of that, when a key of it is private, or when none is an EC P-256 or P-384, RSA
    /// (2048 to 8192 bits) or Ed25519 key for signatures.
    pub fn jwks(keys: &str, audience: &str) -> io::Result<Self> {
        Ok(Self::new(public_keys(keys)?, audience))
    }

    /// The only `sub`. Default any.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let server = Server::builder().trusts(issuer.trust("me").subject("orders")).start()?;
    /// let of = |sub| issuer.assertion().sub(sub).aud("me").signed();
    /// assert_eq!(ask_by_assertion(&server, &of("orders")?)?.status(), 200);
    /// assert_eq!(ask_by_assertion(&server, &of("bills")?)?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn subject(mut self, sub: &str) -> Self {
        self.subject = Some(sub.to_owned());
        self
    }

    /// The only `iss`. Default any.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let server = Server::builder().trusts(issuer.trust("me").issuer("https://issuer.example.com")).start()?;
    /// let other = issuer.assertion().iss("https://issuer.example.com/").sub("orders").aud("me").signed()?;
    /// assert_eq!(ask_by_assertion(&server, &other)?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn issuer(mut self, iss: &str) -> Self {
        self.issuer = Some(iss.to_owned());
        self
    }

    /// The audience may be one of several in `aud`. Default alone there, as a string or as an array of one, as Kubernetes
    /// writes it.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let token = issuer.assertion().sub("orders").claim("aud", r#"["me","another"]"#).signed()?;
    /// let server = Server::builder().trusts(issuer.trust("me")).start()?;
    /// assert_eq!(ask_by_assertion(&server, &token)?.status(), 401);
    /// server.set_trust(issuer.trust("me").audience_among_others());
    /// assert_eq!(ask_by_assertion(&server, &token)?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn audience_among_others(mut self) -> Self {
        self.among_others = true;
        self
    }

    /// The request must have a `client_id`, as at Microsoft Entra. Default it may.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let server = Server::builder().trusts(issuer.trust("me").client_id_required()).start()?;
    /// let token = issuer.assertion().sub("orders").aud("me").signed()?;
    /// assert_eq!(ask_by_assertion(&server, &token)?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn client_id_required(mut self) -> Self {
        self.client_id = ClientId::Required;
        self
    }

    /// The request must not have a `client_id`. Default it may.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let server = Server::builder().trusts(issuer.trust("me").client_id_refused()).start()?;
    /// let token = issuer.assertion().sub("orders").aud("me").signed()?;
    /// assert_eq!(ask_by_assertion(&server, &token)?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn client_id_refused(mut self) -> Self {
        self.client_id = ClientId::Refused;
        self
    }

    /// The `client_assertion_type` of the request. Default [`Trust::JWT_BEARER`]. With [`Trust::JWT_SPIFFE`], `sub` is a
    /// SPIFFE ID, `iss` may be missing, and `typ` is `JWT`, `JOSE` or missing.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server, Trust};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_with;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let spire = Issuer::new("https://spire.example.org")?;
    /// let server = Server::builder().trusts(spire.trust("me").assertion_type(Trust::JWT_SPIFFE)).start()?;
    /// let svid = spire.svid("spiffe://example.org/orders", "me").signed()?;
    /// let parameters = [("client_assertion_type", Trust::JWT_SPIFFE), ("client_assertion", &svid)];
    /// assert_eq!(ask_with(&server, &parameters)?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn assertion_type(mut self, assertion_type: &str) -> Self {
        assertion_type.clone_into(&mut self.assertion_type);
        self
    }

    /// How far the issuer's clock and that of the server may differ, for `exp` and `nbf`. Default 30 s.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let server = Server::builder().trusts(issuer.trust("me")).start()?;
    /// let ended = issuer.assertion().sub("orders").aud("me").exp(-10).signed()?;
    /// assert_eq!(ask_by_assertion(&server, &ended)?.status(), 200);
    /// server.set_trust(issuer.trust("me").leeway(Duration::ZERO));
    /// assert_eq!(ask_by_assertion(&server, &ended)?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// An assertion is accepted once: it must have a `jti`, which no other of its issuer has. Default again and again, as
    /// a token in a file is used until it is replaced. The last 100 000 are remembered.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let server = Server::builder().trusts(issuer.trust("me").once()).start()?;
    /// let token = issuer.assertion().sub("orders").aud("me").signed()?;
    /// assert_eq!(ask_by_assertion(&server, &token)?.status(), 200);
    /// assert_eq!(ask_by_assertion(&server, &token)?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("audience", &self.audience)
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("assertion_type", &self.assertion_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
