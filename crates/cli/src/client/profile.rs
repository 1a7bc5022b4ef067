//! Profiles: clients described in the configuration file, each under a name.
//!
//! ```toml
//! default_profile = "sandbox"
//!
//! [profile.sandbox]
//! provider = "myparcel-sandbox"
//! client_id = "my-client-id"
//! client_secret = { command = ["pass", "show", "myparcel/sandbox"] }  # or { env = "NAME" }, or { file = "PATH" }
//!
//! [profile.erp]
//! token_endpoint = "https://auth.example.com/token"
//! auth = "basic"
//! client_id = "erp"
//! client_secret = { file = "~/.secrets/erp" }
//! scope = ["orders.read", "orders.write"]
//! resources = ["https://orders.example.com/"]
//! params = { tenant = "north" }
//! token_headers = { X-Tenant = "north", X-Key = { env = "ERP_KEY" } }
//! origins = ["https://orders.example.com"]
//! timeout = "5s"
//! cache = true
//! ```
//! It is read whole, and everything that is wrong with it is found: a typing error in a scope that is silently ignored
//! costs somebody an afternoon.

pub(crate) mod draft;
mod file;
pub(crate) mod gateway;
mod problem;
mod reader;
pub(crate) mod tenants;
mod valid;

use crate::client::args::{self, Auth, Body, ProviderName, assertion_type};
use crate::client::content::Digest;
use crate::client::folders::{self, located};
use crate::client::header::{self, TokenHeader};
use crate::client::nearest::nearest;
use crate::client::network::Proxied;
use crate::client::secret;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use evergrant_gateway::Keys;
use evergrant_tokio_reqwest::{Algorithm, AssertionKind};
use gateway::GatewayTable;
use problem::{About, Problem};
use reader::{Key, Reader, Table, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The configuration file, read.
#[derive(Debug)]
pub(crate) struct Profiles {
    pub(crate) path: PathBuf,
    /// Of its text.
    pub(crate) digest: Digest,
    /// The profile that is used where nothing else says who the client is.
    pub(crate) default: Option<String>,
    /// What `evergrant gateway` serves, if it says that.
    gateway: Option<GatewayTable>,
    profiles: BTreeMap<String, Profile>,
    /// The clients of tenants, by the names of their keys.
    tenants: BTreeMap<String, Profile>,
    problems: Vec<Problem>,
}

/// Whose faults are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of<'a> {
    /// Everybody's.
    All,
    /// Those of the file and of every profile: no client needs the gateway.
    Profiles,
    /// Those of this profile, and those of the file.
    Profile(&'a str),
    /// Those of the gateway, of the profiles that its routes name, and of the file.
    Gateway,
}

/// What a profile says; what it does not say is empty.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    /// Its name, if it is out of a file.
    pub(crate) name: Option<String>,
    pub(crate) provider: Option<ProviderName>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) issuer: Option<String>,
    /// An address, or the word for the form of RFC 8414.
    pub(crate) metadata_url: Option<String>,
    pub(crate) body: Option<Body>,
    pub(crate) auth: Option<Auth>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<secret::Source>,
    pub(crate) client_assertion: Option<secret::Source>,
    pub(crate) assertion_type: Option<AssertionKind>,
    pub(crate) signing_key: Option<secret::Source>,
    pub(crate) key_id: Option<String>,
    pub(crate) key_thumbprint: Option<bool>,
    pub(crate) key_certificate: Option<PathBuf>,
    pub(crate) assertion_audience: Option<String>,
    pub(crate) assertion_algorithm: Option<Algorithm>,
    pub(crate) assertion_header_type: Option<String>,
    pub(crate) assertion_not_before: Option<bool>,
    /// Names and values in JSON.
    pub(crate) assertion_claims: Vec<(String, String)>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) certificate_key: Option<PathBuf>,
    pub(crate) certificate_bound: Option<bool>,
    pub(crate) scope: Option<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) origins: Vec<String>,
    pub(crate) token_headers: Vec<TokenHeader>,
    pub(crate) bearer_words: Vec<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) proxy: Option<Proxied>,
    pub(crate) dangerous_plain_http: Option<bool>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) cache: Option<bool>,
    /// Its own line, counted from 1, and that of each key that it has.
    pub(crate) line: Option<usize>,
    pub(crate) lines: BTreeMap<String, usize>,
}

