//! A secret that a program prints.

use super::text::{MAX_BYTES, Purpose, too_long, trimmed};
use crate::tell::failure::Failure;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How much of a command's output is read at once, in bytes.
const PIECE: usize = 4096;

/// How long a command that has ended may leave its output open, to a child of its own: what was printed until then counts.
const LEFT_OPEN: Duration = Duration::from_millis(200);

/// What the program prints on stdout. It sees neither our stdin nor a secret of ours; what it says on stderr is for
/// the user. It has this long, and so has whatever it leaves behind.
pub(super) fn printed(
    program: &str,
    arguments: &[String],
    hidden: &[&str],
    purpose: &Purpose,
    limit: Duration,
) -> Result<Zeroizing<String>, Failure> {
    let wrong = |happened: String| {
        Failure::usage(
            format!("the {purpose} cannot be read from {program}: {happened}"),
            "run the command that the profile names by hand: it must print the secret, and end",
        )
    };
    let late = || wrong(format!("it did not end within {limit:?}"));
    let deadline = Instant::now() + limit;
    let mut command = Command::new(program);
    for name in hidden {
        command.env_remove(name);
    }
    let spawned = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| wrong(format!("it cannot be started: {error}")))?;
    let (sender, pieces) = mpsc::channel();
    if let Some(stdout) = child.stdout.take()
        && let Err(error) = thread::Builder::new().spawn(move || read_pieces(stdout, &sender))
    {
        end(&mut child);
        return Err(wrong(error.to_string()));
    }
    // All room at once: a vector that grows leaves copies behind.
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + PIECE));
    let (mut open, mut ended) = (true, None);
    let mut until = deadline;
    loop {
        // Short, so that its end is seen while its output stays open.
        let nap = until.saturating_duration_since(Instant::now()).min(Duration::from_millis(5));
        match if open { pieces.recv_timeout(nap) } else { Err(RecvTimeoutError::Timeout) } {
            Ok(Ok(piece)) => output.extend_from_slice(&piece),
            Ok(Err(error)) => {
                end(&mut child);
                return Err(wrong(format!("its output cannot be read: {error}")));
            }
            Err(RecvTimeoutError::Disconnected) => open = false,
            Err(RecvTimeoutError::Timeout) if !open => thread::sleep(nap),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if output.len() as u64 > MAX_BYTES {
            end(&mut child);
            return Err(too_long(&format!("the output of {program}"), purpose));
        }
        if ended.is_none() {
            ended = child.try_wait().map_err(|error| wrong(error.to_string()))?;
            if ended.is_some() {
                until = deadline.min(Instant::now() + LEFT_OPEN);
            }
        }
        match ended {
            Some(status) if !open || Instant::now() >= until => {
                if !status.success() {
                    return Err(wrong(format!("it ended with {status}")));
                }
                // Whoever prints a line ends it; that needs no note.
                return trimmed(&output, &format!("the output of {program}"), purpose, false);
            }
            None if Instant::now() >= deadline => {
                end(&mut child);
                return Err(late());
            }
            _ => {}
        }
    }
}

/// Hands on what is printed, until nobody prints, or nobody wants it any more.
fn read_pieces(mut stdout: impl Read, sender: &mpsc::Sender<io::Result<Zeroizing<Vec<u8>>>>) {
    loop {
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        let read = match stdout.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => {
                piece.truncate(length);
                Ok(piece)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        if sender.send(read).is_err() {
            return;
        }
    }
}

fn end(child: &mut Child) {
    // It may end by itself in this moment.
    let _gone = child.kill();
    let _status = child.wait();
}
