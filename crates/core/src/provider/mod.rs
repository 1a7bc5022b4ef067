//! What an authorization server, and the API behind it, are known to want.

pub mod myparcel;
mod refusal_rule;

pub(crate) use refusal_rule::RefusalRule;

use crate::assertion::AssertionForm;
use crate::endpoint::Endpoint;
use crate::error::{Class, ConfigError};
use crate::metadata::{Discovery, Form, Metadata, check_issuer};
use crate::origin::{Origins, PlainHttp};
use crate::request::BodyFormat;
use crate::scope::Scope;
use crate::signature::Algorithm;
use crate::verdict::{Answer, VerdictRule};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

/// What a server is known to want: where and how a token is requested, how it says no, where a token may be sent, and
/// what its API's answers mean for the token.
///
/// ```
/// # use evergrant_core::{ConfigError, Origins, Provider};
/// let provider = Provider::rfc6749("https://auth.example.com/token")?
///     .with_default_scope("orders.read")?
///     .with_origins(Origins::parse(["https://api.example.com"])?);
/// assert_eq!(provider.server().url(), "https://auth.example.com/token");
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Provider {
    place: Place,
    issuer: Option<Box<str>>,
    assertion_form: AssertionForm,
    body: BodyFormat,
    errors: ErrorFormat,
    default_scope: Scope,
    verdict: VerdictRule,
    origins: Origins,
    bearer_words: Arc<[Box<str>]>,
    refusal_rule: Option<RefusalRule>,
}

