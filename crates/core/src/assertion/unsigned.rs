//! An assertion that this client makes itself, before it is signed (RFC 7523 §3).

use super::AssertionForm;
use crate::error::{ConfigError, Excerpt, SourceError};
use crate::json;
use crate::secret::{Secret, Wiped};
use crate::signature::{Algorithm, KeyInfo, Signature};
use crate::text::SecretText;
use crate::thumbprint::Thumbprint;
use crate::time::Wall;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

/// The claims that are set here. `jti` names each assertion, so that a server takes it once.
const CLAIMS: [&str; 7] = ["iss", "sub", "aud", "jti", "iat", "exp", "nbf"];

/// So long an assertion is valid: without `iat` Keycloak takes no longer one, and a request that is slower has failed.
const LIFE: Duration = Duration::from_secs(60);

/// So long ago it is said to be made: clocks are never quite the same, and servers refuse what is from the future.
const EARLIER: Duration = Duration::from_secs(5);

/// An assertion that lacks the key's part: its header and its signature. Whoever has the key says what it is, and signs what comes of that.
///
/// ```
/// use evergrant_core::{Algorithm, Asking, KeyInfo, SecretText, Signature, SourceError};
///
/// # fn random() -> [u8; 16] { [7; 16] }
/// # fn key_service(input: &[u8]) -> Vec<u8> { let _ = input; vec![0x30, 6, 2, 1, 1, 2, 1, 2] }
/// /// The answer to what an attempt asks for.
/// fn signed(asking: &Asking<'_>) -> Result<SecretText, SourceError> {
///     let unsigned = asking.unsigned().ok_or(SourceError::Missing)?; // something else is asked for
///     let key = KeyInfo::new([Algorithm::Es256]).with_id("2026-11");
///     let input = unsigned.for_key(&key, random())?; // 16 bytes that nobody can foresee: its `jti`
///     let der = key_service(input.as_bytes());
///     let signature = Signature::from_der(input.algorithm(), &der)?;
///     input.signed(&signature)
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnsignedAssertion {
    pub(crate) client_id: Box<str>,
    pub(crate) audience: Box<str>,
    /// What the server's clock shows.
    pub(crate) now: Wall,
    pub(crate) form: AssertionForm,
    pub(crate) claims: Vec<(Box<str>, Secret)>,
    pub(crate) kind: Kind,
    /// The algorithm that the client was told to use.
    pub(crate) algorithm: Option<Algorithm>,
    /// How an RSA key signs for this server, which may sign in several ways.
    pub(crate) rsa: Algorithm,
}

/// What signs it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind {
    /// `private_key_jwt`.
    PrivateKey,
    /// `client_secret_jwt`.
    ClientSecret,
}

impl Kind {
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Self::PrivateKey => "private_key_jwt",
            Self::ClientSecret => "client_secret_jwt",
        }
    }

    const fn takes(self, algorithm: Algorithm) -> bool {
        algorithm.is_symmetric() == matches!(self, Self::ClientSecret)
    }
}

