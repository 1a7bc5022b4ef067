//! The public API of one library as lines of text, and what differs between two listings.

#[cfg(test)]
mod tests;

use public_api::Builder;

/// A target folder of its own: in the workspace's, the JSON would take turns with the HTML pages.
pub const TARGET: &str = "target/api";

/// Traits that the compiler keeps to itself: no program can name them, and they come and go with its version.
const INTERNAL: [&str; 3] = ["Freeze", "StructuralPartialEq", "UnsafeUnpin"];

/// The listing of a library whose JSON rustdoc has written.
pub fn read(library: &str) -> Result<String, String> {
    let file = format!("{TARGET}/doc/{library}.json");
    let api = Builder::from_rustdoc_json(&file).omit_blanket_impls(true).build().map_err(|error| {
        format!(
            "cannot read {file}: {error}. If this Rust is another than CI's, use CI's; if CI's is new, set `public-api` in \
             .ci/api/Cargo.toml to the version for it (the README of cargo-public-api has a table)."
        )
    })?;
    let lines = api.items().map(ToString::to_string).filter(|line| !is_internal(line));
    Ok(lines.map(|line| without_private_modules(&line, library) + "\n").collect())
}

fn is_internal(line: &str) -> bool {
    line.starts_with("impl")
        && INTERNAL.iter().any(|name| line.contains(&format!(" core::marker::{name} for ")))
}

/// rustdoc names an item of another crate by the private module that defines it, which is no part of the API.
fn without_private_modules(line: &str, library: &str) -> String {
    let ends_word = |character: char| !character.is_alphanumeric() && character != '_';
    let (mut short, mut rest) = (String::new(), line);
    while let Some(start) = rest.find("evergrant_") {
        let end = rest[start..].find(ends_word).map_or(rest.len(), |length| start + length);
        short.push_str(&rest[..end]);
        let name = &rest[start..end];
        rest = &rest[end..];
        // Up to the first segment in upper case, the type. A path without one, as of a function, stays as it is.
        let mut item = rest;
        while let Some(segment) = item.strip_prefix("::").filter(|_| name != library) {
            if segment.starts_with(char::is_uppercase) {
                rest = item;
                break;
            }
            item = segment.find(ends_word).map_or("", |length| &segment[length..]);
        }
    }
    short + rest
}

/// The lines that one listing has and the other has not, each with a sign before it.
pub fn difference(committed: &str, now: &str) -> String {
    let only = |sign: char, these: &str, those: &str| {
        let mut left: Vec<&str> = those.lines().collect();
        let mut lines = String::new();
        for line in these.lines() {
            // A line may be in a listing twice: each answers for one.
            match left.iter().position(|other| *other == line) {
                Some(place) => drop(left.remove(place)),
                None => lines.extend([sign, ' '].into_iter().chain(line.chars()).chain(['\n'])),
            }
        }
        lines
    };
    let lines = only('-', committed, now) + &only('+', now, committed);
    if lines.is_empty() { "  the same lines, in another order\n".into() } else { lines }
}
