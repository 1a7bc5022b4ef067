//! A caller's connection, as its requests see it.

use crate::access::PeerId;
use crate::watch::Watch;
use crate::worker::Worker;
use std::net::SocketAddr;
use std::rc::Rc;

/// A caller's connection.
pub(crate) struct Inbound {
    pub(crate) worker: Rc<Worker>,
    /// The place of the listener that it came by.
    pub(crate) door: usize,
    /// At the other end of a Unix socket.
    pub(crate) peer: Option<PeerId>,
    /// At the other end of a TCP connection.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) watch: Rc<Watch>,
}
