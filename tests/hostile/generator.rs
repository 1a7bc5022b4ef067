//! What is malformed, made of what is well-formed: the same inputs on every run, for a failure that can be looked at
//! again.

use serde_json::Value;

/// Every input that is one step away from `seed`: cut off before each byte and begun behind it, each bit turned
/// over, each byte left out, doubled, and exchanged with the next, and each of `pieces` put in before and in place
/// of each byte.
pub(crate) fn steps(seed: &[u8], pieces: &[&[u8]], mut each: impl FnMut(&[u8])) {
    for at in 0..=seed.len() {
        each(&seed[..at]);
        each(&seed[at..]);
        for piece in pieces {
            each(&[&seed[..at], piece, &seed[at..]].concat());
        }
    }
    let mut text = seed.to_vec();
    for at in 0..seed.len() {
        for bit in 0..8 {
            text[at] ^= 1 << bit;
            each(&text);
            text[at] = seed[at];
        }
        each(&[&seed[..at], &seed[at + 1..]].concat());
        each(&[&seed[..=at], &seed[at..]].concat());
        for piece in pieces {
            each(&[&seed[..at], piece, &seed[at + 1..]].concat());
        }
        if at + 1 < seed.len() {
            text.swap(at, at + 1);
            each(&text);
            text.swap(at, at + 1);
        }
    }
}

/// What may stand where a JSON value should: what is none among it.
const VALUES: [&str; 38] = [
    "null",
    "true",
    "false",
    "0",
    "-0.0",
    "-1",
    "1",
    "1.5",
    "3.6e3",
    "1e400",
    "-1e400",
    "1e-400",
    "01",
    "+1",
    ".5",
    "1.",
    "NaN",
    "Infinity",
    "18446744073709551616",
    "253402300800",
    "\"\"",
    "\" \"",
    "\"a b\"",
    "\"3600\"",
    "\"1e3\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\\r\\nX: y\"",
    "\"é\"",
    "\"Bearer\"",
    "'a'",
    "\"a",
    "[]",
    "[1]",
    "[\"a\"]",
    "{}",
    "{\"access_token\":\"b\"}",
    "",
];

/// Every object that is one step of structure away from `seed`, if that is one: each member left out, doubled,
/// renamed, with each odd value; and the whole in another order, wrapped, doubled, deep.
pub(crate) fn structures(seed: &[u8], mut each: impl FnMut(&[u8])) {
    let Ok(Value::Object(members)) = serde_json::from_slice(seed) else { return };
    let members: Vec<(String, String)> = members
        .iter()
        .map(|(name, value)| (Value::from(name.as_str()).to_string(), value.to_string()))
        .collect();
    let written = |members: &[(String, String)]| {
        let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let whole = written(&members);
    let reversed: Vec<_> = members.iter().rev().cloned().collect();
    each(written(&reversed).as_bytes());
    for text in [
        format!("[{whole}]"),
        format!("{{\"data\":{whole}}}"),
        format!("{whole}{whole}"),
        format!("{whole},"),
        format!("\u{feff}{whole}"),
        format!("\u{feff}\u{feff}{whole}"),
        format!("{}\u{c}", whole),
        format!("\"{}\"", whole.replace('"', "\\\"")),
        whole.replace('{', "{,"),
        whole.replace('}', ",}"),
        whole.replace(':', "="),
        whole.replace('"', "'"),
    ] {
        each(text.as_bytes());
    }
    for depth in [30, 31, 32, 33, 1000] {
        let deep = format!("{{\"deep\":{}{},{}", "[".repeat(depth), "]".repeat(depth), &whole[1..]);
        each(deep.as_bytes());
    }
    for (place, (name, value)) in members.iter().enumerate() {
        let with = |name: String, value: &str| {
            let mut members = members.clone();
            members[place] = (name, value.into());
            members
        };
        let mut without = members.clone();
        without.remove(place);
        each(written(&without).as_bytes());
        let bare = name.trim_matches('"');
        let escaped: String = bare.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        for other in [bare.to_uppercase(), bare.replace('_', ""), format!("{bare} "), escaped, String::new()]
        {
            each(written(&with(format!("\"{other}\""), value)).as_bytes());
        }
        for odd in VALUES {
            let changed = with(name.clone(), odd);
            each(written(&changed).as_bytes());
            let doubled = |extra| [members.clone(), vec![extra]].concat();
            each(written(&doubled((name.clone(), odd.into()))).as_bytes());
            each(written(&[vec![(name.clone(), odd.into())], members.clone()].concat()).as_bytes());
        }
    }
}
