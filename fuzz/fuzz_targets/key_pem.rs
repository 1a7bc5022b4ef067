//! A key in PEM, or the bytes of one in DER.
#![no_main]

use evergrant_crypto::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::key_pem(data));
