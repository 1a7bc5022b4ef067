//! `evergrant key`: the public key of a client, for its server to know it by. No server is asked.

use crate::client::args::ClientArgs;
use crate::client::settings::Settings;
use crate::tell::failure::Failure;
use crate::tell::stdout;
use clap::Args;
use serde_json::{Value, json};

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "umask 077; openssl genpkey -algorithm ed25519 -out key.pem && \\",
    "  evergrant key --key-file key.pem",
    "umask 077; openssl genpkey -algorithm ed25519 -out key.pem && \\",
    "  evergrant key --key-file key.pem --key-thumbprint --jwks";
    usage, transient
))]
pub(crate) struct KeyArgs {
    /// Print it as a set: {"keys":[...]}
    ///
    /// A JWK set (JWKS, RFC 7517) is what a server fetches from a URL, and what some want to be given.
    #[arg(help_heading = "Output")]
    #[arg(long)]
    jwks: bool,
    #[command(flatten)]
    client: ClientArgs,
}

pub(crate) fn run(args: &KeyArgs) -> Result<(), Failure> {
    let signing = Settings::signing_key(&args.client)?;
    let public = signing.read()?.public_jwk();
    let public = public.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    // A JWK may be a secret, too, which signs by HS256.
    let mut public = public.ok_or_else(|| {
        Failure::usage("this key is a secret, which has no public key", "name a private key with --key-file")
    })?;
    if let (Some(algorithm), Some(members)) = (signing.algorithm(), public.as_object_mut()) {
        members.insert("alg".to_owned(), algorithm.name().into());
    }
    let public = if args.jwks { json!({ "keys": [public] }) } else { public };
    stdout::json(&public).map(drop)
}
