//! Spans of time in words.

use core::fmt;
use core::time::Duration;

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];

/// A span of time as people read it: its two largest units, rounded down (`3 d 4 h`, `23 h 59 min`, `1 min`, `12 s`).
///
/// ```
/// use core::time::Duration;
/// use evergrant_core::Span;
///
/// assert_eq!(Span(Duration::from_secs(86_399)).to_string(), "23 h 59 min");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let mut units = UNITS.into_iter().skip_while(|(length, _)| seconds < *length);
        let Some((length, unit)) = units.next() else { return f.write_str("0 s") };
        write!(f, "{} {unit}", seconds / length)?;
        match units.next() {
            Some((next, unit)) if seconds % length >= next => {
                write!(f, " {} {unit}", seconds % length / next)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
