//! A caller's connection, as its requests see it.

use crate::access::PeerId;
use crate::tunnel::Tunnel;
use crate::watch::Watch;
use crate::worker::Worker;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

/// A caller's connection; or one request of a connection that has many at a time.
pub(crate) struct Inbound {
    pub(crate) worker: Rc<Worker>,
    /// The place of the listener that it came by.
    pub(crate) door: usize,
    /// At the other end of a Unix socket.
    pub(crate) peer: Option<PeerId>,
    /// At the other end of a TCP connection.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) watch: Rc<Watch>,
    /// What the connection becomes once the answer has left.
    pub(crate) tunnel: RefCell<Option<Tunnel>>,
}

impl Inbound {
    /// One request of this connection, which is watched by itself.
    pub(crate) fn of(&self, watch: Rc<Watch>) -> Self {
        Self {
            worker: Rc::clone(&self.worker),
            door: self.door,
            peer: self.peer,
            address: self.address,
            watch,
            tunnel: RefCell::new(None),
        }
    }
}
