//! A certificate with its key, as it was read.

use super::pem::{self, Part};
use evergrant_core::{ConfigError, Excerpt, SecretText, Thumbprint};
use ring::digest::{Context, SHA256, digest};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A client certificate with those between it and its authority, and its private key: what [`Identity`](super::Identity) read at some moment.
/// Clones are one, and the key is wiped from memory with the last of them. Debug shows the thumbprint alone.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_drive::CertifiedKey;
///
/// # let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["client".into()])?;
/// # let pem = cert.pem() + &signing_key.serialize_pem();
/// let certified = CertifiedKey::from_pem(&pem)?;
/// assert_eq!(certified.certificates().count(), 1);
/// assert_eq!(certified.thumbprint().to_string().len(), 43); // as `cnf` of a bound token has it
/// assert_eq!(CertifiedKey::from_pem(certified.pem().expose())?, certified);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct CertifiedKey(Arc<Certified>);

struct Certified {
    chain: Vec<Zeroizing<Vec<u8>>>,
    key: Zeroizing<Vec<u8>>,
    format: KeyEncoding,
    thumbprint: Thumbprint,
    /// Of the whole.
    digest: [u8; 32],
}

/// How a private key is written in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyEncoding {
    /// PKCS#8 (RFC 5958): of any kind.
    Pkcs8,
    /// PKCS#1 (RFC 8017): RSA.
    Pkcs1,
    /// SEC1 (RFC 5915): elliptic curves.
    Sec1,
}

impl KeyEncoding {
    const ALL: [Self; 3] = [Self::Pkcs8, Self::Pkcs1, Self::Sec1];

    /// Its label in PEM.
    const fn label(self) -> &'static str {
        match self {
            Self::Pkcs8 => "PRIVATE KEY",
            Self::Pkcs1 => "RSA PRIVATE KEY",
            Self::Sec1 => "EC PRIVATE KEY",
        }
    }
}

const CERTIFICATE: &str = "CERTIFICATE";

impl CertifiedKey {
    /// What is in one text.
    ///
    /// # Errors
    /// [`ConfigError::KeyFormat`]: it has no certificate, or no key that can be used. It says what was found, and what to do.
    pub fn from_pem(text: &str) -> Result<Self, ConfigError> {
        Self::from_pems(text, text).map_err(|(error, _)| error)
    }

    /// What is in two; an error with whether it is that of the key.
    pub(super) fn from_pems(certificate: &str, key: &str) -> Result<Self, (ConfigError, bool)> {
        let chain = chain(certificate).map_err(|error| (error, false))?;
        let (format, key) = private_key(key).map_err(|error| (error, true))?;
        let leaf = chain.first().map(|leaf| digest(&SHA256, leaf));
        let mut whole = Context::new(&SHA256);
        for part in chain.iter().chain([&key]) {
            whole.update(&part.len().to_be_bytes());
            whole.update(part);
        }
        let bytes = |digest: &[u8]| <[u8; 32]>::try_from(digest).unwrap_or_default();
        let thumbprint = Thumbprint::new(leaf.map_or([0; 32], |leaf| bytes(leaf.as_ref())));
        let digest = bytes(whole.finish().as_ref());
        Ok(Self(Arc::new(Certified { chain, key, format, thumbprint, digest })))
    }

    /// What tells the certificate from every other, as tokens that are bound to it have it (`x5t#S256`, RFC 8705 §3.1).
    pub fn thumbprint(&self) -> Thumbprint {
        self.0.thumbprint
    }

    /// The certificate, then those between it and its authority, each in DER.
    pub fn certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.chain.iter().map(|certificate| certificate.as_slice())
    }

    /// The private key in DER, and how it is written: keep it out of logs.
    pub fn key(&self) -> (KeyEncoding, &[u8]) {
        (self.0.format, &self.0.key)
    }

    /// The certificates in PEM.
    pub fn certificates_pem(&self) -> String {
        let mut written = Zeroizing::default();
        self.certificates().for_each(|certificate| pem::write(&mut written, CERTIFICATE, certificate));
        written.as_str().to_owned()
    }

    /// The private key in PEM: keep it out of logs.
    pub fn key_pem(&self) -> SecretText {
        let mut written = Zeroizing::default();
        pem::write(&mut written, self.0.format.label(), &self.0.key);
        pem::text(&written)
    }

    /// All of it in PEM, for an HTTP client of the program's own: keep it out of logs.
    pub fn pem(&self) -> SecretText {
        let mut written = Zeroizing::default();
        self.certificates().for_each(|certificate| pem::write(&mut written, CERTIFICATE, certificate));
        pem::write(&mut written, self.0.format.label(), &self.0.key);
        pem::text(&written)
    }
}

