//! Sends the request, and follows redirects if that is wanted.

use super::ended::failure;
use super::reach::Reach;
use super::redirect;
use crate::client::network::{self, Network};
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::{Api, Origin, Token, Tokens, VerdictRule};
use reqwest::{Request, Response};
use std::time::Duration;

/// As long as a token request may take by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that may be sent.
pub(super) struct Caller<'a> {
    request: Request,
    origin: Origin,
    api: Api,
    network: &'a Network,
    tokens: &'a Tokens,
    reach: &'a Reach<'a>,
    rule: &'a VerdictRule,
}

impl<'a> Caller<'a> {
    /// Fails if the token may not go where the request goes. Nothing is sent yet.
    pub(super) fn new(
        request: Request,
        network: &'a Network,
        tokens: &'a Tokens,
        reach: &'a Reach<'a>,
        rule: &'a VerdictRule,
    ) -> Result<Self, Failure> {
        let origin = reach.admit(request.url(), &[])?;
        let api = api(&origin, network, tokens, reach, rule)?;
        Ok(Self { request, origin, api, network, tokens, reach, rule })
    }

    /// The answer; with `follows`, the one at the end of the redirects. `first`: the token that it begins with.
    pub(super) async fn call(self, follows: bool, first: &Token) -> Result<Response, Failure> {
        let Self { mut request, mut origin, mut api, network, tokens, reach, rule } = self;
        for _ in 0..=redirect::MOST {
            let sent = follows.then(|| request.try_clone()).flatten();
            let answer = api.execute(request).await;
            let answer =
                answer.map_err(|error| failure(error, network.proxy_for(&origin).ok().flatten().as_ref()))?;
            let next =
                sent.map(|sent| redirect::next(answer.status(), answer.headers(), sent)).transpose()?;
            let Some(next) = next.flatten() else { return Ok(answer) };
            let held = tokens.try_token();
            let masks: Vec<&str> = held.iter().chain([first]).map(|token| token.value().expose()).collect();
            let to = reach.admit(next.url(), &masks).map_err(redirect::barred)?;
            if to != origin {
                api = self::api(&to, network, tokens, reach, rule)?;
                origin = to;
            }
            request = next;
        }
        Err(redirect::endless())
    }
}

fn api(
    origin: &Origin,
    network: &Network,
    tokens: &Tokens,
    reach: &Reach<'_>,
    rule: &VerdictRule,
) -> Result<Api, Failure> {
    Ok(Api::new(http(network, origin)?, tokens.clone(), reach.origins()).with_verdict(rule.clone()))
}

/// The HTTP client for this origin, through its proxy. It follows no redirect by itself.
fn http(network: &Network, origin: &Origin) -> Result<reqwest::Client, Failure> {
    let http = network.http(origin, CONNECT_TIMEOUT)?;
    network::build(http.user_agent(concat!("evergrant/", env!("CARGO_PKG_VERSION"))))
}
