use super::{Peer, Problem, ask, bearer, http};
use crate::Server;
use ::http::HeaderValue;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity as _, ResolveIdentity, SharedIdentityCache,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use std::time::{Duration, SystemTime};

/// The lazy identity cache of aws-smithy-runtime, which every client of the AWS SDK has, with a resolver that makes a token
/// request.
#[derive(Debug)]
pub struct Smithy {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl Peer for Smithy {
    const NAME: &'static str = "aws-smithy-runtime 1, lazy identity cache";
    // It asks anew 5 to 10 s before the end.
    const EACH_SECOND: u64 = 9;
    type Token = Identity;

    fn new(server: &Server) -> Result<Self, Problem> {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SharedTimeSource::new(SystemTimeSource::new())))
            .with_sleep_impl(Some(SharedAsyncSleep::new(TokioSleep::new())))
            .build()?;
        Ok(Self {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(Resolver { http: http()?, url: server.token_endpoint() }),
            components,
            config: ConfigBag::base(),
        })
    }

    #[inline]
    async fn token(&self) -> Result<Identity, Problem> {
        let resolver = self.resolver.clone();
        self.cache.resolve_cached_identity(resolver, &self.components, &self.config).await
    }

    #[inline]
    async fn header(&self) -> Result<HeaderValue, Problem> {
        bearer(&self.token().await?.data::<Token>().ok_or("another kind of identity")?.0)
    }
}

#[derive(Debug)]
struct Token(String);

#[derive(Debug)]
struct Resolver {
    http: reqwest::Client,
    url: String,
}

impl ResolveIdentity for Resolver {
    fn resolve_identity<'a>(&'a self, _: &'a RuntimeComponents, _: &'a ConfigBag) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            let (token, life) = ask(&self.http, &self.url).await?;
            Ok(Identity::new(Token(token), SystemTime::now().checked_add(Duration::from_secs(life))))
        })
    }
}
