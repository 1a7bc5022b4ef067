//! APIs behind a proxy: what the proxy gets to see, and what is its fault.

use crate::fixture::{Answer, Caller, PATIENCE, fixed, limited, serve, serve_with};
use evergrant_gateway::{Gateway, Limits, Route, Upstream};
use evergrant_tokio_reqwest::Proxy;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A name that no resolver knows.
const API: &str = "https://api.invalid:8443/";
const SECRET: &str = "hunter22";

/// What may read and write.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A certificate for a name, and what trusts it.
struct Certified {
    certificate: CertificateDer<'static>,
    server: Arc<ServerConfig>,
}

impl Certified {
    fn of(name: &str) -> Self {
        // Another test may have been first.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let private = PrivatePkcs8KeyDer::from(key.serialize_der());
        let server = ServerConfig::builder().with_no_client_auth();
        let server = server.with_single_cert(vec![certificate.clone()], private.into()).unwrap();
        Self { certificate, server: Arc::new(server) }
    }
}

fn roots<'a>(trusted: impl IntoIterator<Item = &'a Certified>) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certified in trusted {
        roots.add(certified.certificate.clone()).unwrap();
    }
    Arc::new(roots)
}

/// What a server on loopback has heard: what was said before a tunnel, or each request.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

/// A server: `play` is its part on each connection, over TLS if it has a certificate.
fn start<F: Future<Output = ()> + Send + 'static>(
    tls: Option<&Certified>,
    play: impl Fn(Box<dyn Stream>) -> F + Send + 'static,
) -> SocketAddr {
    let acceptor = tls.map(|certified| TlsAcceptor::from(Arc::clone(&certified.server)));
    let (told, address) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let stream: Box<dyn Stream> = match &acceptor {
                    None => Box::new(stream),
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                tokio::spawn(play(stream));
            }
        });
    });
    address.recv().unwrap()
}

/// The head of a request, and nothing behind it.
async fn head(stream: &mut impl Stream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// An API over TLS that says `here` to everything.
fn api(certified: &Certified) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let hears = heard.clone();
    let address = start(Some(certified), move |mut stream| {
        let heard = hears.clone();
        async move {
            while let Some(head) = head(&mut stream).await {
                heard.add(head);
                if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere").await.is_err() {
                    return;
                }
                let _flushed = stream.flush().await;
            }
        }
    });
    (address, heard)
}

/// What a proxy does with a request.
#[derive(Clone)]
enum Does {
    /// It opens a tunnel to there, whatever was asked for.
    Tunnel(SocketAddr),
    Says(&'static [u8]),
    Waits,
}

fn proxy(tls: Option<&Certified>, does: Does) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let hears = heard.clone();
    let address = start(tls, move |mut stream| {
        let (heard, does) = (hears.clone(), does.clone());
        async move {
            let Some(head) = head(&mut stream).await else { return };
            heard.add(head);
            match does {
                Does::Waits => std::future::pending().await,
                Does::Says(bytes) => {
                    let _gone = stream.write_all(bytes).await;
                    let _gone = stream.shutdown().await;
                }
                Does::Tunnel(to) => tunnel(stream, to).await,
            }
        }
    });
    (address, heard)
}

async fn tunnel(mut stream: Box<dyn Stream>, to: SocketAddr) {
    let mut there = TcpStream::connect(to).await.unwrap();
    let _gone = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
    let _gone = stream.flush().await;
    let _gone = copy_bidirectional(&mut stream, &mut there).await;
}

fn through(scheme: &str, proxy: SocketAddr) -> Proxy {
    Proxy::parse(&format!("{scheme}://me:{SECRET}@{proxy}")).unwrap()
}

fn route(path: &str, proxy: Proxy, roots: &Arc<RootCertStore>) -> Route {
    let upstream = Upstream::parse(API).unwrap();
    Route::new(path, upstream, fixed()).unwrap().roots(Arc::clone(roots)).proxy(proxy)
}

