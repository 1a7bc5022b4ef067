//! Who may send a token request at this moment, where many clients share one process: so many at once, so many to one origin, first
//! come first served.

mod table;

use crate::contained::contained;
use crate::sync::Mutex;
use evergrant_core::{Mono, Origin};
use std::fmt;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use table::{Answer, Grants, Place, Table, Ticket, Times, Turn};

pub(crate) use table::{Limits, Reach};

/// How long a permit waits for whoever asked for it. One that is not taken by then is given to somebody else: a task that is never
/// polled again must not keep it. So often somebody who waits looks for such.
pub(crate) const UNCLAIMED: Duration = Duration::from_secs(1);

/// A source that may be given a permit.
pub(crate) trait Applicant: Send + Sync {
    /// It has one.
    ///
    /// # Errors
    /// Nobody is there any more who would send something.
    fn granted(&self, granted: Granted) -> Result<(), Granted>;
}

type Waiting = Weak<dyn Applicant>;

/// All permits of one pool.
pub(crate) struct Permits(Mutex<Table<Waiting>>);

impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permits")
    }
}

impl Permits {
    /// With so long a time for one request, after which it is lost.
    pub(crate) fn new(limits: Limits, sent: Duration) -> Arc<Self> {
        let times = Times { unclaimed: UNCLAIMED, sent };
        Arc::new(Self(Mutex::new(Table::new(limits, times))))
    }

    /// One source more has its token endpoint at this origin.
    pub(crate) fn berth(self: &Arc<Self>, origin: &Origin) -> Berth {
        Berth { permits: Arc::clone(self), place: self.lock(|table| table.enter(origin)) }
    }

    /// The permits that are not free.
    pub(crate) fn in_use(&self) -> usize {
        self.lock(|table| table.in_use())
    }

    fn lock<R>(&self, input: impl FnOnce(&mut Table<Waiting>) -> R) -> R {
        input(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells those who got one, without the lock. What one of them does not take goes on to the next: in a loop, since many of them
    /// may be gone.
    fn tell(self: &Arc<Self>, mut grants: Grants<Waiting>) {
        while let Some((applicant, ticket)) = grants.pop_front() {
            let mut declined = Some(Granted { permits: Arc::clone(self), ticket: Some(ticket) });
            if let Some(applicant) = applicant.upgrade() {
                contained(|| {
                    declined = declined.take().and_then(|granted| applicant.granted(granted).err());
                });
                // It may have become the last share.
                contained(|| drop(applicant));
            }
            if let Some(ticket) = declined.and_then(|mut granted| granted.ticket.take()) {
                grants.append(&mut self.lock(|table| table.decline(ticket)));
            }
        }
    }
}

/// The place of a source among the origins.
#[derive(Debug)]
pub(crate) struct Berth {
    permits: Arc<Permits>,
    place: Place,
}

/// How far a source is with its next request.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// It has not asked for a permit.
    #[default]
    Ashore,
    /// It has asked, and waits.
    Queued(Turn),
    /// It has got one, and has not taken it yet.
    Granted(Granted),
}

/// What a source that wants to send gets.
#[derive(Debug)]
pub(crate) enum Application {
    /// The right to send one request.
    Permitted(Permit),
    /// It waits in the queue, and is told.
    Queued,
    /// All clients of this origin rest until then.
    Resting(Mono),
}

impl Berth {
    /// A source wants to send, and stands at this stage. What comes of it for others is to be dropped outside of any lock.
    pub(crate) fn apply(
        &self,
        now: Mono,
        stage: &mut Stage,
        applicant: impl FnOnce() -> Waiting,
    ) -> (Application, Option<Told>) {
        let before = std::mem::take(stage);
        let (mut ticket, queued) = match before {
            Stage::Ashore => (None, None),
            Stage::Queued(turn) => (None, Some(turn)),
            // Taken, rather than dropped: that would give it back.
            Stage::Granted(mut granted) => (granted.ticket.take(), None),
        };
        let (answer, mut grants) =
            self.permits.lock(|table| table.apply(now, self.place, ticket, queued, applicant));
        let application = match answer {
            Answer::Permit(number) => {
                ticket = None;
                let (permits, place) = (Arc::clone(&self.permits), self.place);
                Application::Permitted(Permit { permits, place, ticket: number })
            }
            Answer::Queued(turn) => {
                *stage = Stage::Queued(turn);
                Application::Queued
            }
            Answer::Resting(until) => {
                // Its place in the queue is still there.
                *stage = queued.map_or(Stage::Ashore, Stage::Queued);
                Application::Resting(until)
            }
        };
        if let Some(ticket) = ticket {
            grants.append(&mut self.permits.lock(|table| table.decline(ticket)));
        }
        let told = (!grants.is_empty()).then(|| Told { permits: Arc::clone(&self.permits), grants });
        (application, told)
    }

    /// The source is gone, at this stage. What it had been granted is dropped outside of any lock.
    pub(crate) fn leave(&self, stage: Stage) -> Option<Granted> {
        let (turn, granted) = match stage {
            Stage::Ashore => (None, None),
            Stage::Queued(turn) => (Some(turn), None),
            Stage::Granted(granted) => (None, Some(granted)),
        };
        self.permits.lock(|table| table.leave(self.place, turn));
        granted
    }
}

/// A permit that was given to whoever waited for it. Dropped, it goes to the next one.
#[derive(Debug)]
pub(crate) struct Granted {
    permits: Arc<Permits>,
    /// `None` once it was taken.
    ticket: Option<Ticket>,
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.permits.tell(self.permits.lock(|table| table.decline(ticket)));
        }
    }
}

/// The right to send one token request. Dropped, it goes to the next one.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Arc<Permits>,
    place: Place,
    ticket: Ticket,
}

impl Permit {
    /// What the request told of its origin that was sent then.
    pub(crate) fn learn(&self, reach: Reach, sent: Mono) {
        self.permits.tell(self.permits.lock(|table| table.learn(self.place, reach, sent)));
    }

    /// No client sends anything to that origin before.
    pub(crate) fn rest(&self, until: Mono) {
        self.permits.lock(|table| table.rest(self.place, until));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permits.tell(self.permits.lock(|table| table.give_back(self.ticket)));
    }
}

/// Those who got a permit because of somebody else. They are told when this is dropped.
pub(crate) struct Told {
    permits: Arc<Permits>,
    grants: Grants<Waiting>,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("grants", &self.grants.len()).finish_non_exhaustive()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.permits.tell(std::mem::take(&mut self.grants));
    }
}

#[cfg(test)]
mod tests;
