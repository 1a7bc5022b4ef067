//! The guide in `docs/guide` against the sources. Its Rust is in `pages.rs`, its transcripts are the command's to replay, and
//! `.ci/guide` looks after its links.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod literals;
mod tree;

use evergrant_drive::metrics::{INSTRUMENTS, Kind};
use evergrant_tokio_reqwest::core::{ErrorResponse, JwtHint, Mono};
use evergrant_tokio_reqwest::{Reason, Rejection};
use literals::{fragments, literals};
use std::collections::BTreeSet;
use std::fs;
use tree::{files, has_extension, root};

/// Where the sentences of errors are.
const ERRORS: [&str; 90] = [
    "core/src/assertion.rs",
    "core/src/clock_offset.rs",
    "core/src/error.rs",
    "core/src/error/advice.rs",
    "core/src/error/config.rs",
    "core/src/error/malformed.rs",
    "core/src/error/metadata.rs",
    "core/src/error/proxy.rs",
    "core/src/error/refusal.rs",
    "core/src/error/transport.rs",
    "core/src/error/unready.rs",
    "core/src/error/unusable.rs",
    "core/src/fleet/store_error.rs",
    "core/src/signature.rs",
    "crypto/src/error.rs",
    "folder/src/error.rs",
    "folder/src/folder.rs",
    "folder/src/folder/elsewhere.rs",
    "crypto/src/key.rs",
    "crypto/src/key/jwk.rs",
    "crypto/src/key/pair.rs",
    "crypto/src/key/pem.rs",
    "crypto/src/key/private.rs",
    "crypto/src/key/refused.rs",
    "crypto/src/key/stray.rs",
    "crypto/src/key_file.rs",
    "drive/src/pool/error.rs",
    "http/src/cause.rs",
    "http/src/error.rs",
    "http/src/proxy.rs",
    "http/src/request.rs",
    "http/src/tls.rs",
    "http/src/tls/rustls.rs",
    "tokio-reqwest/src/route.rs",
    "tokio-reqwest/src/runtime.rs",
    "tokio-reqwest/src/identity.rs",
    "tokio-reqwest/src/way.rs",
    "tokio-reqwest/src/ways.rs",
    "async-std/src/error.rs",
    "async-std/src/happy_eyeballs.rs",
    "async-std/src/io.rs",
    "async-std/src/proxy.rs",
    "gateway/src/access.rs",
    "gateway/src/access/key.rs",
    "gateway/src/answer.rs",
    "gateway/src/answer/local.rs",
    "gateway/src/answer/sent.rs",
    "gateway/src/answer/tenant.rs",
    "gateway/src/answer/upstream.rs",
    "gateway/src/fields.rs",
    "gateway/src/issue.rs",
    "gateway/src/issue/client.rs",
    "gateway/src/issue/form.rs",
    "gateway/src/issue/given.rs",
    "gateway/src/issue/refused.rs",
    "gateway/src/issue/reject.rs",
    "gateway/src/issue/serving.rs",
    "gateway/src/listener.rs",
    "gateway/src/path.rs",
    "gateway/src/route.rs",
    "gateway/src/rules.rs",
    "gateway/src/tenants.rs",
    "gateway/src/upstream.rs",
    "cli/src/commands/gateway/demo_page.rs",
    "cli/src/commands/gateway/descriptors.rs",
    "cli/src/commands/gateway/file.rs",
    "cli/src/commands/gateway/life.rs",
    "cli/src/commands/gateway/notify.rs",
    "cli/src/commands/gateway/plan.rs",
    "cli/src/commands/gateway/reload.rs",
    "cli/src/commands/gateway/start.rs",
    "cli/src/commands/gateway/tenants.rs",
    "cli/src/commands/gateway/tenants/clients.rs",
    "cli/src/commands/gateway/wait.rs",
    "cli/src/commands/key.rs",
    "cli/src/commands/serve.rs",
    "cli/src/commands/serve/answering.rs",
    "cli/src/client/cache.rs",
    "cli/src/client/profile/gateway.rs",
    "cli/src/client/profile/gateway/issue.rs",
    "cli/src/client/profile/gateway/listen.rs",
    "cli/src/client/checked.rs",
    "cli/src/client/tenants.rs",
    "cli/src/client/identity.rs",
    "cli/src/client/certificate.rs",
    "cli/src/client/secret/live.rs",
    "cli/src/client/settings/credential.rs",
    "cli/src/tell/news.rs",
    "cli/src/tell/told.rs",
    "gateway/src/identity.rs",
];

