//! Assertions to test with: what a cluster, a SPIFFE server or a CI system would sign.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::clock::{self, SECOND};
use crate::jwk::Key;
use crate::trust::Trust;

/// Seconds that an assertion is valid unless a test says otherwise: the least that Kubernetes grants.
const LIFE: i64 = 600;

/// Who signs assertions, by ES256 with a key of its own: a cluster, a SPIFFE server, a CI system.
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
    kid: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// How many assertions were begun, for `jti`.
    begun: AtomicU64,
}

impl Issuer {
    /// An issuer with a new key, and this name in `iss`.
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
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| no_randomness())?;
        let key =
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(|_| no_randomness())?;
        let mut issuer =
            Self { iss: iss.to_owned(), kid: String::new(), key, random, begun: AtomicU64::new(0) };
        issuer.kid = issuer.thumbprint();
        Ok(issuer)
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
        self.public().to_string()
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
        json!({ "keys": [self.public()] }).to_string()
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
        Trust::new(vec![Key::p256(&self.kid, self.key.public_key().as_ref())], audience)
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
        assertion.header.set("alg", text("ES256"));
        assertion.typ("JWT").kid(&self.kid).iss(&self.iss).iat(0).exp(LIFE).jti(&self.unique())
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

    fn public(&self) -> Value {
        let (x, y) = self.point();
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "use": "sig", "alg": "ES256" })
    }

    /// The coordinates of the public key, behind the byte that says that both are there.
    fn point(&self) -> (String, String) {
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
    }

    /// RFC 7638.
    fn thumbprint(&self) -> String {
        let (x, y) = self.point();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
    }

    fn unique(&self) -> String {
        format!("{}-{}", self.begun.fetch_add(1, Ordering::Relaxed) + 1, self.kid)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("iss", &self.iss).field("kid", &self.kid).finish_non_exhaustive()
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
        let signature =
            self.issuer.key.sign(&self.issuer.random, signed.as_bytes()).map_err(|_| no_randomness())?;
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

fn no_randomness() -> io::Error {
    io::Error::other("the system gives no randomness")
}

#[cfg(test)]
mod tests;
