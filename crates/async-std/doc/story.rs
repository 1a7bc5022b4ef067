// What stands before the first line of an example in this crate: a mock server, and a client, a source or an API of it.

#[cfg(feature = "async-std")]
pub use async_std::task::block_on;
#[cfg(feature = "async-std")]
pub use evergrant_async_std::AsyncStd;
#[cfg(not(feature = "async-std"))]
pub use evergrant_async_std::Smol as AsyncStd;
#[cfg(not(feature = "async-std"))]
pub use smol::block_on;

use evergrant_async_std::{Api, Client, ClientAuth, HttpClient, Origins, Policy, Provider, Tokens};
use evergrant_mock::Server;
use std::error::Error;

pub fn client() -> Result<(Server, Client), Box<dyn Error>> {
    let server = Server::start()?;
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    let client = Client::builder(Provider::rfc6749(&server.token_endpoint())?, auth).build()?;
    Ok((server, client))
}

pub fn tokens() -> Result<(Server, Tokens<AsyncStd>), Box<dyn Error>> {
    let (server, client) = client()?;
    Ok((server, Tokens::builder(client).policy(Policy::for_tests()).build()?))
}

pub fn api() -> Result<(Server, Api<AsyncStd>), Box<dyn Error>> {
    let (server, tokens) = tokens()?;
    let api = Api::new(HttpClient::new(), tokens, Origins::parse([server.origin()])?);
    Ok((server, api))
}
