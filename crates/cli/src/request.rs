//! `evergrant request`: one authorized call, with the one replay after a refused token.

use crate::args::{ClientArgs, duration};
use crate::config::Setup;
use crate::failure::Failure;
use crate::{runtime, stdout};
use clap::Args;
use evergrant_tokio_reqwest::core::Excerpt;
use evergrant_tokio_reqwest::{Api, ApiError, Origin, Origins, proxied};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Request, Response, StatusCode, Url};
use std::fs::File;
use std::io::{self, Read};
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
    /// What to call. Redirects are not followed
    url: String,
}

pub(crate) fn run(args: &RequestArgs) -> Result<(), Failure> {
    let request = request(args)?;
    let setup = Setup::read(&args.client)?;
    let tokens = setup.tokens(args.wait)?;
    let own = setup.client.provider().origins().iter().cloned().map(Ok);
    let allowed = args.allow_origin.iter().map(|text| Origin::parse(text));
    let origins = own.chain(allowed).collect::<Result<Origins, _>>()?;
    admit(request.url(), &origins)?;
    let api = Api::new(http(request.url())?, tokens.clone(), origins);
    runtime()?.block_on(async {
        let call = async {
            let first = setup.token(&tokens, args.wait).await?;
            let answer = api.execute(request).await.map_err(failure)?;
            if tokens.try_token().is_some_and(|held| held.generation() != first.generation()) {
                // What was refused is of no use to the next invocation either.
                setup.keep(&tokens);
            }
            let verdict = verdict(&answer);
            print(answer, args.include).await?;
            verdict
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
fn http(url: &Url) -> Result<reqwest::Client, Failure> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("evergrant/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT);
    if let Some(origin) = origin(url) {
        builder = proxied(builder, &origin)?;
    }
    builder.build().map_err(|error| Failure::system("the HTTP client cannot be built", &error))
}

/// The answer on stdout, as it comes.
async fn print(mut answer: Response, include: bool) -> Result<(), Failure> {
    let mut read = true;
    if include {
        let mut head = format!("{:?} {}\r\n", answer.version(), answer.status()).into_bytes();
        for (name, value) in answer.headers() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        read = stdout::print(&head)?;
    }
    while read && let Some(chunk) = answer.chunk().await.map_err(broken)? {
        read = stdout::print(&chunk)? && stdout::flush()?;
    }
    stdout::flush().map(drop)
}

/// What the status means for the command's own.
fn verdict(answer: &Response) -> Result<(), Failure> {
    let status = answer.status();
    let field = |name| {
        let value: &HeaderValue = answer.headers().get(name)?;
        Excerpt::new(value.to_str().ok()?, &[])
    };
    if status.is_redirection() {
        if let Some(elsewhere) = field(LOCATION) {
            eprintln!("note: the API points to {elsewhere}, which is not followed");
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
    let next = match status {
        StatusCode::UNAUTHORIZED => "check that this API accepts tokens of this authorization server",
        StatusCode::FORBIDDEN => "ask for a scope that allows it, or the API's operator to allow it",
        _ => "change the request; the answer's body may say how",
    };
    Err(Failure::api(3, happened, "the request", next))
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
    let words = Excerpt::new(&words, &[]).unwrap_or_default();
    Failure::api(
        4,
        format!("the call failed: {words}"),
        "the API, or the way to it",
        "check the host and the port, and try again",
    )
}
