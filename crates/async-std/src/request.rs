//! A request in the making, which is sent with a token.

use crate::api::{Api, ApiError};
use crate::body::Body;
use crate::error::HttpError;
use crate::net::Net;
use http::{HeaderName, HeaderValue, Method, Response, request};
use std::fmt;

/// A request that is sent with a token: [`Api::get`] and its like.
///
/// ```
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # let (server, api) = story::api()?;
/// let request = api.post(server.resource("/shipments")).header("Content-Type", "application/json");
/// let answer = request.body(r#"{"description":"a box of apples"}"#).send().await?;
/// assert_eq!(answer.status(), 200);
/// # Ok(()) }) }
/// ```
#[must_use]
pub struct RequestBuilder<'a, N> {
    api: &'a Api<N>,
    builder: request::Builder,
    body: Body,
}

/// Without the URL and the headers, which may hold a secret.
impl<N> fmt::Debug for RequestBuilder<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("method", &self.builder.method_ref()).finish_non_exhaustive()
    }
}

impl<N: Net> Api<N> {
    /// A GET request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let answer = api.get(server.resource("/shipments")).send().await?;
    /// assert_eq!(answer.status(), 200);
    /// assert!(answer.into_body().text(1 << 20).await?.contains("a box of apples"));
    /// # Ok(()) }) }
    /// ```
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder<'_, N> {
        self.request(Method::GET, url)
    }

    /// A POST request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let answer = api.post(server.resource("/shipments")).body("a box of apples").send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].body(), b"a box of apples");
    /// # Ok(()) }) }
    /// ```
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder<'_, N> {
        self.request(Method::POST, url)
    }

    /// A PUT request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let answer = api.put(server.resource("/shipments/1")).body("a box of pears").send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "PUT");
    /// # Ok(()) }) }
    /// ```
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder<'_, N> {
        self.request(Method::PUT, url)
    }

    /// A PATCH request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let answer = api.patch(server.resource("/shipments/1")).body("a box of pears").send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "PATCH");
    /// # Ok(()) }) }
    /// ```
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder<'_, N> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let answer = api.delete(server.resource("/shipments/1")).send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "DELETE");
    /// # Ok(()) }) }
    /// ```
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder<'_, N> {
        self.request(Method::DELETE, url)
    }

    /// A request to this URL, which is sent with a token.
    ///
    /// ```
    /// use http::Method;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let answer = api.request(Method::OPTIONS, server.resource("/shipments")).send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # Ok(()) }) }
    /// ```
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder<'_, N> {
        let builder = request::Builder::new().method(method).uri(url.as_ref());
        RequestBuilder { api: self, builder, body: Body::empty() }
    }
}

impl<N: Net> RequestBuilder<'_, N> {
    /// One header more. What is wrong with it, [`send`](Self::send) says.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// api.get(server.resource("/shipments")).header("Accept-Language", "nl").send().await?;
    /// assert_eq!(server.requests()[1].header("accept-language"), Some("nl"));
    /// # Ok(()) }) }
    /// ```
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// The body, in place of the one before. A [`Body::stream`] is never sent again.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let request = api.post(server.resource("/shipments")).header("Content-Type", "application/vnd.api+json");
    /// request.body(r#"{"data":{"type":"shipments"}}"#).send().await?;
    /// assert_eq!(server.requests()[1].body(), br#"{"data":{"type":"shipments"}}"#);
    /// # Ok(()) }) }
    /// ```
    pub fn body(self, body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sends it with a token, as [`Api::execute`] does.
    ///
    /// ```
    /// use evergrant_async_std::ApiError;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let call = api.get(server.resource("/shipments")).header("Authorization", "Basic bWU6bXk=");
    /// // Whose authorization is it to be? The token never replaces the program's own.
    /// assert!(matches!(call.send().await, Err(ApiError::Authorized)));
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// The request could not be built; otherwise as [`Api::execute`].
    ///
    /// # Cancel safety
    /// As [`Api::execute`].
    pub async fn send(self) -> Result<Response<Body>, ApiError> {
        let request = self.builder.body(self.body);
        let request = request.map_err(|error| ApiError::Http(HttpError::Request(error)))?;
        self.api.execute(request).await
    }
}
