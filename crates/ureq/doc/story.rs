// What stands before the first line of an example in this crate: a mock server, and a client, a source or an API of it.

use evergrant_mock::Server;
use evergrant_ureq::{Api, Client, ClientAuth, Origins, Policy, Provider, Tokens};
use std::error::Error;

pub fn client() -> Result<(Server, Client), Box<dyn Error>> {
    let server = Server::start()?;
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    let client = Client::builder(Provider::rfc6749(&server.token_endpoint())?, auth).build()?;
    Ok((server, client))
}

pub fn tokens() -> Result<(Server, Tokens), Box<dyn Error>> {
    let (server, client) = client()?;
    Ok((server, Tokens::builder(client).policy(Policy::for_tests()).build()?))
}

pub fn api() -> Result<(Server, Api), Box<dyn Error>> {
    let (server, tokens) = tokens()?;
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().proxy(None).build());
    let api = Api::new(agent, tokens, Origins::parse([server.origin()])?);
    Ok((server, api))
}
