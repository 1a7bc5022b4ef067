//! A request in the making, which is sent with a token.

use crate::api::Api;
use crate::error::ApiError;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Body, IntoUrl, Method, Response};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// A request that is sent with a token: [`Api::get`] and its like. What is wrong with it, [`send`](Self::send) says.
///
/// ```
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (server, api) = story::api()?;
/// let request = api.post(server.resource("/shipments")).header("Content-Type", "application/json");
/// let answer = request.body(r#"{"description":"a box of apples"}"#).send().await?;
/// assert_eq!(answer.status(), 200);
/// # Ok(()) }
/// ```
#[must_use]
pub struct RequestBuilder<'a> {
    api: &'a Api,
    builder: reqwest::RequestBuilder,
}

/// Without the URL and the headers, which may hold a secret.
impl fmt::Debug for RequestBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").finish_non_exhaustive()
    }
}

impl Api {
    /// A GET request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.get(server.resource("/shipments")).send().await?;
    /// assert_eq!(answer.status(), 200);
    /// assert!(answer.text().await?.contains("a box of apples"));
    /// # Ok(()) }
    /// ```
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::GET, url)
    }

    /// A POST request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.post(server.resource("/shipments")).body("a box of apples").send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].body(), b"a box of apples");
    /// # Ok(()) }
    /// ```
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::POST, url)
    }

    /// A PUT request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.put(server.resource("/shipments/1")).body("a box of pears").send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "PUT");
    /// # Ok(()) }
    /// ```
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PUT, url)
    }

    /// A PATCH request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.patch(server.resource("/shipments/1")).body("a box of pears").send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "PATCH");
    /// # Ok(()) }
    /// ```
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request to this URL, which is sent with a token.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.delete(server.resource("/shipments/1")).send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # assert_eq!(server.requests()[1].method(), "DELETE");
    /// # Ok(()) }
    /// ```
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::DELETE, url)
    }

    /// A request to this URL, which is sent with a token.
    ///
    /// ```
    /// use reqwest::Method;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let answer = api.request(Method::OPTIONS, server.resource("/shipments")).send().await?;
    /// assert_eq!(answer.status(), 200);
    /// # Ok(()) }
    /// ```
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder<'_> {
        RequestBuilder { api: self, builder: self.http().request(method, url) }
    }
}

impl RequestBuilder<'_> {
    /// One header more.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.get(server.resource("/shipments")).header("Accept-Language", "nl").send().await?;
    /// assert_eq!(server.requests()[1].header("accept-language"), Some("nl"));
    /// # Ok(()) }
    /// ```
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K, Error: Into<http::Error>>,
        HeaderValue: TryFrom<V, Error: Into<http::Error>>,
    {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// These parameters more in the URL's query.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.get(server.resource("/shipments")).query(&[("page", 2), ("size", 50)]).send().await?;
    /// assert_eq!(server.requests()[1].target(), "/shipments?page=2&size=50");
    /// # Ok(()) }
    /// ```
    pub fn query(self, parameters: &(impl Serialize + ?Sized)) -> Self {
        Self { builder: self.builder.query(parameters), ..self }
    }

    /// This as a form for a body, in place of the one before. A Content-Type that is there already stays.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// api.post(server.resource("/shipments")).form(&[("carrier", "a & b")]).send().await?;
    /// assert_eq!(server.requests()[1].parameter("carrier").as_deref(), Some("a & b"));
    /// # Ok(()) }
    /// ```
    pub fn form(self, form: &(impl Serialize + ?Sized)) -> Self {
        Self { builder: self.builder.form(form), ..self }
    }

    /// This as JSON for a body, in place of the one before. A Content-Type that is there already stays: another than
    /// `application/json` is set before.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let shipment = BTreeMap::from([("description", "a box of apples")]); // or what derives Serialize
    /// api.post(server.resource("/shipments")).json(&shipment).send().await?;
    /// assert_eq!(server.requests()[1].body(), br#"{"description":"a box of apples"}"#);
    /// # Ok(()) }
    /// ```
    pub fn json(self, json: &(impl Serialize + ?Sized)) -> Self {
        Self { builder: self.builder.json(json), ..self }
    }

    /// The body, in place of the one before. A stream is never sent again.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let request = api.post(server.resource("/shipments")).header("Content-Type", "application/vnd.api+json");
    /// request.body(r#"{"data":{"type":"shipments"}}"#).send().await?;
    /// assert_eq!(server.requests()[1].body(), br#"{"data":{"type":"shipments"}}"#);
    /// # Ok(()) }
    /// ```
    pub fn body(self, body: impl Into<Body>) -> Self {
        Self { builder: self.builder.body(body), ..self }
    }

    /// How long each attempt may take, until its answer's body is read, in place of the client's own time. Waiting for a
    /// token is not counted: it is bounded by the source's patience.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Times};
    /// use evergrant_tokio_reqwest::ApiError;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// server.fault(Endpoint::Resource, Fault::Hang, Times::Once);
    /// let call = api.get(server.resource("/shipments")).timeout(Duration::from_millis(50));
    /// assert!(matches!(call.send().await, Err(ApiError::Http(error)) if error.is_timeout()));
    /// # Ok(()) }
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { builder: self.builder.timeout(timeout), ..self }
    }

    /// Sends it with a token, as [`Api::execute`] does.
    ///
    /// ```
    /// use evergrant_tokio_reqwest::ApiError;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, api) = story::api()?;
    /// let call = api.get(server.resource("/shipments")).header("Authorization", "Basic bWU6bXk=");
    /// // Whose authorization is it to be? The token never replaces the program's own.
    /// assert!(matches!(call.send().await, Err(ApiError::Authorized)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The request could not be built; otherwise as [`Api::execute`].
    ///
    /// # Cancel safety
    /// As [`Api::execute`].
    pub async fn send(self) -> Result<Response, ApiError> {
        self.api.send(self.builder).await
    }
}
