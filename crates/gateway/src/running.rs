//! A gateway that runs: a thread that accepts, and workers that serve.

use crate::admin::{self, Admin};
use crate::counts::Counts;
use crate::crew::{Crew, Place, Seen};
use crate::health::Health;
use crate::keepers::Keepers;
use crate::listener::bind::{Accepting, Bound};
use crate::listener::{Address, Listener, NO_ROOM, ServeError};
use crate::reload::{Listening, Reload, Reloads, Served, Swap};
use crate::stream::Accepted;
use crate::table::{Current, Fixed, Table};
use crate::worker::State;
use crate::working::{Told, work};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

/// How often is looked whether what was in flight has ended.
const LOOK: Duration = Duration::from_millis(20);

/// No grace is longer, and no clock of a system ends before that.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// What is to be started.
pub(crate) struct Plan {
    pub(crate) fixed: Arc<Fixed>,
    pub(crate) table: Arc<Table>,
    /// What each listener was bound to.
    pub(crate) bound: Vec<(Listener, Vec<Bound>)>,
    /// The same of those for tokens.
    pub(crate) issuing: Vec<(Listener, Vec<Bound>)>,
    pub(crate) admin: Option<Admin>,
    pub(crate) workers: usize,
    pub(crate) log_thread: Option<JoinHandle<()>>,
}

/// What it is told from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Serve,
    /// New connections until then; what is in flight ends.
    Drain(Instant),
    Stop,
}

/// A gateway that runs. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<Address>,
    /// Those of them that are reached over TLS.
    secured: Vec<Address>,
    issuing: Vec<Address>,
    admin: Option<Result<SocketAddr, io::Error>>,
    wish: watch::Sender<Wish>,
    crew: Arc<Crew>,
    swap: Arc<Swap>,
    ended: Arc<Ended>,
}

/// Whether all threads have ended, and whether everything was answered.
#[derive(Debug, Default)]
struct Ended {
    whole: Mutex<Option<bool>>,
    told: Condvar,
}

impl Ended {
    fn tell(&self, whole: bool) {
        *self.whole.lock().unwrap_or_else(PoisonError::into_inner) = Some(whole);
        self.told.notify_all();
    }

