//! What is simulated.

use std::ops::Range;

/// What happens to a fleet. All times are seconds from its start.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of everything that is drawn.
    pub seed: u64,
    /// How many processes there are.
    pub processes: u32,
    /// When they start.
    pub starts: Starts,
    /// How long it is simulated.
    pub lasts: u64,
    /// The life of each token.
    pub life: u64,
    /// Whether the policy draws: see [`Policy::with_jitter`](evergrant_core::Policy::with_jitter).
    pub jitter: bool,
    /// When the authorization server answers 503.
    pub outage: Range<u64>,
    /// Whether the authorization server hands out the same token until it ends.
    pub repeats: bool,
    /// What the API does with the tokens.
    pub api: Api,
    /// The store, unless everyone is alone.
    pub stores: Option<Stores>,
    /// Whether the first process that asks dies as soon as its request is sent.
    pub first_dies: bool,
    /// The time whose requests and waits count.
    pub counted: Range<u64>,
}

/// When the processes start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Starts {
    /// At a time in the first second.
    Together,
    /// One a second.
    OneEachSecond,
}

/// What the API does with the tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Api {
    /// It takes them, and nobody hears of it.
    Takes,
    /// The tokens that were issued before this time are revoked at it, and everyone calls within so many seconds of it.
    Revoked {
        /// When.
        at: u64,
        /// How long it is until everyone has called.
        within: u64,
    },
    /// It refuses everything, and every process calls once a second.
    Refuses,
}

/// What happens to the store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stores {
    /// When no command brings a reply.
    pub down: Range<u64>,
    /// How often it loses everything.
    pub loses_every: Option<u64>,
    /// When every other process has another store, which begins as a copy of the first and is gone afterwards.
    pub split: Range<u64>,
    /// One command of so many is lost, half of them after they were executed; 0 for none.
    pub loses_one_of: u64,
    /// Whether the reply to the very first command is lost: the claim is granted, and its holder does not know.
    pub loses_first_reply: bool,
}

impl Plan {
    /// A fleet that starts together, with a store, tokens of an hour, and nothing that goes wrong.
    pub fn new(processes: u32, lasts: u64) -> Self {
        Self {
            seed: 1,
            processes,
            starts: Starts::Together,
            lasts,
            life: 3600,
            jitter: true,
            outage: 0..0,
            repeats: false,
            api: Api::Takes,
            stores: Some(Stores::default()),
            first_dies: false,
            counted: 0..lasts,
        }
    }

    /// The same without a store.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { stores: None, ..self.clone() }
    }
}
