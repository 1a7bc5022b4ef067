//! The service: it says back what it gets, and refuses the tokens that it was told to.

use crate::raw::Raw;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};
use tower::{Service, service_fn};

pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{{\"port\": {}}}", listener.local_addr().unwrap().port());
    let listener = TcpListenerStream::new(listener);
    Server::builder().add_service(Echo::default()).serve_with_incoming(listener).await.unwrap();
}

#[derive(Clone, Default)]
struct Echo(Arc<Known>);

#[derive(Default)]
struct Known {
    /// Tokens that are dead.
    refused: Mutex<BTreeSet<String>>,
    /// Calls that wait for ever.
    open: AtomicUsize,
}

/// A call that waits, until it is dropped.
struct Open(Arc<Known>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "evergrant.Echo";
}

type Future = Pin<Box<dyn std::future::Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;
type Messages = BoxStream<'static, Result<Bytes, Status>>;

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Future {
        let echo = self.clone();
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        Box::pin(async move {
            let mut grpc = Grpc::new(Raw);
            Ok(match method.as_str() {
                "Chat" => grpc.streaming(service_fn(|request| ready(echo.chat(request))), request).await,
                "Sum" => {
                    grpc.client_streaming(service_fn(|request| sum(echo.clone(), request)), request).await
                }
                "Count" | "Late" => {
                    let counts = service_fn(|request| ready(echo.count(&request, method == "Late")));
                    grpc.server_streaming(counts, request).await
                }
                _ => {
                    grpc.unary(service_fn(|request| unary(echo.clone(), method.clone(), request)), request)
                        .await
                }
            })
        })
    }
}

impl Echo {
    /// The token, if there is one and it is not dead.
    fn token(&self, metadata: &MetadataMap) -> Result<String, Status> {
        let token = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| Status::internal("there is no token"))?;
        if self.0.refused.lock().unwrap().contains(token) {
            return Err(Status::unauthenticated("the token was revoked"));
        }
        Ok(token.to_owned())
    }

    /// What comes, as it comes.
    fn chat(&self, request: Request<Streaming<Bytes>>) -> Result<Response<Messages>, Status> {
        self.token(request.metadata())?;
        Ok(Response::new(request.into_inner().boxed()))
    }

    /// So many messages; where they end late, behind them that the token is none.
    fn count(&self, request: &Request<Bytes>, is_late: bool) -> Result<Response<Messages>, Status> {
        self.token(request.metadata())?;
        let number: u32 = String::from_utf8_lossy(request.get_ref()).parse().unwrap();
        let end = is_late.then(|| Err(Status::unauthenticated("too late")));
        let messages = (0..number).map(|number| Ok(Bytes::from(number.to_string()))).chain(end);
        Ok(Response::new(stream::iter(messages).boxed()))
    }
}

/// How many messages came, and how many bytes.
async fn sum(echo: Echo, request: Request<Streaming<Bytes>>) -> Result<Response<Bytes>, Status> {
    echo.token(request.metadata())?;
    let messages: Vec<Bytes> = request.into_inner().try_collect().await?;
    let bytes: usize = messages.iter().map(Bytes::len).sum();
    Ok(Response::new(format!("{} {bytes}", messages.len()).into()))
}

async fn unary(echo: Echo, method: String, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let token = echo.token(request.metadata())?;
    let said = match method.as_str() {
        "Unary" => request.get_ref().clone(),
        // How long the caller waits, as it has said.
        "Timeout" => {
            let timeout = request.metadata().get("grpc-timeout");
            timeout.map_or_else(Bytes::new, |timeout| Bytes::copy_from_slice(timeout.as_bytes()))
        }
        "Revoke" => {
            echo.0.refused.lock().unwrap().insert(token);
            Bytes::from_static(b"revoked")
        }
        "Fail" => {
            let mut metadata = MetadataMap::new();
            metadata.insert("x-reason", "weight".parse().unwrap());
            metadata.insert_bin("x-raw-bin", tonic::metadata::MetadataValue::from_bytes(&[0, 255, 7]));
            let details = Bytes::from_static(&[8, 3, 18, 0, 255]);
            return Err(Status::with_details_and_metadata(
                Code::InvalidArgument,
                "too heavy: 7 £",
                details,
                metadata,
            ));
        }
        "Sleep" => {
            echo.0.open.fetch_add(1, Ordering::Relaxed);
            let _open = Open(Arc::clone(&echo.0));
            return pending().await;
        }
        "Open" => echo.0.open.load(Ordering::Relaxed).to_string().into(),
        _ => return Err(Status::unimplemented(method)),
    };
    let mut response = Response::new(said);
    response.metadata_mut().insert("x-echo", "yes".parse().unwrap());
    Ok(response)
}
