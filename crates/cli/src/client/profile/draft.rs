//! A first configuration file: one profile, and comments that say what else can be written. Never a secret, only the places
//! where it may be.

use super::{Of, Profiles};
use crate::client::args::{Caching, ClientArgs};
use crate::client::guard;
use crate::client::header::Value;
use crate::client::said::Whence;
use crate::client::secret::Source;
use crate::tell::cause;
use crate::tell::failure::Failure;
use clap::ValueEnum;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;
use toml_writer::{ToTomlKey as _, ToTomlValue as _, TomlStringBuilder};

/// What stands before the profile.
const HEAD: &str = "\
# The configuration of evergrant. `evergrant config check` finds what is wrong with it, and `evergrant config show`
# shows the client as it will be used. Each further client is a [profile.NAME] of its own.

# Used where no --profile is given, and no flag or variable names a server or a client id.
";

/// What stands for the secret where no file was named.
const SECRET: &str = "\
# The client secret is never written here. It is in the variable EVERGRANT_CLIENT_SECRET, or where one of these says:
# client_secret = { env = \"NAME\" }
# client_secret = { file = \"~/.secrets/NAME\" }
# client_secret = { credential = \"NAME\" }
# client_secret = { command = [\"pass\", \"show\", \"NAME\"] }
";

/// What stands for the assertion where no file was named.
const ASSERTION: &str = "\
# A client assertion in place of a secret, such as the token of a Kubernetes service account, and its kind:
# client_assertion = { file = \"/var/run/secrets/tokens/NAME\" }
# assertion_type = \"jwt-bearer\"
";

/// What stands for the signing key where no file was named.
const KEY: &str = "\
# The private key (PEM or JWK) that signs an assertion for each token request, in place of a secret:
# signing_key = { file = \"client-key.pem\" }
";

