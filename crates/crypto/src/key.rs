//! Keys in memory that sign client assertions.

mod certificate;
mod der;
mod jwk;
mod pair;
mod pem;
mod private;
mod refused;
mod stray;

use certificate::PublicKeyInfo;
use evergrant_core::{
    Algorithm, ConfigError, Excerpt, KeyInfo, SecretText, Signature, SourceError, Thumbprint,
};
use evergrant_drive::Signer;
use pair::{Pair, Public};
use pem::Block;
use refused::{COPY_WHOLE, GIVE_PRIVATE_KEY, NEW_KEY};
pub(crate) use refused::{OWN_CERTIFICATE_FIRST, refused};
use std::fmt;

/// A key that signs client assertions: an EC key on P-256 (ES256) or P-384 (ES384), an Ed25519 key (EdDSA), an RSA key of 2048, 3072 or 4096
/// bits (PS256, RS256, RS384), or a secret (HS256).
///
/// - Read are PEM as OpenSSL writes it (PKCS#8, PKCS#1 and SEC 1, none of them encrypted) and JWK (RFC 7517). Of anything else the error says what
///   was found, and which command makes a key of it.
/// - What was read is wiped from memory; what `ring` makes of it for signing is not.
/// - ECDSA and PSS signatures take random bytes from the operating system, and are other ones each time.
///
/// ```
/// use evergrant_core::{Algorithm, ConfigError};
/// use evergrant_crypto::Key;
/// use evergrant_drive::Signer;
///
/// // The example of RFC 8410. Yours is in a file: openssl genpkey -algorithm ed25519 -out key.pem
/// let key = Key::from_pem(
///     b"-----BEGIN PRIVATE KEY-----\n\
///       MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
///       -----END PRIVATE KEY-----\n",
/// )?
/// .with_id("erp-2026");
/// assert_eq!(key.key().algorithms(), [Algorithm::EdDsa]);
/// // What its server is told of it.
/// assert_eq!(
///     key.public_jwk().as_deref(),
///     Some(concat!(
///         r#"{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE","#,
///         r#""kid":"erp-2026","alg":"EdDSA","use":"sig"}"#
///     ))
/// );
/// # Ok::<(), ConfigError>(())
/// ```
pub struct Key {
    pair: Pair,
    info: KeyInfo,
}

impl Key {
    /// No text of a key is longer, in bytes: a longer one is something else.
    pub const MAX_LEN: usize = SecretText::MAX_BYTES;

