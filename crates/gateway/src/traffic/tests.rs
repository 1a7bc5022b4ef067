use super::{Counted, Traffic};
use std::rc::Rc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

#[test]
fn bytes_are_counted_both_ways() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, mut far) = duplex(64);
        let traffic = Rc::new(Traffic::default());
        let mut counted = Counted::new(near, Rc::clone(&traffic));
        let begin = traffic.mark();
        assert!(!traffic.has_written_since(begin) && !traffic.has_read_since(begin));
        counted.write_all(b"GET").await.unwrap();
        assert!(traffic.has_written_since(begin) && !traffic.has_read_since(begin));
        let then = traffic.mark();
        far.write_all(b"200").await.unwrap();
        let mut answer = [0; 3];
        counted.read_exact(&mut answer).await.unwrap();
        assert!(!traffic.has_written_since(then) && traffic.has_read_since(then));
    });
}