/// A key of a profile: its name, what it is, an example, and what is written for it, if anything was said.
type Line = (&'static str, &'static str, &'static str, Option<String>);

/// Each key but those of the secret, the assertion and the signing key.
fn lines(args: &ClientArgs, origins: &[String]) -> Result<[Line; 31], Failure> {
    let text = |text: &Option<String>| text.as_deref().map(quoted);
    let scope = args.scope.as_deref().map(|scope| list(scope.split(' ')));
    let timeout = args.timeout.map(|timeout| quoted(&duration(timeout)));
    let has_secret = args.proxy()?.is_some_and(|proxy| proxy.has_credentials());
    let proxy = text(&args.proxy).filter(|_| !has_secret);
    let cache = args.cache.map(|cache| (cache != Caching::No).to_string());
    Ok([
        (
            "provider",
            "Kind of authorization server: myparcel, myparcel-sandbox or rfc6749",
            "\"rfc6749\"",
            args.provider.as_ref().map(word),
        ),
        (
            "token_endpoint",
            "The token endpoint",
            "\"https://auth.example.com/token\"",
            text(&args.token_endpoint),
        ),
        (
            "issuer",
            "The server's issuer: without a token endpoint its metadata is asked where that is",
            "\"https://auth.example.com\"",
            text(&args.issuer),
        ),
        (
            "metadata_url",
            "Where the issuer's metadata is, or rfc8414 for the place of that RFC",
            "\"rfc8414\"",
            text(&args.metadata_url),
        ),
        (
            "body",
            "Encoding of the token request's body: form or json",
            "\"form\"",
            args.body.as_ref().map(word),
        ),
        (
            "auth",
            "Client authentication method: post, basic, basic-raw, assertion, private-key-jwt, client-secret-jwt, tls or none",
            "\"basic\"",
            args.auth.as_ref().map(word),
        ),
        ("client_id", "The client id", "\"my-client-id\"", text(&args.client_id)),
        ("key_id", "What the signing key is called at the server (kid)", "\"2026-11\"", text(&args.key_id)),
        (
            "key_thumbprint",
            "Whether its thumbprint (RFC 7638) is its name, in place of key_id",
            "true",
            flag(args.key_thumbprint),
        ),
        (
            "key_certificate",
            "A certificate (PEM) of the signing key, which signed assertions name by x5t#S256",
            "\"client.pem\"",
            args.key_certificate.as_deref().map(absolute).transpose()?,
        ),
        (
            "assertion_audience",
            "Whom signed assertions are for: issuer, token-endpoint or another text",
            "\"issuer\"",
            text(&args.assertion_audience),
        ),
        (
            "assertion_algorithm",
            "How assertions are signed: ES256, ES384, EdDSA, RS256, RS384 or PS256",
            "\"RS384\"",
            args.assertion_algorithm.map(|algorithm| quoted(algorithm.name())),
        ),
        (
            "assertion_header_type",
            "The typ in the header of signed assertions",
            "\"JWT\"",
            text(&args.assertion_header_type),
        ),
        (
            "assertion_not_before",
            "Whether signed assertions say when they begin (nbf)",
            "true",
            flag(args.assertion_not_before),
        ),
        (
            "assertion_claims",
            "Further claims of signed assertions, each a value of TOML that is written as JSON",
            "{ tenant = \"north\" }",
            None,
        ),
        (
            "certificate",
            "The client's certificate (PEM), which the connection to the token endpoint shows",
            "\"client.pem\"",
            args.certificate.as_deref().map(absolute).transpose()?,
        ),
        (
            "certificate_key",
            "Its private key (PEM), if it is not in the same file",
            "\"client-key.pem\"",
            args.certificate_key.as_deref().map(absolute).transpose()?,
        ),
        (
            "certificate_bound",
            "Whether tokens are bound to the certificate (RFC 8705), where they do not say so themselves",
            "true",
            flag(args.certificate_bound),
        ),
        ("scope", "The scopes to request", "[\"orders.read\", \"orders.write\"]", scope),
        (
            "resources",
            "The resources the token is for (RFC 8707)",
            "[\"https://api.example.com/\"]",
            some_list(&args.resource),
        ),
        ("audience", "The audience the token is for", "\"https://api.example.com\"", text(&args.audience)),
        ("params", "Further parameters of the request", "{ tenant = \"north\" }", params(args)?),
        (
            "origins",
            "Where a token may be sent, in addition to the provider's own origins",
            "[\"https://api.example.com\"]",
            some_list(origins),
        ),
        (
            "token_headers",
            "Header fields of token requests, each a string or the place of a secret",
            "{ X-Tenant = \"north\", X-Key = { env = \"NAME\" } }",
            token_headers(args)?,
        ),
        (
            "bearer_words",
            "What this server says in token_type in place of Bearer",
            "[\"BearerToken\"]",
            some_list(&args.bearer_word),
        ),
        ("user_agent", "What token requests say in User-Agent", "\"my-program/1.0\"", text(&args.user_agent)),
        (
            "ca_file",
            "Certificates (PEM) of authorities to trust in addition to this machine's own",
            "\"ca.pem\"",
            args.ca_file.as_deref().map(absolute).transpose()?,
        ),
        ("proxy", "The proxy of every request, or none", "\"http://proxy.example:3128\"", proxy),
        (
            "dangerous_plain_http",
            "Whether plain http is allowed to any host: whoever can read the network has the secret",
            "false",
            flag(args.dangerous_plain_http),
        ),
        ("timeout", "How long one token request may take", "\"10s\"", timeout),
        ("cache", "Whether the token is kept on disk", "true", cache),
    ])
}

/// A file with one profile of this name: what the flags and the variables say, and these origins. It is read as any other
/// would be, and must be without a fault.
pub(crate) fn text(
    path: &Path,
    name: &str,
    args: &ClientArgs,
    origins: &[String],
) -> Result<String, Failure> {
    let mut text = format!("{HEAD}default_profile = {}\n\n[profile.{}]\n", quoted(name), name.to_toml_key());
    for (key, says, example, value) in lines(args, origins)? {
        let line = match value {
            Some(value) => format!("# {says}\n{key} = {value}\n"),
            None => format!("# {says}\n# {key} = {example}\n"),
        };
        text.push_str(&line);
        if key == "client_id" {
            text.push_str(&proof(args)?);
        }
    }
    match Profiles::parse(path.to_owned(), &text).failures(Of::All).next() {
        Some(failure) => Err(failure),
        None => Ok(text),
    }
}

/// Where the secret, the assertion or the key is, or where it may be.
fn proof(args: &ClientArgs) -> Result<String, Failure> {
    let all = [
        ("client_secret", "--client-secret-file", &args.client_secret_file, SECRET),
        ("client_assertion", "--assertion-file", &args.assertion_file, ASSERTION),
        ("signing_key", "--key-file", &args.key_file, KEY),
    ];
    let (mut said, mut unsaid) = (String::new(), String::new());
    for (key, flag, path, comment) in all {
        let Some(path) = path else {
            unsaid.push_str(comment);
            continue;
        };
        if path == Path::new("-") {
            let happened = format!("a configuration file cannot say that the {key} is on stdin");
            return Err(Failure::usage(
                happened.replace('_', " "),
                format!("name a file, or leave {flag} out"),
            ));
        }
        said.push_str(&format!("{key} = {{ file = {} }}\n", absolute(path)?));
        if let (Some(kind), "client_assertion") = (&args.assertion_type, key) {
            said.push_str(&format!("assertion_type = {}\n", quoted(kind.uri())));
        }
    }
    Ok(said + &unsaid)
}

/// A flag's path begins where the command runs, and the file's where the file is.
fn absolute(path: &Path) -> Result<String, Failure> {
    match std::path::absolute(path).map(PathBuf::into_os_string).map(OsString::into_string) {
        Ok(Ok(path)) => Ok(quoted(&path)),
        _ => Err(Failure::usage(
            format!("the path {} is not UTF-8 text", path.display()),
            "name a file with another path",
        )),
    }
}

/// The header fields of the command line. A variable may hold a secret, and is not copied into a file.
fn token_headers(args: &ClientArgs) -> Result<Option<String>, Failure> {
    if args.token_header.is_empty() || matches!(args.whence("token_header"), Whence::Variable(_)) {
        return Ok(None);
    }
    let mut fields = Vec::new();
    for header in args.token_headers()? {
        let value = match &header.value {
            Value::Text(text) => quoted(text),
            Value::Kept(Source::File(path)) => format!("{{ file = {} }}", absolute(path)?),
            // No flag names another place.
            Value::Kept(_) => continue,
        };
        fields.push(format!("{} = {value}", header.name.to_toml_key()));
    }
    Ok(Some(format!("{{ {} }}", fields.join(", "))))
}

/// The parameters of the command line. A variable may hold a secret, and is not copied into a file.
fn params(args: &ClientArgs) -> Result<Option<String>, Failure> {
    if args.param.is_empty() || matches!(args.whence("param"), Whence::Variable(_)) {
        return Ok(None);
    }
    let pairs = args.pairs()?;
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{} = {}", name.to_toml_key(), quoted(value))).collect();
    Ok(Some(format!("{{ {} }}", pairs.join(", "))))
}

/// The variables that are set and not written down, since they may hold a secret.
pub(crate) fn left_out(args: &ClientArgs) -> Vec<Whence> {
    let has_secret = args.proxy().ok().flatten().is_some_and(|proxy| proxy.has_credentials());
    let set = [
        ("param", !args.param.is_empty()),
        ("token_header", !args.token_header.is_empty()),
        ("proxy", has_secret),
    ];
    let said = set.into_iter().filter(|(_, is_set)| *is_set).map(|(id, _)| args.whence(id));
    said.filter(|by| matches!(by, Whence::Variable(_))).collect()
}

/// The word that a flag takes for it.
fn word(value: &impl ValueEnum) -> String {
    quoted(value.to_possible_value().as_ref().map_or("", |value| value.get_name()))
}

/// As `--timeout` takes it.
fn duration(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ms", time.as_millis()),
    }
}

