//! An authorized call: attaches a token, and replays once after a refused one. Written once for tasks and once for
//! threads.
//!
//! 1. The token is taken per attempt, never per operation.
//! 2. A refused token goes to `reject`, which says what comes next: `Dropped` or `Replaced`, take a token and send once
//!    more; `Settling`, wait until then and do the same; `Refused`, hand the answer on.
//! 3. A request that cannot be repeated is not: the refresh is set off, and the caller gets the answer.
//! 4. The one replay is per call. Its own refusal goes to `reject` too, and is handed on.

use crate::block::BlockingSource;
use crate::runtime::{BlockingTransport, Runtime, Transport};
use crate::supply::Supply;
use crate::wait::Source;
use evergrant_core::{Error, Rejection, Site, Verdict};
use std::time::Duration;

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

    /// Sends it with this `Authorization`, and says what the answer means for the token.
    fn send(
        &mut self,
        request: Self::Request,
        authorization: V,
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

    /// Sends it with this `Authorization`, and says what the answer means for the token.
    ///
    /// # Errors
    /// There is no answer.
    fn send(
        &mut self,
        request: Self::Request,
        authorization: V,
    ) -> Result<(Self::Answer, Verdict), Self::Error>;
}

impl<R, T, V> Supply<Source<R, T, V>, V>
where
    R: Runtime,
    T: Transport,
    V: Clone + Send + Sync + 'static,
{
    /// Sends the request with a token, and once more with another if that is refused.
    ///
    /// # Errors
    /// There is no token, or no answer.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call; a token request it set off goes on.
    pub async fn call<X: Exchange<V>>(
        &self,
        exchange: &mut X,
        request: X::Request,
        site: Site,
    ) -> Result<X::Answer, X::Error> {
        let spare = exchange.repeat(&request);
        let (authorization, generation) = self.authorization().await?;
        let (answer, verdict) = exchange.send(request, authorization).await?;
        if verdict != Verdict::TokenRefused {
            return Ok(answer);
        }
        let rejection = self.reject(generation, site);
        let Some(spare) = spare else {
            // A caller without patience sends what is due, and does not wait for it.
            let _unwaited = self.token(Some(Duration::ZERO)).await;
            return Ok(answer);
        };
        match rejection {
            Rejection::Refused => return Ok(answer),
            Rejection::Settling(then) if !self.settle(then).await => return Ok(answer),
            Rejection::Settling(_) | Rejection::Dropped | Rejection::Replaced => drop(answer),
        }
        let (authorization, generation) = self.authorization().await?;
        let (answer, verdict) = exchange.send(spare, authorization).await?;
        if verdict == Verdict::TokenRefused {
            self.reject(generation, site);
        }
        Ok(answer)
    }
}

impl<T, V> Supply<BlockingSource<T, V>, V>
where
    T: BlockingTransport,
    V: Clone + Send + Sync + 'static,
{
    /// Sends the request with a token, and once more with another if that is refused.
    ///
    /// # Errors
    /// There is no token, or no answer.
    ///
    /// # Blocking
    /// For a token as [`token`](Self::token); for the answers as long as the HTTP library does.
    pub fn call<X: BlockingExchange<V>>(
        &self,
        exchange: &mut X,
        request: X::Request,
        site: Site,
    ) -> Result<X::Answer, X::Error> {
        let spare = exchange.repeat(&request);
        let (authorization, generation) = self.authorization()?;
        let (answer, verdict) = exchange.send(request, authorization)?;
        if verdict != Verdict::TokenRefused {
            return Ok(answer);
        }
        let rejection = self.reject(generation, site);
        let Some(spare) = spare else {
            // A caller without patience sends what is due, and does not wait for it.
            let _unwaited = self.token(Some(Duration::ZERO));
            return Ok(answer);
        };
        match rejection {
            Rejection::Refused => return Ok(answer),
            Rejection::Settling(then) if !self.settle(then) => return Ok(answer),
            Rejection::Settling(_) | Rejection::Dropped | Rejection::Replaced => drop(answer),
        }
        let (authorization, generation) = self.authorization()?;
        let (answer, verdict) = exchange.send(spare, authorization)?;
        if verdict == Verdict::TokenRefused {
            self.reject(generation, site);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
