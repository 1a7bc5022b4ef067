//! `evergrant mock`: the servers of the demonstration, to try things against.

mod assertion;
mod background;
mod fail;
mod greeting;
mod place;
mod tls;
mod trust;

use crate::client::args::{duration, number};
use crate::commands::child::{self, Signals};
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use assertion::Claim;
use clap::{Args, ValueEnum, ValueHint};
use evergrant_mock::{Builder, Endpoint, ErrorStyle, JwtTimes, Server, TokenStyle};
use fail::Fail;
use place::Place;
use std::convert::Infallible;
use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tls::Tls;
use tokio::process::Command;

#[derive(Debug, Args)]
#[command(override_usage = "evergrant mock [OPTIONS] [-- <CMD>...]", after_long_help = examples!(
    "evergrant mock -- sh",
    "evergrant mock --lifetime 5s --style opaque -- sh -c \\",
    "  'evergrant token | evergrant inspect'",
    "evergrant mock --fail 503:2 --delay 100ms -- \\",
    "  evergrant -q token --wait 20s",
    "evergrant mock --tls -- sh -c \\",
    "  'curl -sS --cacert \"$EVERGRANT_CA_FILE\" -i \"$EVERGRANT_MOCK_API\"'",
    "lines=$(evergrant mock --env --for 5m) && eval \"$lines\" && \\",
    "  evergrant token; kill \"$EVERGRANT_MOCK_PID\"";
    usage, transient, signal, program
))]
pub(crate) struct MockArgs {
    /// Port; 0 picks a free one
    ///
    /// The address is 127.0.0.1.
    #[arg(long, default_value_t = 0, value_parser = number(0..=u16::MAX), env = "EVERGRANT_MOCK_PORT", hide_env_values = true)]
    pub(crate) port: u16,
    /// Lifetime of its tokens
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(crate) lifetime: Duration,
    /// Kind of its tokens
    #[arg(long, value_enum, default_value_t)]
    pub(crate) style: Style,
    /// Format of its errors
    #[arg(long, value_enum, default_value_t)]
    pub(crate) errors: Errors,
    /// Fail token requests; may be repeated
    ///
    /// The first N token requests are answered with this status and no body, or every one without :N. Repeated
    /// flags apply in order: --fail 503:2 --fail 429:1.
    #[arg(long, value_name = "STATUS[:N]", value_parser = fail::fail)]
    pub(crate) fail: Vec<Fail>,
    /// Fail calls to the API; may be repeated
    ///
    /// As --fail, for calls to the API, whatever token they carry.
    #[arg(long, value_name = "STATUS[:N]", value_parser = fail::fail)]
    pub(crate) fail_api: Vec<Fail>,
    /// Fail requests for the metadata; may be repeated
    ///
    /// As --fail, for /.well-known/openid-configuration and /.well-known/oauth-authorization-server.
    #[arg(long, value_name = "STATUS[:N]", value_parser = fail::fail)]
    pub(crate) fail_metadata: Vec<Fail>,
    /// Issuer in the metadata
    ///
    /// A text that begins with a slash is a path at the address of the servers. Default: their address. It is the audience
    /// of assertions by the keys of --client-keys, and EVERGRANT_MOCK_ISSUER to the program.
    #[arg(long, value_name = "ISSUER", default_value = "", hide_default_value = true)]
    pub(crate) issuer: String,
    /// Delay each answer of the token endpoint
    ///
    /// The lifetime of a token begins before the delay. Neither the answers of --fail nor those of the API are
    /// delayed.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) delay: Option<Duration>,
    /// Revoke all tokens each time this has passed
    ///
    /// With 90s: every 90 s. Tokens issued afterwards work.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) revoke_all_after: Option<Duration>,
    /// File (JWK, JWKS or PEM) of keys whose assertions are accepted
    ///
    /// A client may then authenticate with a JWT that one of these keys signed (client_assertion, RFC 7523), as well as with
    /// its secret: the token of a Kubernetes service account, or a SPIFFE JWT-SVID. A refusal says which check failed.
    /// The keys are read once, at the start.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "assertion_audience")]
    pub(crate) trust_keys: Option<PathBuf>,
    /// Audience that assertions must have
    ///
    /// With --trust-keys, a text. With --client-keys alone, token-endpoint or issuer, which is the default: other servers want
    /// their token endpoint (RFC 7523 §3), and a text of one's own is said with --issuer. With --print-assertion, the audience
    /// that it has. Default there: EVERGRANT_MOCK_ISSUER.
    #[arg(long, value_name = "AUD")]
    pub(crate) assertion_audience: Option<String>,
    /// File (JWK, JWKS or PEM) of public keys of the client
    ///
    /// The client may then authenticate with an assertion that it signs itself (private_key_jwt, RFC 7523), as well as with its
    /// secret. iss and sub are its client ID, aud is the issuer, or what --assertion-audience says, exp is at most 5 min ahead, and each jti is accepted once. A
    /// refusal says which check failed. evergrant key prints such a file; a private key is refused. Not with
    /// --client-certificates: a client is registered with one of the two.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) client_keys: Option<PathBuf>,
    /// File (PEM) of certificates of the client
    ///
    /// The client may then authenticate with one of these certificates (self_signed_tls_client_auth, RFC 8705), as well as with
    /// its secret; its tokens are bound to the certificate. With --tls, and not with --client-keys.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls", conflicts_with = "client_keys")]
    pub(crate) client_certificates: Option<PathBuf>,
    /// Print an assertion signed with this private key
    ///
    /// The key is in PEM (PKCS#8). The assertion is the client's own, for one token request within 60 s, by servers that have
    /// the public key in --client-keys. No servers are started.
    #[arg(long, value_name = "KEY", value_hint = ValueHint::FilePath,
        conflicts_with_all = ["command", "env", "lasts", "trust_keys", "client_keys", "tls"])]
    pub(crate) print_assertion: Option<PathBuf>,
    /// Set a claim of the assertion; may be repeated
    ///
    /// The value is JSON, or else a text: sub=orders, exp=1900000000, aud=["one","another"].
    #[arg(long, value_name = "NAME=VALUE", value_parser = assertion::claim, requires = "print_assertion")]
    pub(crate) claim: Vec<Claim>,
    /// Serve HTTPS
    ///
    /// The certificate is made at the start, for localhost, 127.0.0.1 and ::1. Its root certificate is in a PEM
    /// file that EVERGRANT_CA_FILE names to the program, and that is removed at the end.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Stop after this time, without a program
    ///
    /// Default: 1h with --env, otherwise when it is interrupted.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, conflicts_with = "command")]
    pub(crate) lasts: Option<Duration>,
    /// Run in the background, for a shell
    ///
    /// It prints variables for a POSIX shell: lines=$(evergrant mock --env); eval "$lines". The command ends once the servers listen. They end when
    /// the time of --for has passed, or with kill "$EVERGRANT_MOCK_PID"; the end of the shell does not end them.
    /// All other EVERGRANT_ variables are unset, so that the shell is not the client of another server.
    #[arg(long, conflicts_with = "command")]
    pub(crate) env: bool,
    /// End with who started it, until a byte on stdin lets it loose
    #[arg(long, hide = true)]
    pub(crate) leashed: bool,
    /// Program to run against the servers, and its arguments
    ///
    /// The servers end with it, and the command ends with its exit status. It finds them in
    /// EVERGRANT_TOKEN_ENDPOINT and the like, and the origin of the API in EVERGRANT_MOCK_API. stdout belongs to
    /// the program, also with --json.
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true,
        value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Style {
    /// Signed JWTs whose exp is a fraction
    #[default]
    Jwt,
    /// Random characters
    Opaque,
    /// The same token again until it ends
    Sticky,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Errors {
    /// RFC 6749 §5.2
    #[default]
    Rfc6749,
    /// MyParcel.com's JSON:API errors
    Myparcel,
}

pub(crate) fn run(args: &MockArgs, manner: Manner) -> Result<ExitCode, Failure> {
    fail::check("--fail", &args.fail)?;
    fail::check("--fail-api", &args.fail_api)?;
    fail::check("--fail-metadata", &args.fail_metadata)?;
    if let Some(key) = &args.print_assertion {
        let audience = args.assertion_audience.as_deref();
        return assertion::print(key, audience, &args.claim, manner).map(|()| ExitCode::SUCCESS);
    }
    if args.assertion_audience.is_some() && args.trust_keys.is_none() && args.client_keys.is_none() {
        return Err(Failure::usage(
            "--assertion-audience is for --client-keys, --trust-keys or --print-assertion, and none of them is there",
            "name the file of the client's own keys with --client-keys, or of an issuer's with --trust-keys",
        ));
    }
    if args.env {
        return background::start(args.lasts, manner).map(|()| ExitCode::SUCCESS);
    }
    let tls = args.tls.then(Tls::new).transpose()?;
    let server = args.server(tls.as_ref())?;
    // In the background nothing of the caller's is kept open, nor the folder that it is in.
    #[cfg(unix)]
    if args.leashed {
        std::env::set_current_dir("/")
            .map_err(|error| Failure::system("the servers cannot be started", &error))?;
    }
    let program = child::command(&args.command);
    block_on(async {
        let mut signals = Signals::caught()?;
        let place = Place::of(&server, tls.as_ref().map(Tls::ca_file).transpose()?);
        let job = async {
            match program {
                Some(command) => {
                    greeting::greet(&place, &args.command);
                    child::run(against(&place, command), &mut signals).await
                }
                None => serve_until(&place, args, manner, signals).await,
            }
        };
        tokio::select! {
            done = job => done,
            never = revoke(&server, args.revoke_all_after) => match never {},
        }
    })
}

impl MockArgs {
    fn server(&self, tls: Option<&Tls>) -> Result<Server, Failure> {
        let style = match self.style {
            Style::Jwt => TokenStyle::Jwt(JwtTimes::Float),
            Style::Opaque => TokenStyle::Opaque,
            Style::Sticky => TokenStyle::Sticky,
        };
        let errors = match self.errors {
            Errors::Rfc6749 => ErrorStyle::Rfc6749,
            Errors::Myparcel => ErrorStyle::MyParcel,
        };
        let mut server = Server::builder()
            .address(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
            .issuer(&self.issuer)
            .lifetime(self.lifetime)
            .style(style)
            .errors(errors);
        if let (Some(path), Some(audience)) = (&self.trust_keys, &self.assertion_audience) {
            server = trust::read(path, audience)?.into_iter().fold(server, Builder::trusts);
        }
        if let Some(path) = &self.client_keys {
            let audience = self.assertion_audience.as_deref().filter(|_| self.trust_keys.is_none());
            server = server.registers(trust::client_keys(path, audience)?);
        }
        if let Some(path) = &self.client_certificates {
            server = server.asks_for_certificates().registers(trust::client_certificates(path)?);
        }
        if let Some(tls) = tls {
            server = server.tls(tls.chain(), tls.key());
        }
        let server = server.start().map_err(|error| self.unusable(&error))?;
        server.set_delay(Endpoint::Token, self.delay.unwrap_or_default());
        fail::script(&server, Endpoint::Token, &self.fail);
        fail::script(&server, Endpoint::Resource, &self.fail_api);
        fail::script(&server, Endpoint::Metadata, &self.fail_metadata);
        Ok(server)
    }

    fn unusable(&self, error: &io::Error) -> Failure {
        Failure::usage(format!("port {} cannot be used: {error}", self.port), "name another --port")
    }
}

/// Revokes all tokens each time this has passed, without end.
async fn revoke(server: &Server, after: Option<Duration>) -> Infallible {
    let Some(after) = after else { return pending().await };
    loop {
        tokio::time::sleep(after).await;
        server.revoke_all();
    }
}

/// Tells where the servers are, which may take as long as its reader likes, and waits for their end.
async fn serve_until(
    place: &Place,
    args: &MockArgs,
    manner: Manner,
    signals: Signals,
) -> Result<ExitCode, Failure> {
    let (told, lasts) = (place.clone(), args.lasts);
    let telling = tokio::task::spawn_blocking(move || tell(&told, lasts, manner));
    let watched = async {
        match telling.await {
            Ok(Ok(())) if args.leashed => background::let_loose().await,
            Ok(Ok(())) | Err(_) => pending().await,
            Ok(Err(failure)) => Err(failure),
        }
    };
    tokio::select! {
        failed = watched => failed,
        status = until_ended(signals, lasts) => Ok(status),
    }
}

/// Waits until the time is over or a signal comes.
async fn until_ended(mut signals: Signals, lasts: Option<Duration>) -> ExitCode {
    let Some(lasts) = lasts else { return child::ended_by(&mut signals).await };
    tokio::select! {
        status = child::ended_by(&mut signals) => status,
        () = tokio::time::sleep(lasts) => ExitCode::SUCCESS,
    }
}

fn tell(place: &Place, lasts: Option<Duration>, manner: Manner) -> Result<(), Failure> {
    if manner.json {
        stdout::json(&place.json())?;
    } else {
        let lasts = lasts.map(|lasts| format!("for {lasts:?}, or ")).unwrap_or_default();
        stdout::plain(&format!("{}\nIt runs {lasts}until it is interrupted.", place.words()))?;
    }
    // Whoever started it may wait for these lines in a pipe.
    stdout::flush()?;
    Ok(())
}

/// The program as a client of these servers, and of no other.
fn against(place: &Place, mut command: Command) -> Command {
    for name in Place::others() {
        command.env_remove(name);
    }
    command.envs(place.variables());
    command
}
