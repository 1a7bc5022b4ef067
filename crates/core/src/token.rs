//! An access token, and the machine's record of one.

use crate::binding::Binding;
use crate::error::UnusableToken;
use crate::scope::Scope;
use crate::secret;
use crate::time::{Now, Wall};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;
use zeroize::Zeroizing;

/// The value of an access token (RFC 6749 §1.4), fit for an `Authorization: Bearer` header.
///
/// Debug never shows it, equality takes constant time, and its memory is wiped with the last copy.
/// [`expose`](AccessToken::expose) is the one way to the text.
///
/// Cloning shares the one allocation: there is one place in memory to wipe.
///
/// ```
/// use evergrant_core::AccessToken;
///
/// let token = AccessToken::new("mF_9.B5f-4.1JqM")?;
/// assert_eq!(token.expose(), "mF_9.B5f-4.1JqM");
/// assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
/// # Ok::<(), evergrant_core::UnusableToken>(())
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Issued>);

/// The text, and what the server said with it: in one allocation, so that a token is cloned in one step.
struct Issued {
    text: Zeroizing<Box<str>>,
    scope: Option<Scope>,
    binding: Binding,
}

impl AccessToken {
    /// The longest token that is accepted, in bytes. Header limits of common servers begin at 8 KiB.
    pub const MAX_LEN: usize = 16 * 1024;

    /// Takes a token of 1 to [`MAX_LEN`](Self::MAX_LEN) bytes 0x21-0x7E without `"`, `,`, `;` and `\`.
    ///
    /// That is wider than RFC 6750 §2.1 (b64token) and narrow enough that no token can break out of a header.
    ///
    /// ```
    /// use evergrant_core::AccessToken;
    ///
    /// assert!(AccessToken::new("mF_9.B5f-4.1JqM").is_ok());
    /// assert!(AccessToken::new("mF_9\r\nX-Admin: true").is_err());
    /// ```
    ///
    /// # Errors
    /// [`UnusableToken`] for any other text; the error does not contain it.
    pub fn new(text: &str) -> Result<Self, UnusableToken> {
        let fits = |byte: u8| matches!(byte, 0x21..=0x7e) & !matches!(byte, b'"' | b',' | b';' | b'\\');
        // Every byte is looked at, sixteen at once: stopping at the first fault would take them one by one.
        let all_fit = || text.bytes().fold(true, |all, byte| all & fits(byte));
        if text.is_empty() || text.len() > Self::MAX_LEN || !all_fit() {
            return Err(UnusableToken);
        }
        let text = Zeroizing::new(text.into());
        Ok(Self(Arc::new(Issued { text, scope: None, binding: Binding::None })))
    }

    /// The text of the token. Whoever holds it can act as this client: never log it.
    ///
    /// ```
    /// use evergrant_core::AccessToken;
    ///
    /// let token = AccessToken::new("mF_9.B5f-4.1JqM")?;
    /// let header = format!("Authorization: Bearer {}\r\n", token.expose());
    /// # assert!(header.ends_with("M\r\n"));
    /// # Ok::<(), evergrant_core::UnusableToken>(())
    /// ```
    pub fn expose(&self) -> &str {
        &self.0.text
    }

    /// The same, as granted with this scope.
    pub(crate) fn with_scope(self, scope: Option<Scope>) -> Self {
        self.with(|issued| issued.scope = scope)
    }

    /// The same, bound to this: what somebody who keeps tokens kept beside it.
    #[must_use]
    pub fn with_binding(self, binding: Binding) -> Self {
        self.with(|issued| issued.binding = binding)
    }

    /// The same, changed where nobody else has it.
    fn with(mut self, change: impl FnOnce(&mut Issued)) -> Self {
        if Arc::get_mut(&mut self.0).is_none() {
            let Issued { text, scope, binding } = &*self.0;
            self.0 = Arc::new(Issued { text: text.clone(), scope: scope.clone(), binding: *binding });
        }
        Arc::get_mut(&mut self.0).map(change);
        self
    }

    /// What it is bound to, as far as that is known.
    pub fn binding(&self) -> Binding {
        self.0.binding
    }

    /// The scope that the server said it granted with this token.
    pub(crate) fn scope(&self) -> Option<&Scope> {
        self.0.scope.as_ref()
    }
}

/// By the text alone, in time that depends on the lengths alone.
impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        secret::are_equal(self.expose().as_bytes(), other.expose().as_bytes())
    }
}

impl Eq for AccessToken {}

impl Hash for AccessToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        secret::hash(self.expose(), state);
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

/// Which token of one machine: generations grow with every token that is installed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Generation(pub(crate) u64);

