//! A client secret in a file that somebody renews while the program runs, as Kubernetes, Vault or systemd do it.
//!
//!     cargo run -p evergrant-tokio-reqwest --example renewed_secret
//!
//! It plays all sides: the authorization server and the API are evergrant-mock's, and whoever renews the secret is `renew`. A program of
//! your own has the lines up to `api`, with the path that its platform names. A finished assertion, such as the projected token of
//! a service account, is read in the same way: `ClientAuth::assertion(id, AssertionKind::JWT_BEARER)?` in place of `basic_live(id)?`.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_mock::Server;
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, FileSource, ManualClock, Origins, Provider, Tokens};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Needed only without the feature `rustls` or `native-tls`.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start()?;
    let folder = std::env::temp_dir().join(format!("evergrant-renewed-secret-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("client-secret");
    renew(&path, Server::CLIENT_SECRET)?;

    // The client has no secret of its own. The file is read for each token request, on a thread that may wait for it.
    let provider = Provider::rfc6749(&server.token_endpoint())?;
    let client = Client::builder(provider, ClientAuth::basic_live(Server::CLIENT_ID)?).build()?;
    // A clock that is moved by hand, since nobody wants to wait for an example: the tokens of this server live for a day.
    let (clock, day) = (ManualClock::new(), Duration::from_secs(86_400));
    let tokens = Tokens::builder(client).secret(FileSource::new(&path)).clock(clock.clone()).build()?;
    let api = Api::new(reqwest::Client::new(), tokens.clone(), Origins::parse([server.origin()])?);

    let url = server.resource("/shipments");
    println!("with the first secret: {}", api.get(&url).send().await?.status());

    // At the server first, then in the file. Nobody is told; the token that is held stays good.
    server.rotate_client(Server::CLIENT_ID, "the second secret");
    renew(&path, "the second secret")?;
    println!("it is renewed, and the token lives on: {}", api.get(&url).send().await?.status());
    clock.advance(day);
    println!("with the second secret: {}", api.get(&url).send().await?.status());

    // Somebody makes a mistake, and the token ends. Callers are told the server's words; the file is looked at every 10 s.
    renew(&path, "a typing mistake")?;
    clock.advance(day);
    let before = server.counts().token_requests;
    for _ in 0..6 {
        if let Err(error) = tokens.token().await {
            println!("{error}");
        }
        clock.advance(Duration::from_secs(10));
    }
    println!("{} token requests with the mistake in a minute", server.counts().token_requests - before);
    renew(&path, "the second secret")?;
    println!("mended: {}", api.get(&url).send().await?.status());

    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// In one step: whoever reads meanwhile finds the old text or the new one, whole.
fn renew(path: &Path, secret: &str) -> std::io::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, format!("{secret}\n"))?;
    std::fs::rename(next, path)
}
