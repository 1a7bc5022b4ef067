//! Several processes and one store: one token request for all of them, and a store that may fail in any way.

use super::*;
use evergrant_drive::WhenDown;
use evergrant_tests::stores::StoreFault;
use std::time::{Duration, Instant};

/// A scope that no store may see.
pub(crate) const SCOPE: &str = "sentinel.scope-of/the.fleet";

/// Calls the macro with the name of every scenario of a fleet.
macro_rules! every_fleet {
    ($for_all:ident) => {
        $for_all! {
            processes_that_start_cold_at_once_make_one_request
            the_refresh_before_the_end_is_asked_by_one_and_nobody_waits_for_it
            a_401_at_one_api_makes_one_request_and_each_caller_replays_once
            a_401_of_a_token_that_just_came_is_handed_on_and_nobody_asks
            a_server_that_refuses_is_asked_by_one_and_the_others_are_told
            whoever_waits_for_one_that_is_refused_is_told_so
            a_store_that_fails_costs_nobody_a_token
            a_store_that_lies_costs_nobody_a_token_and_lengthens_no_life
            a_store_that_hangs_costs_a_cold_caller_250_ms_and_nobody_else
            while_the_store_is_down_who_pays_for_each_token_rests_and_uses_what_is_held
            a_rotation_that_drops_does_not_bring_the_old_token_back
            a_401_at_one_api_while_the_server_is_down_takes_no_other_api_down
        }
    };
}
pub(crate) use every_fleet;

/// A server, a store, and processes that share it: each is a shell with a store of its own over the one memory.
struct Fleet {
    mount: Mount,
    server: Server,
    store: InMemory,
    /// The store's clock; the processes' own too, where the scenario moves them.
    clock: ManualClock,
    moves: bool,
}

impl Fleet {
    fn new(mount: Mount) -> Self {
        let clock = ManualClock::new();
        Self { mount, server: server(), store: InMemory::on(Some(&clock)), clock, moves: false }
    }

    /// The same where all clocks are one that stands. A process that pauses goes on once it was moved.
    fn standing(mount: Mount) -> Self {
        Self { moves: true, ..Self::new(mount) }
    }

    /// A claim is held for longer than a busy machine takes, moments are not drawn, and whoever is refused is told so at once.
    fn setup(&self) -> Setup {
        let policy = quick().with_attempt_timeout(LONG).with_jitter(false);
        Setup {
            client: rfc6749(&self.server).scope(SCOPE).build().unwrap(),
            policy: policy.with_backoff(LONG, LONG).with_cooldown(LONG, LONG),
            clock: self.moves.then(|| self.clock.clone()),
            fail_fast: true,
            store: Some(self.store.sealed()),
            ..Setup::new(&self.server)
        }
    }

    fn process(&self) -> Arc<dyn Shell> {
        (self.mount)(&self.setup())
    }

    fn processes(&self, count: usize) -> Vec<Arc<dyn Shell>> {
        (0..count).map(|_| self.process()).collect()
    }

    fn get(&self) -> Call {
        get(&self.server)
    }

    /// So many processes that hold one token, which has settled.
    fn holding(&self, count: usize) -> Vec<Arc<dyn Shell>> {
        let shells = self.processes(count);
        for shell in &shells {
            assert_eq!(shell.call(&self.get()).status(), 200);
            shell.flush();
        }
        assert_eq!(self.asked(), 1);
        thread::sleep(ms(3));
        shells
    }

    /// The clock of the store goes on, and of the processes where the scenario moves them.
    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// How often the authorization server was asked.
    fn asked(&self) -> u64 {
        self.server.counts().token_requests
    }
}

#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < LONG, "{what}");
        thread::sleep(ms(1));
    }
}

fn is_in_flight(shell: &Arc<dyn Shell>) -> bool {
    matches!(shell.status().request, RequestStatus::InFlight(_))
}

fn is_told(seen: &Seen) -> bool {
    seen.error().refusal().is_some_and(Refusal::is_told)
}

