//! Links in the bodies of answers, beside a second reading of JSON: of the whole text, token by token.

use super::link;
use crate::links::LinkMap;
use bytes::Bytes;

const UPSTREAM: &str = "https://api.example.com/base/";
const BASE: &str = "http://localhost:8484/route/";

pub(super) fn judge(text: &[u8], choice: u8) {
    let went = mapped(&[text]);
    let (one, other) = text.split_at(text.len() * usize::from(choice) / 256);
    assert_eq!(mapped(&[one, other]), went, "{choice}: {}", text.escape_ascii());
    let by_byte: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(mapped(&by_byte), went, "{}", text.escape_ascii());

    let (mut at, mut left) = (0, &*went);
    for (begins, ends) in links(text) {
        left = strip(left, &text[at..begins], text);
        let end = string_end(left).unwrap_or_else(|| panic!("a string has no end: {}", text.escape_ascii()));
        one_link(&text[begins..ends], &left[..end], text);
        (at, left) = (ends, &left[end..]);
    }
    assert_eq!(left, &text[at..], "{}", text.escape_ascii());
}

fn mapped(pieces: &[&[u8]]) -> Vec<u8> {
    let mut map = LinkMap::new([UPSTREAM], BASE);
    let mut text = Vec::new();
    for piece in pieces {
        text.extend(map.pass(Bytes::copy_from_slice(piece)));
    }
    text.extend(map.end());
    text
}

fn strip<'a>(left: &'a [u8], same: &[u8], text: &[u8]) -> &'a [u8] {
    left.strip_prefix(same).unwrap_or_else(|| panic!("bytes beside links: {}", text.escape_ascii()))
}

/// A link stays, or leads below the base.
fn one_link(came: &[u8], went: &[u8], text: &[u8]) {
    let (came_text, went_text) = (string(came), string(went));
    let (Some(came_text), Some(went_text)) = (came_text, went_text) else {
        assert_eq!(came, went, "{}", text.escape_ascii());
        return;
    };
    if came == went {
        // What is written plainly does not stay.
        let below = came_text.strip_prefix(UPSTREAM).filter(|_| came.len() <= 8192);
        assert!(below.is_none_or(|below| below.contains(['.', '%'])), "{}", text.escape_ascii());
        return;
    }
    assert!(came_text.to_ascii_lowercase().starts_with("https://"), "{came_text} became {went_text}");
    assert!(went.starts_with(BASE.as_bytes()) && came.len() <= 8192, "{came_text} became {went_text}");
    assert!(came.ends_with(&went[BASE.len()..]), "{came_text} became {went_text}");
    link::one(&came_text, &went_text, BASE, BASE);
}

fn string(raw: &[u8]) -> Option<String> {
    serde_json::from_slice(&[b"\"", raw, b"\""].concat()).ok()
}

/// Where the quotation mark is that ends a string.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' if *text.get(at + 1)? < b' ' => return None,
            b'\\' => at += 2,
            0..b' ' => return None,
            _ => at += 1,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// From, and to behind.
    Text(usize, usize),
    Word,
    Mark(u8),
}

/// The tokens up to where there is none.
fn tokens(text: &[u8]) -> Vec<Token> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'"' => {
                let Some(length) = string_end(&text[at + 1..]) else { break };
                tokens.push(Token::Text(at + 1, at + 1 + length));
                at += length + 2;
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' => {
                tokens.push(Token::Mark(*byte));
                at += 1;
            }
            byte if is_of_word(*byte) => {
                at += text[at..].iter().take_while(|byte| is_of_word(**byte)).count();
                tokens.push(Token::Word);
            }
            _ => break,
        }
    }
    tokens
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

/// What may be a link, by recursion.
struct Reader<'a> {
    text: &'a [u8],
    tokens: std::slice::Iter<'a, Token>,
    links: Vec<(usize, usize)>,
}

fn links(text: &[u8]) -> Vec<(usize, usize)> {
    let tokens = tokens(text);
    let mut reader = Reader { text, tokens: tokens.iter(), links: Vec::new() };
    // Where it ends early, what was found before counts.
    let first = reader.tokens.next().copied();
    let _end = reader.value(first, false, 0);
    reader.links
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Token> {
        self.tokens.next().copied()
    }

    fn value(&mut self, first: Option<Token>, is_link: bool, depth: usize) -> Option<()> {
        match first? {
            Token::Text(begins, ends) if is_link => self.links.push((begins, ends)),
            Token::Text(..) | Token::Word => {}
            Token::Mark(b'[') if depth < 128 => self.array(is_link, depth + 1)?,
            Token::Mark(b'{') if depth < 128 => self.object(is_link, depth + 1)?,
            Token::Mark(_) => return None,
        }
        Some(())
    }

    fn array(&mut self, is_link: bool, depth: usize) -> Option<()> {
        let mut first = self.next();
        if first == Some(Token::Mark(b']')) {
            return Some(());
        }
        loop {
            self.value(first, is_link, depth)?;
            match self.next()? {
                Token::Mark(b']') => return Some(()),
                Token::Mark(b',') => first = self.next(),
                _ => return None,
            }
        }
    }

    fn object(&mut self, is_link: bool, depth: usize) -> Option<()> {
        let mut name = self.next()?;
        if name == Token::Mark(b'}') {
            return Some(());
        }
        loop {
            let Token::Text(begins, ends) = name else { return None };
            let known = string(&self.text[begins..ends]);
            let has_links = known.is_some_and(|name| ["links", "_links"].contains(&name.as_str()));
            if self.next()? != Token::Mark(b':') {
                return None;
            }
            let first = self.next();
            self.value(first, is_link || has_links, depth)?;
            match self.next()? {
                Token::Mark(b'}') => return Some(()),
                Token::Mark(b',') => name = self.next()?,
                _ => return None,
            }
        }
    }
}
