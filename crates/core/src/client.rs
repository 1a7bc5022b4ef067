//! A client of an authorization server: builds its token requests and reads the answers.

use crate::ask::Ask;
use crate::assertion::{AssertionAudience, UnsignedAssertion, check_claim};
use crate::auth::ClientAuth;
use crate::binding::Binding;
use crate::endpoint;
use crate::error::{ConfigError, Excerpt, HeaderFault, Refusal, TransportError, TransportErrorKind};
use crate::field;
use crate::jwt;
use crate::key::{ClientKey, Identity};
use crate::metadata::Metadata;
use crate::provider::Provider;
use crate::request::{Parameter, Request};
use crate::response::{Grant, Reader, Response};
use crate::scope::Scope;
use crate::secret::Secret;
use crate::signature::Algorithm;
use crate::thumbprint::Thumbprint;
use crate::time::{Now, Wall};
use crate::token::AccessToken;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use fluent_uri::Uri;
use zeroize::Zeroizing;

/// Parameters that the library sets itself.
const RESERVED: [&str; 8] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "resource",
    "audience",
];

/// As many header fields of its own may a client have: all together they fit into what servers read of a head.
const MAX_HEADERS: usize = 16;

/// As many parameters may be read for each request: with the credential, an attempt asks five times at most.
const MAX_LIVE_PARAMS: usize = 4;

/// A client of one authorization server, with one scope: endpoint, authentication and parameters.
///
/// Plain data without IO: [`request`](Self::request) says what to send, [`read`](Self::read) what the answer means.
/// Debug shows no secret and no value of an extra parameter or of a header field.
///
/// ```
/// use evergrant_core::{Client, ClientAuth, Provider};
///
/// let provider = Provider::rfc6749("https://auth.example.com/token")?;
/// let auth = ClientAuth::basic("my-client-id", "my-client-secret")?;
/// let client = Client::builder(provider, auth).scope("orders.read").build()?;
/// assert_eq!((client.client_id(), client.auth().method()), ("my-client-id", "client_secret_basic"));
/// assert_eq!(client.scope().to_string(), "orders.read");
/// assert!(client.jwt_hint());
/// # Ok::<(), evergrant_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Client {
    provider: Provider,
    auth: ClientAuth,
    scope: Scope,
    resources: Vec<Box<str>>,
    audience: Option<Box<str>>,
    params: Vec<(Box<str>, Secret)>,
    /// The names of parameters whose values are read for each request.
    live_params: Vec<Box<str>>,
    headers: Vec<(Box<str>, Secret)>,
    jwt_hint: bool,
    signing: Signing,
    certificate: Certificate,
    is_certificate_bound: bool,
}

/// How it signs its assertions, beside what its server wants.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Signing {
    algorithm: Option<Algorithm>,
    /// Claims of its own, in JSON.
    claims: Vec<(Box<str>, Secret)>,
}

/// The certificate that the connection shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Certificate {
    None,
    /// One that is read for each request.
    Live,
    Shown(Thumbprint),
}

impl Client {
    /// Begins a client of `provider` that authenticates with `auth`.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth, Provider};
    ///
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let auth = ClientAuth::basic("my-client-id", "my-client-secret")?;
    /// let client = Client::builder(provider, auth).scope("shipments.read shipments.write").build()?;
    /// assert!(client.scope().contains("shipments.write"));
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    pub const fn builder(provider: Provider, auth: ClientAuth) -> ClientBuilder {
        ClientBuilder {
            provider,
            auth,
            scope: None,
            resources: Vec::new(),
            audience: None,
            params: Vec::new(),
            live_params: Vec::new(),
            headers: Vec::new(),
            jwt_hint: true,
            signing: Signing { algorithm: None, claims: Vec::new() },
            is_certificate_bound: false,
        }
    }

