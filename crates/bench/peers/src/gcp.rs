//! The key of a service account: made anew in each run, and known to nobody.

use crate::{Problem, Server};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::rand_core::OsRng;
use std::sync::OnceLock;

static KEY: OnceLock<String> = OnceLock::new();

/// A service account, in the form its providers hand out, whose tokens this server issues.
pub(crate) fn service_account(server: &Server) -> Result<String, Problem> {
    let key = match KEY.get() {
        Some(key) => key,
        None => {
            let made = RsaPrivateKey::new(&mut OsRng, 2048)?.to_pkcs8_pem(LineEnding::LF)?;
            KEY.get_or_init(|| made.as_str().to_owned())
        }
    };
    Ok(serde_json::json!({
        "type": "service_account",
        "project_id": "loopback",
        "private_key_id": "1",
        "private_key": key,
        "client_email": "client@loopback.invalid",
        "client_id": "1",
        "token_uri": server.token_endpoint(),
    })
    .to_string())
}
