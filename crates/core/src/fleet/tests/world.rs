//! What the search moves through: processes, one entry of a store, and what is on its way between them.

use crate::fleet::visitor::Visitor;
use crate::fleet::{
    Claimant, Entry, Fence, Have, Instance, Next, Operation, Passage, Print, Reply, Said, Sealed, Stamp,
    StoreError, StoreTime,
};
use crate::{
    AccessToken, Call, Class, Flight, Grant, Landing, Machine, Mono, Now, Outcome, Policy, Problem, Refusal,
    Rejection, Site, Step, Wall,
};
use std::collections::VecDeque;
use std::string::String;
use std::time::Duration;
use std::{format, vec::Vec};

/// All times are multiples of this.
const UNIT: Duration = Duration::from_millis(500);
/// A request that is older is never answered.
const OLDEST: u32 = 4;
/// Where `now` is moved to.
const NOON: Duration = Duration::from_secs(43_200);
/// The life of every token, in units.
const LIFE: u32 = 10;

pub(super) fn units(n: u32) -> Duration {
    UNIT * n
}

/// Every figure a few units: attempt_timeout 1 (with the grace: 3, which is the lease), min_interval 1, settle 1, gates 2, leeway 1,
/// ahead 2, backoff 1 and 2, cooldown 2.
pub(super) fn policy() -> Policy {
    Policy::new()
        .with_jitter(false)
        .with_attempt_timeout(units(1))
        .with_min_interval(units(1))
        .with_settle(units(1))
        .with_gate(units(2), units(2))
        .with_leeway(units(1))
        .with_ahead(units(2))
        .with_backoff(units(1), units(2))
        .with_cooldown(units(2), units(2))
        .with_retry_after_cap(units(3))
        .with_default_lifetime(units(LIFE))
}

pub(super) fn lease() -> Duration {
    units(3)
}

/// What may happen in one search.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub processes: usize,
    /// What one process does at once.
    pub jobs: usize,
    /// Commands that are executed after their process gave up on them.
    pub strays: usize,
    /// Commands and replies are lost.
    pub faults: bool,
    pub deaths: bool,
    pub losses: bool,
    pub rejections: bool,
    pub failures: bool,
    /// The store replies anything.
    pub lies: bool,
    /// A command is executed, and its reply arrives, before time passes.
    pub at_once: bool,
}

impl Bounds {
    pub(super) fn none() -> Self {
        Self {
            processes: 2,
            jobs: 1,
            strays: 0,
            faults: false,
            deaths: false,
            losses: false,
            rejections: false,
            failures: false,
            lies: false,
            at_once: false,
        }
    }
}

/// One thing that happens. The first number is a process, the second one of its jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Pass(u32),
    Poll(usize),
    Reject(usize),
    /// The store executes the command.
    Execute(usize, usize),
    /// The reply arrives.
    Deliver(usize, usize),
    /// The command or its reply is lost.
    Lose(usize, usize),
    /// The store executes the command, and its reply is lost.
    ExecuteUnheard(usize, usize),
    /// The process gives up on the command, which is still on its way.
    GiveUp(usize, usize),
    /// The store executes a command that its process gave up on.
    Stray(usize),
    /// The store replies something else.
    Lie(usize, usize, Lie),
    Grant(usize, usize),
    Refuse(usize, usize, Class),
    NotSent(usize, usize),
    Die(usize),
    LoseEntry,
}

/// What a store may say that does not keep its word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lie {
    HaveNew,
    HaveOver,
    HaveShut,
    Rest,
    Busy,
    BusyAgain,
    Free,
    Claimed,
    Late,
}

const LIES: [Lie; 9] = [
    Lie::HaveNew,
    Lie::HaveOver,
    Lie::HaveShut,
    Lie::Rest,
    Lie::Busy,
    Lie::BusyAgain,
    Lie::Free,
    Lie::Claimed,
    Lie::Late,
];

