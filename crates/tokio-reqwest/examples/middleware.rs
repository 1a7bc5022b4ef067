//! For a program whose client is a `reqwest_middleware::ClientWithMiddleware`.
//!
//!     cargo run -p evergrant-tokio-reqwest --features middleware --example middleware

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_mock::Server;
use evergrant_tokio_reqwest::{AuthorizeMiddleware, Client, ClientAuth, Origins, Provider, Tokens};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Needed only without the feature `rustls` or `native-tls`.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start()?;
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    let client = Client::builder(Provider::rfc6749(&server.token_endpoint())?, auth).build()?;
    let authorize =
        AuthorizeMiddleware::new(Tokens::new(client)?, Origins::parse([server.origin().as_str()])?);

    let http = reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(authorize).build();
    for path in ["/shipments", "/shipments?page=2"] {
        println!("{path}: {}", http.get(server.resource(path)).send().await?.status());
    }
    println!("{} token request for both", server.counts().token_requests);
    Ok(())
}
