//! Addresses, as those reach them who call.

use evergrant_gateway::Address;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The base URL, as a program is told it.
pub(super) fn url(address: &Address) -> String {
    match address {
        Address::Localhost(port) => format!("http://localhost:{port}"),
        Address::Tcp(address) => format!("http://{}", reached(*address)),
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