// F1, F5
pub(crate) fn processes_that_start_cold_at_once_make_one_request(mount: Mount) {
    for count in [2, 10] {
        let fleet = Fleet::new(mount);
        let shells = fleet.processes(count);
        let gate = fleet.server.hold(Endpoint::Token);
        let calls: Vec<_> = shells.iter().flat_map(|shell| at_once(shell, 1, &fleet.get())).collect();
        until("all wait", || shells.iter().all(|shell| shell.status().waiting == 1));
        gate.release();
        assert!(statuses(calls).iter().all(|status| *status == 200));
        assert_eq!((fleet.asked(), fleet.server.issued().len()), (1, 1), "of {count}");
        shells.iter().for_each(|shell| shell.flush());
        assert_eq!((fleet.store.count("put"), fleet.store.count("fail")), (1, 0));
        // And whoever comes later asks nobody.
        assert_eq!(fleet.process().call(&fleet.get()).status(), 200);
        assert_eq!(fleet.asked(), 1);
    }
}

// F8
pub(crate) fn the_refresh_before_the_end_is_asked_by_one_and_nobody_waits_for_it(mount: Mount) {
    let fleet = Fleet::standing(mount);
    let shells = fleet.holding(4);
    fleet.advance(secs(3301));
    let gate = fleet.server.hold(Endpoint::Token);
    for shell in &shells {
        // The server does not answer, the clocks stand, and the call ends.
        assert_eq!(shell.call(&fleet.get()).status(), 200);
        until("it is due", || is_in_flight(shell));
    }
    assert!(gate.wait_for_held(1, LONG));
    gate.release();
    until("one has told the store", || fleet.store.count("put") == 2);
    until("all have it", || {
        fleet.advance(ms(10));
        !shells.iter().any(is_in_flight)
    });
    assert_eq!((fleet.asked(), fleet.store.count("put")), (2, 2));
    for shell in &shells {
        assert!(shell.status().held.unwrap().used_for > secs(3000));
    }
}

// F5
pub(crate) fn a_401_at_one_api_makes_one_request_and_each_caller_replays_once(mount: Mount) {
    let fleet = Fleet::new(mount);
    let shells = fleet.holding(10);
    // To the store it is no longer young.
    fleet.advance(secs(60));
    fleet.server.revoke_all();
    fleet.server.reset_counts();
    let gate = fleet.server.hold(Endpoint::Resource);
    let calls: Vec<_> = shells.iter().flat_map(|shell| at_once(shell, 1, &fleet.get())).collect();
    assert!(gate.wait_for_held(10, LONG));
    gate.release();
    assert!(statuses(calls).iter().all(|status| *status == 200));
    assert_eq!((fleet.asked(), fleet.server.counts().resource_requests), (1, 20));
}

/// No process throws away for all what came less than 10 s ago.
// F5
pub(crate) fn a_401_of_a_token_that_just_came_is_handed_on_and_nobody_asks(mount: Mount) {
    let fleet = Fleet::standing(mount);
    let shells = fleet.holding(3);
    fleet.server.revoke_all();
    fleet.advance(secs(9));
    for shell in &shells {
        assert_eq!(shell.call(&fleet.get()).status(), 401);
        shell.flush();
    }
    assert_eq!(fleet.asked(), 1);
    // The gate of the API is open again.
    fleet.advance(secs(60));
    for shell in &shells {
        assert_eq!(shell.call(&fleet.get()).status(), 200);
        shell.flush();
    }
    assert_eq!(fleet.asked(), 2);
}

/// What the first is told in its own words, the others are told by the store.
// F6
pub(crate) fn a_server_that_refuses_is_asked_by_one_and_the_others_are_told(mount: Mount) {
    let invalid = Fault::error(401, "invalid_client");
    for (fault, status) in
        [(invalid, 401), (Fault::status(503), 503), (Fault::status_with_retry_after(429, "60"), 429)]
    {
        let fleet = Fleet::standing(mount);
        let shells = fleet.processes(4);
        let refusing = fleet.server.fault(Endpoint::Token, fault, Times::UntilCleared);
        let seen = shells[0].call(&fleet.get());
        assert!(!is_told(&seen), "{status}: {seen:?}");
        let first = seen.error().refusal().unwrap().clone();
        shells[0].flush();
        for shell in &shells[1..] {
            let seen = shell.call(&fleet.get());
            let told = seen.error().refusal().unwrap();
            assert!(told.is_told(), "{status}: {seen:?}");
            assert_eq!(
                (told.class(), told.status(), told.code()),
                (first.class(), Some(status), first.code())
            );
            assert_eq!(told.retry_after(), Some(LONG), "{status}: what is left of the rest");
            assert_eq!(shell.status().requests, 0);
        }
        assert_eq!(fleet.asked(), 1, "{status}");
        // Once it is over, one asks again.
        refusing.clear();
        fleet.advance(2 * LONG);
        for shell in &shells {
            assert_eq!(shell.call(&fleet.get()).status(), 200, "{status}");
            shell.flush();
        }
        assert_eq!(fleet.asked(), 2, "{status}");
    }
}

