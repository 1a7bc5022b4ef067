//! What can be said about the client on the command line, and through the environment.

use crate::client::header::TokenHeader;
use crate::client::network::Proxied;
use crate::client::said::Whence;
use crate::tell::failure::Failure;
use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches, ValueEnum, ValueHint};
use evergrant_tokio_reqwest::{Algorithm, AssertionKind};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Deref;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// What stands for the place of metadata that RFC 8414 §3 says.
pub(crate) const RFC8414: &str = "rfc8414";

/// The client: which server, as whom, for what.
///
/// What a flag says is looked at first, then the variable, then the profile. A profile that was named by the flag is
/// meant as a whole: the variables of another client are not looked at, lest its secret go to the wrong server.
///
/// In the arguments of a subcommand it comes after those without a heading of their own: clap gives them the heading of what
/// is before them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientArgs {
    flags: Box<ClientFlags>,
    /// The ids of those that are on the command line itself; the others are out of variables.
    on_the_line: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Client")]
pub(crate) struct ClientFlags {
    /// Profile of the configuration file to use
    ///
    /// When this flag is given, EVERGRANT_ variables about the client are ignored. Default: the default_profile
    /// of the file, unless a flag or a variable names a server or a client id.
    #[arg(long, value_name = "NAME", env = "EVERGRANT_PROFILE", hide_env_values = true)]
    pub(crate) profile: Option<String>,
    /// Configuration file
    ///
    /// Default: evergrant/config.toml in the folder for configuration ($XDG_CONFIG_HOME, ~/.config).
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Kind of authorization server
    #[arg(long, value_enum, env = "EVERGRANT_PROVIDER", hide_env_values = true)]
    pub(crate) provider: Option<ProviderName>,
    /// Token endpoint of the authorization server
    ///
    /// An https URL, or an http URL on 127.0.0.0/8 or ::1. Required for rfc6749 without --issuer; for the other providers it
    /// replaces the built-in one.
    #[arg(long, value_name = "URL", env = "EVERGRANT_TOKEN_ENDPOINT", hide_env_values = true)]
    pub(crate) token_endpoint: Option<String>,
    /// Issuer of the authorization server
    ///
    /// Without a token endpoint, the server's metadata says where that is: it is asked for at
    /// ISSUER/.well-known/openid-configuration. Beside a token endpoint it is whom the assertions are for that this client
    /// signs, and nothing is asked.
    #[arg(long, value_name = "URL", env = "EVERGRANT_ISSUER", hide_env_values = true)]
    pub(crate) issuer: Option<String>,
    /// Place of the issuer's metadata, or rfc8414
    ///
    /// rfc8414 is /.well-known/oauth-authorization-server between the issuer's host and its path. Default: as OpenID
    /// Connect has it, behind the issuer.
    #[arg(long, value_name = "URL|rfc8414", env = "EVERGRANT_METADATA_URL", hide_env_values = true)]
    pub(crate) metadata_url: Option<String>,
    /// Encoding of the token request's body
    ///
    /// Default: what the provider expects.
    #[arg(long, value_enum, env = "EVERGRANT_BODY", hide_env_values = true)]
    pub(crate) body: Option<Body>,
    /// Client authentication method
    ///
    /// Default: private-key-jwt with a signing key, assertion with an assertion, tls with a certificate and nothing else;
    /// otherwise post for MyParcel.com and basic for rfc6749.
    #[arg(long, value_enum, env = "EVERGRANT_AUTH", hide_env_values = true)]
    pub(crate) auth: Option<Auth>,
    /// Client id
    #[arg(long, value_name = "ID", env = "EVERGRANT_CLIENT_ID", hide_env_values = true)]
    pub(crate) client_id: Option<String>,
    /// File with the client secret; - is stdin
    ///
    /// Default: the place that the profile names, or the variable EVERGRANT_CLIENT_SECRET. There is no flag for
    /// the secret itself, because every user of the machine can read command lines. run, watch, serve and gateway
    /// read a file for each token request, so that it may be replaced while they run; the others read it once.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CLIENT_SECRET_FILE", hide_env_values = true)]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// File with a client assertion; - is stdin
    ///
    /// It is sent in place of a secret: a JWT that a platform hands to its programs, such as the token of a Kubernetes service account or a JWT-SVID of
    /// SPIFFE. run, watch, serve and gateway read it for each token request. The client id is sent beside it if it is given.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_ASSERTION_FILE", hide_env_values = true)]
    pub(crate) assertion_file: Option<PathBuf>,
    /// Kind of client assertion
    ///
    /// jwt-bearer, jwt-spiffe, or an absolute URI. Default: jwt-bearer.
    #[arg(long, value_name = "TYPE", value_parser = assertion_type, env = "EVERGRANT_ASSERTION_TYPE", hide_env_values = true)]
    pub(crate) assertion_type: Option<AssertionKind>,
    /// File with the signing key; - is stdin
    ///
    /// A private key in PEM or as a JWK: EC (P-256, P-384), Ed25519 or RSA. The client signs an assertion with it for each token
    /// request in place of sending a secret (private_key_jwt). run, watch, serve and gateway read it for each of them.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_KEY_FILE", hide_env_values = true)]
    pub(crate) key_file: Option<PathBuf>,
    /// Name of the key at the server (kid)
    ///
    /// Default: that of the JWK; none for a key in PEM.
    #[arg(long, value_name = "ID", env = "EVERGRANT_KEY_ID", hide_env_values = true)]
    pub(crate) key_id: Option<String>,
    /// Name of the key (kid): its thumbprint
    ///
    /// kid is the thumbprint of the public key (RFC 7638), as evergrant key --key-thumbprint prints it; not with --key-id.
    #[arg(
        long,
        env = "EVERGRANT_KEY_THUMBPRINT",
        hide_env_values = true,
        value_name = "NO",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) key_thumbprint: Option<bool>,
    /// Certificate (PEM) of the signing key
    ///
    /// Signed assertions name it by its SHA-256 (x5t#S256), as Microsoft Entra wants it; no connection shows it. Default: the one
    /// in the file of the key, if there is one.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_KEY_CERTIFICATE", hide_env_values = true)]
    pub(crate) key_certificate: Option<PathBuf>,
    /// Whom signed assertions are for
    ///
    /// issuer, token-endpoint (which must be known) or another text. Default: issuer, and the token endpoint of a server
    /// whose issuer is not known.
    #[arg(long, value_name = "AUD", env = "EVERGRANT_ASSERTION_AUDIENCE", hide_env_values = true)]
    pub(crate) assertion_audience: Option<String>,
    /// Algorithm of signed assertions
    ///
    /// ES256, ES384, EdDSA, RS256, RS384 or PS256. Default: that of the key; of an RSA key PS256 if the server's metadata
    /// lists it, and RS256 otherwise.
    #[arg(long, value_name = "NAME", value_parser = algorithm, env = "EVERGRANT_ASSERTION_ALGORITHM", hide_env_values = true)]
    pub(crate) assertion_algorithm: Option<Algorithm>,
    /// Header type (typ) of signed assertions
    ///
    /// Default: client-authentication+jwt. Servers that document JWT may want that.
    #[arg(long, value_name = "TEXT", env = "EVERGRANT_ASSERTION_HEADER_TYPE", hide_env_values = true)]
    pub(crate) assertion_header_type: Option<String>,
    /// Start time (nbf) in signed assertions
    ///
    /// It is the same as iat. Microsoft Entra documents it.
    #[arg(
        long,
        env = "EVERGRANT_ASSERTION_NOT_BEFORE",
        hide_env_values = true,
        value_name = "NO",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) assertion_not_before: Option<bool>,
    /// File (PEM) with the client's certificate
    ///
    /// The connection to the token endpoint shows it (mutual TLS): the certificate first, then those between it and its
    /// authority. request and gateway show it to an API that asks for one, too. It is how the client proves who it is if
    /// nothing else does, and before a secret that only a variable has. run, watch, serve and gateway read it for each token
    /// request.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CERTIFICATE", hide_env_values = true)]
    pub(crate) certificate: Option<PathBuf>,
    /// File (PEM) with the certificate's key
    ///
    /// Default: the file of the certificate.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CERTIFICATE_KEY", hide_env_values = true)]
    pub(crate) certificate_key: Option<PathBuf>,
    /// Tokens are bound to the certificate
    ///
    /// Such a token works over a connection that shows the same certificate alone (RFC 8705), and a kept one is used with it
    /// alone. Default: as the token says, if it is a JWT.
    #[arg(
        long,
        env = "EVERGRANT_CERTIFICATE_BOUND",
        hide_env_values = true,
        value_name = "NO",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) certificate_bound: Option<bool>,
    /// Scopes to request, separated by spaces
    ///
    /// Default: * for MyParcel.com, none for rfc6749.
    #[arg(long, env = "EVERGRANT_SCOPE", hide_env_values = true)]
    pub(crate) scope: Option<String>,
    /// Resource the token is for; may be repeated
    ///
    /// A resource indicator (RFC 8707). In the variable, write one per line.
    #[arg(
        long,
        value_name = "URI",
        env = "EVERGRANT_RESOURCE",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    pub(crate) resource: Vec<String>,
    /// Audience the token is for
    #[arg(long, env = "EVERGRANT_AUDIENCE", hide_env_values = true)]
    pub(crate) audience: Option<String>,
    /// Token request parameter; may be repeated
    ///
    /// They replace those of the profile. In the variable, write one per line.
    #[arg(long, value_name = "K=V", env = "EVERGRANT_PARAM", hide_env_values = true, value_delimiter = '\n')]
    pub(crate) param: Vec<String>,
    /// Token request header; may be repeated
    ///
    /// They replace those of the profile. In the variable, write one per line. Put a secret value into a file
    /// ('Name: @FILE'), into the variable, or where the profile says.
    #[arg(
        long,
        value_name = "K: V",
        env = "EVERGRANT_TOKEN_HEADER",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    pub(crate) token_header: Vec<String>,
    /// Server's word for Bearer; may be repeated
    ///
    /// It is what the server says in token_type. In the variable, write one per line.
    #[arg(
        long,
        value_name = "WORD",
        env = "EVERGRANT_BEARER_WORD",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    pub(crate) bearer_word: Vec<String>,
    /// User-Agent of token requests
    ///
    /// Default: evergrant/VERSION.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "TEXT", env = "EVERGRANT_USER_AGENT", hide_env_values = true)]
    pub(crate) user_agent: Option<String>,
    /// File (PEM) of more authorities to trust
    ///
    /// They are trusted for every request, in addition to those of this machine.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "PATH", env = "EVERGRANT_CA_FILE", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Proxy for every request, or none
    ///
    /// It replaces what HTTPS_PROXY and the like say. Schemes: http, https, socks4, socks4a, socks5,
    /// socks5h. Loopback addresses never go through it. Put a URL with a user and a password into the
    /// variable, never into the arguments.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "URL|none", env = "EVERGRANT_PROXY", hide_env_values = true)]
    pub(crate) proxy: Option<String>,
    /// Allow plain http to any host
    ///
    /// Whoever can read the network then has the client secret and the tokens. For networks that are safe by
    /// themselves, such as those of a compose file or a mesh.
    #[arg(help_heading = "Network")]
    #[arg(
        long,
        env = "EVERGRANT_DANGEROUS_PLAIN_HTTP",
        hide_env_values = true,
        value_name = "NO",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) dangerous_plain_http: Option<bool>,
    /// Time limit for one token request
    ///
    /// Such as 500ms, 30s or 2m. Default: 10s. It also limits how long the client secret may take to arrive from a
    /// command, a pipe or stdin at the start; the default for that is 2m. Where it is read again for a later token
    /// request, it has the time of one token request.
    #[arg(help_heading = "Network")]
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "EVERGRANT_TIMEOUT", hide_env_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// Keep the token on disk and use it again
    ///
    /// The file is sealed with the client secret, or, for a client without one, with a random key beside it. Jobs that start again and again, or many at once, share one
    /// token request while the token lives. After one that failed, the others send none for a while, and fail in
    /// the same way. Default: no, or what the profile says. --cache alone means --cache=yes.
    #[arg(help_heading = "Cache")]
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "yes",
        value_name = "WHEN", env = "EVERGRANT_CACHE", hide_env_values = true)]
    pub(crate) cache: Option<Caching>,
}

