//! Assertions to test with: what a cluster, a SPIFFE server, a CI system or a client would sign.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use crate::algorithm::Algorithm;
use crate::clock::{self, SECOND};
use crate::jwk::Key;
use crate::registration::Registration;
use crate::signing::{Private, no_randomness};
use crate::trust::Trust;

/// Seconds that an assertion is valid unless a test says otherwise: the least that Kubernetes grants.
const LIFE: i64 = 600;
/// Seconds that a client's own assertion is valid: the bound that servers have by default (Keycloak's, where there is no
/// `iat`).
const CLIENT_LIFE: i64 = 60;

/// Who signs assertions, with a key of its own: a cluster, a SPIFFE server, a CI system, or a client whose name is its
/// `client_id`.
///
/// ```
/// use evergrant_mock::{Issuer, Server};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::ask_by_assertion;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = Issuer::new("https://issuer.example.com")?;
/// let server = Server::builder().trusts(issuer.trust("https://login.example.com")).start()?;
/// let assertion = issuer.assertion().sub("orders").aud("https://login.example.com");
/// assert_eq!(ask_by_assertion(&server, &assertion.signed()?)?.status(), 200);
/// assert_eq!(ask_by_assertion(&server, &assertion.exp(-60).signed()?)?.status(), 401);
/// # Ok(()) }
/// ```
pub struct Issuer {
    iss: String,
    /// What verifies its signatures, by the only algorithm that it signs with.
    key: Key,
    alg: Algorithm,
    private: Private,
    random: SystemRandom,
    /// How many assertions were begun, for `jti`.
    begun: AtomicU64,
    /// What no other issuer's `jti` has.
    unique: String,
}

