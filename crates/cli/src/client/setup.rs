//! From what was said to a client: flags, variables, the profile. Every command goes through here.

use crate::client::args::{Auth, Body, Caching, ClientArgs, ProviderName};
use crate::client::cache::{self, Cache, Extras, Identity};
use crate::client::header::{self, TokenHeader};
use crate::client::network::{Network, Proxied};
use crate::client::profile::{Profile, Profiles};
use crate::client::roots::Roots;
use crate::client::secret::{self, Purpose};
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::core::BodyFormat;
use evergrant_tokio_reqwest::{
    Client, ClientAuth, ConfigError, Origin, Origins, Policy, Provider, Token, Tokens, myparcel,
};
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

type Secret = Zeroizing<String>;

/// How long one token request may take unless somebody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long the command may take that prints the secret, unless somebody says how long things may take: it may ask its user
/// for a passphrase; one that takes longer hangs, and a job that hangs is never seen.
const SECRET_LIMIT: Duration = Duration::from_secs(120);

/// How much longer than its one request a caller waits that takes the first outcome: the request's own timeout must
/// be the first to end, since it says more.
const GRACE: Duration = Duration::from_secs(2);

/// A client and how it asks.
pub(crate) struct Setup {
    /// The client. Its provider's origins are where its tokens may be sent, the profile's among them.
    pub(crate) client: Client,
    /// How long one token request may take.
    pub(crate) timeout: Duration,
    /// Where its tokens are kept, if they are.
    pub(crate) cache: Option<Cache>,
    /// The variables that the profile keeps secrets in.
    pub(crate) secret_variables: Vec<String>,
    /// The network as every request sees it.
    pub(crate) network: Network,
    plain_http: bool,
}

/// What a doctor wants to know beside the client itself.
pub(crate) struct Examined {
    /// The profile that was used.
    pub(crate) profile: Option<String>,
    /// Where the secret is, if there is one.
    pub(crate) place: Option<String>,
    /// What is odd about the secret.
    pub(crate) oddity: Option<&'static str>,
    /// Whether the id or the secret is another text once it is form-encoded.
    pub(crate) encodes: bool,
    /// Why the secret cannot be had: nothing can be asked for then.
    pub(crate) missing: Option<Failure>,
}

/// What stands for a secret that cannot be had: nothing is sent with it.
pub(crate) const UNKNOWN: &str = "unknown";

impl Setup {
    /// What these arguments and the profile say.
    pub(crate) fn read(args: &ClientArgs) -> Result<Self, Failure> {
        let settings = Settings::merge(args, profile(args)?)?;
        settings.setup(|purpose, source| source.read(purpose, settings.secret_limit))
    }

    /// The same, and what can be told of it without showing the secret.
    pub(crate) fn examine(args: &ClientArgs) -> Result<(Self, Examined), Failure> {
        let profile = profile(args)?;
        let mut examined = Examined {
            profile: profile.name.clone(),
            place: None,
            oddity: None,
            encodes: false,
            missing: None,
        };
        let settings = Settings::merge(args, profile)?;
        let setup = settings.setup(|purpose, source| {
            let secret = match source.read(purpose, settings.secret_limit) {
                Ok(secret) => secret,
                Err(failure) => {
                    examined.missing.get_or_insert(failure);
                    return Ok(UNKNOWN.to_owned().into());
                }
            };
            if purpose != Purpose::Client {
                return Ok(secret);
            }
            examined.place = Some(source.to_string());
            examined.oddity = secret::oddity(&secret);
            examined.encodes = [&*secret, &settings.client_id].into_iter().any(|text| secret::encodes(text));
            Ok(secret)
        })?;
        Ok((setup, examined))
    }

    /// A source of its tokens. Without `wait` its callers take the first outcome, good or bad; with it they wait that
    /// long through transient failures.
    pub(crate) fn tokens(&self, wait: Option<Duration>) -> Result<Tokens, Failure> {
        let source = Tokens::builder(self.client.clone()).policy(self.policy()).patience(self.patience(wait));
        let origin = self.client.provider().token_endpoint().origin();
        let source = self.network.tokens(source, origin, self.timeout)?;
        Ok(source.fail_fast(wait.is_none()).build()?)
    }

