//! Client certificates (RFC 8705): which one each connection shows, and what follows when it is renewed; and token endpoints that are found out
//! (RFC 8414), on every transport.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_async_std::{AsyncStd, HttpClient, Smol};
use evergrant_tests::certified::{Authority, Certified, Shown, TlsServer};
use evergrant_tests::raw::Raw;
use evergrant_tests::stores::InMemory;
use evergrant_tests::transports::{Asking, BUILDS, SECRET, Shared, TRANSPORTS, refusal, tls_config};
use evergrant_tests::{install_tls, ms, quick};
use evergrant_tokio_reqwest::core::Class;
use evergrant_tokio_reqwest::{
    Binding, BoxError, CertifiedKey, Client, ClientAuth, ConfigError, Error, Identity, PoolClient, Provider,
    Thumbprint,
};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

const HOST: &str = "127.0.0.1";
const BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn granted() -> String {
    granted_as("by-certificate")
}

fn granted_as(token: &str) -> String {
    let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
    json("200 OK", &body)
}

/// Another token each time.
fn granted_anew() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    granted_as(&format!("by-certificate-{}", NUMBER.fetch_add(1, Ordering::SeqCst)))
}

/// An authority for servers, one for clients, and a server of theirs.
struct Place {
    servers: Authority,
    clients: Authority,
    server: TlsServer,
}

fn place(versions: &[&'static SupportedProtocolVersion], answer: fn(&str) -> String) -> Place {
    let (servers, clients) = (Authority::new("of servers"), Authority::new("of clients"));
    let server = TlsServer::asking(&servers.certify(HOST, |_| {}), &clients, versions, answer);
    Place { servers, clients, server }
}

impl Place {
    fn certify(&self, name: &str) -> Certified {
        self.clients.certify(name, |_| {})
    }

    /// A client that proves by its certificate who it is.
    fn asking(&self) -> Asking {
        let provider = Provider::rfc6749(&self.server.token_endpoint()).unwrap();
        self.asking_of(provider)
    }

    fn asking_of(&self, provider: Provider) -> Asking {
        let auth = ClientAuth::tls("client").unwrap();
        let client = Client::builder(provider, auth).certificate_bound(true).build().unwrap();
        Asking::at("https://unused.example/token")
            .by(client)
            .trusting(&self.servers.root())
            .with_policy(quick())
    }
}

fn thumbprint(certified: &Certified) -> Thumbprint {
    let (certificate, key) = certified.pems();
    CertifiedKey::from_pem(&(certificate.to_owned() + key)).unwrap().thumbprint()
}

/// The two files of a certificate, in a folder that goes with them.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let folder = format!("{}/mutual-{}-{number}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        fs::create_dir_all(&folder).unwrap();
        Self(folder.into())
    }

    fn identity(&self) -> Identity {
        Identity::files(self.0.join("tls.crt"), self.0.join("tls.key"))
    }

    fn write(&self, certificate: &Certified, key: &Certified) {
        fs::write(self.0.join("tls.crt"), certificate.pems().0).unwrap();
        fs::write(self.0.join("tls.key"), key.pems().1).unwrap();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

// Conforms: R-8705-a
#[test]
fn a_client_that_is_known_by_its_certificate_sends_its_id_and_nothing_else() {
    let place = place(&BOTH, |_| granted());
    let (files, own) = (Files::new(), place.certify("client"));
    files.write(&own, &own);
    for (at, (name, mount)) in TRANSPORTS.into_iter().enumerate() {
        let source = mount(&place.asking().showing(&files.identity()));
        let token = source.token().expect(name);
        assert_eq!(token.binding(), Binding::Certificate(thumbprint(&own)), "{name}");
        let request = place.server.last_request();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "grant_type=client_credentials&client_id=client", "{name}");
        assert!(head.starts_with("POST /token HTTP/1.1\r\n"), "{name}: {head}");
        assert!(!head.to_ascii_lowercase().contains("authorization"), "{name}: {head}");
        assert_eq!(place.server.shown()[at].certificate, Some(own.certificate()), "{name}");
    }
}