impl Generation {
    /// The number, counted from 1; 0 stands for a token that no machine brought.
    ///
    /// ```
    /// use evergrant_core::{AccessToken, Token};
    ///
    /// let token = Token::fixed(AccessToken::new("a-token-for-the-test")?);
    /// assert_eq!(token.generation().number(), 0); // no machine brought it
    /// # Ok::<(), evergrant_core::UnusableToken>(())
    /// ```
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A token as the machine hands it out: its value, its generation and its times.
///
/// ```
/// use core::time::Duration;
/// use evergrant_core::{AccessToken, Call, Grant, Machine, Mono, Now, Outcome, Policy, Step, Wall};
///
/// let now = Now::new(Mono::from_origin(Duration::from_secs(1)), Wall::from_epoch(Duration::from_secs(1_767_225_600)));
/// let (mut machine, mut call) = (Machine::new(Policy::new(), 42), Call::new(now.mono));
/// # let Step::Send(flight) = machine.poll(now, &mut call) else { return Err("it sends".into()) };
/// # let grant = Grant::new(AccessToken::new("abc")?, Some(Duration::from_secs(3600)));
/// # machine.complete(now, flight, Outcome::Granted(grant));
/// // After a grant of one hour:
/// let Step::Use(token) = machine.poll(now, &mut call) else { return Err("no token".into()) };
/// assert_eq!((token.value().expose(), token.generation().number()), ("abc", 1));
/// // 30 s are left for what is on its way.
/// assert_eq!(token.use_until().wall.since(now.wall), Duration::from_secs(3570));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub(crate) value: AccessToken,
    pub(crate) generation: Generation,
    pub(crate) refresh_at: Now,
    pub(crate) use_until: Now,
}

impl Token {
    /// A token that no machine brought and that never ends, for tests of a user's own.
    ///
    /// ```
    /// use evergrant_core::{AccessToken, Token, Wall};
    ///
    /// let token = Token::fixed(AccessToken::new("a-token-for-the-test")?);
    /// assert_eq!((token.use_until().wall, token.scope()), (Wall::MAX, None));
    /// # Ok::<(), evergrant_core::UnusableToken>(())
    /// ```
    pub const fn fixed(value: AccessToken) -> Self {
        let never = Now { mono: crate::Mono::MAX, wall: Wall::MAX };
        Self { value, generation: Generation(0), refresh_at: never, use_until: never }
    }

    /// The value, for the `Authorization` header.
    pub const fn value(&self) -> &AccessToken {
        &self.value
    }

    /// The scope that the server said it granted with this token (RFC 6749 §5.1). `None` when it said nothing readable,
    /// which stands for the scope that was asked for; and for a token that no server granted to this process: a fixed
    /// one, or one from before a restart.
    pub fn scope(&self) -> Option<&Scope> {
        self.value.scope()
    }

    /// What whoever uses it has to prove beside it; [`Binding::None`] where nothing is known of it.
    pub fn binding(&self) -> Binding {
        self.value.binding()
    }

    /// Which token of its machine this is; what `reject` wants to know.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// When its replacement is asked for: as soon as either clock reaches this.
    pub const fn refresh_at(&self) -> Now {
        self.refresh_at
    }

    /// When it is used no more: as soon as either clock reaches this. Already less the leeway.
    pub const fn use_until(&self) -> Now {
        self.use_until
    }
}

/// The generation alone: tokens of one machine that differ, differ there.
impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.generation.hash(state);
    }
}

/// A token kept from before a restart: what `export` gives and `restore` takes.
///
/// The form in which it is kept, and its protection, are the user's affair: it is as secret as a password.
///
/// ```
/// use core::time::Duration;
/// use evergrant_core::{AccessToken, Stored, Wall};
///
/// // Read from where it was kept: the text, the seconds since 1970 at its request, the seconds it lives.
/// let (text, issued, life) = ("mF_9.B5f-4.1JqM", 1_767_225_600, 3600);
/// let issued = Wall::from_epoch(Duration::from_secs(issued));
/// let stored = Stored::new(AccessToken::new(text)?, issued, Duration::from_secs(life));
/// assert_eq!(stored.issued().after(stored.life()).since_epoch().as_secs(), 1_767_229_200);
/// # Ok::<(), evergrant_core::UnusableToken>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stored {
    pub(crate) token: AccessToken,
    pub(crate) issued: Wall,
    pub(crate) life: Duration,
}

impl Stored {
    /// A token whose request was sent at `issued`, and which lives for `life` from then on.
    pub const fn new(token: AccessToken, issued: Wall, life: Duration) -> Self {
        Self { token, issued, life }
    }

    /// The same, bound to this: keep the binding beside the token, and give it back.
    ///
    /// ```
    /// use core::time::Duration;
    /// use evergrant_core::{AccessToken, Binding, Machine, Now, Policy, Stored, Thumbprint};
    ///
    /// let certificate = Binding::Certificate(Thumbprint::new([7; 32]));
    /// let now = Now::default();
    /// let stored = Stored::new(AccessToken::new("mF_9.B5f-4.1JqM")?, now.wall, Duration::from_secs(3600));
    /// let stored = stored.with_binding(certificate);
    ///
    /// let mut machine = Machine::new(Policy::new(), 42);
    /// assert!(!machine.restore(now, stored.clone())); // it is of no use without its certificate
    /// assert!(machine.restore_bound(now, stored, certificate));
    /// # Ok::<(), evergrant_core::UnusableToken>(())
    /// ```
    #[must_use]
    pub fn with_binding(self, binding: Binding) -> Self {
        Self { token: self.token.with_binding(binding), ..self }
    }

    /// What whoever uses it has to prove beside it.
    pub fn binding(&self) -> Binding {
        self.token.binding()
    }

    /// The token.
    pub const fn token(&self) -> &AccessToken {
        &self.token
    }

    /// When the request that brought it was sent.
    pub const fn issued(&self) -> Wall {
        self.issued
    }

    /// How long it lives from then on.
    pub const fn life(&self) -> Duration {
        self.life
    }
}

#[cfg(test)]
mod tests;