    /// The origin that somebody wrote down, which a token may be sent to.
    pub(crate) fn origin(&self, text: &str) -> Result<Origin, ConfigError> {
        origin(text, self.plain_http)
    }

    /// The first token of this invocation, from a source that was made with this `wait`: out of the cache, if it has
    /// a good one, else asked for, and kept there.
    pub(crate) async fn token(&self, tokens: &Tokens, wait: Option<Duration>) -> Result<Token, Failure> {
        match &self.cache {
            Some(cache) => cache.token(tokens, || self.tokens(None), self.patience(wait)).await,
            None => Ok(tokens.token().await?),
        }
    }

    /// To be called when the source has asked for another token since: it is kept, if tokens are.
    pub(crate) fn keep(&self, tokens: &Tokens) {
        if let Some(cache) = &self.cache {
            cache.keep(tokens);
        }
    }

    /// To be called when this token may have been refused since: if it was, the next invocation must not use it either.
    pub(crate) fn settle(&self, tokens: &Tokens, first: &Token) {
        let Some(cache) = &self.cache else { return };
        match tokens.try_token() {
            Some(held) if held.generation() == first.generation() => {}
            Some(_) => cache.keep(tokens),
            None => cache.forget(first),
        }
    }

    fn policy(&self) -> Policy {
        Policy::new().with_attempt_timeout(self.timeout)
    }

    fn patience(&self, wait: Option<Duration>) -> Duration {
        self.policy().with_patience(wait.unwrap_or(self.policy().attempt_timeout() + GRACE)).patience()
    }
}

/// The profile that is meant: the one that was named, or the default one where nothing else says who the client is.
fn profile(args: &ClientArgs) -> Result<Profile, Failure> {
    if let Some(name) = &args.profile {
        return Profiles::read(args.config.as_deref())?.take(name);
    }
    let said = args.provider.is_some() || args.token_endpoint.is_some() || args.client_id.is_some();
    if said {
        return Ok(Profile::default());
    }
    let Some(profiles) = Profiles::find(args.config.as_deref())? else { return Ok(Profile::default()) };
    match profiles.default.clone() {
        Some(name) => profiles.take(&name),
        None => match profiles.failures(None).next() {
            Some(failure) => Err(failure),
            None => Ok(Profile::default()),
        },
    }
}

/// Everything that was said about the client, from wherever it was said.
pub(crate) struct Settings {
    pub(crate) provider: ProviderName,
    token_endpoint: Option<String>,
    body: Option<Body>,
    auth: Option<Auth>,
    client_id: String,
    secret: secret::Source,
    /// The variables that the profile keeps secrets in, whether they are used or not.
    secret_variables: Vec<String>,
    scope: Option<String>,
    resources: Vec<String>,
    audience: Option<String>,
    params: Vec<(String, String)>,
    origins: Vec<String>,
    token_headers: Vec<TokenHeader>,
    user_agent: Option<String>,
    ca_file: Option<PathBuf>,
    proxy: Option<Proxied>,
    plain_http: bool,
    timeout: Duration,
    /// How long the command may take that prints the secret.
    secret_limit: Duration,
    cache: Caching,
}