impl Issuer {
    /// An issuer with a new key for ES256, named by its thumbprint (RFC 7638), and this name in `iss`.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (one, other) = (Issuer::new("https://issuer.example.com")?, Issuer::new("https://issuer.example.com")?);
    /// assert_ne!(one.jwk(), other.jwk());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new(iss: &str) -> io::Result<Self> {
        let random = SystemRandom::new();
        let private = Private::generate(&random)?;
        let mut issuer = Self::with(iss, private, None, random)?;
        let kid = issuer.key.thumbprint();
        issuer.key = issuer.key.named(&kid);
        Ok(issuer)
    }

    /// An issuer with the first private key in this PEM: PKCS#8 of EC P-256 or P-384, Ed25519 or RSA (2048 to 4096 bits),
    /// or PKCS#1. RSA signs by RS256, or by the `alg` that is given: RS384, PS256. Its assertions have no `kid`.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // What `openssl genpkey -algorithm ed25519` writes:
    /// let pem = "-----BEGIN PRIVATE KEY-----\n\
    ///            MC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n\
    ///            -----END PRIVATE KEY-----\n";
    /// let client = Issuer::with_key("orders", pem, None)?;
    /// assert!(client.jwk().contains(r#""alg":"EdDSA""#));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when there is no such key, or it does not sign by this algorithm.
    pub fn with_key(iss: &str, pem: &str, alg: Option<&str>) -> io::Result<Self> {
        let random = SystemRandom::new();
        let private = Private::read(pem, &random).ok_or_else(|| {
            invalid(
                "no private key that can be used: PKCS#8 in PEM (BEGIN PRIVATE KEY) of EC P-256 or P-384, Ed25519 or \
                 RSA (2048 to 4096 bits) is expected; other forms become that by: openssl pkcs8 -topk8 -nocrypt",
            )
        })?;
        Self::with(iss, private, alg, random)
    }

    /// A client with a secret, which signs by HS256 (`client_secret_jwt`). Its assertions have no `kid`, and what is public
    /// of its key is the secret.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Registration, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secret = "a secret of 32 bytes or more, as RFC 7518 has it";
    /// let server = Server::builder().registers(Registration::client_secret_jwt("orders", secret)).start()?;
    /// let assertion = Issuer::with_secret("orders", secret)?.client_assertion(&server.issuer()).signed()?;
    /// assert_eq!(ask_by_assertion(&server, &assertion)?.status(), 200);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn with_secret(iss: &str, secret: &str) -> io::Result<Self> {
        Self::with(iss, Private::Hmac(secret.as_bytes().to_vec()), None, SystemRandom::new())
    }

    fn with(iss: &str, private: Private, alg: Option<&str>, random: SystemRandom) -> io::Result<Self> {
        let key = Key::new(None, alg, private.public());
        let key = key.ok_or_else(|| invalid("the key does not sign by this algorithm"))?;
        let alg = *key.algorithms().first().ok_or_else(no_randomness)?;
        let key = key.only(alg);
        let mut bytes = [0; 16];
        random.fill(&mut bytes).map_err(|_| no_randomness())?;
        let unique = URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self { iss: iss.to_owned(), key, alg, private, random, begun: AtomicU64::new(0), unique })
    }

    /// The public key as a JWK (RFC 7517), with its `kid`.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Trust};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// assert!(issuer.jwk().contains(r#""alg":"ES256""#));
    /// Trust::jwks(&issuer.jwk(), "https://login.example.com")?; // the same as issuer.trust(..)
    /// # Ok(()) }
    /// ```
    pub fn jwk(&self) -> String {
        self.key.jwk().to_string()
    }

    /// The public key as a JWKS, for a file or an answer at `jwks_uri`.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// assert_eq!(issuer.jwks(), format!(r#"{{"keys":[{}]}}"#, issuer.jwk()));
    /// # Ok(()) }
    /// ```
    pub fn jwks(&self) -> String {
        json!({ "keys": [self.key.jwk()] }).to_string()
    }

    /// What a server trusts that knows the key of this issuer: assertions for this audience.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let server = Server::builder().trusts(issuer.trust("https://login.example.com")).start()?;
    /// # Ok(()) }
    /// ```
    pub fn trust(&self, audience: &str) -> Trust {
        Trust::new(vec![self.key.clone()], audience)
    }

    /// An assertion of its own making: `iss`, `iat`, an `exp` in 600 s and a new `jti` are in it, `alg`, `kid` and a `typ`
    /// of `JWT` in its header; `sub` and `aud` are for you to say.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let token = issuer.assertion().sub("orders").aud("https://login.example.com").signed()?;
    /// assert_eq!(token.split('.').count(), 3);
    /// # Ok(()) }
    /// ```
    pub fn assertion(&self) -> Assertion<'_> {
        let mut assertion =
            Assertion { issuer: self, header: Members::default(), claims: Members::default() };
        assertion.header.set("alg", text(self.alg.name()));
        assertion = assertion.typ("JWT");
        if let Some(kid) = self.key.kid() {
            assertion = assertion.kid(kid);
        }
        assertion.iss(&self.iss).iat(0).exp(LIFE).jti(&self.unique())
    }

    /// An assertion by which a client authenticates itself (RFC 7523 §3): `iss` and `sub` are its name, `aud` is one string,
    /// `exp` is 60 s ahead, and `typ` is `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis §4).
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Registration, Server};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::ask_by_assertion;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Issuer::new("orders")?;
    /// let server = Server::builder().registers(client.registration()).start()?;
    /// let assertion = client.client_assertion(&server.issuer());
    /// assert_eq!(ask_by_assertion(&server, &assertion.signed()?)?.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn client_assertion(&self, audience: &str) -> Assertion<'_> {
        self.assertion().typ("client-authentication+jwt").sub(&self.iss).aud(audience).exp(CLIENT_LIFE)
    }

    /// The client of this name, as a server knows it that has the key of this issuer: by `private_key_jwt`, or
    /// `client_secret_jwt` if it signs with a secret.
    ///
    /// ```
    /// use evergrant_mock::{Issuer, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().registers(Issuer::new("orders")?.registration()).start()?;
    /// # Ok(()) }
    /// ```
    pub fn registration(&self) -> Registration {
        Registration::of_key(&self.iss, self.key.clone())
    }

    /// What Kubernetes projects into a pod for this service account: `sub` is
    /// `system:serviceaccount:NAMESPACE:NAME`, `aud` an array of one, `nbf` the same as `iat`, and the claim `kubernetes.io`
    /// says what the token is bound to.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cluster = Issuer::new("https://kubernetes.default.svc")?;
    /// let token = cluster.service_account("shop", "orders", "api://AzureADTokenExchange").signed()?;
    /// # let path = std::env::temp_dir().join(format!("evergrant-mock-{}", std::process::id()));
    /// std::fs::write(&path, &token)?; // where your program finds it
    /// # std::fs::remove_file(&path)?;
    /// # Ok(()) }
    /// ```
    pub fn service_account(&self, namespace: &str, name: &str, audience: &str) -> Assertion<'_> {
        let bound = json!({ "namespace": namespace, "serviceaccount": { "name": name } });
        self.assertion()
            .without("typ")
            .sub(&format!("system:serviceaccount:{namespace}:{name}"))
            .claim("aud", &json!([audience]).to_string())
            .nbf(0)
            .claim("kubernetes.io", &bound.to_string())
    }

    /// A JWT-SVID, as a SPIFFE server signs it for this SPIFFE ID: `aud` is an array of one, and neither `iss` nor `jti` is
    /// there.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let spire = Issuer::new("https://spire.example.org")?;
    /// let svid = spire.svid("spiffe://example.org/orders", "https://login.example.com").signed()?;
    /// # Ok(()) }
    /// ```
    pub fn svid(&self, spiffe_id: &str, audience: &str) -> Assertion<'_> {
        let assertion = self.assertion().without("iss").without("jti").sub(spiffe_id);
        assertion.claim("aud", &json!([audience]).to_string())
    }

    fn unique(&self) -> String {
        format!("{}-{}", self.begun.fetch_add(1, Ordering::Relaxed) + 1, self.unique)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("iss", &self.iss).field("kid", &self.key.kid()).finish_non_exhaustive()
    }
}

