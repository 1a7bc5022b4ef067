//! What an answer without a token means, by a function of the user's own.

use crate::error::Class;
use crate::verdict::Answer;
use alloc::sync::Arc;
use core::fmt;

/// See [`Provider::with_refusal_rule`](super::Provider::with_refusal_rule). Two are equal when one is a clone of the other.
#[derive(Clone)]
pub(crate) struct RefusalRule(Arc<dyn Classify>);

/// What a rule is made of.
trait Classify: Fn(&Answer<'_>) -> Option<Class> + Send + Sync {}

impl<F: Fn(&Answer<'_>) -> Option<Class> + Send + Sync> Classify for F {}

impl RefusalRule {
    pub(super) fn new(rule: impl Fn(&Answer<'_>) -> Option<Class> + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// The class of this answer; `None` for what the rule leaves to the table.
    pub(crate) fn class(&self, answer: &Answer<'_>) -> Option<Class> {
        (self.0)(answer)
    }
}

impl PartialEq for RefusalRule {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::addr_eq(Arc::as_ptr(&self.0), Arc::as_ptr(&other.0))
    }
}

impl fmt::Debug for RefusalRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusalRule")
    }
}
