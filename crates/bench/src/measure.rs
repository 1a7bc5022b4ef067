//! Sides of one group, timed in turns.
//!
//! On a shared machine the same code takes half as long again a second later. So the sides take turns, each turn is some
//! ten microseconds, a turn in which the thread was interrupted does not count, and what is told is the median of the ratios
//! of neighbouring turns.

use rustix::time::{ClockId, clock_gettime};
use std::fmt;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How long a turn takes: far below a time slice, far above what reading the clocks costs.
const TURN: Duration = Duration::from_micros(40);

/// So many undisturbed rounds are enough for a median.
const ROUNDS: usize = 201;

/// No process takes longer for a group, however busy the machine is.
const LONGEST: Duration = Duration::from_secs(4);

/// Does its job as often as it is told.
pub(crate) type Job = Box<dyn FnMut(u64) + Send>;

/// One way to do something.
pub struct Side {
    pub(crate) name: &'static str,
    set_up: Box<dyn Fn() -> Job + Sync>,
}

impl Side {
    /// `set_up` makes what is timed; it is called once for each thread that runs it.
    pub fn new<F, T>(name: &'static str, set_up: impl Fn() -> F + Sync + 'static) -> Self
    where
        F: FnMut() -> T + Send + 'static,
    {
        let set_up = move || -> Job {
            let mut once = set_up();
            Box::new(move |times| {
                for _ in 0..times {
                    black_box(once());
                }
            })
        };
        Self { name, set_up: Box::new(set_up) }
    }

    pub(crate) fn job(&self) -> Job {
        (self.set_up)()
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Sides that are compared; the first one is the measure of the others.
#[derive(Debug)]
pub struct Group {
    pub(crate) title: &'static str,
    pub(crate) threads: usize,
    pub(crate) sides: Vec<Side>,
}

impl Group {
    /// Sides that one thread runs.
    pub fn new(title: &'static str, sides: impl Into<Vec<Side>>) -> Self {
        Self { title, threads: 1, sides: sides.into() }
    }

    /// The same run by so many threads at once, each doing all of it.
    #[must_use]
    pub fn on_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }
}

/// What came of one side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Nanoseconds for one time.
    pub(crate) nanos: f64,
    /// Times the first side.
    pub(crate) ratio: f64,
}

/// The times of each side, over the rounds in which its turn and the first side's were undisturbed; `None` if there was no
/// such round. Beside them, how many there were for the side that had the fewest.
pub(crate) fn time(group: &Group) -> (Vec<Option<Timing>>, usize) {
    let gathering = Gathering::new(group.threads);
    let rounds = thread::scope(|scope| {
        for place in 1..group.threads {
            let gathering = &gathering;
            scope.spawn(move || turns(group, gathering, place));
        }
        turns(group, &gathering, 0)
    });
    let good = |side: usize| rounds.iter().filter_map(move |round| Some((round[side]?, round[0]?)));
    let timings = (0..group.sides.len()).map(|side| {
        let nanos = median(good(side).map(|(nanos, _)| nanos))?;
        let ratio = median(good(side).map(|(nanos, first)| nanos / first))?;
        Some(Timing { nanos, ratio })
    });
    let fewest = (0..group.sides.len()).map(|side| good(side).count()).min();
    (timings.collect(), fewest.unwrap_or(0))
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// One turn of one thread.
#[derive(Clone, Copy, Debug)]
struct Turn {
    begin: Instant,
    end: Instant,
    whole: bool,
}

/// Where the threads of a group meet before and after each turn.
struct Gathering {
    threads: usize,
    arrived: AtomicUsize,
    turns: Mutex<Vec<Option<Turn>>>,
    /// How often each side's job is done in one turn: as often by every thread.
    times: OnceLock<Vec<u64>>,
    over: AtomicUsize,
}

impl Gathering {
    fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
            turns: Mutex::new(vec![None; threads]),
            times: OnceLock::new(),
            over: AtomicUsize::new(0),
        }
    }

    /// Waits for all the others, awake: whoever sleeps begins late.
    fn meet(&self) {
        let mine = self.arrived.fetch_add(1, Ordering::SeqCst);
        let all = (mine / self.threads + 1) * self.threads;
        let mut spins = 0_u32;
        while self.arrived.load(Ordering::SeqCst) < all {
            spins += 1;
            if spins.is_multiple_of(4096) { thread::yield_now() } else { spin_loop() }
        }
    }

    fn put(&self, place: usize, turn: Turn) {
        let mut turns = self.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        turns[place] = Some(turn);
    }

    /// How long the turn took, if every thread was undisturbed, and all were at it at the same time.
    fn took(&self) -> Option<Duration> {
        let turns = self.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let turns: Vec<Turn> = turns.iter().copied().collect::<Option<_>>()?;
        let longest = turns.iter().map(|turn| turn.end - turn.begin).max()?;
        let (begin, end) = (turns.iter().map(|turn| turn.begin).max()?, turns.iter().map(|t| t.end).min()?);
        let together = end.saturating_duration_since(begin) * 10 >= longest * 8;
        (together && turns.iter().all(|turn| turn.whole)).then_some(longest)
    }
}

/// The rounds, as nanoseconds for each side whose turn was undisturbed; only the first thread knows them.
fn turns(group: &Group, gathering: &Gathering, place: usize) -> Vec<Vec<Option<f64>>> {
    let mut jobs: Vec<Job> = group.sides.iter().map(Side::job).collect();
    if place == 0 {
        gathering.times.get_or_init(|| jobs.iter_mut().map(calibrate).collect());
    }
    gathering.meet();
    let times = gathering.times.get().cloned().unwrap_or_default();
    let (mut rounds, mut good, began) = (Vec::new(), vec![0; jobs.len()], Instant::now());
    for first in 0.. {
        let is_enough = good.iter().all(|good| *good >= ROUNDS) || began.elapsed() > LONGEST;
        if place == 0 && is_enough {
            gathering.over.store(1, Ordering::SeqCst);
        }
        gathering.meet();
        if gathering.over.load(Ordering::SeqCst) == 1 {
            break;
        }
        let mut round = vec![None; jobs.len()];
        for side in 0..jobs.len() {
            // Nobody is always the first.
            let side = (first + side) % jobs.len();
            gathering.meet();
            gathering.put(place, turn(&mut jobs[side], times[side]));
            gathering.meet();
            if place == 0 {
                round[side] = gathering.took().map(|took| took.as_nanos() as f64 / times[side] as f64);
            }
        }
        for (good, nanos) in good.iter_mut().zip(&round) {
            *good += usize::from(nanos.is_some() && round[0].is_some());
        }
        rounds.push(round);
    }
    rounds
}

/// How often the job is to be done in one turn. Caches and branch predictors are warm afterwards, too.
fn calibrate(job: &mut Job) -> u64 {
    let mut times = 1;
    loop {
        let begin = Instant::now();
        job(times);
        let took = begin.elapsed();
        if took >= TURN {
            let one = (took.as_nanos() / u128::from(times)).max(1);
            return u64::try_from(TURN.as_nanos() / one).unwrap_or(u64::MAX).max(1);
        }
        times *= 2;
    }
}

fn turn(job: &mut Job, times: u64) -> Turn {
    let before = worked();
    let begin = Instant::now();
    job(times);
    let end = Instant::now();
    let worked = worked().saturating_sub(before);
    // Whoever was interrupted took longer than it worked.
    Turn { begin, end, whole: end - begin <= worked + worked / 20 }
}

/// The processor time of this thread.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
