use super::{Peer, Problem, bearer};
use crate::{Server, gcp};
use ::http::HeaderValue;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::fmt;
use tokio::sync::OnceCell;
use yup_oauth2::authenticator::Authenticator;
use yup_oauth2::{AccessToken, CustomHyperClientBuilder, ServiceAccountAuthenticator, ServiceAccountKey};

const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/cloud-platform"];

/// yup-oauth2 with a service account and its storage in memory.
pub struct Yup {
    key: ServiceAccountKey,
    /// Its constructor is a future, which reads the storage.
    authenticator: OnceCell<Authenticator<HttpConnector>>,
}

impl fmt::Debug for Yup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yup").finish_non_exhaustive()
    }
}

impl Yup {
    async fn authenticator(&self) -> Result<&Authenticator<HttpConnector>, Problem> {
        let make = || async {
            let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
            let builder = CustomHyperClientBuilder::from(http);
            ServiceAccountAuthenticator::with_client(self.key.clone(), builder).build().await
        };
        Ok(self.authenticator.get_or_try_init(make).await?)
    }
}

impl Peer for Yup {
    const NAME: &'static str = "yup-oauth2 12";
    // It asks anew 60 s before the end.
    const EACH_SECOND: u64 = 61;
    // Each of them makes a request.
    const CALLERS: usize = 500;
    type Token = AccessToken;

    fn new(server: &Server) -> Result<Self, Problem> {
        let key = serde_json::from_str(&gcp::service_account(server)?)?;
        Ok(Self { key, authenticator: OnceCell::new() })
    }

    #[inline]
    async fn token(&self) -> Result<AccessToken, Problem> {
        Ok(self.authenticator().await?.token(&SCOPES).await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        bearer(self.token().await?.token().ok_or("no token")?)
    }
}
