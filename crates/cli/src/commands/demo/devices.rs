//! Users' devices: they know no token, and call a gateway in place of the API.

use super::tally::Tally;
use super::why::why;
use crate::client::network;
use crate::tell::failure::Failure;
use evergrant_gateway::{Address, Gateway, Listener, Route, Running, Upstream};
use evergrant_tokio_reqwest::{Origin, Tokens};
use reqwest::{Client, Request, Url};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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

/// Devices that call a gateway. Clones share their connections.
#[derive(Clone)]
pub(super) struct Devices {
    http: Client,
    url: Url,
}

impl Devices {
    pub(super) fn of(gateway: &Running, path: &str) -> Result<Self, Failure> {
        let failed = || Failure::system("the demonstration's gateway cannot be called", &"it has no address");
        let address = gateway.addresses().first().ok_or_else(failed)?;
        let url = Url::parse(&format!("http://{address}{path}")).map_err(|_| failed())?;
        let origin = Origin::parse(&format!("http://{address}"))?;
        let http = network::without_needless_roots(Client::builder().no_proxy(), &origin);
        Ok(Self { http: network::build(http)?, url })
    }

    /// One device: calls again and again.
    pub(super) async fn work(self, tally: Arc<Tally>, over: Arc<AtomicBool>) {
        while !over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let answer = self.http.execute(Request::new(reqwest::Method::GET, self.url.clone())).await;
            let failed = match answer.and_then(reqwest::Response::error_for_status) {
                // The body is read, so that the connection is used again.
                Ok(answer) => answer.bytes().await.err().map(|error| why(&error)),
                Err(error) => Some(why(&error)),
            };
            tally.count(asked.elapsed(), failed.as_deref());
        }
    }
}
