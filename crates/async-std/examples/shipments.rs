//! Calls MyParcel.com's API on async-std, with a token that is always good.
//!
//!     cargo run -p evergrant-async-std --example shipments
//!
//! Without credentials it calls servers on loopback that play MyParcel.com's. With MYPARCEL_CLIENT_ID and
//! MYPARCEL_CLIENT_SECRET in the environment it calls the real sandbox. For smol, write `Smol` for `AsyncStd`.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_async_std::{
    Api, AsyncStd, Client, ClientAuth, ClientBuilder, HttpClient, Origins, Tokens, myparcel,
};
use evergrant_mock::{ErrorStyle, Server};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    async_std::task::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let (id, secret) = (std::env::var("MYPARCEL_CLIENT_ID"), std::env::var("MYPARCEL_CLIENT_SECRET"));
    if let (Ok(id), Ok(secret)) = (id, secret) {
        let provider = myparcel::sandbox();
        let origins = provider.origins().clone();
        let client = Client::builder(provider, ClientAuth::post(&id, &secret)?);
        return shipments(client, origins, "https://api.sandbox.myparcel.com/shipments").await;
    }
    let server = Server::start()?;
    server.set_errors(ErrorStyle::MyParcel);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint())?;
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    let origins = Origins::parse([server.origin().as_str()])?;
    shipments(Client::builder(provider, auth), origins, &server.resource("/shipments")).await
}

async fn shipments(client: ClientBuilder, origins: Origins, url: &str) -> Result<(), Box<dyn Error>> {
    let tokens = Tokens::<AsyncStd>::new(client.build()?)?;
    // Asks before the token ends, even when nothing is called for hours. Ends with the last clone of `tokens`.
    async_std::task::spawn(tokens.keep_fresh());
    // A wrong secret ends the program here. A server in trouble does not: the calls wait for their token.
    if let Err(error) = tokens.ready().await
        && error.is_permanent()
    {
        return Err(error.into());
    }

    let api = Api::new(HttpClient::new(), tokens.clone(), origins);
    for _ in 0..3 {
        let answer = api.get(url).header("Accept", "application/vnd.api+json").send().await?;
        println!("{}", answer.status());
        println!("{}", answer.into_body().text(1 << 20).await?);
    }
    println!("{} token request for all of them", tokens.status().requests);
    Ok(())
}