    /// The one private key that a text in PEM (RFC 7468) has: PKCS#8 (`BEGIN PRIVATE KEY`), PKCS#1 (`BEGIN RSA PRIVATE KEY`) or SEC 1
    /// (`BEGIN EC PRIVATE KEY`). A certificate beside it is the key's own, as for [`with_certificate`](Self::with_certificate). Lines may be
    /// indented, as they are where PEM is copied out of YAML.
    ///
    /// # Errors
    /// [`ConfigError::KeyFormat`] says what was found instead, or why the key cannot be used, and what to do.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        let blocks = blocks(pem)?;
        let Some(first) = blocks.first() else { return Err(stray::stray(pem)) };
        let mut private = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY"));
        let key = match (private.next(), private.next()) {
            (Some(key), None) => key,
            (Some(_), Some(_)) => return Err(refused("several private keys", "leave the one to sign with")),
            (None, _) => return Err(stray::disguised(pem).unwrap_or_else(|| without_key(first))),
        };
        let pair = match key.label {
            "PRIVATE KEY" => private::pkcs8(&key.der()?)?,
            "RSA PRIVATE KEY" => private::pkcs1(&key.der()?)?,
            "EC PRIVATE KEY" => private::sec1(&key.der()?)?,
            _ => return Err(untaken(key)),
        };
        let key = Self::new(pair);
        match blocks.iter().find(|block| is_certificate(block)) {
            Some(certificate) => Ok(key.certified(certificate)?),
            None => Ok(key),
        }
    }

    /// The key that a JWK (RFC 7517) is: of kind EC, OKP, RSA or oct. Its `kid` is the key's name, and with `alg` it signs in that way alone.
    /// Of a JWK set it is the only private key; of several none is chosen, by a name neither.
    ///
    /// An RSA key has its primes with it (`p`, `q`, `dp`, `dq`, `qi`): `ring` needs them.
    ///
    /// ```
    /// use evergrant_core::Algorithm;
    /// use evergrant_crypto::Key;
    /// use evergrant_drive::Signer;
    ///
    /// // The example of RFC 8037.
    /// let key = Key::from_jwk(
    ///     r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    ///         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    /// )?;
    /// assert_eq!(key.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::KeyFormat`] as with [`from_pem`](Self::from_pem), and for a JWK that is not to sign with: public, with another `use`
    /// than `sig`, or with `key_ops` but without `sign`. [`ConfigError::SecretTooShort`] as [`hmac`](Self::hmac).
    pub fn from_jwk(jwk: &str) -> Result<Self, ConfigError> {
        if jwk.len() > Self::MAX_LEN {
            return Err(refused::too_long());
        }
        let text = jwk.strip_prefix('\u{feff}').unwrap_or(jwk);
        // UTF-16 without its mark begins with that character, too.
        if !text.trim_ascii_start().starts_with('{') || stray::is_utf16(text.as_bytes()) {
            return Err(if text.contains("-----BEGIN ") {
                refused("PEM in place of a JWK", "read it by Key::from_pem or Key::from_text")
            } else {
                stray::stray(text.as_bytes())
            });
        }
        let jwk::Jwk { pair, algorithms, id } = jwk::read(text)?;
        let key = Self::with_algorithms(pair, algorithms);
        Ok(match id {
            Some(id) => key.with_id(&id),
            None => key,
        })
    }

    /// A key in PEM or a JWK, by what it is.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem) and [`from_jwk`](Self::from_jwk).
    pub fn from_text(text: &[u8]) -> Result<Self, ConfigError> {
        let begins = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_ascii_start();
        match std::str::from_utf8(text) {
            Ok(text) if begins.starts_with(b"{") => Self::from_jwk(text),
            _ => Self::from_pem(text),
        }
    }

    /// A secret that client and server share, for `client_secret_jwt` (HS256): of a text, its bytes in UTF-8 (OpenID Connect Core 1.0 §10.1).
    ///
    /// # Errors
    /// [`ConfigError::SecretTooShort`] for less than 32 bytes (RFC 7518 §3.2).
    pub fn hmac(secret: &[u8]) -> Result<Self, ConfigError> {
        Pair::hmac(secret).map(Self::new)
    }

    /// A new key on P-256 (ES256), which nobody else has and which is gone with this value.
    ///
    /// ```
    /// use evergrant_crypto::Key;
    ///
    /// assert_ne!(Key::generate()?.thumbprint(), Key::generate()?.thumbprint());
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::KeyFormat`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, ConfigError> {
        Pair::generate().map(Self::new)
    }

    /// The same key with its name at the server: `kid` (RFC 7515 §4.1.4).
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { info: self.info.with_id(id), ..self }
    }

    /// The same key, whose name at the server (`kid`) is the thumbprint of its public key (RFC 7638), as [`thumbprint`](Self::thumbprint) prints
    /// it. So a key in PEM, which says no name, has one that nobody has to choose or to write down, and a new key has a new one.
    ///
    /// A secret stays as it is, with the name of its JWK or without one: whoever sees its thumbprint could try out secrets (RFC 7638 §7), and the
    /// one that it has here is nothing to the server.
    ///
    /// ```
    /// use evergrant_crypto::Key;
    ///
    /// let key = Key::generate()?.with_thumbprint_id();
    /// let registered = key.public_jwk().unwrap_or_default(); // what the server is told of it has the name, too
    /// assert!(registered.contains(&format!(r#""kid":"{}""#, key.thumbprint())));
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_thumbprint_id(self) -> Self {
        let id = match self.pair.public() {
            Public::Hmac(_) => return self,
            public => jwk::thumbprint(&public).to_string(),
        };
        self.with_id(&id)
    }

    /// The same key with the first certificate of this PEM, by which Microsoft Entra finds it: assertions have `x5t#S256` then (RFC 7515 §4.1.8).
    ///
    /// # Errors
    /// [`ConfigError::KeyFormat`] for what is no certificate, and for the certificate of another key.
    pub fn with_certificate(self, pem: &[u8]) -> Result<Self, ConfigError> {
        Ok(self.certified_by(pem)?)
    }

    /// The public key as a JWK (RFC 7517), with its name and for what it is: to be registered at the server. A secret has none.
    pub fn public_jwk(&self) -> Option<String> {
        jwk::public_jwk(&self.pair.public(), &self.info)
    }

    /// The thumbprint of the public key (RFC 7638). Of a secret it tells it from another in this process and says nothing of it: another process
    /// has another one.
    pub fn thumbprint(&self) -> Thumbprint {
        jwk::thumbprint(&self.pair.public())
    }

    fn new(pair: Pair) -> Self {
        let algorithms = pair.algorithms();
        Self::with_algorithms(pair, algorithms)
    }

    fn with_algorithms(pair: Pair, algorithms: Vec<Algorithm>) -> Self {
        let info = KeyInfo::new(algorithms).with_thumbprint(jwk::thumbprint(&pair.public()));
        Self { pair, info }
    }

    /// As [`with_certificate`](Self::with_certificate), for whoever can say which files do not belong together.
    pub(crate) fn certified_by(self, pem: &[u8]) -> Result<Self, Uncertified> {
        match blocks(pem)?.iter().find(|block| is_certificate(block)) {
            Some(certificate) => self.certified(certificate),
            None => Err(stray::no_certificate(pem).into()),
        }
    }

    fn certified(self, certificate: &Block<'_>) -> Result<Self, Uncertified> {
        let der = certificate.der()?;
        let Some(info) = PublicKeyInfo::of(&der) else {
            return Err(refused("a certificate that cannot be read", COPY_WHOLE).into());
        };
        if info.is(&self.pair.public()) == Some(false) {
            return Err(Uncertified::OfAnotherKey);
        }
        Ok(Self { info: self.info.with_certificate(pair::sha256(&der)), ..self })
    }
}