/// A session that is resumed speaks for the certificate that it began with, whatever the client would show now.
// Conforms: R-8705-c
#[test]
fn a_renewed_certificate_is_shown_by_the_next_request_and_no_session_of_before_is_resumed() {
    for version in BOTH {
        let place = place(&[version], |_| granted());
        for (name, mount) in TRANSPORTS {
            let (files, first, second) = (Files::new(), place.certify("first"), place.certify("second"));
            files.write(&first, &first);
            let before = place.server.shown().len();
            let source = mount(&place.asking().showing(&files.identity()));
            for _ in 0..2 {
                source.token().expect(name);
                source.forget();
            }
            assert_eq!(source.identity_changed(None).unwrap(), thumbprint(&first), "{name}");
            files.write(&second, &second);
            let token = source.token().expect(name);
            assert_eq!(token.binding(), Binding::Certificate(thumbprint(&second)), "{name}");
            assert_eq!(
                source.identity_changed(Some(thumbprint(&first))).unwrap(),
                thumbprint(&second),
                "{name}"
            );
            let shown = place.server.shown().split_off(before);
            let of = |shown: &Shown| (shown.certificate.clone(), shown.is_resumed);
            // ureq's agents keep no session from one request to the next; where others do, that this one ended is seen.
            let is_resumed = name != "ureq";
            assert_eq!(
                shown.iter().map(of).collect::<Vec<_>>(),
                [
                    (Some(first.certificate()), false),
                    (Some(first.certificate()), is_resumed),
                    (Some(second.certificate()), false),
                ],
                "{name}: {version:?}"
            );
        }
    }
}

#[test]
fn a_certificate_and_a_key_that_do_not_belong_together_are_not_used_and_may_be_later() {
    let place = place(&BOTH, |_| granted());
    for (at, (name, mount)) in TRANSPORTS.into_iter().enumerate() {
        let (files, first, second) = (Files::new(), place.certify("first"), place.certify("second"));
        files.write(&second, &first);
        let source = mount(&place.asking().showing(&files.identity()));
        let Err(error @ Error::Failed { .. }) = source.token() else { panic!("{name}: there is a token") };
        assert!(
            error.to_string().contains("the client certificate and its private key do not belong together"),
            "{name}: {error}"
        );
        assert!(!error.is_permanent(), "{name}: its writer may be between the two: {error}");
        assert_eq!(place.server.shown().len(), at, "{name}");
        files.write(&second, &second);
        source.forget();
        assert!(source.token().is_ok(), "{name}");
        // In one text nobody comes between.
        let pem = second.pems().0.to_owned() + first.pems().1;
        let source = mount(&place.asking().showing(&Identity::pem(&pem).unwrap()));
        let error = source.token().unwrap_err();
        assert!(
            error.is_permanent() && error.to_string().contains("do not belong together"),
            "{name}: {error}"
        );
    }
}

#[test]
fn files_that_are_not_there_when_the_source_is_made_may_come_later() {
    let place = place(&BOTH, |_| granted());
    for (name, mount) in TRANSPORTS {
        let (files, own) = (Files::new(), place.certify("own"));
        let source = mount(&place.asking().showing(&files.identity()));
        let error = source.token().unwrap_err();
        assert!(!error.is_permanent(), "{name}: {error}");
        assert!(error.to_string().contains("the client certificate cannot be read from"), "{name}: {error}");
        assert!(error.to_string().contains("tls.crt: it is not there"), "{name}: {error}");
        files.write(&own, &own);
        source.forget();
        assert!(source.token().is_ok(), "{name}");
    }
}

// Conforms: R-8705-e
#[test]
fn i44_a_token_of_a_certificate_is_kept_across_a_restart_with_that_certificate_alone() {
    let place = place(&BOTH, |_| granted());
    for (name, mount) in TRANSPORTS {
        let (files, first, second) = (Files::new(), place.certify("first"), place.certify("second"));
        files.write(&first, &first);
        let asking = place.asking().showing(&files.identity());
        let source = mount(&asking);
        source.token().expect(name);
        let stored = source.export().unwrap();
        assert_eq!(stored.binding(), Binding::Certificate(thumbprint(&first)), "{name}");
        files.write(&second, &second);
        assert!(!mount(&asking).restore(stored.clone()), "{name}");
        files.write(&first, &first);
        let restarted = mount(&asking);
        let before = place.server.shown().len();
        assert!(restarted.restore(stored), "{name}");
        assert_eq!(restarted.token().unwrap().value().expose(), "by-certificate", "{name}");
        assert_eq!(restarted.identity_changed(None).unwrap(), thumbprint(&first), "{name}");
        assert_eq!(place.server.shown().len(), before, "{name}");
    }
}

