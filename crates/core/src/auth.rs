//! Client authentication (RFC 6749 §2.3).

use crate::error::{ConfigError, Excerpt};
use crate::field::check_present;
use crate::request;
use crate::secret::Secret;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Who the client is and how it proves that: exactly one method per request, and no other is tried after a refusal.
///
/// Debug never shows the secret.
///
/// ```
/// # use evergrant_core::{ClientAuth, ConfigError};
/// let auth = ClientAuth::basic("my-client-id", "my-client-secret")?;
/// assert_eq!(auth.method(), "client_secret_basic");
/// assert!(!format!("{auth:?}").contains("my-client-secret"));
///
/// // A secret that was read from a file most often ends with a line break.
/// let error = ClientAuth::basic("my-client-id", "my-client-secret\n").unwrap_err();
/// assert_eq!(error, ConfigError::ControlCharacter { field: "client_secret", at: 16 });
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientAuth {
    id: Box<str>,
    method: Method,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Method {
    Basic(Secret),
    BasicRaw(Secret),
    Post(Secret),
    None,
}

impl ClientAuth {
    /// `client_secret_basic`: id and secret in the Authorization header, form-encoded first (RFC 6749 §2.3.1).
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::basic("id", "secret")?).build()?;
    /// let request = client.request(Now::default())?;
    /// assert!(request.headers().any(|field| field == ("authorization", "Basic aWQ6c2VjcmV0")));
    /// assert_eq!(request.body(), b"grant_type=client_credentials");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if either is empty or has a control character.
    pub fn basic(id: &str, secret: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Basic(checked(secret)?))
    }

    /// The same without the form encoding, for servers that do not decode it; only where RFC 7617 alone is spoken.
    ///
    /// ```
    /// # use evergrant_core::{ClientAuth, ConfigError};
    /// let auth = ClientAuth::basic_raw("my-client-id", "100%-secret")?; // sent as it is, not as 100%25-secret
    /// assert_eq!(ClientAuth::basic_raw("urn:client", "secret"), Err(ConfigError::ColonInClientId));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if either is empty or has a control character, and if the id has a colon (RFC 7617 §2).
    pub fn basic_raw(id: &str, secret: &str) -> Result<Self, ConfigError> {
        if id.contains(':') {
            return Err(ConfigError::ColonInClientId);
        }
        Self::new(id, Method::BasicRaw(checked(secret)?))
    }

    /// `client_secret_post`: id and secret in the body (RFC 6749 §2.3.1), whatever its format. MyParcel.com wants
    /// this one.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::post("id", "secret")?).build()?;
    /// let request = client.request(Now::default())?;
    /// assert_eq!(request.body(), b"grant_type=client_credentials&client_id=id&client_secret=secret");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if either is empty or has a control character.
    pub fn post(id: &str, secret: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::Post(checked(secret)?))
    }

    /// `none`: the id in the body and no proof; the server knows the client otherwise, by its network for one.
    ///
    /// ```
    /// # use evergrant_core::{Client, ClientAuth, ConfigError, Now, Provider};
    /// # let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::none("id")?).build()?;
    /// assert_eq!(client.request(Now::default())?.body(), b"grant_type=client_credentials&client_id=id");
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the id is empty or has a control character.
    pub fn none(id: &str) -> Result<Self, ConfigError> {
        Self::new(id, Method::None)
    }

    /// The client id.
    pub fn client_id(&self) -> &str {
        &self.id
    }

    /// The method's registered name (RFC 7591 §2); `basic_raw` has none of its own and says
    /// `client_secret_basic_raw`.
    ///
    /// ```
    /// # use evergrant_core::{ClientAuth, ConfigError};
    /// assert_eq!(ClientAuth::post("id", "secret")?.method(), "client_secret_post");
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub const fn method(&self) -> &'static str {
        match self.method {
            Method::Basic(_) => "client_secret_basic",
            Method::BasicRaw(_) => "client_secret_basic_raw",
            Method::Post(_) => "client_secret_post",
            Method::None => "none",
        }
    }

    /// Whether the secret has fewer than 8 bytes. It is sent like any other, and is easily guessed; and since it stands
    /// in ordinary words by chance, a text from outside that has it as a word of its own is not shown at all.
    ///
    /// ```
    /// # use evergrant_core::{ClientAuth, ConfigError};
    /// assert!(ClientAuth::post("id", "secret")?.has_short_secret());
    /// assert!(!ClientAuth::post("id", "a-longer-secret")?.has_short_secret());
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn has_short_secret(&self) -> bool {
        self.secret().is_some_and(|secret| secret.expose().len() < Excerpt::SHORTEST_ECHO)
    }

    pub(crate) const fn secret(&self) -> Option<&Secret> {
        match &self.method {
            Method::Basic(secret) | Method::BasicRaw(secret) | Method::Post(secret) => Some(secret),
            Method::None => None,
        }
    }

    fn new(id: &str, method: Method) -> Result<Self, ConfigError> {
        check_present(id, "client_id")?;
        Ok(Self { id: id.into(), method })
    }

    /// The value of the Authorization header, if the method has one.
    pub(crate) fn authorization(&self) -> Option<Zeroizing<String>> {
        let pair = match &self.method {
            Method::Basic(secret) => {
                pair(&request::form_encoded(&self.id), &request::form_encoded(secret.expose()))
            }
            Method::BasicRaw(secret) => pair(&self.id, secret.expose()),
            Method::Post(_) | Method::None => return None,
        };
        let encoded = base64(&pair);
        let mut value = Zeroizing::new(String::with_capacity("Basic ".len() + encoded.len()));
        value.push_str("Basic ");
        value.push_str(&encoded);
        Some(value)
    }

    /// What the body says about the client.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (id, secret) = match &self.method {
            Method::Basic(_) | Method::BasicRaw(_) => (None, None),
            Method::Post(secret) => (Some(&*self.id), Some(secret.expose())),
            Method::None => (Some(&*self.id), None),
        };
        id.map(|id| ("client_id", id)).into_iter().chain(secret.map(|secret| ("client_secret", secret)))
    }

    /// What is masked in words from outside: the secret and its pair with the id, which are found in every encoding. A short
    /// secret is not searched for in base64, where its few bytes stand by chance, so its base64 is one of the masks.
    pub(crate) fn masks(&self) -> Vec<Zeroizing<String>> {
        let Some(secret) = self.secret().map(Secret::expose) else { return Vec::new() };
        let plain = Zeroizing::new(String::from(secret));
        let raw = pair(&self.id, secret);
        if !self.has_short_secret() {
            return Vec::from([plain, raw]);
        }
        let form = pair(&request::form_encoded(&self.id), &request::form_encoded(secret));
        let engines = [STANDARD_NO_PAD, URL_SAFE_NO_PAD];
        let base64 = [&plain, &raw, &form].into_iter().flat_map(|text| {
            engines.iter().map(move |engine| Zeroizing::new(engine.encode(text.as_bytes())))
        });
        let mut masks: Vec<Zeroizing<String>> = base64.collect();
        masks.push(plain);
        masks
    }
}

fn checked(secret: &str) -> Result<Secret, ConfigError> {
    check_present(secret, "client_secret")?;
    Ok(Secret::new(secret))
}

fn pair(id: &str, secret: &str) -> Zeroizing<String> {
    let mut pair = Zeroizing::new(String::with_capacity(id.len() + 1 + secret.len()));
    pair.push_str(id);
    pair.push(':');
    pair.push_str(secret);
    pair
}

fn base64(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}

#[cfg(test)]
mod tests;
