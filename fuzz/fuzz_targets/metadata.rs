//! What an authorization server says of itself.
#![no_main]

use evergrant_core::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::metadata(data));
