//! `--tls`: the certificates of servers that speak HTTPS.

use crate::tell::cause;
use crate::tell::failure::Failure;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

const DAY: Duration = Duration::from_secs(86_400);
/// How long the certificates are valid: longer than such a server runs, and less than the 825 days that Apple's
/// systems accept.
const VALID: Duration = DAY.saturating_mul(365);

/// The certificate of the servers with its key, and the file with its root, which goes when this is dropped.
pub(super) struct Tls {
    chain: String,
    key: Zeroizing<String>,
    root: NamedTempFile,
}

impl Tls {
    /// Makes the certificates.
    pub(super) fn new() -> Result<Self, Failure> {
        let (root, chain, key) =
            certified().map_err(|error| Failure::system("the servers cannot speak TLS", &error))?;
        let root = written(&root).map_err(|error| {
            let folder = std::env::temp_dir();
            let happened = format!("the root certificate cannot be written into {}", folder.display());
            cause::unwritten(&happened, &error, "set TMPDIR to a folder that this user can write")
        })?;
        Ok(Self { chain, key, root })
    }

    /// As PEM, the servers' own certificate.
    pub(super) fn chain(&self) -> &str {
        &self.chain
    }

    /// As PEM.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The path of the file with the root certificate.
    pub(super) fn ca_file(&self) -> Result<String, Failure> {
        let path = std::path::absolute(self.root.path()).unwrap_or_else(|_| self.root.path().to_owned());
        let wrong = || Failure::usage("the folder for temporary files is not UTF-8", "set TMPDIR to another");
        path.into_os_string().into_string().map_err(|_| wrong())
    }
}

/// A root, and the servers' certificate that it signed with its key, all as PEM. The root's key ends here, so nobody can
/// sign another; the servers' stays in memory.
fn certified() -> Result<(String, String, Zeroizing<String>), rcgen::Error> {
    let mut root = params("evergrant mock root", &[])?;
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
    let mut server = params("evergrant mock", &["localhost", "127.0.0.1", "::1"])?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // OpenSSL's strict checks want it.
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let chain = server.signed_by(&key, &root)?.pem();
    Ok((root.pem(), chain, Zeroizing::new(key.serialize_pem())))
}

fn params(name: &str, hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    // A client's clock may be behind.
    params.not_before = (now - DAY).into();
    params.not_after = (now + VALID).into();
    Ok(params)
}

fn written(root: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("evergrant-mock-").suffix(".pem").tempfile()?;
    file.write_all(root.as_bytes())?;
    Ok(file)
}
