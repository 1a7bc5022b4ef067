//! Times in headers, beside httpdate.
#![no_main]

use evergrant_core::fuzz::{self, Dates};
use std::time::{Duration, SystemTime};

const HTTPDATE: Dates = Dates {
    read: |text| Some(httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs()),
    write: |seconds| httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::retry_after(data, &HTTPDATE));
