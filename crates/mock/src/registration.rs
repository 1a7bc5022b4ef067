//! Clients that authenticate by something else than a secret in the request, as the server knows them.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::algorithm::Kind;
#[cfg(feature = "tls")]
use crate::clock::SECOND;
use crate::jwk::{self, Key, Unread};
use crate::session::Certificate;
#[cfg(feature = "tls")]
use crate::session::thumbprint;
#[cfg(feature = "tls")]
use crate::tls::{self, Authority};

/// The longest that an assertion may be valid from now on: what Auth0 and SMART allow.
const AHEAD: Duration = Duration::from_secs(300);
/// How far `nbf` may be ahead: the least that servers allow (oidc-provider).
const NBF_AHEAD: Duration = Duration::from_secs(15);
/// How far `iat` may be ahead. RFC 7519 does not say that such a token is not valid yet, and servers are more patient with it.
const IAT_AHEAD: Duration = Duration::from_secs(30);

/// A client that authenticates by something else than a secret in the request, and what the server demands of it:
/// [`Builder::registers`](crate::Builder::registers).
///
/// Of an assertion that a client signs itself (RFC 7523 §2.2, OpenID Connect Core §9) is demanded, and `error_description`
/// says which check failed:
///
/// | | |
/// |---|---|
/// | signature | by a registered key, by ES256, ES384, EdDSA (Ed25519), RS256, RS384, PS256, or HS256 for a secret. `kid` picks the key; without one, the only key of that algorithm is taken |
/// | `iss`, `sub` | the `client_id`, and so is the parameter of this name if it is there |
/// | `aud` | one string: the issuer |
/// | `jti` | there, and never used before, even in a request that was refused or struck by a [`Fault`](crate::Fault). The last 100 000 are remembered |
/// | `exp` | there, not over, and at most 5 min ahead; at most 60 s without an `iat` |
/// | `iat`, `nbf` | if there, at most 30 s and 15 s ahead |
/// | beside it | neither a secret nor an `Authorization` header |
///
/// ```
/// use evergrant_mock::{Issuer, Server};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::ask_by_assertion;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A client with a key of its own, as your program has one:
/// let client = Issuer::new("orders")?;
/// let server = Server::builder().registers(client.registration()).start()?;
/// let assertion = client.client_assertion(&server.issuer()).signed()?;
/// assert_eq!(ask_by_assertion(&server, &assertion)?.status(), 200);
///
/// let refusal = ask_by_assertion(&server, &assertion)?.body_mut().read_to_string()?;
/// assert!(refusal.contains("the jti of the assertion was used before"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Registration {
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) audience: Audience,
    /// Whether `aud` may be an array.
    pub(crate) among_others: bool,
    pub(crate) ahead: Duration,
    pub(crate) nbf_ahead: Duration,
    pub(crate) iat_ahead: Duration,
}

/// How a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone)]
pub(crate) enum Method {
    /// By assertions that one of these keys signs.
    Keys(Vec<Key>),
    /// By a certificate (RFC 8705 §2).
    #[cfg(feature = "tls")]
    Certificate(Shown),
}

/// Which certificate a client shows.
#[cfg(feature = "tls")]
#[derive(Clone)]
pub(crate) enum Shown {
    /// Signed by this authority, and of this subject.
    Signed { by: Authority, subject: String },
    /// One of these, by their thumbprints.
    OneOf(Vec<String>),
}

/// What is in `aud`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Audience {
    Issuer,
    TokenEndpoint,
}

impl Registration {
    /// A client that signs assertions with a key of its own (`private_key_jwt`). The public keys are a JWKS or a JWK
    /// (RFC 7517), or PEM (`BEGIN PUBLIC KEY`), which has no `kid`. Keys of other kinds in a JWKS are left out. A key with an
    /// `alg` signs by that alone.
    ///
    /// ```
    /// use evergrant_mock::{Registration, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let server = Server::builder().registers(Registration::private_key_jwt("orders", keys)?).start()?;
    /// assert!(Registration::private_key_jwt("orders", "{}").is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the text is none of that, when a key of it is private, or when none is an EC P-256 or P-384, RSA
    /// (2048 to 8192 bits) or Ed25519 key for signatures.
    pub fn private_key_jwt(id: &str, keys: &str) -> io::Result<Self> {
        Ok(Self::new(id, Method::Keys(public_keys(keys)?)))
    }

