//! The answer, as it comes or as JSON.

use super::ended::broken;
use super::output::Sink;
use crate::tell::failure::Failure;
use crate::tell::stdout;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Response;
use serde_json::{Map, Value, json};

/// As much as an object can hold in memory, without harm to the machine.
const MAX_MIB: usize = 64;

/// The answer itself.
pub(super) async fn print(answer: Response, include: bool, sink: Sink) -> Result<(), Failure> {
    write(answer, include, sink).await.map(drop)
}

/// One object on stdout, with the body in it unless that goes into a file.
pub(super) async fn object(mut answer: Response, include: bool, sink: Sink) -> Result<(), Failure> {
    let mut object = head(&answer);
    match sink.path().map(|path| path.to_string_lossy().into_owned()) {
        Some(path) => {
            object["output"] = path.into();
            object["bytes"] = write(answer, include, sink).await?.into();
        }
        None => match String::from_utf8(body(&mut answer).await?) {
            Ok(text) => object["body"] = text.into(),
            Err(error) => object["body_base64"] = STANDARD.encode(error.as_bytes()).into(),
        },
    }
    stdout::json(&object).map(drop)
}

/// Returns how many bytes the body has, as far as somebody reads it.
async fn write(mut answer: Response, include: bool, mut sink: Sink) -> Result<u64, Failure> {
    let mut read = !include || sink.write(&head_lines(&answer))?;
    let mut bytes = 0;
    while read && let Some(chunk) = answer.chunk().await.map_err(|error| broken(error, None))? {
        bytes += chunk.len() as u64;
        read = sink.write(&chunk)?;
    }
    sink.finish()?;
    Ok(bytes)
}

async fn body(answer: &mut Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| broken(error, None))? {
        if body.len() + chunk.len() > MAX_MIB * 1024 * 1024 {
            return Err(Failure::usage(
                format!("the body is longer than {MAX_MIB} MiB, which is too long for --json"),
                "write it into a file with --output, or leave --json out",
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Status, URL and header fields; those of one name are together.
fn head(answer: &Response) -> Value {
    let mut headers = Map::new();
    for name in answer.headers().keys() {
        let values = answer.headers().get_all(name).iter();
        let values: Vec<Value> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned().into()).collect();
        headers.insert(name.as_str().to_owned(), values.into());
    }
    json!({ "status": answer.status().as_u16(), "url": answer.url().as_str(), "headers": headers })
}

/// The status and the header fields as HTTP has them.
fn head_lines(answer: &Response) -> Vec<u8> {
    let mut head = format!("{:?} {}\r\n", answer.version(), answer.status()).into_bytes();
    for (name, value) in answer.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
