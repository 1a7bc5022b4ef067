//! One scenario of the refresh machine.

use crate::same;
use evergrant_core::{
    AccessToken, Ask, Attempt, Call, Cause, Class, Client, ClientAuth, ConfigError, Error, Flight,
    Generation, Grant, Known, Landing, Machine, Mono, Move, Now, Outcome, Policy, Problem, Provider, Refusal,
    Rejection, Response, Rotation, SecretText, Seed, Site, SourceError, Step, Stored, Token, Unready, Wall,
};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "why")]
    _why: Option<String>,
    #[serde(rename = "rows")]
    _rows: Vec<String>,
    #[serde(rename = "conforms", default)]
    _conforms: Vec<String>,
    #[serde(default)]
    given: Given,
    steps: Vec<Moment>,
}

/// What of the policy is not the default.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Given {
    attempt_timeout_ms: Option<u64>,
    min_interval_ms: Option<u64>,
    max_waiters: Option<usize>,
    default_lifetime_ms: Option<u64>,
    max_lifetime_ms: Option<u64>,
    leeway_ms: Option<u64>,
    ahead_ms: Option<u64>,
    settle_ms: Option<u64>,
    young_ms: Option<u64>,
    gate_cap_ms: Option<u64>,
    backoff_first_ms: Option<u64>,
    backoff_cap_ms: Option<u64>,
    cooldown_first_ms: Option<u64>,
    cooldown_cap_ms: Option<u64>,
    retry_after_cap_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    mono_ms: u64,
    wall_ms: u64,
    action: Action,
    expect: Option<Expect>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    Poll {
        caller: String,
        patience_ms: Option<u64>,
        #[serde(default)]
        fail_fast: bool,
        site: Option<u16>,
    },
    Complete {
        flight: String,
        outcome: Came,
    },
    Abandon {
        flight: String,
    },
    Reject {
        generation: u64,
        site: u16,
    },
    Rotate(Turn),
    Restore(Kept),
    Leave {
        caller: String,
    },
    NextWake,
    Export,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Came {
    Grant {
        token: String,
        life_ms: Option<u64>,
        refresh_in_ms: Option<u64>,
    },
    Refused {
        class: Kind,
        status: Option<u16>,
        retry_after_ms: Option<u64>,
        #[serde(default)]
        live: bool,
    },
    HeldBack,
    NotSent,
    Unready {
        class: Kind,
        #[serde(default)]
        costly: bool,
    },
}

