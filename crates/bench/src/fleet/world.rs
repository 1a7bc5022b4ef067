//! The simulation: one thing happens after the other, and time passes in between.

use super::circuit::TIMEOUT;
use super::plan::{Api, Plan, Starts, Stores};
use super::process::{Job, Process, START};
use super::run::Run;
use super::server::{self, Server};
use crate::random::Random;
use evergrant_core::fleet::{Name, Next, Operation, Reply, StoreError, StoreTime, Table};
use evergrant_core::{
    Call, Client, ClientAuth, ConfigError, Flight, Outcome, Policy, Provider, Rejection, Site, Step, Token,
};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

const NAME: Name = Name::new([1; 16]);
const SITE: Site = Site::new(0);
/// How far the store's clock is off.
const STORE_AHEAD: Duration = Duration::from_secs(7);
/// A poll sends once at most, and then says what the caller does.
const STEPS: usize = 4;

/// What happens at some time, and to whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum What {
    /// The store loses everything.
    Lose,
    /// The second store begins, as a copy of the first.
    Split,
    Revoke,
    /// The caller of a process polls.
    Wake(usize),
    /// A process calls the API.
    Call(usize),
    /// A command arrives at the store.
    Execute(usize, u64),
    /// Its reply arrives, or the process has waited long enough.
    Reply(usize, u64),
    /// A token request arrives at the authorization server.
    Request(usize, u64),
    Answer(usize, u64),
    /// The pause of a passage is over.
    Resume(usize, u64),
}

struct World<'a> {
    plan: &'a Plan,
    client: Client,
    random: Random,
    events: BinaryHeap<Reverse<(Duration, u64, What)>>,
    /// Of events and of jobs.
    number: u64,
    processes: Vec<Process>,
    tables: [Table; 2],
    server: Server,
    loses_next_reply: bool,
    run: Run,
    time: Duration,
}

impl Plan {
    /// Simulates it.
    ///
    /// # Errors
    /// None that a plan could bring about: a client that is refused is a defect of the simulator.
    pub fn run(&self) -> Result<Run, ConfigError> {
        let mut world = World::new(self)?;
        while let Some(Reverse((time, _, what))) = world.events.pop() {
            if time >= Duration::from_secs(self.lasts) {
                break;
            }
            world.time = time;
            world.happens(what);
        }
        Ok(world.end())
    }
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan) -> Result<Self, ConfigError> {
        let auth = ClientAuth::post("client", "secret")?;
        let client = Client::builder(Provider::rfc6749("https://auth.example.com/token")?, auth).build()?;
        let seconds = usize::try_from(plan.lasts).unwrap_or(usize::MAX);
        let series = || vec![0; seconds];
        let mut world = Self {
            plan,
            client,
            random: Random::new(plan.seed),
            events: BinaryHeap::new(),
            number: 0,
            processes: Vec::new(),
            tables: [Table::new(), Table::new()],
            server: Server::default(),
            loses_next_reply: plan.stores.as_ref().is_some_and(|stores| stores.loses_first_reply),
            run: Run {
                requests: series(),
                commands: series(),
                polls: series(),
                processes: plan.processes,
                first_waits: Vec::new(),
                longest: Duration::ZERO,
                last_served: Duration::ZERO,
                refused: 0,
                unserved: 0,
                used_too_long: 0,
                counted: plan.counted.clone(),
            },
            time: Duration::ZERO,
        };
        let policy = Policy::new().with_jitter(plan.jitter);
        for at in 0..plan.processes as usize {
            let starts_at = match plan.starts {
                Starts::Together => Duration::from_secs_f64(world.random.share()),
                Starts::OneEachSecond => Duration::from_secs(at as u64),
            };
            let process = Process::new(policy.clone(), starts_at, &mut world.random);
            world.processes.push(process);
            world.wakes(at, starts_at);
            match plan.api {
                Api::Takes => {}
                Api::Revoked { at: revoked, within } => {
                    let calls =
                        Duration::from_secs_f64(revoked as f64 + world.random.share() * within as f64);
                    world.later(calls, What::Call(at));
                }
                Api::Refuses => world.later(starts_at, What::Call(at)),
            }
        }
        if let Api::Revoked { at, .. } = plan.api {
            world.later(Duration::from_secs(at), What::Revoke);
        }
        if let Some(stores) = &plan.stores {
            if let Some(every) = stores.loses_every {
                world.later(Duration::from_secs(every), What::Lose);
            }
            if !stores.split.is_empty() {
                world.later(Duration::from_secs(stores.split.start), What::Split);
            }
        }
        Ok(world)
    }

    fn end(mut self) -> Run {
        let end = Duration::from_secs(self.plan.lasts);
        for process in self.processes.iter().filter(|process| !process.is_dead) {
            let has_one = process.is_served && process.covered_until >= end;
            self.run.unserved += u32::from(!has_one);
            if process.is_served && !has_one && self.plan.counted.end == self.plan.lasts {
                self.run.longest = self.run.longest.max(end - process.covered_until);
            }
        }
        self.run
    }

    fn later(&mut self, time: Duration, what: What) {
        self.number += 1;
        self.events.push(Reverse((time, self.number, what)));
    }

    fn wakes(&mut self, at: usize, time: Duration) {
        self.processes[at].wakes_at = Some(time);
        self.later(time, What::Wake(at));
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Lose => {
                self.tables.iter_mut().for_each(|table| table.lose(&NAME));
                if let Some(every) = self.stores().and_then(|stores| stores.loses_every) {
                    self.later(self.time + Duration::from_secs(every), What::Lose);
                }
            }
            What::Split => self.tables[1] = self.tables[0].clone(),
            What::Revoke => self.server.revoke(),
            What::Wake(at) => {
                if self.processes[at].wakes_at == Some(self.time) {
                    self.polls(at);
                }
            }
            What::Call(at) => self.calls(at),
            What::Execute(at, job) => self.executes(at, job),
            What::Reply(at, job) => self.replies(at, job),
            What::Request(at, job) => {
                count(&mut self.run.requests, self.time);
                let response = self.server.answer(self.plan, self.time);
                if let Some(job) = self.processes[at].job(job) {
                    job.response = Some(response);
                }
                let answer = self.time + self.way_to_server();
                self.later(answer, What::Answer(at, job));
            }
            What::Answer(at, job) => self.answers(at, job),
            What::Resume(at, job) => self.advances(at, job),
        }
    }

    fn stores(&self) -> Option<&Stores> {
        self.plan.stores.as_ref()
    }

    /// One way between a process and its store: a fraction of a millisecond, seldom some more.
    fn way_to_store(&mut self) -> Duration {
        let slow = if self.random.below(1000) == 0 { self.random.below(20_000) } else { 0 };
        Duration::from_micros(100 + self.random.below(300) + slow)
    }

    /// One way between a process and the authorization server, half of the server's own time included.
    fn way_to_server(&mut self) -> Duration {
        let slow = if self.random.below(100) == 0 { self.random.below(500_000) } else { 0 };
        Duration::from_micros(20_000 + self.random.below(20_000) + slow)
    }
}

