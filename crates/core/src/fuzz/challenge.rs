//! Any lines of WWW-Authenticate.

use crate::challenge::Challenge;
use crate::verdict::{Answer, Verdict, VerdictRule};
use alloc::string::String;
use alloc::vec::Vec;

/// One challenge as another implementation reads it: the scheme, and its parameters.
pub type Read = (String, Vec<(String, String)>);

/// `data` is one line of WWW-Authenticate after another. `strict` is another reader of one line, which gives nothing
/// for what it does not take.
///
/// # Panics
/// A challenge is misread, or a verdict does not follow from what was read.
pub fn challenge(data: &[u8], strict: fn(&str) -> Option<Vec<Read>>) {
    let lines = || data.split(|byte| *byte == b'\n');
    let read = Challenge::read(lines());
    assert!(read.len() <= Challenge::MAX_CHALLENGES);
    let is_name = |name: &str| {
        let fits =
            |c: char| c.is_ascii_graphic() && !c.is_ascii_uppercase() && !"\"(),/:;<=>?@[\\]{}".contains(c);
        !name.is_empty() && name.chars().all(fits)
    };
    for challenge in &read {
        assert!(
            is_name(challenge.scheme()) && challenge.params().all(|(name, _)| is_name(name)),
            "{challenge:?}"
        );
        assert!(challenge.params().count() <= Challenge::MAX_PARAMS);
    }

    let written = read.iter().map(written).collect::<Vec<_>>().join(", ");
    if written.len() <= Challenge::MAX_BYTES {
        assert_eq!(Challenge::read([written.as_bytes()]), read, "as it was written: {written}");
    }

    if let Ok(line) = core::str::from_utf8(data)
        && line.len() <= Challenge::MAX_BYTES
        && !line.contains('\n')
        && let Some(strict) = strict(line)
    {
        let ours: Vec<Read> = read.iter().map(plain).collect();
        let within = strict.len() <= Challenge::MAX_CHALLENGES
            && strict.iter().all(|(_, params)| params.len() <= Challenge::MAX_PARAMS);
        assert!(!within || ours == strict, "another reading: {ours:?} and {strict:?}");
    }

    let headers: Vec<(&str, &[u8])> = lines().map(|line| ("WWW-Authenticate", line)).collect();
    for status in [200, 400, 401, 403, 407, 431, 500] {
        let says = |error| move |challenge: &Challenge| challenge.param("error") == Some(error);
        let verdict = VerdictRule::Rfc6750.judge(&Answer::new(status, &headers, None));
        let is_ours = matches!(status, 400 | 401 | 403);
        let mut bearer = read.iter().filter(|challenge| challenge.scheme() == "bearer");
        let scope = is_ours && bearer.any(says("insufficient_scope"));
        assert_eq!(verdict == Verdict::InsufficientScope, scope, "{status}");
        let refused = is_ours && !scope && (status == 401 || read.iter().any(says("invalid_token")));
        assert_eq!(verdict == Verdict::TokenRefused, refused, "{status}");
        let _ = VerdictRule::MyParcel.judge(&Answer::new(status, &headers, Some(data)));
    }
}

/// In the strictest form (RFC 9110 §11.2): every value is quoted.
fn written(challenge: &Challenge) -> String {
    let mut text = String::from(challenge.scheme());
    if let Some(token68) = challenge.token68() {
        text.push(' ');
        text.push_str(token68);
    }
    for (place, (name, value)) in challenge.params().enumerate() {
        text.push_str(if place == 0 && challenge.token68().is_none() { " " } else { ", " });
        text.push_str(name);
        text.push_str("=\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('"');
    }
    text
}

fn plain(challenge: &Challenge) -> Read {
    let params = challenge.params().map(|(name, value)| (name.into(), value.into()));
    (challenge.scheme().into(), params.collect())
}
