//! A request in the making, which is sent with a token.

use crate::api::Api;
use crate::error::ApiError;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Body, IntoUrl, Method, Response};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// A request that is sent with a token: [`Api::get`] and its like. What is wrong with it, [`send`](Self::send) says.
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
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::GET, url)
    }

    /// A POST request to this URL, which is sent with a token.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::POST, url)
    }

    /// A PUT request to this URL, which is sent with a token.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PUT, url)
    }

    /// A PATCH request to this URL, which is sent with a token.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request to this URL, which is sent with a token.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::DELETE, url)
    }

    /// A request to this URL, which is sent with a token.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder<'_> {
        RequestBuilder { api: self, builder: self.http().request(method, url) }
    }
}

impl RequestBuilder<'_> {
    /// One header more.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K, Error: Into<http::Error>>,
        HeaderValue: TryFrom<V, Error: Into<http::Error>>,
    {
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// These parameters more in the URL's query.
    pub fn query(self, parameters: &(impl Serialize + ?Sized)) -> Self {
        Self { builder: self.builder.query(parameters), ..self }
    }

    /// This as a form for a body, in place of the one before. A Content-Type that is there already stays.
    pub fn form(self, form: &(impl Serialize + ?Sized)) -> Self {
        Self { builder: self.builder.form(form), ..self }
    }

    /// This as JSON for a body, in place of the one before. A Content-Type that is there already stays: another than
    /// `application/json` is set before.
    pub fn json(self, json: &(impl Serialize + ?Sized)) -> Self {
        Self { builder: self.builder.json(json), ..self }
    }

    /// The body, in place of the one before. A stream is never sent again.
    pub fn body(self, body: impl Into<Body>) -> Self {
        Self { builder: self.builder.body(body), ..self }
    }

    /// How long each attempt may take, until its answer's body is read, in place of the client's own time. Waiting for a
    /// token is not counted: it is bounded by the source's patience.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { builder: self.builder.timeout(timeout), ..self }
    }

    /// Sends it with a token, as [`Api::execute`] does.
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
