//! An end that nothing can put off: not even a stream that is written and that nobody reads.

use std::process::exit;
use std::thread;
use std::time::Duration;

/// How long the job has to end by itself once its time is over, and to clean up.
pub(super) const GRACE: Duration = Duration::from_millis(250);

/// How much later the process ends in any case: longer than a job takes to end, with the runtime's last words, and to say why,
/// also on a slow machine. Only what is stuck sees it.
const STUCK: Duration = Duration::from_secs(3);

/// The status of a command that could not even say why it ended.
const STATUS: i32 = 4;

/// Ends this process some seconds after this time, if it is still there.
pub(super) fn end_process_after(time: Duration) {
    let waiting = move || {
        thread::sleep(time.saturating_add(STUCK));
        exit(STATUS);
    };
    // Without a thread it ends when it can.
    let _watching = thread::Builder::new().name("deadline".into()).spawn(waiting);
}
