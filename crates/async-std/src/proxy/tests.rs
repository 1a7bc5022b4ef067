use super::{MAX_HEAD, Proxies, open, request};
use evergrant_core::{ConfigError, ProxyFault};
use evergrant_http::proxy::{Proxy, ProxyError, ProxyVariables};
use futures_io::{AsyncRead, AsyncWrite};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// The other side: what it says, and what it heard.
struct Script {
    says: Vec<u8>,
    at: usize,
    heard: Vec<u8>,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = buffer.len().min(self.says.len() - self.at);
        buffer[..read].copy_from_slice(&self.says[self.at..self.at + read]);
        self.at += read;
        Poll::Ready(Ok(read))
    }
}

impl AsyncWrite for Script {
    /// A byte at a time.
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.heard.extend(bytes.first());
        Poll::Ready(Ok(bytes.len().min(1)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const TARGET: (&str, u16) = ("auth.example.com", 443);

/// What becomes of a tunnel through a proxy that says this, and how much of that was read.
fn asked(says: &[u8]) -> (Result<(), ProxyError>, usize) {
    let proxy = Proxy::parse("http://u:p@proxy:3128").unwrap();
    let mut script = Script { says: says.into(), at: 0, heard: Vec::new() };
    let outcome = pin!(open(&proxy, &mut script, TARGET)).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(outcome) = outcome else { panic!("it waits") };
    assert_eq!(script.heard, *request(&proxy, TARGET));
    (outcome, script.at)
}

#[test]
fn a_tunnel_is_asked_for_with_host_and_port_and_with_user_and_password_where_there_are_some() {
    let asked =
        |url, target| String::from_utf8(request(&Proxy::parse(url).unwrap(), target).to_vec()).unwrap();
    assert_eq!(
        asked("http://proxy:3128", ("[fd00::1]", 8443)),
        "CONNECT [fd00::1]:8443 HTTP/1.1\r\nHost: [fd00::1]:8443\r\n\r\n"
    );
    assert_eq!(
        asked("http://Aladdin:open%20sesame@proxy:3128", TARGET),
        "CONNECT auth.example.com:443 HTTP/1.1\r\nHost: auth.example.com:443\r\n\
         Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
    );
}

#[test]
fn what_follows_a_success_is_the_tunnels() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200\r\n\r\n",
        "HTTP/1.1 200 \nServer: old\n\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        // The body of such an answer would be none (RFC 9110 §9.3.6).
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (outcome, read) = asked(format!("{head}0123456789").as_bytes());
        assert_eq!((outcome, read), (Ok(()), head.len()), "{head:?}");
    }
}

#[test]
fn what_is_no_success_is_the_fault_of_the_proxy() {
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(MAX_HEAD));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD);
    for (says, expected) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\nlong body",
            "answered CONNECT with http 407: its user and password are missing or wrong",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered CONNECT with http 502"),
        ("HTTP/1.1 301 Moved\r\nLocation: https://elsewhere\r\n\r\n", "answered CONNECT with http 301"),
        ("", "closed the connection before it answered CONNECT"),
        ("HTTP/1.1 200 OK\r\n", "closed the connection before it answered CONNECT"),
        ("SSH-2.0-OpenSSH_9.9\r\n", "did not answer CONNECT with HTTP/1.1"),
        ("HTTP/2 200\r\n\r\n", "did not answer CONNECT with HTTP/1.1"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "did not answer CONNECT with HTTP/1.1"),
        ("HTTP/1.1 +20 OK\r\n\r\n", "did not answer CONNECT with HTTP/1.1"),
        ("HTTP/1.1 020 OK\r\n\r\n", "did not answer CONNECT with HTTP/1.1"),
        ("HTTP/1.1  200 OK\r\n\r\n", "did not answer CONNECT with HTTP/1.1"),
        ("HTTP/1.x 200 OK\r\n\r\n", "did not answer CONNECT with HTTP/1.1"),
        (&endless, "answered CONNECT with more than 8192 bytes of headers"),
        (&interim, "answered CONNECT with more than 8192 bytes of headers"),
    ] {
        let (outcome, read) = asked(says.as_bytes());
        assert_eq!(outcome.unwrap_err().to_string(), format!("proxy:3128 {expected}"), "{says:.40}");
        assert!(read <= MAX_HEAD, "{says:.40}");
    }
}

#[test]
fn a_socks_proxy_is_an_error_that_names_what_set_it() {
    let key = || (true, "auth.example.com".to_owned(), 443);
    let variables = ProxyVariables::new(|name| (name == "all_proxy").then(|| "socks5://proxy".into()));
    let expected = ConfigError::Proxy { field: "all_proxy", fault: ProxyFault::Socks };
    assert_eq!(Proxies::Environment(variables).on_the_way_to(&key()).unwrap_err(), expected);
    let expected = ConfigError::Proxy { field: "proxy", fault: ProxyFault::Socks };
    assert_eq!(Proxies::parse("socks4a://proxy").unwrap_err(), expected);
}

#[test]
fn a_loopback_literal_is_called_directly_whoever_set_the_proxy() {
    let always = Proxies::parse("http://proxy").unwrap();
    for (host, is_direct) in [("127.0.0.1", true), ("[::1]", true), ("localhost", false), ("10.0.0.1", false)]
    {
        let proxy = always.on_the_way_to(&(false, host.into(), 80)).unwrap();
        assert_eq!(proxy.is_none(), is_direct, "{host}");
    }
}