impl ClientArgs {
    /// A profile that was named by the flag, and no more.
    pub(crate) fn of_profile(name: &str, config: Option<&Path>) -> Self {
        let flags = ClientFlags {
            profile: Some(name.to_owned()),
            config: config.map(Path::to_owned),
            ..ClientFlags::default()
        };
        Self { flags: Box::new(flags), on_the_line: BTreeSet::from(["profile".to_owned()]) }
    }

    /// Who said what has this id: the flag or the variable of this name.
    pub(crate) fn whence(&self, id: &str) -> Whence {
        if self.on_the_line.contains(id) {
            Whence::Flag(format!("--{}", id.replace('_', "-")))
        } else {
            Whence::Variable(format!("EVERGRANT_{}", id.to_uppercase()))
        }
    }

    /// The further parameters: names and values.
    pub(crate) fn pairs(&self) -> Result<Vec<(String, String)>, Failure> {
        let pair = |parameter: &String| {
            let (name, value) = parameter.split_once('=').ok_or_else(|| {
                // Its text may be a secret: it is not shown.
                let happened = format!("a parameter of {} has no =", self.whence("param"));
                Failure::usage(happened, "write it as name=value")
            })?;
            Ok((name.to_owned(), value.to_owned()))
        };
        self.param.iter().map(pair).collect()
    }

