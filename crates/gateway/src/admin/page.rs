//! The status as a page: tables that need no script, and a script of its own that puts new ones in their place.
//!
//! Every text on it goes through [`Text`]: what servers and callers say is shown, never read as HTML.

use super::status::{Graphs, Reload, Shown, Source, Tenants, TokenRequest};
use crate::log::Line;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::Span;
use evergrant_drive::{Held, RequestStatus, Status};
use http::HeaderValue;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use std::fmt::{self, Display, Write as _};
use std::time::Duration;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The width of a graph in its own units: one for each step from a look to the next.
const WIDTH: usize = super::history::SAMPLES - 1;

/// The height of a graph, likewise: its line is a share of it.
const HEIGHT: u64 = 100;

/// The policy of the page: its own script and style and nothing else, no form, no frame around it.
pub(super) fn policy() -> HeaderValue {
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// The page.
pub(super) fn html(shown: &Shown<'_>) -> String {
    let mut page = String::new();
    // Writing to a String does not fail.
    _ = write(&mut page, shown);
    page
}

/// A text as HTML shows it.
struct Text<T>(T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|letter| match letter {
                    '&' => self.0.write_str("&amp;"),
                    '<' => self.0.write_str("&lt;"),
                    '>' => self.0.write_str("&gt;"),
                    '"' => self.0.write_str("&quot;"),
                    '\'' => self.0.write_str("&#39;"),
                    letter => self.0.write_char(letter),
                })
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}

