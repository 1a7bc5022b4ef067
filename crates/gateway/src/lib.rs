#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod admin;
mod answer;
mod answering;
mod api;
mod authority;
mod body;
mod bounds;
mod connection;
mod counts;
mod crew;
mod fields;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod gateway;
mod idle;
mod inbound;
mod limits;
mod listener;
mod location;
mod log;
mod path;
mod record;
mod request;
mod route;
mod rules;
mod running;
mod settings;
mod stream;
mod table;
mod traffic;
mod upstream;
mod watch;
mod watched;
mod worker;
mod working;

pub use access::{
    Access, AccessDenied, Admitted, Caller, Key, KeyError, Keys, OwnAuthorization, PeerId, Peers,
    own_authorization,
};
pub use admin::Admin;
pub use answer::{Problem, Sent, UpstreamFault};
pub use counts::{Counts, Times};
pub use fields::{FieldRules, KEY, Looped, Via, to_caller, to_upstream};
pub use gateway::{Gateway, GatewayBuilder};
pub use limits::Limits;
pub use listener::{Address, AddressError, Listener, ServeError};
pub use location::relocate;
pub use log::{LogFormat, LogMode};
pub use path::{Path, PathFault};
pub use route::{NoRoute, RoutePath, RoutePathError, Routes, Slashes};
pub use rules::{Denied, Head, Hosts, METHODS, allowed, head};
pub use running::Running;
pub use settings::{OnRefused, Route};
pub use upstream::{Upstream, UpstreamError};
