//! A client that signs its assertions (`private_key_jwt`) with a key from a file, which somebody replaces while the program runs. Its server is found
//! by the issuer.
//!
//!     cargo run -p evergrant-ureq --example signed
//!
//! The server on loopback is evergrant-mock's. What becomes of a key that the server refuses is shown by the example of the same name of
//! evergrant-tokio-reqwest.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_crypto::{Key, KeyFile};
use evergrant_mock::{Recorded, Registration, Server};
use evergrant_ureq::{Client, ClientAuth, ManualClock, Provider, Tokens};
use std::error::Error;
use std::time::Duration;

/// Two keys that are no secret: those of RFC 7515 appendix A.3 and RFC 8037 appendix A.1.
const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"2026-11",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"2026-12","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().registers(registration(&[EC])?).start()?;
    let folder = std::env::temp_dir().join(format!("evergrant-ureq-signed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("key.json");
    std::fs::write(&path, EC)?;

    // The issuer leads to the token endpoint, and is whom the assertions are for. The file is read for each token request.
    let provider = Provider::discovered(&server.issuer())?;
    let client = Client::builder(provider, ClientAuth::private_key_jwt("orders")?).build()?;
    // A clock that is moved by hand: the tokens of this server live for a day.
    let clock = ManualClock::new();
    let tokens = Tokens::builder(client).key_source(KeyFile::new(&path)).clock(clock.clone()).build()?;
    println!("with the first key: {:?}", tokens.token()?.generation());

    // The new public key beside the old one, and then the file, in one step.
    server.register(registration(&[EC, ED25519])?);
    std::fs::write(folder.join("next"), ED25519)?;
    std::fs::rename(folder.join("next"), &path)?;
    println!("it is replaced, and the token lives on: {:?}", tokens.token()?.generation());
    // The server's clock goes along, or it would refuse an assertion of tomorrow.
    clock.advance(Duration::from_secs(2 * 86_400));
    server.set_clock_offset(2 * 86_400);
    println!("with the second key: {:?}", tokens.token()?.generation());

    for assertion in server.requests().iter().filter_map(Recorded::assertion) {
        let (alg, kid) = (assertion.alg().unwrap_or_default(), assertion.kid().unwrap_or_default());
        println!("  signed by {alg} with the key {kid}, for {}", assertion.aud().unwrap_or_default());
    }
    let counts = server.counts();
    println!("{} token requests, {} of metadata", counts.token_requests, counts.metadata_requests);

    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// What the server knows of the client: its public keys.
fn registration(keys: &[&str]) -> Result<Registration, Box<dyn Error>> {
    let mut public = Vec::new();
    for key in keys {
        public.push(Key::from_jwk(key)?.public_jwk().ok_or("this key has a public key")?);
    }
    Ok(Registration::private_key_jwt("orders", &format!(r#"{{"keys":[{}]}}"#, public.join(",")))?)
}
