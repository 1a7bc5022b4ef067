//! What the fuzz targets run: each takes any bytes and panics when something that must always hold does not.
//!
//! The bodies stand here, so that they are compiled, linted and refactored with what they try; the targets of `fuzz/`
//! hand bytes to them. Where another implementation needs `std`, the target brings it as a function. Every `cargo test`
//! runs them on a few thousand inputs.
//!
//! | target           | what must hold, besides that nothing panics                                                   |
//! |------------------|-----------------------------------------------------------------------------------------------|
//! | `token_response` | a token is safe in a header; the hint never lengthens a life; no secret is shown; serde_json and form_urlencoded read the same |
//! | `jwt_hint`       | serde_json reads the same times; no hint lengthens a life                                     |
//! | `challenge`      | what is read, written down strictly and read again is the same; http-auth reads the same; a verdict follows from what was read |
//! | `retry_after`    | httpdate reads the same dates, and every date that it writes is read; seconds are what they are |
//! | `form`           | form_urlencoded, serde_json and base64 find in a request what was put into it                 |
//! | `secret_text`    | a file is one text or no text; serde_json reads the same claims in an assertion; what was read is sent as it is, and not again after a refusal |
//! | `metadata`       | serde_json reads the same; nothing of another issuer is taken, and no token endpoint in the clear |
//! | `der_signature`  | r and s, written in DER again, are what was read                                              |
//! | `trace`          | the machine's invariants, under two clocks                                                    |

mod challenge;
mod der_signature;
mod form;
mod jwt_hint;
mod metadata;
mod retry_after;
mod secret_text;
mod token_response;

pub use challenge::{Read, challenge};
pub use der_signature::der_signature;
pub use form::form;
pub use jwt_hint::jwt_hint;
pub use metadata::metadata;
pub use retry_after::{Dates, retry_after};
pub use secret_text::secret_text;
pub use token_response::token_response;

use crate::machine::trace::{Op, Trace};
use crate::time::{Mono, Now, Wall};
use alloc::vec::Vec;
use core::time::Duration;

/// The longest trace, in inputs: each is judged in a microsecond or two.
const LONGEST_TRACE: usize = 500;

/// The machine under two clocks: the first eight bytes are its seed, each eight more are an input (see [`Op::decode`]).
///
/// # Panics
/// An invariant is broken; the message names it.
pub fn trace(data: &[u8]) {
    let mut eights = data.chunks_exact(8).filter_map(|chunk| <[u8; 8]>::try_from(chunk).ok());
    let seed = eights.next().map_or(0, u64::from_le_bytes);
    let ops: Vec<Op> = eights.take(LONGEST_TRACE).map(Op::decode).collect();
    Trace::run(&ops, seed);
}

/// When everything here happens: Mon, 23 Nov 2026 12:00:00 GMT.
fn noon() -> Now {
    Now::new(Mono::ZERO, Wall::from_epoch(Duration::from_secs(1_795_435_200)))
}

/// What stands before and after the first `separator`; all of it before, if there is none.
fn split<'a>(data: &'a [u8], separator: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    let at = data.windows(separator.len()).position(|window| window == separator);
    match at {
        Some(at) => (&data[..at], Some(&data[at + separator.len()..])),
        None => (data, None),
    }
}

#[cfg(test)]
mod tests;
