//! `--demo-page`: a page that shows the queue of a device at work, on a listener of its own. Beside the API it would be of the API's
//! origin, and whatever went wrong in it could read everything there.

mod serving;

use super::address::url;
use crate::client::profile::gateway::Listen;
use crate::tell::failure::Failure;
use evergrant_gateway::{Address, Hosts};
use evergrant_tokio_reqwest::Origin;
use serving::Served;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Where the page is unless somebody says otherwise.
pub(super) const USUAL: &str = "127.0.0.1:8486";

/// The listener of the page, bound: its port is known before there are routes, which list its origins.
pub(super) struct DemoPage {
    listener: TcpListener,
    address: SocketAddr,
}

impl DemoPage {
    /// Listens at the address that was written.
    pub(super) fn bind(text: &str) -> Result<Self, Failure> {
        const NEXT: &str = "write one such as 127.0.0.1:8486, or nothing after it";
        let Ok(wanted) = text.parse::<SocketAddr>() else {
            return Err(Failure::usage("--demo-page is not an IP address and a port", NEXT));
        };
        if !wanted.ip().is_loopback() {
            return Err(Failure::usage(
                format!(
                    "--demo-page {wanted} is no loopback address, and the page is for this machine alone"
                ),
                NEXT,
            ));
        }
        let failed = |error: io::Error| {
            const NEXT: &str = "choose another address with --demo-page ADDR, or port 0";
            let happened = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    format!("another process listens at {wanted}, where the demo page would be")
                }
                _ => format!("the demo page cannot be at {wanted}: {error}"),
            };
            Failure::usage(happened, NEXT)
        };
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        url(&Address::Tcp(self.address))
    }

    /// By which names a browser knows the page. Of a page, to which no token goes, plain http may be.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let named = [self.url(), url(&Address::Localhost(self.address.port()))];
        named.iter().filter_map(|origin| Origin::dangerous_plain_http(origin).ok()).collect()
    }

    /// Answers from now on, as long as the runtime runs. `at`: where the gateway listens; `path`: of one of its routes.
    pub(super) fn serve(self, listen: &[Listen], at: &[Address], path: &str) -> Result<(), Failure> {
        let gateway = reached(listen, at).ok_or_else(no_listener)?;
        let failed = |error: io::Error| Failure::system("the demo page cannot be served", &error);
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(failed)?;
        let served = Served::new(&gateway, path, Hosts::loopback(self.address.port(), []));
        drop(tokio::spawn(serving::serve(listener, served)));
        Ok(())
    }
}

/// Fails if no listener of the gateway is one that a page can call: told before a secret is asked for.
pub(super) fn check(page: Option<&DemoPage>, listen: &[Listen]) -> Result<(), Failure> {
    if page.is_some() && !listen.iter().any(Listen::is_for_pages) { Err(no_listener()) } else { Ok(()) }
}

fn no_listener() -> Failure {
    Failure::usage(
        "the demo page could not call this gateway: browsers use no Unix socket, and no key and no required field in a preflight",
        "add an address such as localhost:8484 to listen, or leave --demo-page out",
    )
}

/// The URL by which a page reaches the gateway. Each address in `listen` has become one in `at`; `localhost` two of one port, where
/// there is IPv6.
fn reached(listen: &[Listen], at: &[Address]) -> Option<String> {
    let mut at = at.iter().peekable();
    for listen in listen {
        let address = at.next()?;
        if let (Address::Localhost(_), Address::Tcp(first)) = (&listen.address, address) {
            let is_second = |next: &&Address| matches!(next, Address::Tcp(next) if next.ip().is_ipv6() && next.port() == first.port());
            let _second = at.next_if(is_second);
        }
        if listen.is_for_pages() {
            return Some(match address {
                // What a page may call is said to the browser in a field that knows no IPv6 address (CSP3 §2.3.1).
                Address::Tcp(address) if address.is_ipv6() => url(&Address::Localhost(address.port())),
                address => url(address),
            });
        }
    }
    None
}

#[cfg(test)]
mod tests;
