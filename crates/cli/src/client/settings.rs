//! What was said about the client by flags, variables and the profile, who said it, and the client that it makes.

mod credential;
pub(crate) mod shown;
mod sources;

use crate::client::args::{Auth, Body, Caching, ClientArgs, OriginArgs, ProviderName, RFC8414};
use crate::client::cache::{self, Cache, Material};
use crate::client::certificate::Certificate;
use crate::client::chosen::{self, unused_default};
use crate::client::header::TokenHeader;
use crate::client::lack::{Lack, Lacks, Unmade};
use crate::client::network::{Network, Proxied};
use crate::client::profile::Profile;
use crate::client::roots::Roots;
use crate::client::said::{Said, Whence};
use crate::client::secret::{self, Keys, Purpose};
use crate::tell::failure::Failure;
use crate::tell::stderr;
use credential::{Credential, Kind, Ours, Profiles, Shows, Signing};
use evergrant_core::fleet::Name;
use evergrant_crypto::Key;
use evergrant_tokio_reqwest::core::{BodyFormat, Thumbprint};
use evergrant_tokio_reqwest::{
    Algorithm, AssertionAudience, AssertionForm, AssertionKind, Client, ClientAuth, ConfigError, Origin,
    Origins, Policy, Provider, myparcel,
};
use sources::Sources;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

type Secret = Zeroizing<String>;

/// How long one token request may take unless somebody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a command, stdin or a pipe may take that hands in the secret, unless somebody says how long things may take: it
/// may ask its user for a passphrase; what takes longer hangs, and a job that hangs is never seen.
const SECRET_LIMIT: Duration = Duration::from_secs(120);

/// What a client is called whose server knows it by its assertion alone.
const UNNAMED: &str = "(known by its assertion)";

/// What stands for a secret that cannot be had: nothing is sent with it.
pub(crate) const UNKNOWN: &str = "unknown";

/// Everything that was said about the client, and who said it.
pub(crate) struct Settings {
    /// The profile that is used, and who named it.
    pub(super) profile: Option<Said<String>>,
    provider: Said<ProviderName>,
    token_endpoint: Said<Option<String>>,
    issuer: Said<Option<String>>,
    metadata_url: Said<Option<String>>,
    body: Said<Option<Body>>,
    auth: Said<Option<Auth>>,
    pub(super) client_id: Said<String>,
    /// Whether somebody said the client id: beside an assertion nobody need.
    names_client: bool,
    /// What it has to prove who it is.
    credential: Credential,
    signing: Signing,
    /// Whether its tokens are bound to the certificate that its connections show.
    bound: Said<bool>,
    /// The variables that the profile keeps secrets in, whether they are used or not.
    pub(super) secret_variables: Vec<String>,
    scope: Said<Option<String>>,
    resources: Said<Vec<String>>,
    audience: Said<Option<String>>,
    params: Said<Vec<(String, String)>>,
    origins: Said<Vec<String>>,
    /// Origins of the command line, beside those.
    allowed: Said<Vec<String>>,
    token_headers: Said<Vec<TokenHeader>>,
    bearer_words: Said<Vec<String>>,
    user_agent: Said<Option<String>>,
    ca_file: Said<Option<PathBuf>>,
    proxy: Said<Option<Proxied>>,
    pub(super) dangerous_plain_http: Said<bool>,
    timeout: Said<Duration>,
    /// How long it may take until a secret is there.
    pub(super) secret_limit: Duration,
    cache: Said<Caching>,
}

impl Settings {
    /// What these arguments and the profile that is meant say.
    pub(crate) fn read(args: &ClientArgs) -> Result<Self, Failure> {
        let settings = Self::merge(args, chosen::profile(args)?).map_err(|unmade| match unmade {
            Unmade::Wrong(failure) => failure,
            Unmade::Lacking(lacks) => match unused_default(args) {
                Some(unused) => lacks.failure(args).since(&unused),
                None => lacks.failure(args),
            },
        })?;
        settings.credential.notes.iter().for_each(stderr::note);
        Ok(settings)
    }

