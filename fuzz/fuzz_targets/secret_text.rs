//! What a file or a command has, read for a token request.
#![no_main]

use evergrant_core::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::secret_text(data));
