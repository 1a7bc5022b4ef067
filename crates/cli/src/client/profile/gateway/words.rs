//! What some keys of the gateway take, which its flags take as well.

use clap::ValueEnum;
use evergrant_gateway::{LogMode, OnRefused, OwnAuthorization};
use std::net::SocketAddr;

/// Which requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogWord {
    /// Those that the gateway itself answered, and why
    Own,
    /// Every request
    All,
    /// None
    Off,
}

impl From<LogWord> for LogMode {
    fn from(word: LogWord) -> Self {
        match word {
            LogWord::Own => Self::Own,
            LogWord::All => Self::All,
            LogWord::Off => Self::Off,
        }
    }
}

/// When it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ready {
    /// Once each client of a route has had its first token
    #[default]
    Token,
    /// As soon as it listens
    Listening,
}

/// What is done with a caller's own Authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AuthorizationWord {
    Refuse,
    Drop,
}

impl From<AuthorizationWord> for OwnAuthorization {
    fn from(word: AuthorizationWord) -> Self {
        match word {
            AuthorizationWord::Refuse => Self::Refuse,
            AuthorizationWord::Drop => Self::Drop,
        }
    }
}

/// What a caller gets when the API refuses the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnRefusedWord {
    Translate,
    Pass,
}

impl From<OnRefusedWord> for OnRefused {
    fn from(word: OnRefusedWord) -> Self {
        match word {
            OnRefusedWord::Translate => Self::Translate,
            OnRefusedWord::Pass => Self::Pass,
        }
    }
}

/// Where health and metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminAt {
    Nowhere,
    /// Where nobody named one: if it is taken, the gateway serves without.
    Usual(SocketAddr),
    Address(SocketAddr),
}

impl AdminAt {
    pub(crate) const FORMS: &str = "write an IP address and a port, such as 127.0.0.1:8485, or none";

    /// An IP address and a port, or `none`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "none" {
            return Ok(Self::Nowhere);
        }
        text.parse().map(Self::Address).map_err(|_| "this is not an IP address and a port")
    }
}
