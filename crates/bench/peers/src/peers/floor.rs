use super::{Peer, Problem, ask, http};
use crate::Server;
use ::http::HeaderValue;
use std::sync::Arc;
use tokio::sync::Notify;

/// No cache at all: a header value that never changes.
#[derive(Debug)]
pub struct Static(HeaderValue);

impl Peer for Static {
    const NAME: &'static str = "floor: a static header value";
    const EACH_SECOND: u64 = 3600;
    type Token = ();

    fn new(_: &Server) -> Result<Self, Problem> {
        Ok(Self(super::bearer(&"0".repeat(1024))?))
    }

    #[inline]
    async fn token(&self) -> Result<(), Problem> {
        Ok(())
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        Ok(self.0.clone())
    }
}

/// The least that waiting for one answer takes: a task asks, and lets everyone go who waits on a bare `Notify`.
#[derive(Debug)]
pub struct Bare(Arc<Notify>);

impl Peer for Bare {
    const NAME: &'static str = "floor: a bare `Notify`";
    const EACH_SECOND: u64 = 3600;
    type Token = ();

    fn new(server: &Server) -> Result<Self, Problem> {
        let (notify, http, url) = (Arc::new(Notify::new()), http()?, server.token_endpoint());
        let theirs = Arc::clone(&notify);
        tokio::spawn(async move {
            let _answer = ask(&http, &url).await;
            theirs.notify_waiters();
        });
        Ok(Self(notify))
    }

    #[inline]
    async fn token(&self) -> Result<(), Problem> {
        self.0.notified().await;
        Ok(())
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        self.token().await?;
        Ok(HeaderValue::from_static("Bearer"))
    }
}
