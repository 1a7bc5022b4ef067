//! Words from outside.

use super::echo::Echoing;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
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

    /// The most characters of words from outside that are looked at: what is masked among them can take the place of others
    /// four times over, and the search for secrets has a bound whatever a server writes.
    const MAX_READ: usize = 4 * Self::MAX_CHARS;

    /// What may be shown of `words`, each of `secrets` masked; `None` if nothing is left.
    ///
    /// A secret of 8 bytes or more is masked wherever it stands, plain, with percent escapes, HTML's or JSON's, in base64 or hex,
    /// and in base64 or hex of what has such escapes. In other encodings, and with other characters between its own, it is
    /// not found. If one of fewer bytes is a word of its own, with no letter, digit or
    /// underscore beside it, all the words are masked.
    pub fn new(words: &str, secrets: &[&str]) -> Option<Self> {
        let mut rest = words.chars().filter(|c| is_printable(*c));
        // The text may hold a secret still: it never outgrows its allocation, and is wiped.
        let mut text = Zeroizing::new(String::with_capacity(words.len().min(4 * Self::MAX_READ)));
        text.extend(rest.by_ref().take(Self::MAX_READ));
        Self::shown(&masked(&text, secrets, rest.next().is_some()))
    }

    /// The same words with these secrets masked, which were not known when the excerpt was made.
    pub(crate) fn masking(&self, secrets: &[&str]) -> Self {
        let is_cut = self.0.chars().nth(Self::MAX_CHARS - 1).is_some();
        Self::shown(&masked(&self.0, secrets, is_cut)).unwrap_or_default()
    }

    /// Whether `words` repeat one of these secrets, in the sense of [`new`](Self::new), or the beginning of a long one.
    ///
    /// A server chooses the words and the token: whole tokens would be compared in time in proportion to the product of
    /// their lengths.
    pub(crate) fn repeats(words: &str, secrets: &[&str]) -> bool {
        let echoing = Echoing::new(words, false);
        secrets.iter().any(|secret| {
            let end = secret.char_indices().map(|(at, _)| at).find(|at| *at >= Self::TELLING);
            let beginning = &secret[..end.unwrap_or(secret.len())];
            echoes(words, &echoing, beginning).next().is_some()
        })
    }

    /// So many bytes of a secret stand nowhere by chance.
    const TELLING: usize = 64;

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

fn is_printable(c: char) -> bool {
    !c.is_control() && !is_bidi(c)
}

/// `text` with these secrets masked. Where two overlap, no piece of either is left; at the end of a text that was cut,
/// the beginning of one is not left either.
fn masked(text: &str, secrets: &[&str], is_cut: bool) -> Zeroizing<String> {
    let echoing = Echoing::new(text, is_cut);
    let mut covered: Vec<Range<usize>> = Vec::new();
    for secret in secrets {
        // Of a secret, what would be shown; as it is, where escapes stand for the rest.
        let shown = printable(secret);
        let mut forms = Vec::from([*secret, &shown, shown.trim()]);
        forms.dedup();
        for secret in forms {
            let mut found = echoes(text, &echoing, secret).peekable();
            if secret.len() < Excerpt::SHORTEST_ECHO && found.peek().is_some() {
                return Zeroizing::new(MASK.into());
            }
            covered.extend(found);
        }
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

/// Where `text` says this secret, in the sense of [`Excerpt::new`].
fn echoes<'a>(
    text: &'a str,
    echoing: &'a Echoing,
    secret: &'a str,
) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_long = secret.len() >= Excerpt::SHORTEST_ECHO;
    let anywhere = is_long.then(|| echoing.find(secret));
    let words = (!is_long && !secret.is_empty()).then(|| echoing.find_in_text(secret));
    let words = words.into_iter().flatten().filter(|at| is_word(text, at));
    anywhere.into_iter().flatten().chain(words)
}

/// What of a secret can be printed. It never outgrows its allocation.
fn printable(secret: &str) -> Zeroizing<String> {
    let mut printable = Zeroizing::new(String::with_capacity(secret.len()));
    printable.extend(secret.chars().filter(|c| is_printable(*c)));
    printable
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
