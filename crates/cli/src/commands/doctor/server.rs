//! What the authorization server's metadata says, and how the client fits it. Lists of servers are often incomplete: what is not listed is
//! advice.

use super::ask::{Asked, Asker};
use super::findings::{Findings, State};
use super::way;
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::core::{Endpoint, Excerpt, Known, Metadata};
use evergrant_tokio_reqwest::{AssertionAudience, Client};

/// Asks for the metadata.
pub(super) fn discovered(asker: Asker<'_>, findings: &mut Findings) -> Result<Known, Failure> {
    let place = asker.setup.client.provider().server();
    match block_on(asker.discover())? {
        Ok(known) => {
            let says = format!("{place}: its issuer is the one that was named");
            findings.add("metadata", State::Good, says, [])?;
            Ok(known)
        }
        Err(refusal) => {
            findings.add(
                "metadata",
                State::Fault,
                refusal.summary().to_string(),
                [refusal.advice().to_owned()],
            )?;
            Err((&refusal).into())
        }
    }
}

/// The token endpoint that the metadata names, and the way there, if that is another one.
pub(super) fn endpoint(asker: Asker<'_>, known: &Known, findings: &mut Findings) -> Result<(), Failure> {
    let Asker { setup, shown } = asker;
    let Some(metadata) = known.metadata() else { return Ok(()) };
    let alias = metadata.mtls_token_endpoint().filter(|_| setup.client.shows_certificate());
    let endpoint = alias.unwrap_or(metadata.token_endpoint());
    let server = setup.client.provider().server();
    let why = if alias.is_some() { ", the one for clients with a certificate" } else { "" };
    if endpoint.origin() == server.origin() {
        return findings.add("endpoint", State::Good, format!("{endpoint}{why}"), []);
    }
    let host = |endpoint: &Endpoint| endpoint.origin().host().to_string();
    let says = format!(
        "{endpoint}{why}: at {}, and the metadata is at {}, as the server may have it",
        host(endpoint),
        host(server)
    );
    findings.add("endpoint", State::Good, says, [])?;
    let proxied = way::proxy(endpoint, &setup.network, findings)?;
    way::walk(endpoint, setup, shown, proxied, findings)
}

/// Whom the client's assertions are for.
pub(super) fn audience(client: &Client, known: &Known, findings: &mut Findings) -> Result<(), Failure> {
    let provider = client.provider();
    if !client.auth().is_signed() {
        return Ok(());
    }
    let endpoint = provider.token_endpoint().or_else(|| known.metadata().map(Metadata::token_endpoint));
    let endpoint = endpoint.map(Endpoint::url).unwrap_or_default();
    let good = |findings: &mut Findings, audience: &str| {
        findings.add("audience", State::Good, format!("assertions are for {}", way::shown(&audience)), [])
    };
    match (provider.assertion_form().audience(), provider.issuer()) {
        (AssertionAudience::Issuer, Some(issuer)) => good(findings, issuer),
        (AssertionAudience::Issuer, None) => {
            let says = format!("assertions are for the token endpoint, {endpoint}, since no issuer is named");
            let next = "name the server's issuer with --issuer, or with issuer in the profile: servers shall accept it alone, and \
                        some do; where the server documents its token endpoint, say --assertion-audience token-endpoint";
            findings.add("audience", State::Warning, says, [next.to_owned()])
        }
        (AssertionAudience::Other(text), _) => good(findings, text),
        _ => good(findings, endpoint),
    }
}

/// Whether the metadata lists how the client authenticates itself.
pub(super) fn method(client: &Client, known: &Known, findings: &mut Findings) -> Result<(), Failure> {
    let Some(metadata) = known.metadata() else { return Ok(()) };
    let method = client.auth().method();
    let names: &[&str] = match method {
        // They look alike to the client.
        "tls_client_auth" => &["tls_client_auth", "self_signed_tls_client_auth"],
        "client_secret_basic_raw" => &["client_secret_basic"],
        _ => &[method],
    };
    let listed: Vec<&str> = metadata.auth_methods().collect();
    if let Some(name) = names.iter().find(|name| listed.contains(name)) {
        return findings.add("method", State::Good, format!("{name} is in the server's list"), []);
    }
    unlisted("method", method, &listed, "--auth", findings)
}

/// Whether the metadata lists how the assertion was signed.
pub(super) fn algorithm(asked: &Asked, known: &Known, findings: &mut Findings) -> Result<(), Failure> {
    let (Some(metadata), Some(algorithm)) = (known.metadata(), asked.algorithm) else { return Ok(()) };
    let listed: Vec<&str> = metadata.signing_algorithms().collect();
    let name = algorithm.name();
    match listed.as_slice() {
        [] => Ok(()),
        listed if listed.contains(&name) => {
            findings.add("algorithm", State::Good, format!("{name} is in the server's list"), [])
        }
        listed => unlisted("algorithm", name, listed, "--assertion-algorithm, or another key", findings),
    }
}

fn unlisted(
    about: &'static str,
    name: &str,
    listed: &[&str],
    how: &str,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let listed = Excerpt::new(&listed.join(", "), &[]).unwrap_or_default();
    let says = format!("{name} is not in the server's list: {listed}");
    let next = format!(
        "if the server refuses the client, use one of these ({how}): such lists are often incomplete"
    );
    findings.add(about, State::Warning, says, [next])
}