/// Why a key does not get a certificate.
pub(crate) enum Uncertified {
    /// It is that of another key.
    OfAnotherKey,
    /// It is none, for this reason.
    NoCertificate(ConfigError),
}

impl From<ConfigError> for Uncertified {
    fn from(error: ConfigError) -> Self {
        Self::NoCertificate(error)
    }
}

impl From<Uncertified> for ConfigError {
    fn from(reason: Uncertified) -> Self {
        match reason {
            Uncertified::OfAnotherKey => refused("a certificate of another key", OWN_CERTIFICATE_FIRST),
            Uncertified::NoCertificate(error) => error,
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn blocks(pem: &[u8]) -> Result<Vec<Block<'_>>, ConfigError> {
    if pem.len() > Key::MAX_LEN {
        return Err(refused::too_long());
    }
    pem::blocks(pem.strip_prefix(BYTE_ORDER_MARK).unwrap_or(pem))
}

fn is_certificate(block: &Block<'_>) -> bool {
    matches!(block.label, "CERTIFICATE" | "X509 CERTIFICATE")
}

/// There are blocks, and none of them is a private key.
fn without_key(first: &Block<'_>) -> ConfigError {
    let (found, mend) = match first.label {
        _ if is_certificate(first) => (
            "a certificate without its private key",
            "give the private key, or both in one file: it begins with -----BEGIN PRIVATE KEY-----",
        ),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => ("a public key", GIVE_PRIVATE_KEY),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => ("a certificate request", GIVE_PRIVATE_KEY),
        "EC PARAMETERS" => ("the parameters of a curve without a key", NEW_KEY),
        label => {
            return refused(&format!("a PEM block BEGIN {label}, which is no private key"), GIVE_PRIVATE_KEY);
        }
    };
    refused(found, mend)
}

/// A private key of a form that is not taken.
fn untaken(key: &Block<'_>) -> ConfigError {
    match key.label {
        "ENCRYPTED PRIVATE KEY" => pem::encrypted(),
        "OPENSSH PRIVATE KEY" => refused(
            "a private key of OpenSSH",
            "convert a copy: ssh-keygen -p -N '' -m PKCS8 -f copy-of-key; an Ed25519 key stays as it is by that, so make a new one: \
             openssl genpkey -algorithm ed25519 -out key.pem",
        ),
        "DSA PRIVATE KEY" => refused("a DSA key", NEW_KEY),
        label => refused(&format!("a private key of an unknown form, BEGIN {label}"), NEW_KEY),
    }
}

/// Asked in place: the slowest, RSA with 4096 bits, takes a few milliseconds.
impl Signer for Key {
    fn key(&self) -> KeyInfo {
        self.info.clone()
    }

    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Signature, SourceError> {
        self.signature(algorithm, input).map(Signature::new)
    }

    fn is_quick(&self) -> bool {
        true
    }
}

impl Key {
    /// The bytes of the signature.
    pub(crate) fn signature(&self, algorithm: Algorithm, input: &[u8]) -> Result<Vec<u8>, SourceError> {
        let can = self.info.algorithms();
        if !can.contains(&algorithm) {
            let names: Vec<&str> = can.iter().map(|can| can.name()).collect();
            let can = Excerpt::new(&names.join(", "), &[]).unwrap_or_default();
            return Err(ConfigError::Algorithm { wanted: algorithm.name(), can }.into());
        }
        // An RSA key whose parts do not fit each other is found here, and a system without random bytes.
        self.pair.sign(algorithm, input).map_err(|_| {
            SourceError::failed(
                "the key gives no signature; check that it was copied completely: openssl pkey -in FILE -noout -check",
            )
        })
    }
}

/// How it signs, its name and thumbprint, and nothing else of it.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithms", &self.info.algorithms())
            .field("id", &self.info.id())
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
