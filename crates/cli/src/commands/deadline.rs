//! An end that nothing can put off: not even a stream that is written and that nobody reads.

use std::process::exit;
use std::thread;
use std::time::Duration;

/// How long the job has to end by itself once its time is over, and to clean up.
pub(super) const GRACE: Duration = Duration::from_millis(250);

/// The status of a command that could not even say why it ended.
const STATUS: i32 = 4;

/// Ends this process when this time and a moment more are over, if it is still there.
pub(super) fn end_process_after(time: Duration) {
    let waiting = move || {
        thread::sleep(time.saturating_add(GRACE * 2));
        exit(STATUS);
    };
    // Without a thread it ends when it can.
    let _watching = thread::Builder::new().name("deadline".into()).spawn(waiting);
}
