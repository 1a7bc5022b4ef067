//! A fault of the configuration file.

/// Something that is wrong with the file.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// In this profile, or outside of any.
    pub(super) profile: Option<String>,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) happened: String,
    pub(super) next: String,
}
