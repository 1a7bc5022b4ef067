//! Calls MyParcel.com's API with a token that is always good.
//!
//!     cargo run -p evergrant-tokio-reqwest --example shipments
//!
//! Without credentials it calls servers on loopback that play MyParcel.com's. With MYPARCEL_CLIENT_ID and
//! MYPARCEL_CLIENT_SECRET in the environment it calls the real sandbox.
//!
//! As a program of your own it needs the dependencies that the README of the repository names, and evergrant-mock.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_mock::{ErrorStyle, Server};
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, ClientBuilder, Origins, Tokens, myparcel};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let id = std::env::var("MYPARCEL_CLIENT_ID");
    let secret = std::env::var("MYPARCEL_CLIENT_SECRET");
    match (id, secret) {
        (Ok(id), Ok(secret)) => {
            let provider = myparcel::sandbox();
            let origins = provider.origins().clone();
            let client = Client::builder(provider, ClientAuth::post(&id, &secret)?);
            shipments(client, origins, "https://api.sandbox.myparcel.com/shipments").await
        }
        _ => {
            let server = Server::start()?;
            server.set_errors(ErrorStyle::MyParcel);
            let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint())?;
            let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
            let origins = Origins::parse([server.origin().as_str()])?;
            shipments(Client::builder(provider, auth), origins, &server.resource("/shipments")).await
        }
    }
}

async fn shipments(client: ClientBuilder, origins: Origins, url: &str) -> Result<(), Box<dyn Error>> {
    let tokens = Tokens::new(client.build()?)?;
    // Asks before the token ends, even when nothing is called for hours. Ends with the last clone of `tokens`.
    tokio::spawn(tokens.keep_fresh());
    // A wrong secret ends the program here. A server in trouble does not: the calls wait for their token.
    if let Err(error) = tokens.ready().await
        && error.is_permanent()
    {
        return Err(error.into());
    }

    let api = Api::new(reqwest::Client::new(), tokens.clone(), origins);
    for _ in 0..3 {
        let answer = api.get(url).header("Accept", "application/vnd.api+json").send().await?;
        println!("{} from {}", answer.status(), answer.url());
        println!("{}", answer.text().await?);
    }
    println!("{} token request for all of them", tokens.status().requests);
    Ok(())
}