fn flag(said: Option<bool>) -> Option<String> {
    said.map(|said| said.to_string())
}

fn some_list(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| list(texts.iter().map(String::as_str)))
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(quoted).collect::<Vec<_>>().join(", "))
}

/// In one line, whatever is in it.
fn quoted(text: &str) -> String {
    TomlStringBuilder::new(text).as_basic().to_toml_value()
}

/// Writes a file that is not there: all of it, for this user alone, or nothing. What is there stays as it is.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), Failure> {
    vacant(path)?;
    let failed = |error: &io::Error| {
        let happened = format!("the configuration file {} cannot be written", path.display());
        cause::unwritten(&happened, error, "name a place where this user can write with --config PATH")
    };
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    make(folder).map_err(|error| failed(&error))?;
    guard::folder(folder, path, guard::CONFIGURATION)?;
    let mut file = NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all());
    written.map_err(|error| failed(&error))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Err(occupied(path)),
        Err(lost) => Err(failed(&lost.error)),
    }
}

/// Nothing must have this name, not even a link that leads nowhere.
pub(crate) fn vacant(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok() { Err(occupied(path)) } else { Ok(()) }
}

fn occupied(path: &Path) -> Failure {
    Failure::usage(
        format!("{} exists already, and was not changed", path.display()),
        "add a [profile.NAME] to it by hand, or name another file with --config PATH",
    )
}

/// The folder and those that it is in, as far as they are not there, for this user alone.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(test)]
mod tests;
