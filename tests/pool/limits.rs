//! How many requests there are at once, and who waits for whom.

use super::{asked_for, at, client, until};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tests::pools::{Job, Setup, on_every_pool};
use evergrant_tests::raw::Raw;
use evergrant_tests::{LONG, ms, quick, server};
use evergrant_tokio_reqwest::{Error, Token};
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

/// Of a nightly run it may be thousands.
const TENANTS: u32 = 400;

/// What there is at once in a pool with the default limits: to one origin, of that until it has answered, and to all that
/// have not answered.
const ONE_ORIGIN: u64 = 64;
const UNPROVEN: u64 = ONE_ORIGIN / 8;
const ALL_UNPROVEN: usize = 128;

fn requests(server: &Server) -> u64 {
    server.counts().token_requests
}

/// Takes out the first tenant that is served.
fn first_served(jobs: &mut Vec<(u32, Job<Result<Token, Error>>)>) -> u32 {
    let began = Instant::now();
    loop {
        let ended = jobs.iter().enumerate().find_map(|(place, (_, job))| Some((place, job.ended()?)));
        if let Some((place, outcome)) = ended {
            outcome.unwrap();
            return jobs.swap_remove(place).0;
        }
        assert!(began.elapsed() < LONG, "nobody is served");
        thread::sleep(ms(1));
    }
}

/// The connections of this process to that server that are open on our side.
#[cfg(target_os = "linux")]
fn connections_to(server: &Server) -> usize {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let ends_with = format!(":{:04X}", server.address().port());
    let is_open = |line: &&str| {
        // The remote address, the state, and the inode, which no connection has that is closed on our side.
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[2].ends_with(&ends_with) && fields[3] != "06" && fields[9] != "0"
    };
    table.lines().skip(1).filter(is_open).count()
}

// P5
#[test]
fn cold_tenants_meet_their_origin_by_its_share_and_each_asks_once() {
    on_every_pool(|mount| {
        let server = server();
        let pool = mount(&at(&server));
        let unknown = server.hold(Endpoint::Token);
        let mut jobs: Vec<_> = (0..TENANTS).map(|n| (n, pool.tokens(&n.to_string()).ask(LONG))).collect();
        until("all wait", || pool.status().waiting == jobs.len());
        assert!(unknown.wait_for_held(UNPROVEN, LONG));
        assert_eq!((requests(&server), pool.status().in_flight as u64), (UNPROVEN, UNPROVEN));

        // Once it has answered the others come, and no more of them than may.
        let known = server.hold(Endpoint::Token);
        unknown.release();
        assert!(known.wait_for_held(ONE_ORIGIN, LONG));
        let first = first_served(&mut jobs);
        // Of which one is asked again while everybody else waits.
        pool.tokens(&first.to_string()).token().unwrap();
        let late = pool.tokens("late").ask(ms(50)).outcome();
        assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
        let in_flight = u64::try_from(pool.status().in_flight).unwrap();
        assert_eq!((requests(&server), in_flight), (UNPROVEN + ONE_ORIGIN, ONE_ORIGIN));
        #[cfg(target_os = "linux")]
        until("each has a connection, and no other is open", || connections_to(&server) as u64 == ONE_ORIGIN);

        server.set_delay(Endpoint::Token, ms(50));
        known.release();
        for (tenant, job) in jobs {
            job.outcome().unwrap_or_else(|error| panic!("{tenant}: {error}"));
        }
        let counts = server.counts();
        let all = u64::from(TENANTS);
        assert_eq!(
            (counts.token_requests, counts.token_granted, counts.token_in_flight_max),
            (all, all, ONE_ORIGIN)
        );
        assert_eq!((asked_for(&server, "late"), pool.status().waiting), (0, 0));
        assert_eq!((pool.status().held, pool.status().sources), (all as usize, all as usize + 1));
        #[cfg(target_os = "linux")]
        until("no connection is left open", || connections_to(&server) == 0);
    });
}

/// Origins that take every connection and answer none; of a nightly run it may be a hundred.
const BLACK_HOLES: usize = 20;

