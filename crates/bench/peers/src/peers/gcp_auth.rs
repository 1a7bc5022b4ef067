use super::{Peer, Problem, bearer};
use crate::{Server, gcp};
use ::gcp_auth::{CustomServiceAccount, Token, TokenProvider as _};
use ::http::HeaderValue;
use std::sync::Arc;

const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/cloud-platform"];

/// gcp_auth with a service account. Its four retries, 50 to 200 ms apart, cannot be switched off.
#[derive(Debug)]
pub struct GcpAuth(CustomServiceAccount);

impl Peer for GcpAuth {
    const NAME: &'static str = "gcp_auth 0.12";
    // It asks anew 20 s before the end, whatever its docs say.
    const EACH_SECOND: u64 = 21;
    type Token = Arc<Token>;

    fn new(server: &Server) -> Result<Self, Problem> {
        Ok(Self(CustomServiceAccount::from_json(&gcp::service_account(server)?)?))
    }

    #[inline]
    async fn token(&self) -> Result<Arc<Token>, Problem> {
        Ok(self.0.token(&SCOPES).await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        bearer(self.token().await?.as_str())
    }
}
