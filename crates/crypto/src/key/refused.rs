//! What is said of what is no key that can be used: what was found, and which command or kind of key would do. Nothing of a key is in it.

use evergrant_core::{ConfigError, Excerpt};

/// How one is made that every server takes.
pub(super) const NEW_KEY: &str =
    "make one that can: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem";

/// How an RSA key is made that can be used here.
pub(super) const NEW_RSA_KEY: &str = "use one of 2048, 3072 or 4096 bits with the usual exponent: openssl genpkey -algorithm RSA -pkeyopt \
     rsa_keygen_bits:3072 -out key.pem";

/// What to do about a key with a passphrase.
pub(super) const DECRYPT: &str = "write it without its passphrase to where this program alone may read it: openssl pkey -in key.pem -out \
     decrypted.pem";

/// What to do about what is no private key.
pub(super) const GIVE_PRIVATE_KEY: &str =
    "give the private key that belongs to it, which begins with -----BEGIN PRIVATE KEY-----";

/// What to do about lines that are not as PEM has them (RFC 7468 §2).
pub(super) const BREAK_LINES: &str = "write it as openssl does: the line -----BEGIN PRIVATE KEY----- by itself and with nothing before it, and \
     real line breaks, not the two characters \\n";

/// What to do about JSON that no JWK is written in.
pub(super) const WRITE_JWK: &str =
    "write it as RFC 7517 says: one object, each member once, and text where text belongs";

/// What was found is none that can be used.
pub(super) fn refused(found: &str, mend: &str) -> ConfigError {
    let [found, mend] = [found, mend].map(|words| Excerpt::new(words, &[]).unwrap_or_default());
    ConfigError::KeyFormat { found, mend }
}

/// The bytes of a key are not those of one.
pub(super) fn damaged() -> ConfigError {
    refused(
        "a private key that cannot be read",
        "check that it was copied completely: openssl pkey -in key.pem -noout -check",
    )
}

/// The parts of a key do not fit each other.
pub(super) fn inconsistent() -> ConfigError {
    refused(
        "a private key whose parts do not belong together",
        "check that it was copied completely: openssl pkey -in key.pem -noout -check",
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
