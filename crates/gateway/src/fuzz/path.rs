//! G17: every way to read a path, by a model that knows nothing of [`Path`] but whether it passed.

use crate::path::Path;
use crate::route::{RoutePath, Routes, Slashes};

/// Routes with what they say of odd slashes: with a shorter one around the others, and without.
const TABLES: [&[(&str, bool)]; 3] = [
    &[("/", true), ("/admin/", false), ("/admin", false), ("/files/", true), ("/files/x/", false)],
    &[("/v1/", false), ("/v1/orders/", false), ("/v1/exact", false), ("/v2/", true)],
    &[("/", false), ("/a/", true), ("/a/b/", false), ("/a/b/c", true)],
];

struct Odd(bool);

impl Slashes for Odd {
    fn may_be_odd(&self) -> bool {
        self.0
    }
}

pub(super) fn judge(raw: &str, choice: u8) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_~:@!$&'()*+,=".contains(&byte);
    let must_pass = raw.starts_with('/') && !raw.contains("//") && raw.bytes().all(is_plain);
    let Ok(path) = Path::read(raw) else {
        assert!(!must_pass, "{raw} is refused");
        return;
    };
    assert_eq!(path.as_str(), raw);
    let table = TABLES[usize::from(choice) % TABLES.len()];
    let listed = table.iter().filter_map(|(path, odd)| Some((RoutePath::parse(path).ok()?, Odd(*odd))));
    let Ok(routes) = Routes::new(listed.collect()) else { return };
    let Ok((found, Odd(may_be_odd))) = routes.find(&path) else { return };
    for reading in readings(raw) {
        let shown = String::from_utf8_lossy(&reading);
        assert_eq!(route(table, &reading), Some(found.as_str()), "{raw} is read as {shown}");
        let dots = |segment: &[u8]| segment == b"." || segment == b"..";
        assert!(!reading.split(|byte| *byte == b'/').any(dots), "{raw} is read as {shown}");
        assert!(!reading.contains(&0), "{raw} is read as {shown}");
    }
    let is_odd =
        |bytes: &Vec<u8>| bytes.windows(2).any(|pair| pair == b"//") || count(bytes) > count(raw.as_bytes());
    assert!(*may_be_odd || !decoded(raw).iter().any(is_odd), "{raw}");
}

/// The longest route that a path leads to.
fn route<'a>(table: &[(&'a str, bool)], path: &[u8]) -> Option<&'a str> {
    let leads = |route: &&str| {
        if route.ends_with('/') { path.starts_with(route.as_bytes()) } else { path == route.as_bytes() }
    };
    table.iter().map(|(route, _)| *route).filter(leads).max_by_key(|route| route.len())
}

/// Not as it came: an encoded unreserved character is that character to everybody (RFC 3986 §2.3).
fn decoded(raw: &str) -> [Vec<u8>; 3] {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let once = decode(raw.as_bytes(), |_| true);
    [decode(raw.as_bytes(), unreserved), decode(&once, |_| true), once]
}

fn readings(raw: &str) -> Vec<Vec<u8>> {
    let mut readings = Vec::new();
    for bytes in decoded(raw) {
        for (cuts, merges, turns) in (0..8).map(|bits: u8| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)) {
            let mut reading = Vec::new();
            let mut skips = false;
            for byte in &bytes {
                let byte = if turns && *byte == b'\\' { b'/' } else { *byte };
                skips = (skips || (cuts && byte == b';')) && byte != b'/';
                if !(skips || merges && byte == b'/' && reading.last() == Some(&b'/')) {
                    reading.push(byte);
                }
            }
            readings.push(reading);
        }
    }
    readings
}

/// Decodes the escapes of those bytes once.
fn decode(text: &[u8], which: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|byte| text[at] == b'%' && which(*byte)) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(text[at]);
                at += 1;
            }
        }
    }
    decoded
}

fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'/').count()
}