impl UnsignedAssertion {
    /// What this key has to sign. `jti` is new for each request that is ever sent: 16 bytes that nobody can foresee.
    ///
    /// # Errors
    /// [`ConfigError::Algorithm`] for a key that cannot sign as the client, or its method of authentication, asks.
    pub fn for_key(&self, key: &KeyInfo, jti: [u8; 16]) -> Result<SigningInput, ConfigError> {
        let algorithm = self.algorithm_of(key)?;
        let (header, claims) = (self.header(algorithm, key), self.payload(jti));
        let length = |json: &[u8]| base64::encoded_len(json.len(), false).unwrap_or_default();
        // Room for the signature too: a text that grows leaves copies behind.
        let room = length(&header) + length(&claims) + 2 + SIGNATURE_ROOM;
        let mut text = Zeroizing::new(String::with_capacity(room));
        URL_SAFE_NO_PAD.encode_string(&header, &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(&**claims, &mut text);
        Ok(SigningInput { algorithm, text, thumbprint: key.thumbprint() })
    }

    fn algorithm_of(&self, key: &KeyInfo) -> Result<Algorithm, ConfigError> {
        let can: Vec<Algorithm> =
            key.algorithms().iter().copied().filter(|can| self.kind.takes(*can)).collect();
        let chosen = match self.algorithm {
            Some(wanted) => can.iter().find(|can| **can == wanted),
            None => can.iter().find(|can| **can == self.rsa).or_else(|| can.first()),
        };
        chosen.copied().ok_or_else(|| {
            let wanted = match (self.algorithm, self.kind) {
                (Some(wanted), _) => wanted.name(),
                (None, kind) => kind.method(),
            };
            let names: Vec<&str> = key.algorithms().iter().map(|can| can.name()).collect();
            ConfigError::Algorithm { wanted, can: Excerpt::new(&names.join(", "), &[]).unwrap_or_default() }
        })
    }

    fn header(&self, algorithm: Algorithm, key: &KeyInfo) -> Vec<u8> {
        let mut header = Object::with_room(160);
        header.text("alg", algorithm.name());
        header.text("typ", self.form.header_type());
        if let Some(id) = key.id() {
            header.text("kid", id);
        }
        if let Some(certificate) = key.certificate() {
            header.text("x5t#S256", &alloc::format!("{certificate}"));
        }
        header.end()
    }

    /// Claims of the user's own may be secrets.
    fn payload(&self, jti: [u8; 16]) -> Wiped {
        let own: usize = self.claims.iter().map(|(name, json)| name.len() + json.expose().len() + 4).sum();
        let room = 6 * (2 * self.client_id.len() + self.audience.len()) + own + 160;
        let iat = self.now.since_epoch().saturating_sub(EARLIER).as_secs();
        let mut claims = Object::with_room(room);
        claims.text("iss", &self.client_id);
        claims.text("sub", &self.client_id);
        claims.text("aud", &self.audience);
        claims.text("jti", &URL_SAFE_NO_PAD.encode(jti));
        claims.number("iat", iat);
        claims.number("exp", iat.saturating_add(LIFE.as_secs()));
        if self.form.has_not_before() {
            claims.number("nbf", iat);
        }
        for (name, json) in &self.claims {
            claims.json(name, json.expose());
        }
        Wiped(claims.end())
    }
}

/// In base64url, of the longest: RSA with 8192 bits.
const SIGNATURE_ROOM: usize = 1368;

/// Without its claims.
impl fmt::Debug for UnsignedAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedAssertion")
            .field("client_id", &self.client_id)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// What has to be signed: header and claims (RFC 7515 §5.1), made for one key.
pub struct SigningInput {
    algorithm: Algorithm,
    text: Zeroizing<String>,
    thumbprint: Option<Thumbprint>,
}

impl SigningInput {
    /// How it is signed.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes that are signed.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The assertion, with this signature of it. It is [costly](SecretText::costly) where the key has no thumbprint: nobody can tell whether
    /// it is another one after a refusal.
    ///
    /// # Errors
    /// [`SourceError::Failed`] for a signature whose length is not that of the algorithm.
    pub fn signed(self, signature: &Signature) -> Result<SecretText, SourceError> {
        let Self { algorithm, mut text, thumbprint } = self;
        let signature = signature.checked(algorithm)?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        let signed = SecretText::new(&text);
        Ok(match thumbprint {
            Some(thumbprint) => signed.told_by(&thumbprint.into()),
            None => signed.costly(),
        })
    }
}

impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningInput").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// A claim of the user's own.
///
/// # Errors
/// [`ConfigError::AssertionClaim`] for one that is set here, and for what is no JSON value.
pub(crate) fn check_claim(name: &str, value: &str) -> Result<(), ConfigError> {
    if name.is_empty() || CLAIMS.contains(&name) || !json::is_value(value.as_bytes()) {
        return Err(ConfigError::AssertionClaim { name: Excerpt::new(name, &[]).unwrap_or_default() });
    }
    Ok(())
}

/// A JSON object, member by member.
struct Object(Vec<u8>);

impl Object {
    fn with_room(room: usize) -> Self {
        let mut object = Vec::with_capacity(room);
        object.push(b'{');
        Self(object)
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        json::quote(&mut self.0, name);
        self.0.push(b':');
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        json::quote(&mut self.0, text);
    }

    fn number(&mut self, name: &str, number: u64) {
        self.json(name, &alloc::format!("{number}"));
    }

    fn json(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.extend(value.as_bytes());
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

#[cfg(test)]
mod tests;
