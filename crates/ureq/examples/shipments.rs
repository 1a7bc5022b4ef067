//! Calls MyParcel.com's API from threads, with a token that is always good.
//!
//!     cargo run -p evergrant-ureq --example shipments
//!
//! Without credentials it calls servers on loopback that play MyParcel.com's. With MYPARCEL_CLIENT_ID and
//! MYPARCEL_CLIENT_SECRET in the environment it calls the real sandbox.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_mock::{ErrorStyle, Server};
use evergrant_ureq::{Api, Client, ClientAuth, ClientBuilder, Origins, Tokens, myparcel};
use std::error::Error;
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    let (id, secret) = (std::env::var("MYPARCEL_CLIENT_ID"), std::env::var("MYPARCEL_CLIENT_SECRET"));
    if let (Ok(id), Ok(secret)) = (id, secret) {
        let provider = myparcel::sandbox();
        let origins = provider.origins().clone();
        let client = Client::builder(provider, ClientAuth::post(&id, &secret)?);
        return shipments(client, origins, "https://api.sandbox.myparcel.com/shipments");
    }
    let server = Server::start()?;
    server.set_errors(ErrorStyle::MyParcel);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint())?;
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    let origins = Origins::parse([server.origin().as_str()])?;
    shipments(Client::builder(provider, auth), origins, &server.resource("/shipments"))
}

fn shipments(client: ClientBuilder, origins: Origins, url: &str) -> Result<(), Box<dyn Error>> {
    let tokens = Tokens::new(client.build()?)?;
    // Asks before the token ends, even when nothing is called for hours. Returns with the last clone of `tokens`.
    thread::spawn(tokens.keep_fresh());
    // A wrong secret ends the program here. A server in trouble does not: the calls wait for their token.
    if let Err(error) = tokens.ready()
        && error.is_permanent()
    {
        return Err(error.into());
    }

    let api = Api::new(ureq::agent(), tokens.clone(), origins);
    let workers: Vec<_> = (1..=3)
        .map(|worker| {
            let (api, url) = (api.clone(), url.to_owned());
            thread::spawn(move || match api.get(&url).header("Accept", "application/vnd.api+json").send() {
                Ok(answer) => println!("worker {worker}: {}", answer.status()),
                Err(error) => println!("worker {worker}: {error}"),
            })
        })
        .collect();
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")?;
    }
    println!("{} token request for all of them", tokens.status().requests);
    Ok(())
}