#[test]
fn an_https_api_is_reached_by_a_tunnel_that_shows_the_proxy_nothing() {
    let certified = Certified::of("api.invalid");
    let (api, at_api) = api(&certified);
    let (address, at_proxy) = proxy(None, Does::Tunnel(api));
    let running = serve(route("/", through("http", address), &roots([&certified])));
    let mut caller = Caller::new(&running);
    for target in ["/a?q", "/b"] {
        let answer = caller.get(target);
        assert_eq!((answer.status, answer.text().as_str()), (200, "here"), "{answer:?}");
    }
    let user = "bWU6aHVudGVyMjI=";
    let expected = format!(
        "CONNECT api.invalid:8443 HTTP/1.1\r\nhost: api.invalid:8443\r\nproxy-authorization: Basic {user}\r\n\r\n"
    );
    assert_eq!(at_proxy.all(), [expected], "one connection, which is kept");
    let heads = at_api.all();
    assert!(heads[0].starts_with("GET /a?q HTTP/1.1\r\n") && heads[1].starts_with("GET /b "), "{heads:?}");
    for head in heads {
        let head = head.to_ascii_lowercase();
        assert!(head.contains("\r\nhost: api.invalid:8443\r\n"), "{head}");
        assert!(head.contains("\r\nauthorization: bearer a-token-for-the-test\r\n"), "{head}");
        assert!(!head.contains("proxy-") && !head.contains(&user.to_ascii_lowercase()), "{head}");
    }
}

#[test]
fn a_proxy_may_be_spoken_to_over_tls() {
    let (certified, of_proxy) = (Certified::of("api.invalid"), Certified::of("127.0.0.1"));
    let (api, _) = api(&certified);
    let (address, at_proxy) = proxy(Some(&of_proxy), Does::Tunnel(api));
    let running = serve(route("/", through("https", address), &roots([&certified, &of_proxy])));
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.status, answer.text().as_str()), (200, "here"), "{answer:?}");
    assert!(at_proxy.all()[0].starts_with("CONNECT api.invalid:8443 "));
    // One that is not trusted.
    let running = serve(route("/", through("https", address), &roots([&certified])));
    let answer = Caller::new(&running).get("/");
    is_proxys(&answer, address, "tls_certificate_error", "failed the TLS handshake");
}

/// It is the proxy's fault, and says so without its user and password.
fn is_proxys(answer: &Answer, proxy: SocketAddr, error: &str, says: &str) {
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(answer.problem().as_deref(), Some("upstream-unreachable"));
    assert_eq!(answer.sent().as_deref(), Some("no"));
    let status = answer.field("proxy-status").unwrap();
    assert!(status.contains(&format!(";error={error};")), "{error} is not in: {status}");
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with(&format!("the proxy {proxy} {says}")), "{detail}");
    assert!(!format!("{answer:?}").contains(SECRET), "{answer:?}");
}

