//! The job that keeps a pool fresh, as a task and as a thread.

use super::Pool;
use super::keeper::{PoolKeep, PoolKeeper};
use crate::block::{self, BlockingSource};
use crate::naps::Kept;
use crate::runtime::{BlockingTransport, Runtime, Transport};
use crate::wait::{self, Source};

impl<K, R, T, V> Pool<K, Source<R, T, V>>
where
    K: Clone + Send + Sync + 'static,
    R: Runtime,
    T: Transport,
    V: Send + Sync + 'static,
{
    /// Asks for new tokens before the old ones end, for all sources of the pool that were used since their token came; ends when the
    /// last clone of the pool is dropped, or where there is no runtime. It holds no share in the pool, and runs only where the user
    /// spawns it. One for the whole pool is enough.
    ///
    /// # Cancel safety
    /// Dropping the future stops it, and loses nothing.
    pub fn keep_fresh(&self, runtime: R) -> impl Future<Output = ()> + Send + use<K, R, T, V> {
        let mut keeper = PoolKeeper::new(&self.0);
        wait::keep(runtime, move |handle, waker| match keeper.poll(waker) {
            PoolKeep::Send(source, guard, report) => {
                wait::launch(&source, handle, guard);
                Kept::Sent(report)
            }
            PoolKeep::Wait(time) => Kept::Wait(time),
            PoolKeep::Ended => Kept::Ended,
        })
    }
}

impl<K, T, V> Pool<K, BlockingSource<T, V>>
where
    K: Clone + Send + Sync + 'static,
    T: BlockingTransport,
    V: Send + Sync + 'static,
{
    /// Asks for new tokens before the old ones end, for all sources of the pool that were used since their token came; returns when
    /// the last clone of the pool is dropped. It holds no share in the pool. One for the whole pool is enough.
    ///
    /// # Blocking
    /// Blocks until then: give it a thread. To stop it, drop every clone of the pool.
    pub fn keep_fresh(&self) -> impl FnOnce() + Send + use<K, T, V> {
        let mut keeper = PoolKeeper::new(&self.0);
        block::keep(move |waker| match keeper.poll(waker) {
            PoolKeep::Send(source, guard, report) => {
                block::launch(&source, guard);
                Kept::Sent(report)
            }
            PoolKeep::Wait(time) => Kept::Wait(time),
            PoolKeep::Ended => Kept::Ended,
        })
    }
}
