//! What the tests share: a source over a manual clock, and a waker that counts.

use crate::clock::{Clock, ManualClock};
use crate::identity::CertifiedKey;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::store::{BlockingStore, SealedStore, Sealing, Store, StoreFuture, TokenSeal};
use evergrant_core::fleet::{
    Have, Name, Operation, Print, Reply, Sealed, StoreError, StoreTime, Table, Unsealed,
};
use evergrant_core::{
    AccessToken, Binding, Client, ClientAuth, ConfigError, Grant, Now, Origin, Outcome, Policy, Provider,
    Thumbprint,
};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Wake, Waker};
use std::time::Duration;

thread_local! {
    /// How often this thread rendered a value.
    pub(crate) static RENDERED: AtomicU32 = const { AtomicU32::new(0) };
}

/// Runs this under a subscriber of its own.
///
/// As long as there is one subscriber alone, tracing asks the default of whatever thread comes to an event first whether anybody
/// listens, and keeps the answer for all threads: there is always another one.
pub(crate) fn subscribed<R>(
    subscriber: impl tracing::Subscriber + Send + Sync,
    run: impl FnOnce() -> R,
) -> R {
    static ANOTHER: LazyLock<tracing::Dispatch> =
        LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&ANOTHER);
    tracing::subscriber::with_default(subscriber, run)
}

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn auth(id: &str) -> ClientAuth {
    ClientAuth::post(id, "a secret of some length").unwrap()
}

pub(crate) fn client() -> Client {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    Client::builder(provider, auth("first")).build().unwrap()
}

pub(crate) fn render(token: &AccessToken) -> String {
    RENDERED.with(|count| count.fetch_add(1, Ordering::Relaxed));
    format!("Bearer {}", token.expose())
}

/// Settings with a clock that stands, and without jitter.
pub(crate) fn settings() -> (Settings, ManualClock) {
    let clock = ManualClock::new();
    (Settings::new(client()).policy(Policy::new().with_jitter(false)).clock(clock.clone()), clock)
}

pub(crate) fn shared(policy: Policy) -> (Arc<Shared<String>>, ManualClock) {
    let (settings, clock) = settings();
    (Shared::new(settings.policy(policy), 0, render), clock)
}

pub(crate) fn origin(name: &str) -> Origin {
    Origin::parse(&format!("https://{name}.example.com")).unwrap()
}

pub(crate) fn grant(name: &str, life: u64) -> Outcome {
    Outcome::Granted(Grant::new(AccessToken::new(name).unwrap(), Some(secs(life))))
}

/// A clock that goes on by this with every reading, besides what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Ticking(pub(crate) ManualClock, pub(crate) Duration);

impl Clock for Ticking {
    fn now(&self) -> Now {
        self.0.advance(self.1);
        self.0.now()
    }

    fn coarse(&self) -> Now {
        self.0.now()
    }
}

/// Counts how often it was woken.
pub(crate) struct Waking(Arc<Count>);

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Waking {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.0.load(Ordering::SeqCst)
    }
}

/// A subscriber that does this with each event.
pub(crate) struct Listening<F>(pub(crate) F);

impl<F: Fn() + 'static> tracing::Subscriber for Listening<F>
where
    F: Send + Sync,
{
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        (self.0)();
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A folder of its own, which goes with everything in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("evergrant-drive-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// A store in memory that goes by this clock, and fails as it is told.
#[derive(Clone)]
pub(crate) struct InMemory(Arc<Memory>);

struct Memory {
    table: Mutex<Table>,
    clock: ManualClock,
    fault: Mutex<Fault>,
    /// What was asked of it, in one word each.
    commands: Mutex<Vec<&'static str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    None,
    Refuses,
    Hangs,
    Panics,
    PanicsLater,
    /// It works, and refuses what is put.
    KeepsNothing,
}

impl InMemory {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        let (table, fault, commands) = (Mutex::default(), Mutex::new(Fault::None), Mutex::default());
        Self(Arc::new(Memory { table, clock: clock.clone(), fault, commands }))
    }

    pub(crate) fn sealed(&self) -> SealedStore {
        SealedStore::new(self.clone(), Plain)
    }

    pub(crate) fn fails_by(&self, fault: Fault) {
        *self.0.fault.lock().unwrap() = fault;
    }

    /// What was asked of it since somebody asked for that.
    pub(crate) fn commands(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.commands.lock().unwrap())
    }

    /// As another process would.
    pub(crate) fn run_as(&self, client: &Client, operation: &Operation) -> Reply {
        let name = Plain.seal_of(client, None).unwrap().name();
        self.0.table.lock().unwrap().run(self.now(), &name, operation)
    }

    pub(crate) fn now(&self) -> StoreTime {
        StoreTime::default().after(self.0.clock.now().wall.since_epoch())
    }

    fn fault(&self) -> Fault {
        *self.0.fault.lock().unwrap()
    }
}