// F6
pub(crate) fn whoever_waits_for_one_that_is_refused_is_told_so(mount: Mount) {
    let fleet = Fleet::new(mount);
    let shells = fleet.processes(5);
    let gate = fleet.server.hold(Endpoint::Token);
    let _down = fleet.server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    let calls: Vec<_> = shells.iter().flat_map(|shell| at_once(shell, 1, &fleet.get())).collect();
    until("all wait", || shells.iter().all(|shell| shell.status().waiting == 1));
    gate.release();
    let seen: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
    assert!(seen.iter().all(|seen| seen.error().refusal().and_then(Refusal::status) == Some(503)));
    assert_eq!((fleet.asked(), seen.iter().filter(|seen| is_told(seen)).count()), (1, 4));
}

// F7
pub(crate) fn a_store_that_fails_costs_nobody_a_token(mount: Mount) {
    for fault in
        [StoreFault::Refuses, StoreFault::Panics, StoreFault::PanicsLater, StoreFault::RepliesOfOthers]
    {
        for blocks in [false, true] {
            let fleet = Fleet::new(mount);
            fleet.store.fails_by(fault);
            let store = || if blocks { fleet.store.sealed_blocking() } else { fleet.store.sealed() };
            let shells = [0; 2].map(|_| mount(&Setup { store: Some(store()), ..fleet.setup() }));
            for shell in &shells {
                assert_eq!(shell.call(&fleet.get()).status(), 200, "{fault:?}, blocks: {blocks}");
                shell.flush();
            }
            assert_eq!(fleet.asked(), 2, "{fault:?}, blocks: {blocks}: each for itself");
        }
    }
}

// F2, F7
pub(crate) fn a_store_that_lies_costs_nobody_a_token_and_lengthens_no_life(mount: Mount) {
    for (fault, asked) in
        [(StoreFault::Unopened, 2), (StoreFault::LivesLonger, 2), (StoreFault::LeftLonger, 1)]
    {
        let fleet = Fleet::standing(mount);
        let first = fleet.holding(1).remove(0);
        let longest = first.status().held.unwrap().used_for;
        fleet.store.fails_by(fault);
        fleet.advance(secs(600));
        let second = fleet.process();
        assert_eq!(second.call(&fleet.get()).status(), 200, "{fault:?}");
        second.flush();
        assert_eq!(fleet.asked(), asked, "{fault:?}");
        assert!(second.status().held.unwrap().used_for <= longest, "{fault:?}");
    }
}

// F8, I15
pub(crate) fn a_store_that_hangs_costs_a_cold_caller_250_ms_and_nobody_else(mount: Mount) {
    let fleet = Fleet::standing(mount);
    let [warm, cold] = [fleet.holding(1).remove(0), fleet.process()];
    fleet.store.fails_by(StoreFault::Hangs);
    let call = at_once(&cold, 1, &fleet.get()).remove(0);
    until("its command waits", || fleet.store.count("waits") == 1);
    fleet.advance(ms(249));
    assert_eq!(fleet.asked(), 1);
    fleet.advance(ms(1));
    assert_eq!(call.join().unwrap().status(), 200);
    assert_eq!(fleet.asked(), 2);
    // A refresh is due, and hangs: the clocks stand, and the calls end.
    fleet.advance(secs(3301));
    let before = fleet.store.count("waits");
    assert_eq!(warm.call(&fleet.get()).status(), 200);
    until("its command waits", || fleet.store.count("waits") > before);
    assert_eq!(warm.call(&fleet.get()).status(), 200);
    assert_eq!(fleet.asked(), 2);
}

