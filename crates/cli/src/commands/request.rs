//! `evergrant request`: one authorized call, with the one replay after a refused token.

use crate::client::args::{ClientArgs, duration};
use crate::client::network::Network;
use crate::client::setup::Setup;
use crate::commands::runtime::block_on;
use crate::tell::escaped::Escaped;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use crate::tell::stdout;
use clap::Args;
use evergrant_http::proxy::ProxyVariables;
use evergrant_http::{open_files_error, tls_error};
use evergrant_tokio_reqwest::core::{Answer, Excerpt, Refusal, TransportErrorKind};
use evergrant_tokio_reqwest::{Api, ApiError, Origin, Origins, Token, Tokens, Verdict, VerdictRule};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Request, Response, StatusCode, Url};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::time::Duration;

/// A body is kept whole, so that it can be sent again: larger ones are for tools that upload.
const MAX_BODY_MIB: u64 = 64;
const MAX_BODY: u64 = MAX_BODY_MIB * 1024 * 1024;

/// As long as a token request may take by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(after_help = exit_status!(), after_long_help = examples!(
    "evergrant mock -- sh -c 'evergrant request \"$EVERGRANT_MOCK_API/shipments\"'",
    "evergrant mock -- sh -c 'evergrant request -i -d \"{}\" \"$EVERGRANT_MOCK_API/shipments\"'",
    "evergrant mock -- sh -c 'date | evergrant request -X PUT -d @- \"$EVERGRANT_MOCK_API/notes/1\"'",
))]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// The method [default: GET, or POST with --data]
    #[arg(short = 'X', long, value_name = "METHOD")]
    method: Option<String>,
    /// A header field of the request; may be repeated
    #[arg(short = 'H', long, value_name = "K: V")]
    header: Vec<String>,
    /// The body: the text itself, or @FILE, or @- for stdin
    ///
    /// Its Content-Type, unless --header names one, is application/json if it is a JSON object or array, and
    /// application/x-www-form-urlencoded otherwise.
    #[arg(short, long, value_name = "DATA|@FILE|@-")]
    data: Option<String>,
    /// Print the status and the header fields of the answer before its body
    #[arg(short, long)]
    include: bool,
    /// An origin that the token may be sent to, beside the provider's own; may be repeated (in the variable, one per line)
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "EVERGRANT_ALLOW_ORIGIN",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    allow_origin: Vec<String>,
    /// How long the whole call may take [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_time: Option<Duration>,
    /// Wait this long through transient failures of the token request instead of taking the first outcome
    #[arg(long, value_name = "DURATION", value_parser = duration, env = "EVERGRANT_WAIT", hide_env_values = true)]
    wait: Option<Duration>,
    /// Statuses that mean a refused token as well, beside what the provider's rule says (403, 498); may be repeated
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(400..=599))]
    refused_at: Vec<u16>,
    /// What to call. Redirects are not followed
    url: String,
}

pub(crate) fn run(args: &RequestArgs) -> Result<(), Failure> {
    let request = request(args)?;
    let setup = Setup::read(&args.client)?;
    let tokens = setup.tokens(args.wait)?;
    let own = setup.client.provider().origins().iter().cloned().map(Ok);
    let allowed = args.allow_origin.iter().map(|text| setup.origin(text));
    let origins = own.chain(allowed).collect::<Result<Origins, _>>()?;
    admit(request.url(), &origins)?;
    let rule = rule(setup.client.provider().verdict(), &args.refused_at);
    let api =
        Api::new(http(&setup.network, request.url())?, tokens.clone(), origins).with_verdict(rule.clone());
    block_on(async {
        let call = async {
            let first = setup.token(&tokens, args.wait).await?;
            // At the end of the call, and also if it is given up before.
            let settled = Settled { setup: &setup, tokens: &tokens, first };
            let answer = api.execute(request).await.map_err(failure)?;
            let token = tokens.try_token();
            let seen: Vec<&Token> = token.iter().chain([&settled.first]).collect();
            let ended = ended(&answer, &rule, &seen);
            print(answer, args.include).await?;
            ended
        };
        match args.max_time {
            Some(limit) => tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
                let happened = format!("the call took longer than --max-time {limit:?}");
                Err(Failure::api(4, happened, "the API, or the way to it", "try again, or allow more time"))
            }),
            None => call.await,
        }
    })
}