/// What is between a job and the store.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Wire {
    Idle,
    Sent(Operation),
    Replied(Reply),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Job {
    passage: Passage,
    /// Until it has landed.
    flight: Option<Flight>,
    wire: Wire,
    /// Time has passed since the command was sent: no more does before its reply is given up.
    waits: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Process {
    machine: Machine,
    jobs: VecDeque<Job>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub now: Now,
    processes: Vec<Process>,
    entry: Entry,
    strays: Vec<Operation>,
    ghost: Ghost,
}

/// What an observer remembers to judge what he sees.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Ghost {
    /// A claimed request that was neither put nor failed: whose, its fence, and until when the claim holds.
    open: Vec<(usize, Fence, StoreTime)>,
    /// Tokens, and until when their asker uses them at the latest.
    ends: Vec<(u64, Mono)>,
    /// Tokens that a claim threw away.
    thrown: Vec<u64>,
    /// Claims up to this one were of an entry that was lost.
    void: Fence,
}

macro_rules! hold {
    ($condition:expr, $($what:tt)*) => {
        if !$condition {
            return Err(format!($($what)*));
        }
    };
}

/// What a process that died is called from then on, by those who are not told.
const DEAD: usize = 0xff;

fn claimant(process: usize) -> Claimant {
    Claimant::new([process as u8; 16])
}

pub(super) fn token(number: u64) -> AccessToken {
    AccessToken::new(&format!("t{number}")).expect("visible ASCII")
}

pub(super) fn number(token: &AccessToken) -> u64 {
    token.expose()[1..].parse().expect("a number")
}

pub(super) fn print(number: u64) -> Print {
    Print::new(number.to_be_bytes())
}

pub(super) fn number_of(print: Print) -> u64 {
    u64::from_be_bytes(*print.as_bytes())
}

pub(super) fn sealed(number: u64) -> Sealed {
    Sealed::new(&number.to_be_bytes())
}

fn number_in(sealed: &Sealed) -> Option<u64> {
    sealed.as_bytes().try_into().map(u64::from_be_bytes).ok()
}

fn store_time(now: Now) -> StoreTime {
    StoreTime::default().after(now.wall.since_epoch())
}

