//! What is told of token requests that fail: each change once.

use super::live::Live;
use crate::tell::stderr;
use evergrant_gateway::Running;
use evergrant_tokio_reqwest::{LastOutcome, Tokens};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(500);

/// Tells it from now on, as long as the gateway runs. A thread of its own looks, and holds up no task.
pub(super) fn told(running: &Arc<Running>, live: Live) {
    let running = Arc::downgrade(running);
    let tell = move || look_again_and_again(&running, &live);
    // Without a thread nothing is told; the gateway serves.
    let _started = thread::Builder::new().name("evergrant-trouble".into()).spawn(tell);
}

fn look_again_and_again(running: &Weak<Running>, live: &Live) {
    let mut told: Vec<Told> = Vec::new();
    while running.strong_count() > 0 {
        let sources = live.sources();
        told.retain(|told| sources.iter().any(|tokens| told.is_of(tokens)));
        for tokens in sources {
            if !told.iter().any(|told| told.is_of(&tokens)) {
                told.push(Told { tokens, trouble: None });
            }
        }
        told.iter_mut().for_each(Told::look);
        thread::sleep(LOOK);
    }
}

/// A source, and what was told of it.
struct Told {
    tokens: Tokens,
    trouble: Option<String>,
}

impl Told {
    /// Whether it is this source, and not another one of the name.
    fn is_of(&self, tokens: &Tokens) -> bool {
        Arc::ptr_eq(self.tokens.source().shared(), tokens.source().shared())
    }

    fn look(&mut self) {
        let name = self.tokens.name().to_owned();
        match self.tokens.status().last_outcome {
            Some((LastOutcome::Failed(cause), _)) => {
                let trouble = cause.to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    stderr::warning(format_args!("{name}: there is no new token: {trouble}"));
                    self.trouble = Some(trouble);
                }
            }
            Some((LastOutcome::Installed(_), _)) if self.trouble.take().is_some() => {
                stderr::note(format_args!("{name}: there is a new token"));
            }
            _ => {}
        }
    }
}
