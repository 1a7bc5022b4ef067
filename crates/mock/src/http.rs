//! HTTP/1.1 as it is read (RFC 9112): a request, with its bounds.

use std::io;

use crate::session::{Certificate, Session};
use crate::stream::Stream;

/// Bytes of a request line and header: two tokens of 16 KiB fit, which is more than any client should send.
pub(crate) const MAX_HEAD: usize = 32 * 1024;
/// Header fields.
const MAX_FIELDS: usize = 100;
/// Bytes of a request body.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// Bytes of the line that opens a chunk.
const MAX_CHUNK_LINE: usize = 1024;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the client means to send another request on this connection.
    pub(crate) keep_alive: bool,
    /// If it came over TLS.
    pub(crate) session: Option<Session>,
}

impl Request {
    /// The first field of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every field of this name, in any case.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        all(&self.headers, name)
    }

    /// The certificate that the client showed.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.session.as_ref()?.certificate.as_ref()
    }

    pub(crate) fn path(&self) -> &str {
        path_of(&self.target)
    }
}

/// The path of a request target, in origin form or absolute form (RFC 9112 §3.2).
pub(crate) fn path_of(target: &str) -> &str {
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let target = &target[..end];
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    }
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum Bad {
    /// The connection ended, or was silent for too long, or was cut.
    Gone,
    /// What came is answered with this status, and nothing more is read.
    Status(u16),
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads requests from a connection.
#[derive(Default)]
pub(crate) struct Reader {
    buffer: Vec<u8>,
}

struct Head {
    request: Request,
    framing: Framing,
    expects_continue: bool,
}

enum Framing {
    Length(usize),
    Chunked,
}

impl Reader {
    /// The next request, read in full.
    pub(crate) fn next(&mut self, stream: &Stream) -> Result<Request, Bad> {
        let (mut head, used) = loop {
            if let Some(parsed) = parse_head(&self.buffer)? {
                break parsed;
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(Bad::Status(431));
            }
            self.fill(stream)?;
        };
        if used > MAX_HEAD {
            return Err(Bad::Status(431));
        }
        self.buffer.drain(..used);
        if let Framing::Length(length) = head.framing
            && length > MAX_BODY
        {
            return Err(Bad::Status(413));
        }
        if head.expects_continue && self.buffer.is_empty() {
            stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        head.request.body = match head.framing {
            Framing::Length(length) => {
                self.want(stream, length)?;
                self.buffer.drain(..length).collect()
            }
            Framing::Chunked => self.chunks(stream)?,
        };
        head.request.session = stream.session();
        Ok(head.request)
    }

    fn want(&mut self, stream: &Stream, bytes: usize) -> Result<(), Bad> {
        while self.buffer.len() < bytes {
            self.fill(stream)?;
        }
        Ok(())
    }

    /// Reads some more; it is an error when there is no more.
    fn fill(&mut self, stream: &Stream) -> Result<(), Bad> {
        let mut chunk = [0; 16 * 1024];
        match stream.read(&mut chunk)? {
            0 => Err(Bad::Gone),
            read => {
                self.buffer.extend_from_slice(&chunk[..read]);
                Ok(())
            }
        }
    }

    fn chunks(&mut self, stream: &Stream) -> Result<Vec<u8>, Bad> {
        let mut body = Vec::new();
        loop {
            let (line, size) = loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(httparse::Status::Complete(parsed)) => break parsed,
                    Ok(httparse::Status::Partial) if self.buffer.len() <= MAX_CHUNK_LINE => {
                        self.fill(stream)?;
                    }
                    _ => return Err(Bad::Status(400)),
                }
            };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > MAX_BODY - body.len() {
                return Err(Bad::Status(413));
            }
            self.buffer.drain(..line);
            if size == 0 {
                self.trailers(stream)?;
                return Ok(body);
            }
            self.want(stream, size + 2)?;
            if &self.buffer[size..size + 2] != b"\r\n" {
                return Err(Bad::Status(400));
            }
            body.extend_from_slice(&self.buffer[..size]);
            self.buffer.drain(..size + 2);
        }
    }

    /// Reads trailer fields up to the empty line that ends them, and forgets them.
    fn trailers(&mut self, stream: &Stream) -> Result<(), Bad> {
        let mut read = 0;
        loop {
            match self.buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let empty = self.buffer[..end].is_empty() || self.buffer[..end] == *b"\r";
                    self.buffer.drain(..=end);
                    if empty {
                        return Ok(());
                    }
                    read += end;
                }
                None => self.fill(stream)?,
            }
            if read.max(self.buffer.len()) > MAX_HEAD {
                return Err(Bad::Status(431));
            }
        }
    }
}

/// A request line and header with their length, when they are complete.
fn parse_head(buffer: &[u8]) -> Result<Option<(Head, usize)>, Bad> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let used = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Bad::Status(431)),
        Err(_) => return Err(Bad::Status(400)),
    };
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|field| (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned()))
        .collect();
    let framing = framing(&headers)?;
    let one_one = parsed.version == Some(1);
    let connection = |option: &str| {
        all(&headers, "connection")
            .flat_map(|value| value.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(option))
    };
    let keep_alive = if one_one { !connection("close") } else { connection("keep-alive") };
    let expects_continue =
        one_one && all(&headers, "expect").any(|value| value.eq_ignore_ascii_case("100-continue"));
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers,
        body: Vec::new(),
        keep_alive,
        session: None,
    };
    Ok(Some((Head { request, framing, expects_continue }, used)))
}

/// How long the body is (RFC 9112 §6.3). Two answers to that question are none: requests are smuggled that way.
fn framing(headers: &[(String, String)]) -> Result<Framing, Bad> {
    let mut lengths = all(headers, "content-length");
    let length = lengths.next();
    let mut codings = all(headers, "transfer-encoding");
    let coding = codings.next();
    if lengths.next().is_some() || codings.next().is_some() || (length.is_some() && coding.is_some()) {
        return Err(Bad::Status(400));
    }
    match (length, coding) {
        (_, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (_, Some(_)) => Err(Bad::Status(501)),
        (Some(length), None) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Framing::Length(length.parse().unwrap_or(usize::MAX)))
        }
        (Some(_), None) => Err(Bad::Status(400)),
        (None, None) => Ok(Framing::Length(0)),
    }
}

fn all<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests;
