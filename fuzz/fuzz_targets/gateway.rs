//! Any head of a request, beside a second reading of paths and header fields.
#![no_main]

use evergrant_gateway::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::request(data));
