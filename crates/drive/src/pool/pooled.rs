//! What a pool can hold.

use crate::block::BlockingSource;
use crate::shared::Shared;
use crate::wait::Source;
use std::sync::Arc;

/// A source that a pool can hold: [`Source`] or [`BlockingSource`].
pub trait Pooled: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The rendered `Authorization` value.
    type Value: Send + Sync + 'static;

    /// What all clones share.
    fn shared(&self) -> &Arc<Shared<Self::Value>>;
}

mod sealed {
    pub trait Sealed {}
}

impl<R, T, V> sealed::Sealed for Source<R, T, V> {}

impl<R, T, V> Pooled for Source<R, T, V>
where
    R: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    type Value = V;

    fn shared(&self) -> &Arc<Shared<V>> {
        self.shared()
    }
}

impl<T, V> sealed::Sealed for BlockingSource<T, V> {}

impl<T, V> Pooled for BlockingSource<T, V>
where
    T: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    type Value = V;

    fn shared(&self) -> &Arc<Shared<V>> {
        self.shared()
    }
}