impl Settings {
    /// What flags and variables say, and the profile where they are silent. A list is taken whole from one or the other.
    pub(crate) fn merge(args: &ClientArgs, profile: Profile) -> Result<Self, Failure> {
        // An endpoint belongs to its provider, and a secret to its client id.
        let own = args.client_id.as_ref().is_none_or(|id| profile.client_id.as_ref() == Some(id));
        // However the profile was named: its secret goes where the profile says, and nowhere else.
        let elsewhere = (profile.provider.is_some() || profile.token_endpoint.is_some())
            && (differs(&args.token_endpoint, &profile.token_endpoint)
                || differs(&args.provider, &profile.provider));
        let secret_variables = variables(&profile);
        let profiles_secret = match profile.client_secret.filter(|_| own) {
            Some(_) if elsewhere => Some(secret::Source::Withheld),
            source => source,
        };
        let profiles_endpoint = profile.token_endpoint.filter(|_| args.provider.is_none());
        let token_endpoint = args.token_endpoint.clone().or(profiles_endpoint);
        let provider = match (args.provider.or(profile.provider), &token_endpoint) {
            (Some(name), _) => name,
            (None, Some(_)) => ProviderName::Rfc6749,
            (None, None) => {
                return Err(Failure::usage(
                    "there is no authorization server to ask",
                    "name one with --provider myparcel or myparcel-sandbox, or with --token-endpoint URL; or write \
                     a profile and name it with --profile",
                ));
            }
        };
        if provider == ProviderName::Rfc6749 && token_endpoint.is_none() {
            return Err(Failure::usage("there is no token endpoint", "name it with --token-endpoint URL"));
        }
        let Some(client_id) = args.client_id.clone().or(profile.client_id) else {
            return Err(Failure::usage(
                "there is no client id",
                "set EVERGRANT_CLIENT_ID, or name it with --client-id or in a profile",
            ));
        };
        Ok(Self {
            provider,
            token_endpoint,
            body: args.body.or(profile.body),
            auth: args.auth.or(profile.auth),
            client_id,
            secret: match &args.client_secret_file {
                Some(path) => secret::Source::File(path.clone()),
                None => profiles_secret.unwrap_or(secret::Source::Usual),
            },
            secret_variables,
            scope: args.scope.clone().or(profile.scope),
            resources: if args.resource.is_empty() { profile.resources } else { args.resource.clone() },
            audience: args.audience.clone().or(profile.audience),
            params: if args.param.is_empty() { profile.params } else { pairs(&args.param)? },
            origins: profile.origins,
            token_headers: match args.token_header.as_slice() {
                [] if elsewhere => Vec::new(),
                [] => profile.token_headers,
                lines => lines.iter().map(|line| TokenHeader::parse(line)).collect::<Result<_, _>>()?,
            },
            ca_file: args.ca_file.clone().or(profile.ca_file),
            proxy: args.proxy.as_deref().map(Proxied::parse).transpose()?.or(profile.proxy),
            plain_http: args.dangerous_plain_http || (profile.dangerous_plain_http && !elsewhere),
            user_agent: args.user_agent.clone().or(profile.user_agent),
            timeout: args.timeout.or(profile.timeout).unwrap_or(TIMEOUT),
            secret_limit: args.timeout.or(profile.timeout).unwrap_or(SECRET_LIMIT),
            cache: args.cache.unwrap_or(if profile.cache == Some(true) { Caching::Yes } else { Caching::No }),
        })
    }

    /// The same without a cache: nothing of a disk is touched.
    pub(crate) fn without_cache(self) -> Self {
        Self { cache: Caching::No, ..self }
    }

    fn method(&self) -> Auth {
        match (self.auth, self.provider) {
            (Some(method), _) => method,
            (None, ProviderName::Rfc6749) => Auth::Basic,
            (None, ProviderName::Myparcel | ProviderName::MyparcelSandbox) => Auth::Post,
        }
    }