/// Where a token is asked for.
#[derive(Clone, PartialEq, Debug)]
enum Place {
    Known {
        endpoint: Endpoint,
        /// How an RSA key signs there.
        rsa: Algorithm,
        /// The server's metadata says that it is there.
        is_found_out: bool,
    },
    Discovered(Box<Discovery>),
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
    /// ```
    /// # use evergrant_core::{ConfigError, Provider};
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// assert!(provider.origins().is_empty());
    /// // A secret that is sent in the clear is not one: plain http is for loopback literals.
    /// assert!(matches!(Provider::rfc6749("http://auth.example.com/token"), Err(ConfigError::PlainHttp { .. })));
    /// Provider::rfc6749("http://127.0.0.1:8080/token")?;
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::parse`].
    pub fn rfc6749(token_endpoint: &str) -> Result<Self, ConfigError> {
        Endpoint::parse(token_endpoint).map(Self::at)
    }

    /// The same, with plain http to any host: the docs of [`Endpoint::dangerous_plain_http`] say what is lost.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Provider};
    /// let provider = Provider::rfc6749_dangerous_plain_http("http://keycloak:8080/realms/dev/protocol/openid-connect/token")?;
    /// assert_eq!(provider.server().origin().to_string(), "http://keycloak:8080");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::dangerous_plain_http`].
    pub fn rfc6749_dangerous_plain_http(token_endpoint: &str) -> Result<Self, ConfigError> {
        Endpoint::dangerous_plain_http(token_endpoint).map(Self::at)
    }

    /// The server of this issuer, whose token endpoint is found out from its metadata (OpenID Connect Discovery 1.0 §4): below the issuer at
    /// `/.well-known/openid-configuration`, where nearly every server has it. The metadata is asked for as the first part of a token request, kept
    /// for 24 hours, and used beyond that while no newer one can be had. No other place is tried when there is none:
    /// [`rfc8414`](Self::rfc8414) and [`with_metadata_at`](Self::with_metadata_at) name another.
    ///
    /// Metadata of another issuer is refused: it must be this text, byte for byte (RFC 8414 §3.3).
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// let provider = Provider::discovered("https://auth.example.com/realms/erp")?;
    /// assert_eq!(provider.token_endpoint(), None); // nothing has been asked yet
    /// let place = "https://auth.example.com/realms/erp/.well-known/openid-configuration";
    /// assert_eq!(provider.server().url(), place);
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::parse`], and for a query (RFC 8414 §2).
    pub fn discovered(issuer: &str) -> Result<Self, ConfigError> {
        Self::of_issuer(issuer, PlainHttp::Loopback)
    }

    /// The same, with plain http to any host, for the metadata and for the token endpoint that it names: the docs of
    /// [`Endpoint::dangerous_plain_http`] say what is lost.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::dangerous_plain_http`], and for a query.
    pub fn discovered_dangerous_plain_http(issuer: &str) -> Result<Self, ConfigError> {
        Self::of_issuer(issuer, PlainHttp::Dangerous)
    }

    /// The metadata in the place of RFC 8414 §3: `/.well-known/oauth-authorization-server` between the issuer's host and its path. Nothing
    /// changes for a server whose token endpoint is set.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Provider};
    /// let provider = Provider::discovered("https://auth.example.com/realms/erp")?.rfc8414()?;
    /// let place = "https://auth.example.com/.well-known/oauth-authorization-server/realms/erp";
    /// assert_eq!(provider.server().url(), place);
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] for an issuer that has no such place.
    pub fn rfc8414(self) -> Result<Self, ConfigError> {
        self.discovering(|discovery| discovery.in_form(Form::Rfc8414))
    }

    /// The metadata in this place, whatever the issuer. Nothing changes for a server whose token endpoint is set.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::parse`].
    pub fn with_metadata_at(self, url: &str) -> Result<Self, ConfigError> {
        self.discovering(|discovery| discovery.at(url))
    }

    /// How old metadata may become until it is asked for again: from 10 minutes to 7 days, 24 hours by default; what is beyond is the nearest
    /// of these. Nothing changes for a server whose token endpoint is set.
    #[must_use]
    pub fn with_metadata_age(self, max_age: Duration) -> Self {
        let place = match self.place {
            Place::Discovered(discovery) => Place::Discovered(discovery.with_max_age(max_age).into()),
            known @ Place::Known { .. } => known,
        };
        Self { place, ..self }
    }

    /// The server's issuer (RFC 8414 §2), whom assertions of its clients are for. A server that is
    /// [`discovered`](Self::discovered) has one already: it is then the server of this one.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Provider};
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_issuer("https://auth.example.com")?;
    /// assert_eq!(provider.issuer(), Some("https://auth.example.com"));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] for what can be no issuer.
    pub fn with_issuer(self, issuer: &str) -> Result<Self, ConfigError> {
        let place = match self.place {
            Place::Discovered(discovery) => Place::Discovered(discovery.with_issuer(issuer)?.into()),
            known @ Place::Known { .. } => {
                // It is a name here: nothing is sent there.
                check_issuer(issuer, PlainHttp::Dangerous)?;
                known
            }
        };
        Ok(Self { place, issuer: Some(issuer.into()), ..self })
    }

    /// How this server wants the assertions written that its clients sign themselves.
    #[must_use]
    pub fn with_assertion_form(self, assertion_form: AssertionForm) -> Self {
        Self { assertion_form, ..self }
    }

    /// Another token endpoint, which nothing has to be found out for.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, myparcel};
    /// // MyParcel.com's errors and scope, at a server of one's own.
    /// let provider = myparcel::sandbox().with_token_endpoint("http://127.0.0.1:8080/access-token")?;
    /// assert!(provider.server().origin().is_loopback());
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::parse`].
    pub fn with_token_endpoint(self, url: &str) -> Result<Self, ConfigError> {
        Ok(Self { place: Place::of(Endpoint::parse(url)?), ..self })
    }

    /// Another token endpoint, plain http to any host included: the docs of [`Endpoint::dangerous_plain_http`] say
    /// what is lost.
    ///
    /// # Errors
    /// [`ConfigError`] as [`Endpoint::dangerous_plain_http`].
    pub fn with_token_endpoint_dangerous_plain_http(self, url: &str) -> Result<Self, ConfigError> {
        Ok(Self { place: Place::of(Endpoint::dangerous_plain_http(url)?), ..self })
    }

    /// The format of the request's body. Default for RFC 6749: form.
    ///
    /// ```
    /// # use evergrant_core::{BodyFormat, ConfigError, Provider};
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_body(BodyFormat::Json);
    /// assert_eq!(provider.body(), BodyFormat::Json);
    /// # Ok::<(), ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_body(self, body: BodyFormat) -> Self {
        Self { body, ..self }
    }

    /// The format of the server's errors. Default: RFC 6749.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, ErrorFormat, Provider};
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_errors(ErrorFormat::MyParcel);
    /// assert_eq!(provider.errors(), ErrorFormat::MyParcel);
    /// # Ok::<(), ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_errors(self, errors: ErrorFormat) -> Self {
        Self { errors, ..self }
    }

    /// The scope that is asked for when the client names none; an empty text for none.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_default_scope("orders.read")?;
    /// let auth = ClientAuth::none("my-client-id")?;
    /// let client = Client::builder(provider.clone(), auth.clone()).build()?;
    /// assert_eq!(client.scope().to_string(), "orders.read");
    /// let client = Client::builder(provider, auth).scope("orders.write").build()?;
    /// assert_eq!(client.scope().to_string(), "orders.write");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] as [`Scope::parse`].
    pub fn with_default_scope(self, scope: &str) -> Result<Self, ConfigError> {
        Ok(Self { default_scope: Scope::parse(scope)?, ..self })
    }

    /// The origins of the API: the only ones a token may be sent to.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origin, Origins, Provider};
    /// let origins = Origins::parse(["https://api.example.com", "https://uploads.example.com"])?;
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_origins(origins);
    /// assert!(provider.origins().contains(&Origin::parse("https://uploads.example.com")?));
    /// # Ok::<(), ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_origins(self, origins: Origins) -> Self {
        Self { origins, ..self }
    }

    /// The words that this server writes for Bearer in `token_type`, such as `BearerToken` or `Application Access Token`, in
    /// any ASCII case. Default: none, so that any other word than Bearer is a malformed answer (RFC 6749 §7.1).
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, Now, Provider, Response};
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_bearer_words(["BearerToken"]);
    /// let client = Client::builder(provider, ClientAuth::none("my-client-id")?).build()?;
    /// let body = r#"{"access_token":"abc","token_type":"BearerToken","expires_in":3600}"#;
    /// let response = Response::new(200).with_header("Content-Type", b"application/json").with_body(body.into());
    /// assert_eq!(client.read(&response, Now::default())?.token().expose(), "abc");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_bearer_words<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Self {
        Self { bearer_words: words.into_iter().map(Box::from).collect(), ..self }
    }

    /// Whether asking again can help after an answer without a token, for a server that says so in a way of its own ("try
    /// again" by 400, "too many" by 403). `None` leaves it to the table; Retry-After and the server's words stay as they are.
    ///
    /// The rule sees the status, the body, unpacked, and of the headers those that
    /// [`Response::with_header`](crate::Response::with_header) keeps.
    ///
    /// ```
    /// # use evergrant_core::{Class, Client, ClientAuth, ConfigError, Now, Provider, Response};
    /// // A server that says 403 where 429 is meant.
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?
    ///     .with_refusal_rule(|answer| (answer.status() == 403).then_some(Class::Transient));
    /// # let client = Client::builder(provider, ClientAuth::none("my-client-id")?).build()?;
    /// let refusal = client.read(&Response::new(403), Now::default()).unwrap_err();
    /// assert_eq!(refusal.class(), Class::Transient);
    /// # Ok::<(), ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_refusal_rule(
        self,
        rule: impl Fn(&Answer<'_>) -> Option<Class> + Send + Sync + 'static,
    ) -> Self {
        Self { refusal_rule: Some(RefusalRule::new(rule)), ..self }
    }

    /// What the API's answers mean for the token.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Provider, Verdict, VerdictRule};
    /// // An API that says 403 for a token that has expired.
    /// let rule = VerdictRule::custom(|answer| match answer.status() {
    ///     401 | 403 => Verdict::TokenRefused,
    ///     _ => Verdict::Fine,
    /// });
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?.with_verdict(rule);
    /// # let answer = evergrant_core::Answer::new(403, &[], None);
    /// # assert_eq!(provider.verdict().judge(&answer), Verdict::TokenRefused);
    /// # Ok::<(), ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_verdict(self, verdict: VerdictRule) -> Self {
        Self { verdict, ..self }
    }

    /// The token endpoint, if it is known: that of a server which is [`discovered`](Self::discovered) is found out for a token request.
    pub const fn token_endpoint(&self) -> Option<&Endpoint> {
        match &self.place {
            Place::Known { endpoint, .. } => Some(endpoint),
            Place::Discovered(_) => None,
        }
    }

    /// Where this server is asked first: its token endpoint, or the place of its metadata.
    pub const fn server(&self) -> &Endpoint {
        match &self.place {
            Place::Known { endpoint, .. } => endpoint,
            Place::Discovered(discovery) => discovery.url(),
        }
    }

    /// The server's issuer, if it is known.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// How assertions are written that clients of this server sign: [`with_assertion_form`](Self::with_assertion_form).
    pub const fn assertion_form(&self) -> &AssertionForm {
        &self.assertion_form
    }

    /// Where its metadata is, if that has to be asked for.
    pub(crate) fn discovery(&self) -> Option<&Discovery> {
        match &self.place {
            Place::Known { .. } => None,
            Place::Discovered(discovery) => Some(discovery),
        }
    }

    /// The same with what its metadata says, for a client that shows a certificate or none.
    pub(crate) fn resolved(self, metadata: &Metadata, shows_certificate: bool) -> Self {
        let alias = metadata.mtls_token_endpoint.as_ref().filter(|_| shows_certificate);
        let endpoint = alias.unwrap_or(&metadata.token_endpoint).clone();
        let place = Place::Known { endpoint, rsa: metadata.rsa_algorithm(), is_found_out: true };
        Self { place, ..self }
    }

    /// How an RSA key signs for this server, unless the client says otherwise.
    pub(crate) const fn rsa_algorithm(&self) -> Algorithm {
        match self.place {
            Place::Known { rsa, .. } => rsa,
            Place::Discovered(_) => Algorithm::Rs256,
        }
    }

    /// Whether its token endpoint was named by the server's metadata.
    pub(crate) const fn is_found_out(&self) -> bool {
        matches!(self.place, Place::Known { is_found_out: true, .. })
    }

    /// The format of the request's body: [`with_body`](Self::with_body).
    pub const fn body(&self) -> BodyFormat {
        self.body
    }

    /// The format of the server's errors: [`with_errors`](Self::with_errors).
    pub const fn errors(&self) -> ErrorFormat {
        self.errors
    }

    /// The scope that is asked for when the client names none; empty for none: [`with_default_scope`](Self::with_default_scope).
    pub const fn default_scope(&self) -> &Scope {
        &self.default_scope
    }

    pub(crate) const fn refusal_rule(&self) -> Option<&RefusalRule> {
        self.refusal_rule.as_ref()
    }

    pub(crate) fn bearer_words(&self) -> &[Box<str>] {
        &self.bearer_words
    }

    /// The origins of the API: [`with_origins`](Self::with_origins).
    pub const fn origins(&self) -> &Origins {
        &self.origins
    }

    /// What the API's answers mean for the token: [`with_verdict`](Self::with_verdict).
    pub const fn verdict(&self) -> &VerdictRule {
        &self.verdict
    }

    fn of_issuer(issuer: &str, plain_http: PlainHttp) -> Result<Self, ConfigError> {
        let discovery = Discovery::new(issuer, Form::OpenId, plain_http)?;
        Ok(Self { issuer: Some(issuer.into()), ..Self::in_place(Place::Discovered(discovery.into())) })
    }

    fn discovering(
        self,
        change: impl FnOnce(Discovery) -> Result<Discovery, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let place = match self.place {
            Place::Discovered(discovery) => Place::Discovered(change(*discovery)?.into()),
            known @ Place::Known { .. } => known,
        };
        Ok(Self { place, ..self })
    }

    fn at(endpoint: Endpoint) -> Self {
        Self::in_place(Place::of(endpoint))
    }

    fn in_place(place: Place) -> Self {
        Self {
            place,
            issuer: None,
            assertion_form: AssertionForm::new(),
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

impl Place {
    const fn of(endpoint: Endpoint) -> Self {
        Self::Known { endpoint, rsa: Algorithm::Rs256, is_found_out: false }
    }
}

#[cfg(test)]
mod tests;
