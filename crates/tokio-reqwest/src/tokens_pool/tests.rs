use super::*;
use evergrant_core::{ClientAuth, Provider};

/// Of an endpoint where nobody listens.
fn client(id: &str) -> Client {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    Client::builder(provider, ClientAuth::post(id, "SENTINEL-secret").unwrap()).build().unwrap()
}

#[test]
fn debug_shows_numbers_and_neither_keys_nor_secrets() {
    let builder = TokensPool::of_clients().name("tenants");
    assert!(format!("{builder:?}").contains("max_sources: 10000"));
    let pool = builder.build().unwrap();
    let tokens = pool.tokens_of(&client("SENTINEL-id")).unwrap();
    let shown = format!("{pool:?} {tokens:?} {:?}", pool.status());
    assert!(shown.contains("sources: 1") && !shown.contains("SENTINEL"), "{shown}");
    assert_eq!(pool.name(), "tenants");
}

#[test]
fn every_setting_arrives() {
    let pool = TokensPool::of_clients().max_sources(1).build().unwrap();
    let kept = pool.tokens_of(&client("a")).unwrap();
    assert!(matches!(pool.tokens_of(&client("b")), Err(PoolError::Full(_))));
    drop(kept);
    assert!(pool.tokens_of(&client("b")).is_ok());
    assert!(pool.get(&client("a")).is_none());
    let labelled = TokensPool::of_clients().label(|client| format!("client of {}", client.client_id().len()));
    let pool = labelled.build().unwrap();
    assert_eq!(pool.tokens_of(&client("four")).unwrap().name(), "client of 4");
}

#[test]
fn a_key_may_be_lent() {
    let builder = TokensPool::builder(|tenant: &String| Ok::<_, Infallible>(client(tenant)));
    let pool = builder.build().unwrap();
    let tenant = "tenant".to_owned();
    assert!(pool.tokens("tenant").is_ok() && pool.tokens(&tenant).is_ok());
    assert!(pool.replace("tenant", client("another")).unwrap());
    assert!(pool.get("tenant").is_some() && pool.remove("tenant") && !pool.remove(&tenant));
    assert_eq!((pool.status().hits, pool.status().misses), (1, 1));
}
