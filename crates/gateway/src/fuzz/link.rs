//! Where links lead once they were changed.

use crate::location::relocate;
use http::header::{CONTENT_LOCATION, HeaderMap, LINK, LOCATION};

const UPSTREAM: &str = "https://api.example.com/base/";
const PLACES: [(&str, &str); 2] =
    [("http://localhost:8484/route/", "/route/"), ("http://localhost:8484/", "/")];

pub(super) fn judge(fields: &HeaderMap) {
    for (base, path) in PLACES {
        let mut moved = fields.clone();
        relocate(&mut moved, UPSTREAM, base);
        assert_eq!(moved.len(), fields.len());
        for (name, value) in &moved {
            if ![LOCATION, CONTENT_LOCATION, LINK].contains(name) {
                assert!(fields.get_all(name).iter().any(|came| came == value), "{name}: {value:?}");
            }
        }
        for name in [LOCATION, CONTENT_LOCATION] {
            for (came, went) in fields.get_all(&name).iter().zip(moved.get_all(&name)) {
                let (Ok(came), Ok(went)) = (came.to_str(), went.to_str()) else { continue };
                one(came, went, base, path);
            }
        }
        for (came, went) in fields.get_all(LINK).iter().zip(moved.get_all(LINK)) {
            let (came, went) = (came.as_bytes(), went.as_bytes());
            let marks =
                |text: &[u8]| text.iter().filter(|byte| matches!(byte, b'<' | b'>' | b',' | b'"')).count();
            assert_eq!(marks(came), marks(went), "{came:?}");
        }
    }
}

/// It stays, or it led below the upstream and leads below the base, to the same place.
pub(super) fn one(came: &str, went: &str, base: &str, path: &str) {
    if came == went {
        return;
    }
    let below = went
        .strip_prefix(base)
        .or_else(|| went.strip_prefix(path).filter(|below| !below.starts_with(['/', '\\', '\t'])));
    let Some(below) = below else { panic!("{came} became {went}") };
    let Some(before) = came.strip_suffix(below) else { panic!("{came} became {went}") };
    assert!(is_upstream(before), "{came} became {went}");
    let mut depth = 0_i64;
    for segment in below.split(['?', '#']).next().unwrap_or_default().split('/') {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        depth += match segment.as_str() {
            ".." => -1,
            "." => 0,
            _ => 1,
        };
        assert!(depth >= 0, "{came} became {went}");
    }
}

/// Whether this is how somebody may write the upstream.
fn is_upstream(text: &str) -> bool {
    let Some(origin) = text.strip_suffix("/base/").map(str::to_ascii_lowercase) else { return false };
    let authority = origin.strip_prefix("https:").unwrap_or(&origin);
    let port =
        authority.strip_prefix("//api.example.com").and_then(|port| port.strip_prefix(':').or(Some(port)));
    origin.is_empty() || port.is_some_and(|port| ["", "443"].contains(&port.trim_start_matches('0')))
}