#[derive(Deserialize, Clone, Copy, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Transient,
    Permanent,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Turn {
    Keep,
    Drop,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Kept {
    token: String,
    issued_wall_ms: u64,
    life_ms: u64,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Expect {
    Use { token: String, generation: u64, use_until: Option<Clocks>, refresh_at: Option<Clocks> },
    Send { flight: String, reason: String },
    Wait { until_mono_ms: u64 },
    Fail { kind: String, retry_after_ms: u64, cause: Option<Why> },
    Installed { generation: u64, life_ms: u64 },
    Resting { until_mono_ms: u64, cause: Why },
    HeldBack { until_mono_ms: u64, cause: Why },
    NoProgress { count: u32 },
    Idle,
    Superseded,
    Dropped,
    Replaced,
    Settling { until_mono_ms: u64 },
    Refused,
    Restored(bool),
    WakeMonoMs(u64),
    Exported(Option<Kept>),
}

#[derive(Deserialize, Clone, Copy, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Clocks {
    mono_ms: u64,
    wall_ms: u64,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Why {
    Refused { class: Kind, status: Option<u16> },
    Expired,
    NotSent,
    Abandoned,
}

pub(crate) fn run(scenario: &Scenario) -> Result<(), String> {
    let mut play = Play {
        machine: Machine::new(scenario.given.policy(), 0),
        calls: HashMap::new(),
        flights: HashMap::new(),
        generations: HashMap::from([(0, Token::fixed(token("none")).generation())]),
    };
    for (place, moment) in scenario.steps.iter().enumerate() {
        let actual = play.step(moment).and_then(|actual| same(&actual, &moment.expect));
        actual.map_err(|fault| format!("step {}: {fault}", place + 1))?;
    }
    Ok(())
}

/// The machine, and what the scenario has names for.
struct Play {
    machine: Machine,
    calls: HashMap<String, Call>,
    flights: HashMap<String, Flight>,
    generations: HashMap<u64, Generation>,
}

impl Play {
    fn step(&mut self, moment: &Moment) -> Result<Option<Expect>, String> {
        let now = Now::new(mono(moment.mono_ms), wall(moment.wall_ms));
        let machine = &mut self.machine;
        Ok(Some(match &moment.action {
            Action::Poll { caller, patience_ms, fail_fast, site } => {
                if let Some(patience) = patience_ms {
                    let call = Call::new(now.mono.after(ms(*patience))).fail_fast(*fail_fast);
                    let before = self.calls.insert(caller.clone(), call);
                    if before.is_some() {
                        return Err(format!("{caller} has not left yet"));
                    }
                }
                self.poll(now, caller, *site, moment.expect.as_ref())?
            }
            Action::Complete { flight, outcome } => {
                let flight = self.flights.remove(flight).ok_or("no such flight")?;
                let landing = machine.complete(now, flight, outcome.outcome());
                if let Landing::Installed { generation, .. } = &landing {
                    self.generations.insert(generation.number(), *generation);
                }
                landed(&landing)
            }
            Action::Abandon { flight } => {
                let landing = machine.abandon(now, self.flights.remove(flight).ok_or("no such flight")?);
                if moment.expect.is_none() {
                    return Ok(None);
                }
                landed(&landing)
            }
            Action::Reject { generation, site } => {
                let generation = *self.generations.get(generation).ok_or("no such generation")?;
                let before = machine.clone();
                let rejection = machine.reject(now, generation, Site::new(*site));
                let aside =
                    before.set_aside(now).is_some_and(|aside| aside.token().generation() == generation);
                if rejection != Rejection::Dropped && *machine != before && !aside {
                    return Err(
                        "only Dropped may change the machine, but for a site more that refused".into()
                    );
                }
                match rejection {
                    Rejection::Dropped => Expect::Dropped,
                    Rejection::Replaced => Expect::Replaced,
                    Rejection::Settling(until) => Expect::Settling { until_mono_ms: mono_ms(until) },
                    Rejection::Refused => Expect::Refused,
                }
            }
            Action::Rotate(turn) => {
                machine.rotate(now, if matches!(turn, Turn::Keep) { Rotation::Keep } else { Rotation::Drop });
                return Ok(None);
            }
            Action::Restore(Kept { token: text, issued_wall_ms, life_ms }) => {
                let stored = Stored::new(token(text), wall(*issued_wall_ms), ms(*life_ms));
                let restored = machine.restore(now, stored);
                self.generations
                    .extend(machine.held(now).map(|token| (token.generation().number(), token.generation())));
                Expect::Restored(restored)
            }
            Action::Leave { caller } => {
                let call = self.calls.get_mut(caller).ok_or("no such caller")?;
                machine.leave(call);
                return Ok(None);
            }
            Action::NextWake => Expect::WakeMonoMs(mono_ms(machine.next_wake(now))),
            Action::Export => Expect::Exported(machine.export(now).map(|stored| Kept {
                token: stored.token().expose().into(),
                issued_wall_ms: wall_ms(stored.issued()),
                life_ms: millis(stored.life()),
            })),
        }))
    }

    fn poll(
        &mut self,
        now: Now,
        caller: &str,
        site: Option<u16>,
        expect: Option<&Expect>,
    ) -> Result<Expect, String> {
        let call = self.calls.get_mut(caller).ok_or("no such caller: its first poll states patience_ms")?;
        call.at(site.map(Site::new));
        Ok(match self.machine.poll(now, call) {
            Step::Use(token) => {
                self.calls.remove(caller);
                self.generations.insert(token.generation().number(), token.generation());
                // Times that the scenario does not state are not compared.
                let (states_until, states_refresh) = match expect {
                    Some(Expect::Use { use_until, refresh_at, .. }) => {
                        (use_until.is_some(), refresh_at.is_some())
                    }
                    _ => (true, true),
                };
                Expect::Use {
                    token: token.value().expose().into(),
                    generation: token.generation().number(),
                    use_until: states_until.then(|| clocks(token.use_until())),
                    refresh_at: states_refresh.then(|| clocks(token.refresh_at())),
                }
            }
            Step::Send(flight) => {
                let reason = flight.reason().as_str().into();
                // The scenario gives the name.
                let name = match expect {
                    Some(Expect::Send { flight, .. }) => flight.clone(),
                    _ => String::from("?"),
                };
                if self.flights.insert(name.clone(), flight).is_some() {
                    return Err(format!("the flight {name} is up already"));
                }
                Expect::Send { flight: name, reason }
            }
            Step::Wait(until) => Expect::Wait { until_mono_ms: mono_ms(until) },
            Step::Fail(error) => {
                self.calls.remove(caller);
                let kind = match &error {
                    Error::Failed { .. } => "failed",
                    Error::TimedOut { .. } => "timed_out",
                    Error::Saturated { .. } => "saturated",
                    Error::Closed { .. } => {
                        return Err(format!("no vector is about a machine of many: {error}"));
                    }
                    other => return Err(format!("an error that has no vector yet: {other}")),
                };
                Expect::Fail {
                    kind: kind.into(),
                    retry_after_ms: millis(error.retry_after()),
                    cause: error.cause().map(why),
                }
            }
        })
    }
}

impl Given {
    fn policy(&self) -> Policy {
        let mut policy = Policy::new().with_jitter(false);
        let set = |policy: &mut Policy, value: Option<u64>, with: fn(Policy, Duration) -> Policy| {
            if let Some(value) = value {
                *policy = with(policy.clone(), ms(value));
            }
        };
        set(&mut policy, self.attempt_timeout_ms, Policy::with_attempt_timeout);
        set(&mut policy, self.min_interval_ms, Policy::with_min_interval);
        set(&mut policy, self.max_lifetime_ms, Policy::with_max_lifetime);
        set(&mut policy, self.default_lifetime_ms, Policy::with_default_lifetime);
        set(&mut policy, self.leeway_ms, Policy::with_leeway);
        set(&mut policy, self.ahead_ms, Policy::with_ahead);
        set(&mut policy, self.settle_ms, Policy::with_settle);
        set(&mut policy, self.retry_after_cap_ms, Policy::with_retry_after_cap);
        if let Some(waiters) = self.max_waiters {
            policy = policy.with_max_waiters(waiters);
        }
        let pair = |first: Option<u64>, cap: Option<u64>, defaults: (u64, u64)| {
            (ms(first.unwrap_or(defaults.0)), ms(cap.unwrap_or(defaults.1)))
        };
        let (young, gate_cap) = pair(self.young_ms, self.gate_cap_ms, (10_000, 60_000));
        let (backoff, backoff_cap) = pair(self.backoff_first_ms, self.backoff_cap_ms, (1000, 60_000));
        let (cooldown, cooldown_cap) = pair(self.cooldown_first_ms, self.cooldown_cap_ms, (10_000, 300_000));
        policy
            .with_gate(young, gate_cap)
            .with_backoff(backoff, backoff_cap)
            .with_cooldown(cooldown, cooldown_cap)
    }
}

impl Came {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Grant { token: text, life_ms, refresh_in_ms } => {
                let grant = Grant::new(token(text), life_ms.map(ms));
                Outcome::Granted(match refresh_in_ms {
                    Some(refresh_in) => grant.with_refresh_in(ms(*refresh_in)),
                    None => grant,
                })
            }
            Self::Refused { class, status, retry_after_ms, live } => {
                let class = match class {
                    Kind::Transient => Class::Transient,
                    Kind::Permanent => Class::Permanent,
                };
                let refusal = match live {
                    true => live_refusal(),
                    false => Refusal::new(class, *status, Problem::Status),
                };
                assert_eq!((refusal.class(), refusal.status()), (class, *status), "a live refusal is a 401");
                Outcome::Refused(match retry_after_ms {
                    Some(retry_after) => refusal.with_retry_after(ms(*retry_after)),
                    None => refusal,
                })
            }
            Self::HeldBack => Outcome::HeldBack(live_refusal()),
            // Which problem it is decides nothing.
            Self::NotSent => Outcome::NotSent(ConfigError::ColonInClientId.into()),
            Self::Unready { class, costly } => {
                let problem = match class {
                    Kind::Transient => SourceError::Missing,
                    Kind::Permanent => SourceError::NotText,
                };
                let unready = Unready::new(Ask::ClientSecret, problem);
                Outcome::NotSent(if *costly { unready.costly() } else { unready })
            }
        }
    }
}