    /// The token request to send now (RFC 6749 §4.4.2): the short form of [`Attempt`](crate::Attempt), for a client whose requests need
    /// nothing that has to be read first.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth, Now, Provider};
    ///
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let auth = ClientAuth::post("my-client-id", "my-client-secret")?;
    /// let request = Client::builder(provider, auth).build()?.request(Now::default())?;
    /// assert_eq!((request.method(), request.url()), ("POST", "https://auth.example.com/token"));
    /// let body = "grant_type=client_credentials&client_id=my-client-id&client_secret=my-client-secret";
    /// assert_eq!(request.body(), body.as_bytes());
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::NeedsAttempt`] for a client with a secret, an assertion, a certificate or a parameter that is read for each request,
    /// for one that signs its assertions, and for one whose token endpoint has to be found out.
    pub fn request(&self, now: Now) -> Result<Request, ConfigError> {
        // Each request is made anew: one whose content depends on the time is made by an attempt.
        let _ = now;
        let lacking = self.asks().next().or_else(|| self.auth.is_signed().then_some(Ask::Signature));
        match (lacking, self.provider.token_endpoint()) {
            (Some(ask), _) => Err(ConfigError::NeedsAttempt { field: ask.field() }),
            (None, None) => Err(ConfigError::NeedsAttempt { field: endpoint::FIELD }),
            (None, Some(_)) => Ok(self.filled_request()),
        }
    }

    /// The request of a client to whom nothing is lacking.
    pub(crate) fn filled_request(&self) -> Request {
        let scope = alloc::format!("{}", self.scope);
        let parameters: Vec<Parameter<'_>> = Parameter::new("grant_type", ["client_credentials"])
            .into_iter()
            .chain(self.auth.parameters().filter_map(|(name, value)| Parameter::new(name, [value])))
            .chain(Parameter::new("scope", [scope.as_str()]))
            .chain(Parameter::new("resource", self.resources.iter().map(AsRef::as_ref)))
            .chain(Parameter::new("audience", self.audience.as_deref()))
            .chain(self.params.iter().filter_map(|(name, value)| Parameter::new(name, [value.expose()])))
            .collect();
        Request::new(
            self.provider.server().clone(),
            self.provider.body(),
            self.auth.authorization(),
            &parameters,
        )
        .with_headers(&self.headers)
    }

    /// What has to be read before each of its requests: its certificate first, then its credential. Where it signs its assertions
    /// ([`ClientAuth::is_signed`]), an attempt asks for the signature after these.
    pub fn asks(&self) -> impl Iterator<Item = Ask> {
        let certificate = matches!(self.certificate, Certificate::Live).then_some(Ask::Certificate);
        let params = self.live_params.iter().map(|name| Ask::Parameter(name.clone()));
        certificate.into_iter().chain(self.auth.ask()).chain(params)
    }

    /// Whether something is read for each of its requests, or signs it: its certificate, its secret, its assertion, its key, or a parameter.
    pub fn is_live(&self) -> bool {
        self.auth.is_signed() || self.asks().next().is_some()
    }

    /// The same client over a connection that shows a certificate, beside its own way to authenticate: the certificate is read for each request, and
    /// [`Ask::Certificate`] asks which one it is. A client by [`ClientAuth::tls`] is one already.
    ///
    /// # Errors
    /// [`ConfigError::TlsRequired`] where its server is at plain http.
    pub fn with_certificate(self) -> Result<Self, ConfigError> {
        check_tls(&self.provider)?;
        Ok(Self { certificate: Certificate::Live, ..self })
    }

    /// Whether the connection shows a certificate.
    pub const fn shows_certificate(&self) -> bool {
        !matches!(self.certificate, Certificate::None)
    }

    /// Whether its tokens are bound to its certificate (RFC 8705 §3): [`ClientBuilder::certificate_bound`].
    pub const fn is_certificate_bound(&self) -> bool {
        self.is_certificate_bound
    }

    /// What it shows, once that is known.
    pub(crate) const fn certificate(&self) -> Option<Thumbprint> {
        match self.certificate {
            Certificate::Shown(thumbprint) => Some(thumbprint),
            Certificate::None | Certificate::Live => None,
        }
    }

    /// Whether what is asked for proves who the client is.
    pub(crate) fn is_credential(&self, ask: &Ask) -> bool {
        match ask {
            Ask::ClientSecret | Ask::Assertion | Ask::Signature => true,
            Ask::Certificate => self.auth.is_tls(),
            Ask::Parameter(_) => false,
        }
    }

    /// Whether an assertion is for whom it should be: where that is the issuer, it is known.
    pub(crate) fn has_issuer(&self) -> bool {
        let provider = &self.provider;
        *provider.assertion_form().audience() != AssertionAudience::Issuer || provider.issuer().is_some()
    }

    /// The assertion that has to be signed, at this moment of the server's clock, if there is one.
    pub(crate) fn unsigned(&self, now: Wall) -> Option<UnsignedAssertion> {
        let kind = self.auth.unsigned()?;
        let (provider, form) = (&self.provider, self.provider.assertion_form());
        let endpoint = provider.server().url();
        let audience = match form.audience() {
            AssertionAudience::Issuer => provider.issuer().unwrap_or(endpoint),
            AssertionAudience::TokenEndpoint => endpoint,
            AssertionAudience::Other(audience) => audience,
        };
        Some(UnsignedAssertion {
            client_id: self.client_id().into(),
            audience: audience.into(),
            now,
            form: form.clone(),
            claims: self.signing.claims.clone(),
            kind,
            algorithm: self.signing.algorithm,
            rsa: provider.rsa_algorithm(),
        })
    }

    /// What this token of the client is bound to.
    pub(crate) fn binding_of(&self, token: &AccessToken) -> Binding {
        let Some(shown) = self.certificate() else { return Binding::None };
        let says_so = || self.jwt_hint && jwt::certificate(token.expose()) == Some(shown);
        if self.is_certificate_bound || says_so() { Binding::Certificate(shown) } else { Binding::None }
    }

    /// The same client at the token endpoint that this names.
    pub(crate) fn resolved(self, metadata: &Metadata) -> Self {
        let shows_certificate = self.certificate().is_some();
        Self { provider: self.provider.resolved(metadata, shows_certificate), ..self }
    }

    /// The same client with what was read for this.
    ///
    /// # Errors
    /// [`ConfigError`] if no request can carry it.
    pub(crate) fn with_read(mut self, ask: &Ask, text: Secret) -> Result<Self, ConfigError> {
        match ask {
            Ask::ClientSecret | Ask::Assertion | Ask::Signature => self.auth = self.auth.with_read(text)?,
            Ask::Certificate => {
                let thumbprint = Thumbprint::parse(text.expose()).ok_or(ConfigError::Thumbprint)?;
                self.certificate = Certificate::Shown(thumbprint);
            }
            Ask::Parameter(name) => {
                field::check_present(text.expose(), "a parameter's value")?;
                self.live_params.retain(|live| live != name);
                self.params.push((name.clone(), text));
            }
        }
        Ok(self)
    }

    /// What the answer to a request that was sent at `sent` means. Nothing of its body is in a [`Refusal`] but the
    /// server's own code and description, bounded, and with this client's secrets masked.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth, Now, Provider, Response};
    ///
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let client = Client::builder(provider, ClientAuth::none("my-client-id")?).build()?;
    /// let json = |status, body: &str| {
    ///     Response::new(status).with_header("Content-Type", b"application/json").with_body(body.into())
    /// };
    /// let body = r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#;
    /// let grant = client.read(&json(200, body), Now::default())?;
    /// assert_eq!(grant.token().expose(), "abc");
    ///
    /// let refusal = client.read(&json(401, r#"{"error":"invalid_client"}"#), Now::default()).unwrap_err();
    /// assert_eq!((refusal.status(), refusal.code()), (Some(401), Some("invalid_client")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refusal`] for anything that is no usable token.
    pub fn read(&self, response: &Response, sent: Now) -> Result<Grant, Refusal> {
        Reader {
            response,
            errors: self.provider.errors(),
            bearer_words: self.provider.bearer_words(),
            rule: self.provider.refusal_rule(),
            asked: &self.scope,
            jwt_hint: self.jwt_hint,
            masks: &|| self.masks(),
            sent,
        }
        .read()
    }

    /// The same client with other credentials, after a rotation; call its machine's `rotate` as well.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth};
    ///
    /// # let provider = evergrant_core::Provider::rfc6749("https://auth.example.com/token")?;
    /// # let client = Client::builder(provider, ClientAuth::basic("my-client-id", "the-old-secret")?).build()?;
    /// let rotated = client.with_auth(ClientAuth::basic("my-client-id", "the-new-secret")?);
    /// assert_eq!(rotated.scope(), client.scope());
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_auth(&self, auth: ClientAuth) -> Self {
        // A client that proves itself by a certificate shows one, or is told that it has none.
        let certificate = match self.certificate {
            Certificate::None if auth.is_tls() => Certificate::Live,
            certificate => certificate,
        };
        Self { auth, certificate, ..self.clone() }
    }

    /// Whether the other client is this one with other credentials: the same id, endpoint, scope and parameters, another secret or
    /// another way to send it. Then [`Machine::rotate`](crate::Machine::rotate) makes one of the other; any other change needs a machine
    /// of its own.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = |auth| Client::builder(provider.clone(), auth).scope("orders").build();
    /// let old = client(ClientAuth::basic("my-client-id", "the old secret")?)?;
    /// assert!(old.differs_in_auth_alone(&client(ClientAuth::post("my-client-id", "the new secret")?)?));
    /// assert!(!old.differs_in_auth_alone(&client(ClientAuth::basic("another-id", "the old secret")?)?));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn differs_in_auth_alone(&self, other: &Self) -> bool {
        self.auth != other.auth
            && self.client_id() == other.client_id()
            && self.with_auth(other.auth.clone()) == *other
    }

    /// Hashes the whole client, its secrets included, which [`Hash`] leaves out. For a keyed hasher whose key and results never leave
    /// the process, such as one of the standard library's `RandomState`: from another hash a short secret can be guessed.
    pub fn hash_whole<H: Hasher>(&self, state: &mut H) {
        self.hash(state);
        let own = self.params.iter().chain(&self.headers).map(|(_, value)| value.expose());
        let auth = self.auth.secret().map(Secret::expose);
        auth.into_iter().chain(own).for_each(|secret| secret.hash(state));
    }

    /// What tells this client from every other, without its secret: the key of an entry in a map, a cache or a shared store.
    /// Two clients have equal keys exactly when these are equal:
    ///
    /// - the token endpoint, byte for byte, or the issuer and the place of its metadata where that is asked; the client id; the name of the
    ///   authentication method, of an assertion whether the id is sent, and whether a certificate is shown
    /// - the scope that is asked for, and the resources, each as a set: the order of scope tokens does not matter
    ///   (RFC 6749 §3.3), and a token for several resources is for all of them (RFC 8707 §2)
    /// - the audience
    /// - the extra parameters, by name: each stands there once (RFC 6749 §3.2), so that their order has no meaning. One
    ///   without a value is not sent, and counts as absent
    /// - the claims that are added to its assertions, by name
    /// - the header fields of its own, by name, in any letter case and order (RFC 9110 §5.1 and §5.3)
    ///
    /// `User-Agent` is left out, or each version of a program would have a token of its own; so is everything about how a
    /// request is written, how an answer is read, and where the token may be sent.
    ///
    /// ```
    /// use evergrant_core::*;
    /// use std::collections::BTreeMap;
    ///
    /// # fn main() -> Result<(), ConfigError> {
    /// let client = |secret: &str, scope: &str| {
    ///     let provider = Provider::rfc6749("https://auth.example/token")?;
    ///     Client::builder(provider, ClientAuth::basic("my-client-id", secret)?).scope(scope).build()
    /// };
    /// let mut machines = BTreeMap::new();
    /// machines.insert(client("old-secret", "read write")?.key(), Machine::new(Policy::new(), 42));
    ///
    /// // Its secret was replaced since, and somebody wrote its scope in another order.
    /// assert!(machines.contains_key(&client("new-secret", "write read")?.key()));
    /// assert!(!machines.contains_key(&client("new-secret", "read")?.key()));
    /// # Ok(()) }
    /// ```
    pub fn key(&self) -> ClientKey {
        let params = self.params.iter().map(|(name, value)| (&**name, value.expose()));
        let params = params.filter(|(_, value)| !value.is_empty());
        // A parameter without a value counts as absent, so none of those is taken for one that is read.
        let live = self.live_params.iter().map(|name| (&**name, ""));
        // No parameter's name has a colon.
        let claims: Vec<(String, &str)> = self.signing.claims.iter().map(claim_of_key).collect();
        let claims = claims.iter().map(|(name, json)| (name.as_str(), *json));
        let method = self.auth.method_of_key();
        let shows_certificate = self.shows_certificate() && !self.auth.is_tls();
        // No registered name and no URI has a space, and no URL.
        let method = if shows_certificate { format!("{method} beside a certificate").into() } else { method };
        let endpoint = match self.provider.discovery() {
            None => Cow::Borrowed(self.provider.server().url()),
            Some(discovery) => format!("{} of {}", discovery.url().url(), discovery.issuer()).into(),
        };
        ClientKey::new(&Identity {
            token_endpoint: &endpoint,
            client_id: self.client_id(),
            method: &method,
            scope: self.scope.sorted(),
            resources: self.resources.iter().map(AsRef::as_ref).collect(),
            audience: self.audience.as_deref().filter(|audience| !audience.is_empty()),
            params: params.chain(live).chain(claims).collect(),
            headers: self.secret_headers().collect(),
        })
    }

    /// What an HTTP library said about a request without a complete response, with this client's secret masked in
    /// every form in which it was sent.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth, TransportErrorKind};
    ///
    /// # let provider = evergrant_core::Provider::rfc6749("https://auth.example.com/token")?;
    /// # let client = Client::builder(provider, ClientAuth::basic("my-client-id", "my-client-secret")?).build()?;
    /// let error = client.transport_error(TransportErrorKind::Closed, "sent my-client-secret, then a reset");
    /// assert!(!error.to_string().contains("my-client-secret"));
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    pub fn transport_error(&self, kind: TransportErrorKind, detail: &str) -> TransportError {
        self.masked(|masks| TransportError::new(kind, detail, masks))
    }

    /// The same for an error that was made where the client is not known. Words of the library's own
    /// ([`TransportError::ours`]) stay as they are.
    pub fn masked_error(&self, error: TransportError) -> TransportError {
        self.masked(|masks| error.masking(masks))
    }

    /// What no error may show beside the secret of the client authentication: what stands in header fields, and those values
    /// of extra parameters that are long enough to be no word of a sentence. A `User-Agent` is told to everybody.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let headers = self.secret_headers().map(|(_, value)| value);
        let params = self.params.iter().chain(&self.signing.claims).map(|(_, value)| value.expose());
        headers.chain(params.filter(|value| value.len() >= Excerpt::SHORTEST_ECHO))
    }

    /// The header fields of its own, but for the one that is told to everybody.
    fn secret_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter().map(|(name, value)| (&**name, value.expose()));
        headers.filter(|(name, _)| *name != "user-agent")
    }

    /// What no error may show of this client, in whatever encoding it comes back.
    pub(crate) fn masks(&self) -> Vec<Zeroizing<String>> {
        self.auth.masks().into_iter().chain(self.own_masks()).collect()
    }

    /// What no claim of an assertion may repeat: what is secret beside the assertion itself, whose claims are shown.
    pub(crate) fn own_masks(&self) -> Vec<Zeroizing<String>> {
        self.secrets().map(|secret| Zeroizing::new(secret.into())).collect()
    }

    fn masked<T>(&self, shown: impl FnOnce(&[&str]) -> T) -> T {
        let masks = self.masks();
        let masks: Vec<&str> = masks.iter().map(|mask| mask.as_str()).collect();
        shown(&masks)
    }

    /// The authorization server and its API.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth, myparcel};
    ///
    /// let auth = ClientAuth::post("my-client-id", "my-client-secret")?;
    /// let client = Client::builder(myparcel::sandbox(), auth).build()?;
    /// assert_eq!(client.provider().server().url(), "https://auth.sandbox.myparcel.com/access-token");
    /// assert_eq!((client.client_id(), client.auth().method()), ("my-client-id", "client_secret_post"));
    /// assert_eq!(client.scope().to_string(), "*"); // the provider's default
    /// # Ok::<(), evergrant_core::ConfigError>(())
    /// ```
    pub const fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The client id.
    pub fn client_id(&self) -> &str {
        self.auth.client_id()
    }

    /// How the client authenticates.
    pub const fn auth(&self) -> &ClientAuth {
        &self.auth
    }

    /// The scope that is asked for: the client's own, or the provider's default; empty for none.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the token's own times are looked at.
    pub const fn jwt_hint(&self) -> bool {
        self.jwt_hint
    }
}