    /// Where the key is that signs the assertions of this client, and what makes a key of what is there: its server need not be known.
    pub(crate) fn signing_key(args: &ClientArgs) -> Result<SigningKey, Failure> {
        let mut profile = chosen::profile(args)?;
        let (said, Proven { credential, signing, .. }) = Proven::merge(args, &mut profile)?;
        let auth = credential.proven(said.first("auth", args.auth, profile.auth))?;
        match auth.value.or(credential.method()) {
            Some(Auth::PrivateKeyJwt) => {}
            other => return Err(credential::no_key(other)),
        }
        let limit = args.timeout.or(profile.timeout).unwrap_or(SECRET_LIMIT);
        Ok(SigningKey { place: credential.place.value, keys: signing.keys(false), limit })
    }

    /// What these arguments say, for a profile that has not been written yet.
    pub(crate) fn of_a_new_profile(args: &ClientArgs) -> Result<Self, Failure> {
        Self::merge(args, Profile::default()).map_err(|unmade| match unmade {
            Unmade::Wrong(failure) => failure,
            Unmade::Lacking(lacks) => lacks.of_a_new_profile(),
        })
    }

    /// The same, with the origins that are allowed beside the profile's own.
    pub(crate) fn with_allowed(self, args: &ClientArgs, origins: &OriginArgs) -> Self {
        let value = args.allowed(origins).to_vec();
        let by = if value.is_empty() { Whence::Default } else { args.whence("allow_origin") };
        Self { allowed: Said { value, by }, ..self }
    }

    /// What flags and variables say, and the profile where they are silent.
    pub(crate) fn merge(args: &ClientArgs, mut profile: Profile) -> Result<Self, Unmade> {
        let secret_variables =
            profile.places().filter_map(secret::Source::variable).map(str::to_owned).collect();
        let (said, Proven { credential, signing, elsewhere }) = Proven::merge(args, &mut profile)?;
        // Of its server.
        let own_server = |text: Option<String>| text.filter(|_| args.provider.is_none());
        let token_endpoint =
            said.first("token_endpoint", args.token_endpoint.clone(), own_server(profile.token_endpoint));
        let issuer = said.first("issuer", args.issuer.clone(), own_server(profile.issuer));
        let metadata_url =
            said.first("metadata_url", args.metadata_url.clone(), own_server(profile.metadata_url));
        let place = token_endpoint.value.as_ref().or(issuer.value.as_ref());
        let provider = provider(said.first("provider", args.provider, profile.provider), place);
        let client_id = said.first("client_id", args.client_id.clone(), profile.client_id).transposed();
        let names_client = client_id.is_some();
        let is_assertion = credential.method() == Some(Auth::Assertion);
        let unnamed = || is_assertion.then(|| Said { value: UNNAMED.to_owned(), by: Whence::Default });
        let (provider, client_id) = match (provider, client_id.or_else(unnamed)) {
            (Ok(provider), Some(client_id)) => (provider, client_id),
            (provider, id) => return Err(Unmade::Lacking(Lacks::of(provider.err(), id.is_none()))),
        };
        // What was allowed, or is a secret, is for the profile's own endpoint.
        let token_headers = if elsewhere { Vec::new() } else { profile.token_headers };
        let plain_http = profile.dangerous_plain_http.filter(|_| !elsewhere);
        let timeout = said.first("timeout", args.timeout, profile.timeout);
        let caching = profile.cache.map(|cache| if cache { Caching::Yes } else { Caching::No });
        Ok(Self {
            profile: said.named(),
            provider,
            token_endpoint,
            issuer,
            metadata_url,
            body: said.first("body", args.body, profile.body),
            auth: credential.proven(said.first("auth", args.auth, profile.auth))?,
            client_id,
            names_client,
            credential,
            signing,
            bound: said
                .first("certificate_bound", args.certificate_bound, profile.certificate_bound)
                .or(false),
            secret_variables,
            scope: said.first("scope", args.scope.clone(), profile.scope),
            resources: said.list("resource", args.resource.clone(), profile.resources),
            audience: said.first("audience", args.audience.clone(), profile.audience),
            params: said.list("param", args.pairs()?, profile.params),
            origins: said.list("origins", Vec::new(), profile.origins),
            allowed: Said { value: Vec::new(), by: Whence::Default },
            token_headers: said.list("token_header", args.token_headers()?, token_headers),
            ca_file: said.first("ca_file", args.ca_file.clone(), profile.ca_file),
            proxy: said.first("proxy", args.proxy()?, profile.proxy),
            dangerous_plain_http: said
                .first("dangerous_plain_http", args.dangerous_plain_http, plain_http)
                .or(false),
            bearer_words: said.list("bearer_word", args.bearer_word.clone(), profile.bearer_words),
            user_agent: said.first("user_agent", args.user_agent.clone(), profile.user_agent),
            secret_limit: timeout.value.unwrap_or(SECRET_LIMIT),
            timeout: timeout.or(TIMEOUT),
            cache: said.first("cache", args.cache, caching).or(Caching::No),
        })
    }

