//! An authorized call: attaches a token, and sends again after a refused one. Written once for tasks and once for threads.
//!
//! The token is taken per attempt, never per operation. What follows a refused token is decided by core's [`Replay`].

use crate::block::BlockingSource;
use crate::observer::ReplayReason;
use crate::runtime::{BlockingTransport, Runtime, Transport};
use crate::wait::Source;
use evergrant_core::{AfterRefusal, Error, Origin, Replay, Verdict};
use std::fmt;

/// What authorizes one request: the rendered `Authorization` value.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment<V> {
    authorization: V,
}

impl<V> Attachment<V> {
    /// The rendered `Authorization` value.
    pub const fn authorization(&self) -> &V {
        &self.authorization
    }

    /// The same, to be put on a request.
    pub fn into_authorization(self) -> V {
        self.authorization
    }
}

/// Without the value, whatever its type would show of it.
impl<V> fmt::Debug for Attachment<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").finish_non_exhaustive()
    }
}

/// One HTTP library's calls, as far as attaching a token needs to know them.
pub trait Exchange<V>: Send {
    /// A request.
    type Request: Send;
    /// An answer, whatever its status.
    type Answer: Send;
    /// Why there is none.
    type Error: From<Error>;

    /// The request again, if it can be repeated.
    fn repeat(&self, request: &Self::Request) -> Option<Self::Request>;

    /// Sends it with what authorizes it, and says what the answer means for the token.
    fn send(
        &mut self,
        request: Self::Request,
        attachment: Attachment<V>,
    ) -> impl Future<Output = Result<(Self::Answer, Verdict), Self::Error>> + Send;
}

/// The same for threads.
pub trait BlockingExchange<V> {
    /// A request.
    type Request;
    /// An answer, whatever its status.
    type Answer;
    /// Why there is none.
    type Error: From<Error>;

    /// The request again, if it can be repeated.
    fn repeat(&self, request: &Self::Request) -> Option<Self::Request>;

    /// Sends it with what authorizes it, and says what the answer means for the token.
    ///
    /// # Errors
    /// There is no answer.
    fn send(
        &mut self,
        request: Self::Request,
        attachment: Attachment<V>,
    ) -> Result<(Self::Answer, Verdict), Self::Error>;
}

impl<R, T, V> Source<R, T, V>
where
    R: Runtime,
    T: Transport,
    V: Clone + Send + Sync + 'static,
{
    /// Sends the request to this origin with a token, and again if that is refused: three times at most.
    ///
    /// # Errors
    /// There is no token, or no answer.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call; a token request that it started goes on.
    pub async fn call<X: Exchange<V>>(
        &self,
        exchange: &mut X,
        mut request: X::Request,
        origin: &Origin,
    ) -> Result<X::Answer, X::Error> {
        let mut again = exchange.repeat(&request);
        let mut replay = Replay::new(again.is_some());
        loop {
            let attach = self.with_authorization(None, Some(origin), |value, token| {
                (Attachment { authorization: value.clone() }, token.generation())
            });
            let (attachment, generation) = attach.await?;
            let (answer, verdict) = exchange.send(request, attachment).await?;
            if verdict != Verdict::TokenRefused {
                return Ok(answer);
            }
            let reason = match replay.refused(self.shared().reject(generation, origin)) {
                AfterRefusal::HandOnAndRefresh => {
                    self.refresh(origin).await;
                    return Ok(answer);
                }
                AfterRefusal::Settle(then) if !self.settle(then, self.shared().patience()).await => {
                    return Ok(answer);
                }
                AfterRefusal::Settle(_) => ReplayReason::Settled,
                AfterRefusal::SendAgain => ReplayReason::Token,
                _ => return Ok(answer),
            };
            // Whoever sends again had something to send.
            let Some(next) = again.take() else { return Ok(answer) };
            self.shared().replayed(reason);
            again = exchange.repeat(&next);
            request = next;
        }
    }
}

impl<T, V> BlockingSource<T, V>
where
    T: BlockingTransport,
    V: Clone + Send + Sync + 'static,
{
    /// Sends the request to this origin with a token, and again if that is refused: three times at most.
    ///
    /// # Errors
    /// There is no token, or no answer.
    ///
    /// # Blocking
    /// For a token as [`token`](Self::token); for the answers as long as the HTTP library does.
    pub fn call<X: BlockingExchange<V>>(
        &self,
        exchange: &mut X,
        mut request: X::Request,
        origin: &Origin,
    ) -> Result<X::Answer, X::Error> {
        let mut again = exchange.repeat(&request);
        let mut replay = Replay::new(again.is_some());
        loop {
            let (attachment, generation) = self.with_authorization(None, Some(origin), |value, token| {
                (Attachment { authorization: value.clone() }, token.generation())
            })?;
            let (answer, verdict) = exchange.send(request, attachment)?;
            if verdict != Verdict::TokenRefused {
                return Ok(answer);
            }
            let reason = match replay.refused(self.shared().reject(generation, origin)) {
                AfterRefusal::HandOnAndRefresh => {
                    self.refresh(origin);
                    return Ok(answer);
                }
                AfterRefusal::Settle(then) if !self.settle(then, self.shared().patience()) => {
                    return Ok(answer);
                }
                AfterRefusal::Settle(_) => ReplayReason::Settled,
                AfterRefusal::SendAgain => ReplayReason::Token,
                _ => return Ok(answer),
            };
            // Whoever sends again had something to send.
            let Some(next) = again.take() else { return Ok(answer) };
            self.shared().replayed(reason);
            again = exchange.repeat(&next);
            request = next;
        }
    }
}

#[cfg(test)]
pub(crate) fn attached<V>(authorization: V) -> Attachment<V> {
    Attachment { authorization }
}

#[cfg(test)]
mod tests;
