//! Every instrument there is.

use super::instrument::{Instrument, Kind, Label, Observed, Values};

/// The upper bounds of the buckets of every histogram, in seconds: OpenTelemetry's for HTTP.
pub const BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Every instrument, in the order in which people read them.
pub static INSTRUMENTS: &[&Instrument] = &[
    &REQUESTS,
    &REQUEST_DURATION,
    &WAIT_DURATION,
    &WAITING,
    &USED_FOR,
    &REFRESH_IN,
    &RESTING,
    &REJECTIONS,
    &REPLAYS,
    &POOL_SOURCES,
    &POOL_HELD_OUTSIDE,
    &POOL_RESTING,
    &POOL_FLIGHTS,
    &POOL_WAITING,
    &POOL_EVICTIONS,
    &POOL_FULL,
];

pub(super) static REQUESTS: Instrument = Instrument {
    name: "evergrant.token.requests",
    observed: Observed::Source,
    kind: Kind::Counter,
    unit: "{request}",
    description: "Token requests, with those that came to nothing before they were sent.",
    labels: &[&REASON],
};

pub(super) static REQUEST_DURATION: Instrument = Instrument {
    name: "evergrant.token.request.duration",
    observed: Observed::Source,
    kind: Kind::Histogram,
    unit: "s",
    description: "Time from sending a token request to its outcome.",
    labels: &[&OUTCOME, &ERROR_TYPE],
};

pub(super) static WAIT_DURATION: Instrument = Instrument {
    name: "evergrant.token.wait.duration",
    observed: Observed::Source,
    kind: Kind::Histogram,
    unit: "s",
    description: "Time that callers waited for a token; 0 for one that failed at once.",
    labels: &[&RESULT],
};

pub(super) static WAITING: Instrument = Instrument {
    name: "evergrant.token.waiting",
    observed: Observed::Source,
    kind: Kind::Gauge,
    unit: "{caller}",
    description: "Callers waiting for a token.",
    labels: &[],
};

pub(super) static USED_FOR: Instrument = Instrument {
    name: "evergrant.token.used_for",
    observed: Observed::Source,
    kind: Kind::Gauge,
    unit: "s",
    description: "Time until the held token is no longer used; 0 if none is held.",
    labels: &[],
};

pub(super) static REFRESH_IN: Instrument = Instrument {
    name: "evergrant.token.refresh_in",
    observed: Observed::Source,
    kind: Kind::Gauge,
    unit: "s",
    description: "Time until the held token is due for renewal; 0 if it is due, or if none is held.",
    labels: &[],
};

pub(super) static RESTING: Instrument = Instrument {
    name: "evergrant.token.resting",
    observed: Observed::Source,
    kind: Kind::Gauge,
    unit: "{rest}",
    description: "1 while no token request is sent because the last one failed, otherwise 0.",
    labels: &[&CLASS],
};

pub(super) static REJECTIONS: Instrument = Instrument {
    name: "evergrant.token.rejections",
    observed: Observed::Source,
    kind: Kind::Counter,
    unit: "{rejection}",
    description: "Tokens refused by an API.",
    labels: &[&SITE, &VERDICT],
};

pub(super) static REPLAYS: Instrument = Instrument {
    name: "evergrant.api.replays",
    observed: Observed::Source,
    kind: Kind::Counter,
    unit: "{replay}",
    description: "Calls to an API that were sent again.",
    labels: &[&REPLAY_REASON],
};

pub(super) static POOL_SOURCES: Instrument = Instrument {
    name: "evergrant.pool.sources",
    observed: Observed::Pool,
    kind: Kind::Gauge,
    unit: "{source}",
    description: "Sources of tokens in the pool.",
    labels: &[],
};

/// Tells a pool that is full of clones, where waiting does not help, from one that is full of work.
pub(super) static POOL_HELD_OUTSIDE: Instrument = Instrument {
    name: "evergrant.pool.held_outside",
    observed: Observed::Pool,
    kind: Kind::Gauge,
    unit: "{source}",
    description: "Sources that cannot be evicted because a clone, a call or a token request holds them.",
    labels: &[],
};

/// Sources that rest for long request little, so a counter of failures hardly shows how many there are.
pub(super) static POOL_RESTING: Instrument = Instrument {
    name: "evergrant.pool.resting",
    observed: Observed::Pool,
    kind: Kind::Gauge,
    unit: "{source}",
    description: "Sources that send no token request because the last one failed.",
    labels: &[],
};

pub(super) static POOL_FLIGHTS: Instrument = Instrument {
    name: "evergrant.pool.flights",
    observed: Observed::Pool,
    kind: Kind::Gauge,
    unit: "{request}",
    description: "Token requests being sent by the pool.",
    labels: &[],
};

/// With as many flights as there may be at once, it is the queue for them.
pub(super) static POOL_WAITING: Instrument = Instrument {
    name: "evergrant.pool.waiting",
    observed: Observed::Pool,
    kind: Kind::Gauge,
    unit: "{caller}",
    description: "Callers waiting for a token of any source of the pool.",
    labels: &[],
};

pub(super) static POOL_EVICTIONS: Instrument = Instrument {
    name: "evergrant.pool.evictions",
    observed: Observed::Pool,
    kind: Kind::Counter,
    unit: "{eviction}",
    description: "Sources evicted from the pool.",
    labels: &[&EVICTION_REASON],
};

pub(super) static POOL_FULL: Instrument = Instrument {
    name: "evergrant.pool.full",
    observed: Observed::Pool,
    kind: Kind::Counter,
    unit: "{call}",
    description: "Calls that got no source because all sources of the pool were busy.",
    labels: &[],
};

/// Why a token is requested.
pub(super) static REASON: Label = Label {
    name: "reason",
    values: Values::Words(&["first", "early", "expired", "rejected", "rotated", "retry"]),
};

pub(super) static OUTCOME: Label = Label {
    name: "outcome",
    values: Values::Words(&[
        "installed",
        "no_progress",
        "transient",
        "permanent",
        "not_sent",
        "held_back",
        "abandoned",
        "superseded",
    ]),
};

/// Of a request that failed.
pub(super) static ERROR_TYPE: Label = Label { name: "error.type", values: Values::ErrorTypes };

pub(super) static RESULT: Label =
    Label { name: "result", values: Values::Words(&["served", "failed", "timed_out", "saturated"]) };

/// Whether asking again, unchanged, can help.
pub(super) static CLASS: Label = Label { name: "class", values: Values::Words(&CLASSES) };

pub(super) const CLASSES: [&str; 2] = ["transient", "permanent"];

/// Which API: its place among those that refused a token, with one place for all from the 65th on.
pub(super) static SITE: Label = Label { name: "site", values: Values::Sites };

pub(super) static VERDICT: Label =
    Label { name: "verdict", values: Values::Words(&["dropped", "replaced", "settling", "refused"]) };

/// Why a call is sent again.
pub(super) static REPLAY_REASON: Label =
    Label { name: "reason", values: Values::Words(&["token", "settled"]) };

/// Why a source is evicted.
pub(super) static EVICTION_REASON: Label =
    Label { name: "reason", values: Values::Words(&["capacity", "idle"]) };
