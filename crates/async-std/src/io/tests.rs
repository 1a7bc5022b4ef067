use super::*;
use hyper::rt::ReadBuf;
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU32;
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
    let mut stream = Fair::new(Endless);
    for round in 1..=3 {
        let mut reads = 0;
        while Pin::new(&mut stream).poll_read(&mut cx, &mut [0; 16]).is_ready() {
            reads += 1;
        }
        // It asks to go on, for nobody else will wake it.
        assert_eq!((reads, woken.0.load(Ordering::SeqCst)), (u32::from(READS), round));
    }
}

/// One read of `io`.
fn read(io: &mut Io<Endless>) -> io::Result<usize> {
    let mut storage = [MaybeUninit::uninit(); 16 * 1024];
    let mut buffer = ReadBuf::uninit(&mut storage);
    match Pin::new(io).poll_read(&mut Context::from_waker(Waker::noop()), buffer.unfilled()) {
        Poll::Ready(read) => read.map(|()| buffer.filled().len()),
        Poll::Pending => panic!("there is always something"),
    }
}

#[test]
fn what_comes_before_the_head_of_an_answer_is_bounded_and_its_body_is_not() {
    let allowance = Allowance::new();
    let mut io = Io::new(Endless, allowance.clone());
    for _ in 0..3 {
        allowance.begin();
        let mut before = 0;
        let error = loop {
            match read(&mut io) {
                Ok(read) => before += read,
                Err(error) => break error,
            }
        };
        assert!((MAX_BEFORE_BODY..MAX_BEFORE_BODY + 8192).contains(&before), "{before}");
        assert!(error.to_string().contains("512 KiB of interim responses"), "{error}");
        allowance.lift();
        for _ in 0..2 * MAX_BEFORE_BODY / 8192 {
            assert_eq!(read(&mut io).unwrap(), 8192);
        }
    }
}