/// Two are equal when they would send the same and judge the answers alike: with their secrets, which [`key`](Client::key) leaves
/// out. Secrets are compared in a time that tells nothing of them but their lengths.
impl Eq for Client {}

/// Of secrets the lengths alone, and nothing of how answers are judged: equal clients hash alike.
impl Hash for Client {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.provider.server(), &self.auth, &self.scope, &self.resources).hash(state);
        (&self.audience, &self.params, &self.live_params, &self.headers).hash(state);
        (&self.signing, self.certificate).hash(state);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            |pairs: &'_ [(Box<str>, Secret)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("Client")
            .field("provider", &self.provider)
            .field("auth", &self.auth)
            .field("scope", &self.scope)
            .field("resources", &self.resources)
            .field("audience", &self.audience)
            .field("params", &names(&self.params))
            .field("live_params", &self.live_params)
            .field("headers", &names(&self.headers))
            .field("jwt_hint", &self.jwt_hint)
            .field("claims", &names(&self.signing.claims))
            .field("certificate", &self.certificate)
            .finish()
    }
}

fn claim_of_key((name, json): &(Box<str>, Secret)) -> (String, &str) {
    (format!("claim:{name}"), json.expose())
}

/// A client in the making; see [`Client::builder`]. What is wrong with it is said by [`build`](Self::build).
#[must_use]
pub struct ClientBuilder {
    provider: Provider,
    auth: ClientAuth,
    scope: Option<String>,
    resources: Vec<Box<str>>,
    audience: Option<Box<str>>,
    params: Vec<(Box<str>, Secret)>,
    live_params: Vec<Box<str>>,
    headers: Vec<(Box<str>, Secret)>,
    jwt_hint: bool,
    signing: Signing,
    is_certificate_bound: bool,
}

