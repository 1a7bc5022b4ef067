//! From words to a client: flags, variables, the configuration file, the secret's place, kept tokens.

pub(crate) mod args;
pub(crate) mod cache;
mod folders;
pub(crate) mod http;
mod nearest;
pub(crate) mod profile;
pub(crate) mod said;
pub(crate) mod secret;
pub(crate) mod setup;
pub(crate) mod variables;
