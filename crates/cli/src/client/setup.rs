//! From what was said to a client: flags, variables, the profile. Every command goes through here.

pub(crate) mod shown;

use crate::client::args::{Auth, Body, Caching, ClientArgs, ProviderName};
use crate::client::cache::{self, Cache, Identity};
use crate::client::profile::{Profile, Profiles};
use crate::client::said::{Said, Whence};
use crate::client::secret;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use evergrant_tokio_reqwest::core::BodyFormat;
use evergrant_tokio_reqwest::{
    Client, ClientAuth, Origin, Origins, Policy, Provider, Token, Tokens, myparcel,
};
use std::collections::BTreeMap;
use std::fmt;
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
    /// The variable that the profile keeps the client secret in.
    pub(crate) secret_variable: Option<String>,
}

/// What a doctor wants to know beside the client itself.
pub(crate) struct Examined {
    /// The profile that was used.
    pub(crate) profile: Option<String>,
    /// The default profile, where it is not used.
    pub(crate) unused: Option<Unused>,
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
        let settings = Settings::read(args)?;
        if stderr::is_verbose()
            && let Some(unused) = unused_default(args)
        {
            stderr::note(unused);
        }
        settings.setup(|source| source.read(settings.secret_limit))
    }

    /// The same, and what can be told of it without showing the secret.
    pub(crate) fn examine(args: &ClientArgs) -> Result<(Self, Examined), Failure> {
        let settings = Settings::read(args)?;
        let mut examined = Examined {
            profile: settings.profile.as_ref().map(|said| said.value.clone()),
            unused: unused_default(args),
            place: None,
            oddity: None,
            encodes: false,
            missing: None,
        };
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
            examined.encodes =
                [&*secret, &settings.client_id.value].into_iter().any(|text| secret::encodes(text));
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
    if names_a_client(args).is_some() {
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

/// What says who the client is, so that the default profile does not: what it names, and its own name.
fn names_a_client(args: &ClientArgs) -> Option<(&'static str, Whence)> {
    let said = [
        (args.client_id.is_some(), "a client", "client_id"),
        (args.token_endpoint.is_some(), "a server", "token_endpoint"),
        (args.provider.is_some(), "a server", "provider"),
    ];
    let (_, what, id) = said.into_iter().find(|(is_said, ..)| *is_said)?;
    Some((what, args.whence(id)))
}

/// A default profile that is not used, and why: nobody expects a forgotten variable to switch it off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unused {
    profile: String,
    what: &'static str,
    by: Whence,
}

/// The default profile, if it is switched off. What is wrong with a file that is not used is nobody's concern here.
pub(crate) fn unused_default(args: &ClientArgs) -> Option<Unused> {
    if args.profile.is_some() {
        return None;
    }
    let (what, by) = names_a_client(args)?;
    let profile = Profiles::find(args.config.as_deref()).ok()??.default?;
    Some(Unused { profile, what, by })
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, what, by } = self;
        write!(f, "default_profile {profile} is not used, since {by} names {what}")
    }
}

/// Everything that was said about the client, and who said it.
pub(crate) struct Settings {
    /// The profile that is used, and who named it.
    profile: Option<Said<String>>,
    provider: Said<ProviderName>,
    token_endpoint: Said<Option<String>>,
    body: Said<Option<Body>>,
    auth: Said<Option<Auth>>,
    client_id: Said<String>,
    secret: Said<secret::Source>,
    /// The variable that the profile keeps a secret in, whether it is used or not.
    secret_variable: Option<String>,
    scope: Said<Option<String>>,
    resources: Said<Vec<String>>,
    audience: Said<Option<String>>,
    params: Said<Vec<(String, String)>>,
    origins: Said<Vec<String>>,
    user_agent: Said<Option<String>>,
    timeout: Said<Duration>,
    /// How long the command may take that prints the secret.
    secret_limit: Duration,
    cache: Said<Caching>,
}

/// Who says a value: a flag or a variable before the profile, and each of these before a default.
struct Sources<'a> {
    args: &'a ClientArgs,
    profile: Option<String>,
    lines: BTreeMap<String, usize>,
}

impl Sources<'_> {
    /// The value of the flag with this id, or else of the profile's key of that name, or of its plural.
    fn first<T>(&self, id: &str, said: Option<T>, profile: Option<T>) -> Said<Option<T>> {
        let by = match (&said, &profile) {
            (Some(_), _) => self.args.whence(id),
            (None, Some(_)) => self.by_profile(id),
            (None, None) => Whence::Default,
        };
        Said { value: said.or(profile), by }
    }

    /// The same of a list, which is taken whole from one or the other.
    fn list<T>(&self, id: &str, said: Vec<T>, profile: Vec<T>) -> Said<Vec<T>> {
        let some = |list: Vec<T>| Some(list).filter(|list| !list.is_empty());
        self.first(id, some(said), some(profile)).or(Vec::new())
    }

    fn by_profile(&self, id: &str) -> Whence {
        let line = self.lines.get(id).or_else(|| self.lines.get(&format!("{id}s")));
        Whence::Profile { name: self.profile.clone().unwrap_or_default(), line: line.copied() }
    }

    /// Who named the profile, where one is used.
    fn named(&self) -> Option<Said<String>> {
        let by =
            if self.args.profile.is_some() { self.args.whence("profile") } else { Whence::DefaultProfile };
        self.profile.clone().map(|value| Said { value, by })
    }
}

