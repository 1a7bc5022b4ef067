//! The bounds of a gateway: whatever callers and servers do, this is all that they get.

use std::time::Duration;

/// The bounds of a gateway. The defaults suit a server in front of which something gives up after 30 s.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct Limits {
    pub(crate) head_bytes: usize,
    pub(crate) head_time: Duration,
    pub(crate) idle_callers: Duration,
    pub(crate) idle_upstream: Duration,
    pub(crate) idle_body: Duration,
    pub(crate) connections: usize,
    pub(crate) admitted: usize,
    pub(crate) replay_memory: usize,
    pub(crate) turns: usize,
    pub(crate) handshakes: usize,
    pub(crate) connect_time: Duration,
    pub(crate) drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// Bytes of an answer's head.
    pub(crate) const ANSWER_HEAD: usize = 64 * 1024;
    /// What is read and dropped of a body that nobody wanted, in bytes.
    pub(crate) const DISCARDED: u64 = 16 * 1024 * 1024;
    /// For how long it is read.
    pub(crate) const DISCARD_TIME: Duration = Duration::from_secs(5);

    /// How old a connection to the API may become: a name that leads elsewhere since is followed by then.
    pub(crate) const OLDEST: Duration = Duration::from_secs(300);
    /// Requests over one connection of HTTP/2 at a time.
    pub(crate) const STREAMS: u32 = 100;
    /// Requests over one connection of HTTP/2 that may be taken back before they were looked at; beyond, it is closed (CVE-2023-44487).
    pub(crate) const RESETS: usize = 20;
    /// Bytes of one request's body that a caller of HTTP/2 may send before anybody reads them: what HTTP/2 begins with (RFC 9113 §6.9.2).
    pub(crate) const WINDOW: u32 = 65_535;
    /// Bytes of one answer that an API of HTTP/2 may send before its caller takes them.
    pub(crate) const ANSWER_WINDOW: u32 = 256 * 1024;
    /// Bytes of one message that are kept for a connection of HTTP/2 that takes no more.
    pub(crate) const SENT_AHEAD: usize = 64 * 1024;
    /// Forms that are read at once, each of 32 KiB at most: over HTTP/2 every caller's connection might have a hundred.
    pub(crate) const FORMS: usize = 1024;
    /// Connections at once that have become tunnels.
    pub(crate) const TUNNELS: usize = 256;
    /// How long nothing may move in a tunnel.
    pub(crate) const IDLE_TUNNEL: Duration = Duration::from_secs(3600);

    /// The defaults.
    pub const fn new() -> Self {
        Self {
            head_bytes: 32 * 1024,
            head_time: Duration::from_secs(10),
            idle_callers: Duration::from_secs(75),
            idle_upstream: Duration::from_secs(30),
            idle_body: Duration::from_secs(60),
            connections: 4096,
            admitted: 4096,
            replay_memory: 64 * 1024 * 1024,
            turns: 512,
            handshakes: 64,
            connect_time: Duration::from_secs(5),
            drain_time: Duration::from_secs(20),
        }
    }

    /// Bytes of a request's head, 8 192 at least. Default 32 768. A head whose end has not come by then is answered with 431; one whose
    /// end came with the same read is taken, so that no head is twice as long.
    pub const fn head_bytes(mut self, bytes: usize) -> Self {
        self.head_bytes = if bytes < 8192 { 8192 } else { bytes };
        self
    }

    /// How long a head may take, from its first byte. Default 10 s; then the connection is closed.
    pub const fn head_time(mut self, time: Duration) -> Self {
        self.head_time = time;
        self
    }

    /// How long a caller's connection may be idle. Default 75 s.
    pub const fn idle_callers(mut self, time: Duration) -> Self {
        self.idle_callers = time;
        self
    }

    /// How long a connection to the API may be idle. Default 30 s: load balancers close theirs at 60 to 75 s.
    pub const fn idle_upstream(mut self, time: Duration) -> Self {
        self.idle_upstream = time;
        self
    }

    /// How long nothing of a body may come or leave, either way. Default 60 s.
    pub const fn idle_body(mut self, time: Duration) -> Self {
        self.idle_body = time;
        self
    }

    /// Callers' connections at once, at least one. Default 4 096; beyond, the one that was idle longest is closed, and where none is
    /// idle none is accepted.
    pub const fn connections(mut self, count: usize) -> Self {
        self.connections = if count == 0 { 1 } else { count };
        self
    }

    /// Requests at once, whether they wait or are being answered. Default 4 096; those beyond are answered with 503. Of several callers with
    /// keys each has half of it at most, and half of a queue.
    pub const fn admitted(mut self, count: usize) -> Self {
        self.admitted = count;
        self
    }

    /// Bytes of all request bodies that are kept to be sent again. Default 64 MiB; what is beyond is sent once.
    pub const fn replay_memory(mut self, bytes: usize) -> Self {
        self.replay_memory = bytes;
        self
    }

    /// Requests at one API at once, at least one. Default 512; those beyond wait for their turn, in order.
    pub const fn turns(mut self, count: usize) -> Self {
        self.turns = if count == 0 { 1 } else { count };
        self
    }

    /// Connections to one API that are being made at once, at least one. Default 64.
    pub const fn handshakes(mut self, count: usize) -> Self {
        self.handshakes = if count == 0 { 1 } else { count };
        self
    }

    /// How long connecting to the API may take, TLS included. Default 5 s.
    pub const fn connect_time(mut self, time: Duration) -> Self {
        self.connect_time = time;
        self
    }

    /// How long requests in flight are waited for when the gateway drains, after its listeners are closed. Default 20 s.
    pub const fn drain_time(mut self, time: Duration) -> Self {
        self.drain_time = time;
        self
    }
}