    fn wait(&self) -> bool {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *whole {
                Some(whole) => return whole,
                None => whole = self.told.wait(whole).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Running {
    /// Where it listens: ports that the system chose are known here.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Whether one of these is reached over TLS.
    pub fn is_secured(&self, address: &Address) -> bool {
        self.secured.contains(address)
    }

    /// Where it gives out tokens, likewise.
    pub fn issuing(&self) -> &[Address] {
        &self.issuing
    }

    /// Where health and metrics are; `None` if nobody asked for them.
    ///
    /// # Errors
    /// The address cannot be used: the gateway serves without them.
    pub fn admin(&self) -> Option<Result<SocketAddr, &io::Error>> {
        self.admin.as_ref().map(|admin| admin.as_ref().copied())
    }

    /// Whether it may be sent requests: each source that it began with has had its first token, and it is not being drained.
    pub fn is_ready(&self) -> bool {
        self.swap.health.is_ready()
    }

    /// Serves other routes from now on, and lets others in: swapped whole, and not at all where there is a fault. When this returns each
    /// request whose head comes is served by the new table; those that have begun end with the old one, with its clients and its
    /// connections. A source that both have a clone of keeps its token, and connections to an API that both lead to, with the same roots,
    /// are kept. One that comes has its first token asked for before the swap, while the old routes serve ([`Reload::warm_up`]), and
    /// does not make the gateway unready. What was counted of a route that stays goes on being counted.
    ///
    /// Returns the addresses that take a restart: those where it does not listen, those that were not listed, those that get TLS or lose it,
    /// and a Unix socket that was for its own user alone, or is to be. What is bound there stays as it is until then; who may use one that
    /// was listed is new, and one that was not is opened by no key that has gone ([`Reload::listeners`]).
    ///
    /// ```no_run
    /// # fn reread() -> Result<Vec<evergrant_gateway::Route>, String> { Err("line 3".into()) }
    /// # fn reload(running: &evergrant_gateway::Running) -> Result<(), evergrant_gateway::ServeError> {
    /// match reread() {
    ///     Ok(routes) => drop(running.reload(evergrant_gateway::Reload::new(routes))?),
    ///     // Whoever looks at its status or its metrics finds it there.
    ///     Err(fault) => running.reload_failed(&fault),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Two routes of one path, an access that does not suit its address, certificates that cannot be used, or the gateway is ending: nothing
    /// has changed then.
    ///
    /// # Blocking
    /// Until first tokens are there, within the time for that, and until each worker has the table, some milliseconds. One reload waits for
    /// another.
    pub fn reload(&self, reload: Reload) -> Result<Vec<Address>, ServeError> {
        self.swap.reload(reload)
    }

    /// Tells its status, metrics and log that there were to be other routes and there cannot be: why, in words without secrets. At most 4
    /// KiB are kept of them.
    pub fn reload_failed(&self, fault: &str) {
        self.swap.failed(fault);
    }

    /// What was counted since it began.
    pub fn counts(&self) -> Counts {
        self.crew.counts()
    }

    /// It is not ready any more, goes on accepting for `grace`, then closes its listeners and what is at rest, and ends with what is in
    /// flight, which it waits for within [`Limits::drain_time`](crate::Limits::drain_time). A second call changes nothing but to a
    /// shorter grace.
    pub fn drain(&self, grace: Duration) {
        let now = Instant::now();
        let then = now.checked_add(grace.min(FOR_EVER)).unwrap_or(now);
        self.wish.send_if_modified(|wish| {
            let is_sooner = match wish {
                Wish::Serve => true,
                Wish::Drain(known) => then < *known,
                Wish::Stop => false,
            };
            if is_sooner {
                *wish = Wish::Drain(then);
            }
            is_sooner
        });
    }

    /// Ends at once, whatever is in flight.
    pub fn stop(&self) {
        self.wish.send_replace(Wish::Stop);
    }

    /// Waits until it has ended, after [`drain`](Self::drain) or [`stop`](Self::stop). Whether everything in flight was answered.
    ///
    /// # Blocking
    /// As long as it serves.
    pub fn wait(&self) -> bool {
        self.ended.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        self.ended.wait();
    }
}

impl Plan {
    /// Starts all threads.
    pub(crate) fn start(self) -> Result<Running, ServeError> {
        let Self { fixed, table, bound, issuing, admin, workers, log_thread } = self;
        let began = Instant::now();
        let seen: Vec<_> = (0..workers).map(|_| Seen::new()).collect();
        let crew = Arc::new(Crew { seen, began });
        let (mut told, mut threads) = (Vec::new(), Vec::new());
        for seen in &crew.seen {
            let (tell, listen) = unbounded_channel();
            let (served, seen) = ((Arc::clone(&fixed), Arc::clone(&table)), Arc::clone(seen));
            let run = move || work(served, seen, began, listen);
            let thread = thread::Builder::new().name("evergrant-worker".into()).spawn(run);
            threads.push(thread.map_err(ServeError::Start)?);
            told.push(tell);
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ServeError::Start)?;
        let health = Health::new(admin.as_ref().is_some_and(Admin::is_ready_when_listening));
        let keepers = Keepers::new(runtime.handle().clone(), Arc::clone(&health));
        let (wish, wishes) = watch::channel(Wish::Serve);
        let ended = Arc::<Ended>::default();
        let listening: Vec<Listening> = bound
            .iter()
            .map(|(listener, bound)| Listening::new(listener, bound, false))
            .chain(issuing.iter().map(|(listener, bound)| Listening::new(listener, bound, true)))
            .collect();
        let at = |is_for_tokens: bool| {
            let listening = listening.iter().filter(move |one| one.is_for_tokens == is_for_tokens);
            listening.flat_map(|one| one.addresses.clone()).collect()
        };
        let (addresses, issuing_at) = (at(false), at(true));
        let secured = listening.iter().filter(|one| one.listener.tls.is_some());
        let secured = secured.flat_map(|one| one.addresses.clone()).collect();
        let swap = Arc::new(Swap {
            served: Served {
                fixed: Arc::clone(&fixed),
                current: Arc::new(Current::new(Arc::clone(&table))),
                reloads: Arc::<Reloads>::default(),
            },
            health: Arc::clone(&health),
            keepers: Arc::clone(&keepers),
            listening,
            told: told.iter().map(UnboundedSender::downgrade).collect(),
            turn: Mutex::default(),
        });
        let bound = bound.into_iter().chain(issuing).flat_map(|(_, bound)| bound).collect();
        let admin = admin.map(Admin::bind);
        let (admin_address, admin) = match admin {
            Some(Ok((address, bound))) => (Some(Ok(address)), Some(bound)),
            Some(Err(error)) => (Some(Err(error)), None),
            None => (None, None),
        };
        let control = Control {
            fixed: Arc::clone(&fixed),
            crew: Arc::clone(&crew),
            health,
            told,
            wishes,
            places: Arc::new(Semaphore::new(fixed.limits.connections.min(Semaphore::MAX_PERMITS))),
        };
        let served = swap.served.clone();
        let done = Arc::clone(&ended);
        let run = move || {
            // Whatever happens here, whoever waits is told.
            let _told = TellAtLast(&done);
            keepers.keep_alone(&table.sources);
            let whole = runtime.block_on(control.run(bound, admin.map(|admin| (admin, served))));
            keepers.end();
            // A look-up that hangs on a dead name server is not waited for.
            runtime.shutdown_background();
            for thread in threads {
                let _panicked = thread.join();
            }
            if let (Some(log), Some(thread)) = (&fixed.log, log_thread) {
                log.end(&thread);
            }
            done.tell(whole);
        };
        thread::Builder::new().name("evergrant-gateway".into()).spawn(run).map_err(ServeError::Start)?;
        Ok(Running { addresses, secured, issuing: issuing_at, admin: admin_address, wish, crew, swap, ended })
    }
}

/// Tells that it has ended, also after a panic.
struct TellAtLast<'a>(&'a Ended);

impl Drop for TellAtLast<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.tell(false);
        }
    }
}