impl Settings {
    /// What these arguments and the profile that is meant say.
    pub(crate) fn read(args: &ClientArgs) -> Result<Self, Failure> {
        let merged = Self::merge(args, profile(args)?).map_err(Failure::from);
        merged.map_err(|failure| match unused_default(args) {
            Some(unused) => failure.since(&unused),
            None => failure,
        })
    }

    /// What flags and variables say, and the profile where they are silent.
    pub(crate) fn merge(args: &ClientArgs, profile: Profile) -> Result<Self, Lacking> {
        let said = Sources { args, profile: profile.name, lines: profile.lines };
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
        let secret = match (&args.client_secret_file, profile.client_secret.filter(|_| own)) {
            (Some(path), _) => {
                Said { value: secret::Source::File(path.clone()), by: args.whence("client_secret_file") }
            }
            (None, Some(_)) if elsewhere => Said { value: secret::Source::Withheld, by: Whence::Default },
            (None, source) => said.first("client_secret", None, source).or(secret::Source::Usual),
        };
        let profiles_endpoint = profile.token_endpoint.filter(|_| args.provider.is_none());
        let token_endpoint = said.first("token_endpoint", args.token_endpoint.clone(), profiles_endpoint);
        let provider =
            provider(said.first("provider", args.provider, profile.provider), &token_endpoint.value);
        let client_id = said.first("client_id", args.client_id.clone(), profile.client_id).transposed();
        let client_id = client_id.ok_or_else(|| {
            Failure::usage(
                "there is no client id",
                "set EVERGRANT_CLIENT_ID, or name it with --client-id or in a profile",
            )
        });
        let (provider, client_id) = match (provider, client_id) {
            (Ok(provider), Ok(client_id)) => (provider, client_id),
            (Err(first), id) => return Err(Lacking { first, also: id.err().map(Box::new) }),
            (_, Err(first)) => return Err(Lacking { first, also: None }),
        };
        let timeout = said.first("timeout", args.timeout, profile.timeout);
        let caching = profile.cache.map(|cache| if cache { Caching::Yes } else { Caching::No });
        Ok(Self {
            profile: said.named(),
            provider,
            token_endpoint,
            body: said.first("body", args.body, profile.body),
            auth: said.first("auth", args.auth, profile.auth),
            client_id,
            secret,
            secret_variable,
            scope: said.first("scope", args.scope.clone(), profile.scope),
            resources: said.list("resource", args.resource.clone(), profile.resources),
            audience: said.first("audience", args.audience.clone(), profile.audience),
            params: said.list("param", args.pairs()?, profile.params),
            origins: said.list("origins", Vec::new(), profile.origins),
            user_agent: said.first("user_agent", args.user_agent.clone(), profile.user_agent),
            secret_limit: timeout.value.unwrap_or(SECRET_LIMIT),
            timeout: timeout.or(TIMEOUT),
            cache: said.first("cache", args.cache, caching).or(Caching::No),
        })
    }

    fn method(&self) -> Auth {
        match (self.auth.value, self.provider.value) {
            (Some(method), _) => method,
            (None, ProviderName::Rfc6749) => Auth::Basic,
            (None, ProviderName::Myparcel | ProviderName::MyparcelSandbox) => Auth::Post,
        }
    }

    fn setup(
        &self,
        secret: impl FnOnce(&secret::Source) -> Result<Secret, Failure>,
    ) -> Result<Setup, Failure> {
        let secret = if self.method() == Auth::None { None } else { Some(secret(&self.secret.value)?) };
        let client = self.client(secret.as_deref().map(String::as_str))?;
        let cache = self.cache(&client, secret);
        let timeout = self.policy().attempt_timeout();
        Ok(Setup { client, timeout, cache, secret_variable: self.secret_variable.clone() })
    }

    /// What is wrong with the client, each with its line in the configuration file where that is known. Nothing is sent
    /// and no command is run.
    pub(crate) fn faults(&self) -> Vec<(Option<usize>, Failure)> {
        // A profile's values are good each by itself: what is left is between the endpoint, the id and the method.
        let server = self.provider().err().map(|failure| (self.token_endpoint.by.line(), failure));
        let client = server
            .or_else(|| self.client(Some(UNKNOWN)).err().map(|failure| (self.client_id.by.line(), failure)));
        let secret = match self.at_hand() {
            Ok(Some(secret)) if client.is_none() => self.client(Some(&secret)).err(),
            Ok(_) => None,
            Err(failure) => Some(failure),
        };
        client.into_iter().chain(secret.map(|failure| (self.secret.by.line(), failure))).collect()
    }

