//! Clients whose connections show a certificate: their tokens may be bound to it (RFC 8705 §3), so the API is shown it too.

use crate::fixture::{Caller, PATIENCE, serve_with};
use crate::many::{Manner, ManyApi, say};
use evergrant_core::{Client, ClientAuth, Origins, Policy, Provider};
use evergrant_drive::{CertifiedKey, Identity};
use evergrant_gateway::{
    Access, Address, Gateway, GatewayBuilder, Key, Keys, Listener, Route, Running, Tenants, Upstream,
};
use evergrant_mock::{Registration, Server};
use evergrant_tokio_reqwest::{BoxError, PoolClient, Rotation, Tokens, TokensPool, Transport};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// An authorization server and an API over TLS, and clients with certificates.
struct Mutual {
    server: Server,
    folder: TempDir,
    own: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl Mutual {
    fn new() -> Self {
        // Another test may have been first.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let builder = Server::builder().tls(&own.cert.pem(), &own.signing_key.serialize_pem());
        let server = builder.asks_for_certificates().start().unwrap();
        Self { server, folder: tempfile::tempdir().unwrap(), own }
    }

    /// A new certificate for this client, which the server knows beside those of before: its thumbprint.
    fn issue(&self, id: &str, before: &str) -> (PathBuf, String) {
        let new = rcgen::generate_simple_self_signed([id.to_owned()]).unwrap();
        let text = new.cert.pem() + &new.signing_key.serialize_pem();
        let known = Registration::self_signed_tls_client_auth(id, &(new.cert.pem() + before)).unwrap();
        self.server.register(known);
        let path = self.folder.path().join(id);
        fs::write(&path, &text).unwrap();
        (path, CertifiedKey::from_pem(&text).unwrap().thumbprint().to_string())
    }

    fn client(&self, id: &str) -> Client {
        let origins = Origins::parse([self.server.origin()]).unwrap();
        let provider = Provider::rfc6749(&self.server.token_endpoint()).unwrap().with_origins(origins);
        Client::builder(provider, ClientAuth::tls(id).unwrap()).build().unwrap()
    }

    fn tokens(&self, id: &str, path: &PathBuf) -> Tokens {
        let root = reqwest_root(&self.own);
        let builder = Tokens::builder(self.client(id)).identity(Identity::files(path, path)).proxy(None);
        builder.http_each(root).policy(Policy::new().with_max_waiters(16)).build().unwrap()
    }

    fn roots(&self) -> Arc<RootCertStore> {
        roots(&self.own)
    }

    fn route(&self, path: &str, tokens: Tokens) -> Route {
        let upstream = Upstream::parse(&self.server.origin()).unwrap();
        Route::new(path, upstream, tokens).unwrap().roots(self.roots())
    }

    /// What the API was shown with the last request.
    fn shown(&self) -> Option<String> {
        self.server.requests().last().unwrap().certificate().map(str::to_owned)
    }
}

fn roots(of: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(of.cert.der().clone()).unwrap();
    Arc::new(roots)
}

fn reqwest_root(
    own: &rcgen::CertifiedKey<rcgen::KeyPair>,
) -> impl Fn() -> reqwest::ClientBuilder + Send + Sync + Clone + 'static {
    let root = reqwest::Certificate::from_der(own.cert.der()).unwrap();
    move || reqwest::Client::builder().tls_certs_only([root.clone()])
}

/// One worker, so that all requests could go over one connection.
fn one_worker(builder: GatewayBuilder) -> Running {
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap());
    builder.workers(1).build().unwrap().serve(&[listener]).unwrap()
}

#[test]
fn an_api_is_shown_the_certificate_that_brought_the_token_and_by_no_other_client() {
    let mutual = Mutual::new();
    let ((north, of_north), (south, of_south)) = (mutual.issue("north", ""), mutual.issue("south", ""));
    let plain = Tokens::fixed("a-token-that-is-bound-to-nothing").unwrap();
    let builder = Gateway::builder()
        .route(mutual.route("/north", mutual.tokens("north", &north)))
        .route(mutual.route("/south", mutual.tokens("south", &south)))
        .route(mutual.route("/plain", plain));
    let running = one_worker(builder);
    let mut caller = Caller::new(&running);
    // One after the other, over connections that are at rest.
    for _ in 0..3 {
        for (path, shown) in [("/north", Some(&of_north)), ("/plain", None), ("/south", Some(&of_south))] {
            let answer = caller.get(path);
            assert_eq!(answer.status == 200, shown.is_some(), "{path}: {}", answer.text());
            assert_eq!(mutual.shown().as_ref(), shown, "{path}");
        }
    }
    assert_eq!(mutual.server.counts().token_requests, 2);
}

