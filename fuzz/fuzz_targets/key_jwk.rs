//! A key as a JWK.
#![no_main]

use evergrant_crypto::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::key_jwk(data));