    /// The name of the client's file in the cache, if its secret is at hand.
    pub(crate) fn name_in_cache(&self) -> Option<String> {
        let secret = self.at_hand().ok()??;
        let client = self.client(Some(&secret)).ok()?;
        Some(cache::name(&self.identity(&client), &secret))
    }

    /// The secret, if there is one that can be had without running a command and without waiting for somebody.
    fn at_hand(&self) -> Result<Option<Secret>, Failure> {
        if self.method() == Auth::None { Ok(None) } else { self.secret.value.at_hand() }
    }

    /// The client with this secret, or without one.
    fn client(&self, secret: Option<&str>) -> Result<Client, Failure> {
        let provider = self.provider()?;
        let id = &self.client_id.value;
        let auth = match (self.method(), secret) {
            (Auth::None, _) | (_, None) => ClientAuth::none(id)?,
            (Auth::Post, Some(secret)) => ClientAuth::post(id, secret)?,
            (Auth::BasicRaw, Some(secret)) => ClientAuth::basic_raw(id, secret)?,
            (Auth::Basic, Some(secret)) => ClientAuth::basic(id, secret)?,
        };
        let mut builder = Client::builder(provider, auth);
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
        if let Some(text) = &self.user_agent.value {
            builder = builder.header("User-Agent", text);
        }
        Ok(builder.build()?)
    }

    fn policy(&self) -> Policy {
        Policy::new().with_attempt_timeout(self.timeout.value)
    }

    fn cache(&self, client: &Client, secret: Option<Secret>) -> Option<Cache> {
        if self.cache.value == Caching::No {
            return None;
        }
        let Some(secret) = secret else {
            cache::note("a client without a secret has nothing to seal its token with");
            return None;
        };
        Some(Cache::new(&self.identity(client), &secret, self.cache.value == Caching::Yes))
    }

    fn identity(&self, client: &Client) -> Identity {
        let (resources, audience) = (&self.resources.value, self.audience.value.as_deref());
        Identity::new(client, resources, audience, &self.params.value)
    }

    fn provider(&self) -> Result<Provider, Failure> {
        let endpoint = self.token_endpoint.value.as_deref();
        let provider = match (self.provider.value, endpoint) {
            (ProviderName::Rfc6749, url) => Provider::rfc6749(url.unwrap_or_default())?,
            (ProviderName::Myparcel, None) => myparcel::production(),
            (ProviderName::Myparcel, Some(url)) => myparcel::production().with_token_endpoint(url)?,
            (ProviderName::MyparcelSandbox, None) => myparcel::sandbox(),
            (ProviderName::MyparcelSandbox, Some(url)) => myparcel::sandbox().with_token_endpoint(url)?,
        };
        let own = self.origins.value.iter().map(|text| Origin::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let origins = Origins::new(provider.origins().iter().cloned().chain(own));
        let provider = provider.with_origins(origins);
        Ok(match self.body.value {
            Some(Body::Form) => provider.with_body(BodyFormat::Form),
            Some(Body::Json) => provider.with_body(BodyFormat::Json),
            None => provider,
        })
    }
}

/// What must be said of a client, and is not.
#[derive(Debug)]
pub(crate) struct Lacking {
    pub(crate) first: Failure,
    pub(crate) also: Option<Box<Failure>>,
}

impl From<Failure> for Lacking {
    fn from(first: Failure) -> Self {
        Self { first, also: None }
    }
}

impl From<Lacking> for Failure {
    fn from(lacking: Lacking) -> Self {
        lacking.first
    }
}

/// The kind of server: the one that was said, or any with a token endpoint.
fn provider(
    said: Said<Option<ProviderName>>,
    token_endpoint: &Option<String>,
) -> Result<Said<ProviderName>, Failure> {
    match (said.value, token_endpoint) {
        (None, None) => Err(Failure::usage(
            "there is no authorization server to ask",
            "name one with --provider myparcel or myparcel-sandbox, or with --token-endpoint URL; or write a profile \
             and name it with --profile",
        )),
        (Some(ProviderName::Rfc6749), None) => {
            Err(Failure::usage("there is no token endpoint", "name it with --token-endpoint URL"))
        }
        _ => Ok(said.or(ProviderName::Rfc6749)),
    }
}

/// Whether the first is said, and is not what the second says.
fn differs<T: PartialEq>(said: &Option<T>, profile: &Option<T>) -> bool {
    said.is_some() && said != profile
}
