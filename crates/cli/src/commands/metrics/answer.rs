//! One request over HTTP/1.1, and its answer (RFC 9112): just what a program that fetches metrics needs.

use crate::tell::metrics::CONTENT_TYPE;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A request for metrics is a few hundred bytes.
const LONGEST_HEAD: u64 = 16 * 1024;

/// Reads one request, and answers with the metrics if it asks for them. The connection is closed afterwards.
pub(super) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    metrics: impl FnOnce() -> String,
) -> io::Result<()> {
    let head = head(stream).await?;
    stream.write_all(answer(&head, metrics).as_bytes()).await?;
    stream.shutdown().await
}

/// All to the empty line; less from a client that ends before, or sends too much.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let (mut limited, mut head) = (stream.take(LONGEST_HEAD), Vec::new());
    while !is_whole(&head) && limited.read_buf(&mut head).await? > 0 {}
    Ok(head)
}

fn is_whole(head: &[u8]) -> bool {
    head.windows(4).any(|end| end == b"\r\n\r\n")
}

fn answer(head: &[u8], metrics: impl FnOnce() -> String) -> String {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let &[method, target, version] = &words[..] else { return refusal("400 Bad Request", "") };
    if !version.starts_with(b"HTTP/1.") || !is_whole(head) {
        return refusal("400 Bad Request", "");
    }
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    match (method, path) {
        (b"GET", b"/metrics") => full(&metrics(), true),
        (b"HEAD", b"/metrics") => full(&metrics(), false),
        (_, b"/metrics") => refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
        _ => refusal("404 Not Found", ""),
    }
}

fn full(text: &str, with_body: bool) -> String {
    let length = text.len();
    let body = if with_body { text } else { "" };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn refusal(status: &str, header: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

#[cfg(test)]
mod tests;
