//! A proxy on the way to an API: what it takes to have it open a connection (CONNECT, RFC 9110 §9.3.6; SOCKS, RFC 1928), and what is its fault.

use crate::answer::{Problem, ProxyFailure};
use crate::arriving::{Arrived, Spoken};
use crate::authority::without_brackets;
use crate::socks::{self, Host};
use crate::upstream::Upstream;
use crate::wire::Wire;
use bytes::Bytes;
use evergrant_http::proxy::{Proxy, ProxyError, ProxyScheme};
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::pin::pin;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How much of a proxy's answer is read, in bytes: a status and a few fields of its own. As little as hyper takes.
const MAX_HEAD: usize = 8192;

/// What carries a connection to an API: TCP to it or to a proxy, or TLS to the proxy; and what came from the API with the proxy's answer.
pub(crate) type Carrier = Arrived<ToProxy>;

type ToProxy = Wire<TcpStream, TlsStream<TcpStream>>;

/// A proxy on the way to an API.
pub(crate) struct OnTheWay {
    proxy: Proxy,
    /// Where it is.
    uri: Uri,
    /// What it is spoken to with, over TLS.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Its user and password.
    authorization: Option<HeaderValue>,
    forwards: bool,
}

/// What the proxy did not do, and in its words and ours.
pub(crate) struct Failed {
    fault: ProxyFailure,
    said: ProxyError,
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        Self::unreachable_through(failed.fault, &failed.said.to_string())
    }
}

impl OnTheWay {
    /// This proxy, to this API. `tls` is for a proxy that is itself spoken to over TLS.
    pub(crate) fn new(
        proxy: &Proxy,
        upstream: &Upstream,
        speaks: Spoken,
        tls: impl FnOnce(&str) -> Result<(TlsConnector, ServerName<'static>), rustls::Error>,
    ) -> Result<Self, rustls::Error> {
        let uri = format!("http://{}:{}/", proxy.host(), proxy.port());
        let is_tls = proxy.scheme() == ProxyScheme::Https;
        Ok(Self {
            uri: uri.parse().map_err(|_| rustls::Error::General("the URL of the proxy".into()))?,
            tls: is_tls.then(|| tls(proxy.host())).transpose()?,
            authorization: proxy.authorization(),
            // As token requests in the clear: few proxies open a tunnel to a port that has no TLS. In HTTP/2 there is no other way.
            forwards: !upstream.is_tls() && !proxy.is_socks() && speaks == Spoken::Http1,
            proxy: proxy.clone(),
        })
    }

    /// As it was said.
    pub(crate) const fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Where it is.
    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether it gets the requests themselves, and not a connection to the API (RFC 9112 §3.2.2).
    pub(crate) const fn forwards(&self) -> bool {
        self.forwards
    }

    /// A request to the API as the proxy takes it: with the whole URL, and its own user and password.
    pub(crate) fn forwarded<B>(&self, mut request: Request<B>, upstream: &Upstream) -> Request<B> {
        if let Some(target) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = upstream.uri(target);
        }
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        request
    }

    /// It did not do what it is there for.
    pub(crate) fn failed(&self, fault: ProxyFailure) -> Failed {
        let said = match fault {
            ProxyFailure::Answered(status) => self.proxy.answered(status.as_u16()),
            other => self.proxy.failed(other),
        };
        Failed { fault, said }
    }

    /// A connection to the API, by one to the proxy.
    pub(crate) async fn through(&self, stream: TcpStream, upstream: &Upstream) -> Result<Carrier, Failed> {
        let carrier = match &self.tls {
            None => Wire::Plain(stream),
            Some((tls, name)) => {
                let stream = tls.connect(name.clone(), stream).await;
                Wire::Tls(Box::new(stream.map_err(|_| self.failed(ProxyFailure::Tls))?))
            }
        };
        if self.forwards {
            return Ok(Arrived::new(carrier));
        }
        let opened = match self.proxy.scheme() {
            ProxyScheme::Http | ProxyScheme::Https => self.tunnel(carrier, upstream).await,
            scheme => self.socks(scheme, carrier, upstream).await,
        };
        opened.map_err(|fault| self.failed(fault))
    }

    async fn tunnel(&self, carrier: ToProxy, upstream: &Upstream) -> Result<Carrier, ProxyFailure> {
        let place = format!("{}:{}", upstream.host(), upstream.port());
        let mut request = Request::connect(&place).header(HOST, &place);
        if let Some(authorization) = &self.authorization {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|_| ProxyFailure::Unreadable)?;
        let made = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(carrier)).await;
        let (mut sender, connection) = made.map_err(|error| fault(&error))?;
        let opening = async {
            let answer = sender.send_request(request).await.map_err(|error| fault(&error))?;
            if !answer.status().is_success() {
                return Err(ProxyFailure::Answered(answer.status()));
            }
            upgrade::on(answer).await.map_err(|error| fault(&error))
        };
        let (mut opening, mut connection) = (pin!(opening), pin!(connection.with_upgrades()));
        let upgraded = tokio::select! {
            biased;
            opened = &mut opening => opened?,
            // It has handed the connection over, or broken off, of which the other one has word.
            _ended = &mut connection => opening.await?,
        };
        let parts = upgraded.downcast::<TokioIo<ToProxy>>().map_err(|_| ProxyFailure::Unreadable)?;
        // Over TLS nobody speaks before we do. In the clear an API of HTTP/2 may (RFC 9113 §3.4).
        if upstream.is_tls() && !parts.read_buf.is_empty() {
            return Err(ProxyFailure::Unreadable);
        }
        Ok(Arrived::after(parts.read_buf, parts.io.into_inner()))
    }

    async fn socks(
        &self,
        scheme: ProxyScheme,
        mut carrier: ToProxy,
        upstream: &Upstream,
    ) -> Result<Carrier, ProxyFailure> {
        match scheme {
            ProxyScheme::Socks4 | ProxyScheme::Socks4a => {
                let host = host(upstream, scheme == ProxyScheme::Socks4, IpAddr::is_ipv4).await?;
                socks::socks4(&mut carrier, &host, upstream.port()).await?;
            }
            _ => {
                let host = host(upstream, scheme == ProxyScheme::Socks5, |_| true).await?;
                socks::socks5(&mut carrier, &host, upstream.port(), self.proxy.credentials()).await?;
            }
        }
        Ok(Arrived::new(carrier))
    }
}

/// What the proxy is to connect to: the API's name, or its address where that is looked up here.
async fn host(
    upstream: &Upstream,
    is_looked_up: bool,
    fits: impl Fn(&IpAddr) -> bool,
) -> Result<Host<'_>, ProxyFailure> {
    let host = without_brackets(upstream.host());
    if let Ok(address) = host.parse() {
        return Ok(Host::Address(address));
    }
    if !is_looked_up {
        return Ok(Host::Name(host));
    }
    let found = lookup_host((host, upstream.port())).await.map_err(|_| ProxyFailure::NameOfApi)?;
    let address = found.map(|place| place.ip()).find(fits);
    address.map(Host::Address).ok_or(ProxyFailure::NameOfApi)
}

/// Why there is no answer to CONNECT.
fn fault(error: &hyper::Error) -> ProxyFailure {
    if error.is_parse() { ProxyFailure::Unreadable } else { ProxyFailure::Closed }
}
