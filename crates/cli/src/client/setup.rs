//! From what was said to a client: flags, variables, the profile. Every command goes through here.

use crate::client::args::{Auth, Body, Caching, ClientArgs, ProviderName};
use crate::client::cache::{self, Cache, Identity};
use crate::client::profile::{Profile, Profiles};
use crate::client::secret;
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::core::BodyFormat;
use evergrant_tokio_reqwest::{
    Client, ClientAuth, Origin, Origins, Policy, Provider, Token, Tokens, myparcel,
};
use std::time::Duration;
use zeroize::Zeroizing;

type Secret = Zeroizing<String>;

/// How long one token request may take unless somebody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a command, stdin or a pipe may take that hands in the secret, unless somebody says how long things may take: it
/// may ask its user for a passphrase; what takes longer hangs, and a job that hangs is never seen.
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
    /// The variable that the profile keeps the client secret in.
    pub(crate) secret_variable: Option<String>,
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
        Self::read_within(args, None)
    }

    /// The same, where the secret may take this long at most.
    pub(crate) fn read_within(args: &ClientArgs, most: Option<Duration>) -> Result<Self, Failure> {
        let settings = Settings::merge(args, profile(args)?)?;
        let limit = most.map_or(settings.secret_limit, |most| most.min(settings.secret_limit));
        settings.setup(|source| source.read(limit))
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
        let setup = settings.setup(|source| {
            let secret = match source.read(settings.secret_limit) {
                Ok(secret) => secret,
                Err(failure) => {
                    examined.missing = Some(failure);
                    return Ok(UNKNOWN.to_owned().into());
                }
            };
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
        Ok(source.fail_fast(wait.is_none()).build()?)
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
    /// The variable that the profile keeps a secret in, whether it is used or not.
    secret_variable: Option<String>,
    scope: Option<String>,
    resources: Vec<String>,
    audience: Option<String>,
    params: Vec<(String, String)>,
    origins: Vec<String>,
    user_agent: Option<String>,
    timeout: Duration,
    /// How long it may take until the secret is there.
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
        let secret_variable = match &profile.client_secret {
            Some(secret::Source::Variable(name)) => Some(name.clone()),
            _ => None,
        };
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
            secret_variable,
            scope: args.scope.clone().or(profile.scope),
            resources: if args.resource.is_empty() { profile.resources } else { args.resource.clone() },
            audience: args.audience.clone().or(profile.audience),
            params: if args.param.is_empty() { profile.params } else { pairs(&args.param)? },
            origins: profile.origins,
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
        secret: impl FnOnce(&secret::Source) -> Result<Secret, Failure>,
    ) -> Result<Setup, Failure> {
        let provider = self.provider()?;
        let id = &self.client_id;
        let method = self.method();
        let secret = if method == Auth::None { None } else { Some(secret(&self.secret)?) };
        let auth = match (method, &secret) {
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
        if let Some(text) = &self.user_agent {
            builder = builder.header("User-Agent", text);
        }
        let client = builder.build()?;
        let cache = self.cache(&client, secret);
        let timeout = Policy::new().with_attempt_timeout(self.timeout).attempt_timeout();
        Ok(Setup { client, timeout, cache, secret_variable: self.secret_variable.clone() })
    }

    fn cache(&self, client: &Client, secret: Option<Secret>) -> Option<Cache> {
        if self.cache == Caching::No {
            return None;
        }
        let Some(secret) = secret else {
            cache::note("a client without a secret has nothing to seal its token with");
            return None;
        };
        let identity = Identity::new(client, &self.resources, self.audience.as_deref(), &self.params);
        Some(Cache::new(&identity, &secret, self.cache == Caching::Yes))
    }

    fn provider(&self) -> Result<Provider, Failure> {
        let endpoint = self.token_endpoint.as_deref();
        let provider = match (self.provider, endpoint) {
            (ProviderName::Rfc6749, url) => Provider::rfc6749(url.unwrap_or_default())?,
            (ProviderName::Myparcel, None) => myparcel::production(),
            (ProviderName::Myparcel, Some(url)) => myparcel::production().with_token_endpoint(url)?,
            (ProviderName::MyparcelSandbox, None) => myparcel::sandbox(),
            (ProviderName::MyparcelSandbox, Some(url)) => myparcel::sandbox().with_token_endpoint(url)?,
        };
        let own = self.origins.iter().map(|text| Origin::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let origins = Origins::new(provider.origins().iter().cloned().chain(own));
        let provider = provider.with_origins(origins);
        Ok(match self.body {
            Some(Body::Form) => provider.with_body(BodyFormat::Form),
            Some(Body::Json) => provider.with_body(BodyFormat::Json),
            None => provider,
        })
    }
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
