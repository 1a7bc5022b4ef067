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
        const SERVER: &str = "name one with --provider myparcel or myparcel-sandbox, with --token-endpoint URL, or with --issuer URL; or write \
                              a profile with evergrant config init, and name it with --profile";
        let next = match (self.first, args.names_a_profile()) {
            (Lack::Server, true) => {
                "name it with --token-endpoint URL or --issuer URL, or write token_endpoint or issuer into the profile".into()
            }
            (Lack::Server, false) => match chosen::names(args) {
                names if names.is_empty() => SERVER.into(),
                names => {
                    format!("name a profile with --profile ({names}), or a server with --token-endpoint URL or --issuer URL")
                }
            },
            (Lack::TokenEndpoint, _) => "name it with --token-endpoint URL, or its server with --issuer URL".into(),
            (Lack::ClientId, true) => "name it with --client-id, or write client_id into the profile".into(),
            (Lack::ClientId, false) => {
                "set EVERGRANT_CLIENT_ID, or name it with --client-id or in a profile".into()
            }
        };
        Failure::usage(self.first.happened(), next)
    }

    /// Of a profile that is about to be written from these arguments alone.
    pub(super) fn of_a_new_profile(&self) -> Failure {
        const SERVER: &str = "name one with --provider NAME, --token-endpoint URL or --issuer URL";
        const ENDPOINT: &str = "name it with --token-endpoint URL, or its server with --issuer URL";
        const EXAMPLE: &str = "evergrant config init --provider myparcel-sandbox --client-id my-client-id";
        let next = match (self.first, self.second) {
            (Lack::Server, Some(_)) => {
                format!("{SERVER}, and the client with --client-id ID, such as: {EXAMPLE}")
            }
            (Lack::Server, None) => format!("{SERVER}, such as: {EXAMPLE}"),
            (Lack::TokenEndpoint, Some(_)) => format!("{ENDPOINT}, and the client with --client-id ID"),
            (Lack::TokenEndpoint, None) => ENDPOINT.into(),
            (Lack::ClientId, _) => "name it with --client-id ID".into(),
        };
        Failure::usage(self.first.happened(), next)
    }
}

impl Lack {
    /// Of a profile in a file.
    pub(crate) fn in_profile(self) -> Failure {
        let next = match self {
            Self::Server => {
                "write provider = \"myparcel\", token_endpoint = \"https://host/path\" or issuer = \"https://host\" into it"
            }
            Self::TokenEndpoint => {
                "write token_endpoint = \"https://host/path\" or issuer = \"https://host\" into it"
            }
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
            Self::Server => "no authorization server is named",
            Self::TokenEndpoint => "there is no token endpoint",
            Self::ClientId => "there is no client id",
        }
    }
}
