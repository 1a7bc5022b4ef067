//! Open files: each connection is one, and the usual soft limit of 1024 is for programs that use `select`.

use super::plan::For;
use crate::client::profile::gateway::Bounds;
use crate::tell::stderr;

/// What the process has open beside connections: listeners, runtimes, token requests, the log.
const OTHERS: usize = 128;

/// The bounds that this process can keep to. Its soft limit is raised to the hard one, unless a program is to be started, which
/// would inherit it.
pub(super) fn enough(bounds: Bounds, apis: usize, of: For) -> Bounds {
    let Some(limit) = limit(of == For::Itself) else { return bounds };
    let fitting = fitting(limit, bounds.turns.saturating_mul(apis));
    if fitting >= bounds.connections {
        return bounds;
    }
    // A program that was started with the gateway is its only caller.
    if of == For::Itself {
        stderr::warning(format_args!(
            "this process can open {limit} files: at most {fitting} connections are accepted at once (raise it with ulimit \
             -n, or LimitNOFILE in a unit of systemd)"
        ));
    }
    bounds.with_connections(fitting)
}

/// How many callers' connections there is room for, beside those to the APIs; where these would take more, half of it all.
fn fitting(limit: usize, upstream: usize) -> usize {
    let room = limit.saturating_sub(OTHERS);
    room.saturating_sub(upstream).max(room / 2).max(1)
}

/// How many files it may open; `None` if there is no limit.
#[cfg(unix)]
fn limit(is_raised: bool) -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if is_raised && limit.current != limit.maximum {
        let hard = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // Where the system does not let it (macOS, above its own bound), all is as it was.
        let _raised = setrlimit(Resource::Nofile, hard);
    }
    usize::try_from(getrlimit(Resource::Nofile).current?).ok()
}

/// Elsewhere sockets are no files.
#[cfg(not(unix))]
fn limit(_: bool) -> Option<usize> {
    None
}

#[cfg(test)]
mod tests;
