//! What systemd is told, where it asks for it (`Type=notify`).

use crate::tell::stderr;

/// The gateway is ready.
pub(in crate::commands) fn ready() {
    tell(&[State::Ready]);
}

/// It ends.
pub(in crate::commands) fn stopping() {
    tell(&[State::Stopping]);
}

#[cfg(unix)]
use sd_notify::NotifyState as State;

/// Does nothing where `NOTIFY_SOCKET` is not set.
#[cfg(unix)]
fn tell(state: &[State<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        stderr::warning(format_args!("systemd cannot be told the state at NOTIFY_SOCKET: {error}"));
    }
}

#[cfg(not(unix))]
enum State {
    Ready,
    Stopping,
}

#[cfg(not(unix))]
fn tell(_: &[State]) {}
