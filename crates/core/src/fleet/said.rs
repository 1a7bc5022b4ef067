//! What an authorization server said to one instance, for the others.

use crate::error::{Class, ErrorResponse, Refusal};
use core::fmt;
use core::time::Duration;

/// What is told of a refusal: its class, the HTTP status, and the OAuth error code if it is one of
/// [`ErrorResponse::CODES`]. A server's own words stay with the instance that got them: they may hold anything.
///
/// ```
/// use evergrant_core::fleet::Said;
/// use evergrant_core::{Class, Problem, Refusal};
///
/// let said = Said::of(&Refusal::new(Class::Transient, Some(503), Problem::Status));
/// assert_eq!(said.to_string(), "transient 503 -");
/// assert_eq!(Said::parse("transient 503 -"), Some(said));
/// assert!(said.refusal(None).is_told());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Said {
    class: Class,
    status: Option<u16>,
    code: Option<&'static str>,
}

impl Said {
    /// What is told of this refusal.
    pub fn of(refusal: &Refusal) -> Self {
        Self { class: refusal.class(), status: refusal.status(), code: refusal.code().and_then(known) }
    }

    /// As it is written: class, status and code, each after a space, with `-` for what is not there.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let class = match words.next()? {
            "permanent" => Class::Permanent,
            "transient" => Class::Transient,
            _ => return None,
        };
        let status = match words.next()? {
            "-" => None,
            number => Some(number.parse().ok()?),
        };
        let code = match words.next()? {
            "-" => None,
            code => Some(known(code)?),
        };
        words.next().is_none().then_some(Self { class, status, code })
    }

    /// The refusal that another instance makes of it, with the rest that is left as its Retry-After.
    pub fn refusal(self, retry_after: Option<Duration>) -> Refusal {
        Refusal::told(self.class, self.status, self.code, retry_after)
    }
}

fn known(code: &str) -> Option<&'static str> {
    ErrorResponse::CODES.into_iter().find(|known| *known == code)
}

/// Class, status and code.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.class {
            Class::Permanent => "permanent ",
            Class::Transient => "transient ",
        })?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("-")?,
        }
        write!(f, " {}", self.code.unwrap_or("-"))
    }
}
