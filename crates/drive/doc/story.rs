// What stands before the first line of an example in this crate: a source whose server is a text.

use evergrant_core::{Client, ClientAuth, Provider, Request, Response, TransportError};
use evergrant_drive::{BlockingSource, BlockingTransport, Settings};
use std::time::Duration;

/// A server that answers each request so.
pub struct Canned(pub u16, pub &'static str);

impl BlockingTransport for Canned {
    fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
        let response = Response::new(self.0).with_header("Content-Type", b"application/json");
        Ok(response.with_body(self.1.into()))
    }
}

pub fn source(server: Canned) -> Result<BlockingSource<Canned, ()>, Box<dyn std::error::Error>> {
    let provider = Provider::rfc6749("https://auth.example.com/token")?;
    let client = Client::builder(provider, ClientAuth::none("my-client-id")?).build()?;
    Ok(BlockingSource::new(Settings::new(client), |_| (), server))
}

/// One that grants a token of one hour.
pub fn granting() -> Result<BlockingSource<Canned, ()>, Box<dyn std::error::Error>> {
    source(Canned(200, r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#))
}
