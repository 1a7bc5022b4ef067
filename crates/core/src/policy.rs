//! The figures a machine decides by: each with its default, its bounds, and the reason for both.

use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

/// A flight's deadline is `attempt_timeout` plus this grace, so that a transport's timeout is reported to a
/// flight that still counts. Without it every black-holed endpoint would be asked again without backoff.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// No duration of a policy is shorter: a zero would make a busy loop or a division by nothing.
const SHORTEST: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// An answer that takes longer is worth less than another try.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(600);
/// A leap year: no server is believed beyond it.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// How a machine decides. The defaults suit a server to server client.
///
/// Every setter clamps to its own bounds, and the order of setters never matters: where two figures contradict each other, the
/// docs of one of them say which one gives way, and it does so when it is read.
///
/// ```
/// use evergrant_core::Policy;
/// use core::time::Duration;
///
/// let policy = Policy::new().with_attempt_timeout(Duration::from_millis(500));
/// // min_interval is never longer than attempt_timeout.
/// assert_eq!(policy.min_interval(), Duration::from_millis(500));
/// ```
///
/// A clone shares the figures with its original: a million machines with one policy hold it once.
#[derive(Clone)]
pub struct Policy(
    /// `None` for the defaults.
    Option<Arc<Figures>>,
);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Figures {
    attempt_timeout: Duration,
    min_interval: Duration,
    patience: Duration,
    max_waiters: usize,
    default_lifetime: Duration,
    max_lifetime: Duration,
    leeway: Duration,
    ahead: Duration,
    settle: Duration,
    young: Duration,
    gate_cap: Duration,
    backoff: (Duration, Duration),
    cooldown: (Duration, Duration),
    retry_after_cap: Duration,
    jitter: bool,
}

static DEFAULTS: Figures = Figures {
    attempt_timeout: Duration::from_secs(10),
    min_interval: Duration::from_secs(1),
    patience: Duration::from_secs(30),
    max_waiters: 16_384,
    default_lifetime: HOUR,
    max_lifetime: Duration::from_secs(366 * 86_400),
    leeway: Duration::from_secs(30),
    ahead: Duration::from_secs(5 * 60),
    settle: Duration::from_secs(2),
    young: Duration::from_secs(10),
    gate_cap: MINUTE,
    backoff: (Duration::from_secs(1), MINUTE),
    cooldown: (Duration::from_secs(10), Duration::from_secs(5 * 60)),
    retry_after_cap: HOUR,
    jitter: true,
};

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.figures() == other.figures()
    }
}

impl Eq for Policy {}

impl Hash for Policy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.figures().hash(state);
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.figures().fmt(f)
    }
}

impl Policy {
    /// The defaults, which take no memory beside this value.
    pub const fn new() -> Self {
        Self(None)
    }

    /// A policy for a program's own tests against servers on loopback: it decides as the defaults do, without the seconds that a
    /// test would wait for. Any figure can be set after it.
    ///
    /// | figure | in tests | default |
    /// |---|---|---|
    /// | [`min_interval`](Self::with_min_interval) | 1 ms | 1 s |
    /// | [`settle`](Self::with_settle) | 1 ms | 2 s |
    /// | [`gate`](Self::with_gate) | 2 ms | 10 s to 60 s |
    /// | [`backoff`](Self::with_backoff) | 5 ms to 20 ms | 1 s to 60 s |
    /// | [`cooldown`](Self::with_cooldown) | 5 ms to 20 ms | 10 s to 5 min |
    /// | [`attempt_timeout`](Self::with_attempt_timeout) | 2 s | 10 s |
    /// | [`patience`](Self::with_patience) | 5 s | 30 s |
    /// | [`jitter`](Self::with_jitter) | off | on |
    ///
    /// The last two times are longer than anything on loopback takes, so that a slow machine fails no test. The rest is as usual:
    /// the lives of tokens are the server's affair, and a Retry-After that a test sends is obeyed, in whole seconds.
    ///
    /// A test that revokes one token after another at one API waits 5 ms in between: within 2 ms of its arrival a second one is
    /// kept, and its 401 handed on.
    ///
    /// ```
    /// use core::time::Duration;
    /// use evergrant_core::Policy;
    ///
    /// // What becomes of a caller when no token comes? Not after 5 s, but after 50 ms.
    /// let policy = Policy::for_tests().with_patience(Duration::from_millis(50));
    /// assert_eq!(policy.min_interval(), Duration::from_millis(1));
    /// ```
    #[must_use]
    pub fn for_tests() -> Self {
        let ms = Duration::from_millis;
        Self::new()
            .with_min_interval(SHORTEST)
            .with_settle(SHORTEST)
            .with_gate(SHORTEST, SHORTEST)
            .with_backoff(ms(5), ms(20))
            .with_cooldown(ms(5), ms(20))
            .with_attempt_timeout(ms(2000))
            .with_patience(ms(5000))
            .with_jitter(false)
    }