/// Words of other libraries that those files recognize: nobody is shown them.
const FOREIGN: [&str; 60] = [
    "key values mismatch",
    "Basic realm=\"evergrant\", charset=\"UTF-8\"",
    "evergrant mock -- timeout --preserve-status 1s \\",
    "  evergrant -q serve --socket token.sock",
    "umask 077; openssl genpkey -algorithm ed25519 -out key.pem && \\",
    "  evergrant key --key-file key.pem",
    "  evergrant key --key-file key.pem --key-thumbprint --jwks",
    "wrong version number",
    "packet length too long",
    "http request",
    "unable to get local issuer",
    "unable to get issuer",
    "unable to verify the first",
    "self signed",
    "not trusted",
    "has expired",
    "not yet valid",
    "hostname mismatch",
    "ip address mismatch",
    "certificate revoked",
    "certificate required",
    "alert bad certificate",
    "alert unknown ca",
    "alert certificate unknown",
    "certificate signature failure",
    "md too weak",
    "key too small",
    "certificate purpose",
    "unsupported protocol",
    "protocol version",
    "handshake failure",
    "certificate had invalid extensions",
    "No CA certificates were loaded from the system",
    "no root trust anchors were provided",
    "too large",
    "tunnel error: ",
    "error connecting to socks proxy",
    "proxy authorization required",
    "unexpected end of file",
    "failed to create underlying connection",
    "invalid http",
    "head is too large",
    "end of file",
    "failed to lookup address",
    "client error (",
    // The labels of PEM.
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "DSA PRIVATE KEY",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "X509 CERTIFICATE",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "EC PARAMETERS",
    "---- BEGIN SSH2 PUBLIC KEY",
    "---- BEGIN SSH2 ",
    // What /readyz answers, read by --wait: with its line break, as it is found here.
    "not readyn",
];

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs/guide/src").join(name)).unwrap()
}

/// The fragments of every sentence that an error shows, those of one sentence together.
fn sentences() -> Vec<Vec<String>> {
    let mut sentences = Vec::new();
    for file in ERRORS {
        let code = fs::read_to_string(root().join("crates").join(file)).unwrap();
        for literal in literals(&code).into_iter().filter(|literal| !FOREIGN.contains(&literal.as_str())) {
            let fragments = fragments(&literal);
            if !fragments.is_empty() {
                sentences.push(fragments);
            }
        }
    }
    sentences
}

/// The cells of the tables of a page, row by row, without what marks them as code.
fn rows(page: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    page.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect())
}

/// Whether a text has all of these, in this order.
fn has_in_order(mut text: &str, fragments: &[String]) -> bool {
    fragments.iter().all(|fragment| match text.split_once(fragment.as_str()) {
        Some((_, after)) => {
            text = after;
            true
        }
        None => false,
    })
}