impl World {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let now = Now::new(Mono::from_origin(NOON), Wall::from_epoch(NOON));
        let process = |seed| Process { machine: Machine::new(policy(), seed), jobs: VecDeque::new() };
        Self {
            now,
            processes: (0..bounds.processes as u64).map(process).collect(),
            entry: Entry::default(),
            strays: Vec::new(),
            ghost: Ghost::default(),
        }
    }

    /// Everything that can happen next.
    pub(super) fn events(&self, bounds: &Bounds) -> Vec<Event> {
        let mut events = Vec::new();
        let stops = |job: &Job| job.waits || (bounds.at_once && job.wire != Wire::Idle);
        if !self.processes.iter().any(|process| process.jobs.iter().any(stops)) {
            events.push(Event::Pass(1));
        }
        for (at, process) in self.processes.iter().enumerate() {
            events.push(Event::Poll(at));
            if bounds.rejections && process.machine.held(self.now).is_some() {
                events.push(Event::Reject(at));
            }
            if bounds.deaths && !process.jobs.is_empty() {
                events.push(Event::Die(at));
            }
            for (job, Job { passage, wire, .. }) in process.jobs.iter().enumerate() {
                match wire {
                    Wire::Idle => {}
                    Wire::Sent(_) => {
                        events.push(Event::Execute(at, job));
                        if bounds.faults {
                            events.push(Event::Lose(at, job));
                            events.push(Event::ExecuteUnheard(at, job));
                        }
                        if self.strays.len() < bounds.strays {
                            events.push(Event::GiveUp(at, job));
                        }
                        if bounds.lies {
                            events.extend(LIES.map(|lie| Event::Lie(at, job, lie)));
                        }
                    }
                    Wire::Replied(_) => {
                        events.push(Event::Deliver(at, job));
                        if bounds.faults {
                            events.push(Event::Lose(at, job));
                        }
                    }
                }
                if passage.asks().is_some() {
                    events.push(Event::Grant(at, job));
                    if bounds.failures {
                        events.push(Event::Refuse(at, job, Class::Transient));
                        events.push(Event::Refuse(at, job, Class::Permanent));
                        events.push(Event::NotSent(at, job));
                    }
                }
            }
        }
        events.extend((0..self.strays.len()).map(Event::Stray));
        if bounds.losses && self.entry != Entry::default() {
            events.push(Event::LoseEntry);
        }
        events
    }

    /// Lets it happen, and judges it.
    pub(super) fn apply(&mut self, event: Event, bounds: &Bounds) -> Result<(), String> {
        let now = self.now;
        match event {
            Event::Pass(time) => {
                self.now = now.after(units(time));
                for job in self.processes.iter_mut().flat_map(|process| &mut process.jobs) {
                    job.waits = job.wire != Wire::Idle;
                }
            }
            Event::Poll(at) => self.poll(at, bounds)?,
            Event::Reject(at) => {
                let machine = &mut self.processes[at].machine;
                if let Some(generation) = machine.held(now).map(crate::Token::generation) {
                    let _verdict: Rejection = machine.reject(now, generation, Site::new(0));
                }
            }
            Event::Execute(at, job) => {
                let Wire::Sent(operation) = self.processes[at].jobs[job].wire.clone() else { return Ok(()) };
                let reply = self.execute(&operation)?;
                let job = &mut self.processes[at].jobs[job];
                if bounds.at_once {
                    job.wire = Wire::Idle;
                    job.passage.replied(now, Ok(opened(reply)));
                } else {
                    job.wire = Wire::Replied(reply);
                }
            }
            Event::ExecuteUnheard(at, job) => {
                let Wire::Sent(operation) = self.processes[at].jobs[job].wire.clone() else { return Ok(()) };
                self.execute(&operation)?;
                let job = &mut self.processes[at].jobs[job];
                job.wire = Wire::Idle;
                job.passage.replied(now, Err(StoreError::TimedOut));
            }
            Event::Stray(at) => {
                let operation = self.strays.remove(at);
                self.execute(&operation)?;
            }
            Event::Deliver(at, job) => {
                let job = &mut self.processes[at].jobs[job];
                if let Wire::Replied(reply) = std::mem::replace(&mut job.wire, Wire::Idle) {
                    job.passage.replied(now, Ok(opened(reply)));
                }
            }
            Event::Lie(at, job, lie) => {
                let reply = self.lie(lie);
                let job = &mut self.processes[at].jobs[job];
                job.wire = Wire::Idle;
                job.passage.replied(now, Ok(opened(reply)));
            }
            Event::Lose(at, job) | Event::GiveUp(at, job) => {
                let job = &mut self.processes[at].jobs[job];
                let wire = std::mem::replace(&mut job.wire, Wire::Idle);
                job.passage.replied(now, Err(StoreError::TimedOut));
                if let (Event::GiveUp(..), Wire::Sent(operation)) = (event, wire) {
                    self.strays.push(operation);
                }
            }
            Event::Grant(at, job) => {
                let grant = Grant::new(token(self.fresh()), Some(units(LIFE)));
                self.processes[at].jobs[job].passage.answered(Outcome::Granted(grant));
            }
            Event::Refuse(at, job, class) => {
                let refusal = Refusal::new(class, Some(400), Problem::Status);
                self.processes[at].jobs[job].passage.answered(Outcome::Refused(refusal));
            }
            Event::NotSent(at, job) => {
                let outcome = Outcome::NotSent(crate::ConfigError::ColonInClientId.into());
                self.processes[at].jobs[job].passage.answered(outcome);
            }
            Event::Die(at) => {
                self.processes[at] =
                    Process { machine: Machine::new(policy(), at as u64), jobs: VecDeque::new() };
                self.bury(at);
            }
            Event::LoseEntry => {
                self.ghost.void = self.ghost.void.max(self.entry.last_fence());
                self.entry = Entry::default();
                // What was thrown away may come back, and two may ask.
                (self.ghost.thrown, self.ghost.open) = (Vec::new(), Vec::new());
            }
        }
        self.advance()?;
        self.always()
    }

    /// For a test of the observer: a store that grants a claim beside another one.
    pub(super) fn forget_claims(&mut self) {
        self.entry.forget_claim();
    }

    /// For a test of the observer: whoever is told what is left of a token counts it from later on.
    pub(super) fn lengthen(&mut self) {
        for job in self.processes.iter_mut().flat_map(|process| &mut process.jobs) {
            if let Wire::Replied(Reply::Have(have)) = &mut job.wire {
                have.left += units(1);
            }
        }
    }

    /// For a test of the observer: a store that throws nothing away.
    pub(super) fn bring_back(&mut self, before: &Self) {
        self.entry.bring_back(&before.entry);
    }

    /// The claims of a process that died are those of nobody.
    fn bury(&mut self, at: usize) {
        for (from, to) in
            [(claimant(at), claimant(DEAD)), (claimant(at).offering(), claimant(DEAD).offering())]
        {
            self.entry.bury(from, to);
            for stray in &mut self.strays {
                let by = match stray {
                    Operation::Claim(claim) => &mut claim.claimant,
                    Operation::Put(put) => &mut put.claimant,
                    Operation::Fail(fail) => &mut fail.claimant,
                };
                if *by == from {
                    *by = to;
                }
            }
        }
        for (process, ..) in &mut self.ghost.open {
            if *process == at {
                *process = DEAD;
            }
        }
    }

    fn poll(&mut self, at: usize, bounds: &Bounds) -> Result<(), String> {
        let now = self.now;
        let process = &mut self.processes[at];
        let held = process.machine.held(now).cloned();
        let mut call = Call::new(now.mono.after(units(100)));
        let step = process.machine.poll(now, &mut call);
        process.machine.leave(&mut call);
        match step {
            Step::Use(token) => hold!(!now.has_reached(token.use_until()), "I2: a token that is over"),
            Step::Send(flight) => {
                let of = |token: &crate::Token| print(number(token.value()));
                let dropped = process.machine.set_aside(now).map(|aside| of(aside.token()));
                let instance = Instance::new(claimant(at), policy());
                let passage = Passage::new(&flight, instance, held.as_ref().map(of), dropped);
                if process.jobs.len() == bounds.jobs {
                    process.jobs.pop_front();
                }
                process.jobs.push_back(Job { passage, flight: Some(flight), wire: Wire::Idle, waits: false });
                let mut call = Call::new(now.mono.after(units(100)));
                let step = process.machine.poll(now, &mut call);
                process.machine.leave(&mut call);
                hold!(held.is_none() || matches!(step, Step::Use(_)), "F8: {step:?} while a token is held");
            }
            Step::Wait(_) | Step::Fail(_) => hold!(held.is_none(), "F8: {step:?} while a token is held"),
        }
        Ok(())
    }

    fn execute(&mut self, operation: &Operation) -> Result<Reply, String> {
        let now = store_time(self.now);
        let before = self.entry.clone();
        let reply = match operation {
            Operation::Claim(claim) => self.entry.claim(now, claim),
            Operation::Put(put) => self.entry.put(now, put),
            Operation::Fail(fail) => self.entry.fail(now, fail),
        };
        let ghost = &mut self.ghost;
        if let (Operation::Claim(_), Some(print), None) = (operation, before.print(), self.entry.print()) {
            ghost.thrown.push(number_of(print));
        }
        match (operation, &reply) {
            (_, Reply::Have(have)) => {
                let given = number_of(have.print);
                hold!(!ghost.thrown.contains(&given), "F3: t{given} was thrown away, and is handed out");
                hold!(have.left <= have.life, "more is left than it lives");
            }
            (Operation::Claim(claim), Reply::Claimed { stamp, .. }) => {
                let last = ghost.open.iter().map(|(_, fence, _)| *fence).max();
                hold!(last.is_none_or(|last| stamp.fence() > last), "F4: a fence that is not higher");
                // Whose report was lost claims again: what counts is its last request.
                let own = |process: usize| {
                    claimant(process) == claim.claimant || claimant(process).offering() == claim.claimant
                };
                ghost.open.retain(|(process, ..)| !own(*process));
                let other = ghost.open.iter().find(|(_, _, until)| now < *until);
                hold!(other.is_none(), "F1: {claim:?} is granted beside {other:?}");
            }
            (Operation::Put(put), Reply::Kept) => {
                let (fence, last) = (put.stamp.fence(), before.kept_fence());
                hold!(fence > last, "F4: a token of {fence:?} after one of {last:?}");
                ghost.open.retain(|(_, fence, _)| *fence != put.stamp.fence());
            }
            (_, Reply::Late) => hold!(before == self.entry, "F4: what is late changed the entry"),
            (Operation::Fail(fail), Reply::Noted) => {
                ghost.open.retain(|(_, fence, _)| *fence != fail.stamp.fence());
            }
            _ => {}
        }
        Ok(reply)
    }

    /// Every job goes as far as it does by itself.
    fn advance(&mut self) -> Result<(), String> {
        let now = self.now;
        for at in 0..self.processes.len() {
            for job in 0..self.processes[at].jobs.len() {
                let mut steps = 0;
                loop {
                    steps += 1;
                    hold!(steps < 8, "a passage that does not stop");
                    let Process { machine, jobs } = &mut self.processes[at];
                    let Job { passage, flight, wire, waits } = &mut jobs[job];
                    if *wire != Wire::Idle {
                        break;
                    }
                    *waits = false;
                    match passage.poll(now) {
                        Next::Claim(claim) => *wire = Wire::Sent(Operation::Claim(claim)),
                        Next::Put(unsealed) => {
                            let number = number(unsealed.token());
                            *wire =
                                Wire::Sent(Operation::Put(unsealed.sealed(print(number), sealed(number))));
                        }
                        Next::Fail(fail) => *wire = Wire::Sent(Operation::Fail(fail)),
                        Next::Ask => {
                            if let Some(Some(stamp)) = passage.asks() {
                                let until = stamp.now().after(lease());
                                hold!(store_time(now) < until, "F1: it asks after its lease");
                                if stamp.fence() > self.ghost.void {
                                    self.ghost.open.push((at, stamp.fence(), until));
                                }
                            }
                            break;
                        }
                        Next::Land(outcome) => {
                            let flight = flight.take().ok_or("it lands twice")?;
                            let shared = matches!(outcome, Outcome::Shared(_));
                            let landing = machine.complete(now, flight, outcome);
                            let held = machine.held(now).cloned();
                            let machine = machine.clone();
                            passage.landed(now, &landing, &machine);
                            if let (Landing::Installed { .. }, Some(held)) = (landing, held) {
                                self.installed(shared, &held)?;
                            }
                        }
                        Next::Pause(_) | Next::Await | Next::Done => break,
                    }
                }
            }
            self.processes[at]
                .jobs
                .retain_mut(|job| job.wire != Wire::Idle || job.passage.poll(now) != Next::Done);
        }
        Ok(())
    }

    fn installed(&mut self, shared: bool, held: &crate::Token) -> Result<(), String> {
        let (number, end) = (number(held.value()), held.use_until().mono);
        let known = self.ghost.ends.iter().find(|(known, _)| *known == number).map(|(_, end)| *end);
        match (shared, known) {
            (true, Some(asker)) => {
                hold!(end <= asker, "F2: used until {end:?}, by its asker until {asker:?}");
            }
            // Of a lie nobody knows.
            (true, None) => {}
            (false, _) => self.ghost.ends.push((number, end)),
        }
        Ok(())
    }

    /// What holds in every state.
    fn always(&self) -> Result<(), String> {
        for process in &self.processes {
            for job in &process.jobs {
                let Some(began) = job.passage.claims_since() else { continue };
                // A command may take a unit, and one more if it is the one after the last pause.
                let over = job.wire == Wire::Idle && self.now.mono.since(began) > lease();
                hold!(!over, "F11: it still pauses after a lease");
            }
        }
        Ok(())
    }

    /// The number of a token that is not there yet.
    fn fresh(&self) -> u64 {
        let mut names = Names::default();
        self.clone().visit(&mut names);
        (0..).find(|number| !names.tokens.contains(number)).unwrap_or_default()
    }

    fn lie(&self, lie: Lie) -> Reply {
        let now = store_time(self.now);
        let fence = Fence::new(1);
        let have = |token, number, left| {
            let (left, due_in, life) = (units(left), units(left), units(LIFE));
            let end = now.after(left);
            Reply::Have(Have { token, print: print(number), fence, end, left, due_in, life })
        };
        let fresh = self.fresh();
        match lie {
            Lie::HaveNew => have(sealed(fresh), fresh, 5),
            Lie::HaveOver => have(sealed(fresh), fresh, 1),
            Lie::HaveShut => have(Sealed::new(&[]), fresh, 5),
            Lie::Rest => {
                Reply::Rest { left: units(2), failures: 1, said: Said::parse("permanent 401 invalid_client") }
            }
            Lie::Busy => Reply::Busy { left: lease(), told: 0, fence },
            Lie::BusyAgain => Reply::Busy { left: lease(), told: 0, fence: Fence::new(now.as_millis()) },
            Lie::Free => Reply::Free,
            Lie::Claimed => Reply::Claimed { stamp: Stamp::new(fence, now), failures: 9 },
            Lie::Late => Reply::Late,
        }
    }

    fn visit(&mut self, visitor: &mut impl Visitor) {
        self.entry.visit(visitor);
        for Process { machine, jobs } in &mut self.processes {
            if let Some(mut value) = machine.last_value().cloned() {
                visitor.token(&mut value);
                machine.call_last(value);
            }
            for Job { passage, wire, .. } in jobs {
                passage.visit(visitor);
                match wire {
                    Wire::Idle => {}
                    Wire::Sent(operation) => operation.visit(visitor),
                    Wire::Replied(reply) => reply.visit(visitor),
                }
            }
        }
        self.strays.iter_mut().for_each(|stray| stray.visit(visitor));
        for (_, fence, until) in &mut self.ghost.open {
            visitor.fence(fence);
            visitor.store(until);
        }
    }

    /// The one world that stands for all that behave alike.
    pub(super) fn canonical(mut self) -> Self {
        let now = self.now;
        for process in &mut self.processes {
            process.jobs.retain(|job| now.mono.since(job.passage.sent()) <= units(OLDEST));
            process.machine.lapse(now);
        }
        self.entry.forget_past(store_time(now), units(2), 2);
        self.ghost.open.retain(|(_, _, until)| store_time(now) < *until);
        // What can change nothing any more is forgotten.
        let entry = &self.entry;
        self.strays.retain(|stray| match stray {
            Operation::Claim(_) => true,
            Operation::Put(_) | Operation::Fail(_) => {
                let mut after = entry.clone();
                let reply = match stray {
                    Operation::Put(put) => after.put(store_time(now), put),
                    Operation::Fail(fail) => after.fail(store_time(now), fail),
                    Operation::Claim(_) => Reply::Free,
                };
                reply != Reply::Late
            }
        });
        let mut names = Names::default();
        self.visit(&mut names);
        if names.fences.iter().all(|fence| *fence == Fence::default() || *fence > self.ghost.void) {
            self.ghost.void = Fence::default();
        }
        names.fences.push(self.ghost.void);
        names.fences.sort_unstable();
        names.fences.dedup();
        for process in &mut self.processes {
            let value = process.machine.last_value().cloned();
            let mut flights: Vec<Flight> = process.jobs.iter().filter_map(|job| job.flight.clone()).collect();
            (process.machine, _) = process.machine.relative(now, &mut flights, &mut []);
            if let Some(value) = value {
                process.machine.call_last(value);
            }
            let mut flights = flights.into_iter();
            for job in process.jobs.iter_mut().filter(|job| job.flight.is_some()) {
                job.flight = flights.next();
            }
        }
        let mut rename = Rename { names, now };
        self.visit(&mut rename);
        rename.fence(&mut self.ghost.void);
        let Rename { names, .. } = rename;
        let place =
            |token: u64| names.tokens.iter().position(|known| *known == token).map(|place| place as u64);
        let noon = Now::new(Mono::from_origin(NOON), Wall::from_epoch(NOON));
        let ends = self
            .ghost
            .ends
            .iter()
            .filter_map(|(token, end)| Some((place(*token)?, shifted(*end, now).max(noon.mono))));
        self.ghost.ends = ends.collect();
        self.ghost.ends.sort_unstable();
        let thrown = self.ghost.thrown.iter().filter_map(|token| place(*token));
        self.ghost.thrown = thrown.collect();
        self.ghost.thrown.sort_unstable();
        self.ghost.thrown.dedup();
        self.ghost.open.sort_unstable();
        Self { now: noon, ..self }
    }
}

