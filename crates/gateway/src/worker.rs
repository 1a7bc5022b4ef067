//! A worker: what the connections on one thread share.

use crate::counts::Counters;
use crate::crew::Seen;
use crate::idle::Connections;
use crate::limits::Limits;
use crate::serving::Serving;
use crate::table::{Fixed, Table};
use crate::watch::{Time, Watch};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Callers that hung up are looked for after this many looks.
const CALLERS: u32 = 5;

/// What a worker is doing with its connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Serving,
    /// Each closes with the answer that it is giving.
    Draining,
    /// Those at rest close as well.
    Closing,
    /// Nothing else is in flight any more: tunnels end.
    Ending,
}

/// What the connections on one thread share.
pub(crate) struct Worker {
    pub(crate) fixed: Arc<Fixed>,
    pub(crate) time: Rc<Time>,
    seen: Arc<Seen>,
    serving: RefCell<Rc<Serving>>,
    /// Connections that only tables of before lead to: there are some as long as a request is there that began with such a table.
    left: RefCell<Vec<Weak<Connections>>>,
    callers: RefCell<Vec<Weak<Watch>>>,
    state: Cell<State>,
    looks: Cell<u32>,
    random: Cell<u64>,
}

impl Worker {
    pub(crate) fn new(fixed: Arc<Fixed>, table: Arc<Table>, seen: Arc<Seen>, began: Instant) -> Rc<Self> {
        let time = Time::since(began);
        let serving = Serving::new(table, None, (&seen.counters, &time, &fixed.limits));
        Rc::new(Self {
            fixed,
            time,
            seen,
            serving: RefCell::new(serving),
            left: RefCell::default(),
            callers: RefCell::default(),
            state: Cell::new(State::Serving),
            looks: Cell::new(0),
            random: Cell::new(evergrant_drive::random_seed() | 1),
        })
    }

    /// What it counts.
    pub(crate) fn counters(&self) -> &Counters {
        &self.seen.counters
    }

    /// What a request that begins now is served by.
    pub(crate) fn serving(&self) -> Rc<Serving> {
        Rc::clone(&self.serving.borrow())
    }

    /// Requests that begin from now on are served by this table.
    pub(crate) fn swap(&self, table: Arc<Table>) {
        let before = self.serving();
        let of_this = (self.counters(), &self.time, &self.fixed.limits);
        let next = Serving::new(table, Some(&before), of_this);
        self.left.borrow_mut().extend(before.left_by(&next).map(Rc::downgrade));
        self.serving.replace(next);
    }

    pub(crate) const fn state(&self) -> State {
        self.state.get()
    }

    /// Tells every connection.
    pub(crate) fn set_state(&self, state: State) {
        self.state.set(state);
        self.each_caller(Watch::wake);
    }

    /// Some number: what is drawn by it need not be secret.
    pub(crate) fn draw(&self) -> u64 {
        // xorshift64, George Marsaglia 2003
        let mut number = self.random.get();
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        self.random.set(number);
        number
    }

    /// Looks at this connection from now on, until it is dropped.
    pub(crate) fn list(&self, watch: &Rc<Watch>) {
        self.callers.borrow_mut().push(Rc::downgrade(watch));
    }

    /// Whether there is no connection to look at.
    pub(crate) fn is_alone(&self) -> bool {
        self.callers.borrow().is_empty()
    }

    /// Whether no connection was handed to it: one that was may not have begun.
    pub(crate) fn is_idle(&self) -> bool {
        self.seen.load.load(Ordering::Relaxed) == 0
    }

    fn each_caller(&self, mut tell: impl FnMut(&Watch)) {
        self.callers.borrow_mut().retain(|watch| {
            let watch = watch.upgrade();
            if let Some(watch) = &watch {
                tell(watch);
            }
            watch.is_some()
        });
    }

    /// Looks at the clock, and at every connection.
    pub(crate) fn look(&self) {
        self.time.look();
        self.looks.set(self.looks.get().wrapping_add(1));
        let looks_for_callers = self.looks.get().is_multiple_of(CALLERS);
        let limits: &Limits = &self.fixed.limits;
        let mut idlest = u64::MAX;
        self.each_caller(|watch| {
            watch.look(limits, looks_for_callers);
            idlest = idlest.min(watch.idle_since().map_or(u64::MAX, milliseconds));
        });
        if looks_for_callers {
            self.serving().look();
            self.look_at_left();
        }
        self.seen.idlest.store(idlest, Ordering::Relaxed);
        self.seen.looked.store(milliseconds(self.time.now()), Ordering::Relaxed);
    }

    /// A stream may last for hours, and what its table has at rest meanwhile is closed as soon as all else is.
    fn look_at_left(&self) {
        self.left.borrow_mut().retain(|left| {
            let left = left.upgrade();
            if let Some(left) = &left {
                left.look();
            }
            left.is_some()
        });
    }

    /// Closes the connection that is idle longest.
    pub(crate) fn close_idlest(&self) {
        let idlest = {
            let callers = self.callers.borrow();
            let at_rest = callers.iter().filter_map(Weak::upgrade).filter(|watch| watch.is_at_rest());
            at_rest.min_by_key(|watch| watch.idle_since())
        };
        if let Some(idlest) = idlest {
            idlest.leave();
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
