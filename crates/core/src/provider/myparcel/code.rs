//! The code of one of MyParcel.com's errors.

use crate::json::Raw;
use alloc::string::String;
use zeroize::Zeroizing;

/// A MyParcel.com error's code: a number, or a text of it.
pub(crate) fn read(value: Raw<'_>) -> Option<Zeroizing<String>> {
    let text = value.text().map(|text| Zeroizing::new(String::from(text.trim())));
    text.or_else(|| value.number().map(|digits| Zeroizing::new(String::from(digits))))
        .filter(|code| !code.is_empty())
}
