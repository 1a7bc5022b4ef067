//! Metrics of a source while a subcommand runs, for Prometheus to fetch.

mod answer;

use crate::commands::small_server;
use crate::tell::failure::Failure;
use crate::tell::metrics::Totals;
use crate::tell::stderr;
use clap::Args;
use evergrant_gateway::Hosts;
use evergrant_tokio_reqwest::{Observer, Tokens};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Whoever fetches at the same time: a few servers of Prometheus, and somebody who looks.
const AT_ONCE: usize = 16;

#[derive(Debug, Args)]
pub(super) struct MetricsArgs {
    /// Serve metrics for Prometheus at this address
    ///
    /// An IP address and a port, such as 127.0.0.1:9464; port 0 picks a free one, which is told on stderr. The
    /// path is /metrics. Only a loopback address is accepted, unless --allow-remote-metrics is given.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
    /// Let other machines fetch the metrics
    ///
    /// They contain no secret, but the name of the authorization server and how often its tokens are requested.
    #[arg(long, requires = "metrics")]
    allow_remote_metrics: bool,
}

/// Where metrics are served, and what was counted.
#[derive(Clone)]
pub(super) struct Metrics {
    address: SocketAddr,
    totals: Arc<Totals>,
}

impl MetricsArgs {
    /// What is to be served, if anything is.
    pub(super) fn read(&self) -> Result<Option<Metrics>, Failure> {
        let Some(text) = &self.metrics else { return Ok(None) };
        let address: SocketAddr = text.parse().map_err(|_| {
            Failure::usage(
                format!("--metrics {text} is not an IP address and a port"),
                "write an IP address and a port, such as 127.0.0.1:9464",
            )
        })?;
        if !address.ip().to_canonical().is_loopback() && !self.allow_remote_metrics {
            return Err(Failure::usage(
                format!("--metrics {address} can be reached from other machines"),
                "use a loopback address such as 127.0.0.1, or add --allow-remote-metrics",
            ));
        }
        Ok(Some(Metrics { address, totals: Arc::default() }))
    }
}

impl Metrics {
    /// Who counts.
    pub(super) fn observer(&self) -> Arc<dyn Observer> {
        Arc::<Totals>::clone(&self.totals)
    }

    /// Serves the metrics of this source until the task is aborted.
    pub(super) async fn serve(self, tokens: Tokens) -> Result<JoinHandle<()>, Failure> {
        let failed = |error| not_listening(self.address, &error);
        let listener = TcpListener::bind(self.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if self.address.port() == 0 {
            stderr::note(format_args!("metrics at http://{address}/metrics"));
        }
        let hosts =
            self.address.ip().to_canonical().is_loopback().then(|| Hosts::loopback(address.port(), []));
        Ok(tokio::spawn(small_server::serve(listener, AT_ONCE, move |request| {
            let text = || self.totals.text(&[(tokens.name(), tokens.status())]);
            let answer = answer::answer(&request.into_parts().0, hosts.as_ref(), text);
            async { answer }
        })))
    }
}

/// Why nothing listens at this address.
fn not_listening(address: SocketAddr, error: &io::Error) -> Failure {
    let happened = format!("cannot listen on {address}");
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::usage(
            format!("{happened}: another process uses this port"),
            "choose another one, or port 0 for a free one",
        ),
        _ => Failure::system(&happened, error),
    }
}

#[cfg(test)]
mod tests;
