use super::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

/// How an address answers, and after how many milliseconds.
#[derive(Clone, Copy)]
enum Answer {
    Connects(u64),
    Fails(u64, ErrorKind),
    Swallows,
}
use Answer::{Connects, Fails, Swallows};

/// A network in which a millisecond passes whenever nothing else can.
#[derive(Clone, Default)]
struct World {
    now: Rc<Cell<u64>>,
    attempts: Rc<RefCell<Vec<Attempt>>>,
}

/// When an attempt began, and when it was dropped.
#[derive(Debug)]
struct Attempt {
    began: u64,
    dropped: Option<u64>,
}

/// When an attempt was dropped is written down.
struct Dropped(World, usize);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.attempts.borrow_mut()[self.1].dropped = Some(self.0.now.get());
    }
}

impl World {
    fn until(&self, time: u64) -> impl Future<Output = ()> + use<> {
        let now = Rc::clone(&self.now);
        poll_fn(move |_| if now.get() >= time { Poll::Ready(()) } else { Poll::Pending })
    }

    fn connect(
        &self,
        address: SocketAddr,
        answer: Answer,
    ) -> impl Future<Output = io::Result<SocketAddr>> + use<> {
        let (world, began) = (self.clone(), self.now.get());
        world.attempts.borrow_mut().push(Attempt { began, dropped: None });
        let dropped = Dropped(world.clone(), world.attempts.borrow().len() - 1);
        async move {
            let _dropped = dropped;
            match answer {
                Connects(after) => world.until(began + after).await,
                Fails(after, kind) => {
                    world.until(began + after).await;
                    return Err(kind.into());
                }
                Swallows => std::future::pending().await,
            }
            Ok(address)
        }
    }

    /// What becomes of connecting to these.
    fn first(&self, hosts: &[(SocketAddr, Answer)]) -> Result<SocketAddr, Option<Failed>> {
        let answer = |address| hosts.iter().find(|host| host.0 == address).unwrap().1;
        let connect = |address| self.connect(address, answer(address));
        let sleep = |time: Duration| self.until(self.now.get() + u64::try_from(time.as_millis()).unwrap());
        let addresses = hosts.iter().map(|host| host.0).collect();
        let mut first = Box::pin(first(addresses, connect, sleep));
        for _ in 0..60_000 {
            if let Poll::Ready(outcome) = first.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return outcome;
            }
            self.now.set(self.now.get() + 1);
        }
        panic!("it did not end within a minute");
    }

    /// When each attempt began.
    fn began(&self) -> Vec<u64> {
        self.attempts.borrow().iter().map(|attempt| attempt.began).collect()
    }
}

fn v4(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 443))
}

fn v6(last: u16) -> SocketAddr {
    SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 443))
}

#[test]
fn an_address_that_swallows_packets_costs_250_ms() {
    let world = World::default();
    assert_eq!(world.first(&[(v6(1), Swallows), (v4(1), Connects(20))]).unwrap(), v4(1));
    assert_eq!((world.now.get(), world.began()), (270, vec![0, 250]));
}

#[test]
fn addresses_that_swallow_packets_are_tried_250_ms_apart() {
    let world = World::default();
    let hosts = [(v4(1), Swallows), (v4(2), Swallows), (v4(3), Swallows), (v4(4), Connects(0))];
    assert_eq!(world.first(&hosts).unwrap(), v4(4));
    assert_eq!(world.began(), [0, 250, 500, 750]);
}

#[test]
fn an_address_that_answers_soon_enough_is_the_only_one_tried() {
    let world = World::default();
    assert_eq!(world.first(&[(v6(1), Connects(249)), (v4(1), Connects(0))]).unwrap(), v6(1));
    assert_eq!(world.began(), [0]);
}

#[test]
fn after_a_failure_the_next_address_is_tried_at_once() {
    let world = World::default();
    let refuses = Fails(10, ErrorKind::ConnectionRefused);
    let hosts = [(v4(1), refuses), (v4(2), refuses), (v4(3), Connects(5))];
    assert_eq!(world.first(&hosts).unwrap(), v4(3));
    assert_eq!((world.now.get(), world.began()), (25, vec![0, 10, 20]));
}

