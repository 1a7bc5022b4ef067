//! Bodies that can be sent again.

use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;

/// A body that is held in memory while the call lasts, so that it can be sent again: text, bytes, and none.
///
/// Nothing of it is copied, for the first send or for a second: each borrows it. A call takes a body over with `String` or
/// `Vec<u8>`, and shares one with `&str`, `&[u8]`, [`Bytes`] or an [`Arc`]. What a call with a body costs beyond one that is never
/// sent again is a copy of the URL and the headers.
///
/// A file or a socket is at its end after the first send; for them there is [`Api::run_once`](crate::Api::run_once).
///
/// ```compile_fail
/// # fn story(api: evergrant_ureq::Api, file: std::fs::File) -> Result<(), evergrant_ureq::ApiError> {
/// api.post("https://api.example.com/labels").body(&file).send()?; // after a 401 it would be sent empty
/// # Ok(()) }
/// ```
pub trait RepeatableBody: sealed::Sealed {}

pub(crate) mod sealed {
    pub trait Sealed {
        /// What is sent; `None` for no body.
        fn sent(&self) -> Option<&[u8]>;
    }
}

impl sealed::Sealed for () {
    fn sent(&self) -> Option<&[u8]> {
        None
    }
}
impl RepeatableBody for () {}

macro_rules! repeatable {
    ($($body:ty)*) => {
        $(impl sealed::Sealed for $body {
            fn sent(&self) -> Option<&[u8]> {
                Some(AsRef::<[u8]>::as_ref(self))
            }
        }
        impl RepeatableBody for $body {})*
    };
}

repeatable! { String Vec<u8> Bytes }

impl sealed::Sealed for str {
    fn sent(&self) -> Option<&[u8]> {
        Some(self.as_bytes())
    }
}
impl RepeatableBody for str {}

impl sealed::Sealed for [u8] {
    fn sent(&self) -> Option<&[u8]> {
        Some(self)
    }
}
impl RepeatableBody for [u8] {}

impl<const N: usize> sealed::Sealed for [u8; N] {
    fn sent(&self) -> Option<&[u8]> {
        Some(self)
    }
}
impl<const N: usize> RepeatableBody for [u8; N] {}

impl<B: RepeatableBody + ?Sized> sealed::Sealed for &B {
    fn sent(&self) -> Option<&[u8]> {
        (**self).sent()
    }
}
impl<B: RepeatableBody + ?Sized> RepeatableBody for &B {}

impl<B: RepeatableBody + ?Sized> sealed::Sealed for Arc<B> {
    fn sent(&self) -> Option<&[u8]> {
        (**self).sent()
    }
}
impl<B: RepeatableBody + ?Sized> RepeatableBody for Arc<B> {}

impl<B: RepeatableBody + ?Sized> sealed::Sealed for Box<B> {
    fn sent(&self) -> Option<&[u8]> {
        (**self).sent()
    }
}
impl<B: RepeatableBody + ?Sized> RepeatableBody for Box<B> {}

impl<B: RepeatableBody + ToOwned<Owned: RepeatableBody> + ?Sized> sealed::Sealed for Cow<'_, B> {
    fn sent(&self) -> Option<&[u8]> {
        (**self).sent()
    }
}
impl<B: RepeatableBody + ToOwned<Owned: RepeatableBody> + ?Sized> RepeatableBody for Cow<'_, B> {}

#[cfg(test)]
mod tests;
