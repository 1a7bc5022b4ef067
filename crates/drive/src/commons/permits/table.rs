//! The permits as a plain value: who has one, who waits, and who is next.
//!
//! | state of a request | counts in `in_use` | ends with |
//! |---|---|---|
//! | queued | no | a permit is free for its origin, and its turn is the earliest of those that may go |
//! | granted, not taken | yes | it is taken, declined, or lies too long |
//! | being sent | yes | it is given back, or takes too long: whoever sends it is lost |
//!
//! Whenever an input is done, nobody who may go is still queued.

use evergrant_core::{Mono, Origin};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// How many requests may be sent at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// In all.
    pub(crate) total: usize,
    /// To one origin that is known to answer.
    pub(crate) per_origin: usize,
}

impl Limits {
    /// To one origin of which nobody knows whether it answers.
    const fn unproven_origin(self) -> usize {
        let share = self.per_origin / 8;
        if share == 0 { 1 } else { share }
    }

    /// To all such origins together: they must not hold what those need that answer.
    const fn unproven_total(self) -> usize {
        self.total.div_ceil(2)
    }
}

/// Whether an origin answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// It answered, whatever it said.
    Answers,
    /// Nothing came in time, or nobody could be connected to.
    Silent,
    /// The request tells nothing of it.
    Unknown,
}

/// The row of an origin.
pub(super) type Place = usize;

/// The number of one who waits: the lower, the earlier.
pub(super) type Turn = u64;

/// Who is next among origins: of those that answer the earliest turn; of the others first one with the fewest requests in the air, so that
/// many that swallow everything do not keep a new one waiting.
type Rank = (usize, Turn);

/// The number of a permit.
pub(super) type Ticket = u64;

/// How long a permit may be out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Until whoever waited for it takes it.
    pub(super) unclaimed: Duration,
    /// While its request is being sent.
    pub(super) sent: Duration,
}

/// Those who got a permit by waiting.
pub(super) type Grants<A> = VecDeque<(A, Ticket)>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Permit(Ticket),
    Queued(Turn),
    Resting(Mono),
}

pub(super) struct Table<A> {
    limits: Limits,
    times: Times,
    in_use: usize,
    /// Of these, to origins of which nobody knows whether they answer.
    in_use_unproven: usize,
    rows: Vec<Row<A>>,
    places: HashMap<Origin, Place>,
    free: Vec<Place>,
    turns: u64,
    /// The first in line of each origin that has room: of those that answer, and of the others.
    heads: [BTreeMap<Rank, Place>; 2],
    tickets: Ticket,
    unclaimed: Out,
    sent: Out,
    latest: Mono,
}

/// Permits that are out, for one and the same time at most.
#[derive(Default)]
struct Out {
    places: HashMap<Ticket, Place>,
    /// Since when they are, in that order; with some that came back long ago.
    order: VecDeque<(Mono, Ticket)>,
}

impl Out {
    fn put(&mut self, now: Mono, ticket: Ticket, place: Place) {
        self.places.insert(ticket, place);
        self.order.push_back((now, ticket));
    }

    fn take(&mut self, ticket: Ticket) -> Option<Place> {
        self.places.remove(&ticket)
    }

    /// Takes back one that is out for too long.
    fn take_overdue(&mut self, now: Mono, time: Duration) -> Option<Place> {
        while let Some(&(since, ticket)) = self.order.front() {
            let is_out = self.places.contains_key(&ticket);
            if is_out && since.after(time) > now {
                return None;
            }
            self.order.pop_front();
            if is_out {
                return self.take(ticket);
            }
        }
        None
    }
}

struct Row<A> {
    origin: Origin,
    sources: usize,
    in_use: usize,
    answers: bool,
    /// When the latest request was sent that it answered.
    answered: Mono,
    rests_until: Mono,
    queue: BTreeMap<Turn, A>,
    /// As what it stands among the heads.
    head: Option<Rank>,
}

impl<A> Table<A> {
    pub(super) fn new(limits: Limits, times: Times) -> Self {
        Self {
            limits,
            times,
            in_use: 0,
            in_use_unproven: 0,
            rows: Vec::new(),
            places: HashMap::new(),
            free: Vec::new(),
            turns: 0,
            heads: [BTreeMap::new(), BTreeMap::new()],
            tickets: 0,
            unclaimed: Out::default(),
            sent: Out::default(),
            latest: Mono::ZERO,
        }
    }

