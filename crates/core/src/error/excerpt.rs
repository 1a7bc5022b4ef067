//! Words from outside.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use zeroize::Zeroizing;

/// Words from outside, made fit to show: control and bidirectional characters stripped, at most
/// [`MAX_CHARS`](Excerpt::MAX_CHARS) characters, configured secrets and the userinfo of URLs masked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Excerpt(Arc<str>);

impl Excerpt {
    /// The longest excerpt, in characters.
    pub const MAX_CHARS: usize = 256;

    /// What may be shown of `words`, each of `secrets` masked; `None` if nothing is left.
    pub fn new(words: &str, secrets: &[&str]) -> Option<Self> {
        // The bound comes last: a secret that it cut in two would not be found.
        // A secret is searched for as it would be shown.
        let printable =
            |text: &str| -> String { text.chars().filter(|c| !c.is_control() && !is_bidi(*c)).collect() };
        let masked = secrets
            .iter()
            .map(|secret| Zeroizing::new(printable(secret)))
            .filter(|secret| !secret.is_empty())
            .fold(printable(words), |text, secret| text.replace(secret.as_str(), "[redacted]"));
        let shown: String = mask_userinfo(&masked).trim().chars().take(Self::MAX_CHARS).collect();
        (!shown.is_empty()).then(|| Self(shown.into()))
    }

    /// What may be shown of where a URL leads: its scheme, host and port, without userinfo, path and query.
    pub fn origin(scheme: Option<&str>, host: Option<&str>, port: Option<u16>) -> Self {
        let (scheme, host) = (scheme.unwrap_or("(no scheme)"), host.unwrap_or_default());
        let named = match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Self::new(&named, &[]).unwrap_or_default()
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For words of which nothing can be shown.
impl Default for Excerpt {
    fn default() -> Self {
        Self("(nothing that can be shown)".into())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Characters that reorder or break the line: they could make a terminal show what was not said.
const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Masks `user:password` in every `scheme://user:password@host` (a proxy's URL, say).
fn mask_userinfo(text: &str) -> String {
    let mut parts = text.split("://");
    let mut masked = String::from(parts.next().unwrap_or_default());
    for part in parts {
        masked.push_str("://");
        let authority = part.find(['/', '?', '#', ' ']).unwrap_or(part.len());
        match part[..authority].rfind('@') {
            Some(at) => {
                masked.push_str("[redacted]");
                masked.push_str(&part[at..]);
            }
            None => masked.push_str(part),
        }
    }
    masked
}
