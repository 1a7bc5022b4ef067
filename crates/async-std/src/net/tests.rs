//! A network in memory, in which time passes when nothing else can.

use super::*;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::task::{Context, Poll, Waker};

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static TRIED: RefCell<Vec<SocketAddr>> = const { RefCell::new(Vec::new()) };
}

/// Every name has the addresses 192.0.2.1, which swallows packets, and 192.0.2.2, which answers a request with
/// [`ANSWER`]. Each test has a thread, and with it a network, of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fake;

pub(crate) const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere";

/// Runs it, and gives what it brought and how much time has passed.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let (mut future, began) = (Box::pin(future), NOW.get());
    for _ in 0..100_000 {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return (outcome, NOW.get() - began);
        }
        NOW.set(NOW.get() + Duration::from_millis(1));
    }
    panic!("it did not end");
}

/// The addresses that were tried since the last time.
pub(crate) fn tried() -> Vec<SocketAddr> {
    TRIED.take()
}

impl sealed::Sealed for Fake {}

impl Net for Fake {
    type Stream = Answering;

    async fn resolve(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok([1, 2].map(|last| SocketAddr::from(([192, 0, 2, last], port))).to_vec())
    }

    async fn connect_to(address: SocketAddr) -> io::Result<Answering> {
        TRIED.with_borrow_mut(|tried| tried.push(address));
        if address.ip() == std::net::Ipv4Addr::new(192, 0, 2, 1) {
            return pending().await;
        }
        Ok(Answering::default())
    }
}

impl Runtime for Fake {
    type Handle = Self;

    fn current(&self) -> Result<Self, TransportError> {
        Ok(*self)
    }
}

impl Handle for Fake {
    type Sleep = Timer;

    fn sleep(&self, time: Duration) -> Timer {
        let until = NOW.get() + time;
        Box::pin(poll_fn(move |_| if NOW.get() >= until { Poll::Ready(()) } else { Poll::Pending }))
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {
        panic!("nothing is spawned");
    }
}

/// Answers whatever is written.
#[derive(Default)]
pub(crate) struct Answering(VecDeque<u8>);

impl AsyncRead for Answering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match io::Read::read(&mut self.0, buffer) {
            Ok(0) => Poll::Pending,
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for Answering {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.extend(ANSWER.bytes());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