    pub(super) const fn in_use(&self) -> usize {
        self.in_use
    }

    /// One source more has its token endpoint there.
    pub(super) fn enter(&mut self, origin: &Origin) -> Place {
        if let Some(&place) = self.places.get(origin) {
            self.change(place, |row| row.sources += 1);
            return place;
        }
        let row = Row {
            origin: origin.clone(),
            sources: 1,
            in_use: 0,
            answers: false,
            answered: Mono::ZERO,
            rests_until: Mono::ZERO,
            queue: BTreeMap::new(),
            head: None,
        };
        let place = self.free.pop().unwrap_or(self.rows.len());
        match self.rows.get_mut(place) {
            Some(free) => *free = row,
            None => self.rows.push(row),
        }
        self.places.insert(origin.clone(), place);
        place
    }

    /// A source is gone, with the place that it had in the queue.
    pub(super) fn leave(&mut self, place: Place, turn: Option<Turn>) {
        self.change(place, |row| {
            row.sources = row.sources.saturating_sub(1);
            turn.and_then(|turn| row.queue.remove(&turn));
        });
        self.stand_in_line(place);
        self.forget_if_unused(place);
    }

    /// A source wants to send: one that has this ticket, waits already, or neither.
    pub(super) fn apply(
        &mut self,
        now: Mono,
        place: Place,
        ticket: Option<Ticket>,
        queued: Option<Turn>,
        applicant: impl FnOnce() -> A,
    ) -> (Answer, Grants<A>) {
        self.latest = self.latest.max(now);
        if let Some(until) = self.rows.get(place).map(|row| row.rests_until).filter(|until| *until > now) {
            return (Answer::Resting(until), Grants::new());
        }
        if let Some(ticket) = ticket.filter(|ticket| self.unclaimed.take(*ticket).is_some()) {
            self.sent.put(self.latest, ticket, place);
            return (Answer::Permit(ticket), Grants::new());
        }
        self.take_back_what_is_overdue();
        let mut grants = self.dispatch();
        if queued.is_none()
            && self.may_go(place)
            && self.rows.get(place).is_some_and(|row| row.queue.is_empty())
        {
            let ticket = self.use_one(place);
            self.sent.put(self.latest, ticket, place);
            return (Answer::Permit(ticket), grants);
        }
        if let Some(turn) = queued {
            return (Answer::Queued(turn), grants);
        }
        self.turns += 1;
        let turn = self.turns;
        self.change(place, |row| {
            row.queue.insert(turn, applicant());
        });
        self.stand_in_line(place);
        grants.append(&mut self.dispatch());
        (Answer::Queued(turn), grants)
    }

    /// Whoever got this ticket does not want it, or is gone.
    pub(super) fn decline(&mut self, ticket: Ticket) -> Grants<A> {
        let place = self.unclaimed.take(ticket);
        self.came_back(place)
    }

    /// A request has ended.
    pub(super) fn give_back(&mut self, ticket: Ticket) -> Grants<A> {
        let place = self.sent.take(ticket);
        self.came_back(place)
    }

    /// A permit came back; none, if it was taken back before.
    fn came_back(&mut self, place: Option<Place>) -> Grants<A> {
        let Some(place) = place else { return Grants::new() };
        self.free_one(place);
        let grants = self.dispatch();
        self.forget_if_unused(place);
        grants
    }

    /// What a request told of its origin that was sent then.
    pub(super) fn learn(&mut self, place: Place, reach: Reach, sent: Mono) -> Grants<A> {
        let Some(row) = self.rows.get_mut(place) else { return Grants::new() };
        let answers = match reach {
            Reach::Answers => {
                row.answered = row.answered.max(sent);
                true
            }
            // It has answered one that was sent later: it is this client alone that it keeps waiting.
            Reach::Silent if row.answers && row.answered > sent => return Grants::new(),
            Reach::Silent => false,
            Reach::Unknown => return Grants::new(),
        };
        if row.answers == answers {
            return Grants::new();
        }
        row.answers = answers;
        let in_use = row.in_use;
        if answers {
            self.in_use_unproven = self.in_use_unproven.saturating_sub(in_use);
        } else {
            self.in_use_unproven += in_use;
        }
        self.stand_in_line(place);
        self.dispatch()
    }

