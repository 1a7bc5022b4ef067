//! From what was said to a client: flags, variables, the profile. Every command goes through here.

use crate::client::args::ClientArgs;
use crate::client::cache::Cache;
use crate::client::certificate::Certificate;
use crate::client::chosen::{Unused, unused_default};
use crate::client::network::Network;
use crate::client::profile;
use crate::client::proving::Proving;
use crate::client::secret::{self, Live, LiveKey, Purpose};
use crate::client::settings::{self, Proof, Settings, UNKNOWN};
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use evergrant_crypto::Key;
use evergrant_drive::CertifiedKey;
use evergrant_tokio_reqwest::core::Rotation;
use evergrant_tokio_reqwest::{
    Client, ConfigError, Error, Observer, Origin, Policy, Token, Tokens, TokensBuilder,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// How much longer than its one request a caller waits that takes the first outcome: the request's own timeout must
/// be the first to end, since it says more.
const GRACE: Duration = Duration::from_secs(2);

/// How much longer than its one request the claim of another invocation holds, as the library has it.
const LEASE: Duration = Duration::from_secs(1);

/// The least time between two token requests of a program that ends soon: it asks again where it came to throw away what it found.
const SOON: Duration = Duration::from_millis(1);

/// How long the cache may take to be told what became of a token request.
const TELLING: Duration = Duration::from_secs(3);

/// A client and how it asks.
pub(crate) struct Setup {
    /// The client. Its provider's origins are where its tokens may be sent, the profile's among them.
    pub(crate) client: Client,
    /// What is read for each of its token requests to prove who it is.
    pub(crate) proving: Proving,
    /// The files of the certificate that its connection shows.
    pub(crate) certificate: Option<Certificate>,
    /// What was in them at the start.
    pub(crate) shown: Option<CertifiedKey>,
    /// How long one token request may take.
    pub(crate) timeout: Duration,
    /// Where its tokens are kept, if they are.
    pub(crate) cache: Option<Cache>,
    /// The variables that the profile keeps secrets in.
    pub(crate) secret_variables: Vec<String>,
    /// The network as every request sees it.
    pub(crate) network: Network,
    /// The profile that says where the token endpoint is, and its file.
    endpoint_from: Option<String>,
    /// Whether plain http is allowed to any host.
    plain_http: bool,
    lasts: Lasts,
    /// Who hears what happens to its sources.
    observers: Vec<Arc<dyn Observer>>,
}

/// How long a program runs that has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    Briefly,
    Long,
}

/// What a doctor wants to know beside the client itself.
pub(crate) struct Examined {
    /// The profile that was used.
    pub(crate) profile: Option<String>,
    /// The default profile, where it is not used.
    pub(crate) unused: Option<Unused>,
    /// Where the secret is, or the assertion, if there is one.
    pub(crate) place: Option<String>,
    /// The key that signs its assertions, and where it is.
    pub(crate) key: Option<(secret::Source, Key)>,
    /// The certificate that the connection shows, and its file.
    pub(crate) shown: Option<CertifiedKey>,
    pub(crate) certificate: Option<PathBuf>,
    /// Why that cannot be had.
    pub(crate) unshown: Option<Failure>,
    /// What is odd about the secret.
    pub(crate) oddity: Option<&'static str>,
    /// Whether the id or the secret is another text once it is form-encoded.
    pub(crate) encodes: bool,
    /// Why the secret cannot be had: nothing can be asked for then.
    pub(crate) missing: Option<Failure>,
}

impl Setup {
    /// What these arguments and the profile say.
    pub(crate) fn read(args: &ClientArgs) -> Result<Self, Failure> {
        Self::read_within(args, None)
    }

    /// The same, where a secret may take this long at most.
    pub(crate) fn read_within(args: &ClientArgs, most: Option<Duration>) -> Result<Self, Failure> {
        Self::said(args, most, Lasts::Briefly)
    }

    /// The same for a program that runs for long: a secret that may change in its place is read for each token request.
    pub(crate) fn lasting(args: &ClientArgs, most: Option<Duration>) -> Result<Self, Failure> {
        Self::said(args, most, Lasts::Long)
    }

    fn said(args: &ClientArgs, most: Option<Duration>, lasts: Lasts) -> Result<Self, Failure> {
        let settings = Settings::read(args)?;
        if stderr::is_verbose()
            && let Some(unused) = unused_default(args)
        {
            stderr::note(unused);
        }
        let limit = most.map_or(settings.secret_limit, |most| most.min(settings.secret_limit));
        let setup = Self::make(
            &settings,
            lasts,
            |purpose, source| source.read(purpose, limit),
            |certificate| certificate.read(limit).map(Some),
        )?;
        let endpoint_from = match settings.endpoints_profile() {
            Some(name) => {
                let file = profile::named(args.config.as_deref())?;
                Some(format!("profile {} in {}", Line(name), Line(&file.to_string_lossy())))
            }
            None => None,
        };
        Ok(Self { endpoint_from, ..setup })
    }

