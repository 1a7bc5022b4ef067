//! How a SOCKS proxy is asked for a connection (SOCKS 4, 4a; RFC 1928 and RFC 1929), and what it answers. Nothing is read behind the answer:
//! that is the API's.

use crate::answer::ProxyFailure;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

const CONNECT: u8 = 1;

/// A host that a proxy is to connect to.
pub(crate) enum Host<'a> {
    Name(&'a str),
    Address(IpAddr),
}

/// Asks by SOCKS 5, with this user and password.
pub(crate) async fn socks5(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &Host<'_>,
    port: u16,
    credentials: Option<(&str, &str)>,
) -> Result<(), ProxyFailure> {
    let method = if credentials.is_some() { 2 } else { 0 };
    write(stream, &[5, 1, method]).await?;
    match read(stream).await? {
        [5, chosen] if chosen == method => {}
        [5, 0xff] => return Err(ProxyFailure::Unauthorized),
        _ => return Err(ProxyFailure::NoSocks),
    }
    if let Some((user, password)) = credentials {
        // All of it, for a buffer that grows leaves a copy of the password behind that nobody wipes.
        let mut message = Zeroizing::new(Vec::with_capacity(3 + user.len() + password.len()));
        message.push(1);
        for text in [user, password] {
            with_length(&mut message, text).ok_or(ProxyFailure::Unauthorized)?;
        }
        write(stream, &message).await?;
        let [_, status] = read(stream).await?;
        if status != 0 {
            return Err(ProxyFailure::Unauthorized);
        }
    }
    let mut request = vec![5, CONNECT, 0];
    match host {
        Host::Address(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Host::Address(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Host::Name(name) => {
            request.push(3);
            with_length(&mut request, name).ok_or(ProxyFailure::KindOfAddress)?;
        }
    }
    request.extend(port.to_be_bytes());
    write(stream, &request).await?;
    let [version, reply, _, kind] = read(stream).await?;
    match (version, reply) {
        (5, 0) => {}
        (5, 2) => return Err(ProxyFailure::Denied),
        // The network, the host, or its time to live.
        (5, 3 | 4 | 6) => return Err(ProxyFailure::ApiUnreachable),
        (5, 5) => return Err(ProxyFailure::ApiRefused),
        (5, 8) => return Err(ProxyFailure::KindOfAddress),
        (5, _) => return Err(ProxyFailure::Socks),
        _ => return Err(ProxyFailure::NoSocks),
    }
    // Where it connects from.
    let length = match kind {
        1 => 4,
        3 => {
            let [length] = read(stream).await?;
            length.into()
        }
        4 => 16,
        _ => return Err(ProxyFailure::NoSocks),
    };
    let mut place = vec![0; length + 2];
    stream.read_exact(&mut place).await.map_err(|_| ProxyFailure::Closed)?;
    Ok(())
}

/// Asks by SOCKS 4, or for a name by SOCKS 4a.
pub(crate) async fn socks4(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &Host<'_>,
    port: u16,
) -> Result<(), ProxyFailure> {
    let (address, name) = match host {
        Host::Address(IpAddr::V4(address)) => (address.octets(), None),
        Host::Address(IpAddr::V6(_)) => return Err(ProxyFailure::KindOfAddress),
        // An address that nobody has says that a name follows.
        Host::Name(name) => ([0, 0, 0, 1], Some(name)),
    };
    let mut request = vec![4, CONNECT];
    request.extend(port.to_be_bytes());
    request.extend(address);
    // No user.
    request.push(0);
    if let Some(name) = name {
        request.extend(name.bytes().chain([0]));
    }
    write(stream, &request).await?;
    let [version, reply, ..]: [u8; 8] = read(stream).await?;
    match (version, reply) {
        (0, 90) => Ok(()),
        (0, 91) => Err(ProxyFailure::Socks),
        (0, 92 | 93) => Err(ProxyFailure::Unauthorized),
        _ => Err(ProxyFailure::NoSocks),
    }
}

/// A text behind its length; `None` if that is no byte.
fn with_length(message: &mut Vec<u8>, text: &str) -> Option<()> {
    message.push(text.len().try_into().ok()?);
    message.extend(text.bytes());
    Some(())
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> Result<(), ProxyFailure> {
    stream.write_all(message).await.map_err(|_| ProxyFailure::Closed)?;
    stream.flush().await.map_err(|_| ProxyFailure::Closed)
}

async fn read<const LENGTH: usize>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<[u8; LENGTH], ProxyFailure> {
    let mut message = [0; LENGTH];
    stream.read_exact(&mut message).await.map_err(|_| ProxyFailure::Closed)?;
    Ok(message)
}

#[cfg(test)]
mod tests;
