use super::*;
use hyper::rt::ReadBuf;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};

/// A server that sends without end.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buffer.len()))
    }
}

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

// Conforms: A-18
#[test]
fn a_server_that_sends_without_end_does_not_keep_the_thread() {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    let mut io = Io::new(Endless);
    let mut storage = [MaybeUninit::uninit(); 16];
    for round in 1..=3 {
        let mut reads = 0;
        loop {
            let mut buffer = ReadBuf::uninit(&mut storage);
            match Pin::new(&mut io).poll_read(&mut cx, buffer.unfilled()) {
                Poll::Ready(read) => read.unwrap(),
                Poll::Pending => break,
            }
            reads += 1;
        }
        // It asks to go on, for nobody else will wake it.
        assert_eq!((reads, woken.0.load(Ordering::SeqCst)), (u32::from(READS), round));
    }
}
