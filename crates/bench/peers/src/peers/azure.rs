use super::{Peer, Problem, bearer, http};
use crate::Server;
use ::http::HeaderValue;
use azure_core::credentials::{AccessToken, TokenCredential as _};
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, Transport};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use std::sync::Arc;

const SCOPES: [&str; 1] = ["https://management.azure.com/.default"];

/// `ClientSecretCredential` of azure_identity. It takes no authority but https, so its transport is ours: whatever it asks
/// goes to the loopback server.
#[derive(Debug)]
pub struct Azure(Arc<ClientSecretCredential>);

impl Peer for Azure {
    const NAME: &'static str = "azure_identity 1";
    // It asks anew 300 s before the end.
    const EACH_SECOND: u64 = 301;
    type Token = AccessToken;

    fn new(server: &Server) -> Result<Self, Problem> {
        let loopback = Loopback { http: http()?, url: server.token_endpoint() };
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::new(loopback))),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        let options = ClientSecretCredentialOptions { client_options };
        Ok(Self(ClientSecretCredential::new("tenant", "client".into(), "secret".into(), Some(options))?))
    }

    #[inline]
    async fn token(&self) -> Result<AccessToken, Problem> {
        Ok(self.0.get_token(&SCOPES, None).await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        bearer(self.token().await?.token.secret())
    }
}

#[derive(Debug)]
struct Loopback {
    http: reqwest::Client,
    url: String,
}

#[async_trait::async_trait]
impl HttpClient for Loopback {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let io = |error: reqwest::Error| azure_core::Error::new(ErrorKind::Io, error);
        let Body::Bytes(body) = request.body() else {
            return Err(azure_core::Error::with_message(ErrorKind::Io, "a token request is no stream"));
        };
        let answer = self.http.post(&self.url).body(body.clone()).send().await.map_err(io)?;
        let status = answer.status().as_u16().into();
        let body = answer.bytes().await.map_err(io)?;
        Ok(AsyncRawResponse::from_bytes(status, Headers::new(), body))
    }
}
