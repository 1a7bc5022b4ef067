use super::{Peer, Problem};
use crate::Server;
use ::http::header::AUTHORIZATION;
use ::http::{Extensions, HeaderValue};
use google_cloud_auth::credentials::{AccessToken, AccessTokenCredentials, CacheableResource, EntityTag};
use google_cloud_auth::credentials::{CredentialsProvider as _, user_account};
use std::sync::Mutex;

/// The token cache of google-cloud-auth, through the refresh token of a user: its service accounts sign their tokens
/// themselves and ask nobody.
#[derive(Debug)]
pub struct Google(AccessTokenCredentials);

/// The same, used as Google's own clients use it: the caller keeps the headers, and asks whether they are still the same.
#[derive(Debug)]
pub struct GoogleKept {
    credentials: Google,
    kept: Mutex<Option<(EntityTag, HeaderValue)>>,
}

impl Peer for Google {
    const NAME: &'static str = "google-cloud-auth 1";
    // Its task asks anew 240 s before the end.
    const EACH_SECOND: u64 = 241;
    type Token = AccessToken;

    fn new(server: &Server) -> Result<Self, Problem> {
        let user = serde_json::json!({
            "type": "authorized_user", "client_id": "client", "client_secret": "secret", "refresh_token": "refresh",
        });
        let builder = user_account::Builder::new(user).with_token_uri(server.token_endpoint());
        Ok(Self(builder.build_access_token_credentials()?))
    }

    #[inline]
    async fn token(&self) -> Result<AccessToken, Problem> {
        Ok(self.0.access_token().await?)
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        match self.0.headers(Extensions::new()).await? {
            CacheableResource::New { data, .. } => {
                Ok(data.get(AUTHORIZATION).cloned().ok_or("no authorization header")?)
            }
            CacheableResource::NotModified => Err("nothing was asked to be compared".into()),
        }
    }
}

impl Peer for GoogleKept {
    const NAME: &'static str = "the same, header kept by the caller";
    const EACH_SECOND: u64 = 241;
    type Token = AccessToken;

    fn new(server: &Server) -> Result<Self, Problem> {
        Ok(Self { credentials: Google::new(server)?, kept: Mutex::new(None) })
    }

    #[inline]
    async fn token(&self) -> Result<AccessToken, Problem> {
        self.credentials.token().await
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        let poisoned = "another caller panicked";
        let kept = self.kept.lock().map_err(|_| poisoned)?.clone();
        let mut extensions = Extensions::new();
        if let Some((tag, _)) = &kept {
            extensions.insert(tag.clone());
        }
        match self.credentials.0.headers(extensions).await? {
            CacheableResource::NotModified => Ok(kept.ok_or("nothing was kept")?.1),
            CacheableResource::New { entity_tag, data } => {
                let value = data.get(AUTHORIZATION).cloned().ok_or("no authorization header")?;
                *self.kept.lock().map_err(|_| poisoned)? = Some((entity_tag, value.clone()));
                Ok(value)
            }
        }
    }
}
