//! The code of one of MyParcel.com's errors.

use crate::json::Raw;
use alloc::string::String;

/// A MyParcel.com error's code: a number, or a text of it.
pub(crate) fn read(value: Raw<'_>) -> Option<String> {
    let text = value.text().map(|text| String::from(text.trim()));
    text.or_else(|| value.number().map(String::from)).filter(|code| !code.is_empty())
}
