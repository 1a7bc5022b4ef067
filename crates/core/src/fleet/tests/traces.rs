//! Random fleets: 2 to 4 processes whose clocks are minutes apart, with the figures of the defaults, before one store.

use super::world::{number, number_of, opened, print, sealed, token};
use crate::fleet::{
    Claimant, Fence, Instance, Name, Next, Operation, Passage, Reply, StoreError, StoreTime, Table,
};
use crate::{
    Call, Class, Flight, Grant, Landing, Machine, Mono, Now, Outcome, Policy, Problem, Refusal, Rejection,
    Site, Step, Wall,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use std::vec::Vec;

const NAME: Name = Name::new([1; 16]);
const LEASE: Duration = Duration::from_secs(11);
/// After so long a command is given up.
const TIMEOUT: u64 = 250;

/// How a fleet is treated. Chances are in thousandths.
#[derive(Clone, Copy)]
struct Weather {
    /// That a command is lost, that its reply is, and that it is executed late.
    faults: u64,
    /// That a process dies, and that the store forgets, each second.
    deaths: u64,
    losses: u64,
    /// That a token is refused by an API, each time a process looks.
    rejections: u64,
    /// That a request fails.
    failures: u64,
    /// The life of a token, in seconds.
    life: u64,
}

const CALM: Weather = Weather { faults: 0, deaths: 0, losses: 0, rejections: 0, failures: 0, life: 600 };

/// One thing that is on its way.
enum Event {
    /// A process looks whether it has a token.
    Look(usize),
    /// A job goes on.
    Go(usize, u64),
    Arrive {
        by: Option<(usize, u64, u64)>,
        operation: Operation,
        is_reply_lost: bool,
    },
    Reply {
        by: (usize, u64, u64),
        reply: Result<Reply, StoreError>,
    },
    Answer(usize, u64, Outcome),
    /// Once a second.
    Second,
}

struct Job {
    passage: Passage,
    flight: Option<Flight>,
    awaits: u64,
    commands: u32,
    pauses: u32,
    faults: u32,
}

struct Process {
    machine: Machine,
    claimant: Claimant,
    /// How far its clocks are from the true time.
    mono: Duration,
    wall: Duration,
    jobs: BTreeMap<u64, Job>,
}

struct Fleet {
    weather: Weather,
    random: u64,
    /// The true time.
    now: Duration,
    store: Duration,
    table: Table,
    processes: Vec<Process>,
    queue: BTreeMap<(Duration, u64), Event>,
    sequence: u64,
    /// A server that repeats no token.
    tokens: u64,
    requests: Vec<Duration>,
    // What an observer remembers.
    ends: BTreeMap<u64, Duration>,
    thrown: BTreeSet<u64>,
    open: Vec<(Claimant, Fence, StoreTime)>,
    void: Fence,
    last: Fence,
    kept: Fence,
    seen: BTreeSet<&'static str>,
}

const START: Duration = Duration::from_secs(1_795_000_000);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

impl Fleet {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut fleet = Self {
            weather,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: START,
            store: Duration::ZERO,
            table: Table::new(),
            processes: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            tokens: 0,
            requests: Vec::new(),
            ends: BTreeMap::new(),
            thrown: BTreeSet::new(),
            open: Vec::new(),
            void: Fence::default(),
            last: Fence::default(),
            kept: Fence::default(),
            seen: BTreeSet::new(),
        };
        fleet.store = ms(fleet.below(1_200_000));
        for at in 0..2 + fleet.below(3) as usize {
            let process = fleet.born();
            fleet.processes.push(process);
            let first = ms(fleet.below(3000));
            fleet.after(first, Event::Look(at));
        }
        fleet.after(ms(1000), Event::Second);
        fleet
    }

    fn born(&mut self) -> Process {
        let seed = self.draw();
        Process {
            machine: Machine::new(Policy::new(), seed),
            claimant: Claimant::new(u128::from(seed).to_be_bytes()),
            mono: ms(self.below(1_000_000)),
            wall: ms(self.below(1_200_000)),
            jobs: BTreeMap::new(),
        }
    }

    /// Knuth's MMIX generator, its better bits.
    fn draw(&mut self) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.random ^ (self.random >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 29)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.draw() % most
    }

    fn happens(&mut self, thousandths: u64) -> bool {
        self.below(1000) < thousandths
    }

    fn after(&mut self, time: Duration, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now + time, self.sequence), event);
    }

    fn now_at(&self, at: usize) -> Now {
        let process = &self.processes[at];
        let mono = self.now - START + process.mono + ms(1000);
        // Ten minutes slow at the most, and ten fast.
        Now::new(Mono::from_origin(mono), Wall::from_epoch(self.now + process.wall - ms(600_000)))
    }

    /// An instant of a process's clock, in true time.
    fn true_time(&self, at: usize, then: Mono) -> Duration {
        then.since_origin() + START - self.processes[at].mono - ms(1000)
    }

    fn store_now(&self) -> StoreTime {
        StoreTime::default().after(self.now + self.store - ms(600_000))
    }

    fn run(&mut self, time: Duration) {
        while let Some(((then, _), event)) = self.queue.pop_first() {
            if then > START + time {
                break;
            }
            self.now = then;
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Second => {
                let Weather { deaths, losses, .. } = self.weather;
                if self.happens(deaths) {
                    let at = self.below(self.processes.len() as u64) as usize;
                    self.processes[at] = self.born();
                    self.seen.insert("died");
                }
                if self.happens(losses) {
                    self.table.lose(&NAME);
                    self.thrown.clear();
                    self.open.clear();
                    (self.void, self.kept) = (self.last, Fence::default());
                    self.seen.insert("lost");
                }
                self.after(ms(1000), Event::Second);
            }
            Event::Look(at) => {
                self.look(at);
                let next = ms(200 + self.below(1500));
                self.after(next, Event::Look(at));
            }
            Event::Go(at, job) => self.advance(at, job),
            Event::Arrive { by, operation, is_reply_lost } => {
                let reply = self.execute(&operation);
                if let (Some(by), false) = (by, is_reply_lost) {
                    let back = ms(self.below(60));
                    self.after(back, Event::Reply { by, reply: Ok(reply) });
                }
            }
            Event::Reply { by: (at, id, command), reply } => {
                let now = self.now_at(at);
                let Some(job) = self.processes[at].jobs.get_mut(&id).filter(|job| job.awaits == command)
                else {
                    return;
                };
                job.awaits = 0;
                job.faults += u32::from(reply.is_err());
                job.passage.replied(now, reply.map(opened));
                self.advance(at, id);
            }
            Event::Answer(at, id, outcome) => {
                let Some(job) = self.processes[at].jobs.get_mut(&id) else { return };
                job.passage.answered(outcome);
                self.advance(at, id);
            }
        }
    }

    fn look(&mut self, at: usize) {
        let now = self.now_at(at);
        let refused = self.weather.rejections;
        let is_refused = self.happens(refused);
        let process = &mut self.processes[at];
        let held = process.machine.held(now).cloned();
        if let Some(held) = held.as_ref().filter(|_| is_refused)
            && process.machine.reject(now, held.generation(), Site::new(0)) == Rejection::Dropped
        {
            self.seen.insert("dropped");
        }
        let held = process.machine.held(now).cloned();
        let mut call = Call::new(now.mono.after(ms(30_000)));
        let step = process.machine.poll(now, &mut call);
        process.machine.leave(&mut call);
        match step {
            Step::Use(token) => assert!(!now.has_reached(token.use_until()), "I2"),
            Step::Wait(_) | Step::Fail(_) => assert!(held.is_none(), "F8: {step:?} while a token is held"),
            Step::Send(flight) => {
                let of = |token: &crate::Token| print(number(token.value()));
                let dropped = process.machine.set_aside(now).map(|aside| of(aside.token()));
                let instance = Instance::new(process.claimant, Policy::new());
                let passage = Passage::new(&flight, instance, held.as_ref().map(of), dropped);
                self.sequence += 1;
                let job = Job { passage, flight: Some(flight), awaits: 0, commands: 0, pauses: 0, faults: 0 };
                process.jobs.insert(self.sequence, job);
                self.advance(at, self.sequence);
            }
        }
    }

    fn advance(&mut self, at: usize, id: u64) {
        loop {
            let now = self.now_at(at);
            let Process { machine, jobs, claimant, .. } = &mut self.processes[at];
            let Some(job) = jobs.get_mut(&id).filter(|job| job.awaits == 0) else { return };
            if let Some(began) = job.passage.claims_since() {
                // A command more after the last pause, and one that is claimed again.
                let most = LEASE + ms(2 * TIMEOUT + 10);
                assert!(
                    now.mono.since(began) <= most,
                    "F11: it still claims after {:?}",
                    now.mono.since(began)
                );
            }
            let operation = match job.passage.poll(now) {
                Next::Claim(claim) => Operation::Claim(claim),
                Next::Put(unsealed) => {
                    let number = number(unsealed.token());
                    Operation::Put(unsealed.sealed(print(number), sealed(number)))
                }
                Next::Fail(fail) => Operation::Fail(fail),
                Next::Ask => {
                    if let Some(Some(stamp)) = job.passage.asks()
                        && stamp.fence() > self.void
                    {
                        self.open.push((*claimant, stamp.fence(), stamp.now().after(LEASE)));
                    }
                    return self.ask(at, id);
                }
                Next::Land(outcome) => {
                    let Some(flight) = job.flight.take() else { panic!("it lands twice") };
                    let shared = matches!(outcome, Outcome::Shared(_));
                    self.seen.insert(match outcome {
                        Outcome::Shared(_) => "shared",
                        Outcome::Elsewhere => "elsewhere",
                        Outcome::Refused(ref refusal) if refusal.is_told() => "told",
                        Outcome::Refused(_) => "refused",
                        _ => "granted",
                    });
                    let landing = machine.complete(now, flight, outcome);
                    job.passage.landed(now, &landing, machine);
                    let held = machine.held(now).cloned();
                    if let (Landing::Installed { .. }, Some(held)) = (landing, held) {
                        self.installed(at, shared, &held);
                    }
                    continue;
                }
                Next::Pause(until) => {
                    job.pauses += 1;
                    let pause = until.since(now.mono);
                    return self.after(pause, Event::Go(at, id));
                }
                Next::Await => return,
                Next::Done => {
                    let Job { commands, pauses, faults, .. } = *job;
                    assert!(commands <= 4 + pauses + faults, "F12: {commands} commands, {pauses} pauses");
                    jobs.remove(&id);
                    return;
                }
            };
            job.commands += 1;
            return self.send(at, id, operation);
        }
    }

    fn installed(&mut self, at: usize, shared: bool, held: &crate::Token) {
        let number = number(held.value());
        let end = self.true_time(at, held.use_until().mono);
        if shared {
            assert!(end <= self.ends[&number], "F2: used longer than by its asker");
        } else {
            self.ends.insert(number, end);
        }
    }

    fn send(&mut self, at: usize, id: u64, operation: Operation) {
        self.sequence += 1;
        let command = self.sequence;
        let by = (at, id, command);
        if let Some(job) = self.processes[at].jobs.get_mut(&id) {
            job.awaits = command;
        }
        let faults = self.weather.faults;
        let (is_lost, is_reply_lost, is_late) =
            (self.happens(faults), self.happens(faults), self.happens(faults));
        self.after(ms(TIMEOUT), Event::Reply { by, reply: Err(StoreError::TimedOut) });
        let there = ms(self.below(60));
        if is_late {
            let late = ms(self.below(120_000));
            self.after(late, Event::Arrive { by: None, operation: operation.clone(), is_reply_lost: true });
            self.seen.insert("late");
        }
        if !is_lost {
            self.after(there, Event::Arrive { by: Some(by), operation, is_reply_lost });
        }
    }

    fn ask(&mut self, at: usize, id: u64) {
        self.requests.push(self.now);
        let time = ms(50 + self.below(3000));
        let failures = self.weather.failures;
        let outcome = if self.happens(failures) {
            Outcome::Refused(Refusal::new(Class::Transient, Some(503), Problem::Status))
        } else {
            self.tokens += 1;
            let life = Duration::from_secs(self.weather.life);
            Outcome::Granted(Grant::new(token(self.tokens), Some(life)))
        };
        self.after(time, Event::Answer(at, id, outcome));
    }

    fn execute(&mut self, operation: &Operation) -> Reply {
        let now = self.store_now();
        let print_of = |table: &Table| table.entry(&NAME).and_then(super::super::Entry::print);
        let before = (self.table.clone(), print_of(&self.table));
        let reply = self.table.run(now, &NAME, operation);
        if let (Operation::Claim(_), Some(thrown), None) = (operation, before.1, print_of(&self.table)) {
            self.thrown.insert(number_of(thrown));
            self.seen.insert("thrown away");
        }
        match (operation, &reply) {
            (_, Reply::Have(have)) => {
                assert!(!self.thrown.contains(&number_of(have.print)), "F3: it was thrown away");
            }
            (Operation::Claim(claim), Reply::Claimed { stamp, .. }) => {
                // Whose report was lost claims again: what counts is its last request.
                let own = |other: &Claimant| *other == claim.claimant || other.offering() == claim.claimant;
                self.open.retain(|(other, ..)| !own(other));
                assert!(self.open.iter().all(|(_, _, until)| now >= *until), "F1: two ask");
                assert!(stamp.fence() > self.last, "F4: a fence that is not higher");
                self.last = stamp.fence();
            }
            (Operation::Put(put), Reply::Kept) => {
                assert!(put.stamp.fence() > self.kept, "F4: an older token after a newer one");
                self.kept = put.stamp.fence();
                self.open.retain(|(_, fence, _)| *fence != put.stamp.fence());
            }
            (Operation::Fail(fail), Reply::Noted) => {
                self.open.retain(|(_, fence, _)| *fence != fail.stamp.fence());
            }
            (_, Reply::Late) => {
                assert_eq!(before.0, self.table, "F4: what is late changed the entry");
                self.seen.insert("overtaken");
            }
            (_, Reply::Busy { .. }) => {
                self.seen.insert("busy");
            }
            _ => {}
        }
        reply
    }
}

