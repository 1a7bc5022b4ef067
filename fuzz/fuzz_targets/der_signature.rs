//! An ECDSA signature in DER.
#![no_main]

use evergrant_core::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::der_signature(data));
