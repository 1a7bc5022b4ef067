//! The bounds of the gateway, by the names of what they bound.

use super::super::reader::{Reader, Value};
use evergrant_gateway::Limits;
use std::mem;
use std::time::Duration;

/// The bounds, with those that the command itself has to know.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) limits: Limits,
    /// Callers' connections at once, and requests at one API at once.
    pub(crate) connections: usize,
    pub(crate) turns: usize,
    /// Requests that wait for a token of one client.
    pub(crate) max_waiters: usize,
    /// How long it goes on accepting when it is told to end.
    pub(crate) grace: Duration,
    /// How long what is in flight may take then.
    pub(crate) drain_time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            limits: Limits::new(),
            connections: 4096,
            turns: 512,
            max_waiters: 1024,
            // As long as a load balancer takes to notice that it is not ready.
            grace: Duration::from_secs(5),
            drain_time: Duration::from_secs(20),
        }
    }
}

pub(super) const KEYS: [&str; 14] = [
    "head_bytes",
    "head_time",
    "idle_callers",
    "idle_upstream",
    "idle_body",
    "connections",
    "admitted",
    "max_waiters",
    "replay_memory",
    "turns",
    "handshakes",
    "connect_time",
    "grace",
    "drain_time",
];

/// More than one machine serves at once.
const MOST: usize = 1_000_000;

const MIB: usize = 1024 * 1024;

impl Bounds {
    /// Takes what this key, one of [`KEYS`], says.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, key: &str, value: &Value<'_>) {
        match key {
            "head_bytes" => self.set(reader.bytes(value, 8192..=MIB), Limits::head_bytes),
            "head_time" => self.set(reader.duration(value), Limits::head_time),
            "idle_callers" => self.set(reader.duration(value), Limits::idle_callers),
            "idle_upstream" => self.set(reader.duration(value), Limits::idle_upstream),
            "idle_body" => self.set(reader.duration(value), Limits::idle_body),
            "connections" => {
                let count = reader.count(value, 1..=MOST);
                self.connections = count.unwrap_or(self.connections);
                self.set(count, Limits::connections);
            }
            "admitted" => self.set(reader.count(value, 1..=MOST), Limits::admitted),
            "max_waiters" => {
                self.max_waiters = reader.count(value, 1..=MOST).unwrap_or(self.max_waiters);
            }
            "replay_memory" => self.set(reader.bytes(value, 0..=MOST * MIB), Limits::replay_memory),
            "turns" => {
                let count = reader.count(value, 1..=MOST);
                self.turns = count.unwrap_or(self.turns);
                self.set(count, Limits::turns);
            }
            "handshakes" => self.set(reader.count(value, 1..=MOST), Limits::handshakes),
            "connect_time" => self.set(reader.duration(value), Limits::connect_time),
            "grace" => self.grace = reader.duration(value).unwrap_or(self.grace),
            "drain_time" => {
                let time = reader.duration(value);
                self.drain_time = time.unwrap_or(self.drain_time);
                self.set(time, Limits::drain_time);
            }
            _ => {}
        }
    }

    /// Callers' connections, of which there can be no more.
    pub(crate) fn with_connections(mut self, count: usize) -> Self {
        self.connections = count;
        self.set(Some(count), Limits::connections);
        self
    }

    fn set<T>(&mut self, said: Option<T>, limit: fn(Limits, T) -> Limits) {
        if let Some(said) = said {
            self.limits = limit(mem::take(&mut self.limits), said);
        }
    }
}
