//! Tunnels through a proxy (CONNECT, RFC 9110 §9.3.6).

use crate::connection::Key;
use crate::error::HttpError;
use evergrant_core::{ConfigError, ProxyFault};
use evergrant_http::proxy::{Proxy, ProxyError, ProxyScheme, ProxyVariables};
use evergrant_http::tls_error;
use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use futures_rustls::rustls::ClientConfig;
use futures_rustls::rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What comes before a tunnel, in bytes: proxies say a status and a few headers of their own.
const MAX_HEAD: usize = 8192;

/// How the answer of a proxy begins, whatever its version of HTTP/1.
const HTTP: &[u8] = b"HTTP/1.";

/// Which proxy a client goes through.
#[derive(Clone, Debug)]
pub(crate) enum Proxies {
    /// That of the environment.
    Environment(ProxyVariables),
    /// This one.
    Always(Proxy),
    /// None.
    Never,
}

impl Default for Proxies {
    fn default() -> Self {
        Self::Environment(ProxyVariables::from_env())
    }
}

impl Proxies {
    /// This one, always.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        spoken(Proxy::parse(url)?).map(Self::Always)
    }

    pub(crate) const fn is_of_environment(&self) -> bool {
        matches!(self, Self::Environment(_))
    }

    /// The proxy for connections there, if there is one.
    pub(crate) fn on_the_way_to(&self, (secure, host, port): &Key) -> Result<Option<Proxy>, ConfigError> {
        match self {
            Self::Environment(variables) => variables.proxy_to(*secure, host, *port)?.map(spoken).transpose(),
            Self::Always(proxy) => Ok((!ProxyVariables::is_loopback(host)).then(|| proxy.clone())),
            Self::Never => Ok(None),
        }
    }
}

/// This proxy, if it speaks what is spoken here.
fn spoken(proxy: Proxy) -> Result<Proxy, ConfigError> {
    proxy.without_socks(ProxyFault::Socks)
}

/// A connection, whatever is below it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What became of the connection to the proxy itself.
pub(crate) fn blamed(proxy: &Proxy, error: HttpError) -> HttpError {
    match error {
        HttpError::Resolve(error) => proxy.failed(format_args!("cannot be resolved: {error}")).into(),
        HttpError::Connect(error) => proxy.failed(format_args!("cannot be reached: {error}")).into(),
        // Not its fault.
        error => error,
    }
}

/// A connection to `target`, a host as it stands in a URL and a port, that the proxy at the end of `stream` has opened. `tls`
/// is for a proxy that is itself spoken to over TLS.
pub(crate) async fn tunnel(
    proxy: &Proxy,
    stream: impl Stream + 'static,
    tls: impl FnOnce() -> io::Result<Arc<ClientConfig>>,
    target: (&str, u16),
) -> Result<Box<dyn Stream>, HttpError> {
    let mut stream: Box<dyn Stream> = if proxy.scheme() == ProxyScheme::Https {
        let failed = |error: io::Error| {
            let known = tls_error(&error).and_then(|known| known.detail().cloned());
            let said = known.map_or_else(|| error.to_string(), |detail| detail.to_string());
            proxy.failed(format_args!("failed the TLS handshake: {said}"))
        };
        let name = ServerName::try_from(bare(proxy.host()).to_owned());
        let name = name.map_err(|_| proxy.unusable(ProxyFault::NotAProxy))?;
        let connector = TlsConnector::from(tls().map_err(HttpError::Tls)?);
        Box::new(connector.connect(name, stream).await.map_err(failed)?)
    } else {
        Box::new(stream)
    };
    open(proxy, &mut stream, target).await?;
    Ok(stream)
}

/// A host as the system takes it: IPv6 without brackets.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Asks for the tunnel, and reads the answer up to where the tunnel begins.
async fn open(
    proxy: &Proxy,
    stream: &mut (impl Stream + ?Sized),
    target: (&str, u16),
) -> Result<(), ProxyError> {
    let broke =
        |error| proxy.failed(format_args!("broke off the connection before it answered CONNECT: {error}"));
    send(stream, &request(proxy, target)).await.map_err(broke)?;
    let mut left = MAX_HEAD;
    loop {
        match head(proxy, stream, &mut left).await? {
            // More follows an interim answer (RFC 9110 §15.2).
            100..200 => {}
            // Any success opens the tunnel, and has no body, whatever its headers say (RFC 9110 §9.3.6).
            200..300 => return Ok(()),
            status => return Err(proxy.answered(status)),
        }
    }
}

/// CONNECT, with the proxy's user and password.
fn request(proxy: &Proxy, (host, port): (&str, u16)) -> Zeroizing<Vec<u8>> {
    let authorization = proxy.authorization();
    let credentials = authorization.as_ref().map_or(&[][..], |value| value.as_bytes());
    // Reserved at once: a buffer that grew would leave a copy behind.
    let mut request = Zeroizing::new(Vec::with_capacity(2 * host.len() + credentials.len() + 128));
    let place = format!("{host}:{port}");
    for piece in ["CONNECT ", &place, " HTTP/1.1\r\nHost: ", &place, "\r\n"] {
        request.extend_from_slice(piece.as_bytes());
    }
    if !credentials.is_empty() {
        for piece in [b"Proxy-Authorization: ", credentials, b"\r\n"] {
            request.extend_from_slice(piece);
        }
    }
    request.extend_from_slice(b"\r\n");
    request
}

async fn send(stream: &mut (impl Stream + ?Sized), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            sent => bytes = &bytes[sent..],
        }
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

/// The status of an answer, read to the end of its head and not a byte further: what follows is the tunnel's.
async fn head(
    proxy: &Proxy,
    stream: &mut (impl Stream + ?Sized),
    left: &mut usize,
) -> Result<u16, ProxyError> {
    let mut head = Vec::new();
    while !(head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n")) {
        if *left == 0 {
            return Err(
                proxy.failed(format_args!("answered CONNECT with more than {MAX_HEAD} bytes of headers"))
            );
        }
        let mut byte = [0];
        match poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut byte)).await {
            Ok(1..) => head.extend_from_slice(&byte),
            Ok(0) => return Err(proxy.failed("closed the connection before it answered CONNECT")),
            Err(error) => {
                let reason = format_args!("broke off the connection before it answered CONNECT: {error}");
                return Err(proxy.failed(reason));
            }
        }
        *left -= 1;
        if head.iter().zip(HTTP).any(|(seen, expected)| seen != expected) {
            return Err(proxy.failed("did not answer CONNECT with HTTP/1.1"));
        }
    }
    status(&head).ok_or_else(|| proxy.failed("did not answer CONNECT with HTTP/1.1"))
}

/// `HTTP/1.1 200 Connection established` (RFC 9112 §4).
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(HTTP)?;
    let (version, rest) = rest.split_first()?;
    let (digits, rest) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let is_status = version.is_ascii_digit() && digits.iter().all(u8::is_ascii_digit);
    let ends = matches!(rest.first(), Some(b' ' | b'\r' | b'\n'));
    let status = str::from_utf8(digits).ok()?.parse().ok()?;
    (is_status && ends && status >= 100).then_some(status)
}

#[cfg(test)]
mod tests;
