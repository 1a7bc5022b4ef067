//! What a person reads first in a shell that `evergrant mock` has started: nothing else there looks different.

use super::place::Place;
use crate::tell::stderr;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};

/// Says what runs and which variables are set, where a person is about to type. A program with arguments is a job.
pub(super) fn greet(place: &Place, program: &[OsString]) {
    let [program] = program else { return };
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return;
    }
    let names: Vec<_> = place.variables().into_iter().map(|(name, _)| name).collect();
    let (program, names) = (program.display(), names.join(", "));
    stderr::note(format_args!(
        "an authorization server and an API run on loopback until {program} ends (in a shell: exit). {names} are set. \
         Try: evergrant token"
    ));
}