// What a process does.
impl World<'_> {
    /// Its caller polls: what is due is sent.
    fn polls(&mut self, at: usize) {
        let process = &mut self.processes[at];
        if process.is_dead {
            return;
        }
        let now = process.now(self.time);
        let patience = process.machine.policy().patience();
        let mut call = process.call.take().unwrap_or_else(|| Call::new(now.mono.after(patience)));
        call.at(Some(SITE));
        for _ in 0..STEPS {
            let process = &mut self.processes[at];
            let wake = match process.machine.poll(now, &mut call) {
                Step::Send(flight) => {
                    self.sends(at, flight);
                    continue;
                }
                Step::Use(token) => {
                    let wake = process.machine.next_wake(now);
                    self.serves(at, &token);
                    wake
                }
                Step::Wait(until) => {
                    process.call = Some(call);
                    until
                }
                // Another caller takes its place as soon as a request may be sent.
                Step::Fail(_) => process.machine.next_wake(now),
            };
            let wake = self.processes[at].time(wake).max(self.time + Duration::from_millis(1));
            self.wakes(at, wake);
            return;
        }
    }

    /// It has this token.
    fn serves(&mut self, at: usize, token: &Token) {
        let process = &mut self.processes[at];
        let until = process.time(token.use_until().mono);
        self.run.used_too_long += u32::from(until > self.server.end(token.value()));
        let waited = self.time.saturating_sub(process.covered_until);
        if !process.is_served {
            self.run.first_waits.push(waited);
        }
        if !process.is_served || !waited.is_zero() {
            self.run.last_served = self.time;
            if self.plan.counted.contains(&self.time.as_secs()) {
                self.run.longest = self.run.longest.max(waited);
            }
        }
        process.is_served = true;
        process.covered_until = until;
    }

    fn sends(&mut self, at: usize, flight: Flight) {
        self.number += 1;
        let number = self.number;
        let process = &mut self.processes[at];
        let goes = self.plan.stores.is_some() && process.circuit.admits(self.time);
        let passage = goes.then(|| process.passage(process.now(self.time), &flight));
        process.jobs.push(Job {
            number,
            flight: Some(flight),
            passage,
            command: None,
            reply: None,
            sent: self.time,
            response: None,
        });
        if goes { self.advances(at, number) } else { self.asks(at, number) }
    }

    fn asks(&mut self, at: usize, job: u64) {
        let request = self.time + self.way_to_server();
        self.later(request, What::Request(at, job));
        if self.plan.first_dies && !self.processes.iter().any(|process| process.is_dead) {
            self.processes[at].is_dead = true;
        }
    }

    /// A passage goes as far as it does by itself.
    fn advances(&mut self, at: usize, number: u64) {
        loop {
            let process = &mut self.processes[at];
            let now = process.now(self.time);
            if process.is_dead {
                return;
            }
            let Some(job) = process.job(number) else { return };
            let Some(passage) = &mut job.passage else { return };
            let command = match passage.poll(now) {
                Next::Claim(claim) => Operation::Claim(claim),
                Next::Put(unsealed) => {
                    let (print, sealed) = (server::print(unsealed.token()), server::seal(unsealed.token()));
                    Operation::Put(unsealed.sealed(print, sealed))
                }
                Next::Fail(fail) => Operation::Fail(fail),
                Next::Ask => return self.asks(at, number),
                Next::Land(outcome) => {
                    self.lands(at, number, outcome);
                    continue;
                }
                Next::Pause(until) => {
                    let until = process.time(until);
                    return self.later(until, What::Resume(at, number));
                }
                Next::Await => return,
                Next::Done => return process.jobs.retain(|job| job.number != number),
            };
            job.command = Some(command);
            job.sent = self.time;
            let arrives = self.time + self.way_to_store();
            return self.later(arrives, What::Execute(at, number));
        }
    }

    /// The machine hears how a flight ended, and so does whoever waits.
    fn lands(&mut self, at: usize, number: u64, outcome: Outcome) {
        let process = &mut self.processes[at];
        let now = process.now(self.time);
        let Some(flight) = process.job(number).and_then(|job| job.flight.take()) else { return };
        let landing = process.machine.complete(now, flight, outcome);
        match process.jobs.iter_mut().find(|job| job.number == number) {
            Some(Job { passage: Some(passage), .. }) => passage.landed(now, &landing, &process.machine),
            _ => process.jobs.retain(|job| job.number != number),
        }
        self.polls(at);
    }

    /// It calls the API with what it has.
    fn calls(&mut self, at: usize) {
        if self.plan.api == Api::Refuses {
            self.later(self.time + Duration::from_secs(1), What::Call(at));
        }
        let process = &mut self.processes[at];
        let now = process.now(self.time);
        let Some(token) = process.machine.held(now).cloned() else { return };
        if process.is_dead || !self.server.refuses(self.plan, token.value()) {
            return;
        }
        self.run.refused += 1;
        if process.machine.reject(now, token.generation(), SITE) == Rejection::Dropped {
            process.covered_until = self.time;
            self.polls(at);
        }
    }
}

