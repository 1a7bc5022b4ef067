//! Asks a server on loopback for a token, twice: the second time it is at hand.
//!
//!     cargo run -p evergrant-async-std --example token

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_async_std::{AsyncStd, Client, ClientAuth, Provider, Tokens};
use evergrant_mock::Server;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    async_std::task::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = Server::start()?;
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    let client = Client::builder(Provider::rfc6749(&server.token_endpoint())?, auth)
        .scope("shipments:read")
        .build()?;
    let tokens = Tokens::<AsyncStd>::new(client)?;

    let token = tokens.token().await?;
    // Its text is what `token.value().expose()` gives: never print it where others read.
    println!("{token:?}");
    println!("{:?}", tokens.token().await?.generation());
    println!("{:#?}", tokens.status());
    println!("{} token request", server.counts().token_requests);
    Ok(())
}
