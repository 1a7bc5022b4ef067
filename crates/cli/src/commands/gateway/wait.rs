//! `evergrant gateway --wait`: until a gateway on this machine is ready.

use super::address::reached;
use super::args::GatewayArgs;
use super::plan::{ADMIN, admin_of};
use crate::client::profile::Profiles;
use crate::client::profile::gateway::AdminAt;
use crate::commands::runtime::block_on;
use crate::tell::failure::Failure;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// As long as a secret may take: a gateway that is never ready hangs, and a job that hangs is never seen.
const LIMIT: Duration = Duration::from_secs(120);

/// How often it is asked, and how long one answer may take.
const LOOK: Duration = Duration::from_millis(100);
const ANSWER: Duration = Duration::from_secs(2);

pub(super) fn run(args: &GatewayArgs) -> Result<(), Failure> {
    let address = reached(address(args)?);
    let limit = args.client.timeout.unwrap_or(LIMIT);
    let end = Instant::now() + limit;
    let cannot = |error: reqwest::Error| Failure::system("the HTTP client cannot be made", &error);
    // Over loopback, where no proxy and no certificate is.
    let client =
        reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(ANSWER).build().map_err(cannot)?;
    block_on(async {
        loop {
            let seen = match client.get(format!("http://{address}/readyz")).send().await {
                Ok(answer) => match said(answer).await {
                    Some(true) => return Ok(()),
                    Some(false) => "the gateway is not ready yet",
                    None => return Err(stranger(address)),
                },
                Err(_) => "no gateway answers",
            };
            if Instant::now() + LOOK > end {
                return Err(late(seen, address, limit));
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

/// Whether it is ready; `None` if that is no answer of a gateway: its listeners hand such a request on to an API.
async fn said(mut answer: reqwest::Response) -> Option<bool> {
    let status = answer.status();
    let text = answer.chunk().await.ok().flatten().unwrap_or_default();
    match (status.as_u16(), &*text) {
        (200, b"ready\n") => Some(true),
        (503, b"not ready\n") => Some(false),
        _ => None,
    }
}

/// Where the gateway says whether it is ready: as the flag, the file, or nobody says.
fn address(args: &GatewayArgs) -> Result<SocketAddr, Failure> {
    let said = match &args.admin {
        Some(text) => Some(admin_of(text)?),
        None => Profiles::find(args.client.config.as_deref())?
            .and_then(|mut profiles| profiles.take_gateway())
            .and_then(|gateway| gateway.admin),
    };
    match said.unwrap_or(AdminAt::Address(ADMIN)) {
        AdminAt::Usual(address) | AdminAt::Address(address) => Ok(address),
        AdminAt::Nowhere => Err(Failure::usage(
            "a gateway without an address for health cannot be waited for",
            "name the address with --admin ADDR, here and where the gateway is started",
        )),
    }
}

fn stranger(address: SocketAddr) -> Failure {
    Failure::usage(
        format!("what answers at {address} is not a gateway's address for health"),
        "name that address with --admin ADDR",
    )
}

fn late(seen: &str, address: SocketAddr, limit: Duration) -> Failure {
    Failure::api(
        4,
        format!("{seen} at {address} after {limit:?}"),
        "the gateway, or the authorization server that it asks",
        "see what the gateway says on stderr, or allow more time with --timeout",
    )
}
