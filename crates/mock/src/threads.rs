//! The threads of a server: one accepts, one hands over, one serves each connection; and their end.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::connection;
use crate::state::Shared;
use crate::stream::{Protocol, Stream};

/// Connections at a time; one more is closed at once. Each has a thread.
const MAX_CONNECTIONS: usize = 4096;
/// A connection's stack: a quarter of the default suffices for a parser and its buffers, in a debug build too.
const STACK: usize = 512 * 1024;
/// How long stopping waits for threads that have been told to end.
const STOP: Duration = Duration::from_secs(5);
/// The rest after the system refused a connection or a descriptor.
const PAUSE: Duration = Duration::from_millis(10);

/// The running threads. Dropping stops them.
pub(crate) struct Threads {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Threads {
    pub(crate) fn start(
        listener: TcpListener,
        shared: Arc<Shared>,
        protocol: Protocol,
        idle: Duration,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        // The system queues 128 connections that nobody has accepted. Starting a thread takes far longer than
        // accepting, so the thread that accepts does nothing else and a burst of hundreds does not fill the queue.
        let (sender, receiver) = mpsc::channel::<TcpStream>();
        let for_connections = Arc::clone(&shared);
        spawn("mock hand over", move || {
            for (number, stream) in (0..).zip(receiver) {
                // Without a thread for it, the connection closes: so does one at a server that is overrun.
                let _ = connect(&for_connections, number, stream, &protocol, idle);
            }
        })?;
        let for_accepting = Arc::clone(&shared);
        let accepting = spawn("mock accept", move || accept(&for_accepting, &listener, &sender))?;
        Ok(Self { shared, address, accepting: Some(accepting) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets `accept` return once more, which is when it sees that the server stops: std has no other way to end it.
    /// False when even the loopback gives no connection, for want of file descriptors say.
    fn wake(&self, accepting: &JoinHandle<()>) -> bool {
        for _ in 0..STOP.as_millis() / PAUSE.as_millis() {
            if accepting.is_finished() || TcpStream::connect_timeout(&self.address, STOP).is_ok() {
                return true;
            }
            thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let connections: Vec<Arc<TcpStream>> = {
            let mut state = self.shared.lock();
            state.stopping = true;
            state.connections.values().cloned().collect()
        };
        self.shared.released.notify_all();
        for connection in &connections {
            // One that the client has closed already is no error.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(connections);
        if let Some(accepting) = self.accepting.take()
            && self.wake(&accepting)
        {
            // Its panic, which would be our bug, was reported when it happened.
            let _ = accepting.join();
        }
        self.shared.wait_until(STOP, |state| state.connections.is_empty());
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(run)
}

fn accept(shared: &Shared, listener: &TcpListener, connections: &mpsc::Sender<TcpStream>) {
    loop {
        let accepted = listener.accept();
        if shared.lock().stopping {
            return;
        }
        match accepted {
            Ok((stream, _)) => {
                if connections.send(stream).is_err() {
                    return;
                }
            }
            // The client has gone already, or file descriptors are short: the latter lasts, and must not spin.
            Err(_) => {
                if !shared.pause(PAUSE) {
                    return;
                }
            }
        }
    }
}

/// A connection in the list, for as long as its thread runs, and when it panics, too.
struct Open {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        let stream = self.shared.lock().connections.remove(&self.number);
        // Closed before anybody hears that it is gone, and not under the lock.
        drop(stream);
        self.shared.changed.notify_all();
    }
}

fn connect(
    shared: &Arc<Shared>,
    number: u64,
    stream: TcpStream,
    protocol: &Protocol,
    idle: Duration,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(idle))?;
    stream.set_write_timeout(Some(idle))?;
    let tcp = Arc::new(stream);
    {
        let mut state = shared.lock();
        if state.stopping || state.connections.len() >= MAX_CONNECTIONS {
            return Ok(());
        }
        state.connections.insert(number, Arc::clone(&tcp));
    }
    let open = Open { shared: Arc::clone(shared), number };
    let stream = Stream::new(tcp, protocol)?;
    spawn("mock connection", move || {
        connection::serve(&open.shared, &stream);
        drop(stream);
        drop(open);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