/// Looks after the kept token when it is dropped.
struct Settled<'a> {
    setup: &'a Setup,
    tokens: &'a Tokens,
    first: Token,
}

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        self.setup.settle(self.tokens, &self.first);
    }
}

fn request(args: &RequestArgs) -> Result<Request, Failure> {
    let url = Url::parse(&args.url).ok().filter(Url::has_host).ok_or_else(|| {
        Failure::usage("URL is not an absolute URL", "write it whole, as https://api.example.com/things")
    })?;
    let method = match (&args.method, &args.data) {
        (Some(name), _) => Method::from_bytes(name.as_bytes())
            .map_err(|_| Failure::usage("--method is no HTTP method", "name one, such as GET or PATCH"))?,
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut headers = HeaderMap::new();
    for line in &args.header {
        let (name, value) = header(line)?;
        headers.append(name, value);
    }
    let mut request = Request::new(method, url);
    if let Some(data) = &args.data {
        let body = body(data, &args.client)?;
        headers.entry(CONTENT_TYPE).or_insert_with(|| HeaderValue::from_static(content_type(&body)));
        *request.body_mut() = Some(body.into());
    }
    *request.headers_mut() = headers;
    Ok(request)
}

/// The value may be a secret of the API's: only the name is shown.
fn header(line: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let Some((name, value)) = line.split_once(':') else {
        return Err(Failure::usage("a --header has no :", "write it as --header 'Name: value'"));
    };
    let read = |name: &str| HeaderName::from_bytes(name.trim().as_bytes());
    match (read(name), HeaderValue::from_str(value.trim())) {
        (Ok(AUTHORIZATION), _) => Err(Failure::usage(
            "the request has an Authorization header of its own",
            "leave that --header out: the token is attached by itself",
        )),
        (Ok(name), Ok(mut value)) => {
            value.set_sensitive(true);
            Ok((name, value))
        }
        (Ok(name), Err(_)) => Err(Failure::usage(
            format!("the value of the --header {name} cannot be sent"),
            "leave control characters out",
        )),
        (Err(_), _) => {
            Err(Failure::usage("the name of a --header is none", "write it as --header 'Name: value'"))
        }
    }
}

fn body(data: &str, client: &ClientArgs) -> Result<Vec<u8>, Failure> {
    let Some(name) = data.strip_prefix('@') else { return Ok(data.as_bytes().to_vec()) };
    let unread = |error: io::Error| {
        Failure::usage(
            format!("--data {data} cannot be read: {error}"),
            "name a file that this user can read",
        )
    };
    let mut bytes = Vec::new();
    let read = if name == "-" {
        if client.client_secret_file.as_deref() == Some(Path::new("-")) {
            return Err(Failure::usage(
                "the client secret and --data cannot both come from stdin",
                "put one of them into a file",
            ));
        }
        io::stdin().lock().take(MAX_BODY + 1).read_to_end(&mut bytes)
    } else {
        File::open(name).and_then(|file| file.take(MAX_BODY + 1).read_to_end(&mut bytes))
    };
    if read.map_err(unread)? as u64 > MAX_BODY {
        return Err(Failure::usage(
            format!("--data {data} is longer than {MAX_BODY_MIB} MiB"),
            "send it with a tool for uploads: evergrant token --format header gives the header line",
        ));
    }
    Ok(bytes)
}

fn content_type(body: &[u8]) -> &'static str {
    match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(_) | serde_json::Value::Array(_)) => "application/json",
        _ => "application/x-www-form-urlencoded",
    }
}