#[test]
fn the_first_connection_wins_however_late_it_began_and_the_others_are_dropped() {
    let world = World::default();
    let hosts = [(v6(1), Connects(900)), (v4(1), Swallows), (v6(2), Connects(100)), (v4(2), Connects(0))];
    assert_eq!(world.first(&hosts).unwrap(), v6(2));
    let attempts = world.attempts.borrow();
    assert_eq!(attempts.len(), 3, "the fourth was not needed");
    assert!(attempts.iter().all(|attempt| attempt.dropped == Some(600)), "{attempts:?}");
}

#[test]
fn an_address_that_answers_late_is_still_taken() {
    let world = World::default();
    let hosts = [(v4(1), Connects(4000)), (v4(2), Fails(0, ErrorKind::ConnectionRefused))];
    assert_eq!(world.first(&hosts).unwrap(), v4(1));
    assert_eq!(world.now.get(), 4000);
}

#[test]
fn families_take_turns_beginning_with_the_resolvers_first() {
    for (addresses, turns) in [
        (vec![v6(1), v6(2), v6(3), v4(1), v4(2)], vec![v6(1), v4(1), v6(2), v4(2), v6(3)]),
        (vec![v4(1), v4(2), v6(1)], vec![v4(1), v6(1), v4(2)]),
        (vec![v4(1), v4(2)], vec![v4(1), v4(2)]),
        (vec![v4(1), v4(1), v6(1), v4(2), v6(1)], vec![v4(1), v6(1), v4(2)]),
        (vec![], vec![]),
    ] {
        assert_eq!(in_turn(addresses), turns);
    }
}

#[test]
fn when_all_fail_the_error_counts_them_and_keeps_what_says_most() {
    use ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    for (kinds, kept) in [
        ([NetworkUnreachable, ConnectionRefused, TimedOut], 1),
        ([ConnectionRefused, NetworkUnreachable, HostUnreachable], 0),
        ([HostUnreachable, AddrNotAvailable, TimedOut], 2),
        ([NetworkUnreachable, NetworkUnreachable, NetworkUnreachable], 0),
    ] {
        let addresses = [v4(1), v4(2), v4(3)];
        let hosts: Vec<_> =
            addresses.iter().zip(kinds).map(|(address, kind)| (*address, Fails(1, kind))).collect();
        let failed = World::default().first(&hosts).unwrap_err().unwrap();
        assert_eq!((failed.tried, failed.address, failed.why.kind()), (3, addresses[kept], kinds[kept]));
        let said = failed.to_string();
        assert!(said.starts_with("tried 3 addresses of the host; 192.0.2."), "{said}");
    }
    assert!(World::default().first(&[]).unwrap_err().is_none());
}

#[test]
fn no_more_than_16_addresses_are_tried_at_once_and_each_gets_its_turn() {
    let world = World::default();
    let mut hosts: Vec<_> = (1..=16).map(|last| (v4(last), Swallows)).collect();
    hosts[3].1 = Fails(30_000, ErrorKind::TimedOut);
    hosts.push((v4(17), Connects(0)));
    assert_eq!(world.first(&hosts).unwrap(), v4(17));
    assert_eq!(world.began()[15..], [15 * 250, 3 * 250 + 30_000]);
}

/// On the runtime's own sockets.
#[cfg(any(feature = "async-std", feature = "smol"))]
async fn a_port_where_nobody_listens_and_one_where_somebody_does<N: Net>() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let there = somebody.local_addr().unwrap();
    let connect =
        |addresses: Vec<SocketAddr>| first(addresses, N::connect_to, |time| N::default().sleep(time));
    connect(vec![nobody, there]).await.unwrap();
    let failed = connect(vec![nobody, nobody]).await.err().unwrap().unwrap();
    assert_eq!((failed.tried, failed.why.kind()), (1, ErrorKind::ConnectionRefused), "{failed}");
    assert_eq!(somebody.accept().unwrap().0.local_addr().unwrap(), there);
}

#[cfg(feature = "async-std")]
#[test]
fn on_async_std_a_port_where_nobody_listens_does_not_cost_the_next_address() {
    async_std::task::block_on(a_port_where_nobody_listens_and_one_where_somebody_does::<crate::AsyncStd>());
}

#[cfg(feature = "smol")]
#[test]
fn on_smol_a_port_where_nobody_listens_does_not_cost_the_next_address() {
    smol::block_on(a_port_where_nobody_listens_and_one_where_somebody_does::<crate::Smol>());
}