    /// The profile that says where the token endpoint is, by its address or by its provider's name.
    pub(super) fn endpoints_profile(&self) -> Option<&str> {
        match self.server_by() {
            Whence::Profile { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The id of the client.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id.value
    }

    /// Where its secret is, or its assertion, or the key that it signs with.
    pub(crate) fn place(&self) -> &secret::Source {
        &self.credential.place.value
    }

    /// The files of the certificate that its connection shows.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.credential.certificate().map(|said| &said.value)
    }

    /// Where the header fields of its token requests are that are kept as secrets, in their order.
    pub(crate) fn header_places(&self) -> impl Iterator<Item = &secret::Source> {
        self.token_headers.value.iter().filter_map(|header| header.value.source())
    }

    /// Where all its secrets are.
    pub(crate) fn places(&self) -> impl Iterator<Item = &secret::Source> {
        let own = self.has_text().then(|| self.place());
        own.into_iter().chain(self.header_places())
    }

    /// The variables that it keeps secrets in.
    pub(crate) fn secret_variables(&self) -> &[String] {
        &self.secret_variables
    }

    /// How the client authenticates itself.
    pub(crate) fn method(&self) -> Auth {
        match (self.auth.value.or(self.credential.method()), self.provider.value) {
            (Some(method), _) => method,
            (None, ProviderName::Rfc6749) => Auth::Basic,
            (None, ProviderName::Myparcel | ProviderName::MyparcelSandbox) => Auth::Post,
        }
    }

    /// Whether what proves who the client is has a place: a secret, an assertion, a key.
    pub(crate) fn has_text(&self) -> bool {
        !matches!(self.method(), Auth::None | Auth::Tls)
    }

    /// Whether it signs assertions.
    pub(crate) fn signs(&self) -> bool {
        matches!(self.method(), Auth::PrivateKeyJwt | Auth::ClientSecretJwt)
    }

    /// Whether both prove who they are by the same method and by what is in the same places.
    pub(crate) fn is_proven_as(&self, other: &Self) -> bool {
        let of = |settings: &Self| {
            (
                settings.method(),
                settings.has_text().then(|| settings.place().clone()),
                settings.signing.id(),
                settings.signing.certificate.value.clone(),
            )
        };
        of(self) == of(other) && self.certificate() == other.certificate()
    }

    /// Whether a key or a certificate proves who it is, which its source reads for as long as it is there.
    pub(crate) fn has_key(&self) -> bool {
        self.signs() || self.certificate().is_some()
    }

    pub(crate) fn network(&self) -> Result<Network, Failure> {
        let roots =
            self.ca_file.value.as_deref().map(|path| Roots::read(path, self.secret_limit)).transpose()?;
        Ok(Network { roots: roots.unwrap_or_default(), proxy: self.proxy.value.clone().unwrap_or_default() })
    }

    /// The header fields of token requests, each with its value.
    pub(super) fn headers(
        &self,
        mut read: impl FnMut(&Purpose, &secret::Source) -> Result<Secret, Failure>,
    ) -> Result<Vec<(String, Secret)>, Failure> {
        let headers = self.token_headers.value.iter();
        headers.map(|header| Ok((header.name.to_ascii_lowercase(), header.value(&mut read)?))).collect()
    }

    /// What is wrong with the client, each with its line in the configuration file where that is known. Nothing is sent
    /// and no command is run.
    pub(crate) fn faults(&self) -> Vec<(Option<usize>, Failure)> {
        let mut faults = Faults(Vec::new());
        faults.find(self.server_by(), self.server());
        faults.find(&self.origins.by, self.own_origins());
        // A profile's values are good each by itself: what is left is between the endpoint, the id and the method.
        if faults.0.is_empty() {
            faults.find(&self.client_id.by, self.client(Proof::Secret(UNKNOWN), &[]));
        }
        let is_sound = faults.0.is_empty();
        let client = |secret: &str, headers: &[(String, Secret)]| match is_sound {
            true => self.client(Proof::Secret(secret), headers).map(drop),
            false => Ok(()),
        };
        let secret = self.at_hand().and_then(|secret| match secret {
            Some(secret) if self.signs() => self.key(&secret).map(drop),
            Some(secret) => client(&secret, &[]),
            None => Ok(()),
        });
        faults.find(&self.credential.place.by, secret);
        if let Some(said) = self.credential.certificate() {
            faults.find(&said.by, said.value.at_hand().map(drop));
        }
        let headers = self.headers(at_hand).and_then(|headers| client(UNKNOWN, &headers));
        faults.find(&self.token_headers.by, headers);
        faults.find(&self.ca_file.by, self.network());
        faults.0
    }

    /// Whether somebody says that its tokens are bound to its certificate (RFC 8705 §3).
    pub(crate) const fn is_bound(&self) -> bool {
        self.bound.value
    }

    /// The name of the client's entry in the cache, if its secrets are at hand.
    pub(crate) fn name_in_cache(&self) -> Option<Name> {
        let text = self.at_hand().ok()?;
        let shown = match self.certificate() {
            Some(certificate) => Some(certificate.at_hand().ok()??.thumbprint()),
            None => None,
        };
        let key = match (&text, self.method()) {
            (Some(text), Auth::PrivateKeyJwt) => Some(self.key(text).ok()?.thumbprint()),
            _ => None,
        };
        let known = |purpose: &Purpose, source: &secret::Source| {
            let missing = || Failure::usage("it is not at hand", "run the command that has it");
            source.at_hand(purpose)?.ok_or_else(missing)
        };
        let headers = self.headers(known).ok()?;
        let proof = text.as_deref().map_or(Proof::Nothing, |text| Proof::Secret(text));
        let client = self.client(proof, &headers).ok()?;
        cache::name(&client, &self.material(text.clone(), key, shown)?, shown)
    }

    /// The secret, if there is one that can be had without running a command and without waiting for somebody.
    fn at_hand(&self) -> Result<Option<Secret>, Failure> {
        if self.has_text() { self.place().at_hand(&self.purpose()) } else { Ok(None) }
    }

    /// The key that signs its assertions, of which this text is.
    pub(crate) fn key(&self, text: &str) -> Result<Key, Failure> {
        self.signer().certified(text, self.secret_limit).map_err(|none| none.failure(self.place()))
    }

    /// What makes a key of a text.
    pub(crate) fn signer(&self) -> Keys {
        self.signing.keys(self.method() == Auth::ClientSecretJwt)
    }

    /// The client with this secret, or without one.
    pub(super) fn client(&self, proof: Proof<'_>, headers: &[(String, Secret)]) -> Result<Client, Failure> {
        self.client_of(self.provider()?, proof, headers)
    }

    /// What tells the client from others: everything but its secret, which may be rotated, and where its tokens may go, which is for each
    /// route to say. No command is run: what one prints is not compared.
    pub(crate) fn kind(&self) -> Result<Client, Failure> {
        let provider = self.own_ways(self.server()?)?;
        self.client_of(provider, Proof::Secret(UNKNOWN), &self.headers(at_hand)?)
    }

    fn client_of(
        &self,
        provider: Provider,
        proof: Proof<'_>,
        headers: &[(String, Secret)],
    ) -> Result<Client, Failure> {
        let mut builder = Client::builder(provider, self.authentication(proof)?);
        if let Some(scope) = &self.scope.value {
            builder = builder.scope(scope);
        }
        if let Some(audience) = &self.audience.value {
            builder = builder.audience(audience);
        }
        for uri in &self.resources.value {
            builder = builder.resource(uri);
        }
        for (name, value) in &self.params.value {
            builder = builder.param(name, value);
        }
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        if let Some(text) = &self.user_agent.value {
            builder = builder.header("User-Agent", text);
        }
        if let Some(algorithm) = self.signing.algorithm.value {
            builder = builder.assertion_algorithm(algorithm);
        }
        for (name, json) in &self.signing.claims.value {
            builder = builder.assertion_claim(name, json);
        }
        if !self.signs() {
            self.signing.needed()?;
        }
        builder = builder.certificate_bound(self.bound.value);
        if self.bound.value && matches!(self.credential.certificate, Shows::Nothing) {
            return Err(credential::unbound(&self.bound.by));
        }
        let client = match (&self.credential.certificate, self.method()) {
            (Shows::Withheld, Auth::Tls) => return Err(withheld()),
            (Shows::This(said, _), _) => {
                let no_tls = |error| match error {
                    ConfigError::TlsRequired => no_tls(&said.by),
                    other => other.into(),
                };
                builder.build().and_then(Client::with_certificate).map_err(no_tls)?
            }
            _ => builder.build()?,
        };
        Ok(client)
    }

    /// How the client authenticates itself, with this proof.
    pub(super) fn authentication(&self, proof: Proof<'_>) -> Result<ClientAuth, ConfigError> {
        let id = &self.client_id.value;
        match (self.method(), proof) {
            (Auth::PrivateKeyJwt, _) => ClientAuth::private_key_jwt(id),
            (Auth::ClientSecretJwt, _) => ClientAuth::client_secret_jwt(id),
            (Auth::Tls, _) => ClientAuth::tls(id),
            (Auth::None, _) | (_, Proof::Nothing) => ClientAuth::none(id),
            (Auth::Post, Proof::Secret(secret)) => ClientAuth::post(id, secret),
            (Auth::BasicRaw, Proof::Secret(secret)) => ClientAuth::basic_raw(id, secret),
            (Auth::Basic, Proof::Secret(secret)) => ClientAuth::basic(id, secret),
            (Auth::Post, Proof::Live) => ClientAuth::post_live(id),
            (Auth::BasicRaw, Proof::Live) => ClientAuth::basic_raw_live(id),
            (Auth::Basic, Proof::Live) => ClientAuth::basic_live(id),
            (Auth::Assertion, _) => {
                let kind = self.assertion().map(|said| said.value.clone());
                let auth = ClientAuth::assertion(id, kind.unwrap_or(AssertionKind::JWT_BEARER))?;
                Ok(if self.names_client { auth } else { auth.without_client_id() })
            }
        }
    }

    /// What its secret is for.
    pub(crate) fn purpose(&self) -> Purpose {
        match self.method() {
            Auth::Assertion => Purpose::Assertion,
            Auth::PrivateKeyJwt => Purpose::Key,
            _ => Purpose::Client,
        }
    }

    /// Whether its secret is read for each token request of a program that runs for long. An assertion and a key always are.
    pub(crate) fn is_live(&self) -> bool {
        match self.method() {
            Auth::None | Auth::Tls => false,
            Auth::Assertion | Auth::PrivateKeyJwt | Auth::ClientSecretJwt => true,
            _ => self.place().can_change(),
        }
    }

    /// Whether the library asks for what proves who it is, and takes no fixed one: an assertion, or a signature.
    pub(crate) fn is_asked_for(&self) -> bool {
        matches!(self.method(), Auth::Assertion | Auth::PrivateKeyJwt | Auth::ClientSecretJwt)
    }

    /// The kind of its assertion, and who said it.
    pub(super) const fn assertion(&self) -> Option<&Said<AssertionKind>> {
        match &self.credential.kind {
            Kind::Assertion(kind) => Some(kind),
            Kind::Secret | Kind::Key => None,
        }
    }

    /// The client id, unless the server knows the client by its assertion alone.
    pub(super) fn named_client(&self) -> Option<&str> {
        self.names_client.then_some(&*self.client_id.value)
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy::new().with_attempt_timeout(self.timeout.value)
    }

    /// What its tokens are sealed with on disk: its text, or the random key of the cache and the thumbprint of its own key. An assertion is
    /// another one each time.
    pub(super) fn material(
        &self,
        text: Option<Secret>,
        key: Option<Thumbprint>,
        shown: Option<Thumbprint>,
    ) -> Option<Material> {
        match self.method() {
            Auth::None | Auth::Assertion => None,
            Auth::Tls => shown.map(|_| Material::Public(None)),
            Auth::PrivateKeyJwt => Some(Material::Public(Some(key?))),
            Auth::Post | Auth::Basic | Auth::BasicRaw | Auth::ClientSecretJwt => {
                Some(Material::Secret(text?))
            }
        }
    }

    /// Where its tokens are kept, on connections that show this certificate.
    pub(super) fn cache(
        &self,
        client: &Client,
        material: Option<Material>,
        shown: Option<Thumbprint>,
    ) -> Option<Cache> {
        if self.cache.value == Caching::No {
            return None;
        }
        let Some(material) = material else {
            cache::note_nothing_to_seal_with();
            return None;
        };
        let is_refreshed = self.cache.value == Caching::Refresh;
        Some(Cache::new(client, &material, shown, is_refreshed, self.timeout.value))
    }

    fn provider(&self) -> Result<Provider, Failure> {
        let provider = self.server()?;
        let origins = Origins::new(provider.origins().iter().cloned().chain(self.own_origins()?));
        Ok(self.own_ways(provider.with_origins(origins))?)
    }

    /// The provider with what was said of how it writes and reads.
    fn own_ways(&self, provider: Provider) -> Result<Provider, ConfigError> {
        let words = self.bearer_words.value.iter().map(String::as_str);
        let provider = provider.with_bearer_words(words);
        let provider = provider.with_assertion_form(self.assertion_form()?);
        Ok(match self.body.value {
            Some(Body::Form) => provider.with_body(BodyFormat::Form),
            Some(Body::Json) => provider.with_body(BodyFormat::Json),
            None => provider,
        })
    }

    /// How the assertions are written that it signs.
    fn assertion_form(&self) -> Result<AssertionForm, ConfigError> {
        let form = match self.signing.audience.value.as_deref() {
            None | Some("issuer") => AssertionForm::new(),
            Some("token-endpoint") => AssertionForm::new().with_audience(AssertionAudience::TokenEndpoint),
            Some(other) => AssertionForm::new().with_audience(AssertionAudience::Other(other.into())),
        };
        let form = if self.signing.not_before.value { form.with_not_before() } else { form };
        match &self.signing.header_type.value {
            Some(text) => form.with_type(text),
            None => Ok(form),
        }
    }

    /// The provider as it is by itself, at its endpoint.
    fn server(&self) -> Result<Provider, Failure> {
        let (endpoint, plain_http) = (self.token_endpoint.value.as_deref(), self.dangerous_plain_http.value);
        let at = |provider: Provider, url: &str| match plain_http {
            true => provider.with_token_endpoint_dangerous_plain_http(url),
            false => provider.with_token_endpoint(url),
        };
        let provider = match (self.provider.value, endpoint, self.issuer.value.as_deref()) {
            (ProviderName::Rfc6749, None, Some(issuer)) => return self.discovered(issuer),
            (ProviderName::Rfc6749, url, _) if plain_http => {
                Provider::rfc6749_dangerous_plain_http(url.unwrap_or_default())?
            }
            (ProviderName::Rfc6749, url, _) => Provider::rfc6749(url.unwrap_or_default())?,
            (ProviderName::Myparcel, None, _) => myparcel::production(),
            (ProviderName::Myparcel, Some(url), _) => at(myparcel::production(), url)?,
            (ProviderName::MyparcelSandbox, None, _) => myparcel::sandbox(),
            (ProviderName::MyparcelSandbox, Some(url), _) => at(myparcel::sandbox(), url)?,
        };
        self.needs_no_metadata()?;
        Ok(match &self.issuer.value {
            Some(issuer) => provider.with_issuer(issuer)?,
            None => provider,
        })
    }

    /// Whoever names metadata expects it to be asked for. That of a profile may be passed over, since something else is said.
    fn needs_no_metadata(&self) -> Result<(), Failure> {
        let is_of_profile = |by: &Whence| matches!(by, Whence::Profile { .. });
        let is_passed_over = is_of_profile(&self.metadata_url.by) && !is_of_profile(self.server_by());
        if self.metadata_url.value.is_none() || is_passed_over {
            return Ok(());
        }
        Err(Failure::usage(
            format!(
                "the metadata of {} is not asked for, since the token endpoint is known",
                self.metadata_url.by
            ),
            "remove it, or name the server by its issuer and not by its token endpoint",
        ))
    }

    /// The server whose metadata says where its token endpoint is.
    fn discovered(&self, issuer: &str) -> Result<Provider, Failure> {
        let provider = match self.dangerous_plain_http.value {
            true => Provider::discovered_dangerous_plain_http(issuer)?,
            false => Provider::discovered(issuer)?,
        };
        Ok(match self.metadata_url.value.as_deref() {
            None => provider,
            Some(RFC8414) => provider.rfc8414()?,
            Some(url) => provider.with_metadata_at(url)?,
        })
    }

    /// Who said where the server is.
    const fn server_by(&self) -> &Whence {
        match (&self.token_endpoint.value, &self.issuer.value) {
            (Some(_), _) => &self.token_endpoint.by,
            (None, Some(_)) => &self.issuer.by,
            (None, None) => &self.provider.by,
        }
    }

    /// The origin that somebody wrote down.
    pub(crate) fn origin(&self, text: &str) -> Result<Origin, ConfigError> {
        origin(text, self.dangerous_plain_http.value)
    }

    /// Whether its provider's API is known to write absolute links into its answers (JSON:API §7.7), which the API's own SDK follows.
    pub(crate) fn writes_links(&self) -> bool {
        matches!(self.provider.value, ProviderName::Myparcel | ProviderName::MyparcelSandbox)
    }

    /// Where its tokens may be sent: to the provider's API, and where the profile says.
    pub(crate) fn origins(&self) -> Result<Vec<Origin>, Failure> {
        Ok(self.provider()?.origins().iter().cloned().collect())
    }

    /// Where its tokens may be sent beside the provider's own origins.
    fn own_origins(&self) -> Result<Vec<Origin>, Failure> {
        let own = self.origins.value.iter().map(|text| self.origin(text));
        Ok(own.collect::<Result<_, _>>()?)
    }
}

/// A key that signs assertions, by its place.
pub(crate) struct SigningKey {
    place: secret::Source,
    keys: Keys,
    limit: Duration,
}

impl SigningKey {
    /// The key that is there now.
    pub(crate) fn read(&self) -> Result<Key, Failure> {
        let text = self.place.read(&Purpose::Key, self.limit)?;
        self.keys.certified(&text, self.limit).map_err(|none| none.failure(&self.place))
    }

