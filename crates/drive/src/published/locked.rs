//! The published value under `--cfg shuttle`: behind a lock of the scheduler's.

use super::Published;
use crate::sync::{Mutex, MutexGuard};
use std::sync::{Arc, PoisonError};

impl<T> Published<T> {
    pub(crate) fn new(value: Option<Arc<T>>) -> Self {
        Self { pointer: Mutex::new(value) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        self.pointer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        std::mem::replace(&mut *self.lock(), value)
    }

    pub(crate) fn load(&self) -> Option<Arc<T>> {
        self.lock().clone()
    }

    pub(crate) fn look<R>(&self, at: impl FnOnce(Option<&Arc<T>>) -> R) -> R {
        at(self.load().as_ref())
    }
}