    /// How long one token request may take, all of it: connect, send, read. Default 10 s; 1 ms to 10 min, beyond
    /// which an answer is worth less than another try.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// // A server that often takes 15 s.
    /// let policy = Policy::new().with_attempt_timeout(Duration::from_secs(20));
    /// assert_eq!(policy.attempt_timeout(), Duration::from_secs(20));
    /// ```
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.figures_mut().attempt_timeout = timeout.clamp(SHORTEST, LONGEST_ATTEMPT);
        self
    }

    /// The least time between two token requests, whatever happens. Default 1 s; 1 ms to 10 min, and never longer than
    /// `attempt_timeout`, which counts if it is shorter.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// let policy = Policy::new().with_min_interval(Duration::from_secs(5));
    /// assert_eq!(policy.min_interval(), Duration::from_secs(5));
    /// assert_eq!(Policy::new().with_min_interval(Duration::ZERO).min_interval(), Duration::from_millis(1));
    /// ```
    #[must_use]
    pub fn with_min_interval(mut self, interval: Duration) -> Self {
        self.figures_mut().min_interval = interval.clamp(SHORTEST, LONGEST_ATTEMPT);
        self
    }

    /// How long a caller waits for a token unless it says otherwise. Default 30 s, the usual limit of a proxy in
    /// front; 1 ms to 1 day.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// // Behind a proxy that gives up after 10 s.
    /// let policy = Policy::new().with_patience(Duration::from_secs(8));
    /// assert_eq!(policy.patience(), Duration::from_secs(8));
    /// ```
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.figures_mut().patience = patience.clamp(SHORTEST, DAY);
        self
    }

    /// How many callers may wait at once; the next one fails with `Saturated`. Default 16 384, some megabytes of
    /// waiting tasks; 1 to 1 048 576.
    ///
    /// ```
    /// # use evergrant_core::Policy;
    /// assert_eq!(Policy::new().with_max_waiters(100).max_waiters(), 100);
    /// ```
    #[must_use]
    pub fn with_max_waiters(mut self, waiters: usize) -> Self {
        self.figures_mut().max_waiters = waiters.clamp(1, 1 << 20);
        self
    }

    /// The life of a token of which nothing is known. Default 1 h, the most common one; 1 ms to 366 d, and never longer than
    /// `max_lifetime`, which counts if it is shorter.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// // A server without `expires_in` whose tokens live ten minutes.
    /// let policy = Policy::new().with_default_lifetime(Duration::from_secs(600));
    /// assert_eq!(policy.default_lifetime(), Duration::from_secs(600));
    /// ```
    #[must_use]
    pub fn with_default_lifetime(mut self, lifetime: Duration) -> Self {
        self.figures_mut().default_lifetime = lifetime.clamp(SHORTEST, LONGEST_LIFE);
        self
    }

    /// No token is believed to live longer. Default and upper bound 366 d; at least 1 ms.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// // A new token every day, whatever the server says.
    /// let policy = Policy::new().with_max_lifetime(Duration::from_secs(86_400));
    /// assert_eq!(policy.max_lifetime(), Duration::from_secs(86_400));
    /// ```
    #[must_use]
    pub fn with_max_lifetime(mut self, lifetime: Duration) -> Self {
        self.figures_mut().max_lifetime = lifetime.clamp(SHORTEST, LONGEST_LIFE);
        self
    }

    /// A token is used no more this long before it ends, or a tenth of its life if that is shorter: the cap on
    /// what a request may still need in transit. Default 30 s; 1 ms to 1 h.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
    /// // Uploads that take two minutes.
    /// assert_eq!(Policy::new().with_leeway(2 * minute).leeway(hour), 2 * minute);
    /// assert_eq!(Policy::new().leeway(minute), minute / 10);
    /// ```
    #[must_use]
    pub fn with_leeway(mut self, cap: Duration) -> Self {
        self.figures_mut().leeway = cap.clamp(SHORTEST, HOUR);
        self
    }

    /// The replacement is asked for this long before the token is used no more, or a fifth of its life if that is
    /// shorter: the outage nobody notices. Default 5 min; 1 ms to 1 day.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
    /// assert_eq!(Policy::new().with_ahead(10 * minute).ahead(hour), 10 * minute);
    /// assert_eq!(Policy::new().ahead(10 * minute), 2 * minute);
    /// ```
    #[must_use]
    pub fn with_ahead(mut self, cap: Duration) -> Self {
        self.figures_mut().ahead = cap.clamp(SHORTEST, DAY);
        self
    }

    /// A token refused this soon after its arrival may not be valid yet at the resource server (`nbf`, clocks
    /// out of step): the caller waits that long, or a tenth of its life if that is shorter. Default 2 s; 1 ms to
    /// 1 min.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// // Gateways that hear of a new token after 5 s.
    /// let policy = Policy::new().with_settle(Duration::from_secs(5));
    /// assert_eq!(policy.settle(Duration::from_secs(3600)), Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn with_settle(mut self, settle: Duration) -> Self {
        self.figures_mut().settle = settle.clamp(SHORTEST, MINUTE);
        self
    }

    /// The gate of a site that refused a token: for `young`, then twice that and so on up to `cap`, the next token
    /// is not set aside because of that site. Default 10 s and 60 s; 1 ms to 1 h each, `young` always longer than `settle` and
    /// `cap` never shorter than `young`: one that is too short counts as just long enough.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// let seconds = Duration::from_secs;
    /// let policy = Policy::new().with_gate(seconds(5), seconds(20));
    /// assert_eq!([1, 2, 3, 4].map(|nth| policy.gate(nth)), [5, 10, 20, 20].map(seconds));
    /// ```
    #[must_use]
    pub fn with_gate(mut self, young: Duration, cap: Duration) -> Self {
        let figures = self.figures_mut();
        figures.young = young.clamp(SHORTEST, HOUR);
        figures.gate_cap = cap.clamp(SHORTEST, HOUR);
        self
    }

    /// The rest after a transient failure: `first` * 2^n up to `cap`. Default 1 s and 60 s; 1 ms to 1 h.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// let seconds = Duration::from_secs;
    /// let policy = Policy::new().with_backoff(seconds(2), seconds(30));
    /// assert_eq!([0, 1, 2, 3, 4].map(|before| policy.backoff(before)), [2, 4, 8, 16, 30].map(seconds));
    /// ```
    #[must_use]
    pub fn with_backoff(mut self, first: Duration, cap: Duration) -> Self {
        self.figures_mut().backoff = ordered(first, cap);
        self
    }

    /// The rest after a permanent refusal: `first` * 2^m up to `cap`. Default 10 s and 5 min: a client that was
    /// mended at the server works again soon, and one that was not costs little. 1 ms to 1 h.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// let seconds = Duration::from_secs;
    /// let policy = Policy::new().with_cooldown(seconds(60), seconds(300));
    /// assert_eq!([0, 1, 2, 3].map(|before| policy.cooldown(before)), [60, 120, 240, 300].map(seconds));
    /// ```
    #[must_use]
    pub fn with_cooldown(mut self, first: Duration, cap: Duration) -> Self {
        self.figures_mut().cooldown = ordered(first, cap);
        self
    }

    /// The longest a server's Retry-After is obeyed. Default 1 h; 1 ms to 1 day.
    ///
    /// ```
    /// # use {core::time::Duration, evergrant_core::Policy};
    /// // A server that says one day where it means a minute.
    /// let policy = Policy::new().with_retry_after_cap(Duration::from_secs(60));
    /// assert_eq!(policy.retry_after_cap(), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn with_retry_after_cap(mut self, cap: Duration) -> Self {
        self.figures_mut().retry_after_cap = cap.clamp(SHORTEST, DAY);
        self
    }

    /// Whether moments are drawn at random, so that a fleet does not move in step. Default true; without it a rest
    /// is full, nothing is added to a Retry-After, and a refresh begins neither earlier nor later.
    ///
    /// ```
    /// # use evergrant_core::Policy;
    /// // A simulation that is to be the same each time.
    /// assert!(!Policy::new().with_jitter(false).jitter());
    /// ```
    #[must_use]
    pub fn with_jitter(mut self, jitter: bool) -> Self {
        self.figures_mut().jitter = jitter;
        self
    }

    /// See [`with_attempt_timeout`](Self::with_attempt_timeout).
    pub fn attempt_timeout(&self) -> Duration {
        self.figures().attempt_timeout
    }

    /// See [`with_min_interval`](Self::with_min_interval).
    pub fn min_interval(&self) -> Duration {
        let Figures { min_interval, attempt_timeout, .. } = self.figures();
        *min_interval.min(attempt_timeout)
    }

    /// See [`with_patience`](Self::with_patience).
    pub fn patience(&self) -> Duration {
        self.figures().patience
    }

    /// See [`with_max_waiters`](Self::with_max_waiters).
    pub fn max_waiters(&self) -> usize {
        self.figures().max_waiters
    }

    /// See [`with_default_lifetime`](Self::with_default_lifetime).
    pub fn default_lifetime(&self) -> Duration {
        let Figures { default_lifetime, max_lifetime, .. } = self.figures();
        *default_lifetime.min(max_lifetime)
    }

    /// See [`with_max_lifetime`](Self::with_max_lifetime).
    pub fn max_lifetime(&self) -> Duration {
        self.figures().max_lifetime
    }

    /// How long before its end a token of this life is used no more: the cap, or a tenth.
    pub fn leeway(&self, life: Duration) -> Duration {
        self.figures().leeway.min(life / 10)
    }

    /// How long before that its replacement is asked for: the cap, or a fifth.
    pub fn ahead(&self, life: Duration) -> Duration {
        self.figures().ahead.min(life / 5)
    }

    /// How long after its arrival a refused token of this life may yet come to be accepted: the cap, or a tenth.
    pub fn settle(&self, life: Duration) -> Duration {
        self.figures().settle.min(life / 10)
    }

    /// For how long the gate of a site closes on its `nth` token set aside, counted from 1.
    pub fn gate(&self, nth: u32) -> Duration {
        doubled(self.figures().gate(), nth.saturating_sub(1))
    }

    /// The rest after `before` transient failures in a row and one more, before jitter.
    pub fn backoff(&self, before: u32) -> Duration {
        doubled(self.figures().backoff, before)
    }

    /// The rest after `before` permanent refusals in a row and one more, before jitter.
    pub fn cooldown(&self, before: u32) -> Duration {
        doubled(self.figures().cooldown, before)
    }

    /// See [`with_retry_after_cap`](Self::with_retry_after_cap).
    pub fn retry_after_cap(&self) -> Duration {
        self.figures().retry_after_cap
    }

    /// See [`with_jitter`](Self::with_jitter).
    pub fn jitter(&self) -> bool {
        self.figures().jitter
    }

    /// The count of tokens set aside from which on the gate of a site closes for its cap: counting on would change
    /// nothing but how long it takes to be forgiven.
    pub(crate) fn gate_levels(&self) -> u32 {
        // From 1 ms to 1 h in 22 steps.
        (1..=22).find(|nth| self.gate(*nth) == self.figures().gate().1).unwrap_or(23)
    }

    /// A site's count of tokens set aside falls by one per this time without another.
    pub(crate) fn gate_decay(&self) -> Duration {
        2 * self.figures().gate().1
    }

    fn figures(&self) -> &Figures {
        self.0.as_deref().unwrap_or(&DEFAULTS)
    }

    /// Of this value alone, whoever shared them.
    fn figures_mut(&mut self) -> &mut Figures {
        Arc::make_mut(self.0.get_or_insert_with(|| Arc::new(DEFAULTS.clone())))
    }
}

impl Figures {
    /// For how long a gate closes at first, and at most: settle < young <= cap.
    fn gate(&self) -> (Duration, Duration) {
        let young = self.young.max(self.settle + SHORTEST);
        (young, self.gate_cap.max(young))
    }
}

fn ordered(first: Duration, cap: Duration) -> (Duration, Duration) {
    let first = first.clamp(SHORTEST, HOUR);
    (first, cap.clamp(first, HOUR))
}

/// `first` * 2^`times`, up to `cap`.
fn doubled((first, cap): (Duration, Duration), times: u32) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(cap)
}

#[cfg(test)]
mod tests;
