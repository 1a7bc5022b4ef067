//! Who asks for a token: client authentication (RFC 6749 §2.3.1), where the id is the name of a key and the secret its text; or the
//! user at the other end of a Unix socket.

use super::form::{Form, decoded};
use super::refused::Refused;
use crate::access::{Access, AccessDenied, Caller, Keys, PeerId};
use crate::answer::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The fields of a form that this looks at.
pub(super) const FIELDS: [&str; 2] = ["client_id", "client_secret"];

/// Whether this client may have a token, and who it is.
///
/// # Errors
/// It may not, or says in two ways who it is (RFC 6749 §2.3).
pub(super) fn authenticated(
    access: &Access,
    fields: &HeaderMap,
    form: &Form,
    peer: Option<PeerId>,
) -> Result<Caller, Refused> {
    match access {
        Access::Keys(keys) => {
            let [id, secret] = FIELDS;
            let (id, secret) = (form.field(id)?, form.field(secret)?);
            let name = match fields.contains_key(AUTHORIZATION) {
                true if secret.is_some() => {
                    let detail = "client authentication must be in Authorization or in the form, not in both";
                    return Err(Refused::request(Problem::form(detail)));
                }
                true => by_basic(keys, fields, id),
                false => id.zip(secret).and_then(|(id, secret)| keys.find_named(id, secret)),
            };
            name.map(Caller::Key).ok_or_else(Refused::client)
        }
        // Its user is known: whatever a library sends is not looked at.
        Access::Peers(_) => {
            access.admit(fields, peer).map(|admitted| admitted.caller).map_err(Refused::access)
        }
        // Such a listener is refused at start.
        Access::Anyone => Err(Refused::access(AccessDenied::Key)),
    }
}

/// The name of the key that `Authorization: Basic` shows; none if the form names another client.
fn by_basic(keys: &Keys, fields: &HeaderMap, id: Option<&str>) -> Option<Arc<str>> {
    let mut values = fields.get_all(AUTHORIZATION).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = Zeroizing::new(STANDARD.decode(credentials.trim()).ok()?);
    let (name, key) = str::from_utf8(&pair).ok()?.split_once(':')?;
    // RFC 6749 §2.3.1 has both form-encoded first. Many libraries leave that out: then they are the text itself.
    let encoded = decoded(name).zip(decoded(key)).and_then(|(name, key)| keys.find_named(&name, &key));
    let found = encoded.or_else(|| keys.find_named(name, key))?;
    id.is_none_or(|id| *id == *found).then_some(found)
}

#[cfg(test)]
mod tests;
