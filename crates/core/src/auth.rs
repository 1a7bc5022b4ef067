//! Client authentication (RFC 6749 §2.3).

use crate::ask::Ask;
use crate::assertion::{AssertionKind, Kind, UNREGISTERED};
use crate::error::{ConfigError, Excerpt};
use crate::field::check_present;
use crate::request;
use crate::secret::Secret;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Who the client is and how it proves that: exactly one method per request, and no other is tried after a refusal.
///
/// Debug never shows the secret.
///
/// ```
/// # use evergrant_core::{ClientAuth, ConfigError};
/// let auth = ClientAuth::basic("my-client-id", "my-client-secret")?;
/// assert_eq!(auth.method(), "client_secret_basic");
/// assert!(!format!("{auth:?}").contains("my-client-secret"));
///
/// // A secret that was read from a file most often ends with a line break.
/// let error = ClientAuth::basic("my-client-id", "my-client-secret\n").unwrap_err();
/// assert_eq!(error, ConfigError::ControlCharacter { field: "client_secret", at: 16 });
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientAuth {
    id: Box<str>,
    method: Method,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Method {
    Basic(Proof),
    BasicRaw(Proof),
    Post(Proof),
    Assertion(Assertion),
    /// An assertion that the client makes itself.
    Signed(Kind, Proof),
    /// The certificate that the connection shows.
    Tls,
    None,
}

/// What proves who the client is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Proof {
    Fixed(Secret),
    /// It is read for each request.
    Live,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Assertion {
    kind: AssertionKind,
    /// Whether the client id stands beside it.
    names_client: bool,
    proof: Proof,
}

impl Proof {
    const fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Fixed(secret) => Some(secret),
            Self::Live => None,
        }
    }

    /// What is sent; nothing is while it has not been read.
    fn expose(&self) -> &str {
        self.secret().map_or("", Secret::expose)
    }
}

