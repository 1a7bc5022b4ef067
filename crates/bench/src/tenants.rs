//! A program with tenants: their clients, a pool of their sources, and the least that finds something by its key.

use crate::subjects::stored;
use evergrant_tokio_reqwest::{Client, ClientAuth, ConfigError, Provider, TokensPool, TokensPoolBuilder};
use std::collections::HashMap;
use std::iter;
use std::sync::{Arc, PoisonError, RwLock};

/// What the program calls this tenant.
pub fn key(number: usize) -> String {
    format!("tenant-{number:08}")
}

/// The client of this tenant, with an id and a secret of usual length.
///
/// # Errors
/// None for a key of [`key`].
pub fn client(provider: &Provider, tenant: &str) -> Result<Client, ConfigError> {
    let secret = format!("a-client-secret-of-usual-length-{tenant}");
    let auth = ClientAuth::post(&format!("a-client-id-of-usual-length-{tenant}"), &secret)?;
    Client::builder(provider.clone(), auth).scope("shipments:read shipments:write").build()
}

/// A pool of tenants that ask this endpoint.
///
/// # Errors
/// The endpoint is no URL.
pub fn builder(endpoint: &str) -> Result<TokensPoolBuilder<String>, ConfigError> {
    // Whoever was here first has installed the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let provider = Provider::rfc6749(endpoint)?;
    Ok(TokensPool::builder(move |tenant: &String| client(&provider, tenant)))
}

/// An endpoint that nobody asks.
pub const ENDPOINT: &str = "https://auth.example.com/token";

/// A pool in which so many tenants hold a token of this length for a day.
pub fn pool(tenants: usize, length: usize) -> TokensPool<String> {
    let pool = builder(ENDPOINT).unwrap().max_sources(tenants).build().unwrap();
    for key in (0..tenants).map(key) {
        assert!(pool.restore(&key, stored(length)).unwrap(), "a fresh source takes a stored token");
    }
    pool
}

/// The floor: maps behind locks, of which the last byte of the key chooses one, on cache lines of their own.
#[derive(Debug)]
pub struct Shards<T>(Vec<Shard<T>>);

#[derive(Debug)]
#[repr(align(128))]
struct Shard<T>(RwLock<HashMap<String, Arc<T>>>);

const SHARDS: usize = 16;

impl<T> Shards<T> {
    /// What is found by these keys.
    pub fn new(things: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut maps: Vec<_> = iter::repeat_with(HashMap::new).take(SHARDS).collect();
        for (key, thing) in things {
            maps[place(&key)].insert(key, Arc::new(thing));
        }
        Self(maps.into_iter().map(|map| Shard(RwLock::new(map))).collect())
    }

    /// What is found by this key.
    pub fn find(&self, key: &str) -> Option<Arc<T>> {
        let Shard(map) = &self.0[place(key)];
        map.read().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone)
    }
}

/// Not by another hash, which a map that hands out its own does not need.
fn place(key: &str) -> usize {
    usize::from(key.as_bytes().last().copied().unwrap_or_default()) % SHARDS
}