/// How many requests there are in the busiest window of this length.
fn busiest(requests: &[Duration], window: Duration) -> usize {
    let within =
        |from: &Duration| requests.iter().filter(|then| (*from..=*from + window).contains(*then)).count();
    requests.iter().map(within).max().unwrap_or_default()
}

/// F1, F2, F3, F4, F8, F11, F12, whatever becomes of commands, replies, holders and the store.
#[test]
fn random_fleets_in_any_weather_keep_the_invariants() {
    let mut seen = BTreeSet::new();
    for seed in 0..150 {
        let faults = [0, 20, 200][seed as usize % 3];
        let weather = Weather { faults, deaths: 10, losses: 5, rejections: 20, failures: 200, life: 60 };
        let mut fleet = Fleet::new(seed, weather);
        fleet.run(Duration::from_secs(400));
        seen.extend(fleet.seen);
    }
    let all = [
        "busy",
        "died",
        "dropped",
        "elsewhere",
        "granted",
        "late",
        "lost",
        "overtaken",
        "refused",
        "shared",
        "thrown away",
        "told",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn a_calm_fleet_asks_once_per_life_of_a_token() {
    for seed in 0..40 {
        let mut fleet = Fleet::new(seed, CALM);
        fleet.run(Duration::from_secs(6000));
        // A token is used for 570 s of its 600, and refreshed 120 s to 180 s before.
        let requests = fleet.requests.len();
        assert!((10..=16).contains(&requests), "{requests} requests in ten lives");
        assert!(busiest(&fleet.requests, Duration::from_secs(380)) == 1, "two requests for one token");
    }
}

#[test]
fn f5_rejections_cost_at_most_one_request_per_young_whatever_the_number_of_processes() {
    for seed in 0..40 {
        let mut fleet = Fleet::new(seed, Weather { rejections: 500, life: 100_000, ..CALM });
        fleet.run(Duration::from_secs(600));
        for window in [15, 60, 300] {
            let most = 1 + window / 10;
            let requests = busiest(&fleet.requests, Duration::from_secs(window));
            assert!(requests as u64 <= most, "{requests} requests in {window} s");
        }
        assert!(fleet.requests.len() > 5);
    }
}

#[test]
fn f6_an_endpoint_that_fails_is_asked_as_often_as_by_one_machine() {
    for seed in 0..40 {
        let mut fleet = Fleet::new(seed, Weather { failures: 1000, ..CALM });
        fleet.run(Duration::from_secs(900));
        // Half of 1, 2, 4 … 32 s, and then half a minute at the least.
        let most = 7 + 900 / 30;
        assert!(fleet.requests.len() <= most, "{} requests in 900 s", fleet.requests.len());
        assert!(fleet.requests.len() > 900 / 61);
    }
}

#[test]
fn equal_fleets_do_the_same() {
    let run = || {
        let weather = Weather { faults: 100, deaths: 10, losses: 5, rejections: 20, failures: 200, life: 60 };
        let mut fleet = Fleet::new(7, weather);
        fleet.run(Duration::from_secs(300));
        (fleet.requests, fleet.table)
    };
    assert_eq!(run(), run());
}
