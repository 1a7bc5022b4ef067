//! What the cases in `cases/` are compiled against: a package of its own, because trybuild builds again whatever its
//! package depends on.

pub use evergrant_core::{AccessToken, Client, ClientAuth, Grant, Request, Response, Stored, Token};

/// Calls a function that has one type parameter for each type that holds a secret.
#[macro_export]
macro_rules! for_every_secret {
    ($offers:ident) => {
        $offers::<$crate::AccessToken>();
        $offers::<$crate::Client>();
        $offers::<$crate::ClientAuth>();
        $offers::<$crate::Grant>();
        $offers::<$crate::Request>();
        $offers::<$crate::Response>();
        $offers::<$crate::Stored>();
        $offers::<$crate::Token>();
    };
}
