//! Any lines of WWW-Authenticate, beside http-auth.
#![no_main]

use evergrant_core::fuzz;

fn http_auth(line: &str) -> Option<Vec<fuzz::Read>> {
    let challenges = http_auth::parse_challenges(line).ok()?.into_iter();
    let owned = |(name, value): &(&str, http_auth::ParamValue<'_>)| (name.to_ascii_lowercase(), value.to_unescaped());
    Some(challenges.map(|read| (read.scheme.to_ascii_lowercase(), read.params.iter().map(owned).collect())).collect())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::challenge(data, http_auth));