/// Whether all of it is the same, key and order of the certificates included.
impl PartialEq for CertifiedKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for CertifiedKey {}

impl fmt::Debug for CertifiedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertifiedKey").field("thumbprint", &self.0.thumbprint).finish_non_exhaustive()
    }
}

fn chain(text: &str) -> Result<Vec<Zeroizing<Vec<u8>>>, ConfigError> {
    let mut chain = Vec::new();
    for part in pem::parts(text) {
        let part = part.map_err(unended)?;
        if part.label == CERTIFICATE {
            chain.push(decoded(&part)?);
        }
    }
    if chain.is_empty() { Err(no_certificate(text)) } else { Ok(chain) }
}

fn private_key(text: &str) -> Result<(KeyEncoding, Zeroizing<Vec<u8>>), ConfigError> {
    let mut found = None;
    for part in pem::parts(text) {
        let part = part.map_err(unended)?;
        let Some(format) = KeyEncoding::ALL.into_iter().find(|format| format.label() == part.label) else {
            continue;
        };
        if part.is_encrypted() {
            return Err(encrypted());
        }
        if found.replace((format, decoded(&part)?)).is_some() {
            return Err(format_error("there are several private keys", "keep the one of the certificate"));
        }
    }
    found.ok_or_else(|| no_key(text))
}

fn decoded(part: &Part<'_>) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    part.der().ok_or_else(|| {
        format_error(
            "what is between BEGIN and END is not base64",
            "write the file again, as PEM; lines that were joined or cut by hand cannot be read",
        )
    })
}

fn unended(_: &str) -> ConfigError {
    format_error(
        "a BEGIN line has no END line of the same name",
        "write the file again, whole; whatever writes it should replace it by a rename",
    )
}

fn encrypted() -> ConfigError {
    format_error(
        "the private key is encrypted",
        "decrypt it: openssl pkey -in KEY -out KEY.pem, with the passphrase; nobody is asked for one here",
    )
}

fn labels(text: &str) -> impl Iterator<Item = &str> {
    pem::parts(text).filter_map(Result::ok).map(|part| part.label)
}

fn no_certificate(text: &str) -> ConfigError {
    match labels(text).next() {
        None => format_error(
            "there is no certificate in PEM",
            "name the file that has one, which begins with -----BEGIN CERTIFICATE-----; of DER, convert it: openssl x509 \
             -inform DER -in FILE -out FILE.pem",
        ),
        Some("TRUSTED CERTIFICATE" | "X509 CERTIFICATE") => format_error(
            "the certificate is in another form of PEM",
            "convert it: openssl x509 -in FILE -out FILE.pem",
        ),
        Some("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") => format_error(
            "there is a certificate signing request in place of a certificate",
            "have an authority sign it, and name the certificate that it gives you",
        ),
        Some("PKCS7") => format_error(
            "there are certificates in PKCS#7",
            "convert them: openssl pkcs7 -print_certs -in FILE -out FILE.pem",
        ),
        Some(_) => format_error(
            "there is no certificate, though something else in PEM",
            "name the file that has one, which begins with -----BEGIN CERTIFICATE-----",
        ),
    }
}

fn no_key(text: &str) -> ConfigError {
    let mut labels = labels(text).filter(|label| *label != "EC PARAMETERS" && *label != CERTIFICATE);
    match labels.next() {
        Some("ENCRYPTED PRIVATE KEY") => encrypted(),
        Some("PUBLIC KEY" | "RSA PUBLIC KEY") => format_error(
            "there is a public key in place of a private key",
            "name the file with the private key that the certificate was issued for",
        ),
        Some("DSA PRIVATE KEY") => format_error(
            "the private key is one of DSA, which TLS does not use",
            "have a certificate issued for an EC or RSA key: openssl genpkey -algorithm EC -pkeyopt \
             ec_paramgen_curve:P-256 -out KEY.pem",
        ),
        Some("OPENSSH PRIVATE KEY") => format_error(
            "the private key is in the format of OpenSSH",
            "convert a copy of it: ssh-keygen -p -m PKCS8 -f KEY",
        ),
        Some(_) | None => format_error(
            "there is no private key in PEM",
            "name the file that has it, which begins with -----BEGIN PRIVATE KEY-----; of DER, convert it: openssl pkey \
             -inform DER -in FILE -out FILE.pem",
        ),
    }
}

fn format_error(found: &str, mend: &str) -> ConfigError {
    let excerpt = |text| Excerpt::new(text, &[]).unwrap_or_default();
    ConfigError::KeyFormat { found: excerpt(found), mend: excerpt(mend) }
}
