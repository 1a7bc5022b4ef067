//! A secret that is read for each request, on a thread of the scheduler's own: one read at a time, and whoever waits for it is woken,
//! whenever it ends and whatever becomes of the flight that began it.

use super::*;
use evergrant_core::{SecretText, SourceError};
use evergrant_drive::SecretSource;

/// A place that takes its time, and counts who reads it at once.
#[derive(Clone, Default)]
struct Place {
    reading: Arc<AtomicU32>,
    reads: Arc<AtomicU32>,
}

impl Place {
    fn reads(&self) -> u32 {
        self.reads.load(Ordering::SeqCst)
    }
}

impl SecretSource for Place {
    fn read(&self, _: Duration) -> Result<SecretText, SourceError> {
        // A panic in here would be an error of the source like any other: the count stands for it.
        if self.reading.fetch_add(1, Ordering::SeqCst) > 0 {
            self.reads.fetch_add(1000, Ordering::SeqCst);
        }
        thread::yield_now();
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.reading.fetch_sub(1, Ordering::SeqCst);
        Ok(SecretText::new("secret"))
    }
}

fn live(place: &Place) -> Settings {
    Settings::new(client(ClientAuth::post_live("id").unwrap())).secret(place.clone())
}

#[test]
fn i35_a_read_that_ends_while_its_flight_is_dropped_strands_nobody() {
    try_all(|| {
        let place = Place::default();
        let world = World::of(live(&place), ManualClock::new());
        // Before the read, during it, after it, or while the request is under way.
        world.fate(Fate::Shutdown(thread_rng().gen_range(0..6_u32)));
        let first = world.source();
        let mut first = Box::pin(first.token(None));
        let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        world.fate(Fate::Run);
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let source = world.source();
                spawn(async move { source.token(None).await.map(|token| number(&token)) })
            })
            .collect();
        let ticking = spawn(world.tick());
        for task in tasks {
            assert!(block_on(task).unwrap().is_ok());
        }
        block_on(ticking).unwrap();
        drop(first);
        assert!(world.sent() <= 2 && (1..=2).contains(&place.reads()), "{} reads", place.reads());
        world.is_empty();
    });
}

#[test]
fn flights_of_two_sources_join_one_read_on_a_task_and_on_a_thread() {
    try_all(|| {
        let place = Place::default();
        // Clones of the settings share the place, and whatever is read there at the moment.
        let settings = live(&place);
        let [one, other] = [(); 2].map(|()| World::of(settings.clone(), ManualClock::new()));
        let source = one.source();
        let task = spawn(async move { source.token(None).await.map(|token| number(&token)) });
        let blocking = BlockingSource::over(Arc::clone(&other.shared), other.stage.clone());
        let thread = thread::spawn(move || blocking.token(None).map(|token| number(&token)));
        assert_eq!(block_on(task).unwrap(), Ok(1));
        assert_eq!(thread.join().unwrap(), Ok(1));
        assert!((1..=2).contains(&place.reads()), "{} reads", place.reads());
        assert_eq!((one.sent(), other.sent()), (1, 1));
    });
}

#[test]
fn a_rotation_while_a_secret_is_read_leaves_nobody_behind() {
    try_all(|| {
        let place = Place::default();
        let world = World::of(live(&place), ManualClock::new());
        let source = world.source();
        let asking = spawn(async move { source.token(None).await.map(|token| number(&token)) });
        let rotating = {
            let world = world.clone();
            spawn(async move { world.shared.rotate(auth(), Rotation::Drop) })
        };
        block_on(rotating).unwrap();
        let source = world.source();
        let again = spawn(async move { source.token(None).await.map(drop) });
        let ticking = spawn(world.tick());
        assert!(block_on(asking).unwrap().is_ok() && block_on(again).unwrap().is_ok());
        block_on(ticking).unwrap();
        assert!(world.sent() <= 2 && place.reads() <= 1, "{} reads", place.reads());
        world.is_empty();
    });
}
