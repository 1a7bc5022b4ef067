//! Processes where they have no groups, and a pipe can only be read.

use std::io::{self, Read};
use std::process::{ChildStdout, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;
use zeroize::Zeroizing;

/// How much output is read at once, in bytes.
pub(super) const PIECE: usize = 4096;

/// What a process prints, read on a thread of its own, which ends with the last process that has the pipe.
pub(super) struct Output(Receiver<io::Result<Zeroizing<Vec<u8>>>>);

impl Output {
    pub(super) fn new(mut stdout: ChildStdout) -> Self {
        let (sender, pieces) = sync_channel(1);
        let read = move || {
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
        };
        // Without a thread there is no output, and the text is empty.
        let _thread = thread::Builder::new().name("evergrant-secret".into()).spawn(read);
        Self(pieces)
    }

    /// The next bytes, none at its end; `None` if none come in time.
    pub(super) fn read(&mut self, into: &mut [u8], wait: Duration) -> io::Result<Option<usize>> {
        match self.0.recv_timeout(wait) {
            Ok(piece) => {
                let piece = piece?;
                into.iter_mut().zip(piece.iter()).for_each(|(to, byte)| *to = *byte);
                Ok(Some(piece.len()))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(Some(0)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
        }
    }
}

pub(super) const fn in_a_group(_: &mut Command) {}

pub(super) const fn kill_group(_: u32) {}
