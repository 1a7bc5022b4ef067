//! G2: which fields go on, by a second implementation over lists of texts, each byte a character.

use crate::fields::{FieldRules, Via, to_caller, to_upstream};
use http::Version;
use http::header::HeaderMap;

const NAME: &str = "evergrant-7f";

const NEVER: [&str; 18] = [
    "authorization",
    "connection",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-evergrant-key",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

type Line = (String, String);

pub(super) fn judge(fields: &HeaderMap, choice: u8) {
    let rules =
        FieldRules { cookies: choice & 1 != 0, reads_bodies: choice & 2 != 0, maps_links: choice & 8 != 0 };
    let via = (choice & 4 != 0).then_some(NAME);
    let came = lines(fields);
    let mut sent = fields.clone();
    let ours = via.and_then(Via::new);
    let result = to_upstream(&mut sent, &rules, Version::HTTP_11, ours.as_ref());
    let loops = list(&came, "via").iter().any(|member| {
        let words: Vec<_> = member.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(NAME))
    });
    assert_eq!(result.is_err(), via.is_some() && loops, "{fields:?}");
    if result.is_ok() {
        assert_eq!(lines(&sent), upstream(&came, &rules, via), "{fields:?}");
    }
    let mut answer = fields.clone();
    to_caller(&mut answer, &rules);
    assert_eq!(lines(&answer), caller(&came, &rules), "{fields:?}");
}

fn upstream(came: &[Line], rules: &FieldRules, via: Option<&str>) -> Vec<Line> {
    let passes = |name: &str| {
        // With `_` it is read as the one with `-` by some.
        let name = &*name.replace('_', "-");
        let is_never =
            NEVER.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("proxy-");
        !is_never && (rules.cookies || name != "cookie")
    };
    let mut sent = end_to_end(came, passes);
    if list(came, "te").iter().any(|coding| coding.eq_ignore_ascii_case("trailers")) {
        sent.push(("te".into(), "trailers".into()));
    }
    if rules.maps_links {
        sent.retain(|(name, _)| name != "accept-encoding" && name != "range");
        sent.push(("accept-encoding".into(), "identity".into()));
    } else if rules.reads_bodies {
        let kept: Vec<String> = list(&sent, "accept-encoding")
            .into_iter()
            .filter(|member| {
                let coding = member
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim_matches([' ', '\t'])
                    .to_ascii_lowercase();
                ["gzip", "x-gzip", "deflate", "identity"].contains(&coding.as_str())
            })
            .collect();
        sent.retain(|(name, _)| name != "accept-encoding");
        let value = if kept.is_empty() { "identity".into() } else { kept.join(", ") };
        sent.push(("accept-encoding".into(), value));
    }
    if let Some(name) = via {
        sent.push(("via".into(), format!("1.1 {name}")));
    }
    sort(&mut sent);
    sent
}

fn caller(came: &[Line], rules: &FieldRules) -> Vec<Line> {
    let never = [
        "authorization",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    let passes = |name: &str| {
        !never.contains(&name)
            && (name == "proxy-status" || !name.starts_with("proxy-"))
            && (rules.cookies || name != "set-cookie")
    };
    let mut answer = end_to_end(came, passes);
    let said = list(&answer, "cache-control").iter().any(|directive| {
        let name =
            directive.split('=').next().unwrap_or_default().trim_matches([' ', '\t']).to_ascii_lowercase();
        ["public", "s-maxage", "must-revalidate", "private", "no-store"].contains(&name.as_str())
    });
    if !said {
        answer.push(("cache-control".into(), "private".into()));
    }
    sort(&mut answer);
    answer
}

/// Without what is for one connection: what Connection names, and a length beside a coding.
fn end_to_end(came: &[Line], passes: impl Fn(&str) -> bool) -> Vec<Line> {
    let named: Vec<String> = list(came, "connection").iter().map(|name| name.to_ascii_lowercase()).collect();
    let is_coded = came.iter().any(|(name, _)| name == "transfer-encoding");
    let stays = |name: &str| {
        let is_length = name == "content-length" && is_coded;
        passes(name) && !is_length && !named.iter().any(|named| named == name)
    };
    let mut lines: Vec<Line> = came.iter().filter(|(name, _)| stays(name)).cloned().collect();
    // Of several lengths, which are the same or have been refused before, the first.
    let mut has_length = false;
    lines.retain(|(name, _)| name != "content-length" || !std::mem::replace(&mut has_length, true));
    lines
}

fn list(lines: &[Line], name: &str) -> Vec<String> {
    let values = lines.iter().filter(|(known, _)| known == name);
    let members = values.flat_map(|(_, value)| value.split(','));
    members
        .map(|member| member.trim_matches([' ', '\t']).to_owned())
        .filter(|member| !member.is_empty())
        .collect()
}

fn lines(fields: &HeaderMap) -> Vec<Line> {
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    let mut lines: Vec<Line> =
        fields.iter().map(|(name, value)| (name.as_str().into(), text(value.as_bytes()))).collect();
    sort(&mut lines);
    lines
}

/// By name; those of one name stay in their order.
fn sort(lines: &mut [Line]) {
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
}
