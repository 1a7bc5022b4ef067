#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
#[cfg(feature = "server")]
mod admin;
mod answer;
#[cfg(feature = "server")]
mod answering;
#[cfg(feature = "server")]
mod api;
#[cfg(feature = "server")]
mod arriving;
mod authority;
#[cfg(feature = "server")]
mod body;
#[cfg(feature = "server")]
mod bounds;
#[cfg(feature = "server")]
mod connection;
#[cfg(feature = "server")]
mod counts;
#[cfg(feature = "server")]
mod crew;
mod fields;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "server")]
mod gateway;
#[cfg(feature = "server")]
mod grpc;
#[cfg(feature = "server")]
mod health;
#[cfg(feature = "server")]
mod identity;
#[cfg(feature = "server")]
mod idle;
#[cfg(feature = "server")]
mod inbound;
#[cfg(feature = "server")]
mod issue;
#[cfg(feature = "server")]
mod issued;
#[cfg(feature = "server")]
mod keepers;
#[cfg(feature = "server")]
mod limits;
mod links;
#[cfg(feature = "server")]
mod listener;
mod location;
#[cfg(feature = "server")]
mod log;
mod page;
mod path;
#[cfg(feature = "server")]
mod proxy;
#[cfg(feature = "server")]
mod record;
#[cfg(feature = "server")]
mod reload;
#[cfg(feature = "server")]
mod request;
mod route;
mod rules;
#[cfg(feature = "server")]
mod running;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod serving;
#[cfg(feature = "server")]
mod settings;
#[cfg(feature = "server")]
mod shared;
#[cfg(feature = "server")]
mod socks;
#[cfg(feature = "server")]
mod stream;
#[cfg(feature = "server")]
mod table;
#[cfg(feature = "server")]
mod tenants;
#[cfg(feature = "server")]
mod traffic;
#[cfg(feature = "server")]
mod tunnel;
#[cfg(feature = "server")]
mod upstream;
#[cfg(feature = "server")]
mod watch;
#[cfg(feature = "server")]
mod watched;
#[cfg(feature = "server")]
mod wire;
#[cfg(feature = "server")]
mod worker;
#[cfg(feature = "server")]
mod working;

pub use access::{
    Access, AccessDenied, Admitted, Caller, Key, KeyError, Keys, OwnAuthorization, PeerId, Peers,
    own_authorization,
};
#[cfg(feature = "server")]
pub use admin::Admin;
pub use answer::{Problem, ProxyFailure, Sent, TenantFault, UpstreamFault};
#[cfg(feature = "server")]
pub use counts::{Counts, Times};
pub use fields::{FieldRules, KEY, Looped, Via, to_caller, to_upstream};
#[cfg(feature = "server")]
pub use gateway::{Gateway, GatewayBuilder};
#[cfg(feature = "server")]
pub use identity::{Identity, IdentityError};
#[cfg(feature = "server")]
pub use issue::{Issue, IssueError};
#[cfg(feature = "server")]
pub use limits::Limits;
pub use links::LinkMap;
#[cfg(all(feature = "server", unix))]
pub use listener::bind::OwnSocket;
#[cfg(feature = "server")]
pub use listener::{Address, AddressError, Listener, ServeError};
pub use location::relocate;
#[cfg(feature = "server")]
pub use log::{LogFormat, LogMode};
pub use page::Page;
pub use path::{Path, PathFault};
#[cfg(feature = "server")]
pub use reload::Reload;
pub use route::{NoRoute, RoutePath, RoutePathError, Routes, Slashes};
pub use rules::{Denied, Head, Hosts, METHODS, allowed, head, upgrade};
#[cfg(feature = "server")]
pub use running::Running;
#[cfg(feature = "server")]
pub use settings::{OnRefused, Route};
#[cfg(feature = "server")]
pub use tenants::{Tenants, UnknownTenant};
#[cfg(feature = "server")]
pub use upstream::{Upstream, UpstreamError};