    /// The header fields of token requests.
    pub(crate) fn token_headers(&self) -> Result<Vec<TokenHeader>, Failure> {
        let by = self.whence("token_header");
        self.token_header.iter().map(|line| TokenHeader::parse(line, &by)).collect()
    }

    /// The proxy.
    pub(crate) fn proxy(&self) -> Result<Option<Proxied>, Failure> {
        let read =
            |text: &str| Proxied::parse(text).map_err(|error| Failure::from(error).of(&self.whence("proxy")));
        self.proxy.as_deref().map(read).transpose()
    }

    /// Whether a flag names the configuration file.
    pub(crate) fn names_a_file(&self) -> bool {
        self.on_the_line.contains("config")
    }

    /// The ids of the flags on the command line that say something about a client.
    pub(crate) fn flags_of_a_client(&self) -> Vec<String> {
        let command = OriginArgs::augment_args(ClientFlags::augment_args(clap::Command::new("")));
        let ids = command.get_arguments().map(|arg| arg.get_id().as_str());
        let said = ids.filter(|id| *id != "config" && self.on_the_line.contains(*id));
        said.map(str::to_owned).collect()
    }

    /// Whether a profile is meant as a whole, since a flag names it.
    pub(crate) fn names_a_profile(&self) -> bool {
        self.on_the_line.contains("profile")
    }

