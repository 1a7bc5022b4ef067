//! What the command line says of the request.

use super::reach;
use crate::tell::failure::Failure;
use clap::{Args, ValueHint};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use reqwest::{Method, Request, Url};
use std::fs::File;
use std::io::{self, Read};

/// A body is kept whole, so that it can be sent again: larger ones are for tools that upload.
const MAX_BODY_MIB: u64 = 64;
const MAX_BODY: u64 = MAX_BODY_MIB * 1024 * 1024;

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(super) struct Said {
    /// Method of the request
    ///
    /// Default: GET, or POST with --data.
    #[arg(short = 'X', long, value_name = "METHOD")]
    method: Option<String>,
    /// Header of the request; may be repeated
    #[arg(short = 'H', long, value_name = "K: V")]
    header: Vec<String>,
    /// Body: the text itself, @FILE, or @- for stdin
    ///
    /// Its Content-Type, unless --header names one, is application/json if it is a JSON object or array, and
    /// application/x-www-form-urlencoded otherwise.
    #[arg(short, long, value_name = "DATA")]
    data: Option<String>,
    /// What to call
    ///
    /// Redirects are not followed without --location.
    #[arg(value_hint = ValueHint::Url, help_heading = None)]
    url: String,
}

impl Said {
    /// The request. `secret_on_stdin`: the client secret is read from there, so that the body cannot be.
    pub(super) fn request(&self, secret_on_stdin: bool) -> Result<Request, Failure> {
        let url = Url::parse(&self.url).ok().filter(Url::has_host).ok_or_else(|| {
            Failure::usage(
                "URL is not an absolute URL",
                "write it in full, such as https://api.example.com/things",
            )
        })?;
        reach::unambiguous(&self.url)?;
        let method = match (&self.method, &self.data) {
            (Some(name), _) => Method::from_bytes(name.as_bytes()).map_err(|_| {
                Failure::usage("--method is not an HTTP method", "name one, such as GET or PATCH")
            })?,
            (None, Some(_)) => Method::POST,
            (None, None) => Method::GET,
        };
        let mut headers = HeaderMap::new();
        for line in &self.header {
            let (name, value) = header(line)?;
            headers.append(name, value);
        }
        let mut request = Request::new(method, url);
        if let Some(data) = &self.data {
            let body = body(data, secret_on_stdin)?;
            headers.entry(CONTENT_TYPE).or_insert_with(|| HeaderValue::from_static(content_type(&body)));
            *request.body_mut() = Some(body.into());
        }
        let is_empty = request.body().and_then(reqwest::Body::as_bytes).is_none_or(<[u8]>::is_empty);
        if is_empty && [Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
            // So that no server waits for a body, or refuses with 411 (RFC 9110 §8.6).
            headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
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
            "leave that --header out: evergrant adds the token",
        )),
        // Another length than that of the body would cut it, or make the server wait.
        (Ok(name @ (CONTENT_LENGTH | TRANSFER_ENCODING)), _) => Err(Failure::usage(
            format!("the request has a header {name} of its own"),
            "leave that --header out: the length is that of the body",
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
            Err(Failure::usage("the name of a --header is not valid", "write it as --header 'Name: value'"))
        }
    }
}

fn body(data: &str, secret_on_stdin: bool) -> Result<Vec<u8>, Failure> {
    let Some(name) = data.strip_prefix('@') else { return Ok(data.as_bytes().to_vec()) };
    let unread = |error: io::Error| {
        Failure::usage(
            format!("--data {data} cannot be read: {error}"),
            "name a file that this user can read",
        )
    };
    let mut bytes = Vec::new();
    let read = if name == "-" {
        if secret_on_stdin {
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
