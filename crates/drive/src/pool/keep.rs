//! The job that keeps a pool fresh, as a task and as a thread.

use super::Pool;
use super::keeper::{PoolKeep, PoolKeeper};
use crate::block::{self, BlockingSource};
use crate::naps::Nap;
use crate::runtime::{BlockingTransport, Runtime, Transport};
use crate::wait::{self, Source};
use std::future::poll_fn;
use std::task::Poll;

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
        let (mut nap, mut left) = (Nap::default(), None);
        poll_fn(move |cx| {
            drop(left.take());
            loop {
                // Whoever is on no runtime never takes the right to send.
                let Ok(handle) = runtime.current() else { return Poll::Ready(()) };
                match keeper.poll(cx.waker()) {
                    PoolKeep::Ended => return Poll::Ready(()),
                    PoolKeep::Send(source, guard, report) => {
                        wait::launch(&source, &handle, guard);
                        left = Some(report);
                    }
                    PoolKeep::Wait(time) => {
                        if left.is_some() {
                            cx.waker().wake_by_ref();
                        }
                        return nap.poll(&handle, time, cx).map(|never| match never {});
                    }
                }
            }
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
        move || {
            let waker = block::this_thread();
            loop {
                match keeper.poll(&waker) {
                    PoolKeep::Ended => return,
                    PoolKeep::Send(source, guard, report) => {
                        block::launch(&source, guard);
                        drop(report);
                    }
                    PoolKeep::Wait(time) => block::nap(time),
                }
            }
        }
    }
}
