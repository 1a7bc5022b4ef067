//! Drives [`evergrant_core`]: how callers wait for one token, on any runtime or on threads.
//!
//! ```text
//! caller -> Source::token() -> Machine::poll ; Send -> the adapter's transport -> Machine::complete -> everyone re-polls
//! ```
//!
//! An adapter brings two things: a [`Runtime`] (where jobs run and how time passes) and a [`Transport`] (how a request
//! is sent). Everything that waits is here, written once as tasks ([`Source`]) and once as threads
//! ([`BlockingSource`]):
//!
//! - Wakers live under the same mutex as the machine, so that no wake-up is ever lost.
//! - No caller owns the flight: it is a job of its own, bounded in time. A caller that goes away harms nobody, and a
//!   flight that goes away (a panic, a runtime shut down) wakes everyone.
//! - While a usable token is held nobody waits, and the fast path takes no lock.
//!
//! Programs use an adapter, such as `evergrant-tokio-reqwest`; this crate is for those who write one.
//!
//! # Write an adapter
//! This is a complete one, for a runtime that gives every job a thread: a [`Runtime`] that finds itself wherever it is called, a
//! [`Transport`] that sends, and a [`Source`] that holds both. A real transport follows no redirect, retries nothing, keeps no
//! connection from one runtime to the next, and reads no more than one byte beyond [`Response::MAX_BODY`], or nothing unless
//! [`Response::needs_body`].
//!
//! [`Response::MAX_BODY`]: evergrant_core::Response::MAX_BODY
//! [`Response::needs_body`]: evergrant_core::Response::needs_body
//!
//! ```
//! use evergrant_core::{AccessToken, Client, ClientAuth, Provider, Request, Response, TransportError};
//! use evergrant_drive::*;
//! use std::pin::{Pin, pin};
//! use std::sync::Arc;
//! use std::task::{Context, Poll, Wake, Waker};
//! use std::thread;
//! use std::time::{Duration, Instant};
//!
//! #[derive(Clone)]
//! struct Threads;
//!
//! impl Runtime for Threads {
//!     type Handle = Self;
//!     fn current(&self) -> Result<Self, TransportError> {
//!         Ok(Self) // tokio's looks for the runtime of the moment, and says NoRuntime if there is none
//!     }
//! }
//!
//! impl Handle for Threads {
//!     type Sleep = Sleep;
//!     fn sleep(&self, time: Duration) -> Sleep {
//!         Sleep(Instant::now() + time)
//!     }
//!     fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
//!         thread::spawn(|| block_on(job));
//!     }
//! }
//!
//! struct Canned;
//!
//! impl Transport for Canned {
//!     async fn send(&self, request: Request) -> Result<Response, TransportError> {
//!         assert_eq!((request.method(), request.url()), ("POST", "http://127.0.0.1:1/token"));
//!         let body = br#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#;
//!         Ok(Response::new(200).with_header("Content-Type", b"application/json").with_body(body.to_vec()))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Provider::rfc6749("http://127.0.0.1:1/token")?;
//! let client = Client::builder(provider, ClientAuth::post("id", "secret")?).build()?;
//! // The rendered value is of the HTTP library's own type: made once for each token, cloned for each request.
//! let render = |token: &AccessToken| Arc::<str>::from(format!("Bearer {}", token.expose()));
//! let tokens = Source::new(Settings::new(client), render, Threads, Canned);
//! let authorization = block_on(tokens.with_authorization(None, None, |value, _| value.clone()))?;
//! assert_eq!((&*authorization, tokens.shared().status().requests), ("Bearer abc", 1));
//! // An authorized client implements `Exchange`, and calls `tokens.call(&mut exchange, request, &origin)`.
//! # Ok(()) }
//! #
//! # struct Sleep(Instant);
//! # impl Future for Sleep {
//! #     type Output = ();
//! #     fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
//! #         let left = self.0.saturating_duration_since(Instant::now());
//! #         if left.is_zero() { return Poll::Ready(()) }
//! #         let waker = cx.waker().clone();
//! #         thread::spawn(move || { thread::sleep(left); waker.wake() });
//! #         Poll::Pending
//! #     }
//! # }
//! # struct Unpark(thread::Thread);
//! # impl Wake for Unpark { fn wake(self: Arc<Self>) { self.0.unpark() } }
//! # fn block_on<T>(job: impl Future<Output = T>) -> T {
//! #     let mut job = pin!(job);
//! #     let waker = Waker::from(Arc::new(Unpark(thread::current())));
//! #     loop {
//! #         match job.as_mut().poll(&mut Context::from_waker(&waker)) {
//! #             Poll::Ready(done) => return done,
//! #             Poll::Pending => thread::park(),
//! #         }
//! #     }
//! # }
//! ```
#![forbid(unsafe_code)]

/// The example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

mod block;
mod call;
mod clock;
mod commons;
mod contained;
#[cfg(test)]
mod fixture;
mod identity;
pub mod metrics;
mod naps;
mod observer;
mod pool;
mod published;
mod runtime;
mod seed;
mod sender;
mod settings;
mod shared;
mod signer;
mod sites;
mod source;
mod status;
mod store;
mod sync;
mod token;
mod wait;

pub use block::BlockingSource;
pub use call::{Attachment, BlockingExchange, Exchange};
pub use clock::{Clock, ManualClock, SystemClock};
pub use identity::{CertifiedKey, Identity, KeyEncoding};
pub use observer::{Event, EventKind, EvictionReason, Observer, ReplayReason, WaitResult};
pub use pool::{BoxError, Pool, PoolClient, PoolError, PoolFull, PoolSettings, PoolStatus, Pooled};
pub use runtime::{BlockingTransport, Handle, Runtime, Transport};
pub use seed::random_seed;
pub use settings::Settings;
pub use shared::{Shared, Snapshot};
pub use signer::{KeySource, Signer};
pub use source::{CommandSource, FileSource, SecretSource, VariableSource};
pub use status::{Held, LastOutcome, RequestStatus, SetAside, Status};
pub use store::{BlockingStore, SealedStore, Sealing, Store, StoreFuture, TokenSeal, WhenDown};
pub use token::Token;
pub use wait::Source;
