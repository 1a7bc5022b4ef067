//! Many workers on tokens that live two seconds: nobody waits for a refresh, and a revocation costs one request.
//!
//!     cargo run -p evergrant-tokio-reqwest --example workers

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_mock::Server;
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, Origins, Policy, Provider, Tokens};
use std::error::Error;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Needed only without the feature `rustls` or `native-tls`.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start()?;
    server.set_lifetime(Duration::from_secs(2));

    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    let client = Client::builder(Provider::rfc6749(&server.token_endpoint())?, auth).build()?;
    // On tokens of two seconds, a second between requests and two to settle would be long.
    let policy =
        Policy::new().with_min_interval(Duration::from_millis(100)).with_settle(Duration::from_millis(50));
    let tokens = Tokens::builder(client).policy(policy).build()?;
    let api = Api::new(reqwest::Client::new(), tokens.clone(), Origins::parse([server.origin().as_str()])?);

    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let (api, url) = (api.clone(), server.resource("/shipments"));
        workers.spawn(async move {
            let mut served = 0;
            for _ in 0..150 {
                served += u32::from(api.get(&url).send().await.is_ok_and(|answer| answer.status() == 200));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            served
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.revoke_all();
    let mut served = 0;
    while let Some(worker) = workers.join_next().await {
        served += worker?;
    }
    println!("{served} of 1200 calls were served, with {} token requests", server.counts().token_requests);
    Ok(())
}
