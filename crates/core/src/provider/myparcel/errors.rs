//! MyParcel.com's JSON:API errors, `{"errors":[{"status","code","title","detail"}]}`.

use super::code;
use crate::error::Class;
use crate::json::Raw;
use crate::response::Words;
use alloc::string::String;
use zeroize::Zeroizing;

/// MyParcel.com's errors: the first whose code is known, else the first that has one. What follows a fault in the
/// array is not read.
pub(crate) fn read(errors: Raw<'_>) -> Words {
    let mut words = Words::Unreadable;
    let mut errors = errors.elements().into_iter().flatten().map_while(Result::ok).peekable();
    if errors.peek().is_none() {
        return Words::None;
    }
    for said in errors.filter_map(one) {
        if said.class().is_some() {
            return said;
        }
        if matches!(words, Words::Unreadable) {
            words = said;
        }
    }
    words
}

fn one(error: Raw<'_>) -> Option<Words> {
    let (mut code, mut title, mut detail) = (None, None, None);
    for (name, value) in error.members()?.map_while(Result::ok) {
        match name.as_deref() {
            Some(b"code") => code = code::read(value),
            Some(b"title") => title = value.text(),
            Some(b"detail") => detail = value.text(),
            _ => {}
        }
    }
    let code = code?;
    let (code, class) = match code.as_str() {
        "14000" => ("invalid_client", Some(Class::Permanent)),
        "14001" => ("invalid_scope", Some(Class::Permanent)),
        "10011" => ("throttled", Some(Class::Transient)),
        // 14050 among them: it stands for any other error of OAuth, and its status tells which.
        other => (other, None),
    };
    let description = detail.or(title).map(|text| Zeroizing::new(String::from(&*text)));
    Some(Words::Said { code: Zeroizing::new(code.into()), description, class })
}