impl Profile {
    /// Where it says that its secrets are.
    pub(crate) fn places(&self) -> impl Iterator<Item = &secret::Source> {
        let headers = self.token_headers.iter().filter_map(|header| header.value.source());
        self.client_secret.iter().chain(&self.client_assertion).chain(&self.signing_key).chain(headers)
    }

    /// The files that they are in.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = PathBuf> {
        self.places().filter_map(secret::Source::file)
    }
}

/// The keys of a profile, for whoever wrote another.
const KEYS: [&str; 35] = [
    "provider",
    "token_endpoint",
    "issuer",
    "metadata_url",
    "body",
    "auth",
    "client_id",
    "client_secret",
    "client_assertion",
    "assertion_type",
    "signing_key",
    "key_id",
    "key_thumbprint",
    "key_certificate",
    "assertion_audience",
    "assertion_algorithm",
    "assertion_header_type",
    "assertion_not_before",
    "assertion_claims",
    "certificate",
    "certificate_key",
    "certificate_bound",
    "scope",
    "resources",
    "audience",
    "params",
    "origins",
    "token_headers",
    "bearer_words",
    "user_agent",
    "ca_file",
    "proxy",
    "dangerous_plain_http",
    "timeout",
    "cache",
];

impl Profiles {
    /// The file of this name, or of the usual one.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Failure> {
        let path = self::named(named)?;
        let text = file::text(&path)?;
        Ok(Self::parse(path, &text))
    }

    /// The same, but nothing when no file was named and the usual one is not there.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<Self>, Failure> {
        if named.is_none() && !usual().is_ok_and(|path| path.exists()) {
            return Ok(None);
        }
        Self::read(named).map(Some)
    }

    fn parse(path: PathBuf, text: &str) -> Self {
        let mut reader = Reader::new(text);
        let (mut default, mut gateway, mut profiles) = (None, None, BTreeMap::new());
        let mut tenants = BTreeMap::new();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        for (key, value) in reader.document() {
            match key.as_str() {
                "default_profile" => default = reader.text(&value).map(|name| (name, value)),
                "profile" => {
                    for (name, value) in reader.table(&value) {
                        reader.enter(About::Profile(name.as_str().to_owned()));
                        let mut profile = profile(&mut reader, &value, &folder);
                        profile.line = Some(reader.line(&name));
                        reader.enter(About::File);
                        profiles.insert(name.as_str().to_owned(), profile);
                    }
                }
                "tenants" => tenants = tenant_tables(&mut reader, &value, &folder),
                "gateway" => gateway = Some(gateway::read(&mut reader, &key, &value, &folder)),
                "store" => reader.not_yet(&key),
                _ => reader.unknown(&key, &["default_profile", "profile", "gateway", "tenants"]),
            }
        }
        reader.enter(About::Gateway);
        for route in gateway.iter().flat_map(|table: &GatewayTable| &table.routes) {
            let Some(name) = route.profile().filter(|name| !profiles.contains_key(*name)) else { continue };
            let happened = format!("profile: there is no profile {}", Line(name));
            route.whose.wrong(&mut reader, happened, among(name, &profiles));
        }
        for name in gateway.iter().flat_map(GatewayTable::issued) {
            if !profiles.contains_key(&name.value) {
                let happened = format!("profile: there is no profile {}", Line(&name.value));
                name.wrong(&mut reader, happened, among(&name.value, &profiles));
            }
        }
        if let Some((name, value)) = default.as_ref().filter(|(name, _)| !profiles.contains_key(name)) {
            reader.enter(About::Default);
            reader.wrong(value, format!("there is no profile {}", Line(name)), among(name, &profiles));
        }
        let default = default.map(|(name, _)| name);
        let digest = Digest::of(text.as_bytes());
        Self { path, digest, default, gateway, profiles, tenants, problems: reader.problems() }
    }

    /// The profile of this name, which must be without a fault, as must be what stands outside of any.
    pub(crate) fn take(mut self, name: &str) -> Result<Profile, Failure> {
        if let Some(failure) = self.failures(Of::Profile(name)).next() {
            return Err(failure);
        }
        self.known(name)?;
        let profile = self.profiles.remove(name).unwrap_or_default();
        Ok(Profile { name: Some(name.to_owned()), ..profile })
    }

    /// The names of all profiles, the default one first.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        names.sort_by_key(|name| self.default.as_deref() != Some(name));
        names
    }

    /// There must be a profile of this name, unless the file cannot be read at all.
    pub(crate) fn known(&self, name: &str) -> Result<(), Failure> {
        let unreadable = self.profiles.is_empty() && !self.problems.is_empty();
        if unreadable || self.profiles.contains_key(name) {
            return Ok(());
        }
        let happened = format!("there is no profile {} in {}", Line(name), self.path.display());
        Err(Failure::usage(happened, among(name, &self.profiles)))
    }

    /// Whether the file says what the gateway serves.
    pub(crate) const fn has_gateway(&self) -> bool {
        self.gateway.is_some()
    }

    /// What the gateway serves, if the file says that. Its faults are to be asked for before.
    pub(crate) fn take_gateway(&mut self) -> Option<GatewayTable> {
        self.gateway.take()
    }

    /// Everything that is wrong with whoever is meant.
    pub(crate) fn failures(&self, of: Of<'_>) -> impl Iterator<Item = Failure> {
        let concerns = move |problem: &&Problem| match (of, &problem.about) {
            (Of::All, _) | (_, About::File) => true,
            (Of::Profiles, about) => *about != About::Gateway && about.tenant().is_none(),
            (Of::Profile(name), About::Profile(profile)) => name == profile,
            (Of::Profile(name), About::Default) => self.default.as_deref() == Some(name),
            (Of::Gateway, About::Profile(profile)) => self.is_served(profile),
            (Of::Gateway, about) => *about == About::Gateway || about.tenant().is_some(),
            (Of::Profile(_), About::Gateway | About::Tenant(_)) => false,
        };
        self.problems.iter().filter(concerns).map(|problem| {
            let place = match &problem.about {
                About::Profile(profile) => format!(" (profile {})", Line(profile)),
                About::Tenant(tenant) => format!(" (tenant {})", Line(tenant)),
                About::File | About::Default | About::Gateway => String::new(),
            };
            Failure::usage(
                format!("{}:{}: {}{place}", self.path.display(), problem.line, problem.happened),
                problem.next.as_str(),
            )
        })
    }

    /// The files with certificates that the gateway's routes name, those of their profiles, and those of its listeners with their keys.
    pub(crate) fn certificates(&self) -> Vec<PathBuf> {
        let routes = self.gateway.iter().flat_map(|table| &table.routes);
        let of_routes = routes.filter_map(|route| route.ca.as_ref().map(|ca| &ca.value));
        let served = self.profiles.iter().filter(|(name, _)| self.is_served(name));
        let of_profiles = served.filter_map(|(_, profile)| profile.ca_file.as_ref());
        let listens = self.gateway.iter().flat_map(GatewayTable::listens);
        let listens = listens.filter_map(|listen| listen.tls.as_ref());
        let of_listeners = listens.flat_map(|tls| [&tls.certificate.value, &tls.key.value]);
        of_routes.chain(of_profiles).chain(of_listeners).cloned().collect()
    }

    /// The files with secrets of the profiles that its routes name.
    pub(crate) fn secrets(&self) -> Vec<PathBuf> {
        let served = self.profiles.iter().filter(|(name, _)| self.is_served(name));
        served.flat_map(|(_, profile)| profile.secret_files()).collect()
    }

    /// Whether a route names this profile, or issue does.
    fn is_served(&self, profile: &str) -> bool {
        self.gateway.iter().flat_map(GatewayTable::profiles).any(|name| name == profile)
    }

    /// The clients of tenants, each with whether it has a fault of its own.
    pub(crate) fn take_tenants(&mut self) -> Vec<(String, Profile, bool)> {
        let tenants = std::mem::take(&mut self.tenants).into_iter();
        let is_faulty = |name: &str| self.problems.iter().any(|problem| problem.about.tenant() == Some(name));
        tenants.map(|(name, profile)| (name.clone(), profile, is_faulty(&name))).collect()
    }

    /// All profiles, each with whether it has a fault of its own: what it says then is not all that it should.
    pub(crate) fn into_all(self) -> impl Iterator<Item = (String, Profile, bool)> {
        let faulty: BTreeSet<String> =
            self.problems.into_iter().filter_map(|problem| problem.about.profile()).collect();
        self.profiles.into_iter().map(move |(name, profile)| {
            let is_faulty = faulty.contains(&name);
            (name, profile, is_faulty)
        })
    }
}