impl ClientAuth {
    /// `client_secret_basic`: id and secret in the Authorization header, form-encoded first (RFC 6749 §2.3.1).
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::basic("id", "secret")?).build()?;
    /// let request = client.request(Now::default())?;
    /// assert!(request.headers().any(|field| field == ("authorization", "Basic aWQ6c2VjcmV0")));
    /// assert_eq!(request.body(), b"grant_type=client_credentials");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if either is empty or has a control character.
    pub fn basic(id: &str, secret: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Basic(fixed(secret)?))
    }

    /// The same without the form encoding, for servers that do not decode it; only where RFC 7617 alone is spoken.
    ///
    /// ```
    /// # use evergrant_core::{ClientAuth, ConfigError};
    /// let auth = ClientAuth::basic_raw("my-client-id", "100%-secret")?; // sent as it is, not as 100%25-secret
    /// assert_eq!(ClientAuth::basic_raw("urn:client", "secret"), Err(ConfigError::ColonInClientId));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if either is empty or has a control character, and if the id has a colon (RFC 7617 §2).
    pub fn basic_raw(id: &str, secret: &str) -> Result<Self, ConfigError> {
        Self::raw(id, fixed(secret)?)
    }

    /// `client_secret_post`: id and secret in the body (RFC 6749 §2.3.1), whatever its format. MyParcel.com wants
    /// this one.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::post("id", "secret")?).build()?;
    /// let request = client.request(Now::default())?;
    /// assert_eq!(request.body(), b"grant_type=client_credentials&client_id=id&client_secret=secret");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if either is empty or has a control character.
    pub fn post(id: &str, secret: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Post(fixed(secret)?))
    }

    /// `none`: the id in the body and no proof; the server knows the client otherwise, by its network for one.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::none("id")?).build()?;
    /// assert_eq!(client.request(Now::default())?.body(), b"grant_type=client_credentials&client_id=id");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn none(id: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::None)
    }

    /// [`basic`](Self::basic), with a secret that is read for each token request from where it lives: a file that a platform renews, a
    /// command, a variable. `TokensBuilder::secret` of the adapters, and `PoolClient::secret` for a pool, take where it lives;
    /// whoever drives the core alone answers [`Move::Ask`](crate::Move::Ask).
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::basic_live("my-client-id")?).build()?;
    /// // The short form knows no secret.
    /// let error = client.request(Now::default()).unwrap_err();
    /// assert_eq!(error, ConfigError::NeedsAttempt { field: "client_secret" });
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn basic_live(id: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Basic(Proof::Live))
    }

    /// [`basic_raw`](Self::basic_raw), with a secret that is read for each token request, as with [`basic_live`](Self::basic_live).
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty, or has a control character or a colon (RFC 7617 §2).
    pub fn basic_raw_live(id: &str) -> Result<Self, ConfigError> {
        Self::raw(id, Proof::Live)
    }

    /// [`post`](Self::post), with a secret that is read for each token request, as with [`basic_live`](Self::basic_live).
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn post_live(id: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Post(Proof::Live))
    }

    /// An assertion that somebody else makes and that is read for each token request (RFC 7521 §4.2): the token of a Kubernetes service
    /// account, a JWT-SVID of SPIFFE, the identity of a job in CI. It is sent as `client_assertion`, with the client id beside it.
    ///
    /// Its own end is not judged before it is sent: whose clock is right, the server decides.
    ///
    /// ```
    /// # use evergrant_core::{AssertionKind, ClientAuth, ConfigError};
    /// let auth = ClientAuth::assertion("my-client-id", AssertionKind::JWT_BEARER)?;
    /// assert_eq!(auth.method(), "private_key_jwt");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn assertion(id: &str, kind: AssertionKind) -> Result<Self, ConfigError> {
        Self::new(id, Method::Assertion(Assertion { kind, names_client: true, proof: Proof::Live }))
    }

    /// `private_key_jwt`: an assertion that this client makes for each token request and signs with a private key (RFC 7523 §2.2). `TokensBuilder::signer`
    /// and `TokensBuilder::key_source` of the adapters, and those of `PoolClient` for a pool, take the key; whoever drives the core alone
    /// answers [`Ask::Signature`].
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// // The issuer is whom the assertion is for.
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_issuer("https://auth.example.com")?;
    /// let client = Client::builder(provider, ClientAuth::private_key_jwt("my-client-id")?).build()?;
    /// assert_eq!(client.auth().method(), "private_key_jwt");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn private_key_jwt(id: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Signed(Kind::PrivateKey, Proof::Live))
    }

    /// `client_secret_jwt`: an assertion that this client makes for each token request and signs with its secret by HS256 (OpenID Connect
    /// Core 1.0 §9), as with [`private_key_jwt`](Self::private_key_jwt). The secret has at least 32 bytes (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn client_secret_jwt(id: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Signed(Kind::ClientSecret, Proof::Live))
    }

    /// `tls_client_auth` and `self_signed_tls_client_auth`, which look alike here: the certificate that the connection shows, and the client id in the
    /// body (RFC 8705 §2). `TokensBuilder::identity` of the adapters takes the certificate; the server says which one it wants.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// let auth = ClientAuth::tls("my-client-id")?;
    /// assert_eq!(auth.method(), "tls_client_auth");
    /// // Plain http shows no certificate, not even to this machine itself.
    /// let provider = Provider::rfc6749("http://127.0.0.1:8080/token")?;
    /// assert_eq!(Client::builder(provider, auth).build().unwrap_err(), ConfigError::TlsRequired);
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn tls(id: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Tls)
    }

    /// The same without `client_id` in the request, which is optional beside an assertion (RFC 7521 §4.2): for servers that find the client
    /// by the assertion's subject, and refuse an id that is another one. The id is a name for people then. Nothing changes for the
    /// other methods.
    #[must_use]
    pub fn without_client_id(mut self) -> Self {
        if let Method::Assertion(assertion) = &mut self.method {
            assertion.names_client = false;
        }
        self
    }

    /// Whether its secret or assertion is read for each token request.
    pub fn is_live(&self) -> bool {
        self.ask().is_some()
    }

    /// Whether it makes an assertion for each token request, and a key signs it.
    pub const fn is_signed(&self) -> bool {
        matches!(self.method, Method::Signed(..))
    }

    /// Whether the certificate that the connection shows is what proves who the client is.
    pub const fn is_tls(&self) -> bool {
        matches!(self.method, Method::Tls)
    }

    /// The client id.
    pub fn client_id(&self) -> &str {
        &self.id
    }

    /// The method's registered name (RFC 7591 §2); `basic_raw` has none of its own and says
    /// `client_secret_basic_raw`, and an assertion of a kind of one's own says `client_assertion`.
    ///
    /// ```
    /// # use evergrant_core::{ClientAuth, ConfigError};
    /// assert_eq!(ClientAuth::post("id", "secret")?.method(), "client_secret_post");
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn method(&self) -> &'static str {
        match &self.method {
            Method::Basic(_) => "client_secret_basic",
            Method::BasicRaw(_) => "client_secret_basic_raw",
            Method::Post(_) => "client_secret_post",
            Method::Assertion(assertion) => assertion.kind.method(),
            Method::Signed(kind, _) => kind.method(),
            Method::Tls => "tls_client_auth",
            Method::None => "none",
        }
    }

    /// What tells its method from others in the key of a client: a kind of assertion of one's own has no registered name, and is told by its
    /// URI.
    pub(crate) fn method_of_key(&self) -> Cow<'_, str> {
        let Method::Assertion(assertion) = &self.method else { return Cow::Borrowed(self.method()) };
        let method = match assertion.kind.method() {
            UNREGISTERED => assertion.kind.uri(),
            registered => registered,
        };
        match assertion.names_client {
            true => Cow::Borrowed(method),
            // No registered name and no URI has a space.
            false => Cow::Owned(alloc::format!("{method} alone")),
        }
    }

    /// Whether the secret has fewer than 8 bytes. It is sent like any other, and is easily guessed; and since it stands
    /// in ordinary words by chance, a text from outside that has it as a word of its own is not shown at all.
    ///
    /// ```
    /// # use evergrant_core::{ClientAuth, ConfigError};
    /// assert!(ClientAuth::post("id", "secret")?.has_short_secret());
    /// assert!(!ClientAuth::post("id", "a-longer-secret")?.has_short_secret());
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn has_short_secret(&self) -> bool {
        self.secret().is_some_and(|secret| secret.expose().len() < Excerpt::SHORTEST_ECHO)
    }

    /// The client secret, if there is one and it is fixed: for whoever derives a key from it. Never log it.
    pub fn expose_secret(&self) -> Option<&str> {
        self.secret().map(Secret::expose)
    }

    /// The client secret, if there is one and it is fixed.
    pub(crate) const fn secret(&self) -> Option<&Secret> {
        match &self.method {
            Method::Basic(proof) | Method::BasicRaw(proof) | Method::Post(proof) => proof.secret(),
            Method::Assertion(_) | Method::Signed(..) | Method::Tls | Method::None => None,
        }
    }

    /// What has to be read before it can be sent.
    pub(crate) const fn ask(&self) -> Option<Ask> {
        match &self.method {
            Method::Basic(Proof::Live) | Method::BasicRaw(Proof::Live) | Method::Post(Proof::Live) => {
                Some(Ask::ClientSecret)
            }
            Method::Assertion(Assertion { proof: Proof::Live, .. }) => Some(Ask::Assertion),
            _ => None,
        }
    }

    /// What has to sign an assertion before it can be sent.
    pub(crate) const fn unsigned(&self) -> Option<Kind> {
        match &self.method {
            Method::Signed(kind, Proof::Live) => Some(*kind),
            _ => None,
        }
    }

    /// The same with what was read.
    ///
    /// # Errors
    /// [`ConfigError`] if no request can carry it.
    pub(crate) fn with_read(&self, text: Secret) -> Result<Self, ConfigError> {
        let mut auth = self.clone();
        let (proof, field) = match &mut auth.method {
            Method::Basic(proof) | Method::BasicRaw(proof) | Method::Post(proof) => (proof, SECRET),
            Method::Assertion(Assertion { proof, .. }) | Method::Signed(_, proof) => (proof, ASSERTION),
            Method::Tls | Method::None => return Ok(auth),
        };
        check_present(text.expose(), field)?;
        *proof = Proof::Fixed(text);
        Ok(auth)
    }

    fn raw(id: &str, proof: Proof) -> Result<Self, ConfigError> {
        if id.contains(':') {
            return Err(ConfigError::ColonInClientId);
        }
        Self::new(id, Method::BasicRaw(proof))
    }

    fn new(id: &str, method: Method) -> Result<Self, ConfigError> {
        check_present(id, "client_id")?;
        Ok(Self { id: id.into(), method })
    }

    /// The value of the Authorization header, if the method has one.
    pub(crate) fn authorization(&self) -> Option<Zeroizing<String>> {
        let pair = match &self.method {
            Method::Basic(secret) => {
                pair(&request::form_encoded(&self.id), &request::form_encoded(secret.expose()))
            }
            Method::BasicRaw(secret) => pair(&self.id, secret.expose()),
            Method::Post(_) | Method::Assertion(_) | Method::Signed(..) | Method::Tls | Method::None => {
                return None;
            }
        };
        let encoded = base64(&pair);
        let mut value = Zeroizing::new(String::with_capacity("Basic ".len() + encoded.len()));
        value.push_str("Basic ");
        value.push_str(&encoded);
        Some(value)
    }

    /// What the body says about the client.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (id, proof, kind) = match &self.method {
            Method::Basic(_) | Method::BasicRaw(_) => (None, None, None),
            Method::Post(proof) => (Some(&*self.id), Some((SECRET, proof.expose())), None),
            Method::Assertion(Assertion { kind, names_client, proof }) => (
                names_client.then_some(&*self.id),
                Some((ASSERTION, proof.expose())),
                Some((ASSERTION_TYPE, kind.uri())),
            ),
            Method::Signed(_, proof) => (
                Some(&*self.id),
                Some((ASSERTION, proof.expose())),
                Some((ASSERTION_TYPE, AssertionKind::JWT_BEARER_URI)),
            ),
            Method::Tls | Method::None => (Some(&*self.id), None, None),
        };
        id.map(|id| ("client_id", id)).into_iter().chain(kind).chain(proof)
    }

    /// What is masked in words from outside: the secret and its pair with the id, which are found in every encoding. A short
    /// secret is not searched for in base64, where its few bytes stand by chance, so its base64 is one of the masks.
    pub(crate) fn masks(&self) -> Vec<Zeroizing<String>> {
        if let Method::Assertion(Assertion { proof, .. }) | Method::Signed(_, proof) = &self.method {
            return assertion_masks(proof.expose());
        }
        let Some(secret) = self.secret().map(Secret::expose) else { return Vec::new() };
        let plain = Zeroizing::new(String::from(secret));
        let raw = pair(&self.id, secret);
        if !self.has_short_secret() {
            return Vec::from([plain, raw]);
        }
        let form = pair(&request::form_encoded(&self.id), &request::form_encoded(secret));
        let engines = [STANDARD_NO_PAD, URL_SAFE_NO_PAD];
        let base64 = [&plain, &raw, &form].into_iter().flat_map(|text| {
            engines.iter().map(move |engine| Zeroizing::new(engine.encode(text.as_bytes())))
        });
        let mut masks: Vec<Zeroizing<String>> = base64.collect();
        masks.push(plain);
        masks
    }
}

/// What a secret is called in requests and errors.
const SECRET: &str = "client_secret";
/// What an assertion is called there.
const ASSERTION: &str = "client_assertion";
const ASSERTION_TYPE: &str = "client_assertion_type";

/// Parts of an assertion that are no longer stand in other words by chance.
const SHORTEST_PART: usize = 17;

fn fixed(secret: &str) -> Result<Proof, ConfigError> {
    check_present(secret, SECRET)?;
    Ok(Proof::Fixed(Secret::new(secret)))
}

/// An assertion, whole and in its parts: a server may say one of them.
fn assertion_masks(assertion: &str) -> Vec<Zeroizing<String>> {
    let parts =
        assertion.split('.').filter(|part| part.len() >= SHORTEST_PART && part.len() < assertion.len());
    let whole = (!assertion.is_empty()).then_some(assertion);
    whole.into_iter().chain(parts).map(|text| Zeroizing::new(text.into())).collect()
}

fn pair(id: &str, secret: &str) -> Zeroizing<String> {
    let mut pair = Zeroizing::new(String::with_capacity(id.len() + 1 + secret.len()));
    pair.push_str(id);
    pair.push(':');
    pair.push_str(secret);
    pair
}

fn base64(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}

#[cfg(test)]
mod tests;
