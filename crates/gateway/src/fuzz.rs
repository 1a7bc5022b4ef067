//! What the fuzz targets `gateway` and `links` run: they take the head of a request, or the body of an answer, as any bytes, and panic when something that
//! must always hold does not. The second implementations are here; the targets of `fuzz/` hand bytes to them, and every `cargo test` runs them on a
//! few thousand inputs.
//!
//! | of       | what must hold, besides that nothing panics                                                          |
//! |----------|------------------------------------------------------------------------------------------------------|
//! | the head | one host, one coding at most, a path; what is plain passes                                           |
//! | the path | no server reads one that passes as one of another route: it may decode twice, cut at `;`, merge slashes, take `\` for `/` |
//! | fields   | what goes on is what a second implementation lets pass                                                |
//! | links    | each stays, or leads below the base                                                                  |
//! | the body | the same of the links that a second reading finds in it; all else stays; however it is cut           |
//! | answers  | the document is JSON, Proxy-Status a structured field, and both say the same                         |

mod answer;
mod fields;
mod link;
mod links;
mod path;

use crate::rules::{Hosts, head};
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request, Uri};

/// The head of a request: a line with a target, alone or between a method and a version, and lines of fields.
///
/// # Panics
/// Something that must hold does not; the message says what.
pub fn request(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let mut words = first.split(' ');
    let (method, target) = match (words.next(), words.next()) {
        (Some(method), Some(target)) => (method, target),
        (target, _) => ("GET", target.unwrap_or_default()),
    };
    let fields: HeaderMap = lines.filter_map(field).collect();
    // What a route says is chosen by the input, too.
    let choice = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));

    path::judge(target.split('?').next().unwrap_or_default(), choice);
    fields::judge(&fields, choice);
    link::judge(&fields);
    answer::judge(target);
    let (Ok(method), Ok(uri)) = (Method::from_bytes(method.as_bytes()), Uri::try_from(target)) else {
        return;
    };
    let (mut parts, ()) = Request::new(()).into_parts();
    (parts.method, parts.uri, parts.headers) = (method, uri, fields);
    judge(&parts);
}

/// The body of an answer, behind a byte that says where it is cut.
///
/// # Panics
/// As [`request`].
pub fn body(data: &[u8]) {
    if let Some((choice, text)) = data.split_first() {
        links::judge(text, *choice);
    }
}

fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let value = value.strip_prefix(b":")?.trim_ascii();
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
}

/// Any head over HTTP/1.1.
fn judge(parts: &Parts) {
    let codings: Vec<_> = parts.headers.get_all(TRANSFER_ENCODING).iter().collect();
    let hosts: Vec<_> = parts.headers.get_all(HOST).iter().collect();
    let Ok(found) = head(parts, &Hosts::Any) else { return };
    assert_eq!(hosts.len(), 1, "{parts:?}");
    assert!(!hosts[0].is_empty() && !hosts[0].as_bytes().contains(&b'@'), "{parts:?}");
    assert!(codings.len() <= 1, "{parts:?}");
    assert!(codings.iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")), "{parts:?}");
    assert!(!["CONNECT", "TRACE", "TRACK"].contains(&parts.method.as_str()), "{parts:?}");
    assert_eq!((found.path.as_str(), found.query), (parts.uri.path(), parts.uri.query()));
    let on_loopback = head(parts, &Hosts::loopback(8484, [])).is_ok();
    let host = hosts[0].to_str().unwrap_or_default().to_ascii_lowercase();
    let is_ours = host == "localhost:8484" || host == "[::1]:8484" || host.starts_with("127.");
    assert!(!on_loopback || is_ours || host.starts_with("[0"), "{parts:?}");
}

#[cfg(test)]
mod tests;
