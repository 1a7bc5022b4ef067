//! A caller's connection, as its requests see it.

use crate::access::PeerId;
use crate::table::Door;
use crate::watch::Watch;
use crate::worker::Worker;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// A caller's connection.
pub(crate) struct Inbound {
    pub(crate) worker: Rc<Worker>,
    pub(crate) door: Arc<Door>,
    /// At the other end of a Unix socket.
    pub(crate) peer: Option<PeerId>,
    /// At the other end of a TCP connection.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) watch: Rc<Watch>,
}
