// Without TLS nothing is reached that these ask.
#![cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]

use super::*;
use crate::Tokens;
use evergrant_core::{Client, ClientAuth, Provider};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An HTTP client without roots, which take time to read.
fn plain() -> ClientBuilder {
    let _first = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only([])
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(url).unwrap()
}

fn identity(name: &str) -> CertifiedKey {
    let issued = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    CertifiedKey::from_pem(&(issued.cert.pem() + &issued.signing_key.serialize_pem())).unwrap()
}

/// What builds HTTP clients, and how many it has built.
fn counted() -> (Arc<Recipe>, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let http = Http::Each(Box::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        plain()
    }));
    (Arc::new(Recipe { http, proxies: Proxies::Unread }), made)
}

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn sources_with_one_certificate_share_an_http_client_which_goes_with_the_last_of_them() {
    let ((recipe, made), certified) = (counted(), Arc::<Certified>::default());
    let first = endpoint("https://auth.example/token");
    let base = || Ways::certified(first.clone(), LIMIT, &recipe, &certified).unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 0, "by itself it sends nothing");
    let (own, theirs) = (identity("own"), identity("theirs"));
    let (one, same, other) =
        (base().with_identity(&own), base().with_identity(&own), base().with_identity(&theirs));
    assert_eq!(made.load(Ordering::SeqCst), 2);
    let kept =
        || certified.0.lock().unwrap().iter().filter(|(_, clients)| clients.strong_count() > 0).count();
    assert_eq!(kept(), 2);
    drop((one.unwrap(), other.unwrap()));
    assert_eq!(kept(), 1);
    drop(same.unwrap());
    assert_eq!(kept(), 0);
    // What is left of them goes when the next one comes.
    let next = base().with_identity(&own).unwrap();
    assert_eq!((certified.0.lock().unwrap().len(), made.load(Ordering::SeqCst)), (1, 3));
    drop(next);
}

#[tokio::test]
async fn an_http_client_is_built_once_for_each_way_and_when_it_is_needed() {
    let (recipe, made) = counted();
    let clients = Arc::default();
    let ways = Ways::found(endpoint("http://127.0.0.1:1/metadata"), LIMIT, &recipe, &clients).unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 1, "that of the metadata");
    for url in [
        "http://127.0.0.1:2/token",
        "https://auth.example/token",
        "https://other.example/",
        "http://[::1]:3/",
    ] {
        drop(ways.to(&endpoint(url)).await.unwrap());
    }
    assert_eq!(made.load(Ordering::SeqCst), 2, "and one with TLS, which is no loopback literal's");
}

#[tokio::test]
async fn one_http_client_of_the_users_is_not_used_on_the_loopback_and_beyond_it() {
    let client = |issuer: &str| {
        let auth = ClientAuth::post("id", "a secret of some length").unwrap();
        Client::builder(Provider::discovered(issuer).unwrap(), auth).build().unwrap()
    };
    for (issuer, other) in [
        ("http://127.0.0.1:1", "https://auth.example/token"),
        ("https://auth.example", "http://127.0.0.1:1/token"),
    ] {
        let first = client(issuer).provider().server().clone();
        let needs = Needs::new(true, &first, LIMIT, &Proxies::Unread).unwrap().for_any();
        let way = Way::new(plain(), &needs, None).unwrap();
        let ways = Ways::through(first.clone(), LIMIT, way, Proxies::Unread);
        assert!(ways.to(&first).await.is_ok());
        let error = ways.to(&endpoint(other)).await.unwrap_err().to_string();
        assert!(error.ends_with("use http_each in place of http)"), "{error}");
        assert!(Tokens::builder(client(issuer)).http(plain()).build().is_ok());
        assert!(Tokens::builder(client(issuer)).http_each(plain).build().is_ok());
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_way_to_an_endpoint_that_is_found_out_is_said_with_the_request() {
    let variables = evergrant_http::proxy::ProxyVariables::new(|name| {
        (name == "HTTPS_PROXY").then(|| "\"quoted\"".into())
    });
    let recipe =
        Arc::new(Recipe { http: Http::Each(Box::new(plain)), proxies: Proxies::Variables(variables) });
    let ways = Ways::found(endpoint("http://127.0.0.1:1/metadata"), LIMIT, &recipe, &Arc::default()).unwrap();
    let error = ways.to(&endpoint("https://auth.example/token")).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Proxy);
    assert!(error.to_string().contains("HTTPS_PROXY"), "{error}");
    // Where it is known before, nothing is built.
    assert!(Ways::found(endpoint("https://auth.example/metadata"), LIMIT, &recipe, &Arc::default()).is_err());
    assert!(Ways::certified(endpoint("https://auth.example/"), LIMIT, &recipe, &Arc::default()).is_err());
}
