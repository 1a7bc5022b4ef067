//! A fault of the configuration file.

/// Something that is wrong with the file.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) about: About,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) happened: String,
    pub(super) next: String,
}

/// Whom a fault concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum About {
    /// Everybody who reads the file.
    File,
    /// Those who name no profile.
    Default,
    /// Those who run the gateway.
    Gateway,
    /// Those who use this profile.
    Profile(String),
    /// Those who run the gateway, of whose tenants this is one.
    Tenant(String),
}

impl About {
    /// The profile that it concerns alone.
    pub(super) fn profile(self) -> Option<String> {
        match self {
            Self::Profile(name) => Some(name),
            Self::File | Self::Default | Self::Gateway | Self::Tenant(_) => None,
        }
    }

    /// The tenant that it concerns alone.
    pub(super) fn tenant(&self) -> Option<&str> {
        match self {
            Self::Tenant(name) => Some(name),
            Self::File | Self::Default | Self::Gateway | Self::Profile(_) => None,
        }
    }
}
