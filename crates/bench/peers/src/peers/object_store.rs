use super::{Peer, Problem, bearer};
use crate::Server;
use ::http::HeaderValue;
use ::object_store::azure::{AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use ::object_store::{ClientOptions, RetryConfig};
use std::sync::Arc;

/// The token cache of object_store, through the client credentials of its Azure store.
#[derive(Debug)]
pub struct ObjectStore(MicrosoftAzure);

impl Peer for ObjectStore {
    const NAME: &'static str = "object_store 0.14";
    // It asks anew 300 s before the end.
    const EACH_SECOND: u64 = 301;
    type Token = Arc<AzureCredential>;

    fn new(server: &Server) -> Result<Self, Problem> {
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let builder = MicrosoftAzureBuilder::new()
            .with_account("account")
            .with_container_name("container")
            .with_client_secret_authorization("client", "secret", "tenant")
            .with_authority_host(server.origin())
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .with_retry(retry);
        Ok(Self(builder.build()?))
    }

    #[inline]
    async fn token(&self) -> Result<Arc<AzureCredential>, Problem> {
        Ok(self.0.credentials().get_credential().await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        match &*self.token().await? {
            AzureCredential::BearerToken(token) => bearer(token),
            _ => Err("no bearer token".into()),
        }
    }
}
