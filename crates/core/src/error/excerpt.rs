//! Words from outside.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::iter;
use core::ops::Range;
use zeroize::Zeroizing;

/// What stands for a secret.
const MASK: &str = "[redacted]";

/// Words from outside, made fit to show: control and bidirectional characters stripped, at most
/// [`MAX_CHARS`](Excerpt::MAX_CHARS) characters, configured secrets and the userinfo of URLs masked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Excerpt(Arc<str>);

impl Excerpt {
    /// The longest excerpt, in characters.
    pub const MAX_CHARS: usize = 256;

    /// The length, in bytes, from which on a secret is masked wherever it stands. A shorter one stands in ordinary words
    /// by chance: masked there, it could be read from what is missing. Where it is a word of its own, all the words are
    /// masked, so that nothing tells which one it was.
    pub(crate) const SHORTEST_ECHO: usize = 8;

    /// What may be shown of `words`, each of `secrets` masked; `None` if nothing is left.
    ///
    /// A secret of 8 bytes or more is masked wherever it stands. If one of fewer bytes is a word of its own, with no
    /// letter, digit or underscore beside it, all the words are masked.
    pub fn new(words: &str, secrets: &[&str]) -> Option<Self> {
        // The bound comes last: a secret that it cut in two would not be found.
        Self::shown(&masked(&printable(words), secrets, false))
    }

    /// The same words with these secrets masked, which were not known when the excerpt was made.
    pub(crate) fn masking(&self, secrets: &[&str]) -> Self {
        let is_cut = self.0.chars().nth(Self::MAX_CHARS - 1).is_some();
        Self::shown(&masked(&self.0, secrets, is_cut)).unwrap_or_default()
    }

    /// Whether `words` repeat this secret, in the sense of [`new`](Self::new).
    pub(crate) fn repeats(words: &str, secret: &str) -> bool {
        match secret.len() {
            0 => false,
            Self::SHORTEST_ECHO.. => words.contains(secret),
            _ => occurrences(words, secret).any(|at| is_word(words, &at)),
        }
    }

    fn shown(masked: &str) -> Option<Self> {
        let shown: String = mask_userinfo(masked).trim().chars().take(Self::MAX_CHARS).collect();
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

/// What of a text can be printed. It may hold a secret still, so it never outgrows its allocation and is wiped.
fn printable(text: &str) -> Zeroizing<String> {
    let mut printable = Zeroizing::new(String::with_capacity(text.len()));
    printable.extend(text.chars().filter(|c| !c.is_control() && !is_bidi(*c)));
    printable
}

/// `text` with these secrets masked. Where two overlap, no piece of either is left; at the end of a text that was cut,
/// the beginning of one is not left either.
fn masked(text: &str, secrets: &[&str], is_cut: bool) -> Zeroizing<String> {
    let mut covered: Vec<Range<usize>> = Vec::new();
    for secret in secrets {
        // A secret is searched for as it would be shown.
        let secret = printable(secret);
        match secret.len() {
            0 => continue,
            Excerpt::SHORTEST_ECHO.. => covered.extend(occurrences(text, &secret)),
            _ if Excerpt::repeats(text, &secret) || (is_cut && ends_within(text, &secret)) => {
                return Zeroizing::new(MASK.into());
            }
            _ => continue,
        }
        let begun = secret.char_indices().map(|(at, _)| at).rev();
        let begun = begun.filter(|at| is_cut && *at > 0).find(|at| text.ends_with(&secret[..*at]));
        covered.extend(begun.map(|length| text.len() - length..text.len()));
    }
    covered.sort_by_key(|range| (range.start, range.end));
    let mut masked = Zeroizing::new(String::with_capacity(text.len() + MASK.len() * covered.len()));
    let mut end = 0;
    for (place, range) in covered.into_iter().enumerate() {
        if place == 0 || range.start >= end {
            masked.push_str(&text[end..range.start]);
            masked.push_str(MASK);
        }
        end = end.max(range.end);
    }
    masked.push_str(&text[end..]);
    masked
}

/// Whether a text that was cut ends with the beginning of this secret as a word of its own.
fn ends_within(text: &str, secret: &str) -> bool {
    let begun = secret.char_indices().map(|(at, _)| at).filter(|at| *at > 0);
    begun
        .map(|length| (length, &secret[..length]))
        .any(|(length, begun)| text.ends_with(begun) && is_word(text, &(text.len() - length..text.len())))
}

/// Where `secret`, which is not empty, stands in `text`, occurrences that overlap each other included.
fn occurrences<'a>(text: &'a str, secret: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut from = 0;
    let step = secret.chars().next().map_or(1, char::len_utf8);
    iter::from_fn(move || {
        let start = from + text.get(from..)?.find(secret)?;
        from = start + step;
        Some(start..start + secret.len())
    })
}

/// Whether what stands there is no piece of a longer word.
fn is_word(text: &str, at: &Range<usize>) -> bool {
    let is_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (word, before, after) = (&text[at.clone()], &text[..at.start], &text[at.end..]);
    let goes_on = |a: &str, b: &str| is_of_word(a.chars().next_back()) && is_of_word(b.chars().next());
    !goes_on(before, word) && !goes_on(word, after)
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
                masked.push_str(MASK);
                masked.push_str(&part[at..]);
            }
            None => masked.push_str(part),
        }
    }
    masked
}
