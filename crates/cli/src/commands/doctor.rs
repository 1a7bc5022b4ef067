//! `evergrant doctor`: what is wrong with a setup, and what to change. It goes the way of a token request step by
//! step, asks for one token once, and never tries anything with the secret that was not configured: where a server
//! seems to want something else, that is advice.

mod advice;
mod ask;
mod credential;
mod findings;
mod server;
mod way;

use crate::client::args::ClientArgs;
use crate::client::cache::{self, Cache};
use crate::client::setup::{Examined, Setup};
use crate::client::variables::Unread;
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use advice::Circumstances;
use ask::{Asked, Asker};
use clap::Args;
use evergrant_tokio_reqwest::core::{Grant, JwtHint, Known, Refusal, Span, StatedLife};
use evergrant_tokio_reqwest::{Client, Policy};
use findings::{Findings, State};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// A clock that is off by less costs nothing: lives are judged on two clocks, with a leeway.
const CLOCK_OFF: Duration = Duration::from_secs(5);

/// A token that lives shorter keeps its users busy asking.
const SHORT_LIFE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock -- evergrant doctor",
    "evergrant mock -- evergrant doctor --scope orders.read --json";
    usage, refused, transient
))]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

pub(crate) fn run(args: &DoctorArgs, manner: Manner, unread: &[Unread]) -> Result<ExitCode, Failure> {
    let mut findings = Findings::new(!manner.json);
    for variable in unread {
        let next = "unset it, or correct its name".to_owned();
        findings.add("environment", State::Warning, variable.to_string(), [next])?;
    }
    let done = examine(&args.client, &mut findings);
    if let Err(failure) = &done
        && !findings.has_fault()
    {
        findings.fault("configuration", failure)?;
    }
    let verdict = findings.verdict(done.is_ok());
    if manner.json {
        stdout::json(&findings.json(verdict))
    } else {
        stdout::plain(&format!("verdict: {verdict}"))
    }?;
    // What failed is among the findings, and is not said twice.
    Ok(done.map_or_else(|failure| failure.status(), |()| ExitCode::SUCCESS))
}

/// As far as it can be gone.
fn examine(args: &ClientArgs, findings: &mut Findings) -> Result<(), Failure> {
    let (setup, mut examined) = Setup::examine(args)?;
    let client = &setup.client;
    configuration(client, &examined, findings)?;
    let cache = setup.cache.as_ref().filter(|_| examined.missing.is_none());
    match cache.map(Cache::examine) {
        Some(cache::Examined::Good(says)) => findings.add("cache", State::Good, says.into(), [])?,
        Some(cache::Examined::Rests(says, next)) => {
            findings.add("cache", State::Warning, says, [next.to_owned()])?;
        }
        Some(cache::Examined::Unusable(reason)) => findings.add("cache", State::Warning, reason, [])?,
        None => {}
    }
    let server = client.provider().server();
    let proxied = way::proxy(server, &setup.network, findings)?;
    let shown = examined.shown.as_ref();
    if let Err(failure) = ask::http(server.origin(), &setup.network, setup.timeout, shown) {
        findings.fault("tls", &failure)?;
        return Err(failure);
    }
    way::walk(server, &setup, shown, proxied, findings)?;
    if let Some(failure) = examined.missing.take().or(examined.unshown.take()) {
        return Err(failure);
    }
    let asker = Asker { setup: &setup, shown: examined.shown.as_ref() };
    let known = match client.provider().token_endpoint() {
        Some(_) => Known::new(&Policy::new()),
        None => {
            let known = server::discovered(asker, findings)?;
            server::endpoint(asker, &known, findings)?;
            known
        }
    };
    server::audience(client, &known, findings)?;
    server::method(client, &known, findings)?;
    let asked = block_on(asker.ask(&known))?;
    server::algorithm(&asked, &known, findings)?;
    clock(&asked, findings)?;
    match &asked.outcome {
        Ok(grant) => {
            let took = asked.took.as_millis();
            findings.add("token", State::Good, format!("one was requested, and arrived in {took} ms"), [])?;
            life(grant, findings)?;
            scope(client, grant, findings)
        }
        Err(refusal) => {
            let mut next = vec![refusal.advice().to_owned()];
            next.extend(refusal.credential().map(|credential| credential.to_string()));
            next.extend(circumstances(client, &examined, &asked, refusal).advice());
            next.extend(examined.oddity.map(str::to_owned));
            findings.add("token", State::Fault, refusal.summary().to_string(), next)?;
            Err(refusal.into())
        }
    }
}

