//! A token that may be a JWT.

use super::noon;
use crate::jwt::{self, Times};
use crate::lifetime::{Lifetime, Said};
use crate::time::Wall;
use alloc::format;
use alloc::string::String;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use serde_json::Value;

/// `data` is a token, and the payload of another one.
///
/// # Panics
/// The times are misread, or lengthen a life.
pub fn jwt_hint(data: &[u8]) {
    let wrapped = format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(data));
    for token in [String::from_utf8_lossy(data).into_owned(), wrapped] {
        let hint = jwt::hint(&token);
        serde_json_agrees(&token, hint);
        if let Some(times) = hint {
            shortens_at_most(times);
        }
    }
}

fn serde_json_agrees(token: &str, hint: Option<Times>) {
    let parts: Option<[&str; 3]> = token.split('.').collect::<alloc::vec::Vec<_>>().try_into().ok();
    let decoded = |part| URL_SAFE_NO_PAD.decode(part).ok();
    let [Some(header), Some(payload), Some(signature)] =
        parts.map_or([None, None, None], |parts| parts.map(decoded))
    else {
        assert_eq!(hint, None, "a hint from no JWT");
        return;
    };
    let read = |part: &[u8]| serde_json::from_slice::<Value>(part).ok().filter(Value::is_object);
    let (Some(header), Some(payload)) = (read(&header), read(&payload)) else { return };
    // Nobody's signature is no signature.
    let plain =
        !signature.is_empty() && ["zip", "b64", "crit"].iter().all(|name| header.get(*name).is_none());
    let exp = payload.get("exp");
    if let Some(hint) = hint {
        assert!(plain, "signed by nobody, or the payload is something else");
        assert!(is_time(hint.exp, payload.get("exp")), "another end");
        match hint.iat {
            Some(iat) => assert!(is_time(iat, payload.get("iat")), "another beginning"),
            None => assert!(payload.get("iat").is_none(), "the beginning is not seen"),
        }
    } else if let Some(exp) = exp.and_then(Value::as_u64) {
        // A duplicate claim, and what begins after its end, are the reasons that serde_json does not see.
        let alone = payload.as_object().is_some_and(|members| members.len() == 1);
        let once = token_payload_names_once(token);
        assert!(!(plain && alone && once && (1..=253_402_300_799).contains(&exp)), "exp {exp} is not seen");
    }
}

/// Whether a claim says this time.
pub(super) fn is_time(time: Wall, said: Option<&Value>) -> bool {
    let seconds = Some(time.since_epoch().as_secs());
    seconds == said.and_then(seconds_of) || seconds == said.and_then(second_before)
}

/// Whether no name can be a duplicate: there is one colon outside of nested values at most.
fn token_payload_names_once(token: &str) -> bool {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.is_some_and(|payload| payload.iter().filter(|byte| **byte == b':').count() == 1)
}

/// A NumericDate, or a text of one, rounded down.
fn seconds_of(value: &Value) -> Option<u64> {
    let text = match value {
        Value::String(text) => text.trim_matches([' ', '\t']),
        Value::Number(number) => {
            return number.as_u64().or_else(|| number.as_f64().map(|seconds| seconds as u64));
        }
        _ => return None,
    };
    text.split('.').next()?.parse().ok()
}

/// The second that a fraction ends in which is too long for serde_json's float: that has rounded it up to the next one
/// (`1795.999999999999999999`).
fn second_before(value: &Value) -> Option<u64> {
    let seconds = value.as_number()?;
    let rounded = seconds.as_f64().filter(|float| seconds.is_f64() && float.fract() == 0.0)?;
    (rounded as u64).checked_sub(1)
}

/// Whatever else is said of a life, times in the token make it no longer.
fn shortens_at_most(times: Times) {
    let noon = noon().wall;
    let day = Duration::from_secs(86_400);
    let dates = [
        None,
        Some(noon),
        Some(times.exp),
        Some(Wall::from_epoch(times.exp.since_epoch().saturating_sub(day))),
        times.iat,
    ];
    for expires_in in [1, 59, 3600, 86_400, u64::MAX] {
        for (date, age) in dates.into_iter().flat_map(|date| [(date, 0), (date, 100)]) {
            let said = Said { expires_in: Some(expires_in), date, age, sent: noon, ..Said::default() };
            let without = Lifetime::of(&said);
            let with = Lifetime::of(&Said { jwt: Some(times), ..said });
            assert!(with.life.is_some() && with.life <= without.life, "lengthened: {times:?} {said:?}");
        }
    }
}
