//! A request in the making, which is sent with a token.

use crate::api::{Api, ApiError};
use crate::repeatable::RepeatableBody;
use http::{HeaderName, HeaderValue, Method, Response, request};
use std::fmt;
use ureq::Body;

/// A request that is sent with a token: [`Api::get`] and its like.
///
/// ```
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (server, api) = story::api()?;
/// let request = api.post(server.resource("/shipments")).header("Content-Type", "application/json");
/// let answer = request.body(r#"{"description":"a box of apples"}"#).send()?;
/// assert_eq!(answer.status(), 200);
/// # Ok(()) }
/// ```
#[must_use]
pub struct RequestBuilder<'a, B = ()> {
    api: &'a Api,
    builder: request::Builder,
    body: B,
}

/// Without the body, which may hold a secret.
impl<B> fmt::Debug for RequestBuilder<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("method", &self.builder.method_ref()).finish_non_exhaustive()
    }
}

impl Api {
    /// A GET request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.get(server.resource("/shipments")).send()?;
    /// assert_eq!(answer.status(), 200);
    /// assert!(answer.into_body().read_to_string()?.contains("a box of apples"));
    /// # Ok(()) }
    /// ```
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::GET, url)
    }

    /// A POST request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.post(server.resource("/shipments")).body("a box of apples").send()?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].body(), b"a box of apples");
    /// # Ok(()) }
    /// ```
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::POST, url)
    }

    /// A PUT request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.put(server.resource("/shipments/1")).body("a box of pears").send()?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "PUT");
    /// # Ok(()) }
    /// ```
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::PUT, url)
    }

    /// A PATCH request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.patch(server.resource("/shipments/1")).body("a box of pears").send()?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "PATCH");
    /// # Ok(()) }
    /// ```
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.delete(server.resource("/shipments/1")).send()?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "DELETE");
    /// # Ok(()) }
    /// ```
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::DELETE, url)
    }

    /// A request to this URL, which is sent with a token.
    ///
    /// ```
    /// use ureq::http::Method;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.request(Method::OPTIONS, server.resource("/shipments")).send()?;
    /// assert_eq!(answer.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder<'_> {
        let builder = request::Builder::new().method(method).uri(url.as_ref());
        RequestBuilder { api: self, builder, body: () }
    }
}

impl<'a, B> RequestBuilder<'a, B> {
    /// One header more. What is wrong with it, [`send`](Self::send) says.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.get(server.resource("/shipments")).header("Accept-Language", "nl").send()?;
    /// assert_eq!(server.requests()[1].header("accept-language"), Some("nl"));
    /// # Ok(()) }
    /// ```
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// The body, in place of the one before. JSON is a text, such as serde_json's `to_string` gives it, with a Content-Type
    /// of its own. For a body that can be read once there is [`Api::run_once`].
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let request = api.post(server.resource("/shipments")).header("Content-Type", "application/vnd.api+json");
    /// request.body(r#"{"data":{"type":"shipments"}}"#).send()?;
    /// assert_eq!(server.requests()[1].body(), br#"{"data":{"type":"shipments"}}"#);
    /// # Ok(()) }
    /// ```
    pub fn body<C: RepeatableBody>(self, body: C) -> RequestBuilder<'a, C> {
        RequestBuilder { api: self.api, builder: self.builder, body }
    }

    /// Sends it with a token, as [`Api::run`] does.
    ///
    /// ```
    /// use evergrant_ureq::ApiError;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let call = api.get(server.resource("/shipments")).header("Authorization", "Basic bWU6bXk=");
    /// // Whose authorization is it to be? The token never replaces the program's own.
    /// assert!(matches!(call.send(), Err(ApiError::Authorized)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The request could not be built; otherwise as [`Api::run`].
    ///
    /// # Blocking
    /// As [`Api::run`].
    pub fn send(self) -> Result<Response<Body>, ApiError>
    where
        B: RepeatableBody,
    {
        let request = self.builder.body(self.body).map_err(|error| ApiError::Http(error.into()))?;
        self.api.run(request)
    }
}