    /// A client that signs assertions with its secret (`client_secret_jwt`), by HS256.
    ///
    /// ```
    /// use evergrant_mock::{Registration, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secret = "a secret of 32 bytes or more, as RFC 7518 has it";
    /// let server = Server::builder().registers(Registration::client_secret_jwt("orders", secret)).start()?;
    /// # Ok(()) }
    /// ```
    pub fn client_secret_jwt(id: &str, secret: &str) -> Self {
        let key = Key::new(None, None, Kind::Hmac(secret.as_bytes().to_vec()));
        Self::new(id, Method::Keys(key.into_iter().collect()))
    }

    /// A client that shows a certificate (`tls_client_auth`, RFC 8705 §2.1): one that an authority signed, whose certificates
    /// are in this PEM, and whose subject is this, as RFC 4514 writes it: `CN=orders,O=Shop`. The request has the
    /// `client_id` and no other proof. Its tokens are bound to the certificate (§3), which
    /// [`Builder::asks_for_certificates`](crate::Builder::asks_for_certificates) makes the server ask for.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when there is no certificate in the text, or an unusable one.
    #[cfg(feature = "tls")]
    pub fn tls_client_auth(id: &str, authority: &str, subject: &str) -> io::Result<Self> {
        let shown = Shown::Signed { by: Authority::read(authority)?, subject: subject.to_owned() };
        Ok(Self::new(id, Method::Certificate(shown)))
    }

    /// A client that shows one of the certificates in this PEM, whoever signed it (`self_signed_tls_client_auth`, RFC 8705
    /// §2.2). Each is known by its SHA-256. Otherwise as [`tls_client_auth`](Self::tls_client_auth).
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when there is no certificate in the text.
    #[cfg(feature = "tls")]
    pub fn self_signed_tls_client_auth(id: &str, certificates: &str) -> io::Result<Self> {
        let prints = tls::certificates(certificates)?.iter().map(|der| thumbprint(der)).collect();
        Ok(Self::new(id, Method::Certificate(Shown::OneOf(prints))))
    }

    pub(crate) fn of_key(id: &str, key: Key) -> Self {
        Self::new(id, Method::Keys(vec![key]))
    }

    fn new(id: &str, method: Method) -> Self {
        Self {
            id: id.to_owned(),
            method,
            audience: Audience::Issuer,
            among_others: false,
            ahead: AHEAD,
            nbf_ahead: NBF_AHEAD,
            iat_ahead: IAT_AHEAD,
        }
    }