/// What an attempt makes of a 401, after a secret that was read for it.
fn live_refusal() -> Refusal {
    let provider = Provider::rfc6749("https://as.example/token").expect("an endpoint");
    let auth = ClientAuth::post_live("client").expect("an id");
    let client = Client::builder(provider, auth).build().expect("a client");
    let now = Now::default();
    let mut next = Attempt::begin(&client, Seed::new(now), &Known::new(&Policy::new()));
    loop {
        next = match next {
            Move::Ask(asking) => asking.answer(SecretText::new("stale")),
            Move::Send(_, sent) => sent.received(&Response::new(401), now),
            Move::Done(Outcome::Refused(refusal), _) => return refusal,
            Move::Done(other, _) => panic!("a 401 is refused: {other:?}"),
        };
    }
}

fn landed(landing: &Landing) -> Expect {
    match landing {
        Landing::Installed { generation, life, .. } => {
            Expect::Installed { generation: generation.number(), life_ms: millis(*life) }
        }
        Landing::Resting { until, cause } => {
            Expect::Resting { until_mono_ms: mono_ms(*until), cause: why(cause) }
        }
        Landing::HeldBack { until, cause } => {
            Expect::HeldBack { until_mono_ms: mono_ms(*until), cause: why(cause) }
        }
        Landing::NoProgress { count } => Expect::NoProgress { count: *count },
        Landing::Idle => Expect::Idle,
        Landing::Superseded => Expect::Superseded,
        other => panic!("a landing that has no vector yet: {other:?}"),
    }
}