fn write(page: &mut String, shown: &Shown<'_>) -> fmt::Result {
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>evergrant gateway</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>evergrant gateway</h1>\n<div id=\"state\" data-live>"
    )?;
    state(page, shown)?;
    page.push_str("</div>\n<p id=\"note\" class=\"rest\" role=\"status\"></p>\n</header>\n<main>\n");
    page.push_str("<dl id=\"numbers\" class=\"numbers\" data-live>");
    numbers(page, shown)?;
    page.push_str("</dl>\n<div id=\"graphs\" class=\"graphs\" data-live>");
    graphs(page, &shown.history)?;
    page.push_str("</div>\n");
    table(page, "clients", "Clients", CLIENTS, &shown.sources, client)?;
    // There whether there are tenants or not: the page that is open looks for it when a reload has taken them away.
    page.push_str("<div id=\"tenants\" data-live>");
    shown.tenants.iter().try_for_each(|of| tenants(page, of))?;
    page.push_str("</div>\n");
    table(page, "requests", "Token requests", TOKEN_REQUESTS, &shown.token_requests, token_request)?;
    table(page, "answered", "Requests answered here", ANSWERED, &shown.answered_here, answered)?;
    write!(page, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

fn state(page: &mut String, shown: &Shown<'_>) -> fmt::Result {
    let (class, state) = match (shown.draining, shown.ready) {
        (true, _) => ("state not", "ends when all in flight is answered"),
        (false, true) => ("state", "ready"),
        (false, false) => ("state not", "waits for its first tokens"),
    };
    write!(
        page,
        "<p class=\"{class}\">{state}</p><p class=\"faint\">instance {}, up for {}</p>",
        Text(shown.instance),
        Span(Duration::from_secs(shown.up))
    )?;
    shown.reload.as_ref().map_or(Ok(()), |last| reload(page, last))
}

/// `its configuration was read again 12 s ago, and the one before is still used: …`.
fn reload(page: &mut String, last: &Reload) -> fmt::Result {
    let Reload { ago, fault, needs_restart, .. } = last;
    let ago = Span(*ago);
    match fault {
        Some(fault) => write!(
            page,
            "<p class=\"rest\">its configuration was read again {ago} ago, and the one before is still used: {}</p>",
            Text(fault)
        ),
        None if needs_restart.is_empty() => {
            write!(page, "<p class=\"faint\">its configuration was read again {ago} ago, and is used</p>")
        }
        None => write!(
            page,
            "<p class=\"rest\">its configuration was read again {ago} ago, and is used but for what takes a restart: {}</p>",
            Text(needs_restart.join(", "))
        ),
    }
}

fn numbers(page: &mut String, shown: &Shown<'_>) -> fmt::Result {
    let calls = shown.history.calls.last().copied().unwrap_or_default();
    let mut number =
        |name: &str, value: &dyn Display| write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    number("calls a second", &calls)?;
    number("waiting for a token", &shown.queued)?;
    number("in flight", &shown.in_flight)?;
    number("connections", &shown.connections)?;
    number("answered in all", &shown.requests)
}

fn graphs(page: &mut String, history: &Graphs) -> fmt::Result {
    graph(page, "calls", "calls a second", &history.calls)?;
    let queued: Vec<u64> = history.queued.iter().map(|queued| u64::try_from(*queued).unwrap_or(0)).collect();
    graph(page, "queue", "waiting for a token", &queued)
}

/// A line from the left, where it was two minutes ago, to the right.
fn graph(page: &mut String, class: &str, name: &str, values: &[u64]) -> fmt::Result {
    let most = values.iter().copied().max().unwrap_or(0);
    let now = values.last().copied().unwrap_or(0);
    write!(
        page,
        "<figure><figcaption>{name} in the last 2 minutes, at most {most}</figcaption>\
         <svg class=\"graph {class}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{name}: now {now}, at most {most}\"><line x1=\"0\" y1=\"{HEIGHT}\" x2=\"{WIDTH}\" y2=\"{HEIGHT}\"/>\
         <polyline points=\""
    )?;
    let from = (WIDTH + 1).saturating_sub(values.len());
    for (place, value) in values.iter().enumerate() {
        let share = value.saturating_mul(HEIGHT).checked_div(most).unwrap_or(0);
        write!(page, "{},{} ", from + place, HEIGHT - share)?;
    }
    page.push_str("\"/></svg></figure>");
    Ok(())
}

/// A column: its name, and whether it is one of numbers.
type Column = (&'static str, bool);

const CLIENTS: &[Column] =
    &[("client", false), ("token", false), ("token requests", true), ("waiting", true)];
const TOKEN_REQUESTS: &[Column] = &[("ago", false), ("client", false), ("reason", false), ("outcome", false)];
const ANSWERED: &[Column] = &[
    ("time (UTC)", false),
    ("caller", false),
    ("request", false),
    ("status", true),
    ("reason", false),
    ("sent to the API", false),
];

/// A table whose rows are replaced while the rest of it stays, so that nobody who has scrolled it starts again.
fn table<T>(
    page: &mut String,
    id: &str,
    name: &str,
    columns: &[Column],
    rows: &[T],
    row: impl Fn(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    write!(
        page,
        "<section>\n<h2 id=\"{id}-name\">{name}</h2>\n\
         <div class=\"table\" role=\"region\" aria-labelledby=\"{id}-name\" tabindex=\"0\"><table><thead><tr>"
    )?;
    for (column, is_number) in columns {
        let class = if *is_number { " class=\"number\"" } else { "" };
        write!(page, "<th scope=\"col\"{class}>{column}</th>")?;
    }
    write!(page, "</tr></thead><tbody id=\"{id}\" data-live>")?;
    for shown in rows {
        page.push_str("<tr>");
        row(page, shown)?;
        page.push_str("</tr>\n");
    }
    if rows.is_empty() {
        write!(page, "<tr><td colspan=\"{}\" class=\"faint\">none so far</td></tr>", columns.len())?;
    }
    page.push_str("</tbody></table></div>\n</section>\n");
    Ok(())
}

fn client(page: &mut String, source: &Source<'_>) -> fmt::Result {
    let Source { name, status, life } = source;
    let name = if name.is_empty() { "-" } else { name };
    write!(page, "<th scope=\"row\">{}</th><td class=\"life\">", Text(name))?;
    match (&status.held, &status.set_aside) {
        (Some(held), _) => life_left(page, held)?,
        (None, Some(aside)) => write!(page, "{}", Text(aside))?,
        (None, None) => page.push_str("no token"),
    }
    bar(page, status, *life)?;
    match &status.request {
        RequestStatus::Resting(left, cause) => write!(
            page,
            "<p class=\"rest\">rests for {}, until {}: {}</p>",
            Span(*left),
            clock(*left),
            Text(cause.summary())
        )?,
        RequestStatus::InFlight(_) => page.push_str("<p class=\"faint\">a token request is being sent</p>"),
        RequestStatus::Idle => {}
        _ => write!(page, "<p>{}</p>", Text(&status.request))?,
    }
    write!(
        page,
        "</td><td class=\"number\">{}</td><td class=\"number\">{}</td>",
        status.requests, status.waiting
    )
}

/// `token 3: 41 s left, renewed in 12 s`.
fn life_left(page: &mut String, held: &Held) -> fmt::Result {
    write!(page, "token {}: ", held.generation.number())?;
    match (held.used_for, held.refresh_in) {
        (Duration::MAX, _) => write!(page, "never expires"),
        (left, Duration::ZERO) => write!(page, "{} left, due for renewal", Span(left)),
        (left, Duration::MAX) => write!(page, "{} left, never renewed", Span(left)),
        (left, due) => write!(page, "{} left, renewed in {}", Span(left), Span(due)),
    }
}

/// The life of a token: what is left of it, and of that what is left when its replacement is due. The words beside it say the same.
fn bar(page: &mut String, status: &Status, life: Option<Duration>) -> fmt::Result {
    let (Some(held), Some(life)) = (status.held, life.filter(|life| !life.is_zero())) else { return Ok(()) };
    let percent =
        |time: Duration| (time.as_secs_f64() / life.as_secs_f64() * 100.0).clamp(0.0, 100.0).round();
    let left = percent(held.used_for);
    let due = percent(held.used_for.saturating_sub(held.refresh_in.min(held.used_for)));
    write!(
        page,
        "<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"left\" width=\"{left}\" height=\"1\"/><rect class=\"due\" width=\"{due}\" height=\"1\"/></svg>"
    )
}

/// What a clock on the wall says in so long.
fn clock(left: Duration) -> String {
    let then = Timestamp::now().checked_add(left).unwrap_or(Timestamp::MAX);
    then.strftime("%H:%M:%S UTC").to_string()
}

/// In numbers: there may be thousands, and who they are is not shown.
fn tenants(page: &mut String, tenants: &Tenants<'_>) -> fmt::Result {
    let Tenants { name, sources, held, resting, waiting, in_flight, evicted, full } = tenants;
    write!(
        page,
        "<p class=\"faint\">{}: clients in use {sources}, with a token {held}, resting {resting}; requests that wait {waiting}, \
         token requests under way {in_flight}; let go {evicted}, without a place {full}</p>",
        Text(name)
    )
}

fn token_request(page: &mut String, request: &TokenRequest<'_>) -> fmt::Result {
    let TokenRequest { source, ago, reason, outcome } = request;
    let source = if source.is_empty() { "-" } else { source };
    let outcome = outcome.as_deref().unwrap_or("under way");
    write!(
        page,
        "<td class=\"time\">{}</td><td>{}</td><td>{}</td><td>{}</td>",
        Span(*ago),
        Text(source),
        reason,
        Text(outcome)
    )
}

fn answered(page: &mut String, line: &Line) -> fmt::Result {
    let time = line.time.strftime("%H:%M:%S");
    write!(
        page,
        "<td class=\"time\">{time}</td><td>{}</td><td class=\"path\">{} {}</td><td class=\"number\">",
        Text(&line.caller),
        Text(&line.method),
        Text(&line.path)
    )?;
    match line.status {
        Some(status) => write!(page, "{status}")?,
        None => page.push_str("gone"),
    }
    let broken = line.broken.map(|by| format!("broken off: {by}"));
    let reason = line.denied.or(line.problem).map(str::to_owned).or(broken).unwrap_or_default();
    write!(page, "</td><td>{}</td><td>{}</td>", Text(reason), Text(line.sent.unwrap_or("yes")))
}

#[cfg(test)]
mod tests;
