//! A token response of any kind.
#![no_main]

use evergrant_core::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::token_response(data));
