//! Sends the request, and follows redirects if that is wanted.

use super::ended::failure;
use super::reach::Reach;
use super::redirect;
use crate::client::certificate::shown_with;
use crate::client::network::{self, Network};
use crate::client::setup::Setup;
use crate::tell::failure::Failure;
use evergrant_drive::CertifiedKey;
use evergrant_tokio_reqwest::{Api, Origin, Token, Tokens, VerdictRule};
use reqwest::{Request, Response};
use std::time::Duration;

/// As long as a token request may take by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that may be sent.
pub(super) struct Caller<'a> {
    request: Request,
    origin: Origin,
    network: &'a Network,
    tokens: &'a Tokens,
    reach: &'a Reach<'a>,
    rule: &'a VerdictRule,
    shown: Option<&'a CertifiedKey>,
}

impl<'a> Caller<'a> {
    /// Fails if the token may not go where the request goes. Nothing is sent yet.
    pub(super) fn new(
        request: Request,
        setup: &'a Setup,
        tokens: &'a Tokens,
        reach: &'a Reach<'a>,
        rule: &'a VerdictRule,
    ) -> Result<Self, Failure> {
        let Setup { network, shown, .. } = setup;
        let (shown, origin) = (shown.as_ref(), reach.admit(request.url(), &[])?);
        // What is wrong with roots or a proxy is told before anything is sent.
        let _can_be_made = http(network, &origin, None)?;
        Ok(Self { request, origin, network, tokens, reach, rule, shown })
    }

    /// The answer; with `follows`, the one at the end of the redirects. `first`: the token that it begins with.
    pub(super) async fn call(self, follows: bool, first: &Token) -> Result<Response, Failure> {
        let Self { mut request, mut origin, network, tokens, reach, rule, shown } = self;
        // A token may be bound to the certificate that brought it (RFC 8705 §3). Of a kept one that is not known.
        let brought = shown_with(tokens);
        let shown = brought.as_ref().or(shown);
        let api = |to: &Origin| {
            let http = http(network, to, shown)?;
            Ok::<_, Failure>(Api::new(http, tokens.clone(), reach.origins()).with_verdict(rule.clone()))
        };
        let mut calls = api(&origin)?;
        for _ in 0..=redirect::MOST {
            let sent = follows.then(|| request.try_clone()).flatten();
            let answer = calls.execute(request).await;
            let answer =
                answer.map_err(|error| failure(error, network.proxy_for(&origin).ok().flatten().as_ref()))?;
            let next =
                sent.map(|sent| redirect::next(answer.status(), answer.headers(), sent)).transpose()?;
            let Some(next) = next.flatten() else { return Ok(answer) };
            let held = tokens.try_token();
            let masks: Vec<&str> = held.iter().chain([first]).map(|token| token.value().expose()).collect();
            let to = reach.admit(next.url(), &masks).map_err(redirect::barred)?;
            if to != origin {
                calls = api(&to)?;
                origin = to;
            }
            request = next;
        }
        Err(redirect::endless())
    }
}

/// The HTTP client for this origin, through its proxy. It follows no redirect by itself. An API that asks for a certificate is shown this one.
fn http(
    network: &Network,
    origin: &Origin,
    shown: Option<&CertifiedKey>,
) -> Result<reqwest::Client, Failure> {
    let http = network.http(origin, CONNECT_TIMEOUT)?;
    network::build(network::showing(
        http.user_agent(concat!("evergrant/", env!("CARGO_PKG_VERSION"))),
        shown,
    )?)
}