    /// The same by these settings, for a program that runs for long.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Failure> {
        let limit = settings.secret_limit;
        let read = |purpose: &Purpose, source: &secret::Source| source.read(purpose, limit);
        Self::make(settings, Lasts::Long, read, |certificate| certificate.read(limit).map(Some))
    }

    /// The same, and what can be told of it without showing the secret.
    pub(crate) fn examine(args: &ClientArgs) -> Result<(Self, Examined), Failure> {
        let settings = Settings::read(args)?;
        let mut examined = Examined {
            profile: settings.profile.as_ref().map(|said| said.value.clone()),
            unused: unused_default(args),
            place: None,
            key: None,
            shown: None,
            certificate: settings.certificate().map(|certificate| certificate.file().to_owned()),
            unshown: None,
            oddity: None,
            encodes: false,
            missing: None,
        };
        let limit = settings.secret_limit;
        let (mut shown, mut unshown) = (None, None);
        let read = |purpose: &Purpose, source: &secret::Source| {
            let secret = match source.read(purpose, limit) {
                Ok(secret) => secret,
                Err(failure) => {
                    examined.missing.get_or_insert(failure);
                    return Ok(UNKNOWN.to_owned().into());
                }
            };
            match purpose {
                Purpose::Client => {
                    examined.place = Some(source.to_string());
                    examined.oddity = secret::oddity(&secret);
                    let texts = [&*secret, &settings.client_id.value];
                    examined.encodes = texts.into_iter().any(|text| secret::encodes(text));
                    if settings.signs() {
                        examined.missing = examined.missing.take().or(settings.key(&secret).err());
                    }
                }
                Purpose::Assertion => examined.place = Some(source.to_string()),
                Purpose::Key => match settings.key(&secret) {
                    Ok(key) => examined.key = Some((source.clone(), key)),
                    Err(failure) => drop(examined.missing.get_or_insert(failure)),
                },
                Purpose::Header(_) | Purpose::Certificate => {}
            }
            // What signs nothing has been told of.
            let is_no_key =
                settings.signs() && !matches!(purpose, Purpose::Header(_)) && examined.missing.is_some();
            Ok(if is_no_key { UNKNOWN.to_owned().into() } else { secret })
        };
        let setup = Self::make(&settings, Lasts::Briefly, read, |certificate| {
            let read = certificate.read(limit);
            shown = read.as_ref().ok().cloned();
            unshown = read.err();
            Ok(shown.clone())
        })?;
        Ok((setup, Examined { shown, unshown, ..examined }))
    }

    /// The client, with its secrets as `read` has them, and the certificate as `show` has it: none if it cannot be had now.
    fn make(
        settings: &Settings,
        lasts: Lasts,
        mut read: impl FnMut(&Purpose, &secret::Source) -> Result<Zeroizing<String>, Failure>,
        show: impl FnOnce(&Certificate) -> Result<Option<CertifiedKey>, Failure>,
    ) -> Result<Self, Failure> {
        let network = settings.network()?;
        let secret = match settings.has_text() {
            true => Some(read(&settings.purpose(), settings.place())?),
            false => None,
        };
        let headers = settings.headers(read)?;
        // What cannot change is found wrong at the start; a doctor goes on with what stands for a key.
        let key = match &secret {
            Some(text) if settings.signs() && **text != *UNKNOWN => Some(settings.key(text)?),
            _ => None,
        };
        let proving = match &secret {
            Some(now) if settings.is_live() && (lasts == Lasts::Long || settings.is_asked_for()) => {
                let live = Live::new(settings.place(), settings.purpose(), now);
                match settings.signs() {
                    true => Proving::Key(LiveKey::new(live, settings.signer())),
                    false => Proving::Text(Arc::new(live)),
                }
            }
            _ => Proving::Fixed,
        };
        let proof = match (&secret, &proving) {
            (Some(secret), Proving::Fixed) => Proof::Secret(secret),
            (Some(_), _) => Proof::Live,
            (None, _) => Proof::Nothing,
        };
        let client = settings.client(proof, &headers)?;
        let certificate = settings.certificate().cloned();
        let shown = certificate.as_ref().map(show).transpose()?.flatten();
        let is_whole = certificate.is_none() || shown.is_some();
        let key = key.as_ref().map(Key::thumbprint);
        let showing = shown.as_ref().map(CertifiedKey::thumbprint);
        let material = settings.material(secret, key, showing);
        Ok(Self {
            proving,
            certificate,
            // It is another one by the time that such a program asks again.
            shown: shown.filter(|_| lasts == Lasts::Briefly),
            timeout: settings.policy().attempt_timeout(),
            // Without its certificate nothing is asked for.
            cache: if is_whole { settings.cache(&client, material, showing) } else { None },
            secret_variables: settings.secret_variables.clone(),
            endpoint_from: None,
            plain_http: settings.dangerous_plain_http.value,
            client,
            network,
            lasts,
            observers: Vec::new(),
        })
    }

    /// The same, whose sources tell this observer what happens.
    pub(crate) fn observed(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// A source of its tokens, which goes through the cache, if there is one. Without `wait` its callers take the first outcome, good or
    /// bad; with it they wait that long through transient failures.
    pub(crate) fn tokens(&self, wait: Option<Duration>) -> Result<Tokens, Failure> {
        self.source(wait, Cache::of_source)
    }

    /// The same, which goes through the cache in this way.
    fn source(
        &self,
        wait: Option<Duration>,
        through: impl FnOnce(&Cache, TokensBuilder) -> TokensBuilder,
    ) -> Result<Tokens, Failure> {
        let (mut policy, mut source) = (self.policy(), self.builder());
        if let Some(cache) = &self.cache {
            source = through(cache, source);
            if self.lasts == Lasts::Briefly {
                policy = policy.with_min_interval(SOON);
            }
        }
        let source = source.policy(policy).patience(self.patience(wait));
        let source =
            self.network.tokens(source, self.client.provider(), self.timeout)?.fail_fast(wait.is_none());
        Ok(source.build()?)
    }

    /// A source of its tokens for many who wait: so long, and so many at once. `name` is what people call it.
    pub(crate) fn queue(
        &self,
        name: Option<&str>,
        patience: Duration,
        max_waiters: usize,
    ) -> Result<Tokens, Failure> {
        let policy = self.policy().with_patience(patience).with_max_waiters(max_waiters);
        let source = self.builder().policy(policy);
        let mut source = self.network.tokens(source, self.client.provider(), self.timeout)?;
        if let Some(name) = name {
            source = source.name(name);
        }
        Ok(source.build()?)
    }

    fn builder(&self) -> TokensBuilder {
        let builder = Tokens::builder(self.client.clone());
        let builder = self.proving.of_source(builder);
        let builder = match &self.certificate {
            Some(certificate) => builder.identity(certificate.identity()),
            None => builder,
        };
        self.observers.iter().fold(builder, |builder, observer| builder.observer(Arc::clone(observer)))
    }

    /// The origin that somebody wrote down, which a token may be sent to.
    pub(crate) fn origin(&self, text: &str) -> Result<Origin, ConfigError> {
        settings::origin(text, self.plain_http)
    }

    /// The first token of this invocation, from its source: out of the cache, if it has a good one, else asked for once, however many
    /// invocations want it now.
    pub(crate) async fn token(&self, tokens: &Tokens) -> Result<Token, Failure> {
        let token = match &self.cache {
            Some(cache) => {
                cache.tell_trouble();
                if let Some(says) = cache.tell_refresh().filter(|_| stderr::is_verbose()) {
                    stderr::note(says);
                }
                if self.lasts == Lasts::Briefly && !cache.is_refreshed() && cache.is_due() {
                    self.replace_due().await?;
                }
                let token = self.first(cache, tokens).await;
                self.told(tokens).await;
                token
            }
            None => tokens.token().await,
        };
        token.map_err(|error| self.located(error.into()))
    }

    async fn first(&self, cache: &Cache, tokens: &Tokens) -> Result<Token, Error> {
        let token = tokens.token().await?;
        if !cache.is_thrown_away(&token) || tokens.status().requests > 0 {
            return Ok(token);
        }
        tokens.rotate(self.client.auth().clone(), Rotation::Drop);
        tokens.token().await
    }

    /// Has a new token in the cache in place of one whose time has come: later this program is no more. While the old one is good no failure
    /// is anybody's concern.
    async fn replace_due(&self) -> Result<(), Failure> {
        let asking = self.source(None, Cache::of_replacing)?;
        let _old_one_is_good = asking.token().await;
        self.told(&asking).await;
        Ok(())
    }

    /// For how long the cache keeps a token that an API has refused, since it came so short a time ago, and not by a request of this
    /// source.
    pub(crate) fn keeps(&self, tokens: &Tokens, refused: &Token) -> Option<Duration> {
        let cache = self.cache.as_ref().filter(|_| tokens.status().requests == 0)?;
        cache.keeps(refused, self.policy().gate(1))
    }

    /// Waits until the cache was told what became of the token requests: the others wait for that.
    pub(crate) async fn told(&self, tokens: &Tokens) {
        if self.cache.is_some() {
            let _hung = tokio::time::timeout(TELLING, tokens.flush()).await;
        }
    }

    /// The same; where the token endpoint cannot be reached, with the profile and the file that it is from: a default
    /// profile is used without being named.
    pub(crate) fn located(&self, failure: Failure) -> Failure {
        match &self.endpoint_from {
            Some(place) => failure.address_from(place),
            None => failure,
        }
    }

    fn policy(&self) -> Policy {
        Policy::new().with_attempt_timeout(self.timeout)
    }

    fn patience(&self, wait: Option<Duration>) -> Duration {
        let attempt = self.policy().attempt_timeout();
        // Of an invocation that hangs the claim must end before this one can ask.
        let others = if self.cache.is_some() { attempt + LEASE } else { Duration::ZERO };
        self.policy().with_patience(wait.unwrap_or(attempt + others + GRACE)).patience()
    }
}
