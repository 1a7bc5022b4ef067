//! Scenarios: one test per row of the tables and per promise, named as sentences, by what they are about. `traces` has the random
//! ones, `model` the search.

use super::*;
use crate::ask::Ask;
use crate::error::{Class, ConfigError, Problem, SourceError, Unready};
use crate::lifetime::JwtHint;
use crate::time::Wall;
use crate::token::{AccessToken, Token};
use alloc::format;
use alloc::vec::Vec;

mod complete;
mod lives;
mod member;
mod model;
mod outputs;
mod poll;
mod reject;
mod restore;
mod rests;
mod rotate;
mod shared;
mod sim;
mod traces;

use sim::{Sim, ms, permanent, secs, throttled, token, transient};
