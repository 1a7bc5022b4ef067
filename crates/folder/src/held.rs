//! What is in a folder, as far as that can be told without a key.

use evergrant_core::fleet::{Name, StoreTime};

/// One entry of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Held {
    /// Its name, which tells nothing of the client.
    pub name: Name,
    /// How long its file is, in bytes.
    pub bytes: u64,
    /// When its token ends; `None` if it has none, but a claim or a rest.
    pub token_ends_at: Option<StoreTime>,
    /// When the replacement of that is due.
    pub token_is_due_at: Option<StoreTime>,
    /// Until when nobody asks, since somebody was refused.
    pub rests_until: Option<StoreTime>,
    /// Whether somebody asks at this moment: by a claim that lasts, whose process may be no more where nobody holds the lock of the
    /// entry.
    pub is_asked_for: bool,
    /// When it may be forgotten: an hour after the last of its times.
    pub expires_at: StoreTime,
}
