//! What must be said of a client, and is not.

use crate::client::args::ClientArgs;
use crate::client::chosen;
use crate::tell::failure::Failure;

/// Why there are no settings.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// Something is not said.
    Lacking(Lacks),
    /// Something is said wrong.
    Wrong(Failure),
}

impl From<Failure> for Unmade {
    fn from(failure: Failure) -> Self {
        Self::Wrong(failure)
    }
}

/// One thing at least.
#[derive(Debug)]
pub(crate) struct Lacks {
    first: Lack,
    second: Option<Lack>,
}

/// A thing that every client has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lack {
    /// Neither a provider nor a token endpoint.
    Server,
    /// The provider is known by its token endpoint alone.
    TokenEndpoint,
    ClientId,
}

impl Lacks {
    /// What is missing of the server, or the client id, or both.
    pub(super) fn of(server: Option<Lack>, id: bool) -> Self {
        match server {
            Some(first) => Self { first, second: id.then_some(Lack::ClientId) },
            None => Self { first: Lack::ClientId, second: None },
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = Lack> {
        [self.first].into_iter().chain(self.second)
    }

    /// Of a command with these arguments.
    pub(super) fn failure(&self, args: &ClientArgs) -> Failure {
        const SERVER: &str = "name one with --provider myparcel or myparcel-sandbox, or with --token-endpoint URL; or write \
                              a profile with evergrant config init, and name it with --profile";
        let next = match (self.first, args.names_a_profile()) {
            (Lack::Server, true) => {
                "name it with --token-endpoint URL, or write token_endpoint into the profile".into()
            }
            (Lack::Server, false) => match chosen::names(args) {
                names if names.is_empty() => SERVER.into(),
                names => {
                    format!("name a profile with --profile ({names}), or a server with --token-endpoint URL")
                }
            },
            (Lack::TokenEndpoint, _) => "name it with --token-endpoint URL".into(),
            (Lack::ClientId, true) => "name it with --client-id, or write client_id into the profile".into(),
            (Lack::ClientId, false) => {
                "set EVERGRANT_CLIENT_ID, or name it with --client-id or in a profile".into()
            }
        };
        Failure::usage(self.first.happened(), next)
    }
}

impl Lack {
    /// Of a profile in a file.
    pub(crate) fn in_profile(self) -> Failure {
        let next = match self {
            Self::Server => "write provider = \"myparcel\" or token_endpoint = \"https://host/path\" into it",
            Self::TokenEndpoint => "write token_endpoint = \"https://host/path\" into it",
            Self::ClientId => "write client_id = \"ID\" into it",
        };
        Failure::usage(self.happened(), next)
    }

    /// The key that would be enough.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Server | Self::TokenEndpoint => "token_endpoint",
            Self::ClientId => "client_id",
        }
    }

    const fn happened(self) -> &'static str {
        match self {
            Self::Server => "there is no authorization server to ask",
            Self::TokenEndpoint => "there is no token endpoint",
            Self::ClientId => "there is no client id",
        }
    }
}
