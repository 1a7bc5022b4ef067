//! Whether asking again can help.

/// Whether asking again, unchanged, can help.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// The client or the request must change first.
    Permanent,
    /// It may work later.
    Transient,
}