/// A token that is bound to one certificate cannot be used with another: each certificate has its own entry.
// Conforms: R-8705-e
#[test]
fn a_store_hands_a_token_of_a_certificate_to_whoever_shows_that_certificate_alone() {
    for (name, mount) in TRANSPORTS {
        let (place, store) = (place(&BOTH, |_| granted_anew()), InMemory::on(None));
        let (files, first, second) = (Files::new(), place.certify("first"), place.certify("second"));
        let source = |own: &Certified| {
            files.write(own, own);
            let source = mount(&place.asking().showing(&files.identity()).over(store.sealed()));
            let token = source.token().expect(name);
            source.flush();
            assert_eq!(token.binding(), Binding::Certificate(thumbprint(own)), "{name}");
            assert_eq!(source.identity_changed(None).unwrap(), thumbprint(own), "{name}");
            source
        };
        let asked = || place.server.shown().len();
        drop(source(&first));
        assert_eq!(asked(), 1, "{name}");
        let sharing = source(&first);
        assert_eq!(asked(), 1, "{name}: it has the token of the first");
        drop(source(&second));
        assert_eq!(asked(), 2, "{name}: another certificate");
        drop(source(&second));
        assert_eq!(asked(), 2, "{name}");
        // A source whose certificate is renewed meets the tokens of the new one, and not its own old one.
        files.write(&second, &second);
        sharing.forget();
        assert_eq!(sharing.token().unwrap().binding(), Binding::Certificate(thumbprint(&second)), "{name}");
        assert_eq!(asked(), 2, "{name}");
        let shown: Vec<_> = place.server.shown().into_iter().map(|shown| shown.certificate).collect();
        assert_eq!(shown, [Some(first.certificate()), Some(second.certificate())], "{name}");
    }
}

#[test]
fn an_identity_excludes_what_cannot_be_built_again_and_says_what_to_do() {
    install_tls();
    let place = place(&BOTH, |_| granted());
    let own = place.certify("own");
    let identity = Identity::pem(&(own.pems().0.to_owned() + own.pems().1)).unwrap();
    let shared = Shared::trusting(&place.servers.root());
    for (name, build) in BUILDS {
        let asking = place.asking().showing(&identity).through(&shared);
        let Err(error @ ConfigError::IdentityBeside { beside: "transport", .. }) = build(&asking) else {
            panic!("{name}")
        };
        assert!(error.to_string().starts_with("an identity and transport exclude each other"), "{error}");
        assert_eq!(build(&place.asking()).err(), Some(ConfigError::NeedsIdentity), "{name}");
        let plain = Asking::at("http://127.0.0.1:1/token").showing(&identity);
        assert_eq!(build(&plain).err(), Some(ConfigError::TlsRequired), "{name}");
    }
    let tokens = evergrant_tokio_reqwest::Tokens::builder(place.asking().client);
    let error = tokens.http(reqwest::Client::builder()).identity(identity).build().unwrap_err();
    assert!(error.to_string().ends_with("remove http, or use http_each in its place"), "{error}");
}

