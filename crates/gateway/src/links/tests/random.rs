//! Texts that chance makes, beside what `serde_json` makes of them.

use super::{ALIAS, API, BASE, mapped_in};
use serde_json::{Map, Value};

/// Numbers that are the same on every run (xorshift).
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 4 } else { 12 }) {
            0 => Value::Null,
            1 => Value::from(self.below(1000) as f64 / 8.0),
            2 => Value::from(self.below(2) == 1),
            3 => Value::String(self.text()),
            4 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let mut members = Map::new();
                for _ in 0..self.below(5) {
                    let name = self.one(&["links", "_links", "next", "self", "links ", "\"links\"", "", "é"]);
                    members.insert(name.into(), self.value(depth - 1));
                }
                Value::Object(members)
            }
        }
    }

    fn text(&mut self) -> String {
        let begin = self.one(&[
            API,
            ALIAS,
            "https://api.example.com/v1",
            "https://api.example.com.evil/v1/",
            "HTTPS://API.example.com:443/v1/",
            "links",
            "",
        ]);
        let end = self.one(&[
            "",
            "a?page[number]=2",
            "..",
            "\"\\\u{7f}\n\u{1}",
            "é😀",
            "{\"links\":",
            "?a",
            "%2e%2e/",
        ]);
        format!("{begin}{end}")
    }

    /// A text of this value, with blanks and escapes where they may be.
    fn write(&mut self, value: &Value, into: &mut String) {
        self.blank(into);
        match value {
            Value::Array(items) => {
                into.push('[');
                for (at, item) in items.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    self.write(item, into);
                }
                self.blank(into);
                into.push(']');
            }
            Value::Object(members) => {
                into.push('{');
                for (at, (name, member)) in members.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    self.blank(into);
                    self.string(name, into);
                    self.blank(into);
                    into.push(':');
                    self.write(member, into);
                }
                self.blank(into);
                into.push('}');
            }
            Value::String(text) => self.string(text, into),
            other => into.push_str(&other.to_string()),
        }
        self.blank(into);
    }

    fn blank(&mut self, into: &mut String) {
        into.push_str(self.one(&["", "", "", " ", "\n\t", "\r\n  "]));
    }

    fn string(&mut self, text: &str, into: &mut String) {
        let often = self.below(4);
        into.push('"');
        for character in text.chars() {
            let mut units = [0; 2];
            match character {
                '/' if self.below(4) < often => into.push_str("\\/"),
                character if character < ' ' || matches!(character, '"' | '\\') || self.below(40) < often => {
                    for unit in character.encode_utf16(&mut units) {
                        into.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                character => into.push(character),
            }
        }
        into.push('"');
    }
}

/// What becomes of a value, found in another way: in the whole of it.
fn expected(value: &Value, is_link: bool) -> Value {
    match value {
        Value::String(text) if is_link => Value::String(link(text).unwrap_or_else(|| text.clone())),
        Value::Array(items) => items.iter().map(|item| expected(item, is_link)).collect(),
        Value::Object(members) => {
            let of = |(name, member): (&String, &Value)| {
                let is_link = is_link || name == "links" || name == "_links";
                (name.clone(), expected(member, is_link))
            };
            Value::Object(members.iter().map(of).collect())
        }
        other => other.clone(),
    }
}

fn link(text: &str) -> Option<String> {
    let begins = [API, ALIAS, "HTTPS://API.example.com:443/v1/"];
    let below = begins.iter().find_map(|begin| text.strip_prefix(begin))?;
    let is_out = below.starts_with("..") || below.starts_with("%2e%2e");
    (!is_out).then(|| format!("{BASE}{below}"))
}

/// The text without its strings.
fn around_strings(text: &str) -> String {
    let (mut around, mut is_in, mut is_escaped) = (String::new(), false, false);
    for character in text.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_in => is_escaped = true,
            '"' => is_in = !is_in,
            character if !is_in => around.push(character),
            _ => {}
        }
    }
    around
}

#[test]
fn every_text_becomes_what_its_value_does_and_stays_the_same_elsewhere() {
    let mut draws = Draws(0x2545_f491_4f6c_dd1d);
    let mut changed = 0;
    for _ in 0..5000 {
        let value = draws.value(6);
        let mut text = String::new();
        draws.write(&value, &mut text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        let size = 1 + draws.below(60);
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        let mapped = String::from_utf8(mapped_in(&pieces)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&mapped).unwrap(), expected(&value, false), "{text}");
        assert_eq!(around_strings(&mapped), around_strings(&text));
        assert_eq!(mapped == text, expected(&value, false) == value, "{text}");
        changed += usize::from(mapped != text);
    }
    assert!(changed > 500, "only {changed} had links");
}
