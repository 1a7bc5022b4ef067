//! A token endpoint over TLS on loopback, with certificates of a private authority.

use crate::raw::Raw;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// An authority whose root somebody may trust.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
#[derive(Debug)]
pub struct Certified {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// As a file has it.
    certificate_pem: String,
    key_pem: String,
}

/// What a client has shown with one connection, and whether its TLS session began before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its certificate.
    pub certificate: Option<CertificateDer<'static>>,
    /// The session was resumed: what it shows is what the first one has shown.
    pub is_resumed: bool,
    /// The first line of its request.
    pub line: String,
}

impl Authority {
    /// An authority of this name.
    ///
    /// # Panics
    /// No key can be made.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("randomness");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate.
    pub fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// The same as a file has it (RFC 7468).
    pub fn root_pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name or address, with what `change` makes of it.
    ///
    /// # Panics
    /// No key can be made.
    pub fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Certified {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("randomness");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Certified::new(&certificate, &key)
    }
}

/// A certificate that is signed by its own key.
///
/// # Panics
/// No key can be made.
pub fn self_signed(name: &str) -> Certified {
    signed_by_itself(name, |_| {})
}

/// The same with what `change` makes of it.
///
/// # Panics
/// No key can be made.
pub fn signed_by_itself(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Certified {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    change(&mut params);
    let key = KeyPair::generate().expect("randomness");
    let certificate = params.self_signed(&key).expect("a certificate");
    Certified::new(&certificate, &key)
}

impl Certified {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        let (certificate_pem, key_pem) = (certificate.pem(), key.serialize_pem());
        Self { chain: vec![certificate.der().clone()], key: private(key), certificate_pem, key_pem }
    }

    /// The certificate and its key, each as a file has it (RFC 7468).
    pub fn pems(&self) -> (&str, &str) {
        (&self.certificate_pem, &self.key_pem)
    }

    /// The certificate itself.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.chain[0].clone()
    }
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

/// A server that speaks TLS, and what it read within it.
#[derive(Debug)]
pub struct TlsServer {
    raw: Raw,
    request_bytes: Arc<AtomicU64>,
    ended: Arc<AtomicU64>,
    last_request: Arc<Mutex<String>>,
    shown: Arc<Mutex<Vec<Shown>>>,
}

impl TlsServer {
    /// Answers every request with these bytes, and says goodbye if `close_notify`.
    ///
    /// # Panics
    /// The key does not belong to the certificate.
    pub fn start(certified: &Certified, answer: impl Into<Vec<u8>>, close_notify: bool) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("ring speaks them").with_no_client_auth();
        let config = config.with_single_cert(certified.chain.clone(), certified.key.clone_key());
        Self::serve(config.expect("they belong together"), answer, close_notify)
    }

    /// Speaks this version, and wants a client certificate of this authority.
    ///
    /// # Panics
    /// The key does not belong to the certificate.
    pub fn mutual(
        certified: &Certified,
        clients: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(clients.root()).expect("a certificate");
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]);
        let config =
            config.expect("ring speaks it").with_client_cert_verifier(clients.expect("it has a root"));
        let config = config.with_single_cert(certified.chain.clone(), certified.key.clone_key());
        Self::serve(config.expect("they belong together"), "", true)
    }

    /// Asks for a client certificate of this authority and is content without one, resumes sessions, and answers each request with what `answer`
    /// makes of its head.
    ///
    /// # Panics
    /// The key does not belong to the certificate.
    pub fn asking(
        certified: &Certified,
        clients: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(clients.root()).expect("a certificate");
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated();
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions);
        let config = config.expect("ring speaks them");
        let config = config.with_client_cert_verifier(clients.build().expect("it has a root"));
        let config = config.with_single_cert(certified.chain.clone(), certified.key.clone_key());
        Self::serve_by(
            config.expect("they belong together"),
            move |request| answer(request).into_bytes(),
            true,
        )
    }

    fn serve(config: ServerConfig, answer: impl Into<Vec<u8>>, close_notify: bool) -> Self {
        let answer = answer.into();
        Self::serve_by(config, move |_| answer.clone(), close_notify)
    }

    fn serve_by(
        config: ServerConfig,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
        close_notify: bool,
    ) -> Self {
        let config = Arc::new(config);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&shown);
        let (request_bytes, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let last_request = Arc::new(Mutex::new(String::new()));
        let (counted, over, last) =
            (Arc::clone(&request_bytes), Arc::clone(&ended), Arc::clone(&last_request));
        let raw = Raw::serve(move |connection| {
            let Ok(tls) = ServerConnection::new(Arc::clone(&config)) else { return };
            let mut stream = StreamOwned::new(tls, &mut *connection.stream());
            let (mut request, mut piece) = (Vec::new(), [0; 4096]);
            let mut refused = false;
            loop {
                match stream.read(&mut piece) {
                    Ok(0) => break,
                    Err(_) => {
                        refused = true;
                        break;
                    }
                    Ok(read) => {
                        counted.fetch_add(read as u64, Ordering::SeqCst);
                        request.extend_from_slice(&piece[..read]);
                    }
                }
                if crate::raw::is_whole(&request) {
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let certificate = stream
                        .conn
                        .peer_certificates()
                        .and_then(|chain| Some(chain.first()?.clone().into_owned()));
                    let is_resumed = stream.conn.handshake_kind() == Some(HandshakeKind::Resumed);
                    let line = request.lines().next().unwrap_or_default().to_owned();
                    let shown = Shown { certificate, is_resumed, line };
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(shown);
                    let answer = answer(&request);
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = request;
                    // The client may be gone: then it says why.
                    let _sent = stream.write_all(&answer);
                    if close_notify {
                        stream.conn.send_close_notify();
                    }
                    let _flushed = stream.flush();
                    break;
                }
            }
            drop(stream);
            over.fetch_add(1, Ordering::SeqCst);
            // Closed with something unread, the connection would be reset, and the alert that says why be lost.
            if refused {
                connection.wait();
            }
        });
        Self { raw, request_bytes, ended, last_request, shown }
    }

    /// A token endpoint there.
    pub fn token_endpoint(&self) -> String {
        format!("https://{}/token", self.raw.address())
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        format!("https://{}", self.raw.address())
    }

    /// How many bytes of requests it read within TLS, once `connections` have ended.
    pub fn request_bytes(&self, connections: u64) -> u64 {
        crate::raw::wait_until("the connections end", || self.ended.load(Ordering::SeqCst) >= connections);
        self.request_bytes.load(Ordering::SeqCst)
    }

    /// What was shown with each request so far.
    pub fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.raw.address()
    }

    /// The last whole request that it read.
    pub fn last_request(&self) -> String {
        self.last_request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
