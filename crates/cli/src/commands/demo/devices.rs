//! Users' devices: they know no token, and call a program, which calls a gateway in place of the API.

use super::tally::Tally;
use super::why::why;
use crate::client::network;
use crate::commands::small_server::{self, Answer};
use crate::tell::failure::Failure;
use evergrant_gateway::{Address, Gateway, Listener, Route, Running, Upstream};
use evergrant_tokio_reqwest::{Origin, Tokens};
use http::header::HeaderName;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode};
use reqwest::{Client, Url};
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A gateway to this API, which puts these tokens on requests and holds them as long as it takes.
pub(super) fn gateway(api: &Origin, tokens: &Tokens, patience: Duration) -> Result<Running, Failure> {
    let failed =
        |error: &dyn fmt::Display| Failure::system("the demonstration's gateway cannot be started", error);
    let upstream = Upstream::parse(&api.to_string()).map_err(|error| failed(&error))?;
    let route = Route::new("/", upstream, tokens.clone()).map_err(|error| failed(&error))?;
    let gateway = Gateway::builder().route(route.patience(patience)).build().map_err(|path| failed(&path))?;
    let listener = Listener::new(Address::Tcp(([127, 0, 0, 1], 0).into()));
    gateway.serve(&[listener]).map_err(|error| failed(&error))
}

/// The program between users' devices and the gateway: it knows which devices there are, and holds neither secret nor token. It ends
/// when this is dropped.
pub(super) struct Program {
    origin: Origin,
    serving: AbortHandle,
}

impl Program {
    /// In front of this gateway, for so many devices.
    pub(super) async fn start(gateway: &Running, devices: u64) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::system("the demonstration's program cannot be started", &error);
        let address =
            gateway.addresses().first().ok_or_else(|| failed(io::ErrorKind::NotConnected.into()))?;
        let behind = Origin::parse(&format!("http://{address}"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let http = network::without_needless_roots(Client::builder().no_proxy(), &behind);
        let passing = Arc::new(Passing { http: network::build(http)?, gateway: behind, devices });
        // A device whose connection was closed has another one for a moment.
        let at_once = usize::try_from(devices).unwrap_or(usize::MAX).saturating_mul(2);
        let serving = tokio::spawn(small_server::serve(listener, at_once, move |request| {
            let passing = Arc::clone(&passing);
            async move { passing.answer(&request.into_parts().0).await }
        }));
        Ok(Self { origin: Origin::parse(&format!("http://{address}"))?, serving: serving.abort_handle() })
    }

    /// Its devices, which call for this path.
    pub(super) fn devices(&self, path: &str) -> Result<Devices, Failure> {
        let failed = |error| Failure::system("the demonstration's program cannot be called", &error);
        let url = Url::parse(&format!("{}{path}", self.origin)).map_err(failed)?;
        let http = network::without_needless_roots(Client::builder().no_proxy(), &self.origin);
        Ok(Devices { http: network::build(http)?, url })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What the program does with a request.
struct Passing {
    http: Client,
    gateway: Origin,
    devices: u64,
}

/// Says which device sends a request. A real one would show what only it has.
const DEVICE: HeaderName = HeaderName::from_static("x-device");

impl Passing {
    async fn answer(&self, parts: &Parts) -> Answer {
        let device = parts.headers.get(DEVICE).and_then(|number| number.to_str().ok()?.parse::<u64>().ok());
        if parts.method != Method::GET || device.is_none_or(|number| number >= self.devices) {
            return small_server::text(StatusCode::FORBIDDEN, "the devices may only look\n");
        }
        let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let passed = async {
            let answer = self.http.get(format!("{}{path}", self.gateway)).send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.text().await?))
        };
        match passed.await {
            Ok((status, text)) => small_server::text(status, &text),
            Err(error) => small_server::text(StatusCode::BAD_GATEWAY, &why(&error)),
        }
    }
}

/// Devices that call a program. Clones share their connections.
#[derive(Clone)]
pub(super) struct Devices {
    http: Client,
    url: Url,
}

impl Devices {
    /// One device: calls again and again.
    pub(super) async fn work(self, number: u64, tally: Arc<Tally>, over: Arc<AtomicBool>) {
        while !over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let answer = self.http.get(self.url.clone()).header(DEVICE, number).send().await;
            let failed = match answer {
                Ok(answer) => refused(answer).await,
                Err(error) => Some(why(&error)),
            };
            tally.count(asked.elapsed(), failed.as_deref());
        }
    }
}

/// Why an answer is none that its device wanted. Its body is read, so that the connection is used again.
async fn refused(answer: reqwest::Response) -> Option<String> {
    let status = answer.status();
    match answer.text().await {
        Ok(_) if status.is_success() => None,
        // The gateway says why.
        Ok(text) => Some(format!("http {status}: {}", text.trim_end())),
        Err(error) => Some(why(&error)),
    }
}
