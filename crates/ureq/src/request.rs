//! A request in the making, which is sent with a token.

use crate::api::{Api, ApiError};
use crate::repeatable::RepeatableBody;
use http::{HeaderName, HeaderValue, Method, Response, request};
use std::fmt;
use ureq::Body;

/// A request that is sent with a token: [`Api::get`] and its like.
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
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::GET, url)
    }

    /// A POST request to this URL, which is sent with a token.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::POST, url)
    }

    /// A PUT request to this URL, which is sent with a token.
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::PUT, url)
    }

    /// A PATCH request to this URL, which is sent with a token.
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request to this URL, which is sent with a token.
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::DELETE, url)
    }

    /// A request to this URL, which is sent with a token.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder<'_> {
        let builder = request::Builder::new().method(method).uri(url.as_ref());
        RequestBuilder { api: self, builder, body: () }
    }
}

impl<'a, B> RequestBuilder<'a, B> {
    /// One header more. What is wrong with it, [`send`](Self::send) says.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// The body, in place of the one before. JSON is a text, such as serde_json's `to_string` gives it, with a Content-Type
    /// of its own. For a body that can be read once there is [`Api::run_once`].
    pub fn body<C: RepeatableBody>(self, body: C) -> RequestBuilder<'a, C> {
        RequestBuilder { api: self.api, builder: self.builder, body }
    }

    /// Sends it with a token, as [`Api::run`] does.
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