    /// How it is to sign, if somebody said so.
    pub(crate) const fn algorithm(&self) -> Option<Algorithm> {
        self.keys.algorithm
    }
}

/// What proves who the client is, and whether that is for another server than the profile's.
struct Proven {
    credential: Credential,
    signing: Signing,
    elsewhere: bool,
}

impl Proven {
    /// Takes it out of the profile.
    fn merge<'a>(args: &'a ClientArgs, profile: &mut Profile) -> Result<(Sources<'a>, Self), Failure> {
        let lines = std::mem::take(&mut profile.lines);
        let said = Sources { args, profile: profile.name.take(), lines };
        // An endpoint belongs to its provider, and a secret to its client id.
        let own = args.client_id.as_ref().is_none_or(|id| profile.client_id.as_ref() == Some(id));
        // However the profile was named: its secret goes where the profile says, and nowhere else.
        let names_server =
            profile.provider.is_some() || profile.token_endpoint.is_some() || profile.issuer.is_some();
        // An issuer says for whom an assertion is, too: one of another server is not made with its key.
        let elsewhere = names_server
            && (differs(&args.token_endpoint, &profile.token_endpoint)
                || differs(&args.issuer, &profile.issuer)
                || differs(&args.metadata_url, &profile.metadata_url)
                || differs(&args.provider, &profile.provider));
        let ours = Ours { client: own, server: !elsewhere };
        let method = args.auth.or(profile.auth);
        let credential = Credential::merge(&said, Profiles::of(profile), ours, method)?;
        let signing = Signing::merge(&said, profile)?;
        Ok((said, Self { credential, signing, elsewhere }))
    }
}

