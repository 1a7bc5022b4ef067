//! `--tls`: HTTPS in front of the server, which speaks plain HTTP.

use crate::tell::cause;
use crate::tell::failure::Failure;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener as Bound};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

const DAY: Duration = Duration::from_secs(86_400);
/// How long the certificates are valid: longer than such a server runs, and less than the 825 days that Apple's
/// systems accept.
const VALID: Duration = DAY.saturating_mul(365);

/// As the server behind it does, so that who connects and sends nothing is cut off.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// The rest after the system refused a connection or a file descriptor.
const PAUSE: Duration = Duration::from_millis(10);

/// A port that speaks TLS, and the file with its root certificate, which goes when this is dropped.
pub(super) struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    origin: String,
    root: NamedTempFile,
}

/// Takes this port of 127.0.0.1.
pub(super) fn bind(port: u16) -> io::Result<Bound> {
    let bound = Bound::bind((Ipv4Addr::LOCALHOST, port))?;
    bound.set_nonblocking(true)?;
    Ok(bound)
}

impl Tls {
    /// Makes the certificates. To be called in the async runtime.
    pub(super) fn new(bound: Bound) -> Result<Self, Failure> {
        let cannot = |error: &dyn Error| Failure::system("the servers cannot speak TLS", error);
        let origin = format!("https://{}", bound.local_addr().map_err(|error| cannot(&error))?);
        let listener = TcpListener::from_std(bound).map_err(|error| cannot(&error))?;
        let (root, config) = certified().map_err(|error| cannot(&*error))?;
        let root = written(&root).map_err(|error| {
            let folder = std::env::temp_dir();
            let happened = format!("the root certificate cannot be written into {}", folder.display());
            cause::unwritten(&happened, &error, "set TMPDIR to a folder that this user can write")
        })?;
        Ok(Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), origin, root })
    }

    /// `https://127.0.0.1:PORT`
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The path of the file with the root certificate.
    pub(super) fn ca_file(&self) -> Result<String, Failure> {
        let path = std::path::absolute(self.root.path()).unwrap_or_else(|_| self.root.path().to_owned());
        let wrong = || Failure::usage("the folder for temporary files is not UTF-8", "set TMPDIR to another");
        path.into_os_string().into_string().map_err(|_| wrong())
    }

    /// Hands every connection on to the server at this address.
    pub(super) async fn serve(&self, server: SocketAddr) -> Infallible {
        loop {
            match self.listener.accept().await {
                Ok((client, _)) => {
                    tokio::spawn(hand_on(self.acceptor.clone(), client, server));
                }
                // The client has gone already, or file descriptors are short: the latter lasts, and must not spin.
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// What goes wrong ends this connection, which is all that can be told to the client.
async fn hand_on(acceptor: TlsAcceptor, client: TcpStream, server: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = timeout(HANDSHAKE, acceptor.accept(client)).await??;
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// A root as PEM, and a server with a certificate that it signed. The root's key ends here, so nobody can sign another;
/// the server's stays in memory.
fn certified() -> Result<(String, ServerConfig), Box<dyn Error>> {
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
    let chain = vec![server.signed_by(&key, &root)?.der().clone()];
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((root.pem(), config))
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