#[test]
fn a_renewed_certificate_is_shown_with_the_token_that_it_brought() {
    let mutual = Mutual::new();
    let (path, first) = mutual.issue("north", "");
    let tokens = mutual.tokens("north", &path);
    let running = one_worker(Gateway::builder().route(mutual.route("/", tokens.clone())));
    let mut caller = Caller::new(&running);
    assert_eq!((caller.get("/").status, mutual.shown()), (200, Some(first.clone())));
    let before = fs::read_to_string(&path).unwrap();
    let (_, second) = mutual.issue("north", &before);
    // The token that is held is bound to the old one.
    assert_eq!((caller.get("/").status, mutual.shown()), (200, Some(first)));
    tokens.rotate(ClientAuth::tls("north").unwrap(), Rotation::Drop);
    for _ in 0..2 {
        assert_eq!((caller.get("/").status, mutual.shown()), (200, Some(second.clone())));
    }
    assert_eq!(mutual.server.counts().resource_refused, 0);
}

#[test]
fn each_tenant_shows_its_own_certificate() {
    let mutual = Arc::new(Mutual::new());
    let (http, of) = (reqwest_root(&mutual.own), Arc::clone(&mutual));
    let client_for = move |name: &String| -> Result<PoolClient, BoxError> {
        let path = of.folder.path().join(name);
        Ok(PoolClient::new(of.client(name)).identity(Identity::files(&path, &path)))
    };
    let transport = Transport::builder().http(http).proxy_variables(false).build();
    let pool = TokensPool::builder(client_for).transport(&transport).build().unwrap();
    let upstream = Upstream::parse(&mutual.server.origin()).unwrap();
    let route = Route::tenants("/", upstream, Tenants::new(pool)).unwrap().roots(mutual.roots());
    let names = ["north", "south"];
    let keys = names.map(|name| (name, Key::generate().unwrap()));
    let access =
        Access::Keys(Keys::new(keys.iter().map(|(name, key)| ((*name).to_owned(), key.digest()))).unwrap());
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(access);
    let shown = names.map(|name| mutual.issue(name, "").1);
    let running = Gateway::builder().route(route).workers(1).build().unwrap().serve(&[listener]).unwrap();
    let mut caller = Caller::new(&running);
    for _ in 0..2 {
        for ((_, key), shown) in keys.iter().zip(&shown) {
            caller.send("GET", "/", &format!("X-Evergrant-Key: {}\r\n", key.expose()), b"");
            assert_eq!(caller.answer().unwrap().status, 200);
            assert_eq!(mutual.shown().as_ref(), Some(shown));
        }
    }
}

/// An API over HTTP/2 that lets nobody in without a certificate.
#[test]
fn a_connection_that_many_requests_share_shows_the_certificate_too() {
    let mutual = Mutual::new();
    let (path, _) = mutual.issue("north", "");
    let certified = CertifiedKey::from_pem(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut trusted = RootCertStore::empty();
    trusted.add(certified.certificates().next().unwrap().to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider));
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivatePkcs8KeyDer::from(mutual.own.signing_key.serialize_der());
    let config = config.unwrap().with_client_cert_verifier(verifier.build().unwrap());
    let mut config = config.with_single_cert(vec![mutual.own.cert.der().clone()], key.into()).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let api = ManyApi::with(Manner { tls: Some(tls), ..Manner::default() }, |_, (_, mut answer)| {
        Box::pin(async move { say(&mut answer, 200, &[], b"well").await })
    });
    let origin = format!("https://127.0.0.1:{}", api.port());
    let route = |path: &str, tokens| {
        let route = Route::new(path, Upstream::parse(&origin).unwrap(), tokens).unwrap();
        route.http2(true).roots(mutual.roots())
    };
    let running = serve_with(
        Gateway::builder()
            .route(route("/north", mutual.tokens("north", &path)))
            .route(route("/plain", Tokens::fixed("a-token-that-is-bound-to-nothing").unwrap())),
    );
    let mut caller = Caller::new(&running);
    caller.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(caller.get("/north").status, 200);
    assert_eq!(caller.get("/plain").status, 502);
    assert_eq!(api.heads().len(), 1);
}
