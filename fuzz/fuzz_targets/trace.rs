//! The machine under two clocks.
#![no_main]

use evergrant_core::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::trace(data));