pub(super) fn opened(reply: Reply) -> Reply<Option<AccessToken>> {
    reply.opened(|have| number_in(&have.token).map(token))
}

fn shift(then: Duration, now: Duration) -> Duration {
    if then >= now { NOON + (then - now) } else { NOON.saturating_sub(now - then) }
}

fn shifted(then: Mono, now: Now) -> Mono {
    Mono::from_origin(shift(then.since_origin(), now.mono.since_origin()))
}

/// The tokens in the order in which they appear, and the fences.
#[derive(Default)]
struct Names {
    tokens: Vec<u64>,
    fences: Vec<Fence>,
}

impl Names {
    fn add(&mut self, token: u64) {
        if !self.tokens.contains(&token) {
            self.tokens.push(token);
        }
    }
}

impl Visitor for Names {
    fn token(&mut self, token: &mut AccessToken) {
        self.add(number(token));
    }

    fn print(&mut self, print: &mut Print) {
        self.add(number_of(*print));
    }

    fn sealed(&mut self, sealed: &mut Sealed) {
        number_in(sealed).into_iter().for_each(|token| self.add(token));
    }

    fn fence(&mut self, fence: &mut Fence) {
        self.fences.push(*fence);
    }
}

/// Names by their places, and times by how far they are from now.
struct Rename {
    names: Names,
    now: Now,
}