/// The thread that accepts, and sees to everything that is no request.
#[derive(Clone)]
struct Control {
    fixed: Arc<Fixed>,
    crew: Arc<Crew>,
    health: Arc<Health>,
    told: Vec<UnboundedSender<Told>>,
    wishes: watch::Receiver<Wish>,
    places: Arc<Semaphore>,
}

impl Control {
    /// Whether everything in flight was answered.
    async fn run(mut self, bound: Vec<Bound>, admin: Option<(admin::Bound, Served)>) -> bool {
        let mut jobs = JoinSet::new();
        if let Some((admin, served)) = admin {
            jobs.spawn(admin.serve(self.health.clone(), Arc::clone(&self.crew), served));
        }
        let mut listeners = JoinSet::new();
        for (place, bound) in bound.into_iter().enumerate() {
            listeners.spawn(self.clone().accept(place, bound));
        }
        let whole = self.until_told().await;
        self.health.drain();
        let whole = whole && self.drain(&mut listeners).await;
        listeners.shutdown().await;
        jobs.shutdown().await;
        // Workers end when nobody can tell them anything any more.
        self.told.clear();
        whole
    }

    /// Until it is to drain or to stop: whether to drain.
    async fn until_told(&mut self) -> bool {
        let wish = self.wishes.wait_for(|wish| *wish != Wish::Serve).await;
        wish.is_ok_and(|wish| *wish != Wish::Stop)
    }