/// Where the file is unless somebody names another.
pub(crate) fn usual() -> Result<PathBuf, Failure> {
    let folder = folders::configuration()
        .ok_or_else(|| Failure::usage(folders::NO_HOME, "set it, or name the file with --config PATH"))?;
    Ok(folder.join("config.toml"))
}

/// Where the file is: at the path that was named, or at the usual one.
pub(crate) fn named(path: Option<&Path>) -> Result<PathBuf, Failure> {
    path.map_or_else(usual, |path| Ok(path.to_owned()))
}

fn among(name: &str, profiles: &BTreeMap<String, Profile>) -> String {
    let names: Vec<&str> = profiles.keys().map(String::as_str).collect();
    match nearest(name, &names) {
        Some(near) => format!("did you mean {}? The profiles are: {}", Line(near), listed(&names)),
        None if names.is_empty() => "write a [profile.NAME] into it".into(),
        None => format!("the profiles are: {}", listed(&names)),
    }
}

/// The names of profiles, as many as somebody reads.
pub(crate) fn listed(names: &[&str]) -> String {
    const MOST: usize = 20;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| Line(name).to_string()).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

fn profile(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> Profile {
    let table = reader.table(value);
    members(reader, table, folder, &KEYS)
}

/// What is sent beside another proof is refused (RFC 6749 §2.3).
const ONE: &str = "remove one of the two: a client proves who it is in one way";

/// `known`: the keys that it may have, in the words of a fault.
fn members(reader: &mut Reader<'_>, table: Table<'_>, folder: &Path, known: &[&str]) -> Profile {
    let (mut profile, mut proofs) = (Profile::default(), Vec::new());
    for (key, value) in table {
        profile.lines.insert(key.as_str().to_owned(), reader.line(&key));
        match key.as_str() {
            "provider" => profile.provider = reader.choice(&value),
            "token_endpoint" => profile.token_endpoint = reader.valid(&value, valid::token_endpoint),
            "issuer" => profile.issuer = reader.valid(&value, valid::issuer),
            "metadata_url" => profile.metadata_url = reader.valid(&value, valid::metadata_url),
            "body" => profile.body = reader.choice(&value),
            "auth" => profile.auth = reader.choice(&value),
            "client_id" => profile.client_id = reader.valid(&value, valid::client_id),
            "client_secret" => {
                profile.client_secret = source(reader, &value, folder);
                proofs.push(key);
            }
            "client_assertion" => {
                profile.client_assertion = source(reader, &value, folder);
                proofs.push(key);
            }
            "assertion_type" => profile.assertion_type = kind(reader, &value),
            "signing_key" => {
                profile.signing_key = source(reader, &value, folder);
                proofs.push(key);
            }
            "key_id" => profile.key_id = reader.text(&value),
            "key_thumbprint" => profile.key_thumbprint = reader.flag(&value),
            "key_certificate" => {
                profile.key_certificate = reader.text(&value).map(|path| located(&path, folder));
            }
            "assertion_audience" => profile.assertion_audience = reader.valid(&value, valid::audience),
            "assertion_algorithm" => profile.assertion_algorithm = algorithm(reader, &value),
            "assertion_header_type" => {
                profile.assertion_header_type = reader.valid(&value, valid::header_type);
            }
            "assertion_not_before" => profile.assertion_not_before = reader.flag(&value),
            "assertion_claims" => profile.assertion_claims = claims(reader, &value),
            "certificate" => profile.certificate = reader.text(&value).map(|path| located(&path, folder)),
            "certificate_key" => {
                profile.certificate_key = reader.text(&value).map(|path| located(&path, folder));
            }
            "certificate_bound" => profile.certificate_bound = reader.flag(&value),
            "scope" => {
                profile.scope = reader.all_valid(&value, valid::scope).map(|tokens| tokens.join(" "));
            }
            "resources" => {
                profile.resources = reader.all_valid(&value, valid::resource).unwrap_or_default();
            }
            "audience" => profile.audience = reader.valid(&value, valid::audience),
            "params" => profile.params = params(reader, &value),
            "origins" => {
                profile.origins = reader.all_valid(&value, valid::origin).unwrap_or_default();
            }
            "token_headers" => profile.token_headers = token_headers(reader, &value, folder),
            "bearer_words" => profile.bearer_words = reader.texts(&value).unwrap_or_default(),
            "user_agent" => profile.user_agent = reader.valid(&value, valid::user_agent),
            "ca_file" => profile.ca_file = reader.text(&value).map(|path| located(&path, folder)),
            "proxy" => profile.proxy = proxy(reader, &value),
            "dangerous_plain_http" => profile.dangerous_plain_http = reader.flag(&value),
            "timeout" => profile.timeout = reader.duration(&value),
            "cache" => profile.cache = reader.flag(&value),
            _ => reader.unknown(&key, known),
        }
    }
    secret::hide(profile.places().filter_map(secret::Source::variable));
    proofs.sort_by_key(Key::at);
    if let [first, second, ..] = &*proofs {
        let happened = format!("there are both a {} and a {}", first.as_str(), second.as_str());
        reader.problem(second.at(), happened, ONE);
    }
    profile
}

/// The algorithm of assertions.
fn algorithm(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Algorithm> {
    let text = reader.text(value)?;
    let algorithm = args::algorithm(&text);
    algorithm.map_err(|next| reader.wrong(value, "this is no algorithm of assertions", &next)).ok()
}

/// Claims of assertions, each in JSON.
fn claims(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(String, String)> {
    let claims = reader.table(value).into_iter().filter_map(|(name, value)| {
        let (name, json) = (name.as_str().to_owned(), value.json());
        match valid::claim(&name, &json) {
            Ok(()) => Some((name, json)),
            Err(error) => {
                let failure = Failure::from(error);
                let (happened, next) = failure.parts();
                reader.problem(value.at(), happened, next);
                None
            }
        }
    });
    claims.collect()
}

/// The type of an assertion.
fn kind(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<AssertionKind> {
    let text = reader.text(value)?;
    let kind = assertion_type(&text);
    kind.map_err(|next| reader.wrong(value, "this is no type of assertion", &next)).ok()
}

/// The name of a credential, which is no path.
fn credential(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<secret::Source> {
    let name = reader.text(value)?;
    if name.is_empty() || name.contains('/') || [".", ".."].contains(&&*name) {
        reader.wrong(
            value,
            "this is not the name of a credential",
            "write the NAME of LoadCredential=NAME:PATH",
        );
        return None;
    }
    Some(secret::Source::Credential(name))
}

/// What a tenant cannot have of its own: all of them send their token requests in one way, and keep their tokens in memory.
const SHARED: [&str; 4] = ["ca_file", "proxy", "timeout", "cache"];

/// The tables `[tenants.NAME]`: clients of callers, by the names of their keys.
fn tenant_tables(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> BTreeMap<String, Profile> {
    let mut tenants = BTreeMap::new();
    for (name, value) in reader.table(value) {
        reader.enter(About::Tenant(name.as_str().to_owned()));
        if !is_name(name.as_str()) {
            const NEXT: &str = "write a name of small letters, digits, dot, underscore and hyphen, up to 64, beginning with a letter or a digit";
            reader.problem(name.at(), "no key can have this name, which picks the client", NEXT);
        }
        let table = reader.table(&value);
        let mut tenant = tenant(reader, table, folder);
        tenant.line = Some(reader.line(&name));
        tenants.insert(name.as_str().to_owned(), tenant);
        reader.enter(About::File);
    }
    tenants
}

fn tenant(reader: &mut Reader<'_>, table: Table<'_>, folder: &Path) -> Profile {
    for (key, _) in table.iter().filter(|(key, _)| SHARED.contains(&key.as_str())) {
        let happened = format!("a tenant has no {} of its own", key.as_str());
        reader.problem(
            key.at(),
            happened,
            "remove the line: the token requests of all tenants are sent in one way",
        );
    }
    let says = |wanted: &str| table.iter().any(|(key, _)| key.as_str() == wanted);
    const PROOFS: [&str; 4] = ["client_secret", "client_assertion", "signing_key", "certificate"];
    let (has_secret, at) =
        (PROOFS.into_iter().any(says), table.iter().map(|(key, _)| key.at()).min().unwrap_or_default());
    let known: Vec<&str> = KEYS.into_iter().filter(|key| !SHARED.contains(key)).collect();
    let tenant = members(reader, table, folder, &known);
    // The variable that every other command looks at would be the secret of them all.
    if !has_secret && tenant.auth != Some(Auth::None) {
        reader.problem(
            at,
            "there is no client_secret",
            "say where it is: { file = \"PATH\" }, or that there is none with auth = \"none\"",
        );
    }
    tenant
}

/// Whether it is the name of a key, and so never a path.
pub(crate) fn is_name(name: &str) -> bool {
    Keys::new([(name.to_owned(), [0; 32])]).is_ok()
}

fn params(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<(String, String)> {
    let mut params = Vec::new();
    for (name, value) in reader.table(value) {
        let name = name.as_str().to_owned();
        let valid = reader.valid(&value, |text| valid::param(&name, text));
        params.extend(valid.map(|text| (name, text)));
    }
    params
}

/// Each a text, or a reference to a secret.
fn token_headers(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> Vec<TokenHeader> {
    let fields = reader.table(value).into_iter().filter_map(|(name, value)| {
        let name = name.as_str().to_owned();
        let value = if value.is_table() {
            header::Value::Kept(source(reader, &value, folder)?)
        } else {
            header::Value::Text(reader.valid(&value, |text| valid::header(&name, text))?.into())
        };
        Some(TokenHeader { name, value })
    });
    fields.collect()
}

/// A proxy without a user and a password, which are a secret.
fn proxy(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Proxied> {
    const SECRET: &str = "put the whole URL into the variable EVERGRANT_PROXY, and remove the line";
    match Proxied::parse(&reader.text(value)?) {
        Ok(proxy) if proxy.has_credentials() => {
            reader.wrong(value, "it has a user or a password, which do not belong in this file", SECRET);
            None
        }
        Ok(proxy) => Some(proxy),
        Err(error) => {
            reader.wrong(value, "this is not a proxy URL", error.to_string());
            None
        }
    }
}

/// A reference to a secret. The secret itself is refused, and not shown.
fn source(reader: &mut Reader<'_>, value: &Value<'_>, folder: &Path) -> Option<secret::Source> {
    const FORMS: &str = "say where it is: { env = \"NAME\" }, { file = \"PATH\" }, { credential = \"NAME\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }";
    if !value.is_table() {
        reader.wrong(value, "this is not a reference to a secret", FORMS);
        return None;
    }
    let mut found = Vec::new();
    for (key, value) in reader.table(value) {
        let source = match key.as_str() {
            "env" => reader.text(&value).map(secret::Source::Variable),
            "credential" => credential(reader, &value),
            "file" => reader.text(&value).map(|path| secret::Source::File(located(&path, folder))),
            "command" => command(reader, &value),
            _ => {
                reader.unknown(&key, &["env", "file", "credential", "command"]);
                None
            }
        };
        found.extend(source);
    }
    if found.len() > 1 {
        reader.wrong(value, "it names more than one place", FORMS);
        return None;
    }
    if found.is_empty() && value.is_empty() {
        reader.wrong(value, "it names no place", FORMS);
    }
    found.pop()
}

fn command(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<secret::Source> {
    if !value.is_array() {
        reader.wrong(
            value,
            "this is not an array of strings",
            "write the program and each of its arguments as a string of its own: there is no shell in between",
        );
        return None;
    }
    let mut words = reader.texts(value)?.into_iter();
    let Some(program) = words.next() else {
        reader.wrong(
            value,
            "this is empty",
            "write the program and its arguments: [\"pass\", \"show\", \"x\"]",
        );
        return None;
    };
    Some(secret::Source::Command { program, arguments: words.collect() })
}
