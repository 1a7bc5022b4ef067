//! A client that signs its assertions (`private_key_jwt`) with a key from a file, which somebody replaces while the program runs. Its server is found
//! by the issuer.
//!
//!     cargo run -p evergrant-tokio-reqwest --example signed
//!
//! It plays all sides: the authorization server and the API are evergrant-mock's, and whoever replaces the key is `replace`. A program of
//! your own has the lines up to `api`, with its issuer, its client id and its path, and `evergrant-crypto` in its Cargo.toml.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_crypto::{Key, KeyFile};
use evergrant_mock::{Recorded, Registration, Server};
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, ManualClock, Origins, Provider, Tokens};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// Two keys that are no secret: those of RFC 7515 appendix A.3 and RFC 7517 appendix A.2. As a JWK each brings its name along, so that both
/// may be registered at once. Keep yours out of the source.
const FIRST: &str = r#"{"kty":"EC","crv":"P-256","kid":"2026-11",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
const SECOND: &str = r#"{"kty":"EC","crv":"P-256","kid":"2026-12",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Needed only without the feature `rustls` or `native-tls`.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let server = Server::builder().registers(registration(&[FIRST])?).start()?;
    let folder = std::env::temp_dir().join(format!("evergrant-signed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("key.json");
    replace(&path, FIRST)?;

    // The issuer leads to the token endpoint, and is whom the assertions are for. The file is read for each token request.
    let provider = Provider::discovered(&server.issuer())?;
    let client = Client::builder(provider, ClientAuth::private_key_jwt("orders")?).build()?;
    // Clocks that are moved by hand, since nobody wants to wait for an example: the tokens of this server live for a day. The server's goes along,
    // or it would refuse assertions of tomorrow.
    let (clock, mut days) = (ManualClock::new(), 0);
    let mut a_day_later = |clock: &ManualClock| {
        days += 1;
        clock.advance(Duration::from_secs(86_400));
        server.set_clock_offset(days * 86_400);
    };
    let tokens = Tokens::builder(client).key_source(KeyFile::new(&path)).clock(clock.clone()).build()?;
    let api = Api::new(reqwest::Client::new(), tokens.clone(), Origins::parse([server.origin()])?);

    let url = server.resource("/shipments");
    println!("with the first key: {}", api.get(&url).send().await?.status());
    println!("  {}", last_assertion(&server)?);

    // The new public key beside the old one, and then the file. Nobody is told; the token that is held stays good.
    server.register(registration(&[FIRST, SECOND])?);
    replace(&path, SECOND)?;
    println!("it is replaced, and the token lives on: {}", api.get(&url).send().await?.status());
    a_day_later(&clock);
    println!("with the second key: {}", api.get(&url).send().await?.status());
    println!("  {}", last_assertion(&server)?);

    // The old public key is removed, and the old file comes back: somebody restored a backup. Callers are told what to look at.
    server.register(registration(&[SECOND])?);
    replace(&path, FIRST)?;
    a_day_later(&clock);
    if let Err(error) = tokens.token().await {
        println!("{error}");
    }
    replace(&path, SECOND)?;
    clock.advance(Duration::from_secs(10));
    println!("mended: {}", api.get(&url).send().await?.status());

    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// What the server knows of the client: its public keys.
fn registration(keys: &[&str]) -> Result<Registration, Box<dyn Error>> {
    let mut public = Vec::new();
    for key in keys {
        public.push(Key::from_jwk(key)?.public_jwk().ok_or("an EC key has a public key")?);
    }
    Ok(Registration::private_key_jwt("orders", &format!(r#"{{"keys":[{}]}}"#, public.join(",")))?)
}

/// What was in the last assertion that the server got.
fn last_assertion(server: &Server) -> Result<String, Box<dyn Error>> {
    let requests = server.requests();
    let assertion = requests.iter().rev().find_map(Recorded::assertion).ok_or("an assertion")?;
    let (alg, kid) = (assertion.alg().unwrap_or_default(), assertion.kid().unwrap_or_default());
    Ok(format!("signed by {alg} with the key {kid}, for {}", assertion.aud().unwrap_or_default()))
}

/// In one step: whoever reads meanwhile finds the old key or the new one, whole.
fn replace(path: &Path, key: &str) -> std::io::Result<()> {
    let next = path.with_extension("next");
    std::fs::write(&next, key)?;
    std::fs::rename(next, path)
}
