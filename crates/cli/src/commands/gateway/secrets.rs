//! Secrets that change while the gateway runs: their files are looked at, and read again when somebody asks for it.

use super::plan::Source;
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use evergrant_tokio_reqwest::Rotation;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How often the files are looked at: by content, since what is mounted into a container is swapped above the file.
const LOOK: Duration = Duration::from_secs(5);

/// The thread that looks. It ends with this.
pub(in crate::commands) struct Secrets(Sender<()>);

impl Secrets {
    /// From now on the secrets of these sources are looked at.
    pub(in crate::commands) fn watched(mut sources: Vec<Source>) -> Result<Self, Failure> {
        let (sender, asked) = channel();
        let look = move || {
            loop {
                let again = match asked.recv_timeout(LOOK) {
                    Ok(()) => true,
                    Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                sources.iter_mut().for_each(|source| look(source, again));
            }
        };
        let started = thread::Builder::new().name("secrets".into()).spawn(look);
        started.map_err(|error| Failure::system("the secrets cannot be looked at", &error))?;
        Ok(Self(sender))
    }

    /// Reads all of them again, and runs the commands that print one.
    pub(in crate::commands) fn again(&self) {
        // The thread is there as long as this is.
        let _asked = self.0.send(());
    }
}

/// Looks at the file of this source's secret; `again`: reads it again wherever it is, and runs the command that prints it.
pub(super) fn look(source: &mut Source, again: bool) {
    let found = if again { source.renewal.read_again() } else { source.renewal.looked_at() };
    let (name, place) = (Line(source.tokens.name()), source.renewal.place());
    match found {
        Ok(None) => {}
        Ok(Some(authentication)) => {
            // The token that is held was issued to this client, and works until it ends.
            source.tokens.rotate(authentication, Rotation::Keep);
            stderr::note(format_args!(
                "{name}: the client secret {place} has changed, and the new one is used"
            ));
        }
        Err(failure) => {
            let (happened, _) = failure.parts();
            stderr::warning(format_args!("{name}: {happened}; the secret that was read before is used"));
        }
    }
}
