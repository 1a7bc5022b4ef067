//! The servers of `evergrant mock`, in whose shell a file is written.

use crate::client::args::ClientArgs;
use crate::client::said::{Said, Whence};
use crate::tell::failure::Failure;

/// The origin of the mock whose shell this is.
pub(super) struct Mock(String);

impl Mock {
    /// The one that started this program, if one did.
    pub(super) fn around() -> Option<Self> {
        std::env::var("EVERGRANT_MOCK_API").ok().filter(|api| !api.is_empty()).map(Self)
    }

    /// Whether this address is one of its own.
    pub(super) fn serves(&self, address: &str) -> bool {
        address.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Its first address among those that the new profile would have.
    pub(super) fn named(&self, client: &ClientArgs, origins: &[String]) -> Option<Said<String>> {
        let endpoint = client.token_endpoint.iter().map(|url| (url, "token_endpoint"));
        let issuer = client.issuer.iter().map(|url| (url, "issuer"));
        let origins = origins.iter().map(|origin| (origin, "allow_origin"));
        let (address, id) =
            endpoint.chain(issuer).chain(origins).find(|(address, _)| self.serves(address))?;
        Some(Said { value: address.clone(), by: client.whence(id) })
    }
}

/// The servers end with their program. Their address in a default profile would stay, and the next secret would go to whatever
/// listens there then.
pub(super) fn refused(Said { value, by }: &Said<String>) -> Failure {
    let first = match by {
        Whence::Variable(name) => format!("unset {name}, leave the mock's shell"),
        _ => "leave the mock's shell first".to_owned(),
    };
    Failure::usage(
        format!("{value}, from {by}, is an address of evergrant mock, and works only while that mock runs"),
        format!("{first}, or name another file with --config PATH"),
    )
}
