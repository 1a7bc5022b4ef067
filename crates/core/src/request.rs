//! The token request (RFC 6749 §4.4.2), ready to be sent.

use crate::endpoint::Endpoint;
use crate::json::quote;
use crate::secret::{Secret, Wiped};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroizing;

/// In which format the parameters of a token request are sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum BodyFormat {
    /// `application/x-www-form-urlencoded` (RFC 6749 §4.4.2).
    #[default]
    Form,
    /// `application/json`: one object of the same parameters; what is repeated becomes an array of texts.
    Json,
}

/// What a token request says of its sender, unless the client says otherwise (RFC 9110 §10.1.5).
const USER_AGENT: &str = concat!("evergrant/", env!("CARGO_PKG_VERSION"));

/// A token request. Send it once, as it is, to [`url`](Self::url), with no redirect followed and no retry.
///
/// Its body, its Authorization header and the header fields of the client's own are wiped from memory with it; Debug shows
/// none of them.
pub struct Request {
    endpoint: Endpoint,
    /// `None` for a request of metadata, which has no body.
    format: Option<BodyFormat>,
    authorization: Option<Zeroizing<String>>,
    /// Header fields of the client's own, names in lower case.
    own: Vec<(Box<str>, Secret)>,
    content_length: String,
    body: Wiped,
}

impl Request {
    pub(crate) fn new(
        endpoint: Endpoint,
        format: BodyFormat,
        authorization: Option<Zeroizing<String>>,
        parameters: &[Parameter<'_>],
    ) -> Self {
        let body = match format {
            BodyFormat::Form => form(parameters),
            BodyFormat::Json => json(parameters),
        };
        let content_length = body.len().to_string();
        Self { endpoint, format: Some(format), authorization, own: Vec::new(), content_length, body }
    }

    /// A request of the metadata that is there. Nothing of the client's goes with it but what it calls itself.
    pub(crate) fn of_metadata(endpoint: Endpoint) -> Self {
        let (own, body) = (Vec::new(), Wiped::default());
        Self { endpoint, format: None, authorization: None, own, content_length: String::new(), body }
    }

    /// The same with these header fields of the client's own.
    pub(crate) fn with_headers(self, own: &[(Box<str>, Secret)]) -> Self {
        Self { own: own.into(), ..self }
    }

    /// `POST` for a token (RFC 6749 §3.2), `GET` for metadata (RFC 8414 §3.1).
    pub const fn method(&self) -> &'static str {
        match self.format {
            Some(_) => "POST",
            None => "GET",
        }
    }

    /// The URL, byte for byte as it was configured, or as the server's metadata has it. It has no secret in it.
    pub fn url(&self) -> &str {
        self.endpoint.url()
    }

    /// Where it goes.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The headers, names in lower case and each once: those of every token request, which end with `user-agent`, and behind
    /// them `authorization`, when there, and the client's own. What is behind them is secret: mark it so where the HTTP
    /// library can. `content-length` is that of [`body`](Self::body).
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let content_type = self.format.map(|format| match format {
            BodyFormat::Form => "application/x-www-form-urlencoded",
            BodyFormat::Json => "application/json",
        });
        let content = content_type.map(|content_type| {
            [("content-type", content_type), ("content-length", self.content_length.as_str())]
        });
        let authorization = self.authorization.as_ref().map(|value| ("authorization", value.as_str()));
        let is_user_agent = |name: &str| name == "user-agent";
        let own = self.own.iter().map(|(name, value)| (&**name, value.expose()));
        let user_agent = own.clone().find(|(name, _)| is_user_agent(name));
        [
            ("accept", "application/json"),
            // Without it any coding is acceptable (RFC 9110 §12.5.3), and only two are decoded.
            ("accept-encoding", "identity"),
            ("cache-control", "no-store"),
        ]
        .into_iter()
        .chain(content.into_iter().flatten())
        .chain([
            // Firewalls refuse a request that does not say who sends it.
            user_agent.unwrap_or(("user-agent", USER_AGENT)),
        ])
        .chain(authorization)
        .chain(own.filter(move |(name, _)| !is_user_agent(name)))
    }

    /// The body. It has the client secret in it, unless the Authorization header does.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// The URL without its query, the names of the headers, the length of the body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("url", &self.endpoint.without_query())
            .field("headers", &names)
            .field("body_len", &self.body.len())
            .finish()
    }
}

/// A parameter and its values: one, or several for one that may be repeated (`resource`, RFC 8707 §2).
pub(crate) struct Parameter<'a> {
    name: &'a str,
    values: Vec<&'a str>,
}

impl<'a> Parameter<'a> {
    /// A parameter without a value is left out (RFC 6749 §3.2).
    pub(crate) fn new(name: &'a str, values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let values: Vec<&str> = values.into_iter().filter(|value| !value.is_empty()).collect();
        (!values.is_empty()).then_some(Self { name, values })
    }

    /// At least as many bytes as any format can make of it: a body that outgrew its allocation would leave a copy
    /// of the secret behind.
    fn bound(&self) -> usize {
        // Six bytes is the longest escape of one byte (`\u001f`), and six more are the quotes, the colon and the comma. A name
        // has nothing to escape.
        self.values.iter().map(|value| self.name.len() + 6 * value.len() + 6).sum()
    }
}

fn form(parameters: &[Parameter<'_>]) -> Wiped {
    let mut body = allocated(parameters);
    let pairs = parameters.iter().flat_map(|p| p.values.iter().map(|value| (p.name, *value)));
    for (place, (name, value)) in pairs.enumerate() {
        if place > 0 {
            body.push(b'&');
        }
        form_urlencoded::byte_serialize(name.as_bytes()).for_each(|part| body.extend(part.as_bytes()));
        body.push(b'=');
        form_urlencoded::byte_serialize(value.as_bytes()).for_each(|part| body.extend(part.as_bytes()));
    }
    body
}

fn json(parameters: &[Parameter<'_>]) -> Wiped {
    let mut body = allocated(parameters);
    body.push(b'{');
    for (place, parameter) in parameters.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        quote(&mut body, parameter.name);
        body.push(b':');
        if let [value] = parameter.values[..] {
            quote(&mut body, value);
            continue;
        }
        body.push(b'[');
        for (place, value) in parameter.values.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            quote(&mut body, value);
        }
        body.push(b']');
    }
    body.push(b'}');
    body
}

fn allocated(parameters: &[Parameter<'_>]) -> Wiped {
    let bound = parameters.iter().map(Parameter::bound).sum::<usize>() + 2;
    Wiped(Vec::with_capacity(bound))
}

/// `text` as it stands in a form.
pub(crate) fn form_encoded(text: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
    form_urlencoded::byte_serialize(text.as_bytes()).for_each(|part| encoded.push_str(part));
    encoded
}

#[cfg(test)]
mod tests;
