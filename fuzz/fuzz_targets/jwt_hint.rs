//! A token that may be a JWT.
#![no_main]

use evergrant_core::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::jwt_hint(data));
