//! Bodies that can be sent again.

use ureq::AsSendBody;

/// A body whose clone is sent like itself: text, bytes, and none. A `&File` and a `&TcpStream` can be cloned as well, but are
/// at their end after the first send; for them there is [`Api::run_once`](crate::Api::run_once).
///
/// ```compile_fail
/// # fn story(api: evergrant_ureq::Api, file: std::fs::File) -> Result<(), evergrant_ureq::ApiError> {
/// api.post("https://api.example.com/labels").body(&file).send()?; // after a 401 it would be sent empty
/// # Ok(()) }
/// ```
pub trait RepeatableBody: AsSendBody + Clone + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! repeatable {
    ($($body:ty)*) => {
        $(impl sealed::Sealed for $body {}
        impl RepeatableBody for $body {})*
    };
}

repeatable! { () &str &String String &[u8] &Vec<u8> Vec<u8> }

impl<const N: usize> sealed::Sealed for &[u8; N] {}
impl<const N: usize> RepeatableBody for &[u8; N] {}
