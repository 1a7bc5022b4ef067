//! Which profile is meant, and why the default one is not.

use crate::client::args::ClientArgs;
use crate::client::profile::{Of, Profile, Profiles, listed};
use crate::client::said::Whence;
use crate::tell::failure::Failure;
use std::fmt;

/// The profile that is meant: the one that was named, or the default one where nothing else says who the client is.
pub(crate) fn profile(args: &ClientArgs) -> Result<Profile, Failure> {
    if let Some(name) = &args.profile {
        return Profiles::read(args.config.as_deref())?.take(name);
    }
    if names_a_client(args).is_some() {
        // Whoever names a file expects it to be there.
        let _named = args.config.as_deref().map(|path| Profiles::read(Some(path))).transpose()?;
        return Ok(Profile::default());
    }
    let Some(profiles) = Profiles::find(args.config.as_deref())? else { return Ok(Profile::default()) };
    match profiles.default.clone() {
        Some(name) => profiles.take(&name),
        None => match profiles.failures(Of::Profiles).next() {
            Some(failure) => Err(failure),
            None => Ok(Profile::default()),
        },
    }
}

/// The profiles that somebody could have named; empty if there is none.
pub(crate) fn names(args: &ClientArgs) -> String {
    let profiles = Profiles::find(args.config.as_deref()).ok().flatten();
    profiles.map_or_else(String::new, |profiles| listed(&profiles.names()))
}

/// Whether a flag or a variable says who the client is: a profile, or what it is made of.
pub(crate) fn is_chosen(args: &ClientArgs) -> bool {
    args.profile.is_some() || names_a_client(args).is_some()
}

/// What says who the client is, so that the default profile does not: what it names, and its own name.
fn names_a_client(args: &ClientArgs) -> Option<(&'static str, Whence)> {
    let said = [
        (args.client_id.is_some(), "a client", "client_id"),
        (args.token_endpoint.is_some(), "a server", "token_endpoint"),
        (args.issuer.is_some(), "a server", "issuer"),
        (args.provider.is_some(), "a server", "provider"),
    ];
    let (_, what, id) = said.into_iter().find(|(is_said, ..)| *is_said)?;
    Some((what, args.whence(id)))
}

/// A default profile that is not used, and why: nobody expects a forgotten variable to switch it off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unused {
    profile: String,
    what: &'static str,
    by: Whence,
}

/// The default profile, if it is switched off. What is wrong with a file that is not used is nobody's concern here.
pub(crate) fn unused_default(args: &ClientArgs) -> Option<Unused> {
    if args.profile.is_some() {
        return None;
    }
    let (what, by) = names_a_client(args)?;
    let profile = Profiles::find(args.config.as_deref()).ok()??.default?;
    Some(Unused { profile, what, by })
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, what, by } = self;
        write!(f, "default_profile {profile} is not used, since {by} names {what}")
    }
}
