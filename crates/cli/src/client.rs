//! From words to a client: flags, variables, the configuration file, the secret's place, kept tokens.

pub(crate) mod args;
pub(crate) mod cache;
pub(crate) mod certificate;
pub(crate) mod checked;
pub(crate) mod chosen;
pub(crate) mod content;
mod folders;
mod guard;
pub(crate) mod header;
mod identity;
pub(crate) mod lack;
pub(crate) mod mistake;
pub(crate) mod nearest;
pub(crate) mod network;
pub(crate) mod profile;
pub(crate) mod proving;
pub(crate) mod roots;
pub(crate) mod said;
pub(crate) mod secret;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod tenants;
pub(crate) mod variables;
mod within;
