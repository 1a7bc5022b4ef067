//! What another invocation was refused with, which is a failure of this one.

use std::time::Duration;

/// Why nothing was sent, and when something may be.
pub(crate) fn told(wait: Option<Duration>) -> String {
    let mut says = "that was an earlier token request, and none was sent now".to_owned();
    if let Some(wait) = wait {
        // Not before its time: what is told in whole seconds is rounded up.
        let seconds = (wait + Duration::from_millis(999)).as_secs();
        says.push_str(&format!(
            ": the next one may be sent in {seconds} s at the earliest, or after evergrant cache clear"
        ));
    }
    says
}
