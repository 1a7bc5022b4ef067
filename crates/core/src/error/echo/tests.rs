use super::*;
use crate::error::Excerpt;
use alloc::format;
use alloc::string::{String, ToString};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use proptest::sample::select;

const SECRET: &str = "s3cr3t/+ \"né€&%2F<\\>";

fn shown(words: &str, secrets: &[&str]) -> String {
    Excerpt::new(words, secrets).unwrap().as_str().into()
}

/// A way to write a text by other characters, and its name.
#[derive(Clone, Copy, Debug)]
struct Escaped(&'static str, fn(&str) -> String);

/// A way to write bytes in digits, and its name.
#[derive(Clone, Copy, Debug)]
struct Written(&'static str, fn(&[u8]) -> String);

/// Each byte that `keeps` does not keep, written by `escape`.
fn escaped_bytes(text: &str, keeps: fn(u8) -> bool, escape: fn(u8) -> String) -> String {
    text.bytes().map(|byte| if keeps(byte) { char::from(byte).to_string() } else { escape(byte) }).collect()
}

fn escaped_chars(text: &str, keeps: fn(char) -> bool, escape: fn(char) -> String) -> String {
    text.chars().map(|c| if keeps(c) { c.to_string() } else { escape(c) }).collect()
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_html_text(c: char) -> bool {
    !matches!(c, '&' | '<' | '>' | '"' | '\'' | '/')
}

/// Ways to write a text by other characters, none of them written with what is tried.
const ESCAPES: [Escaped; 14] = [
    Escaped("as it is", |text| text.into()),
    Escaped("percent", |text| escaped_bytes(text, is_unreserved, |byte| format!("%{byte:02X}"))),
    Escaped("percent in lower case", |text| {
        escaped_bytes(text, is_unreserved, |byte| format!("%{byte:02x}"))
    }),
    Escaped("percent throughout", |text| escaped_bytes(text, |_| false, |byte| format!("%{byte:02X}"))),
    Escaped("form", |text| form_urlencoded::byte_serialize(text.as_bytes()).collect()),
    Escaped("html in names", |text| {
        escaped_chars(text, is_html_text, |c| match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '/' => "&#x2F;".into(),
            _ => "&#39;".into(),
        })
    }),
    Escaped("every name of html", |text| {
        escaped_chars(text, char::is_alphanumeric, |c| {
            let names = NAMES.iter().copied().map(|(c, name)| (name, c));
            let latin = LATIN_1.split_ascii_whitespace().zip('\u{a0}'..='\u{ff}');
            let name = names.chain(latin).find(|(_, of)| *of == c);
            name.map_or_else(|| c.to_string(), |(name, _)| format!("&{name};"))
        })
    }),
    Escaped("html in decimal", |text| escaped_chars(text, |_| false, |c| format!("&#{};", u32::from(c)))),
    Escaped("html in hex", |text| escaped_chars(text, |c| c == 'e', |c| format!("&#x{:04x};", u32::from(c)))),
    Escaped("json", |text| {
        let quoted = serde_json::to_string(text).unwrap();
        quoted[1..quoted.len() - 1].replace('/', "\\/")
    }),
    Escaped("json in ascii", |text| text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()),
    Escaped("debug", |text| {
        let quoted = format!("{text:?}");
        quoted[1..quoted.len() - 1].into()
    }),
    Escaped("braces", |text| escaped_chars(text, char::is_alphanumeric, |c| c.escape_unicode().to_string())),
    Escaped("bytes", |text| text.as_bytes().escape_ascii().to_string()),
];

/// Ways to write bytes in digits.
const DIGITS: [Written; 6] = [
    Written("base64", |bytes| STANDARD.encode(bytes)),
    Written("base64 for urls", |bytes| URL_SAFE.encode(bytes)),
    Written("base64 without padding", |bytes| STANDARD_NO_PAD.encode(bytes)),
    Written("base64 for urls without padding", |bytes| URL_SAFE_NO_PAD.encode(bytes)),
    Written("hex", |bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    Written("hex in capitals", |bytes| bytes.iter().map(|byte| format!("{byte:02X}")).collect()),
];

// Conforms
#[test]
fn a_secret_is_masked_however_it_was_escaped() {
    for Escaped(name, escape) in ESCAPES {
        let words = format!("client_secret={} is wrong", escape(SECRET));
        assert_eq!(shown(&words, &[SECRET]), "client_secret=[redacted] is wrong", "{name}: {words}");
    }
}

// Conforms
#[test]
fn a_secret_is_masked_in_digits_wherever_among_others_they_stand() {
    for Written(name, write) in DIGITS {
        for before in ["", "i", "id", "id:", "a client:"] {
            for after in ["", "x", "xy", "xyz"] {
                let written = write(format!("{before}{SECRET}{after}").as_bytes());
                let words = shown(&format!("Basic {written}, it said"), &[SECRET]);
                let case = format!("{name}, {before} {after}: {words}");
                assert!(words.starts_with("Basic ") && words.ends_with(", it said"), "{case}");
                assert!(words.contains("[redacted]"), "{case}");
                // What is left is what stands around the secret, with the digits of its first and last byte gone.
                assert!(words.len() < 40 + 2 * (before.len() + after.len()), "{case}");
            }
        }
    }
    assert_eq!(
        shown(&format!("Basic {}", STANDARD.encode(format!("client:{SECRET}"))), &[SECRET]),
        "Basic Y2xpZW50O[redacted]"
    );
}

// Conforms
#[test]
fn a_secret_is_masked_where_one_encoding_stands_in_another() {
    for Escaped(outer, escape) in ESCAPES {
        for Escaped(inner, first) in ESCAPES {
            let words = format!("its ({}) is wrong", escape(&first(SECRET)));
            let rest = if words.chars().count() > 1024 { "" } else { ") is wrong" };
            let masked = format!("its ([redacted]{rest}");
            assert_eq!(shown(&words, &[SECRET]), masked, "{inner} in {outer}: {words}");
            for Written(digits, write) in DIGITS {
                let words = format!("its ({}) is wrong", escape(&write(first(SECRET).as_bytes())));
                let masked = shown(&words, &[SECRET]);
                let rest = masked.replace("%3D", "=").replace("&#61;", "=").replace("\\u003D", "=");
                assert!(masked.contains("([redacted]"), "{inner} in {digits} in {outer}: {masked}");
                assert!(rest.len() < 50, "{inner} in {digits} in {outer}: {masked}");
            }
        }
    }
}

#[test]
fn an_escape_that_was_cut_in_two_is_no_way_out() {
    let padded = |encoded: &str, length: usize| {
        let piece: String = encoded.chars().take(length).collect();
        let padding = "-".repeat(Excerpt::MAX_CHARS - piece.chars().count());
        Excerpt::new(&format!("{padding}{piece}... and more"), &[]).unwrap().masking(&[SECRET])
    };
    for Escaped(name, escape) in ESCAPES {
        let encoded = escape(SECRET);
        let (first, rest) = encoded.split_at(escape("s").len());
        for length in first.chars().count()..encoded.chars().count().min(Excerpt::MAX_CHARS) {
            let words = padded(&encoded, length);
            let left = words.as_str().trim_start_matches('-');
            let is_masked = !left.is_empty() && "[redacted]".starts_with(left);
            assert!(is_masked, "{name}, {length} of {first}{rest}: {words}");
        }
    }
    for Written(name, write) in DIGITS {
        let words = padded(&write(SECRET.as_bytes()), 20);
        assert!(words.as_str().contains("-[redacted]"), "{name}: {words}");
    }
}

#[test]
fn what_is_no_escape_stands_for_itself() {
    for words in [
        "100% of it",
        "%",
        "%4",
        "%zz",
        "%+1",
        "a & b",
        "&",
        "&;",
        "&#;",
        "&#x;",
        "&#xd800;",
        "&#1114112;",
        "&no;",
        "\\",
        "\\x",
        "\\x+1",
        "\\xzz",
        "\\u",
        "\\u{",
        "\\u{}",
        "\\u{110000}",
        "\\ud800",
        "\\q",
        "+",
        "==",
        "\u{1f600}",
    ] {
        for secret in [SECRET, "100 of it"] {
            assert_eq!(shown(words, &[secret]), words);
        }
        let long = format!("12345678{words}12345678");
        assert_eq!(shown(&long, &[&long]), "[redacted]", "{words}");
        assert_eq!(shown(&format!("{long}, or {long}?"), &[&long]), "[redacted], or [redacted]?", "{words}");
    }
}

#[test]
fn of_a_long_text_a_bounded_part_is_looked_at_and_no_piece_of_a_secret_shown() {
    let secret = "SENTINEL".repeat(13);
    for padding in 0..20 {
        let words = format!("{}{}", "x".repeat(padding), secret.repeat(2000));
        let shown = shown(&words, &[&secret]);
        assert!(!shown.contains("SE") && shown.chars().count() < Excerpt::MAX_CHARS, "{shown}");
    }
    assert_eq!(shown(&format!("it said{}", " \n".repeat(100_000)), &[]), "it said");
}

#[test]
fn a_secret_that_ends_in_spaces_is_masked_at_the_ends_of_a_text_too() {
    for words in [" a secret ", " a secret is wrong", "wrong is  a secret ", "+a%20secret+"] {
        assert!(!shown(words, &[" a secret "]).contains("secret"), "{words}");
        let later = Excerpt::new(words, &[]).unwrap().masking(&[" a secret "]);
        assert!(!later.as_str().contains("secret"), "{words}");
    }
}

fn secrets() -> impl Strategy<Value = String> {
    "[ -~]{8,40}|[%&#x;+\\\\/=a4u0é€😀 \"]{8,20}"
}

/// What may stand beside a secret, beginnings of escapes and digits among it.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        "[a-zA-Z0-9+/_=-]{0,9}",
        select(&["%", "%4", "&", "&#", "&#x", "&am", "\\", "\\u", "\\u00", "\\x", "=", "+", "a%"][..])
            .prop_map(String::from),
    ]
}

proptest! {
    // Conforms
    #[test]
    fn no_secret_in_any_encoding_is_shown_whatever_stands_beside_it(
        secret in secrets(),
        before in anything(),
        after in anything(),
        Escaped(_, escape) in select(&ESCAPES[..]),
        Written(_, write) in select(&DIGITS[..]),
    ) {
        let encoded = escape(&secret);
        let words = shown(&format!("{before}{encoded}{after}"), &[&secret]);
        prop_assert!(words.contains("[redacted]"), "{words}");
        prop_assert!(!words.contains(&encoded) || before.contains(&encoded) || "[redacted]".contains(&encoded), "{words}");
        // Three bytes before it are whole digits.
        let digits = write(secret.as_bytes());
        let pair = write(format!("id:{secret}").as_bytes());
        for digits in [&digits, &pair] {
            let words = shown(&format!("{before}{digits}{after}"), &[&secret]);
            prop_assert!(words.contains("[redacted]"), "{words}");
            prop_assert!(!words.contains(digits), "{words}");
        }
    }

    // Conforms: A-01
    #[test]
    fn ordinary_words_are_shown_as_they_are(
        words in "[a-zA-Z]([a-zA-Z0-9 .,:;%&+/=_-]{0,200}[a-z])?",
        secret in "[a-zA-Z0-9+/]{8,40}",
    ) {
        prop_assume!(!words.contains(&*secret) && !words.contains("://"));
        prop_assert_eq!(shown(&words, &[&secret]), words);
    }

    #[test]
    fn no_text_makes_it_panic(words in "\\PC{0,60}|[%&#x;+\\\\/=a4u0é€😀{} -]{0,60}", secret in "\\PC{0,12}|[%&#é€a4]{1,9}") {
        for is_cut in [false, true] {
            let echoing = Echoing::new(&words, is_cut);
            for at in echoing.find(&secret) {
                prop_assert!(words.get(at).is_some());
            }
        }
        let _ = Excerpt::new(&words, &[&secret]).map(|shown| shown.masking(&[&secret]));
    }
}
