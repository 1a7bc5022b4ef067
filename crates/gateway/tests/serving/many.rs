//! Callers and an API that speak HTTP/2, frame by frame where a test wants it.

use crate::fixture::PATIENCE;
use bytes::Bytes;
use evergrant_gateway::Running;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Runs a test that speaks HTTP/2.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async { timeout(PATIENCE * 4, test).await });
    runtime.shutdown_background();
    done.expect("the test waits in vain")
}

/// A caller's connection.
pub(crate) struct Many {
    pub(crate) sender: SendRequest<Bytes>,
    pub(crate) ended: JoinHandle<Result<(), h2::Error>>,
    host: String,
}

/// What a caller gets.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Whole {
    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The last part of the type of an answer of ours.
    pub(crate) fn problem(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        problem["type"].as_str()?.rsplit(':').next().map(str::to_owned)
    }

    pub(crate) fn sent(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        problem["sent"].as_str().map(str::to_owned)
    }
}

impl Many {
    pub(crate) async fn new(running: &Running) -> Self {
        Self::at(crate::fixture::address(running)).await
    }

    pub(crate) async fn at(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::over(stream, address.to_string()).await
    }

    pub(crate) async fn over<S>(stream: S, host: String) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        // An answer that is not taken stands in no other's way.
        let mut builder = h2::client::Builder::new();
        let made = builder.initial_connection_window_size(16 * 1024 * 1024).handshake(stream).await;
        let (sender, connection) = made.unwrap();
        Self { sender, ended: tokio::spawn(connection), host }
    }

    pub(crate) fn request(&self, method: &str, target: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{target}", self.host))
    }

    /// A request without a body, and what comes of it.
    pub(crate) async fn get(&self, target: &str) -> Whole {
        let request = self.request("GET", target).body(()).unwrap();
        self.send(request, b"", None).await.unwrap()
    }

    pub(crate) async fn post(&self, target: &str, body: &[u8]) -> Whole {
        let request = self.request("POST", target).body(()).unwrap();
        self.send(request, body, None).await.unwrap()
    }

    /// A request with this body and these trailers, and what comes of it.
    pub(crate) async fn send(
        &self,
        request: Request<()>,
        body: &[u8],
        trailers: Option<HeaderMap>,
    ) -> Result<Whole, h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let is_bare = body.is_empty() && trailers.is_none();
        let (answer, mut stream) = sender.send_request(request, is_bare)?;
        let sending = async {
            if !is_bare {
                write(&mut stream, body, trailers.is_none()).await;
                if let Some(trailers) = trailers {
                    let _gone = stream.send_trailers(trailers);
                }
            }
        };
        let reading = async { whole(answer.await?).await };
        tokio::join!(sending, reading).1
    }
}

/// Writes a body as its window allows.
pub(crate) async fn write(stream: &mut SendStream<Bytes>, mut body: &[u8], is_last: bool) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(Ok(room)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        let (now, later) = body.split_at(room.min(body.len()));
        if stream.send_data(Bytes::copy_from_slice(now), is_last && later.is_empty()).is_err() {
            return;
        }
        body = later;
    }
}

/// All of a body, and what follows it.
pub(crate) async fn read(stream: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok((body, stream.trailers().await?))
}

async fn whole(answer: Response<RecvStream>) -> Result<Whole, h2::Error> {
    let (head, mut stream) = answer.into_parts();
    let (body, trailers) = read(&mut stream).await?;
    Ok(Whole { head, body, trailers })
}

/// A request that reached the API.
pub(crate) type Arrived = (Request<RecvStream>, SendResponse<Bytes>);

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An API that does with each request what a test wants.
pub(crate) struct ManyApi {
    address: SocketAddr,
    seen: Arc<Seen>,
    /// Its thread ends once this is gone.
    _alive: tokio::sync::oneshot::Sender<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    heads: Mutex<Vec<http::request::Parts>>,
}

/// What an API does with its connections.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// It speaks TLS.
    pub(crate) tls: Option<tokio_rustls::TlsAcceptor>,
    /// It says goodbye once so many requests have come, and takes none behind them.
    pub(crate) goodbye_after: Option<usize>,
    /// It takes so many at a time.
    pub(crate) at_a_time: Option<u32>,
}

impl ManyApi {
    /// Hands each request to this, with its number.
    pub(crate) fn start(handler: impl Fn(usize, Arrived) -> Handling + Send + Sync + 'static) -> Self {
        Self::with(Manner::default(), handler)
    }

    pub(crate) fn with(
        manner: Manner,
        handler: impl Fn(usize, Arrived) -> Handling + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
        let (handler, known) = (Arc::new(handler), Arc::clone(&seen));
        let (alive, over) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let accepting = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        known.connections.fetch_add(1, Ordering::SeqCst);
                        let (known, handler, manner) =
                            (Arc::clone(&known), Arc::clone(&handler), manner.clone());
                        tokio::spawn(async move {
                            match &manner.tls {
                                None => serve(stream, &manner, known, handler).await,
                                Some(tls) => {
                                    if let Ok(stream) = tls.accept(stream).await {
                                        serve(stream, &manner, known, handler).await;
                                    }
                                }
                            }
                        });
                    }
                };
                tokio::select! {
                    () = accepting => {}
                    _over = over => {}
                }
            });
        });
        Self { address, seen, _alive: alive }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn heads(&self) -> Vec<http::request::Parts> {
        self.seen.heads.lock().unwrap().clone()
    }
}

async fn serve<S, H>(stream: S, manner: &Manner, seen: Arc<Seen>, handler: Arc<H>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    H: Fn(usize, Arrived) -> Handling + Send + Sync + 'static,
{
    let mut builder = h2::server::Builder::new();
    if let Some(most) = manner.at_a_time {
        builder.max_concurrent_streams(most);
    }
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    let mut came = 0;
    while let Some(Ok((request, answer))) = connection.accept().await {
        came += 1;
        let number = {
            let (parts, body) = request.into_parts();
            let mut heads = seen.heads.lock().unwrap();
            heads.push(parts.clone());
            (heads.len() - 1, Request::from_parts(parts, body))
        };
        tokio::spawn(handler(number.0, (number.1, answer)));
        if manner.goodbye_after == Some(came) {
            connection.graceful_shutdown();
        }
    }
}

/// Answers with this status, and with these fields, and with this body.
pub(crate) async fn say(answer: &mut SendResponse<Bytes>, status: u16, fields: &[(&str, &str)], body: &[u8]) {
    let mut head = Response::builder().status(status);
    for (name, value) in fields {
        head = head.header(*name, *value);
    }
    let head = head.body(()).unwrap();
    let Ok(mut stream) = answer.send_response(head, body.is_empty()) else { return };
    write(&mut stream, body, true).await;
}

/// Long enough that whatever is on its way has arrived.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