    /// `aud` is the token endpoint, as Okta and Microsoft Entra have it. Default the [issuer](crate::Server::issuer).
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Issuer::new("orders")?;
    /// let server = Server::builder().registers(client.registration().audience_is_token_endpoint()).start()?;
    /// let to = |audience: String| client.client_assertion(&audience).signed();
    /// assert_eq!(ask_by_assertion(&server, &to(server.token_endpoint())?)?.status(), 200);
    /// assert_eq!(ask_by_assertion(&server, &to(server.issuer())?)?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn audience_is_token_endpoint(mut self) -> Self {
        self.audience = Audience::TokenEndpoint;
        self
    }

    /// The audience may be in an array, alone or with others. Default it is one string, or an assertion for one server would
    /// be good at another (draft-ietf-oauth-rfc7523bis §4).
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Issuer::new("orders")?;
    /// let server = Server::builder().registers(client.registration().audience_among_others()).start()?;
    /// let both = format!(r#"["{}","{}"]"#, server.issuer(), server.token_endpoint());
    /// let assertion = client.client_assertion("").claim("aud", &both).signed()?;
    /// assert_eq!(ask_by_assertion(&server, &assertion)?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn audience_among_others(mut self) -> Self {
        self.among_others = true;
        self
    }

    /// How far `exp` may be ahead of the server's clock where there is an `iat`. Default 5 min; Okta allows 1 h. Without an
    /// `iat` it is never more than 60 s.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Issuer::new("orders")?;
    /// let hour = client.registration().exp_at_most(Duration::from_secs(3_600));
    /// let server = Server::builder().registers(hour).start()?;
    /// let assertion = client.client_assertion(&server.issuer()).exp(3_000).signed()?;
    /// assert_eq!(ask_by_assertion(&server, &assertion)?.status(), 200);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn exp_at_most(mut self, ahead: Duration) -> Self {
        self.ahead = ahead;
        self
    }

    /// How far `nbf` and `iat` may be ahead of the server's clock. Default 15 s for `nbf` and 30 s for `iat`. `exp` has no
    /// leeway.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Issuer::new("orders")?;
    /// let server = Server::builder().registers(client.registration().leeway(Duration::ZERO)).start()?;
    /// let assertion = client.client_assertion(&server.issuer()).nbf(10).signed()?;
    /// assert_eq!(ask_by_assertion(&server, &assertion)?.status(), 401);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.nbf_ahead = leeway;
        self.iat_ahead = leeway;
        self
    }

    /// The name of the method (RFC 7591 §2, RFC 8705 §2, OpenID Connect Core §9).
    pub(crate) fn method_name(&self) -> &'static str {
        match &self.method {
            Method::Keys(keys) if keys.iter().any(Key::is_secret) => "client_secret_jwt",
            Method::Keys(_) => "private_key_jwt",
            #[cfg(feature = "tls")]
            Method::Certificate(Shown::Signed { .. }) => "tls_client_auth",
            #[cfg(feature = "tls")]
            Method::Certificate(Shown::OneOf(_)) => "self_signed_tls_client_auth",
        }
    }

    /// The keys that its assertions are signed with.
    pub(crate) fn keys(&self) -> &[Key] {
        match &self.method {
            Method::Keys(keys) => keys,
            #[cfg(feature = "tls")]
            Method::Certificate(_) => &[],
        }
    }

    /// Whether the client authenticates by a certificate, and what is wrong with this one at the time `now`.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "without TLS nobody shows one"))]
    pub(crate) fn judge_certificate(
        &self,
        certificate: Option<&Certificate>,
        now: i64,
    ) -> Option<Result<(), &'static str>> {
        match &self.method {
            Method::Keys(_) => None,
            #[cfg(feature = "tls")]
            Method::Certificate(shown) => Some(shown.judge(certificate, now)),
        }
    }
}

#[cfg(feature = "tls")]
impl Shown {
    fn judge(&self, certificate: Option<&Certificate>, now: i64) -> Result<(), &'static str> {
        let certificate = certificate.ok_or("the client showed no certificate")?;
        match self {
            Self::OneOf(known) if known.contains(&certificate.thumbprint) => Ok(()),
            Self::OneOf(_) => Err("the certificate of the client is not a registered one"),
            Self::Signed { by, .. }
                if !by.signed(&certificate.chain, u64::try_from(now / SECOND).unwrap_or_default()) =>
            {
                Err("the certificate of the client is not valid, or not signed by the registered authority")
            }
            Self::Signed { subject, .. } => {
                let shown = certificate.chain.first().and_then(|own| tls::subject(own));
                if shown.as_ref() == Some(subject) {
                    Ok(())
                } else {
                    Err("the subject of the certificate is not the registered one")
                }
            }
        }
    }
}

/// The keys of a text, at least one.
pub(crate) fn public_keys(text: &str) -> io::Result<Vec<Key>> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let keys = jwk::read(text).map_err(|unread| {
        invalid(match unread {
            Unread::NoKeys => "neither a JWKS nor a JWK, nor a public key in PEM",
            Unread::Private => "a private key; the public one is written by: openssl pkey -pubout -in FILE",
            Unread::PrivateJwk => {
                "a private key; the public one is printed by: evergrant key --key-file FILE"
            }
        })
    })?;
    if keys.is_empty() {
        return Err(invalid(
            "no key for signatures by ES256 (EC P-256), ES384 (EC P-384), RS256, RS384 or PS256 (RSA, 2048 to 8192 bits) or \
             EdDSA (Ed25519)",
        ));
    }
    Ok(keys)
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("id", &self.id)
            .field("method", &self.method_name())
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}