pub(crate) fn while_the_store_is_down_who_pays_for_each_token_rests_and_uses_what_is_held(mount: Mount) {
    let fleet = Fleet::standing(mount);
    fleet.store.fails_by(StoreFault::Refuses);
    let store = Some(fleet.store.sealed().when_down(WhenDown::Rest));
    let shell = mount(&Setup { store, ..fleet.setup() });
    let seen = shell.call(&fleet.get());
    assert!(
        seen.error().to_string().contains("the token request was not sent: the store refused: "),
        "{seen:?}"
    );
    assert_eq!(fleet.asked(), 0);
    fleet.store.fails_by(StoreFault::None);
    fleet.advance(2 * LONG);
    assert_eq!(shell.call(&fleet.get()).status(), 200);
    shell.flush();
    fleet.store.fails_by(StoreFault::Refuses);
    fleet.advance(secs(3301));
    let before = fleet.store.commands().len();
    assert_eq!(shell.call(&fleet.get()).status(), 200);
    until("the store was asked", || fleet.store.commands().len() > before);
    until("it rests", || !is_in_flight(&shell));
    assert_eq!((shell.call(&fleet.get()).status(), fleet.asked()), (200, 1));
}

/// The entry keeps its name, since the secret is the old one; and the token in it is a moment old.
pub(crate) fn a_rotation_that_drops_does_not_bring_the_old_token_back(mount: Mount) {
    let fleet = Fleet::new(mount);
    let [first, second] = fleet.holding(2).try_into().unwrap_or_else(|_| unreachable!());
    second.rotate(ClientAuth::post(Server::CLIENT_ID, SECRET).unwrap(), Rotation::Drop);
    assert_eq!(second.call(&fleet.get()).status(), 200);
    second.flush();
    assert_eq!((fleet.asked(), fleet.server.issued().len()), (2, 2));
    let third = fleet.process();
    assert_eq!((first.call(&fleet.get()).status(), third.call(&fleet.get()).status()), (200, 200));
    assert_eq!(fleet.asked(), 2);
    let requests = fleet.server.requests();
    let sent: Vec<_> = requests.iter().filter_map(|request| request.header("authorization")).collect();
    let [old, new] = [0, 1].map(|at| format!("Bearer {}", fleet.server.issued()[at]));
    assert_eq!(sent, [&old, &old, &new, &old, &new]);
}

/// The store knows no sites: what one API refused is thrown away there, and whoever held it goes on with it elsewhere.
// F3
pub(crate) fn a_401_at_one_api_while_the_server_is_down_takes_no_other_api_down(mount: Mount) {
    let fleet = Fleet::standing(mount);
    // An API that knows none of the tokens.
    let refusing = server();
    let origins = || Origins::parse([&*fleet.server.origin(), &*refusing.origin()]).unwrap();
    let process = || mount(&Setup { origins: origins(), ..fleet.setup() });
    let held = [process(), process()];
    for shell in &held {
        assert_eq!(shell.call(&fleet.get()).status(), 200);
        shell.flush();
    }
    fleet.advance(secs(60));
    let down = fleet.server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    for shell in &held {
        let seen = shell.call(&get(&refusing));
        assert!(!matches!(seen, Seen::Answer(200, _)), "{seen:?}");
        shell.flush();
        for other in &held {
            assert_eq!(other.call(&fleet.get()).status(), 200);
        }
    }
    assert_eq!(fleet.asked(), 2, "one has asked again, and the other is told");
    // Without a store it is as cold, and asks for itself.
    let alone = mount(&Setup { store: None, ..fleet.setup() });
    for (shell, told) in [(process(), true), (alone, false)] {
        let seen = shell.call(&fleet.get());
        assert_eq!(seen.error().refusal().and_then(Refusal::status), Some(503));
        assert_eq!(is_told(&seen), told);
    }
    down.clear();
    fleet.advance(2 * LONG);
    for shell in held.iter().chain(&[process()]) {
        assert_eq!(shell.call(&fleet.get()).status(), 200);
        shell.flush();
    }
    assert_eq!(fleet.asked(), 4, "and one for all of them");
}

/// One process of each kind, and the one store of all.
pub(crate) fn each_process_has_the_token_of_the_first(mounts: &[Mount]) {
    let fleet = Fleet::new(mounts[0]);
    for mount in mounts {
        let shell = mount(&fleet.setup());
        assert_eq!(shell.call(&fleet.get()).status(), 200);
        shell.flush();
    }
    assert_eq!((fleet.asked(), fleet.store.count("claim")), (1, mounts.len()));
}
