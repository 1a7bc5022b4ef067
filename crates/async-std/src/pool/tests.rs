use super::*;
use futures_io::{AsyncRead, AsyncWrite};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// A stream on which nothing happens, until the server closes it; that ours was closed is counted.
struct Silent {
    over: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

impl AsyncRead for Silent {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.over.load(Ordering::SeqCst) > 0 { Poll::Ready(Ok(0)) } else { Poll::Pending }
    }
}

impl AsyncWrite for Silent {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A pool, and a point in time at which it begins.
struct Trial {
    pool: Pool,
    began: Instant,
    over: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Trial {
    fn new() -> Self {
        Self { pool: Pool::default(), began: Instant::now(), over: Arc::default(), closed: Arc::default() }
    }

    fn put(&self, seconds: u64, place: u16) {
        let stream = Silent { over: Arc::clone(&self.over), closed: Arc::clone(&self.closed) };
        let opening = pin!(Connection::open(stream)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(connection) = opening else { panic!("nothing to wait for") };
        self.pool.put_at(self.at(seconds), key(place), connection.unwrap());
    }

    fn take(&self, seconds: u64, place: u16) -> Option<Connection> {
        self.pool.take_at(self.at(seconds), &key(place))
    }

    fn at(&self, seconds: u64) -> Instant {
        self.began + Duration::from_secs(seconds)
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }

    /// The places that connections are kept to.
    fn places(&self) -> Vec<u16> {
        self.pool.lock().iter().map(|idle| idle.key.2).collect()
    }
}

fn key(place: u16) -> Key {
    (false, "example.com".to_owned(), place)
}

#[test]
fn what_is_too_old_is_closed_although_nobody_goes_there_again() {
    let trial = Trial::new();
    trial.put(0, 1);
    trial.put(10, 2);
    assert!(trial.take(29, 3).is_none());
    assert_eq!((trial.closed(), trial.places()), (0, vec![1, 2]));
    assert!(trial.take(30, 3).is_none());
    assert_eq!((trial.closed(), trial.places()), (1, vec![2]));
    trial.put(40, 3);
    assert_eq!((trial.closed(), trial.places()), (2, vec![3]));
}

#[test]
fn nothing_is_left_of_a_place_whose_connections_are_gone() {
    let trial = Trial::new();
    for place in 0..100 {
        trial.put(0, place);
        assert!(trial.take(1, place).is_some());
    }
    assert_eq!((trial.closed(), trial.places()), (100, vec![]));
    trial.put(2, 1);
    trial.over.store(1, Ordering::SeqCst);
    assert!(trial.take(3, 1).is_none(), "the server closed it");
    trial.put(4, 2);
    assert_eq!((trial.closed(), trial.places()), (102, vec![]), "what is over is not kept");
}

#[test]
fn no_more_than_32_connections_to_a_place_are_kept_and_the_oldest_goes() {
    let trial = Trial::new();
    trial.put(0, 2);
    for at in 0..33 {
        trial.put(at / 10, 1);
    }
    assert_eq!(trial.closed(), 1);
    assert_eq!(trial.places().iter().filter(|place| **place == 1).count(), 32);
    let oldest = trial.pool.lock().iter().find(|idle| idle.key.2 == 1).map(|idle| idle.since);
    assert_eq!(oldest, Some(trial.at(0)));
    trial.put(4, 1);
    assert_eq!((trial.closed(), trial.places()[0]), (2, 2), "another place is not its matter");
}

#[test]
fn no_more_than_128_connections_are_kept_in_all_and_the_oldest_goes() {
    let trial = Trial::new();
    for place in 0..130 {
        trial.put(u64::from(place / 10), place);
    }
    assert_eq!((trial.closed(), trial.places()), (2, (2..130).collect()));
}

#[test]
fn the_connection_that_was_used_last_is_used_again_and_all_close_with_the_pool() {
    let trial = Trial::new();
    trial.put(0, 1);
    trial.put(1, 1);
    let last = trial.take(2, 1).unwrap();
    assert_eq!(trial.pool.lock()[0].since, trial.at(0));
    drop((last, trial.pool));
    assert_eq!(trial.closed.load(Ordering::SeqCst), 2);
}
