use super::{Peer, Problem};
use crate::Server;
use ::http::HeaderValue;
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider, Token, Tokens, TokensBuilder};

/// evergrant with its defaults: a caller without a token waits through a transient failure.
#[derive(Debug)]
pub struct Evergrant(Tokens);

/// evergrant with `fail_fast`: a caller without a token takes the first outcome.
#[derive(Debug)]
pub struct Hasty(Tokens);

fn builder(server: &Server) -> Result<TokensBuilder, Problem> {
    let auth = ClientAuth::post("client", "secret")?;
    Ok(Tokens::builder(Client::builder(Provider::rfc6749(&server.token_endpoint())?, auth).build()?))
}

impl Evergrant {
    /// The source itself.
    pub const fn tokens(&self) -> &Tokens {
        &self.0
    }
}

impl Peer for Evergrant {
    const NAME: &'static str = "evergrant-tokio-reqwest";
    const EACH_SECOND: u64 = 2;
    type Token = Token;

    fn new(server: &Server) -> Result<Self, Problem> {
        Ok(Self(builder(server)?.build()?))
    }

    #[inline]
    async fn token(&self) -> Result<Token, Problem> {
        Ok(self.0.token().await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        Ok(self.0.authorization().await?)
    }
}

impl Peer for Hasty {
    const NAME: &'static str = "the same with `fail_fast`";
    const EACH_SECOND: u64 = 2;
    type Token = Token;

    fn new(server: &Server) -> Result<Self, Problem> {
        Ok(Self(builder(server)?.fail_fast(true).build()?))
    }

    #[inline]
    async fn token(&self) -> Result<Token, Problem> {
        Ok(self.0.token().await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        Ok(self.0.authorization().await?)
    }
}