/// The kind of server: the one that was said, or any with a token endpoint or an issuer.
fn provider(said: Said<Option<ProviderName>>, place: Option<&String>) -> Result<Said<ProviderName>, Lack> {
    match (said.value, place) {
        (None, None) => Err(Lack::Server),
        (Some(ProviderName::Rfc6749), None) => Err(Lack::TokenEndpoint),
        _ => Ok(said.or(ProviderName::Rfc6749)),
    }
}

/// The origin that this text names.
pub(super) fn origin(text: &str, plain_http: bool) -> Result<Origin, ConfigError> {
    if plain_http { Origin::dangerous_plain_http(text) } else { Origin::parse(text) }
}

/// What a client proves itself with.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// This secret.
    Secret(&'a str),
    /// What is read for each request.
    Live,
    Nothing,
}

/// The certificate of a profile, for another client or another server.
fn withheld() -> Failure {
    Failure::usage(
        "the profile's certificate is only for the profile's own client and server, and another is set",
        "name the file of the other one with --certificate",
    )
}

/// Plain http shows no certificate (RFC 8705 §2).
fn no_tls(by: &Whence) -> Failure {
    Failure::usage(
        format!("{by} names a certificate to show, and the server is at plain http, which shows none"),
        "name the server by https",
    )
}

/// What is wrong, each with its line in the configuration file where that is known.
struct Faults(Vec<(Option<usize>, Failure)>);

impl Faults {
    /// Takes down the failure of what was said by this, if it is one.
    fn find<T>(&mut self, by: &Whence, done: Result<T, Failure>) {
        self.0.extend(done.err().map(|failure| (by.line(), failure)));
    }
}

/// A secret that can be had without running a command and without waiting for somebody, or what stands for another.
fn at_hand(purpose: &Purpose, source: &secret::Source) -> Result<Secret, Failure> {
    Ok(source.at_hand(purpose)?.unwrap_or_else(|| UNKNOWN.to_owned().into()))
}

/// Whether the first is said, and is not what the second says.
fn differs<T: PartialEq>(said: &Option<T>, profile: &Option<T>) -> bool {
    said.is_some() && said != profile
}
