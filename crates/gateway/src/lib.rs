#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod answer;
mod authority;
mod fields;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod location;
mod path;
mod route;
mod rules;

pub use access::{
    Access, AccessDenied, Admitted, Caller, Key, KeyError, Keys, OwnAuthorization, PeerId, Peers,
    own_authorization,
};
pub use answer::{Problem, Sent, UpstreamFault};
pub use fields::{FieldRules, KEY, Looped, to_caller, to_upstream};
pub use location::relocate;
pub use path::{Path, PathFault};
pub use route::{NoRoute, RoutePath, RoutePathError, Routes, Slashes};
pub use rules::{Denied, Head, Hosts, METHODS, allowed, head};