    /// No client sends anything to that origin before.
    pub(super) fn rest(&mut self, place: Place, until: Mono) {
        self.change(place, |row| row.rests_until = row.rests_until.max(until));
    }

    fn change(&mut self, place: Place, change: impl FnOnce(&mut Row<A>)) {
        if let Some(row) = self.rows.get_mut(place) {
            change(row);
        }
    }

    fn may_go(&self, place: Place) -> bool {
        let Some(row) = self.rows.get(place) else { return false };
        self.has_room(row) && self.has_share(row.answers)
    }

    const fn has_room(&self, row: &Row<A>) -> bool {
        row.in_use < if row.answers { self.limits.per_origin } else { self.limits.unproven_origin() }
    }

    const fn has_share(&self, answers: bool) -> bool {
        let for_the_unproven = self.in_use_unproven < self.limits.unproven_total();
        self.in_use < self.limits.total && (answers || for_the_unproven)
    }

    fn use_one(&mut self, place: Place) -> Ticket {
        if let Some(row) = self.rows.get_mut(place) {
            row.in_use += 1;
            self.in_use += 1;
            self.in_use_unproven += usize::from(!row.answers);
        }
        self.stand_in_line(place);
        self.tickets += 1;
        self.tickets
    }

    fn free_one(&mut self, place: Place) {
        let Some(row) = self.rows.get_mut(place) else { return };
        row.in_use = row.in_use.saturating_sub(1);
        self.in_use = self.in_use.saturating_sub(1);
        self.in_use_unproven = self.in_use_unproven.saturating_sub(usize::from(!row.answers));
        self.stand_in_line(place);
    }

    /// Lists the origin among the heads if somebody waits there and it has room, and not otherwise.
    fn stand_in_line(&mut self, place: Place) {
        let Some(row) = self.rows.get(place) else { return };
        let (old, answers) = (row.head, row.answers);
        let rank = |turn| if answers { (0, turn) } else { (row.in_use, turn) };
        let head = row.queue.keys().next().copied().filter(|_| self.has_room(row)).map(rank);
        if let Some(old) = old {
            self.heads.iter_mut().for_each(|heads| {
                heads.remove(&old);
            });
        }
        if let (Some(turn), [proven, unproven]) = (head, &mut self.heads) {
            if answers { proven } else { unproven }.insert(turn, place);
        }
        self.change(place, |row| row.head = head);
    }

    /// Gives what is free to those who wait, first come first served.
    fn dispatch(&mut self) -> Grants<A> {
        let mut grants = Grants::new();
        while let Some(place) = self.next() {
            let Some((_, applicant)) = self.rows.get_mut(place).and_then(|row| row.queue.pop_first()) else {
                break;
            };
            let ticket = self.use_one(place);
            self.unclaimed.put(self.latest, ticket, place);
            grants.push_back((applicant, ticket));
        }
        grants
    }

    /// The origin whose first in line is the earliest of those that may go.
    fn next(&self) -> Option<Place> {
        let [proven, unproven] = &self.heads;
        let first = |heads: &BTreeMap<Rank, Place>, answers| {
            let first = heads.first_key_value().map(|((_, turn), place)| (*turn, *place));
            first.filter(|_| self.has_share(answers))
        };
        first(proven, true).into_iter().chain(first(unproven, false)).min().map(|(_, place)| place)
    }

    fn take_back_what_is_overdue(&mut self) {
        let (latest, times) = (self.latest, self.times);
        let overdue = |table: &mut Self| {
            let unclaimed = table.unclaimed.take_overdue(latest, times.unclaimed);
            unclaimed.or_else(|| table.sent.take_overdue(latest, times.sent))
        };
        while let Some(place) = overdue(self) {
            self.free_one(place);
            self.forget_if_unused(place);
        }
    }

    fn forget_if_unused(&mut self, place: Place) {
        let Some(row) = self.rows.get_mut(place) else { return };
        if row.sources > 0 || row.in_use > 0 || self.places.get(&row.origin) != Some(&place) {
            return;
        }
        // Those who waited are gone with their sources.
        row.queue.clear();
        let origin = row.origin.clone();
        self.stand_in_line(place);
        self.places.remove(&origin);
        self.free.push(place);
    }
}
