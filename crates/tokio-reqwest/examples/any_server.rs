//! The program at the top of the README, with its values from the environment:
//!
//!     evergrant mock -- cargo run -p evergrant-tokio-reqwest --example any_server
//!
//! The shell of `evergrant mock -- sh` sets these variables, and so may you, for a server of your own.

// An example shows what it does.
#![allow(clippy::print_stderr, clippy::print_stdout)]

use evergrant_tokio_reqwest::{Api, Client, ClientAuth, Origins, Provider, Tokens};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if let Err(error) = shipments().await {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

async fn shipments() -> Result<(), Box<dyn Error>> {
    let provider = Provider::rfc6749(&variable("EVERGRANT_TOKEN_ENDPOINT")?)?;
    let auth = ClientAuth::basic(&variable("EVERGRANT_CLIENT_ID")?, &variable("EVERGRANT_CLIENT_SECRET")?)?;
    let tokens = Tokens::new(Client::builder(provider, auth).scope("shipments").build()?)?;
    let origin = variable("EVERGRANT_MOCK_API")?;
    let api = Api::new(reqwest::Client::new(), tokens, Origins::parse([&origin])?);
    let shipments = api.get(format!("{origin}/shipments")).send().await?;
    println!("{}", shipments.text().await?);
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}