    /// The origins that are meant: those of a variable are of another client where a profile is meant as a whole.
    pub(crate) fn allowed<'a>(&self, origins: &'a OriginArgs) -> &'a [String] {
        let is_meant = !self.names_a_profile() || self.on_the_line.contains("allow_origin");
        if is_meant { &origins.allow_origin } else { &[] }
    }
}

/// Where a token may be sent beside the provider's own origins. It stands after [`ClientArgs`].
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OriginArgs {
    /// Origin for tokens; may be repeated
    ///
    /// Tokens may be sent there, too: it is added to the origins of the provider and of the profile. In the variable, write one
    /// per line.
    #[arg(help_heading = "Network")]
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "EVERGRANT_ALLOW_ORIGIN",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    allow_origin: Vec<String>,
}

impl OriginArgs {
    /// All of them, whoever's they are.
    pub(crate) fn all(&self) -> &[String] {
        &self.allow_origin
    }
}

/// A client that is about to be written down: the profile's name is that of the new one, and no variable is another client's.
#[derive(Debug)]
pub(crate) struct NewClientArgs(pub(crate) ClientArgs);

impl Args for NewClientArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        ClientFlags::augment_args(command).mut_arg("profile", |arg| {
            arg.help("Name of the new profile").long_help("Name of the new profile\n\nDefault: default.")
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for NewClientArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        ClientArgs::read(matches, false).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Deref for ClientArgs {
    type Target = ClientFlags;

    fn deref(&self) -> &ClientFlags {
        &self.flags
    }
}

impl Args for ClientArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        ClientFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        ClientFlags::augment_args_for_update(command)
    }
}