impl ClientBuilder {
    /// The scope to ask for: tokens with one space between, as [`Scope::parse`] takes them. Without any, the
    /// provider's default. A second call replaces the first.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let auth = ClientAuth::none("my-client-id")?;
    /// let client = Client::builder(provider.clone(), auth.clone()).scope("orders.read orders.write").build()?;
    /// assert_eq!(client.scope().tokens().len(), 2);
    /// // Commas do not separate: this is one scope token, which the server will not know.
    /// let client = Client::builder(provider, auth).scope("orders.read,orders.write").build()?;
    /// assert_eq!(client.scope().tokens().len(), 1);
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn scope(self, scope: &str) -> Self {
        Self { scope: Some(scope.into()), ..self }
    }

    /// A resource the token is for, an absolute URI (RFC 8707 §2). May be called again for another one.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let builder = Client::builder(provider, ClientAuth::none("my-client-id")?);
    /// let client = builder.resource("https://api.example.com/").build()?;
    /// let body = client.request(Now::default())?.body().to_vec();
    /// assert!(body.ends_with(b"&resource=https%3A%2F%2Fapi.example.com%2F"));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn resource(mut self, uri: &str) -> Self {
        if !self.resources.iter().any(|resource| &**resource == uri) {
            self.resources.push(uri.into());
        }
        self
    }

    /// The `audience` parameter, which some servers want instead of a resource. A second call replaces the first.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/oauth/token")?;
    /// # let builder = Client::builder(provider, ClientAuth::none("my-client-id")?);
    /// let client = builder.audience("https://api.example.com/").build()?; // as Auth0 wants it
    /// let body = client.request(Now::default())?.body().to_vec();
    /// assert!(body.ends_with(b"&audience=https%3A%2F%2Fapi.example.com%2F"));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn audience(self, audience: &str) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// An extra parameter. Its name must be neither one the library sets itself nor given before; without a value it
    /// is left out (RFC 6749 §3.2). The value is kept as a secret: Debug shows the name alone, and a value of 8 bytes or more
    /// is masked in what a server echoes.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let auth = ClientAuth::none("my-client-id")?;
    /// let client = Client::builder(provider.clone(), auth.clone()).param("account_id", "4711-secret").build()?;
    /// assert!(!format!("{client:?}").contains("4711-secret"));
    /// // What the library sets has a setting of its own.
    /// let error = Client::builder(provider, auth).param("scope", "orders").build().unwrap_err();
    /// assert!(matches!(error, ConfigError::Parameter { .. }));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.into(), Secret::new(value)));
        self
    }

    /// An extra parameter whose value is read for each token request from where it lives, as with
    /// [`ClientAuth::basic_live`]: `subject_token` of a token exchange (RFC 8693), the password of a technical user. A client may have
    /// four.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let builder = Client::builder(provider, ClientAuth::none("my-client-id")?);
    /// let client = builder.live_param("subject_token").build()?;
    /// assert!(client.is_live());
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn live_param(mut self, name: &str) -> Self {
        self.live_params.push(name.into());
        self
    }

    /// A header field of every token request beside the library's own: the API key of a gateway, an account number. The
    /// value is kept as a secret: Debug shows the name alone, the HTTP libraries get it marked as sensitive, and it is
    /// masked in what a server echoes. The API that the token is for never gets it.
    ///
    /// `User-Agent` is among them, and no secret; without one it is `evergrant/VERSION`.
    ///
    /// At most 16 fields; a name has 128 bytes at most and a value 8192, of visible ASCII with spaces in between. Reserved,
    /// and refused by [`build`](Self::build), in any letter case:
    ///
    /// - `Authorization`, `DPoP` and `Cookie`: credentials are the client authentication's affair, and a cookie is a session
    ///   that a fixed value cannot follow;
    /// - `Accept`, `Accept-*`, `Content-*`, `Cache-Control`, `Range`: they say what is sent and what may come back;
    /// - `Host`, `Connection`, `Keep-Alive`, `Transfer-Encoding`, `TE`, `Trailer`, `Upgrade`, `HTTP2-Settings`, `Expect`,
    ///   `Max-Forwards`, `Proxy-*`: they frame or route the message.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let builder = Client::builder(provider, ClientAuth::none("my-client-id")?);
    /// let client = builder.header("X-Api-Key", "the-gateway's-key").build()?;
    /// let request = client.request(Now::default())?;
    /// assert!(request.headers().any(|field| field == ("x-api-key", "the-gateway's-key")));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase().into(), Secret::new(value)));
        self
    }

    /// Whether to look at the token's own `exp` and `iat`, unverified, as a hint that can only shorten its life or
    /// stand in for a missing `expires_in`. Default true: MyParcel.com documents it. RFC 9068 §6 asks clients not to
    /// look inside a token, so nothing depends on it.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let builder = Client::builder(provider, ClientAuth::none("my-client-id")?);
    /// let client = builder.jwt_hint(false).build()?; // `expires_in` alone counts
    /// assert!(!client.jwt_hint());
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn jwt_hint(self, jwt_hint: bool) -> Self {
        Self { jwt_hint, ..self }
    }

    /// The algorithm of the assertions that this client signs, such as RS384 for SMART on FHIR. Without it the key says which: of an RSA key the
    /// first of PS256, RS256 and RS384 that the server's metadata lists, else RS256.
    ///
    /// ```
    /// # use evergrant_core::{Algorithm, Client, ClientAuth, ConfigError, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let auth = ClientAuth::private_key_jwt("my-client-id")?;
    /// let client = Client::builder(provider, auth).assertion_algorithm(Algorithm::Rs384).build()?;
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn assertion_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.signing.algorithm = Some(algorithm);
        self
    }

    /// One more claim in the assertions that this client signs, its value in JSON: what a profile of the server asks for. The names that the library sets
    /// (`iss`, `sub`, `aud`, `jti`, `iat`, `exp`, `nbf`) are refused. The value is kept as a secret.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let auth = ClientAuth::private_key_jwt("my-client-id")?;
    /// let builder = Client::builder(provider, auth);
    /// let client = builder.assertion_claim("authorization_details", r#"[{"type":"erp"}]"#).build()?;
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn assertion_claim(mut self, name: &str, json: &str) -> Self {
        self.signing.claims.push((name.into(), Secret::new(json)));
        self
    }

    /// Whether the tokens of this client are bound to the certificate that its connections show (RFC 8705 §3), which the server decides for each
    /// client and its answers do not always tell. A bound token is exported and restored with the certificate's thumbprint. Default false; a
    /// JWT that names its certificate tells it by itself, unless [`jwt_hint`](Self::jwt_hint) is off.
    pub fn certificate_bound(self, is_certificate_bound: bool) -> Self {
        Self { is_certificate_bound, ..self }
    }

    /// The client.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// # let builder = Client::builder(provider, ClientAuth::none("my-client-id")?);
    /// let error = builder.scope("orders  invoices").build().unwrap_err();
    /// assert_eq!(error, ConfigError::ScopeSpace { at: 7 });
    /// assert_eq!(error.to_string(), "scope has an extra space at byte 7: separate its tokens by one space");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] names the first setting that cannot work: the scope, a resource, the audience, a
    /// parameter, a claim, a header field, or plain http for a client that authenticates by a certificate.
    pub fn build(self) -> Result<Client, ConfigError> {
        let own = self.scope.as_deref().map(Scope::parse).transpose()?.filter(|scope| !scope.is_empty());
        let scope = own.unwrap_or_else(|| self.provider.default_scope().clone());
        for resource in &self.resources {
            match Uri::parse(&**resource) {
                Ok(uri) if !uri.has_fragment() => {}
                _ => return Err(ConfigError::Resource),
            }
        }
        if let Some(audience) = &self.audience {
            field::check(audience, "audience")?;
        }
        let fixed = self.params.iter().map(|(name, _)| name);
        let names: Vec<&Box<str>> = fixed.chain(&self.live_params).collect();
        for (place, name) in names.iter().enumerate() {
            check_name(name)?;
            let known = RESERVED.contains(&&***name);
            if known || names.iter().take(place).any(|earlier| earlier == name) {
                return Err(ConfigError::Parameter { name: shown(name)? });
            }
        }
        self.params.iter().try_for_each(|(_, value)| field::check(value.expose(), "a parameter's value"))?;
        if let Some(name) = self.live_params.get(MAX_LIVE_PARAMS) {
            return Err(ConfigError::LiveParameters { name: shown(name)? });
        }
        for (place, (name, value)) in self.headers.iter().enumerate() {
            field::check_header(name, value.expose())?;
            if self.headers.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(field::header_fault(name, HeaderFault::Repeated));
            }
            if place == MAX_HEADERS {
                return Err(field::header_fault(name, HeaderFault::TooMany));
            }
        }
        for (place, (name, json)) in self.signing.claims.iter().enumerate() {
            check_claim(name, json.expose())?;
            if self.signing.claims.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(ConfigError::AssertionClaim {
                    name: Excerpt::new(name, &[]).unwrap_or_default(),
                });
            }
        }
        // What a server's answer names is no audience: an assertion for another server could be had by naming that.
        let audience = self.provider.assertion_form().audience();
        let is_found_out = self.provider.token_endpoint().is_none();
        if self.auth.is_signed() && is_found_out && *audience == AssertionAudience::TokenEndpoint {
            return Err(ConfigError::AssertionAudience);
        }
        let certificate = if self.auth.is_tls() {
            check_tls(&self.provider)?;
            Certificate::Live
        } else {
            Certificate::None
        };
        Ok(Client {
            provider: self.provider,
            auth: self.auth,
            scope,
            resources: self.resources,
            audience: self.audience,
            params: self.params,
            live_params: self.live_params,
            headers: self.headers,
            jwt_hint: self.jwt_hint,
            signing: self.signing,
            certificate,
            is_certificate_bound: self.is_certificate_bound,
        })
    }
}

/// RFC 8705 §2: plain http shows no certificate.
fn check_tls(provider: &Provider) -> Result<(), ConfigError> {
    match provider.server().origin().scheme() {
        "https" => Ok(()),
        _ => Err(ConfigError::TlsRequired),
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("provider", &self.provider).field("auth", &self.auth).finish()
    }
}

/// RFC 6749 §8.2: `param-name = 1*name-char`.
fn check_name(name: &str) -> Result<(), ConfigError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(ConfigError::ParameterName { name: shown(name)? });
    }
    Ok(())
}

fn shown(name: &str) -> Result<Excerpt, ConfigError> {
    Excerpt::new(name, &[]).ok_or(ConfigError::Empty { field: "a parameter's name" })
}

#[cfg(test)]
mod tests;