#[test]
fn every_sentence_that_an_error_shows_is_found_on_the_page_for_troubleshooting() {
    let page = page("troubleshooting.md");
    let rows: Vec<_> = rows(&page).map(|row| row[0].clone()).collect();
    let found = |sentence: &&Vec<String>| !rows.iter().any(|row| has_in_order(row, sentence));
    let sentences = sentences();
    assert!(sentences.len() > 100, "{}", sentences.len());
    let missing: Vec<_> = sentences.iter().filter(found).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_page_for_troubleshooting_has_no_sentence_that_no_error_shows() {
    let page = page("troubleshooting.md");
    let known: Vec<String> = sentences().into_iter().flatten().collect();
    let shown =
        page.lines().filter(|line| line.starts_with("| `")).map(|line| line[3..].split('`').next().unwrap());
    let stale = shown.filter(|text| {
        let pieces = text.split('…').map(|piece| piece.trim_matches(|c: char| !c.is_alphanumeric()));
        !pieces
            .filter(|piece| piece.contains(' '))
            .all(|piece| known.iter().any(|known| known.contains(piece)))
    });
    assert_eq!(stale.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn what_is_said_to_be_foreign_is_in_the_sources() {
    let read = |file: &str| literals(&fs::read_to_string(root().join("crates").join(file)).unwrap());
    let all: BTreeSet<String> = ERRORS.into_iter().flat_map(read).collect();
    assert!(FOREIGN.iter().all(|words| all.contains(*words)));
}

/// The events of a piece of code: level, message, and the names of the fields.
fn events(code: &str) -> Vec<(String, String, BTreeSet<String>)> {
    let mut events = Vec::new();
    for call in code.split("tracing::").skip(1) {
        let Some((level, rest)) = call.split_once("!(") else { continue };
        if !["error", "warn", "info", "debug", "trace"].contains(&level) {
            continue;
        }
        let message = literals(rest).into_iter().find(|literal| literal != "evergrant").unwrap();
        let (before, _) = rest.split_once(&format!("\"{message}\"")).unwrap();
        let (_, fields) = before.split_once("target: \"evergrant\",").unwrap();
        let name =
            |field: &str| field.trim().trim_start_matches(['%', '?']).split(" = ").next().unwrap().to_owned();
        let fields = fields.split(',').map(name).filter(|field| !field.is_empty()).collect();
        events.push((level.to_uppercase(), message, fields));
    }
    events
}

#[test]
fn the_tracing_reference_has_every_event_with_its_fields_and_no_other() {
    let page = page("tracing.md");
    let is_level = |cell: &str| ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&cell);
    let shown: BTreeSet<_> = rows(&page)
        .filter(|row| is_level(&row[0]))
        .map(|row| {
            (row[0].clone(), row[1].clone(), row[2].split(", ").map(str::to_owned).collect::<BTreeSet<_>>())
        })
        .collect();
    let mut sent = BTreeSet::new();
    let crates = root().join("crates");
    for file in files(&crates).into_iter().filter(|path| has_extension(path, "rs")) {
        let path = file.strip_prefix(&crates).unwrap().to_str().unwrap();
        if path.contains("/src/") && !path.contains("/tests") && !path.ends_with("fixture.rs") {
            sent.extend(events(&fs::read_to_string(&file).unwrap()));
        }
    }
    assert!(sent.len() > 8, "{sent:?}");
    assert_eq!(shown, sent);
    let explained: BTreeSet<_> = rows(&page).map(|row| row[0].clone()).collect();
    for field in sent.iter().flat_map(|(_, _, fields)| fields) {
        assert!(explained.contains(field), "{field} is not explained");
    }
}

#[test]
fn the_tracing_reference_has_every_reason_hint_and_rejection() {
    let page = page("tracing.md");
    let rows: Vec<Vec<String>> = rows(&page).collect();
    let has =
        |first: &str, second: &str| rows.iter().any(|row| row[0] == first && row[1].starts_with(second));
    for reason in
        [Reason::First, Reason::Early, Reason::Expired, Reason::Rejected, Reason::Rotated, Reason::Retry]
    {
        assert!(has(reason.as_str(), &reason.to_string()), "{reason:?}");
    }
    for hint in [JwtHint::Absent, JwtHint::Used, JwtHint::Longer, JwtHint::ClockSkew] {
        assert!(has(&format!("{hint:?}"), ""), "{hint:?}");
    }
    let settling = Rejection::Settling(Mono::default());
    for rejection in [Rejection::Dropped, Rejection::Replaced, settling, Rejection::Refused] {
        assert!(has(&rejection.to_string(), ""), "{rejection:?}");
    }
}

#[test]
fn the_page_for_metrics_has_every_metric_as_the_table_has_it_and_no_other() {
    let page = page("metrics.md");
    let is_metric = |cell: &str| cell.starts_with("evergrant.");
    let shown: Vec<_> = rows(&page).filter(|row| is_metric(&row[0])).collect();
    let known: Vec<_> = INSTRUMENTS
        .iter()
        .map(|instrument| {
            let kind = match instrument.kind {
                Kind::Counter => "counter",
                Kind::Histogram => "histogram",
                Kind::Gauge => "gauge",
            };
            let labels: Vec<_> = instrument.labels.iter().map(|label| label.name()).collect();
            let labels = if labels.is_empty() { "none".into() } else { labels.join(", ") };
            let row = [instrument.name, kind, instrument.unit, &labels, instrument.description];
            row.map(str::to_owned).to_vec()
        })
        .collect();
    assert_eq!(shown, known);
}

#[test]
fn the_page_for_metrics_has_every_label_with_its_values_and_no_other() {
    let page = page("metrics.md");
    let shown: Vec<_> = rows(&page).filter(|row| row[1].starts_with("evergrant.")).collect();
    let mut labels = 0;
    for instrument in INSTRUMENTS {
        for label in instrument.labels {
            labels += 1;
            let row = shown.iter().find(|row| row[0] == label.name() && row[1] == instrument.name).unwrap();
            match (label.name(), label.values()) {
                // A table of its own has the words of ours; the codes are the RFC's.
                ("error.type", values) => {
                    let is_ours =
                        |value: &&str| value.parse::<u16>().is_err() && !ErrorResponse::CODES.contains(value);
                    let missing = |value: &&str| is_ours(value) && !page.contains(&format!("`{value}`"));
                    assert_eq!(values.into_iter().filter(missing).collect::<Vec<_>>(), Vec::<&str>::new());
                }
                ("site", values) => assert_eq!(row[2], format!("0 to {}", values[values.len() - 1])),
                (_, values) => assert_eq!(row[2], values.join(", ")),
            }
        }
    }
    assert_eq!(shown.len(), labels);
}

/// The names of the gateway's own metrics, as it writes them.
fn metrics_of_the_gateway() -> BTreeSet<String> {
    let code = fs::read_to_string(root().join("crates/gateway/src/admin/metrics.rs")).unwrap();
    let calls = ["head(", "gauge(", "histogram("].into_iter().flat_map(|call| code.split(call).skip(1));
    let named = calls.filter(|rest| rest.trim_start().starts_with("&mut out"));
    let names = named.filter_map(|rest| literals(rest).into_iter().next());
    names.map(|name| format!("evergrant_gateway_{name}")).collect()
}

#[test]
fn the_page_for_metrics_has_every_metric_of_the_gateway_and_no_other() {
    let page = page("metrics.md");
    let shown: BTreeSet<_> =
        rows(&page).map(|row| row[0].clone()).filter(|cell| cell.starts_with("evergrant_gateway_")).collect();
    assert!(shown.len() > 8, "{shown:?}");
    assert_eq!(shown, metrics_of_the_gateway());
}

#[test]
fn what_prometheus_and_grafana_read_names_every_metric_of_the_table_and_no_other() {
    let known: BTreeSet<String> = INSTRUMENTS.iter().map(|instrument| instrument.prometheus_name()).collect();
    let gateways = metrics_of_the_gateway();
    let folder = root().join("docs/monitoring");
    let mut named = BTreeSet::new();
    for file in ["alerts.yml", "alerts.test.yml", "dashboard.json"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("evergrant_")) {
            let series = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| word.strip_suffix(suffix));
            let name = series.unwrap_or(word);
            if gateways.contains(name) {
                continue;
            }
            assert!(known.contains(name), "{file}: {word}");
            named.insert(name.to_owned());
        }
    }
    // Nothing is measured that nobody looks at.
    assert_eq!(named, known);
    let alerts = fs::read_to_string(folder.join("alerts.yml")).unwrap();
    let alerts: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let page = page("metrics.md");
    let shown: Vec<_> =
        rows(&page).map(|row| row[0].clone()).filter(|cell| cell.starts_with("Evergrant")).collect();
    assert_eq!(shown, alerts);
}

#[test]
fn every_block_of_the_guide_is_of_a_kind_that_is_looked_after() {
    let src = root().join("docs/guide/src");
    let tested = include_str!("pages.rs");
    for path in files(&src).into_iter().filter(|path| has_extension(path, "md")) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap();
        let fences: Vec<&str> =
            text.lines().filter_map(|line| line.trim_start().strip_prefix("```")).collect();
        for fence in fences.iter().step_by(2) {
            // A block of Rust that is not run, or of a kind that nobody knows, is a promise that nobody keeps.
            let known = ["rust", "console", "sh", "text", "toml", "yaml", "ini"];
            assert!(known.contains(fence), "{name}: a block of {fence:?}");
        }
        let has_rust = fences.contains(&"rust");
        assert_eq!(tested.contains(&format!("\"{name}\"")), has_rust, "{name} in pages.rs");
    }
}
