//! Keys in files, as they are found.

use super::*;
use evergrant_core::Algorithm;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

const LIMIT: Duration = Duration::from_secs(60);
const P256: &[u8] = include_bytes!("../key/tests/keys/p256.pem");
const P256_CERTIFICATE: &[u8] = include_bytes!("../key/tests/keys/p256-certificate.pem");
const ED25519: &[u8] = include_bytes!("../key/tests/keys/ed25519.pem");
const JWK: &[u8] = include_bytes!("../key/tests/keys/rfc8037-a1.json");

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("evergrant-key-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn error(source: &KeyFile) -> SourceError {
    source.read(LIMIT).err().unwrap()
}

/// What is read of a file with these bytes.
fn error_of(content: &[u8]) -> SourceError {
    error(&KeyFile::new(Folder::new().write("key.pem", content)))
}

#[test]
fn a_file_has_a_key_in_pem_or_a_jwk() {
    let folder = Folder::new();
    for (name, content) in [("key.pem", P256), ("key.jwk", JWK)] {
        let source = KeyFile::new(folder.write(name, content));
        let key = source.read(LIMIT).unwrap();
        assert_eq!(key.key().thumbprint(), Some(Key::from_text(content).unwrap().thumbprint()));
        assert!(key.is_quick());
        assert!(source.name().unwrap().ends_with(name));
    }
}

#[test]
fn a_file_is_read_anew_each_time() {
    let folder = Folder::new();
    let source = KeyFile::new(folder.0.join("key.pem"));
    assert_eq!(error(&source), SourceError::Missing, "not there yet");
    for content in [P256, ED25519] {
        fs::rename(folder.write("next", content), folder.0.join("key.pem")).unwrap();
        let key = source.read(LIMIT).unwrap();
        assert_eq!(key.key().thumbprint(), Some(Key::from_text(content).unwrap().thumbprint()));
    }
}

#[test]
fn what_is_no_key_is_permanent_and_what_may_yet_be_written_is_not() {
    for nothing in [&b""[..], b"\n", b" \r\n"] {
        assert_eq!(error_of(nothing), SourceError::Empty);
    }
    assert_eq!(error_of(&vec![b'\n'; Key::MAX_LEN + 1]), SourceError::TooLong);
    for (content, found) in [
        (&include_bytes!("../key/tests/keys/encrypted.pem")[..], "an encrypted private key"),
        (include_bytes!("../key/tests/keys/p256.der"), "DER bytes"),
        (b"my-client-secret", "a text without a private key in it"),
    ] {
        let error = error_of(content);
        assert_eq!(error.class(), Class::Permanent);
        assert!(
            matches!(&error, SourceError::Unusable(ConfigError::KeyFormat { found: ours, .. }) if ours.as_str() == found)
        );
    }
}

#[test]
fn a_secret_is_one_text_of_32_bytes_at_least() {
    let folder = Folder::new();
    let secret = |content: &[u8]| KeyFile::secret(folder.write("secret", content));
    let long = b"a secret of more than 32 bytes in all";
    let key = secret(&[&long[..], b"\n"].concat()).read(LIMIT).unwrap();
    assert_eq!(key.key().thumbprint(), Some(Key::hmac(long).unwrap().thumbprint()));
    assert_eq!(key.key().algorithms(), [Algorithm::Hs256]);
    assert_eq!(error(&secret(b"short\n")), ConfigError::SecretTooShort.into());
    assert_eq!(error(&secret(b"\n")), SourceError::Empty);
    let two = error(&secret(&[&long[..], b"\nand more\n"].concat()));
    assert_eq!(two, ConfigError::ControlCharacter { field: "client_secret", at: long.len() }.into());
    // PEM is no secret, nor a secret PEM.
    assert!(matches!(error(&secret(P256)), SourceError::Unusable(_)));
}

