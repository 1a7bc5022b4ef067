#![doc = include_str!("_why_refused/page.md")]
#![allow(unused_imports)] // The page links to them, from the adapters' documentation too.

use crate::ApiError;
use evergrant_core::{
    Cause, ClientAuth, ClientBuilder, ConfigError, Error, Origins, Policy, Problem, Refusal,
};

#[cfg(test)]
mod tests;