// What comes back to a process.
impl World<'_> {
    fn executes(&mut self, at: usize, number: u64) {
        let Some(stores) = self.plan.stores.as_ref() else { return };
        let second = self.time.as_secs();
        let (is_down, is_split) = (stores.down.contains(&second), stores.split.contains(&second));
        let is_first = std::mem::take(&mut self.loses_next_reply);
        let lost = match stores.loses_one_of {
            _ if is_first => 1,
            0 => u64::MAX,
            one_of => self.random.below(2 * one_of),
        };
        let back = self.way_to_store();
        count(&mut self.run.commands, self.time);
        let Some(job) = self.processes[at].job(number) else { return };
        let Some(command) = job.command.take() else { return };
        let mut replies = job.sent + TIMEOUT;
        if !is_down && lost != 0 {
            let now = StoreTime::default().after(START + STORE_AHEAD + self.time);
            let reply = self.tables[usize::from(is_split && at % 2 == 1)].run(now, &NAME, &command);
            if matches!(reply, Reply::Busy { .. }) {
                count(&mut self.run.polls, self.time);
            }
            if lost != 1 {
                replies = replies.min(self.time + back);
                job.reply = Some(reply);
            }
        }
        self.later(replies, What::Reply(at, number));
    }

    fn replies(&mut self, at: usize, number: u64) {
        let process = &mut self.processes[at];
        let now = process.now(self.time);
        let Some(job) = process.jobs.iter_mut().find(|job| job.number == number) else { return };
        let Some(passage) = &mut job.passage else { return };
        let reply = if let Some(reply) = job.reply.take() {
            process.circuit.replied();
            Ok(reply.opened(|have| server::open(&have.token)))
        } else {
            process.circuit.failed(self.time, &mut self.random);
            Err(StoreError::TimedOut)
        };
        passage.replied(now, reply);
        self.advances(at, number);
    }

    fn answers(&mut self, at: usize, number: u64) {
        let process = &mut self.processes[at];
        if process.is_dead {
            return;
        }
        let Some(job) = process.job(number) else { return };
        let (Some(flight), Some(response)) = (&job.flight, job.response.take()) else { return };
        let outcome =
            self.client.read(&response, flight.sent_at()).map_or_else(Outcome::Refused, Outcome::Granted);
        if let Some(passage) = &mut job.passage {
            passage.answered(outcome);
            self.advances(at, number);
        } else {
            self.lands(at, number, outcome);
        }
    }
}

fn count(series: &mut [u32], time: Duration) {
    if let Some(count) = usize::try_from(time.as_secs()).ok().and_then(|second| series.get_mut(second)) {
        *count += 1;
    }
}
