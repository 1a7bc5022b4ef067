//! Some processes, each with its machine, before one store that replies at once.

use super::*;
use crate::{Policy, Problem, Site};

pub(super) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn print(name: &str) -> Print {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    Print::new(bytes)
}

pub(super) fn granted(name: &str, life: u64) -> Outcome {
    Outcome::Granted(Grant::new(AccessToken::new(name).unwrap(), Some(secs(life))))
}

pub(super) fn refused(status: u16, class: Class, retry_after: Option<u64>) -> Outcome {
    let refusal = Refusal::new(class, Some(status), Problem::Status);
    Outcome::Refused(match retry_after {
        Some(seconds) => refusal.with_retry_after(secs(seconds)),
        None => refusal,
    })
}

pub(super) const fn claims(next: &Next) -> bool {
    matches!(next, Next::Claim(_))
}

/// What it lands.
pub(super) fn outcome(passage: &mut Passage, now: Now) -> Outcome {
    match passage.poll(now) {
        Next::Land(outcome) => outcome,
        next => panic!("{next:?}"),
    }
}

pub(super) struct Sim {
    pub(super) now: Now,
    pub(super) machines: Vec<Machine>,
    pub(super) commands: Vec<u32>,
    pub(super) requests: u32,
    flights: Vec<Option<Flight>>,
    table: Table,
}

impl Sim {
    const NAME: Name = Name::new([1; 16]);

    pub(super) fn new(processes: usize) -> Self {
        Self::seeded(processes, 1)
    }

    pub(super) fn seeded(processes: usize, seed: u64) -> Self {
        let wall = Wall::from_epoch(secs(1_795_000_000));
        let machine = |number: usize| Machine::new(Policy::new(), seed + 1000 * number as u64);
        Self {
            now: Now::new(Mono::from_origin(secs(50)), wall),
            machines: (0..processes).map(machine).collect(),
            commands: (0..processes).map(|_| 0).collect(),
            requests: 0,
            flights: (0..processes).map(|_| None).collect(),
            table: Table::new(),
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    /// The store's clock is seven minutes slow.
    fn store_now(&self) -> StoreTime {
        StoreTime::default().after(self.now.wall.since_epoch() - secs(420))
    }

    pub(super) fn call(&self) -> Call {
        Call::new(self.now.mono.after(secs(30)))
    }

    pub(super) fn claimant(&self, process: usize) -> Claimant {
        Claimant::new([process as u8; 16])
    }

    pub(super) fn instance(&self, process: usize) -> Instance {
        Instance::new(self.claimant(process), self.machines[process].policy().clone())
    }

    pub(super) fn passage(&mut self, process: usize, flight: Flight) -> Passage {
        let machine = &self.machines[process];
        let of = |token: &crate::Token| print(token.value().expose());
        let held = machine.held(self.now).map(of);
        let dropped = machine.set_aside(self.now).map(|aside| of(aside.token()));
        let passage = Passage::new(&flight, self.instance(process), held, dropped);
        self.flights[process] = Some(flight);
        passage
    }

    /// The passage of the flight that this process sends.
    pub(super) fn send(&mut self, process: usize) -> Passage {
        let mut call = self.call();
        match self.machines[process].poll(self.now, &mut call) {
            Step::Send(flight) => self.passage(process, flight),
            step => panic!("{step:?}"),
        }
    }

    /// Tells the machine what it lands.
    pub(super) fn land(&mut self, passage: &mut Passage, process: usize) {
        let outcome = outcome(passage, self.now);
        self.tell(passage, process, outcome);
    }

    fn tell(&mut self, passage: &mut Passage, process: usize, outcome: Outcome) {
        let flight = self.flights[process].take().expect("one is in the air");
        let landing = self.machines[process].complete(self.now, flight, outcome);
        passage.landed(self.now, &landing, &self.machines[process]);
    }

    /// Takes it as far as it goes by itself; whether it asks the authorization server.
    pub(super) fn run(&mut self, passage: &mut Passage, process: usize) -> bool {
        loop {
            let operation = match passage.poll(self.now) {
                Next::Claim(claim) => Operation::Claim(claim),
                Next::Put(unsealed) => {
                    let text = unsealed.token().expose();
                    let (print, sealed) = (print(text), Sealed::new(text.as_bytes()));
                    Operation::Put(unsealed.sealed(print, sealed))
                }
                Next::Fail(fail) => Operation::Fail(fail),
                Next::Ask => {
                    self.requests += 1;
                    return true;
                }
                Next::Land(outcome) => {
                    self.tell(passage, process, outcome);
                    continue;
                }
                Next::Pause(_) | Next::Await | Next::Done => return false,
            };
            self.commands[process] += 1;
            let reply = self.table.run(self.store_now(), &Self::NAME, &operation);
            let open = |have: &Have| {
                core::str::from_utf8(have.token.as_bytes()).ok().and_then(|text| AccessToken::new(text).ok())
            };
            passage.replied(self.now, Ok(reply.opened(open)));
        }
    }

    /// Takes it to its end.
    pub(super) fn finish(&mut self, passage: &mut Passage, process: usize) {
        assert!(!self.run(passage, process));
        assert_eq!(passage.poll(self.now), Next::Done);
    }

    /// What it does after this answer to a request that it claimed.
    pub(super) fn fails(&mut self, outcome: Outcome) -> Next {
        let mut sim = Self::new(1);
        let mut passage = sim.send(0);
        assert!(sim.run(&mut passage, 0));
        passage.answered(outcome);
        sim.land(&mut passage, 0);
        self.now = sim.now;
        passage.poll(sim.now)
    }

    fn token(&self, process: usize) -> &crate::Token {
        self.machines[process].held(self.now).expect("it holds one")
    }

    pub(super) fn uses(&self, process: usize) -> &str {
        self.token(process).value().expose()
    }

    pub(super) fn use_until(&self, process: usize) -> Mono {
        self.token(process).use_until().mono
    }

    pub(super) fn refresh_at(&self, process: usize) -> Mono {
        self.token(process).refresh_at().mono
    }

    pub(super) fn reject(&mut self, process: usize) {
        let generation = self.token(process).generation();
        let verdict = self.machines[process].reject(self.now, generation, Site::new(0));
        assert_eq!(verdict, crate::Rejection::Dropped);
    }
}