/// An assertion before it is signed. Every member can be set to something else, or be [left out](Self::without). Its
/// `Debug` shows names of members alone.
///
/// ```
/// use evergrant_mock::Issuer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = Issuer::new("https://issuer.example.com")?;
/// let assertion = issuer.assertion().sub("orders").aud("https://login.example.com");
/// // What may be wrong with it:
/// let expired = assertion.clone().exp(-60).signed()?;
/// let early = assertion.clone().nbf(60).signed()?;
/// let endless = assertion.clone().without("exp").signed()?;
/// let unknown_key = assertion.clone().kid("another").signed()?;
/// let alg_none = assertion.unsigned();
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "an assertion is a text once it is signed"]
pub struct Assertion<'a> {
    issuer: &'a Issuer,
    header: Members,
    claims: Members,
}

impl Assertion<'_> {
    /// The claim `iss`.
    pub fn iss(self, iss: &str) -> Self {
        self.claim("iss", &text(iss))
    }

    /// The claim `sub`.
    #[expect(clippy::should_implement_trait, reason = "it is the name of the claim")]
    pub fn sub(self, sub: &str) -> Self {
        self.claim("sub", &text(sub))
    }

    /// The claim `aud`, as a string. An array is for [`claim`](Self::claim).
    pub fn aud(self, aud: &str) -> Self {
        self.claim("aud", &text(aud))
    }

    /// The claim `exp`: so many seconds from now, on the system's clock.
    pub fn exp(self, seconds: i64) -> Self {
        self.claim("exp", &in_seconds(seconds))
    }

    /// The claim `nbf`: so many seconds from now, on the system's clock.
    pub fn nbf(self, seconds: i64) -> Self {
        self.claim("nbf", &in_seconds(seconds))
    }

    /// The claim `iat`: so many seconds from now, on the system's clock.
    pub fn iat(self, seconds: i64) -> Self {
        self.claim("iat", &in_seconds(seconds))
    }

    /// The claim `jti`.
    pub fn jti(self, jti: &str) -> Self {
        self.claim("jti", &text(jti))
    }

    /// The `kid` of the header.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", &text(kid))
    }

    /// The `typ` of the header.
    pub fn typ(self, typ: &str) -> Self {
        self.header("typ", &text(typ))
    }

    /// A claim, as a JSON literal, written as it stands. A literal that is no JSON makes an assertion that is no JWT.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://gitlab.example.com")?;
    /// let job = issuer.assertion().sub("project_path:shop/orders").claim("ref_protected", "\"true\"");
    /// # Ok(()) }
    /// ```
    pub fn claim(mut self, name: &str, json: &str) -> Self {
        self.claims.set(name, json.to_owned());
        self
    }

    /// A member of the header, as a JSON literal, written as it stands. Whatever `alg` says, the signature is by ES256.
    ///
    /// ```
    /// use evergrant_mock::Issuer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = Issuer::new("https://issuer.example.com")?;
    /// let mislabelled = issuer.assertion().header("alg", "\"RS256\"").signed()?;
    /// # Ok(()) }
    /// ```
    pub fn header(mut self, name: &str, json: &str) -> Self {
        self.header.set(name, json.to_owned());
        self
    }

    /// Leaves a claim or a member of the header out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self.header.remove(name);
        self
    }

    /// The assertion as a JWT in the compact serialization (RFC 7515 §3.1).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn signed(&self) -> io::Result<String> {
        let signed = self.parts(&self.header);
        let Issuer { private, alg, random, .. } = self.issuer;
        let signature = private.sign(*alg, signed.as_bytes(), random)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The assertion without a signature: `alg` is `none` (RFC 7519 §6).
    pub fn unsigned(&self) -> String {
        let mut header = self.header.clone();
        header.set("alg", text("none"));
        self.parts(&header) + "."
    }

    fn parts(&self, header: &Members) -> String {
        let [header, claims] = [header, &self.claims].map(|members| URL_SAFE_NO_PAD.encode(members.json()));
        format!("{header}.{claims}")
    }
}

impl fmt::Debug for Assertion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("header", &self.header.names())
            .field("claims", &self.claims.names())
            .finish_non_exhaustive()
    }
}

/// The members of a JSON object in their order, with their values as JSON.
#[derive(Clone, Default)]
struct Members(Vec<(String, String)>);

impl Members {
    fn set(&mut self, name: &str, json: impl Into<String>) {
        match self.0.iter_mut().find(|(given, _)| given == name) {
            Some((_, value)) => *value = json.into(),
            None => self.0.push((name.to_owned(), json.into())),
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(given, _)| given != name);
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn json(&self) -> String {
        let members: Vec<String> =
            self.0.iter().map(|(name, json)| format!("{}:{json}", text(name))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// A text as JSON.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// A NumericDate (RFC 7519 §2), so many seconds from now.
fn in_seconds(seconds: i64) -> String {
    (clock::now(seconds) / SECOND).to_string()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests;
