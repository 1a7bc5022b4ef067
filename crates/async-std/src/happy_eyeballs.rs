//! Which address of a host is connected to: Happy Eyeballs (RFC 8305). An address that swallows packets costs 250 ms, not the
//! call. §3 would ask for each family's addresses by themselves; `getaddrinfo` has one answer for both.

use crate::error::HttpError;
use crate::net::Net;
use evergrant_http::is_out_of_files;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// How long an address is tried alone: the recommended Connection Attempt Delay (RFC 8305 §5).
const DELAY: Duration = Duration::from_millis(250);

/// How many addresses are tried at once, at most: each takes a socket, and a name may have thousands.
const AT_ONCE: usize = 16;

/// Resolves the host and connects to one of its addresses.
pub(crate) async fn connect<N: Net>(host: &str, port: u16) -> Result<N::Stream, HttpError> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            N::resolve(host, port).await.map_err(|error| HttpError::lacking(error, HttpError::Resolve))?
        }
    };
    let net = N::default();
    match first(addresses, N::connect_to, |time| net.sleep(time)).await {
        Ok(stream) => Ok(stream),
        Err(Some(Failed { tried: 1, why, .. })) => Err(HttpError::lacking(why, HttpError::Connect)),
        Err(Some(failed)) if is_out_of_files(&failed.why) => Err(HttpError::TooManyOpenFiles(failed.why)),
        Err(Some(failed)) => Err(HttpError::Connect(io::Error::new(failed.why.kind(), failed))),
        Err(None) => {
            Err(HttpError::Resolve(io::Error::new(ErrorKind::NotFound, "the host name has no address")))
        }
    }
}

/// No address could be connected to.
#[derive(Debug)]
struct Failed {
    tried: usize,
    /// The one whose error says most.
    address: SocketAddr,
    why: io::Error,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tried, address, why } = self;
        write!(f, "tried {tried} addresses of the host; {address}: {why}")
    }
}

impl std::error::Error for Failed {}

impl Failed {
    /// How much the error says about the server.
    fn says(&self) -> u8 {
        match self.why.kind() {
            // It is the same with every address.
            _ if is_out_of_files(&self.why) => 3,
            // What this machine says of itself: without IPv6, of each such address.
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable => 0,
            ErrorKind::TimedOut => 1,
            // Somebody answered.
            _ => 2,
        }
    }
}

/// The first connection that is made; every other attempt is dropped. `None` where there is no address.
async fn first<S, C, T>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> C,
    sleep: impl Fn(Duration) -> T,
) -> Result<S, Option<Failed>>
where
    C: Future<Output = io::Result<S>>,
    T: Future<Output = ()>,
{
    let (mut next, mut tried) = (in_turn(addresses), 0);
    let mut trying: Vec<(SocketAddr, Pin<Box<C>>)> = Vec::new();
    let mut delay: Option<Pin<Box<T>>> = None;
    let mut failed: Option<Failed> = None;
    poll_fn(|cx| {
        loop {
            let mut at = 0;
            while let Some((address, attempt)) = trying.get_mut(at) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(why)) => {
                        let this = Failed { tried, address: *address, why };
                        if failed.as_ref().is_none_or(|before| before.says() < this.says()) {
                            failed = Some(this);
                        }
                        drop(trying.remove(at));
                        // The next one need not wait for what has failed.
                        delay = None;
                    }
                    Poll::Pending => at += 1,
                }
            }
            let alone = delay.as_mut().is_some_and(|delay| delay.as_mut().poll(cx).is_pending());
            if alone || trying.len() == AT_ONCE {
                return Poll::Pending;
            }
            let Some(address) = next.pop_front() else {
                return match trying.is_empty() {
                    true => Poll::Ready(Err(failed.take().map(|failed| Failed { tried, ..failed }))),
                    false => Poll::Pending,
                };
            };
            tried += 1;
            trying.push((address, Box::pin(connect(address))));
            delay = (!next.is_empty()).then(|| Box::pin(sleep(DELAY)));
        }
    })
    .await
}

/// The addresses, each once: the resolver's first, then one of each family in turn (RFC 8305 §4).
fn in_turn(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (ours, theirs): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first_is_v4);
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    let mut turns = VecDeque::new();
    loop {
        let (one, other) = (ours.next(), theirs.next());
        if one.is_none() && other.is_none() {
            return turns;
        }
        for address in [one, other].into_iter().flatten() {
            if !turns.contains(&address) {
                turns.push_back(address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
