//! What an authorization server, and the API behind it, are known to want.

pub mod myparcel;
mod refusal_rule;

pub(crate) use refusal_rule::RefusalRule;

use crate::endpoint::Endpoint;
use crate::error::{Class, ConfigError};
use crate::origin::Origins;
use crate::request::BodyFormat;
use crate::scope::Scope;
use crate::verdict::{Answer, VerdictRule};
use alloc::boxed::Box;
use alloc::sync::Arc;

/// What a server is known to want: where and how a token is requested, how it says no, where a token may be sent, and
/// what its API's answers mean for the token.
#[derive(Clone, PartialEq, Debug)]
pub struct Provider {
    endpoint: Endpoint,
    body: BodyFormat,
    errors: ErrorFormat,
    default_scope: Scope,
    verdict: VerdictRule,
    origins: Origins,
    bearer_words: Arc<[Box<str>]>,
    refusal_rule: Option<RefusalRule>,
}

/// In which format a server says no.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum ErrorFormat {
    /// `error` and `error_description` (RFC 6749 §5.2). Other members that servers write instead, such as `title` and `detail`
    /// (RFC 9457), are shown as the description and decide nothing.
    #[default]
    Rfc6749,
    /// MyParcel.com's JSON:API errors, `{"errors":[{"status","code","title","detail"}]}`; without any, as RFC 6749.
    MyParcel,
}

impl Provider {
    /// A server that keeps to RFC 6749 and RFC 6750: form body, no default scope, no origins.
    ///
    /// Set the API's origins with [`with_origins`](Self::with_origins): without them no token may be sent anywhere.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::parse`].
    pub fn rfc6749(token_endpoint: &str) -> Result<Self, ConfigError> {
        Endpoint::parse(token_endpoint).map(Self::at)
    }

    /// The same, with plain http to any host: the docs of [`Endpoint::dangerous_plain_http`] say what is lost.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::dangerous_plain_http`].
    pub fn rfc6749_dangerous_plain_http(token_endpoint: &str) -> Result<Self, ConfigError> {
        Endpoint::dangerous_plain_http(token_endpoint).map(Self::at)
    }

    /// Another token endpoint.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::parse`].
    pub fn with_token_endpoint(self, url: &str) -> Result<Self, ConfigError> {
        Ok(Self { endpoint: Endpoint::parse(url)?, ..self })
    }

    /// Another token endpoint, plain http to any host included: the docs of [`Endpoint::dangerous_plain_http`] say
    /// what is lost.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::dangerous_plain_http`].
    pub fn with_token_endpoint_dangerous_plain_http(self, url: &str) -> Result<Self, ConfigError> {
        Ok(Self { endpoint: Endpoint::dangerous_plain_http(url)?, ..self })
    }

    /// The format of the request's body. Default for RFC 6749: form.
    #[must_use]
    pub fn with_body(self, body: BodyFormat) -> Self {
        Self { body, ..self }
    }

    /// The format of the server's errors. Default: RFC 6749.
    #[must_use]
    pub fn with_errors(self, errors: ErrorFormat) -> Self {
        Self { errors, ..self }
    }

    /// The scope that is asked for when the client names none; an empty text for none.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Scope::parse`].
    pub fn with_default_scope(self, scope: &str) -> Result<Self, ConfigError> {
        Ok(Self { default_scope: Scope::parse(scope)?, ..self })
    }

    /// The origins of the API: the only ones a token may be sent to.
    #[must_use]
    pub fn with_origins(self, origins: Origins) -> Self {
        Self { origins, ..self }
    }

    /// The words that this server writes for Bearer in `token_type`, such as `BearerToken` or `Application Access Token`, in
    /// any ASCII case. Default: none, so that any other word than Bearer is a malformed answer (RFC 6749 §7.1).
    #[must_use]
    pub fn with_bearer_words<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Self {
        Self { bearer_words: words.into_iter().map(Box::from).collect(), ..self }
    }

    /// Whether asking again can help after an answer without a token, for a server that says so in a way of its own ("try
    /// again" by 400, "too many" by 403). `None` leaves it to the table; Retry-After and the server's words stay as they are.
    ///
    /// The rule sees the status, the body, unpacked, and of the headers those that
    /// [`Response::with_header`](crate::Response::with_header) keeps.
    #[must_use]
    pub fn with_refusal_rule(
        self,
        rule: impl Fn(&Answer<'_>) -> Option<Class> + Send + Sync + 'static,
    ) -> Self {
        Self { refusal_rule: Some(RefusalRule::new(rule)), ..self }
    }

    /// What the API's answers mean for the token.
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { verdict, ..self }
    }

    /// The token endpoint.
    pub const fn token_endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The format of the request's body.
    pub const fn body(&self) -> BodyFormat {
        self.body
    }

    /// The format of the server's errors.
    pub const fn errors(&self) -> ErrorFormat {
        self.errors
    }

    /// The scope that is asked for when the client names none; empty for none.
    pub const fn default_scope(&self) -> &Scope {
        &self.default_scope
    }

    pub(crate) const fn refusal_rule(&self) -> Option<&RefusalRule> {
        self.refusal_rule.as_ref()
    }

    pub(crate) fn bearer_words(&self) -> &[Box<str>] {
        &self.bearer_words
    }

    /// The origins of the API.
    pub const fn origins(&self) -> &Origins {
        &self.origins
    }

    /// What the API's answers mean for the token.
    pub const fn verdict(&self) -> &VerdictRule {
        &self.verdict
    }

    fn at(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            body: BodyFormat::Form,
            errors: ErrorFormat::Rfc6749,
            default_scope: Scope::default(),
            verdict: VerdictRule::Rfc6750,
            origins: Origins::default(),
            bearer_words: Arc::default(),
            refusal_rule: None,
        }
    }
}

#[cfg(test)]
mod tests;
