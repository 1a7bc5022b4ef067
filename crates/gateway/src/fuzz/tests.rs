//! The target, on inputs that chance makes of what the readers know.

use super::{body, request};

const WORDS: [&str; 64] = [
    "/",
    "//",
    "/admin",
    "/admin/",
    "/files/",
    "/v1/",
    "/v1/orders/",
    "a",
    "b",
    ".",
    "../",
    "%2e",
    "%252e",
    "%2f",
    "%252f",
    ";",
    "%3b",
    "%253b",
    "\\",
    "%5c",
    "%",
    "%61",
    "%2561",
    "%00",
    "?",
    "#",
    "~",
    "\u{e9}",
    "\n",
    "\n",
    "\nhost: localhost:8484",
    "\nhost: ",
    "@",
    ":8484",
    "\ntransfer-encoding: chunked",
    ", chunked",
    "\nconnection: x-a, te, ",
    "x-a",
    "te",
    ", ",
    "\nx-a: 1",
    "\nte: trailers",
    "\nauthorization: Bearer x",
    "\ncookie: a=1",
    "\nproxy-x: 1",
    "\nx-forwarded-for: 1",
    "\nx-forwarded: 1",
    "\ncontent-length: 5",
    "\naccept-encoding: br, gzip;q=1",
    "\nvia: 1.1 evergrant-7f",
    "\ncache-control: max-age=1",
    "no-store",
    "\nlocation: /base/",
    "\ncontent-location: https://api.example.com/base/",
    "\nlink: </base/",
    ">; rel=\"",
    "https://api.example.com",
    "https://API.example.com:443",
    "//api.example.com",
    "/base/",
    "/base",
    "\"",
    "\\\"",
    "expect",
];

/// What bodies are made of.
const PIECES: [&str; 36] = [
    "{",
    "{",
    "{",
    "}",
    "}",
    "[",
    "]",
    ":",
    ",",
    ",",
    " ",
    "\n",
    "1",
    "null",
    "\"",
    "\"",
    "\"\"",
    "\"links\":",
    "\"links\":",
    "\"links\":{\"next\":",
    "\"_links\":[",
    "\"lin\\u006bs\":",
    "\"a\":",
    "\"a\",",
    "\"https://api.example.com/base/a\"",
    "\"https://api.example.com/base/a\"",
    "\"https:\\/\\/api.example.com\\/base\\/a\\/b\"",
    "\"https://api.example.com/base/",
    "\"HTTPS://api.example.com:443/base/",
    "https://api.example.com",
    "..",
    "%2e%2e/",
    "\\",
    "\\\"",
    "\\u00",
    "é",
];

/// Numbers that are the same on every run (xorshift).
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

#[test]
fn what_must_hold_does_on_what_chance_makes_of_known_words() {
    let mut draws = Draws(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3000 {
        let mut data = b"/".to_vec();
        for _ in 0..draws.below(14) {
            data.extend(WORDS[draws.below(WORDS.len())].as_bytes());
            if draws.below(20) == 0 {
                data.push(u8::try_from(draws.below(256)).unwrap());
            }
        }
        request(&data);
    }
}

#[test]
fn what_must_hold_does_on_any_bytes() {
    let mut draws = Draws(7);
    for _ in 0..2000 {
        let data: Vec<u8> = (0..draws.below(60)).map(|_| u8::try_from(draws.below(256)).unwrap()).collect();
        request(&data);
    }
}

#[test]
fn what_must_hold_does_on_bodies_that_chance_makes() {
    let mut draws = Draws(0x1234_5678_9abc_def1);
    for _ in 0..20_000 {
        let mut data = vec![u8::try_from(draws.below(256)).unwrap()];
        if draws.below(2) == 0 {
            data.extend(b"{\"links\":");
        }
        for _ in 0..draws.below(20) {
            data.extend(PIECES[draws.below(PIECES.len())].as_bytes());
            if draws.below(60) == 0 {
                data.push(u8::try_from(draws.below(256)).unwrap());
            }
        }
        body(&data);
    }
}
