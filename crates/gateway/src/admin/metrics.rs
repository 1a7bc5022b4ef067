//! Metrics of a gateway, in Prometheus' text format.

use crate::counts::{BOUNDS, Broken, CLASSES, Counts, Replayed, Times};
use crate::issued;
use crate::reload::Outcome;
use crate::table::Table;
use std::fmt::Write as _;

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The problems of requests that found no room or no token.
const UNSENT: [&str; 6] = ["queue-full", "busy", "closing", "no-token", "client-refused", "tenant-unusable"];

/// All of them. What is in a label comes from the file, or is a word of ours.
pub(super) fn text(counts: &Counts, table: &Table, reloads: [u64; Outcome::ALL.len()]) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "requests_total",
        "counter",
        "Requests that have ended, by route and by class of status; gone: their callers went away.",
    );
    for (route, classes) in &counts.by_route {
        for (class, count) in CLASSES.iter().zip(classes).filter(|(_, count)| **count > 0) {
            let route = escaped(route);
            line(&mut out, "requests_total", &format!("route=\"{route}\",code=\"{class}\""), *count);
        }
    }
    histogram(
        &mut out,
        "request_duration_seconds",
        "How long requests took, from their heads to the ends of their answers.",
        &counts.request_time,
    );
    histogram(
        &mut out,
        "upstream_duration_seconds",
        "How long the API took for the head of its answer.",
        &counts.upstream_time,
    );
    histogram(&mut out, "queue_wait_seconds", "How long requests waited for a token.", &counts.queue_time);
    gauge(
        &mut out,
        "in_flight",
        "Requests that are being answered, those that wait among them.",
        counts.in_flight,
    );
    gauge(&mut out, "queue_depth", "Requests that wait for a token.", counts.queued);
    gauge(&mut out, "connections", "Connections of callers.", counts.connections);
    gauge(&mut out, "tunnels", "Connections of callers that have become tunnels.", counts.tunnels);
    head(&mut out, "turns_waiting", "gauge", "Requests that wait for their turn at an API.");
    for api in &table.apis {
        let upstream = escaped(&api.upstream().to_string());
        line(&mut out, "turns_waiting", &format!("upstream=\"{upstream}\""), api.waiting());
    }
    head(
        &mut out,
        "queue_rejected_total",
        "counter",
        "Answers of the gateway that no rule is the reason of, by their type: no-token, queue-full, upstream-closed.",
    );
    head_lines(&mut out, counts, "queue_rejected_total", |(problem, _)| {
        UNSENT.contains(problem).then_some(*problem)
    });
    head(
        &mut out,
        "failed_total",
        "counter",
        "Requests that failed at the API or on the way there, and were answered by the gateway.",
    );
    head_lines(&mut out, counts, "failed_total", |(problem, rule)| {
        (rule.is_empty() && !UNSENT.contains(problem)).then_some(*problem)
    });
    head(&mut out, "broken_answers_total", "counter", "Answers of the API that broke off, by whose doing.");
    for (by, count) in Broken::ALL.iter().zip(&counts.broken) {
        line(&mut out, "broken_answers_total", &format!("by=\"{}\"", by.as_str()), *count);
    }
    head(&mut out, "denied_total", "counter", "Requests that a rule denied.");
    head_lines(&mut out, counts, "denied_total", |(_, rule)| (!rule.is_empty()).then_some(*rule));
    head(
        &mut out,
        "issued_total",
        "counter",
        "Requests for a token itself, or against one, by endpoint and by what came of them.",
    );
    for (endpoint, outcome, count) in issued::lines(&counts.issued) {
        line(&mut out, "issued_total", &format!("endpoint=\"{endpoint}\",outcome=\"{outcome}\""), count);
    }
    head(&mut out, "replays_total", "counter", "Requests whose token was refused, by what came of it.");
    for (outcome, count) in Replayed::ALL.iter().zip(&counts.replays) {
        line(&mut out, "replays_total", &format!("outcome=\"{}\"", outcome.as_str()), *count);
    }
    head(
        &mut out,
        "reloads_total",
        "counter",
        "Times that it was to be given other routes, by whether they were taken.",
    );
    for (outcome, count) in Outcome::ALL.iter().zip(reloads) {
        line(&mut out, "reloads_total", &format!("outcome=\"{}\"", outcome.as_str()), count);
    }
    out
}

fn head_lines(
    out: &mut String,
    counts: &Counts,
    name: &str,
    reason: impl Fn(&(&'static str, &'static str)) -> Option<&'static str>,
) {
    let mut sums = std::collections::BTreeMap::<_, u64>::new();
    for (key, count) in &counts.own {
        if let Some(reason) = reason(key) {
            *sums.entry(reason).or_default() += count;
        }
    }
    for (reason, count) in sums {
        line(out, name, &format!("reason=\"{reason}\""), count);
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    _ = writeln!(out, "# HELP evergrant_gateway_{name} {help}\n# TYPE evergrant_gateway_{name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    _ = writeln!(out, "evergrant_gateway_{name}{{{labels}}} {value}");
}

fn gauge(out: &mut String, name: &str, help: &str, value: i64) {
    head(out, name, "gauge", help);
    _ = writeln!(out, "evergrant_gateway_{name} {value}");
}

fn histogram(out: &mut String, name: &str, help: &str, times: &Times) {
    head(out, name, "histogram", help);
    let mut sum = 0;
    for (bound, count) in BOUNDS.iter().zip(&times.counts) {
        sum += count;
        line(out, &format!("{name}_bucket"), &format!("le=\"{bound}\""), sum);
    }
    line(out, &format!("{name}_bucket"), "le=\"+Inf\"", times.count());
    _ = writeln!(out, "evergrant_gateway_{name}_sum {}", times.sum.as_secs_f64());
    _ = writeln!(out, "evergrant_gateway_{name}_count {}", times.count());
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}
