//! What the tests share: a source over a manual clock, and a waker that counts.

use crate::clock::{Clock, ManualClock};
use crate::identity::CertifiedKey;
use crate::settings::Settings;
use crate::shared::Shared;
use evergrant_core::{AccessToken, Client, ClientAuth, Grant, Now, Origin, Outcome, Policy, Provider};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
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
