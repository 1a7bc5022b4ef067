//! The status of a gateway: what both of its forms show, JSON and the page.

use super::history::{History, INTERVAL};
use crate::crew::Crew;
use crate::log::Line;
use crate::reload::Last;
use crate::table::{Fixed, Numbered, NumberedTenants, Sources};
use evergrant_core::Reason;
use evergrant_drive::Status;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Of a gateway, at one moment.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    /// What tells it from others.
    pub(super) instance: &'a str,
    pub(super) ready: bool,
    pub(super) draining: bool,
    /// Seconds since it began.
    pub(super) up: u64,
    pub(super) in_flight: i64,
    pub(super) queued: i64,
    pub(super) connections: i64,
    pub(super) requests: u64,
    /// The last time that it was to be given another table.
    pub(super) reload: Option<Reload>,
    pub(super) sources: Vec<Source<'a>>,
    pub(super) tenants: Vec<Tenants<'a>>,
    /// The last token requests, the latest first.
    pub(super) token_requests: Vec<TokenRequest<'a>>,
    pub(super) history: Graphs,
    /// The last requests that were answered here, or whose answers broke off, the latest first.
    pub(super) answered_here: Vec<Line>,
}

/// What became of another table.
#[derive(Serialize)]
pub(super) struct Reload {
    /// Seconds since then.
    #[serde(serialize_with = "whole_seconds")]
    pub(super) ago: Duration,
    /// `taken` or `failed`.
    pub(super) outcome: &'static str,
    /// Why it was not taken.
    pub(super) fault: Option<String>,
    /// What of it takes a restart.
    pub(super) needs_restart: Vec<String>,
}

impl Reload {
    fn of(last: Last) -> Self {
        let Last { at, outcome, fault, needs_restart } = last;
        Self { ago: at.elapsed(), outcome: outcome.as_str(), fault, needs_restart }
    }
}

/// A source of tokens.
#[derive(Serialize)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) status: Status,
    /// The whole life of the token that it holds, in seconds, as far as it was seen.
    #[serde(serialize_with = "seconds")]
    pub(super) life: Option<Duration>,
}

/// The sources of tenants, in numbers: it names none of them.
#[derive(Serialize)]
pub(super) struct Tenants<'a> {
    pub(super) name: &'a str,
    /// Those that have a source, a token, and a rest after a failure.
    pub(super) sources: usize,
    pub(super) held: usize,
    pub(super) resting: usize,
    /// Requests that wait for a token, and token requests that are being sent.
    pub(super) waiting: usize,
    pub(super) in_flight: usize,
    /// Sources that went for others, and how often there was no place for one.
    pub(super) evicted: u64,
    pub(super) full: u64,
}

impl<'a> Tenants<'a> {
    fn of(NumberedTenants { tenants, .. }: &'a NumberedTenants) -> Self {
        let pool = tenants.pool();
        let status = pool.status();
        Self {
            name: pool.name(),
            sources: status.sources,
            held: status.held,
            resting: status.resting,
            waiting: status.waiting,
            in_flight: status.in_flight,
            evicted: status.evicted_for_capacity + status.evicted_idle,
            full: status.full,
        }
    }
}

#[derive(Serialize)]
pub(super) struct TokenRequest<'a> {
    pub(super) source: &'a str,
    /// Seconds since it was sent.
    #[serde(serialize_with = "whole_seconds")]
    pub(super) ago: Duration,
    #[serde(serialize_with = "word")]
    pub(super) reason: Reason,
    /// What became of it; null while it is under way.
    pub(super) outcome: Option<String>,
}

/// One number for each look, the latest last.
#[derive(Serialize)]
pub(super) struct Graphs {
    /// Seconds from one to the next.
    pub(super) interval: u64,
    pub(super) queued: Vec<i64>,
    pub(super) calls: Vec<u64>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(
        (ready, draining): (bool, bool),
        crew: &Crew,
        fixed: &'a Fixed,
        (sources, reload): (&'a Sources, Option<Last>),
        history: &History,
    ) -> Self {
        let counts = crew.counts();
        let past = history.past();
        let now = Instant::now();
        let name = |number: u64| {
            let known = sources.single.iter().find(|source| source.number == number);
            known.map_or("", |source| source.tokens.name())
        };
        let source = |Numbered { number, tokens }: &'a Numbered| {
            let status = tokens.status();
            let seen = past.lives.get(number).copied().unwrap_or_default();
            // A token that never expires has no known lifetime.
            let life = status.held.map(|held| seen.max(held.used_for)).filter(|life| *life != Duration::MAX);
            Source { name: tokens.name(), status, life }
        };
        let token_requests = past.asked.iter().map(|asked| TokenRequest {
            source: name(asked.source),
            ago: now.saturating_duration_since(asked.at),
            reason: asked.reason,
            outcome: asked.outcome.as_ref().map(ToString::to_string),
        });
        Self {
            instance: &fixed.instance,
            ready,
            draining,
            up: crew.began.elapsed().as_secs(),
            in_flight: counts.in_flight,
            queued: counts.queued,
            connections: counts.connections,
            requests: counts.requests,
            reload: reload.map(Reload::of),
            sources: sources.single.iter().map(source).collect(),
            tenants: sources.tenants.iter().map(Tenants::of).collect(),
            token_requests: token_requests.collect(),
            history: Graphs {
                interval: INTERVAL.as_secs(),
                queued: past.samples.iter().map(|sample| sample.queued).collect(),
                calls: past.samples.iter().map(|sample| sample.calls).collect(),
            },
            answered_here: crew.answered_here(),
        }
    }
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn seconds<S: serde::Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| (time.as_secs_f64() * 1000.0).round() / 1000.0).serialize(serializer)
}

fn whole_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_secs().serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn word<S: serde::Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    reason.as_str().serialize(serializer)
}
