use super::Transport;
use crate::tokens::{Tokens, TokensBuilder};
use evergrant_core::{Client, ClientAuth, Provider};
use evergrant_mock::Server;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use ureq::Agent;

fn tokens(endpoint: &str) -> TokensBuilder {
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Tokens::builder(Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).build().unwrap())
}

#[test]
fn sources_share_a_configuration_and_each_has_a_token_of_its_own() {
    let server = Server::start().unwrap();
    let transport = Transport::new();
    let source = || tokens(&server.token_endpoint()).transport(&transport).build().unwrap();
    let (one, other) = (source(), source());
    assert_ne!(one.token().unwrap(), other.token().unwrap());
    assert_eq!(server.counts().token_granted, 2);
    // Theirs, the transport's, and that of the direct way, of which there is one.
    assert_eq!(Arc::strong_count(&transport.0.agents), 4);
    drop((one, other));
    // The thread of a flight goes on a little longer than those who waited for it.
    let patience = Instant::now() + Duration::from_secs(10);
    while Arc::strong_count(&transport.0.agents) > 2 && Instant::now() < patience {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(Arc::strong_count(&transport.0.agents), 2);
}

#[test]
fn of_a_transport_and_settings_of_the_sources_own_the_last_counts() {
    let transport = Transport::new();
    let tokens = || tokens("http://127.0.0.1:1/token");
    let shares = |builder: TokensBuilder| {
        let before = Arc::strong_count(&transport.0.agents);
        let _tokens = builder.build().unwrap();
        Arc::strong_count(&transport.0.agents) > before
    };
    assert!(shares(tokens().http(Agent::config_builder()).transport(&transport)));
    assert!(shares(tokens().proxy_variables(false).transport(&transport)));
    assert!(!shares(tokens().transport(&transport).http(Agent::config_builder())));
    assert!(!shares(tokens().transport(&transport).proxy_variables(false)));
    #[cfg(feature = "bundled-roots")]
    assert!(!shares(tokens().transport(&transport).bundled_roots()));
}

#[test]
fn debug_shows_no_password_of_a_proxy() {
    let proxy = ureq::Proxy::new("http://root:hunter22@proxy.example:3128").unwrap();
    let builder = Transport::builder().http(Agent::config_builder().proxy(Some(proxy)));
    assert!(!format!("{builder:?}").contains("hunter22"));
    let shown = format!("{:?}", builder.build());
    assert!(shown.contains("proxy.example") && !shown.contains("hunter22"), "{shown}");
}