#[test]
fn a_name_and_a_certificate_go_with_the_key() {
    let folder = Folder::new();
    let certificate = folder.0.join("tls.crt");
    let source =
        KeyFile::new(folder.write("key.pem", P256)).with_id("2026-11").with_certificate_file(&certificate);
    let wrong = |source: &KeyFile| {
        let error = error(source);
        (error.class(), error.to_string())
    };
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let (class, said) = wrong(&source);
    assert_eq!(class, Class::Transient, "whoever writes it may be late");
    let expected = format!("there is no file {} for its certificate; check that", path(&certificate));
    assert!(said.starts_with(&expected), "{said}");
    for (content, expected) in
        [(P256, "no certificate in PEM"), (&vec![b'\n'; Key::MAX_LEN + 1], "it is longer than 64 KiB")]
    {
        folder.write("tls.crt", content);
        let (class, said) = wrong(&source);
        assert_eq!(class, Class::Permanent);
        assert!(said.starts_with(&format!("its certificate, {}: {expected}", path(&certificate))), "{said}");
    }
    folder.write("tls.crt", include_bytes!("../key/tests/keys/p384-certificate.pem"));
    let (class, said) = wrong(&source);
    assert_eq!(class, Class::Permanent);
    let [key, other] = [folder.0.join("key.pem"), certificate.clone()].map(|at| path(&at));
    let apart = format!(
        "the certificate in {other} does not belong to the key in {key}: put the certificate of this key first"
    );
    assert!(said.starts_with(&apart), "{said}");
    #[cfg(unix)]
    {
        let within = source.clone().with_certificate_file(certificate.join("within"));
        let expected = format!("its certificate cannot be read from {other}/within: Not a directory");
        assert!(wrong(&within).1.starts_with(&expected), "{:?}", wrong(&within));
    }
    folder.write("tls.crt", P256_CERTIFICATE);
    let key = source.read(LIMIT).unwrap().key();
    assert_eq!(key.id(), Some("2026-11"));
    assert_eq!(
        key.certificate(),
        Key::from_pem(&[P256, P256_CERTIFICATE].concat()).unwrap().key().certificate()
    );
}

#[test]
fn a_name_that_is_set_comes_before_that_of_a_jwk() {
    let folder = Folder::new();
    let jwk = String::from_utf8_lossy(JWK).replacen('{', r#"{"kid":"its own","#, 1);
    let source = KeyFile::new(folder.write("key.jwk", jwk.as_bytes()));
    assert_eq!(source.read(LIMIT).unwrap().key().id(), Some("its own"));
    assert_eq!(source.with_id("another").read(LIMIT).unwrap().key().id(), Some("another"));
}

#[test]
fn a_key_that_is_replaced_brings_its_thumbprint_as_its_name() {
    let folder = Folder::new();
    let source = KeyFile::new(folder.0.join("key.pem")).with_id("old").with_thumbprint_id();
    for content in [P256, ED25519, JWK] {
        fs::rename(folder.write("next", content), folder.0.join("key.pem")).unwrap();
        let thumbprint = Key::from_text(content).unwrap().thumbprint().to_string();
        assert_eq!(source.read(LIMIT).unwrap().key().id(), Some(&*thumbprint));
    }
    assert_eq!(source.with_id("2026-11").read(LIMIT).unwrap().key().id(), Some("2026-11"));
    let secret = folder.write("secret", b"a secret of more than 32 bytes in all");
    assert_eq!(KeyFile::secret(secret).with_thumbprint_id().read(LIMIT).unwrap().key().id(), None);
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_writes_is_left_in_time() {
    let folder = Folder::new();
    let pipe = folder.0.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _writer = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let limit = Duration::from_millis(20);
    assert_eq!(KeyFile::new(&pipe).read(limit).err(), Some(SourceError::TimedOut));
    let source = KeyFile::new(folder.write("key.pem", P256)).with_certificate_file(&pipe);
    let error = source.read(limit).err().unwrap();
    assert!(error.to_string().contains("it did not come in time"), "{error}");
}
