//! A client secret in a file that somebody renews while the program runs.
//!
//!     cargo run -p evergrant-ureq --example renewed_secret
//!
//! The server on loopback is evergrant-mock's; what becomes of a mistake in the file shows the example of the same name of
//! evergrant-tokio-reqwest.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_mock::Server;
use evergrant_ureq::{Client, ClientAuth, FileSource, ManualClock, Provider, Tokens};
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start()?;
    let path = std::env::temp_dir().join(format!("evergrant-client-secret-{}", std::process::id()));
    std::fs::write(&path, Server::CLIENT_SECRET)?;

    // The file is read for each token request, and never kept.
    let provider = Provider::rfc6749(&server.token_endpoint())?;
    let client = Client::builder(provider, ClientAuth::basic_live(Server::CLIENT_ID)?).build()?;
    // A clock that is moved by hand: the tokens of this server live for a day.
    let clock = ManualClock::new();
    let tokens = Tokens::builder(client).secret(FileSource::new(&path)).clock(clock.clone()).build()?;
    println!("with the first secret: {:?}", tokens.token()?.generation());

    server.rotate_client(Server::CLIENT_ID, "the second secret");
    std::fs::write(&path, "the second secret\n")?;
    println!("it is renewed, and the token lives on: {:?}", tokens.token()?.generation());
    clock.advance(Duration::from_secs(2 * 86_400));
    println!("with the second secret: {:?}", tokens.token()?.generation());
    println!("{} token requests", server.counts().token_requests);

    std::fs::remove_file(&path)?;
    Ok(())
}
