//! Scopes (RFC 6749 §3.3).

use crate::error::{ConfigError, Excerpt};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

/// A set of scope tokens (RFC 6749 §3.3): case matters, order does not.
///
/// It is sent in the order in which it was written; two are equal when they hold the same tokens.
#[derive(Clone, Default)]
pub struct Scope(Arc<[Box<str>]>);

impl Scope {
    /// The set that `text` names: tokens of 0x21, 0x23-0x5B and 0x5D-0x7E with one space between. A repeated token
    /// counts once; an empty text is the empty set.
    ///
    /// ```
    /// use evergrant_core::{ConfigError, Scope};
    ///
    /// let scope = Scope::parse("orders.read orders.write")?;
    /// assert!(scope.contains("orders.read"));
    /// assert_eq!(scope.tokens().collect::<Vec<_>>(), ["orders.read", "orders.write"]);
    /// assert_eq!(Scope::parse("orders.read  orders.write"), Err(ConfigError::ScopeSpace { at: 12 }));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::ScopeToken`] names the first bad token and the byte in it, [`ConfigError::ScopeSpace`] the place of
    /// an extra space.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut at = 0;
        for token in text.split(' ').filter(|_| !text.is_empty()) {
            if token.is_empty() {
                return Err(ConfigError::ScopeSpace { at });
            }
            if let Some(bad) = token.bytes().position(|byte| !is_token_byte(byte)) {
                return Err(match Excerpt::new(token, &[]) {
                    Some(token) => ConfigError::ScopeToken { token, at: bad },
                    None => ConfigError::ControlCharacter { field: "scope", at: at + bad },
                });
            }
            at += token.len() + 1;
        }
        Ok(text.split(' ').filter(|token| !token.is_empty()).collect())
    }

    /// What a server says it granted: more forgiving about white space; `None` when there is nothing readable.
    pub(crate) fn granted(text: &str) -> Option<Self> {
        let readable = text.bytes().all(|byte| byte.is_ascii_whitespace() || is_token_byte(byte));
        let scope: Self = readable.then(|| text.split_ascii_whitespace().collect())?;
        (!scope.is_empty()).then_some(scope)
    }

    /// What a server says it granted to whoever asked for this scope: the same one, shared, if it repeats it word for word,
    /// as most do.
    pub(crate) fn answered(&self, text: &str) -> Option<Self> {
        let is_repeated = !self.is_empty() && self.tokens().eq(text.split_ascii_whitespace());
        if is_repeated { Some(self.clone()) } else { Self::granted(text) }
    }

    /// The tokens, in the order in which they were written.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Whether this token is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.tokens().any(|ours| ours == token)
    }

    /// Whether there is no token in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens of this set that are not in `granted`; `None` if there is none, or if this set has the `*` that
    /// stands for whatever the client may have: no list can be said to fall short of it.
    pub(crate) fn missing_from(&self, granted: &Self) -> Option<Self> {
        if Arc::ptr_eq(&self.0, &granted.0) || self.contains("*") {
            return None;
        }
        let granted: BTreeSet<&str> = granted.tokens().collect();
        let missing: Self = self.tokens().filter(|token| !granted.contains(token)).collect();
        (!missing.is_empty()).then_some(missing)
    }

    /// The tokens in an order that depends on nothing but the set.
    pub(crate) fn sorted(&self) -> BTreeSet<&str> {
        self.tokens().collect()
    }
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
const fn is_token_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

/// What is repeated counts once.
impl<'a> FromIterator<&'a str> for Scope {
    fn from_iter<I: IntoIterator<Item = &'a str>>(tokens: I) -> Self {
        let mut seen = BTreeSet::new();
        let once: Vec<Box<str>> =
            tokens.into_iter().filter(|token| seen.insert(*token)).map(Box::from).collect();
        Self(once.into())
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Eq for Scope {}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sorted().hash(state);
    }
}

/// As it is sent: one space between the tokens.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, token) in self.tokens().enumerate() {
            f.write_str(if place == 0 { "" } else { " " })?;
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

#[cfg(test)]
mod tests;
