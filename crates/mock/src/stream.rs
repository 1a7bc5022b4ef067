//! A connection's bytes, plain or over TLS.

use std::cell::Cell;
#[cfg(feature = "tls")]
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::session::Session;

/// What is spoken on a connection.
#[derive(Clone)]
pub(crate) enum Protocol {
    Plain,
    #[cfg(feature = "tls")]
    Tls(Arc<rustls::ServerConfig>),
}

pub(crate) struct Stream {
    socket: Socket,
    #[cfg(feature = "tls")]
    tls: Option<RefCell<rustls::ServerConnection>>,
}

/// A socket in which the last byte that was seen is left until more is wanted: a connection closed with unread bytes is
/// reset by the system, and that is the one way to a reset that std offers.
struct Socket {
    tcp: Arc<TcpStream>,
    /// Whether the last byte that was read is still in the socket, too.
    owes_a_byte: Cell<bool>,
}

impl Stream {
    pub(crate) fn new(tcp: Arc<TcpStream>, protocol: &Protocol) -> io::Result<Self> {
        let socket = Socket { tcp, owes_a_byte: Cell::new(false) };
        match protocol {
            Protocol::Plain => Ok(Self {
                socket,
                #[cfg(feature = "tls")]
                tls: None,
            }),
            #[cfg(feature = "tls")]
            Protocol::Tls(config) => {
                let tls = rustls::ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Ok(Self { socket, tls: Some(RefCell::new(tls)) })
            }
        }
    }

    /// Reads some bytes, however often the process is stopped meanwhile; none at the end. Over TLS the first of them come
    /// after the handshake.
    pub(crate) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return rustls::Stream::new(&mut *tls.borrow_mut(), &mut &self.socket).read(bytes);
        }
        (&self.socket).read(bytes)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let (tls, mut socket) = (&mut *tls.borrow_mut(), &self.socket);
            let mut stream = rustls::Stream::new(tls, &mut socket);
            stream.write_all(bytes)?;
            return stream.flush();
        }
        (&self.socket).write_all(bytes)
    }

    /// Takes the byte that was left in the socket, so that closing the connection does not reset it.
    pub(crate) fn settle(&self) -> io::Result<()> {
        self.socket.settle()
    }

    /// Says over TLS that nothing more will come. What becomes of that is the client's affair.
    pub(crate) fn farewell(&self) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let tls = &mut *tls.borrow_mut();
            tls.send_close_notify();
            let _ = tls.write_tls(&mut &self.socket);
        }
    }

    /// Ends our side.
    pub(crate) fn shut_down(&self) -> io::Result<()> {
        self.farewell();
        self.socket.tcp.shutdown(Shutdown::Write)
    }

    /// How long [`Stream::discard`] waits for something.
    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.tcp.set_read_timeout(timeout)
    }

    /// Reads what is on the wire, which nobody looks at; none at the end.
    pub(crate) fn discard(&self) -> io::Result<usize> {
        let mut sink = [0; 16 * 1024];
        undisturbed(|| (&*self.socket.tcp).read(&mut sink))
    }

    /// What is known of the TLS session.
    pub(crate) fn session(&self) -> Option<Session> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Some(Session::of(&tls.borrow()));
        }
        None
    }
}

impl Socket {
    fn settle(&self) -> io::Result<()> {
        if self.owes_a_byte.replace(false) {
            (&*self.tcp).read_exact(&mut [0])?;
        }
        Ok(())
    }
}

impl Read for &Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.settle()?;
        let seen = undisturbed(|| self.tcp.peek(bytes))?;
        if let Some(taken) = seen.checked_sub(1) {
            (&*self.tcp).read_exact(&mut bytes[..taken])?;
            self.owes_a_byte.set(true);
        }
        Ok(seen)
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.tcp).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads once, however often the process is stopped meanwhile and goes on: a socket with a timeout says then that it was
/// interrupted (signal(7)), which says nothing about the connection.
fn undisturbed(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