fn configuration(client: &Client, examined: &Examined, findings: &mut Findings) -> Result<(), Failure> {
    let whence = match (&examined.profile, &examined.unused) {
        (Some(profile), _) => format!("profile {profile}"),
        (None, Some(unused)) => format!("flags and variables: {unused}"),
        (None, None) => "flags and variables".into(),
    };
    findings.add("configuration", State::Good, whence, [])?;
    let server = client.provider().server();
    let endpoint = match client.provider().issuer().filter(|_| client.provider().token_endpoint().is_none()) {
        Some(issuer) => format!("issuer {issuer}"),
        None => server.to_string(),
    };
    let says = format!("{endpoint}, as client {}, by {}", client.client_id(), client.auth().method());
    findings.add("client", State::Good, says, [])?;
    credential::certificate(examined, findings)?;
    if let Some(failure) = &examined.missing {
        let about = if client.auth().method() == "private_key_jwt" && examined.place.is_none() {
            "key"
        } else {
            "secret"
        };
        return findings.fault(about, failure);
    }
    if let Some((place, key)) = &examined.key {
        return credential::key(place, key, findings);
    }
    match (&examined.place, examined.oddity) {
        (Some(place), None) if client.auth().has_short_secret() => findings.add(
            "secret",
            State::Warning,
            format!("{place}: it has fewer than 8 bytes, and is easily guessed"),
            ["have the authorization server issue a longer one; a test server's works all the same"
                .to_owned()],
        ),
        (Some(place), None) => findings.add("secret", State::Good, place.clone(), []),
        (Some(place), Some(oddity)) => {
            findings.add("secret", State::Warning, format!("{place}: {oddity}"), [WRITE_AGAIN.to_owned()])
        }
        (None, _) => findings.add("secret", State::Good, "none is sent".into(), []),
    }
}

const WRITE_AGAIN: &str = "unless that is meant, set the secret again";

fn circumstances<'a>(
    client: &'a Client,
    examined: &Examined,
    asked: &'a Asked,
    refusal: &'a Refusal,
) -> Circumstances<'a> {
    Circumstances {
        method: client.auth().method(),
        body: client.provider().body(),
        encodes: examined.encodes,
        challenge: asked.challenge.as_deref(),
        status: refusal.status(),
        code: refusal.code(),
    }
}

/// The server's `Date` against our clock, which must have stood between the sending and the answer.
fn clock(asked: &Asked, findings: &mut Findings) -> Result<(), Failure> {
    let Some(date) = asked.date else {
        if asked.answered {
            let says = "the response has no Date (RFC 9110 §6.6.1): the clocks cannot be compared";
            findings.add("clock", State::Good, says.into(), [])?;
        }
        return Ok(());
    };
    let (off, side) = off_by(date, asked.sent, asked.sent + asked.took);
    let seconds = off.as_secs();
    if off < CLOCK_OFF {
        let says = format!("this machine's clock and the server's are {seconds} s apart");
        return findings.add("clock", State::Good, says, []);
    }
    let next = "set the clock, for example with NTP: it decides whether tokens and certificates have expired"
        .to_owned();
    let says = format!("this machine's clock is {seconds} s {side} the server's");
    findings.add("clock", State::Warning, says, [next])
}

/// How far a `Date`, which tells whole seconds, is from the time of the request, and on which side our clock is.
fn off_by(date: SystemTime, sent: SystemTime, came: SystemTime) -> (Duration, &'static str) {
    let apart = |later: SystemTime, earlier: SystemTime| later.duration_since(earlier).unwrap_or_default();
    let ahead = apart(sent, date + Duration::from_secs(1));
    if ahead.is_zero() { (apart(date, came), "behind") } else { (ahead, "ahead of") }
}

fn life(grant: &Grant, findings: &mut Findings) -> Result<(), Failure> {
    let lifetime = grant.lifetime();
    let Some(life) = lifetime.life() else {
        let assumed = Span(Policy::new().default_lifetime());
        let says = format!(
            "the server does not say how long the token lives (expires_in is missing, 0, or no number); {assumed} is assumed"
        );
        let next = "ask its operator for expires_in (RFC 6749 §5.1)".to_owned();
        return findings.add("life", State::Warning, says, [next]);
    };
    let says = format!("the token lives {}", Span(life));
    let operator = "tell the server's operator that expires_in is the lifetime in seconds (RFC 6749 §5.1)";
    match lifetime.stated() {
        StatedLife::PointInTime => {
            let says = format!(
                "{says}: expires_in is a point in time, not a number of seconds, and was read as one"
            );
            let next = format!(
                "{operator}; other clients read it as a lifetime of decades, and use the token after it has expired"
            );
            return findings.add("life", State::Warning, says, [next]);
        }
        StatedLife::BeyondMeasure => {
            let longest = Span(Policy::new().max_lifetime());
            let says = format!("{says} by expires_in; it is used for {longest} at most");
            let next = format!("{operator}, and ask for a shorter one");
            return findings.add("life", State::Warning, says, [next]);
        }
        _ => {}
    }
    match lifetime.hint() {
        JwtHint::ClockSkew => findings.add(
            "life",
            State::Warning,
            format!("{says} by expires_in, but has already expired by its own exp"),
            ["tell the server's operator: the clocks of its machines differ".to_owned()],
        ),
        _ if life < SHORT_LIFE => {
            let next = "ask the server's operator for a longer one, unless that is meant".to_owned();
            findings.add("life", State::Warning, says, [next])
        }
        _ => findings.add("life", State::Good, says, []),
    }
}

fn scope(client: &Client, grant: &Grant, findings: &mut Findings) -> Result<(), Failure> {
    let asked = client.scope();
    let asked = if asked.is_empty() { "none was requested".into() } else { format!("requested {asked}") };
    let granted = match grant.scope() {
        Some(scope) => format!("granted {scope}"),
        None => "granted as requested".into(),
    };
    match grant.narrowed_scope() {
        Some(missing) => findings.add(
            "scope",
            State::Warning,
            format!("{asked}, {granted}: {missing} is missing"),
            ["ask the server's operator for it, or ask for less".to_owned()],
        ),
        None => findings.add("scope", State::Good, format!("{asked}, {granted}"), []),
    }
}

#[cfg(test)]
mod tests;
