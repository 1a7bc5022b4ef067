//! What is said of what is no key that can be used: what was found, and which command or kind of key would do. Nothing of a key is in it.
//! In the commands FILE is the file of whoever reads them; what `-out` or `>` names is new.

use evergrant_core::{ConfigError, Excerpt};

/// How one is made that every server takes.
pub(super) const NEW_KEY: &str =
    "make one that can: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem";

/// How an RSA key is made that can be used here.
pub(super) const NEW_RSA_KEY: &str = "use one of 2048, 3072 or 4096 bits with the usual exponent: openssl genpkey -algorithm RSA -pkeyopt \
     rsa_keygen_bits:3072 -out key.pem";

/// What to do about a key with a passphrase.
pub(super) const DECRYPT: &str = "write it without its passphrase to where this program alone may read it: openssl pkey -in FILE -out \
     decrypted.pem";

/// What to do about what is no private key.
pub(super) const GIVE_PRIVATE_KEY: &str =
    "give the private key that belongs to it, which begins with -----BEGIN PRIVATE KEY-----";

/// What to do about a JWK that can only verify.
pub(super) const GIVE_PRIVATE_JWK: &str = "give the JWK that belongs to it and has the member d";

/// What to do about several keys as JWK.
pub(super) const ONE_JWK: &str =
    "leave the one to sign with, which keeps its kid; the first, for one: jq '.keys[0]' FILE > key.json";

/// What to do about the certificate of another key.
pub(crate) const OWN_CERTIFICATE_FIRST: &str =
    "put the certificate of this key first, before those of whoever issued it";

/// How a key is taken out of PKCS#12.
pub(super) const TAKE_OUT: &str = "take the key out: openssl pkcs12 -in FILE -nocerts -nodes -out key.pem";

/// What to do about lines that are not as PEM has them (RFC 7468 §2).
pub(super) const BREAK_LINES: &str = "write it as openssl does: the line -----BEGIN PRIVATE KEY----- by itself and with nothing before it, and \
     real line breaks, not the two characters \\n";

/// What to do about a text whose line breaks are two characters each.
pub(super) const REAL_BREAKS: &str =
    "write real line breaks; out of a variable: (umask 077; printf '%b' \"$VARIABLE\" > key.pem)";

/// What to do about lines with fewer hyphens, more of them, or other dashes.
pub(super) const HYPHENS: &str =
    "write the lines as openssl does, with five hyphens before and five behind: -----BEGIN PRIVATE KEY-----";

/// What to do about JSON that no JWK is written in.
pub(super) const WRITE_JWK: &str =
    "write it as RFC 7517 says: one object, each member once, and text where text belongs";

/// What to do about what was cut off.
pub(super) const COPY_WHOLE: &str = "check that it was copied completely";

/// What was found is none that can be used.
pub(crate) fn refused(found: &str, mend: &str) -> ConfigError {
    let [found, mend] = [found, mend].map(|words| Excerpt::new(words, &[]).unwrap_or_default());
    ConfigError::KeyFormat { found, mend }
}

/// The bytes of a key are not those of one.
pub(super) fn damaged() -> ConfigError {
    refused(
        "a private key that cannot be read",
        "check that it was copied completely: openssl pkey -in FILE -noout -check",
    )
}

/// The parts of a key do not fit each other.
pub(super) fn inconsistent() -> ConfigError {
    refused(
        "a private key whose parts do not belong together",
        "check that it was copied completely: openssl pkey -in FILE -noout -check",
    )
}

/// There are more bytes than any key has.
pub(super) fn too_long() -> ConfigError {
    refused("more than 64 KiB", "give the private key alone, or with its certificate")
}

/// The system has none for what needs it.
pub(super) fn no_randomness() -> ConfigError {
    refused("no random bytes from the system", "see what its random device lacks")
}
