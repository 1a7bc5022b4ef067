//! HTTP/1.1 as it is written (RFC 9112): a response, whole or spoilt.

use std::io;

use crate::clock::http_date;
use crate::stream::Stream;
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

/// How hard packers try, as zlib counts it.
const EFFORT: u8 = 6;

/// Bytes of padding written at once.
const PIECE: usize = 64 * 1024;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(self, media_type: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let mut response = self.header("Content-Type", media_type);
        response.body = body.into();
        response
    }

    /// A JSON:API error document with one error, as MyParcel.com writes it: `status` and `code` are strings.
    pub(crate) fn json_api_error(status: u16, code: &str, title: &str, detail: &str) -> Self {
        let error = serde_json::json!({
            "errors": [{ "status": status.to_string(), "code": code, "title": title, "detail": detail }]
        });
        Self::new(status).body("application/vnd.api+json", error.to_string())
    }
}

impl Response {
    /// The same as deflate, with its zlib wrapper (RFC 1950).
    pub(crate) fn deflate(&self) -> Self {
        let body = compress_to_vec_zlib(&self.body, EFFORT);
        Self { body, ..self.clone() }.header("Content-Encoding", "deflate")
    }

    /// The same as one member of gzip (RFC 1952).
    pub(crate) fn gzip(&self) -> Self {
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        body.extend(compress_to_vec(&self.body, EFFORT));
        body.extend(crc32(&self.body).to_le_bytes());
        body.extend(length.to_le_bytes());
        Self { body, ..self.clone() }.header("Content-Encoding", "gzip")
    }
}

/// RFC 1952 §8, bit by bit: it is for answers of some hundred bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _: i32| if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

/// A response on its way: to which request, when, and whether the connection ends with it.
pub(crate) struct Departure<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) now: i64,
    /// Seconds that it says it spent in caches.
    pub(crate) age: Option<u64>,
    /// The request was a HEAD: the header says what a GET would, and no body follows.
    pub(crate) head_only: bool,
    pub(crate) close: bool,
}

impl Departure<'_> {
    /// The whole response, in one write.
    pub(crate) fn whole(&self, response: &Response) -> io::Result<()> {
        self.part(response, response.body.len())
    }

    /// The header, and the body's first `length` bytes.
    pub(crate) fn part(&self, response: &Response, length: usize) -> io::Result<()> {
        let mut bytes = self.head(response, response.body.len());
        if self.has_body(response) {
            bytes.extend_from_slice(&response.body[..length]);
        }
        self.write(&bytes)
    }

    /// The response, its JSON object grown to `length` bytes by a member `padding` at its beginning.
    pub(crate) fn padded(&self, response: &Response, length: usize) -> io::Result<()> {
        const OPENING: &[u8] = b"{\"padding\":\"";
        const CLOSING: &[u8] = b"\",";
        let Some(rest) = response.body.strip_prefix(b"{") else {
            return self.whole(response);
        };
        let Some(mut padding) = length.checked_sub(OPENING.len() + CLOSING.len() + rest.len()) else {
            return self.whole(response);
        };
        self.write(&self.head(response, length))?;
        if !self.has_body(response) {
            return Ok(());
        }
        self.write(OPENING)?;
        let piece = [b'x'; PIECE];
        while padding > 0 {
            let now = padding.min(PIECE);
            self.write(&piece[..now])?;
            padding -= now;
        }
        self.write(&[CLOSING, rest].concat())
    }

    /// A whole response is on its way; true when the connection goes on.
    pub(crate) fn end(&self) -> bool {
        if self.close {
            self.stream.farewell();
        }
        !self.close
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write(bytes)
    }

    pub(crate) fn has_body(&self, response: &Response) -> bool {
        !self.head_only && !matches!(response.status, 100..200 | 204 | 304)
    }

    fn head(&self, response: &Response, length: usize) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
        let mut field = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        let given = |name: &str| response.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        if !given("date") {
            field("Date", &http_date(self.now));
        }
        if let Some(age) = self.age {
            field("Age", &age.to_string());
        }
        for (name, value) in &response.headers {
            field(name, value);
        }
        if !given("content-length") && !matches!(response.status, 100..200 | 204 | 304) {
            field("Content-Length", &length.to_string());
        }
        if self.close && !given("connection") {
            field("Connection", "close");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// The reason phrase: nobody may read it (RFC 9112 §4), and people do.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