impl FromArgMatches for ClientArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        Self::read(matches, true)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl ClientArgs {
    /// `is_whole`: a profile that a flag names is meant as a whole.
    fn read(matches: &mut ArgMatches, is_whole: bool) -> Result<Self, clap::Error> {
        let is_on_the_line = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let ids: BTreeSet<String> =
            matches.ids().map(clap::Id::as_str).filter(is_on_the_line).map(str::to_owned).collect();
        let flags = ClientFlags::from_arg_matches_mut(matches)?;
        let on_the_line = |id: &str| ids.contains(id);
        let named = flags.provider.filter(|_| on_the_line("provider"));
        let redirected = flags.token_endpoint.is_some() && !on_the_line("token_endpoint");
        if redirected && !on_the_line("profile") && named.is_some_and(|name| name != ProviderName::Rfc6749) {
            // What a flag names is meant as a whole: its secret must not go where a forgotten variable points.
            return Err(clap::Error::raw(
                ErrorKind::ArgumentConflict,
                "--provider names a server, and the variable EVERGRANT_TOKEN_ENDPOINT another token endpoint: unset the \
                 variable, or name the endpoint with --token-endpoint",
            ));
        }
        if on_the_line("proxy") && flags.proxy.as_ref().is_some_and(|url| url.contains('@')) {
            return Err(clap::Error::raw(
                ErrorKind::ArgumentConflict,
                "--proxy has a user or a password, which every user of this machine can read in the arguments: put the URL \
                 into the variable EVERGRANT_PROXY",
            ));
        }
        let flags = if is_whole && on_the_line("profile") { flags.only(on_the_line) } else { flags };
        Ok(Self { flags: Box::new(flags), on_the_line: ids })
    }
}

