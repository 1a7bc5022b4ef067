//! The async runtime that subcommands run on.

use crate::tell::failure::Failure;
use std::io;
use std::time::Duration;

/// How long a task may take for its last words, such as an event of the library, once the job is done.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs the job to its end, on a tokio runtime with timers and IO, and waits for nothing else: what still hangs in the
/// system (a name that no name server answers for) ends with the process.
pub(super) fn block_on<T>(job: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let cannot = |error: io::Error| Failure::system("the async runtime cannot be started", &error);
    enough_descriptors().map_err(cannot)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    let done = runtime.block_on(job);
    runtime.shutdown_timeout(LAST_WORDS);
    done
}

/// Where the runtime finds too few, it panics: it needs less than these.
fn enough_descriptors() -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::net::UnixStream;
        let _enough = (UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?);
    }
    Ok(())
}