    pub(crate) fn setup(
        &self,
        mut secret: impl FnMut(Purpose<'_>, &secret::Source) -> Result<Secret, Failure>,
    ) -> Result<Setup, Failure> {
        let network = self.network()?;
        let provider = self.provider()?;
        let id = &self.client_id;
        let method = self.method();
        let client_secret =
            if method == Auth::None { None } else { Some(secret(Purpose::Client, &self.secret)?) };
        let auth = match (method, &client_secret) {
            (Auth::None, _) | (_, None) => ClientAuth::none(id)?,
            (Auth::Post, Some(secret)) => ClientAuth::post(id, secret)?,
            (Auth::BasicRaw, Some(secret)) => ClientAuth::basic_raw(id, secret)?,
            (Auth::Basic, Some(secret)) => ClientAuth::basic(id, secret)?,
        };
        let mut builder = Client::builder(provider, auth);
        if let Some(scope) = &self.scope {
            builder = builder.scope(scope);
        }
        if let Some(audience) = &self.audience {
            builder = builder.audience(audience);
        }
        for uri in &self.resources {
            builder = builder.resource(uri);
        }
        for (name, value) in &self.params {
            builder = builder.param(name, value);
        }
        let mut headers = Vec::new();
        for header in &self.token_headers {
            let value = header.value(&mut secret)?;
            builder = builder.header(&header.name, &value);
            headers.push((header.name.to_ascii_lowercase(), value));
        }
        if let Some(text) = &self.user_agent {
            builder = builder.header("User-Agent", text);
        }
        let client = builder.build()?;
        let cache = self.cache(&client, client_secret, &headers);
        let timeout = Policy::new().with_attempt_timeout(self.timeout).attempt_timeout();
        let secret_variables = self.secret_variables.clone();
        Ok(Setup { client, timeout, cache, secret_variables, network, plain_http: self.plain_http })
    }

    fn network(&self) -> Result<Network, Failure> {
        let roots = self.ca_file.as_deref().map(Roots::read).transpose()?.unwrap_or_default();
        Ok(Network { roots, proxy: self.proxy.clone().unwrap_or_default() })
    }

    fn cache(
        &self,
        client: &Client,
        secret: Option<Secret>,
        headers: &[(String, Zeroizing<String>)],
    ) -> Option<Cache> {
        if self.cache == Caching::No {
            return None;
        }
        let Some(secret) = secret else {
            cache::note("a client without a secret has nothing to seal its token with");
            return None;
        };
        let (resources, audience, params) = (&self.resources, self.audience.as_deref(), &self.params);
        let identity = Identity::new(client, &Extras { resources, audience, params, headers });
        Some(Cache::new(&identity, &secret, self.cache == Caching::Yes))
    }

    fn provider(&self) -> Result<Provider, Failure> {
        let endpoint = self.token_endpoint.as_deref();
        let at = |provider: Provider, url: &str| {
            if self.plain_http {
                provider.with_token_endpoint_dangerous_plain_http(url)
            } else {
                provider.with_token_endpoint(url)
            }
        };
        let provider = match (self.provider, endpoint) {
            (ProviderName::Rfc6749, url) if self.plain_http => {
                Provider::rfc6749_dangerous_plain_http(url.unwrap_or_default())?
            }
            (ProviderName::Rfc6749, url) => Provider::rfc6749(url.unwrap_or_default())?,
            (ProviderName::Myparcel, None) => myparcel::production(),
            (ProviderName::Myparcel, Some(url)) => at(myparcel::production(), url)?,
            (ProviderName::MyparcelSandbox, None) => myparcel::sandbox(),
            (ProviderName::MyparcelSandbox, Some(url)) => at(myparcel::sandbox(), url)?,
        };
        let own = self.origins.iter().map(|text| origin(text, self.plain_http));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        let origins = Origins::new(provider.origins().iter().cloned().chain(own));
        let provider = provider.with_origins(origins);
        Ok(match self.body {
            Some(Body::Form) => provider.with_body(BodyFormat::Form),
            Some(Body::Json) => provider.with_body(BodyFormat::Json),
            None => provider,
        })
    }
}

fn origin(text: &str, plain_http: bool) -> Result<Origin, ConfigError> {
    if plain_http { Origin::dangerous_plain_http(text) } else { Origin::parse(text) }
}

/// The variables that this profile keeps secrets in.
fn variables(profile: &Profile) -> Vec<String> {
    let kept = profile.token_headers.iter().filter_map(|header| match &header.value {
        header::Value::Kept(source) => Some(source),
        header::Value::Text(_) => None,
    });
    let named = profile.client_secret.iter().chain(kept).filter_map(|source| match source {
        secret::Source::Variable(name) => Some(name.clone()),
        _ => None,
    });
    named.collect()
}

/// Whether the first is said, and is not what the second says.
fn differs<T: PartialEq>(said: &Option<T>, profile: &Option<T>) -> bool {
    said.is_some() && said != profile
}

fn pairs(parameters: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |parameter: &String| {
        let (name, value) = parameter
            .split_once('=')
            // Its text may be a secret: it is not shown.
            .ok_or_else(|| Failure::usage("a --param has no =", "write it as --param name=value"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    parameters.iter().map(pair).collect()
}
