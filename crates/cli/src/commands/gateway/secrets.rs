//! Secrets that change while the gateway runs: their files are looked at, and read again when somebody asks for it.

use super::plan::Source;
use crate::tell::escaped::Line;
use crate::tell::stderr;
use evergrant_tokio_reqwest::Rotation;

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
