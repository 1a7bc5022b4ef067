//! Users of this machine, as the system tells who is at the other end of a Unix socket.

/// Who is at the other end of a Unix socket: what `SO_PEERCRED` or `getpeereid` says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PeerId {
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
}

/// Users and groups of this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peers {
    uids: Vec<u32>,
    gids: Vec<u32>,
}

/// What stands for every user or group that has no number here (`/proc/sys/kernel/overflowuid`): it is nobody in particular.
const UNMAPPED: u32 = 65_534;

impl Peers {
    /// The user of this process.
    pub fn own() -> Self {
        #[cfg(unix)]
        return Self::only(rustix::process::geteuid().as_raw());
        // Without Unix sockets nobody is asked.
        #[cfg(not(unix))]
        Self::only(u32::MAX)
    }

    /// This user alone.
    pub fn only(uid: u32) -> Self {
        Self { uids: vec![uid], gids: Vec::new() }
    }

    /// This user as well. 65534, which stands for every user without a number here, is never admitted.
    #[must_use]
    pub fn with_uid(mut self, uid: u32) -> Self {
        self.uids.push(uid);
        self
    }

    /// Every user whose group this is as well. 65534 is never admitted, nor is its user by another group.
    #[must_use]
    pub fn with_gid(mut self, gid: u32) -> Self {
        self.gids.push(gid);
        self
    }

    pub(super) fn contain(&self, peer: PeerId) -> bool {
        let by_group = peer.gid != UNMAPPED && self.gids.contains(&peer.gid);
        peer.uid != UNMAPPED && (self.uids.contains(&peer.uid) || by_group)
    }
}