    /// Ends with what is in flight. Whether all of it has.
    async fn drain(&mut self, listeners: &mut JoinSet<()>) -> bool {
        self.tell(State::Draining);
        grace_is_over(&mut self.wishes).await;
        if *self.wishes.borrow() == Wish::Stop {
            return false;
        }
        let ended = async {
            // What waits to be accepted was accepted by the system.
            while listeners.join_next().await.is_some() {}
            self.tell(State::Closing);
            while self.load() > 0 {
                sleep(LOOK).await;
                self.tell(if self.has_tunnels_alone() { State::Ending } else { State::Closing });
            }
        };
        let stopped = async {
            let mut wishes = self.wishes.clone();
            let _gone = wishes.wait_for(|wish| *wish == Wish::Stop).await.map(drop);
        };
        tokio::select! {
            ended = timeout(self.fixed.limits.drain_time, ended) => ended.is_ok(),
            () = stopped => false,
        }
    }

    fn load(&self) -> usize {
        self.crew.seen.iter().map(|seen| seen.load.load(Ordering::Relaxed)).sum()
    }

    /// Whether nothing else is in flight: tunnels need not end by themselves.
    fn has_tunnels_alone(&self) -> bool {
        usize::try_from(self.crew.counts().tunnels).is_ok_and(|tunnels| tunnels >= self.load())
    }

    fn tell(&self, state: State) {
        for told in &self.told {
            let _gone = told.send(Told::State(state));
        }
    }

    /// Accepts until the grace is over, and then what waits already.
    async fn accept(mut self, door: usize, bound: Bound) {
        let Ok(socket) = bound.socket.accepting() else { return };
        let mut wishes = self.wishes.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                accepted = poll_fn(|cx| socket.poll_accept(cx)) => accepted,
                () = grace_is_over(&mut wishes) => break,
            };
            match accepted {
                Ok(accepted) => self.hand_on(accepted, door).await,
                Err(error) if is_out_of_room(&error) => sleep(NO_ROOM).await,
                // That one has gone.
                Err(_) => {}
            }
        }
        while let Some(accepted) = waiting(&socket) {
            self.hand_on(accepted, door).await;
        }
    }

    /// Hands a connection, by the listener at this place, to the worker with the fewest.
    async fn hand_on(&mut self, accepted: Accepted, door: usize) {
        while self.places.available_permits() == 0 {
            self.close_idlest();
            let _free = timeout(NO_ROOM, self.places.acquire()).await;
        }
        if let Ok(permit) = self.places.try_acquire() {
            permit.forget();
        }
        // A worker that has ended is handed nothing.
        let working = self.crew.seen.iter().zip(&self.told).filter(|(_, told)| !told.is_closed());
        let fewest = working.min_by_key(|(seen, _)| seen.load.load(Ordering::Relaxed));
        if let Some((seen, told)) = fewest {
            let place = Place::take(seen, &self.places);
            let _gone = told.send(Told::Serve(accepted, door, place));
        }
    }

    fn close_idlest(&self) {
        let workers = self.crew.seen.iter().zip(&self.told);
        let idlest = workers.min_by_key(|(seen, _)| seen.idlest.load(Ordering::Relaxed));
        if let Some((seen, told)) = idlest {
            // Another one is chosen until that worker has looked again.
            seen.idlest.store(u64::MAX, Ordering::Relaxed);
            let _gone = told.send(Told::CloseIdlest);
        }
    }
}

/// A connection that waits already.
fn waiting(socket: &Accepting) -> Option<Accepted> {
    match socket.poll_accept(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(accepted) => accepted.ok(),
        Poll::Pending => None,
    }
}

/// Until no new connection is to be accepted.
async fn grace_is_over(wishes: &mut watch::Receiver<Wish>) {
    loop {
        let wish = *wishes.borrow_and_update();
        match wish {
            Wish::Stop => return,
            Wish::Serve => {
                if wishes.changed().await.is_err() {
                    return;
                }
            }
            Wish::Drain(then) => {
                tokio::select! {
                    () = sleep_until(then.into()) => return,
                    // A shorter grace, or none.
                    changed = wishes.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}

fn is_out_of_room(error: &io::Error) -> bool {
    evergrant_http::is_out_of_files(error) || matches!(error.kind(), io::ErrorKind::OutOfMemory)
}