#[test]
fn what_the_proxy_did_not_do_is_its_fault() {
    let certified = Certified::of("api.invalid");
    let roots = roots([&certified]);
    let told = |does: Does, error: &str, says: &str| {
        let time = if matches!(does, Does::Waits) { Duration::from_millis(100) } else { PATIENCE };
        let limits = Limits::new().connect_time(time);
        let (address, heard) = proxy(None, does);
        let running = limited(route("/", through("http", address), &roots), limits);
        let answer = Caller::new(&running).get("/");
        is_proxys(&answer, address, error, says);
        assert_eq!(answer.field("retry-after").map(|wait| wait.parse::<u64>().is_ok()), Some(true));
        assert!(heard.all().len() <= 1, "{says}: it was asked again");
    };
    told(
        Does::Says(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"),
        "proxy_configuration_error",
        "answered CONNECT with http 407: its user and password are missing or wrong",
    );
    told(
        Does::Says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!"),
        "proxy_configuration_error",
        "answered CONNECT with http 403: it does not let this host through",
    );
    told(
        Does::Says(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        "destination_unavailable",
        "answered CONNECT with http 502",
    );
    // What follows an answer is the tunnel's, and over TLS nobody speaks before we do.
    told(
        Does::Says(b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n"),
        "http_protocol_error",
        "did not answer CONNECT with HTTP/1.1",
    );
    told(Does::Says(b"SSH-2.0-x\r\n\r\n"), "http_protocol_error", "did not answer CONNECT with HTTP/1.1");
    told(Does::Says(b""), "connection_terminated", "closed the connection before it answered CONNECT");
    told(Does::Waits, "connection_timeout", "cannot be reached: there was no connection through it in time");
    // Nobody listens there.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = serve(route("/", through("http", nowhere), &roots));
    is_proxys(
        &Caller::new(&running).get("/"),
        nowhere,
        "connection_refused",
        "cannot be reached: connection refused",
    );
}

#[test]
fn a_head_that_never_ends_is_not_read_on() {
    let certified = Certified::of("api.invalid");
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}", "a".repeat(100_000)).leak();
    let (address, _) = proxy(None, Does::Says(long.as_bytes()));
    let running = serve(route("/", through("http", address), &roots([&certified])));
    let says = "did not answer CONNECT with HTTP/1.1";
    is_proxys(&Caller::new(&running).get("/"), address, "http_protocol_error", says);
}

#[test]
fn what_is_wrong_behind_the_tunnel_is_not_the_proxys_fault() {
    let (certified, another) = (Certified::of("api.invalid"), Certified::of("api.invalid"));
    let (api, at_api) = api(&another);
    let (address, _) = proxy(None, Does::Tunnel(api));
    let running = serve(route("/", through("http", address), &roots([&certified])));
    let answer = Caller::new(&running).get("/");
    assert!(answer.text().contains("the TLS handshake with the API failed"), "{answer:?}");
    assert!(at_api.all().is_empty());
}

#[test]
fn an_answer_of_http_1_0_behind_an_interim_one_opens_a_tunnel_too() {
    let certified = Certified::of("api.invalid");
    let (api, _) = api(&certified);
    let address = start(None, move |mut stream| async move {
        let Some(_) = head(&mut stream).await else { return };
        let mut there = TcpStream::connect(api).await.unwrap();
        let answer = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n";
        let _gone = stream.write_all(answer).await;
        let _gone = copy_bidirectional(&mut stream, &mut there).await;
    });
    let running = serve(route("/", through("http", address), &roots([&certified])));
    assert_eq!(Caller::new(&running).get("/").status, 200);
}

#[test]
fn routes_with_different_proxies_share_no_connection() {
    let certified = Certified::of("api.invalid");
    let (api, _) = api(&certified);
    let (one, at_one) = proxy(None, Does::Tunnel(api));
    let (other, at_other) = proxy(None, Does::Tunnel(api));
    let roots = roots([&certified]);
    let running = serve_with(
        Gateway::builder()
            .route(route("/one/", through("http", one), &roots))
            .route(route("/same/", through("http", one), &roots))
            .route(route("/other/", through("http", other), &roots))
            .workers(1),
    );
    let mut caller = Caller::new(&running);
    for path in ["/one/", "/same/", "/other/", "/one/"] {
        assert_eq!(caller.get(path).status, 200);
    }
    assert!(!at_one.all().is_empty());
    assert_eq!(at_other.all().len(), 1);
}

#[test]
fn a_loopback_api_is_reached_without_the_proxy() {
    let (address, heard) = proxy(None, Does::Says(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    let api = crate::api::Api::start(|_, stream| crate::api::ok(stream, b"here"));
    let route = Route::new("/", Upstream::parse(&api.origin()).unwrap(), fixed()).unwrap();
    let running = serve(route.proxy(through("http", address)));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    assert!(heard.all().is_empty());
}

#[test]
fn a_request_to_an_api_in_the_clear_is_sent_to_the_proxy_whole() {
    let (address, heard) = proxy(None, Does::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"));
    let upstream = || Upstream::dangerous_plain_http("http://api.invalid/v1/").unwrap();
    let clear = |proxy| Route::new("/", upstream(), fixed()).unwrap().proxy(proxy);
    let running = serve(clear(through("http", address)));
    assert_eq!(Caller::new(&running).get("/a?b").text(), "here");
    let head = heard.all().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("get http://api.invalid/v1/a?b http/1.1\r\n"), "{head}");
    for line in [
        "host: api.invalid",
        "proxy-authorization: basic bwu6ahvudgvymji=",
        "authorization: bearer a-token-for-the-test",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} is not in {head}");
    }
    let (address, _) =
        proxy(None, Does::Says(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"));
    let running = serve(clear(through("http", address)));
    let answer = Caller::new(&running).get("/");
    is_proxys(&answer, address, "proxy_configuration_error", "refused this gateway: its user and password");
}

/// A SOCKS 5 proxy (RFC 1928) that wants a user and a password (RFC 1929), and tells what it heard: these, and where to.
fn socks5(to: SocketAddr, reply: u8) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let hears = heard.clone();
    let address = start(None, move |mut stream| {
        let heard = hears.clone();
        async move {
            let mut methods = [0; 3];
            stream.read_exact(&mut methods).await.unwrap();
            assert_eq!(methods, [5, 1, 2]);
            stream.write_all(&[5, 2]).await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), 1);
            let user = text(&mut stream).await;
            let password = text(&mut stream).await;
            stream.write_all(&[1, 0]).await.unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(request, [5, 1, 0, 3], "to a name");
            let host = text(&mut stream).await;
            let port = stream.read_u16().await.unwrap();
            heard.add(format!("{user} {password} {host} {port}"));
            stream.write_all(&[5, reply, 0, 1, 127, 0, 0, 1, 0, 0]).await.unwrap();
            if reply == 0 {
                let mut there = TcpStream::connect(to).await.unwrap();
                let _gone = copy_bidirectional(&mut stream, &mut there).await;
            }
        }
    });
    (address, heard)
}

async fn text(stream: &mut Box<dyn Stream>) -> String {
    let mut text = vec![0; stream.read_u8().await.unwrap().into()];
    stream.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_socks_proxy_opens_a_connection_by_the_name_of_the_api() {
    let certified = Certified::of("api.invalid");
    let (api, _) = api(&certified);
    let (address, heard) = socks5(api, 0);
    let running = serve(route("/", through("socks5h", address), &roots([&certified])));
    assert_eq!(Caller::new(&running).get("/").text(), "here");
    assert_eq!(heard.all(), [format!("me {SECRET} api.invalid 8443")]);
    // It is not allowed, or not done.
    for (reply, error, says) in [
        (1, "destination_unavailable", "opened no connection to the API, and does not say why"),
        (2, "proxy_configuration_error", "does not let the API's host through"),
        (4, "destination_ip_unroutable", "cannot reach the API's host"),
        (5, "connection_refused", "opened no connection to the API: the API's host refused it"),
    ] {
        let (address, _) = socks5(api, reply);
        let running = serve(route("/", through("socks5h", address), &roots([&certified])));
        is_proxys(&Caller::new(&running).get("/"), address, error, says);
    }
    // It leaves the name to us.
    for scheme in ["socks5", "socks4"] {
        let running = serve(route("/", through(scheme, address), &roots([&certified])));
        let answer = Caller::new(&running).get("/");
        is_proxys(&answer, address, "dns_error", "needs the address of the API's host");
    }
}

#[test]
fn a_socks_4a_proxy_gets_the_name() {
    let certified = Certified::of("api.invalid");
    let (api, _) = api(&certified);
    let heard = Heard::default();
    let hears = heard.clone();
    let address = start(None, move |mut stream| {
        let heard = hears.clone();
        async move {
            let mut request = vec![0; 8];
            stream.read_exact(&mut request).await.unwrap();
            // The user, and the name: each ends with a zero.
            for _ in 0..2 {
                loop {
                    request.push(stream.read_u8().await.unwrap());
                    if request.last() == Some(&0) {
                        break;
                    }
                }
            }
            heard.add(request.escape_ascii().to_string());
            stream.write_all(&[0, 90, 0, 0, 0, 0, 0, 0]).await.unwrap();
            let mut there = TcpStream::connect(api).await.unwrap();
            let _gone = copy_bidirectional(&mut stream, &mut there).await;
        }
    });
    let running = serve(route("/", through("socks4a", address), &roots([&certified])));
    assert_eq!(Caller::new(&running).get("/").text(), "here");
    assert!(heard.all()[0].ends_with(r"api.invalid\x00"), "{:?}", heard.all());
}

/// What is an API of HTTP/2 from here on: it has spoken first (RFC 9113 §3.4), and answers each request with 200.
async fn many(mut stream: Box<dyn Stream>) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 24]).await?;
    // That its settings are known.
    stream.write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [_, high, low, kind, _, id @ ..] = head;
        stream.read_exact(&mut vec![0; usize::from(high) << 8 | usize::from(low)]).await?;
        if kind == 1 {
            // A head without a body: `:status: 200` of the static table.
            stream.write_all(&[&[0, 0, 1, 1, 5][..], &id, &[0x88]].concat()).await?;
        }
    }
}

/// Its settings, of which there are none.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

#[test]
fn an_api_of_http2_in_the_clear_may_speak_with_the_answer_of_the_proxy() {
    let by_connect = start(None, |mut stream| async move {
        let Some(_) = head(&mut stream).await else { return };
        let _gone = stream.write_all(&[b"HTTP/1.1 200 OK\r\n\r\n", &SETTINGS[..]].concat()).await;
        let _gone = many(stream).await;
    });
    let by_socks = start(None, |mut stream| async move {
        stream.read_exact(&mut [0; 9]).await.unwrap();
        while stream.read_u8().await.unwrap() != 0 {}
        let _gone = stream.write_all(&[&[0, 90, 0, 0, 0, 0, 0, 0], &SETTINGS[..]].concat()).await;
        let _gone = many(stream).await;
    });
    for (scheme, address) in [("http", by_connect), ("socks4a", by_socks)] {
        let upstream = Upstream::dangerous_plain_http("http://api.invalid/").unwrap();
        let route = Route::new("/", upstream, fixed()).unwrap().proxy(through(scheme, address));
        let running = serve(route.http2(true));
        let mut caller = Caller::new(&running);
        for _ in 0..2 {
            let answer = caller.get("/");
            assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
        }
    }
}