/// The origin of a URL that was parsed already; `None` where readers of URLs disagree about it.
fn origin(url: &Url) -> Option<Origin> {
    Origin::from_parts(url.scheme(), url.host_str()?, url.port())
}

/// Says that the token may not go there before one is asked for.
fn admit(url: &Url, origins: &Origins) -> Result<(), Failure> {
    if origin(url).is_some_and(|origin| origins.contains(&origin)) {
        return Ok(());
    }
    let origin = Excerpt::new(&url.origin().ascii_serialization(), &[]).unwrap_or_default();
    Err(Failure::usage(
        format!("the token may not be sent to {origin}"),
        format!("if it is the API's origin, allow it with --allow-origin {origin}"),
    ))
}

/// The client that calls. What an API answers is handed on as it is, so redirects are the caller's to follow.
fn http(network: &Network, url: &Url) -> Result<reqwest::Client, Failure> {
    let builder = network.http(origin(url).as_ref(), CONNECT_TIMEOUT)?;
    let builder = builder.user_agent(concat!("evergrant/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| Failure::system("the HTTP client cannot be built", &error))
}

/// The answer on stdout, as it comes.
async fn print(mut answer: Response, include: bool) -> Result<(), Failure> {
    let mut read = true;
    let mut screen = io::stdout().is_terminal().then(Screen::default);
    let mut show = |bytes: &[u8], last: bool| match &mut screen {
        Some(screen) => stdout::print(screen.show(bytes, last).as_bytes()),
        None => stdout::print(bytes),
    };
    if include {
        let mut head = format!("{:?} {}\r\n", answer.version(), answer.status()).into_bytes();
        for (name, value) in answer.headers() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        read = show(&head, false)?;
    }
    while read && let Some(chunk) = answer.chunk().await.map_err(broken)? {
        read = show(&chunk, false)? && stdout::flush()?;
    }
    show(&[], true)?;
    if screen.is_some_and(|screen| !screen.ended) {
        // What is said next begins a line.
        stdout::print(b"\n")?;
    }
    stdout::flush().map(drop)
}

/// What comes in pieces, made fit for a terminal. Into a pipe it goes as it is.
#[derive(Default)]
struct Screen {
    /// The beginning of a character that is not whole yet.
    begun: Vec<u8>,
    /// Whether the last line has ended.
    ended: bool,
}

impl Screen {
    fn show(&mut self, piece: &[u8], last: bool) -> String {
        self.begun.extend_from_slice(piece);
        let cut = match std::str::from_utf8(&self.begun) {
            Err(error) if !last && error.error_len().is_none() => error.valid_up_to(),
            _ => self.begun.len(),
        };
        let rest = self.begun.split_off(cut);
        let whole = std::mem::replace(&mut self.begun, rest);
        // A header line ends with both, and columns are no harm.
        let text = String::from_utf8_lossy(&whole).replace("\r\n", "\n");
        let lines: Vec<String> = text.split('\t').map(|column| Escaped(column).to_string()).collect();
        let text = lines.join("\t");
        self.ended = if text.is_empty() { self.ended } else { text.ends_with('\n') };
        text
    }
}

/// The provider's rule, for which these statuses mean a refused token as well.
fn rule(provider: &VerdictRule, refused_at: &[u16]) -> VerdictRule {
    if refused_at.is_empty() {
        return provider.clone();
    }
    let (own, judge) = (provider.clone(), provider.clone());
    let refused: Vec<u16> = refused_at.to_vec();
    VerdictRule::custom_with_body(
        move |status| own.needs_body(status),
        move |answer| {
            if refused.contains(&answer.status()) { Verdict::TokenRefused } else { judge.judge(answer) }
        },
    )
}

/// What the answer means for the command's own status. An API may repeat a token that it got.
fn ended(answer: &Response, rule: &VerdictRule, tokens: &[&Token]) -> Result<(), Failure> {
    let status = answer.status();
    let masks: Vec<&str> = tokens.iter().map(|token| token.value().expose()).collect();
    let field = |name| {
        let value: &HeaderValue = answer.headers().get(name)?;
        // The query of a URL may hold what is nobody's business.
        let shown = value.to_str().ok()?.split(['?', '#']).next()?;
        Excerpt::new(shown, &masks)
    };
    if status.is_redirection() {
        if let Some(elsewhere) = field(LOCATION) {
            stderr::note(format_args!("the API points to {elsewhere}, which is not followed"));
        }
        return Ok(());
    }
    if !(status.is_client_error() || status.is_server_error()) {
        return Ok(());
    }
    let happened = format!("the API answered http {status}");
    let transient = status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status);
    if transient {
        let next = match field(RETRY_AFTER) {
            Some(wait) => format!("try again; its Retry-After says {wait}"),
            None => "try again later".into(),
        };
        return Err(Failure::api(4, happened, "the API", &next));
    }
    // What a challenge says (RFC 6750 §3) tells more than the status.
    let lines: Vec<_> =
        answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let seen = Answer::new(status.as_u16(), &lines, None);
    let challenges = seen.challenges();
    let said = |name| challenges.iter().find_map(|challenge| Excerpt::new(challenge.param(name)?, &masks));
    let happened = match (said("error"), said("error_description")) {
        (Some(error), Some(words)) => format!("{happened}: {error}: {words}"),
        (Some(error), None) => format!("{happened}: {error}"),
        (None, _) => happened,
    };
    let next = match (rule.judge(&seen), status) {
        (Verdict::InsufficientScope, _) => match said("scope") {
            Some(scope) => format!("request a token with the scope {scope}, or ask the API's operator to allow it"),
            None => "request a token with a scope that allows it, or ask the API's operator to allow it".into(),
        },
        (Verdict::TokenRefused, _) | (_, StatusCode::UNAUTHORIZED) => {
            "check that this API accepts tokens of this authorization server, and for this audience or resource".into()
        }
        (_, StatusCode::FORBIDDEN) => "ask for a scope that allows it, or the API's operator to allow it".into(),
        _ => "change the request; the answer's body may say how".to_owned(),
    };
    Err(Failure::api(3, happened, "the request", &next))
}

fn failure(error: ApiError) -> Failure {
    match error {
        ApiError::Token(error) => error.into(),
        ApiError::Http(error) => broken(error),
        other => Failure::api(4, other.to_string(), "the API, or the way to it", "try again"),
    }
}

/// In words, from the outside in, without the URL: its query may hold what is nobody's business.
fn broken(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = inner.source();
    }
    // The words of the token request, where it would have failed like this.
    if let Some(known) = open_files_error(&error).or_else(|| tls_error(&error)) {
        let at_fault = match known.kind() {
            TransportErrorKind::NoFile => "this machine",
            _ => "the API's TLS, or this machine's trusted roots",
        };
        return Failure::api(4, format!("the call failed: {known}"), at_fault, Refusal::from(known).advice());
    }
    if let Some((_, tunnel)) = words.split_once("tunnel error: ") {
        let which = if ProxyVariables::from_env().is_unset() {
            "the system's proxy"
        } else {
            "the proxy that the environment names"
        };
        let tunnel = Excerpt::new(tunnel, &[]).unwrap_or_default();
        return Failure::api(
            4,
            format!("the call failed: {which} did not open a connection: {tunnel}"),
            "the proxy, or the variable that names it",
            "check the proxy's address, its user and password, and whether it lets the API through; doctor names it",
        );
    }
    let words = Excerpt::new(&words, &[]).unwrap_or_default();
    Failure::api(
        4,
        format!("the call failed: {words}"),
        "the API, or the connection to it",
        "check the host and the port, and try again",
    )
}