fn why(cause: &Cause) -> Why {
    match cause {
        Cause::Refused(refusal) if *refusal.problem() == Problem::Expired => Why::Expired,
        Cause::Refused(refusal) => {
            let class = if cause.is_permanent() { Kind::Permanent } else { Kind::Transient };
            Why::Refused { class, status: refusal.status() }
        }
        Cause::NotSent(_) => Why::NotSent,
        Cause::Abandoned => Why::Abandoned,
        Cause::HeldBack | Cause::Unrecorded { .. } => {
            panic!("no vector is about a machine of many: {cause:?}")
        }
        other => panic!("a cause that has no vector yet: {other:?}"),
    }
}

fn token(text: &str) -> AccessToken {
    AccessToken::new(text).expect("the scenarios' tokens are fit for a header")
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// No scenario has a moment between two milliseconds.
fn millis(time: Duration) -> u64 {
    let whole = u64::try_from(time.as_millis()).expect("the scenarios' times are short");
    assert_eq!(ms(whole), time, "a fraction of a millisecond");
    whole
}

fn mono(since_origin_ms: u64) -> Mono {
    Mono::from_origin(ms(since_origin_ms))
}

fn wall(since_origin_ms: u64) -> Wall {
    Wall::from_epoch(ms(since_origin_ms))
}

fn mono_ms(mono: Mono) -> u64 {
    millis(mono.since_origin())
}

fn wall_ms(wall: Wall) -> u64 {
    millis(wall.since_epoch())
}

fn clocks(now: Now) -> Clocks {
    Clocks { mono_ms: mono_ms(now.mono), wall_ms: wall_ms(now.wall) }
}