// P6
#[test]
fn origins_that_swallow_every_request_hold_up_no_tenant_of_one_that_answers() {
    on_every_pool(|mount| {
        let server = server();
        // The system takes the connections, and nobody reads them.
        let holes: Vec<_> = (0..BLACK_HOLES).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let endpoints: Vec<_> =
            holes.iter().map(|hole| format!("http://{}/token", hole.local_addr().unwrap())).collect();
        let answers = server.token_endpoint();
        let pool = mount(&Setup::new(move |tenant| match tenant.split_once(" of hole ") {
            Some((scope, hole)) => client(&endpoints[hole.parse::<usize>().unwrap()], scope),
            None => client(&answers, tenant),
        }));
        pool.tokens("first").token().unwrap();
        let tenants: Vec<_> = (0..BLACK_HOLES)
            .flat_map(|hole| (0..UNPROVEN).map(move |n| format!("{n} of hole {hole}")))
            .collect();
        let swallowed: Vec<_> = tenants.iter().map(|tenant| pool.tokens(tenant).ask(LONG)).collect();
        until("all wait", || pool.status().waiting == swallowed.len());
        until("they fill their share", || pool.status().in_flight == ALL_UNPROVEN);

        let began = Instant::now();
        let served: Vec<_> = (0..UNPROVEN * 4).map(|n| pool.tokens(&n.to_string()).ask(LONG)).collect();
        for job in served {
            job.outcome().unwrap();
        }
        println!("{:?}: {} tenants after {:?}", thread::current().name(), UNPROVEN * 4, began.elapsed());
        until("and hold it still", || pool.status().in_flight == ALL_UNPROVEN);
        assert_eq!(swallowed.iter().filter(|job| job.ended().is_some()).count(), 0);

        // Nobody is left who would go on asking at a port that may be another server's by then.
        for tenant in &tenants {
            assert!(pool.remove(tenant));
        }
        drop(holes);
        for job in swallowed {
            job.outcome().unwrap_err();
        }
    });
}

// P6
#[test]
fn a_tenant_whose_endpoint_fails_holds_no_permit_while_it_waits_to_ask_again() {
    on_every_pool(|mount| {
        let (server, failing) = (server(), server());
        let _down = failing.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
        let (answers, fails) = (server.token_endpoint(), failing.token_endpoint());
        let client_for =
            move |tenant: &str| client(if tenant == "failing" { &fails } else { &answers }, tenant);
        // It asks once, and then rests for longer than the test takes.
        let policy = quick().with_backoff(LONG, LONG).with_max_waiters(3);
        let pool = mount(&Setup { policy, max_flights: (1, 1), ..Setup::new(client_for) });
        let failing_tenant = pool.tokens("failing");
        let waiting: Vec<_> = (0..3).map(|_| failing_tenant.ask(10 * LONG)).collect();
        until("it rests", || pool.status().resting == 1 && pool.status().waiting == waiting.len());
        let crowd = failing_tenant.ask(10 * LONG).outcome();
        assert!(matches!(crowd, Err(Error::Saturated { max_waiters: 3, .. })), "{crowd:?}");
        for n in 0..10 {
            pool.tokens(&n.to_string()).token().unwrap();
        }
        assert_eq!((requests(&server), requests(&failing)), (10, 1));
        assert_eq!(waiting.iter().filter(|job| job.ended().is_some()).count(), 0);
        assert!(pool.remove("failing"));
        for job in waiting {
            job.outcome().unwrap_err();
        }
    });
}

/// An answer with 200 and this body.
fn answer(status: &str, body: &str) -> String {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

// P6
#[test]
fn a_client_that_is_refused_at_an_origin_delays_no_other_one_there() {
    on_every_pool(|mount| {
        let granted =
            answer("200 OK", r#"{"access_token":"a-token","token_type":"Bearer","expires_in":3600}"#);
        let refused = answer("503 Service Unavailable\r\nRetry-After: 60", "{}");
        let server = Raw::serve(move |connection| {
            let request = connection.request();
            let is_refused = |request: String| request.contains("scope=refused");
            connection.send(if request.is_some_and(is_refused) { &refused } else { &granted });
        });
        let endpoint = server.token_endpoint();
        let setup = Setup::new(move |tenant| client(&endpoint, tenant));
        let pool = mount(&Setup { max_flights: (1, 1), ..setup });
        let refused = pool.tokens("refused").ask(10 * LONG);
        until("it rests", || pool.status().resting == 1);
        for n in 0..10 {
            pool.tokens(&n.to_string()).token().unwrap();
        }
        assert_eq!((server.connections(), refused.ended()), (11, None));
        assert!(pool.remove("refused"));
        refused.outcome().unwrap_err();
    });
}