impl ClientFlags {
    /// What of the client stands on the command line itself. Which file, and how long, is nobody's identity.
    fn only(self, stands: impl Fn(&str) -> bool) -> Self {
        fn kept<T: Default>(value: T, stands: bool) -> T {
            if stands { value } else { T::default() }
        }
        Self {
            profile: self.profile,
            config: self.config,
            provider: kept(self.provider, stands("provider")),
            token_endpoint: kept(self.token_endpoint, stands("token_endpoint")),
            issuer: kept(self.issuer, stands("issuer")),
            metadata_url: kept(self.metadata_url, stands("metadata_url")),
            body: kept(self.body, stands("body")),
            auth: kept(self.auth, stands("auth")),
            client_id: kept(self.client_id, stands("client_id")),
            client_secret_file: kept(self.client_secret_file, stands("client_secret_file")),
            assertion_file: kept(self.assertion_file, stands("assertion_file")),
            assertion_type: kept(self.assertion_type, stands("assertion_type")),
            key_file: kept(self.key_file, stands("key_file")),
            key_id: kept(self.key_id, stands("key_id")),
            key_thumbprint: kept(self.key_thumbprint, stands("key_thumbprint")),
            key_certificate: kept(self.key_certificate, stands("key_certificate")),
            assertion_audience: kept(self.assertion_audience, stands("assertion_audience")),
            assertion_algorithm: kept(self.assertion_algorithm, stands("assertion_algorithm")),
            assertion_header_type: kept(self.assertion_header_type, stands("assertion_header_type")),
            assertion_not_before: kept(self.assertion_not_before, stands("assertion_not_before")),
            certificate: kept(self.certificate, stands("certificate")),
            certificate_key: kept(self.certificate_key, stands("certificate_key")),
            certificate_bound: kept(self.certificate_bound, stands("certificate_bound")),
            scope: kept(self.scope, stands("scope")),
            resource: kept(self.resource, stands("resource")),
            audience: kept(self.audience, stands("audience")),
            param: kept(self.param, stands("param")),
            token_header: kept(self.token_header, stands("token_header")),
            bearer_word: kept(self.bearer_word, stands("bearer_word")),
            user_agent: kept(self.user_agent, stands("user_agent")),
            ca_file: kept(self.ca_file, stands("ca_file")),
            proxy: kept(self.proxy, stands("proxy")),
            dangerous_plain_http: kept(self.dangerous_plain_http, stands("dangerous_plain_http")),
            timeout: self.timeout,
            cache: self.cache,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProviderName {
    /// MyParcel.com, production
    Myparcel,
    /// MyParcel.com, sandbox
    MyparcelSandbox,
    /// Any server that follows RFC 6749
    Rfc6749,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Body {
    /// application/x-www-form-urlencoded, as RFC 6749 has it
    Form,
    /// application/json
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Auth {
    /// Id and secret in the body (client_secret_post)
    Post,
    /// Id and secret in an Authorization header (client_secret_basic)
    Basic,
    /// As basic, without form encoding, for servers that do not decode it
    BasicRaw,
    /// A client assertion that somebody else makes (RFC 7521)
    Assertion,
    /// An assertion that the client signs with its own key
    PrivateKeyJwt,
    /// An assertion that the client signs with its secret (HS256)
    ClientSecretJwt,
    /// The certificate that the connection shows (RFC 8705)
    Tls,
    /// Only the client id, no secret
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Caching {
    /// Use a kept token, and keep a new one
    #[value(alias = "true", alias = "1")]
    Yes,
    /// Neither use nor keep a token
    #[value(alias = "false", alias = "0")]
    No,
    /// Throw the kept token away, and request a new one: after the API refused it
    Refresh,
}

/// A number in these bounds.
pub(crate) fn number<N>(bounds: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, String> + Clone
where
    N: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let wrong = || format!("write a number from {} to {}", bounds.start(), bounds.end());
        text.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(wrong)
    }
}

/// One of the two words, or a URI.
pub(crate) fn assertion_type(text: &str) -> Result<AssertionKind, String> {
    match text {
        "jwt-bearer" => Ok(AssertionKind::JWT_BEARER),
        "jwt-spiffe" => Ok(AssertionKind::JWT_SPIFFE),
        uri => AssertionKind::parse(uri)
            .map_err(|_| "write jwt-bearer, jwt-spiffe or an absolute URI".to_owned()),
    }
}

/// By its name in a JWT.
pub(crate) fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::of_name(name).ok_or_else(|| {
        "write ES256, ES384, EdDSA, RS256, RS384 or PS256, or HS256 for client-secret-jwt, in these letters".to_owned()
    })
}

/// `500ms`, `30s`, `2m`, `1h`, or seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || "write a whole number with ms, s, m or h, such as 30s".to_owned();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(wrong()),
    };
    match milliseconds {
        Some(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        Some(_) => Err("it must be longer than 0".into()),
        None => Err("it is too long".into()),
    }
}

#[cfg(test)]
mod tests;