impl Rename {
    fn place(&self, token: u64) -> u64 {
        self.names.tokens.iter().position(|known| *known == token).map_or(u64::MAX, |place| place as u64)
    }
}

impl Visitor for Rename {
    fn token(&mut self, value: &mut AccessToken) {
        *value = token(self.place(number(value)));
    }

    fn print(&mut self, value: &mut Print) {
        *value = print(self.place(number_of(*value)));
    }

    fn sealed(&mut self, value: &mut Sealed) {
        if let Some(number) = number_in(value) {
            *value = sealed(self.place(number));
        }
    }

    /// By their order, before every fence that is given from now on.
    fn fence(&mut self, fence: &mut Fence) {
        if *fence != Fence::default() {
            let place = self.names.fences.binary_search(fence).unwrap_or_default() as u64;
            *fence = Fence::new(NOON.as_millis() as u64 - 1000 + place);
        }
    }

    fn mono(&mut self, mono: &mut Mono) {
        *mono = shifted(*mono, self.now);
    }

    fn both(&mut self, both: &mut Now) {
        *both = Now::new(
            shifted(both.mono, self.now),
            Wall::from_epoch(shift(both.wall.since_epoch(), self.now.wall.since_epoch())),
        );
    }

    fn store(&mut self, time: &mut StoreTime) {
        if *time != StoreTime::default() {
            let now = store_time(self.now);
            *time = if *time >= now {
                StoreTime::default().after(NOON).after(time.since(now))
            } else {
                StoreTime::default().after(NOON.saturating_sub(now.since(*time)))
            };
        }
    }
}
