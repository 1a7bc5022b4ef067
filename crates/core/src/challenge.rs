//! WWW-Authenticate -> challenges (RFC 9110 §11.6.1).
//!
//! Total and linear. Tolerant of what servers do: commas missing, doubled or leading, spaces around `=`, one
//! challenge spread over two lines. A fault ends its line; what was read before it counts.

use alloc::string::String;
use alloc::vec::Vec;

/// A challenge of a resource server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    scheme: String,
    token68: Option<String>,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// The most challenges that are read from one answer: servers send one or two, and there are about a dozen
    /// registered schemes.
    pub const MAX_CHALLENGES: usize = 32;

    /// The most parameters that are read of one challenge: RFC 6750 §3 has five.
    pub const MAX_PARAMS: usize = 32;

    /// How many bytes are looked at, all lines together: common limits for one header begin at 8 KiB.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// The challenges of these lines, the values of WWW-Authenticate, within the bounds above.
    pub fn read<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<Self> {
        let mut challenges = Vec::new();
        let mut left = Self::MAX_BYTES;
        for line in lines {
            let line = line.get(..left).unwrap_or(line);
            left -= line.len();
            Cursor(line).line(&mut challenges);
        }
        challenges
    }

    /// The scheme, in lower case: `bearer`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The parameter of this name, which is to be given in lower case, without its quotes; `None` for one that
    /// is repeated, which RFC 9110 §11.2 forbids: nobody knows which one counts.
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut values = self.params.iter().filter(|(ours, _)| ours == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// The parameters in order, names in lower case.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The token68 that stands instead of parameters, as with Negotiate.
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }
}

/// What of a line is not read yet.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Parameters at the beginning of a line belong to the last challenge of the line before.
    fn line(mut self, challenges: &mut Vec<Challenge>) {
        loop {
            self.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
            let name = self.take(is_tchar);
            if name.is_empty() {
                return;
            }
            let name = ascii(name).to_ascii_lowercase();
            let mut after = Cursor(self.0);
            after.skip(is_space);
            if after.eat(b'=') {
                self = after;
                let Some(value) = self.value() else { return };
                if let Some(challenge) = challenges.last_mut() {
                    if challenge.params.len() == Challenge::MAX_PARAMS {
                        return;
                    }
                    challenge.params.push((name, value));
                }
            } else {
                if challenges.len() == Challenge::MAX_CHALLENGES {
                    return;
                }
                let token68 = self.token68();
                challenges.push(Challenge { scheme: name, token68, params: Vec::new() });
            }
        }
    }

    /// A token or a quoted text (RFC 9110 §5.6.4), in which `\` stands before a character that is meant as it is.
    fn value(&mut self) -> Option<String> {
        self.skip(is_space);
        if !self.eat(b'"') {
            let token = self.take(is_tchar);
            return (!token.is_empty()).then(|| ascii(token));
        }
        let mut text = Vec::new();
        loop {
            match self.next()? {
                b'"' => return Some(String::from_utf8_lossy(&text).into_owned()),
                b'\\' => text.push(self.next()?),
                byte => text.push(byte),
            }
        }
    }

    /// A token68 (RFC 9110 §11.2) after a scheme. `realm="x"` begins like one: only the end of the list's member
    /// tells them apart.
    fn token68(&mut self) -> Option<String> {
        let mut ahead = Cursor(self.0);
        if ahead.skip(is_space) == 0 {
            return None;
        }
        let body = ahead.0;
        let length = ahead.skip(is_token68);
        let length = if length == 0 { return None } else { length + ahead.skip(|byte| byte == b'=') };
        ahead.skip(is_space);
        if !matches!(ahead.0.first(), None | Some(b',')) {
            return None;
        }
        self.0 = ahead.0;
        body.get(..length).map(ascii)
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip(&mut self, fits: impl Fn(u8) -> bool) -> usize {
        self.take(fits).len()
    }

    fn take(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.0.iter().take_while(|byte| fits(**byte)).count();
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

fn ascii(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// RFC 9110 §5.6.2.
const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

const fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

#[cfg(test)]
mod tests;
