use super::Transport;
use crate::client::HttpClient;
use crate::net::tests::Fake;
use crate::tokens::{Tokens, TokensBuilder};
use evergrant_core::{Client, ClientAuth, Provider};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

fn tokens() -> TokensBuilder<Fake> {
    let provider = Provider::rfc6749("https://auth.example/token").unwrap();
    let auth = ClientAuth::post("id", "secret").unwrap();
    Tokens::builder(Client::builder(provider, auth).build().unwrap())
}

/// TLS without roots, which take time to read.
fn tls() -> Arc<ClientConfig> {
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let verified = versions.with_safe_default_protocol_versions().unwrap();
    Arc::new(verified.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn http() -> HttpClient<Fake> {
    HttpClient::new().with_tls(tls()).without_proxy()
}

#[test]
fn sources_share_an_http_client_and_what_is_said_of_its_proxy() {
    let http = http().with_proxy("http://root:hunter22@proxy.example:3128").unwrap();
    let transport = Transport::builder().http(http).build();
    let sources: Vec<_> = (0..10).map(|_| tokens().transport(&transport).build().unwrap()).collect();
    // Theirs, the transport's, and that of the way through the proxy, of which there is one.
    assert_eq!(Arc::strong_count(&transport.0.http), sources.len() + 2);
    drop(sources);
    assert_eq!(Arc::strong_count(&transport.0.http), 2);
}

#[test]
fn of_a_transport_and_settings_of_the_sources_own_the_last_counts() {
    let transport = Transport::builder().http(http()).build();
    let shares = |builder: TokensBuilder<Fake>| {
        let before = Arc::strong_count(&transport.0.http);
        let _tokens = builder.build().unwrap();
        Arc::strong_count(&transport.0.http) > before
    };
    assert!(shares(tokens().http(http()).transport(&transport)));
    assert!(shares(tokens().proxy_variables(false).transport(&transport)));
    assert!(!shares(tokens().transport(&transport).http(http())));
    assert!(!shares(tokens().transport(&transport).http(http()).proxy_variables(false)));
    // What was set before the transport does not come back.
    let own = tls();
    let forgotten = tokens().http(HttpClient::new().with_tls(Arc::clone(&own))).transport(&transport);
    let _forgotten = forgotten.proxy_variables(false);
    assert_eq!(Arc::strong_count(&own), 1);
}

#[test]
fn debug_shows_no_password_of_a_proxy() {
    let http = http().with_proxy("http://root:hunter22@proxy.example:3128").unwrap();
    let builder = Transport::builder().http(http);
    let shown = format!("{builder:?}");
    let transport = builder.build();
    let source = tokens().transport(&transport);
    for shown in [shown, format!("{transport:?}"), format!("{source:?}")] {
        assert!(shown.contains("proxy.example:3128") && !shown.contains("hunter22"), "{shown}");
    }
}
