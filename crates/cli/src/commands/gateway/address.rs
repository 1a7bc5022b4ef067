//! Addresses, as those reach them who call.

use evergrant_gateway::{Address, Running};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The base URL, as a program is told it.
pub(super) fn url(address: &Address) -> String {
    by("http", address)
}

/// The base URL of one of the places where this gateway listens.
pub(super) fn base(running: &Running, address: &Address) -> String {
    by(if running.is_secured(address) { "https" } else { "http" }, address)
}

fn by(scheme: &str, address: &Address) -> String {
    match address {
        Address::Localhost(port) => format!("{scheme}://localhost:{port}"),
        Address::Tcp(address) => format!("{scheme}://{}", reached(*address)),
        other => other.to_string(),
    }
}

/// An address of all interfaces is reached over loopback.
pub(super) fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests;
