//! Seconds, in the ways that servers write them: 3600, 3600.5, 3.6e3, "3600", "3600.5".

/// The longest number that is interpreted, in bytes. The longest seen is 30; more is no time.
const MAX_LEN: usize = 64;

/// The seconds in the text of a JSON number (RFC 8259 §6), rounded down, at most `u64::MAX`; `None` for a negative
/// number and for one that is larger than any double.
pub(crate) fn of_number(text: &str) -> Option<u64> {
    // Nearly all are digits alone.
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    if text.len() > MAX_LEN {
        return None;
    }
    if !text.contains(['e', 'E']) {
        return of_digits(text);
    }
    let double: f64 = text.parse().ok()?;
    // The cast rounds towards zero and saturates.
    (double.is_finite() && double >= 0.0).then_some(double as u64)
}

/// The seconds in a text of ASCII digits, with or without a fraction, and white space around it.
pub(crate) fn of_text(text: &str) -> Option<u64> {
    let text = text.trim_matches([' ', '\t']);
    if text.len() > MAX_LEN {
        return None;
    }
    of_digits(text)
}

fn of_digits(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    whole_seconds(fraction)?;
    whole_seconds(whole)
}

/// `1*DIGIT` (RFC 9110 §10.2.3, §5.1), at most `u64::MAX`.
pub(crate) fn whole_seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
