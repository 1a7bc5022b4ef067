//! A status as JSON: the names are here and nowhere else.

use super::{Held, LastOutcome, RequestStatus, SetAside, Status};
use evergrant_core::Cause;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use std::time::Duration;

/// Seconds, to a millisecond; `None` for what never comes.
fn seconds(time: Duration) -> Option<f64> {
    (time != Duration::MAX).then(|| (time.as_secs_f64() * 1000.0).round() / 1000.0)
}

fn failed<M: serde::ser::SerializeMap>(map: &mut M, cause: &Cause) -> Result<(), M::Error> {
    map.serialize_entry("error", &cause.summary().to_string())?;
    map.serialize_entry("permanent", &cause.is_permanent())
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(11))?;
        map.serialize_entry("held", &self.held)?;
        map.serialize_entry("set_aside", &self.set_aside)?;
        map.serialize_entry("narrowed_scope", &self.narrowed_scope.as_ref().map(ToString::to_string))?;
        map.serialize_entry("request", &self.request)?;
        map.serialize_entry("next_request_in", &seconds(self.next_request_in))?;
        map.serialize_entry("last_request", &self.last_request.map(Requested))?;
        map.serialize_entry("last_outcome", &self.last_outcome.as_ref().map(Ended))?;
        map.serialize_entry("requests", &self.requests)?;
        map.serialize_entry("waiting", &self.waiting)?;
        map.serialize_entry("deepest_queue", &self.deepest_queue)?;
        map.serialize_entry("no_progress", &self.no_progress)?;
        map.end()
    }
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("token", &self.generation.number())?;
        map.serialize_entry("used_for", &seconds(self.used_for))?;
        map.serialize_entry("refresh_in", &seconds(self.refresh_in))?;
        map.end()
    }
}

impl Serialize for SetAside {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let refused_by: Vec<String> = self.refused_by.iter().map(ToString::to_string).collect();
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("token", &self.generation.number())?;
        map.serialize_entry("used_for", &seconds(self.used_for))?;
        map.serialize_entry("refused_by", &refused_by)?;
        map.end()
    }
}

impl Serialize for RequestStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = match self {
            Self::Idle => 1,
            Self::InFlight(_) => 2,
            Self::Resting(..) => 4,
        };
        let mut map = serializer.serialize_map(Some(entries))?;
        match self {
            Self::Idle => map.serialize_entry("state", "idle")?,
            Self::InFlight(left) => {
                map.serialize_entry("state", "in_flight")?;
                map.serialize_entry("abandoned_in", &seconds(*left))?;
            }
            Self::Resting(left, cause) => {
                map.serialize_entry("state", "resting")?;
                map.serialize_entry("next_in", &seconds(*left))?;
                failed(&mut map, cause)?;
            }
        }
        map.end()
    }
}

/// The last request: why it was made, and how long ago.
struct Requested((evergrant_core::Reason, Duration));

impl Serialize for Requested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (reason, ago) = self.0;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("reason", reason.as_str())?;
        map.serialize_entry("ago", &seconds(ago))?;
        map.end()
    }
}

/// What became of the last request that ended, and how long ago.
struct Ended<'a>(&'a (LastOutcome, Duration));

impl Serialize for Ended<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (outcome, ago) = self.0;
        let entries = match outcome {
            LastOutcome::Installed(_) => 3,
            LastOutcome::Failed(_) => 4,
            LastOutcome::NoProgress => 2,
        };
        let mut map = serializer.serialize_map(Some(entries))?;
        match outcome {
            LastOutcome::Installed(generation) => {
                map.serialize_entry("outcome", "installed")?;
                map.serialize_entry("token", &generation.number())?;
            }
            LastOutcome::Failed(cause) => {
                map.serialize_entry("outcome", "failed")?;
                failed(&mut map, cause)?;
            }
            LastOutcome::NoProgress => map.serialize_entry("outcome", "no_progress")?,
        }
        map.serialize_entry("ago", &seconds(*ago))?;
        map.end()
    }
}
