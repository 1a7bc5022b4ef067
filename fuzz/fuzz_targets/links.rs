//! Any body of an answer whose links are changed, beside a second reading of its JSON.
#![no_main]

use evergrant_gateway::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::body(data));