/// The roots and proxies of a pool's transport are those of all; a certificate is that of one tenant.
#[test]
fn each_tenant_of_a_pool_shows_its_own_certificate() {
    install_tls();
    let place = place(&BOTH, |_| granted());
    let certified = [place.certify("1"), place.certify("2")];
    let pems = certified.each_ref().map(|own| own.pems().0.to_owned() + own.pems().1);
    let client = place.asking().client;
    let client_for = move |tenant: &usize| -> Result<PoolClient, BoxError> {
        Ok(PoolClient::new(client.clone()).identity(Identity::pem(&pems[*tenant])?))
    };
    let root = place.servers.root();
    let binding = |tenant: usize| Binding::Certificate(thumbprint(&certified[tenant]));

    let http = {
        let root = reqwest::Certificate::from_der(&root).unwrap();
        move || reqwest::Client::builder().tls_certs_only([root.clone()])
    };
    let transport = evergrant_tokio_reqwest::Transport::builder().http(http).build();
    let pool = evergrant_tokio_reqwest::TokensPool::builder(client_for.clone())
        .transport(&transport)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for tenant in [0, 1, 0] {
        let token = runtime.block_on(pool.tokens(&tenant).unwrap().token()).unwrap();
        assert_eq!(token.binding(), binding(tenant));
    }
    macro_rules! futures {
        ($net:ty, $block_on:expr) => {
            let http = HttpClient::<$net>::new().with_tls(tls_config(&root));
            let transport = evergrant_async_std::Transport::builder().http(http).build();
            let pool = evergrant_async_std::TokensPool::<_, $net>::builder(client_for.clone());
            let pool = pool.transport(&transport).build().unwrap();
            for tenant in [0, 1, 0] {
                let token = $block_on(pool.tokens(&tenant).unwrap().token()).unwrap();
                assert_eq!(token.binding(), binding(tenant));
            }
        };
    }
    futures!(AsyncStd, async_std::task::block_on);
    futures!(Smol, smol::block_on);
    let roots = ureq::tls::RootCerts::new_with_certs(&[ureq::tls::Certificate::from_der(&root).to_owned()]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let transport =
        evergrant_ureq::Transport::builder().http(ureq::Agent::config_builder().tls_config(tls)).build();
    let pool = evergrant_ureq::TokensPool::builder(client_for).transport(&transport).build().unwrap();
    for tenant in [0, 1, 0] {
        assert_eq!(pool.tokens(&tenant).unwrap().token().unwrap().binding(), binding(tenant));
    }
    let shown: Vec<_> = place.server.shown().into_iter().map(|shown| shown.certificate).collect();
    let expected: Vec<_> = (0..8).map(|at| Some(certified[at % 2].certificate())).collect();
    assert_eq!(shown, expected, "one request of each tenant, by each adapter");
}

/// The issuer, as whoever asks names it.
fn issuer(request: &str) -> String {
    let host = request.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    format!("https://{}", host.unwrap())
}

/// Metadata with an alias for clients that show a certificate (RFC 8705 §5), and tokens at both endpoints.
fn with_alias(request: &str) -> String {
    if request.starts_with("POST ") {
        return granted();
    }
    let issuer = issuer(request);
    json(
        "200 OK",
        &format!(
            r#"{{"issuer":"{issuer}","token_endpoint":"{issuer}/token","mtls_endpoint_aliases":{{"token_endpoint":"{issuer}/mtls/token"}}}}"#
        ),
    )
}

// Conforms: R-8705-b
#[test]
fn the_alias_of_the_metadata_is_asked_exactly_by_clients_that_show_a_certificate() {
    let place = place(&BOTH, with_alias);
    let own = place.certify("own");
    let identity = Identity::pem(&(own.pems().0.to_owned() + own.pems().1)).unwrap();
    let provider = Provider::discovered(&place.server.origin()).unwrap();
    let secret =
        Client::builder(provider.clone(), ClientAuth::post("client", SECRET).unwrap()).build().unwrap();
    for (name, mount) in TRANSPORTS {
        for (asking, endpoint, is_shown) in [
            (place.asking_of(provider.clone()).showing(&identity), "/mtls/token", true),
            (place.asking().by(secret.clone()), "/token", false),
            (place.asking().by(secret.clone()).showing(&identity), "/mtls/token", true),
        ] {
            let before = place.server.shown().len();
            mount(&asking).token().expect(name);
            let shown = place.server.shown().split_off(before);
            let lines: Vec<_> = shown.iter().map(|shown| shown.line.as_str()).collect();
            let post = format!("POST {endpoint} HTTP/1.1");
            assert_eq!(lines, ["GET /.well-known/openid-configuration HTTP/1.1", &post], "{name}");
            assert_eq!(shown[1].certificate.is_some(), is_shown, "{name}");
        }
    }
}

/// A server on loopback whose metadata is what this makes of its origin.
fn discovered(metadata: impl Fn(&str) -> String + Send + Sync + 'static) -> Raw {
    Raw::serve(move |connection| {
        let Some(request) = connection.request() else { return };
        let origin = issuer(&request).replace("https://", "http://");
        connection.send(if request.starts_with("POST ") { granted() } else { metadata(&origin) });
    })
}

fn asking_of(provider: Provider) -> Asking {
    let client = Client::builder(provider, ClientAuth::post("client", SECRET).unwrap()).build().unwrap();
    Asking::at("http://127.0.0.1:1/token").by(client)
}

#[test]
fn metadata_is_asked_for_once_in_either_form_and_nothing_of_the_client_goes_with_it() {
    let metadata = |origin: &str| {
        json("200 OK", &format!(r#"{{"issuer":"{origin}/erp","token_endpoint":"{origin}/token"}}"#))
    };
    for (name, mount) in TRANSPORTS {
        let server = discovered(metadata);
        let issuer = format!("{}/erp", server.origin());
        let openid = Provider::discovered(&issuer).unwrap();
        for (provider, path) in [
            (openid.clone(), "/erp/.well-known/openid-configuration"),
            (openid.rfc8414().unwrap(), "/.well-known/oauth-authorization-server/erp"),
        ] {
            let before = server.heard().len();
            let source = mount(&asking_of(provider).with_policy(quick()));
            source.token().expect(name);
            source.forget();
            source.token().expect(name);
            let heard = server.heard().split_off(before);
            let heard: Vec<_> =
                heard.iter().map(|bytes| String::from_utf8_lossy(bytes).to_ascii_lowercase()).collect();
            let starts = |at: usize, line: &str| heard[at].starts_with(&format!("{line} http/1.1\r\n"));
            assert!(heard.len() == 3 && starts(0, &format!("get {path}")), "{name}: {heard:#?}");
            assert!(starts(1, "post /token") && starts(2, "post /token"), "{name}: {heard:#?}");
            // The head alone, without what only a body has.
            let (head, body) = heard[0].split_once("\r\n\r\n").unwrap();
            assert!(head.contains("\r\naccept: application/json") && body.is_empty(), "{name}: {head}");
            assert!(!head.contains(SECRET), "{name}: {head}");
            for nothing in ["content-", "transfer-", "authorization", "cookie"] {
                assert!(!head.contains(&format!("\r\n{nothing}")), "{name}: {head}");
            }
        }
    }
}

#[test]
fn metadata_that_redirects_is_refused_and_nobody_is_asked_where_it_points_to() {
    for (name, mount) in TRANSPORTS {
        let elsewhere = Raw::answer(granted());
        let location = elsewhere.origin();
        let server = discovered(move |_| {
            format!("HTTP/1.1 302 Found\r\nLocation: {location}/metadata\r\nContent-Length: 0\r\n\r\n")
        });
        let refused =
            refusal(name, mount(&asking_of(Provider::discovered(&server.origin()).unwrap())).token());
        assert!(refused.to_string().contains("the server redirects to"), "{name}: {refused}");
        assert_eq!(
            (refused.class(), server.connections(), elsewhere.connections()),
            (Class::Permanent, 1, 0),
            "{name}"
        );
    }
}

#[test]
fn metadata_of_2_mib_is_not_read_to_its_end() {
    const LENGTH: usize = 2 << 20;
    for (name, mount) in TRANSPORTS {
        // Whether its length is told before, or not at all.
        for told in [format!("Content-Length: {LENGTH}\r\n"), String::new()] {
            let server = discovered(move |origin| {
                let filling = "x".repeat(LENGTH);
                format!(
                    "HTTP/1.1 200 OK\r\n{told}\r\n{{\"issuer\":\"{origin}\",\"token_endpoint\":\"{origin}/token\",\"x\":\"{filling}\"}}"
                )
            });
            let provider = Provider::discovered(&server.origin()).unwrap();
            let refused = refusal(name, mount(&asking_of(provider)).token());
            assert!(refused.to_string().contains("it is longer than 64 KiB"), "{name}: {refused}");
            assert_eq!(server.connections(), 1, "{name}");
        }
    }
}

/// What silent metadata costs is the time of one attempt, and it is said whose it is.
#[test]
fn metadata_that_does_not_come_is_named_when_the_time_is_over() {
    for (name, mount) in TRANSPORTS {
        let server = Raw::serve(evergrant_tests::raw::Connection::wait);
        let provider = Provider::discovered(&server.origin()).unwrap();
        let policy = quick().with_attempt_timeout(ms(100));
        let refused = refusal(name, mount(&asking_of(provider).with_policy(policy)).token());
        let said = refused.to_string();
        assert!(
            said.contains("/.well-known/openid-configuration") && said.contains("timed out"),
            "{name}: {said}"
        );
        assert_eq!(refused.class(), Class::Transient, "{name}");
    }
}
