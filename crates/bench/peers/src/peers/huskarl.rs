use super::{Peer, Problem, http};
use crate::Server;
use ::http::{HeaderValue, Request};
use ::huskarl::cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, TokenSource as _};
use ::huskarl::core::client_auth::ClientSecret;
use ::huskarl::core::http::{HttpClient, HttpResponse, Idempotency};
use ::huskarl::core::platform::MaybeSendBoxFuture;
use ::huskarl::core::secrets::{ProvidedSecret, SecretString};
use ::huskarl::core::{EndpointUrl, Error, RetryAdvice};
use ::huskarl::grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters};
use ::huskarl::grant::core::TokenResponse;
use ::huskarl::token::AccessToken;
use bytes::Bytes;
use std::sync::Arc;

/// `InMemoryTokenCache` of huskarl over its client credentials grant.
#[derive(Debug)]
pub struct Huskarl(InMemoryTokenCache<GrantTokenSource<ClientCredentialsGrant, InMemoryRefreshTokenStore>>);

impl Peer for Huskarl {
    const NAME: &'static str = "huskarl 0.11";
    // It retires a token at half of a life this short, and jitter brings that forward.
    const EACH_SECOND: u64 = 2;
    type Token = Arc<TokenResponse>;

    fn new(server: &Server) -> Result<Self, Problem> {
        let secret = ProvidedSecret::new(SecretString::new("secret"));
        let grant = ClientCredentialsGrant::builder()
            .client_id("client")
            .http_client(Loopback(http()?))
            .client_auth(ClientSecret::new(secret))
            .token_endpoint(EndpointUrl::try_from(server.token_endpoint().as_str())?)
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        Ok(Self(InMemoryTokenCache::builder().source(source).build()))
    }

    #[inline]
    async fn token(&self) -> Result<Arc<TokenResponse>, Problem> {
        Ok(self.0.token().await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        match self.token().await?.access_token() {
            AccessToken::Bearer(token) => Ok(token.expose_header_value()?),
            _ => Err("no bearer token".into()),
        }
    }
}

struct Loopback(reqwest::Client);

impl HttpClient for Loopback {
    fn execute(
        &self,
        request: Request<Bytes>,
        _: Idempotency,
    ) -> MaybeSendBoxFuture<'_, Result<HttpResponse, Error>> {
        Box::pin(async move {
            let failed = |error: reqwest::Error| Error::new(RetryAdvice::No, error);
            let (parts, body) = request.into_parts();
            let url = parts.uri.to_string();
            let answer = self.0.post(url).headers(parts.headers).body(body).send().await.map_err(failed)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok(HttpResponse { status, headers, body: answer.bytes().await.map_err(failed)? })
        })
    }
}