impl Store for InMemory {
    fn run(&self, name: Name, operation: Operation) -> StoreFuture {
        self.0.commands.lock().unwrap().push(match &operation {
            Operation::Claim(claim) if claim.lease.is_some() => "claim",
            Operation::Claim(_) => "look",
            Operation::Put(_) => "put",
            Operation::Fail(_) => "fail",
        });
        let is_put = matches!(operation, Operation::Put(_));
        match self.fault() {
            Fault::KeepsNothing if is_put => Box::pin(async { Err(StoreError::refused("read only")) }),
            Fault::None | Fault::KeepsNothing => {
                let reply = self.0.table.lock().unwrap().run(self.now(), &name, &operation);
                Box::pin(async { Ok(reply) })
            }
            Fault::Refuses => Box::pin(async { Err(StoreError::refused("no memory")) }),
            Fault::Hangs => Box::pin(std::future::pending()),
            Fault::Panics => panic!("the store panics"),
            Fault::PanicsLater => Box::pin(async { panic!("the store panics later") }),
        }
    }
}

impl BlockingStore for InMemory {
    fn run(&self, name: &Name, operation: &Operation, _: Duration) -> Result<Reply, StoreError> {
        while self.fault() == Fault::Hangs {
            std::thread::sleep(ms(1));
        }
        let mut future = Store::run(self, *name, operation.clone());
        match future.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(reply) => reply,
            std::task::Poll::Pending => Err(StoreError::TimedOut),
        }
    }
}

/// Seals nothing: a token is its text and the numbers that belong to it.
pub(crate) struct Plain;

pub(crate) struct PlainSeal(Name);

impl Sealing for Plain {
    fn seal_of(&self, client: &Client, shown: Option<Thumbprint>) -> Result<Box<dyn TokenSeal>, ConfigError> {
        let Some(secret) = client.auth().expose_secret() else { return Err(ConfigError::NeedsStoreKey) };
        let mut name = [0; 16];
        let text = format!("{}{secret}{shown:?}", client.client_id());
        text.bytes().enumerate().for_each(|(at, byte)| name[at % 16] ^= byte.rotate_left(at as u32 / 16));
        Ok(Box::new(PlainSeal(Name::new(name))))
    }
}

impl TokenSeal for PlainSeal {
    fn name(&self) -> Name {
        self.0
    }

    fn print(&self, token: &AccessToken) -> Print {
        let mut print = [0; 8];
        token.expose().bytes().enumerate().for_each(|(at, byte)| print[at % 8] ^= byte);
        Print::new(print)
    }

    fn seal(&self, token: &Unsealed) -> Option<Sealed> {
        let (fence, end, life) = (token.fence(), token.end(), token.life());
        let text =
            format!("{} {:?} {fence:?} {end:?} {life:?}", token.token().expose(), token.token().binding());
        Some(Sealed::new(text.as_bytes()))
    }

    fn open(&self, have: &Have) -> Option<AccessToken> {
        let text = std::str::from_utf8(have.token.as_bytes()).ok()?;
        let (token, rest) = text.split_once(' ')?;
        let Have { fence, end, life, .. } = have;
        let bindings = [Binding::None, Binding::Certificate(Thumbprint::new([1; 32]))];
        let of = |binding| format!("{binding:?} {fence:?} {end:?} {life:?}");
        let binding = bindings.into_iter().find(|binding| of(*binding) == rest)?;
        Some(AccessToken::new(token).ok()?.with_binding(binding))
    }
}

/// A certificate that was issued for a test, and its key.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Issued {
    pub(crate) fn pem(&self) -> String {
        self.certificate.clone() + &self.key
    }

    pub(crate) fn certified(&self) -> CertifiedKey {
        CertifiedKey::from_pem(&self.pem()).unwrap()
    }
}

pub(crate) fn issue(name: &str) -> Issued {
    let issued = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    Issued { certificate: issued.cert.pem(), key: issued.signing_key.serialize_pem() }
}
