//! What is shown of a client: each value as it will be used, and who said it. The secret's place, never the secret.

use super::{Proof, Settings, UNKNOWN};
use crate::client::args::Auth;
use crate::client::said::{Said, Whence};
use crate::tell::failure::Failure;
use clap::ValueEnum;
use evergrant_tokio_reqwest::core::BodyFormat;
use serde_json::{Value, json};
use std::fmt;
use std::path::Path;

/// One setting of a client.
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) value: Text,
    pub(crate) by: Whence,
}

/// A value in words.
pub(crate) enum Text {
    One(Option<String>),
    Many(Vec<String>),
    Flag(bool),
}

impl Settings {
    /// The profile that is used, if one is.
    pub(crate) fn profile(&self) -> Option<&Said<String>> {
        self.profile.as_ref()
    }

    /// All of them. Nothing is sent, no command is run, and no secret is read.
    pub(crate) fn shown(&self) -> Result<Vec<Shown>, Failure> {
        let client = self.client(Proof::Secret(UNKNOWN), &[])?;
        let provider = client.provider();
        let endpoint = provider.token_endpoint().map(ToString::to_string);
        // What is asked first, where the endpoint is found out.
        let metadata = endpoint.is_none().then(|| provider.server().to_string());
        let body = match provider.body() {
            BodyFormat::Json => "json",
            _ => "form",
        };
        let place = self.place().to_string();
        let (mut secret, mut assertion, mut key) = (None, None, None);
        match self.method() {
            Auth::None | Auth::Tls => {}
            Auth::Assertion => assertion = Some(place),
            Auth::PrivateKeyJwt => key = Some(place),
            _ => secret = Some(place),
        }
        let kind = self.assertion().map(|kind| kind.value.uri().to_owned());
        let unsaid = Whence::Default;
        let whence =
            |value: &Option<String>| if value.is_some() { &self.credential.place.by } else { &unsaid };
        let (secret_by, assertion_by, key_by) = (whence(&secret), whence(&assertion), whence(&key));
        let kind_by = self.assertion().map_or(&unsaid, |kind| &kind.by);
        let certificate = self.credential.certificate();
        let certificate_by = certificate.map_or(&unsaid, |said| &said.by);
        let path = |path: &Path| path.display().to_string();
        let (file, key_file) = match certificate.map(|said| &said.value) {
            Some(certificate) => (Some(path(certificate.file())), Some(path(certificate.key_file()))),
            None => (None, None),
        };
        let signing = &self.signing;
        // Their values may be secrets.
        let claims = signing.claims.value.iter().map(|(name, _)| name.clone()).collect();
        let (mut audience, mut header_type) = (None, None);
        if self.signs() {
            audience = Some(signing.audience.value.clone().unwrap_or_else(|| "issuer".to_owned()));
            header_type = Some(provider.assertion_form().header_type().to_owned());
        }
        let algorithm = signing.algorithm.value.map(|algorithm| algorithm.name().to_owned());
        let by = |name, by: &Whence, value| Shown { name, value: Text::One(value), by: by.clone() };
        let scope: Vec<String> = client.scope().tokens().map(str::to_owned).collect();
        // A parameter's value may be a secret.
        let params = self.params.value.iter().map(|(name, _)| name.clone()).collect();
        // And so may that of a header field.
        let headers = self.token_headers.value.iter().map(ToString::to_string).collect();
        let ca_file = self.ca_file.value.as_ref().map(|path| path.display().to_string());
        let proxy = self.proxy.value.clone().unwrap_or_default().to_string();
        let origins = provider.origins().iter().map(ToString::to_string).collect();
        let user_agent = self.user_agent.value.clone().unwrap_or_else(default_user_agent);
        Ok(vec![
            one("provider", &self.provider, Some(named(&self.provider.value))),
            one("token_endpoint", &self.token_endpoint, endpoint),
            one("issuer", &self.issuer, self.issuer.value.clone()),
            one("metadata_url", &self.metadata_url, metadata),
            one("body", &self.body, Some(body.to_owned())),
            one("auth", &self.auth, Some(named(&self.method()))),
            one("client_id", &self.client_id, self.named_client().map(str::to_owned)),
            by("client_secret", secret_by, secret),
            by("client_assertion", assertion_by, assertion),
            by("assertion_type", kind_by, kind),
            by("signing_key", key_by, key),
            one("key_id", &signing.key_id, signing.key_id.value.clone()),
            flag("key_thumbprint", &signing.thumbprint),
            one("key_certificate", &signing.certificate, signing.certificate.value.as_deref().map(path)),
            one("assertion_audience", &signing.audience, audience),
            one("assertion_algorithm", &signing.algorithm, algorithm),
            one("assertion_header_type", &signing.header_type, header_type),
            flag("assertion_not_before", &signing.not_before),
            many("assertion_claims", &signing.claims, claims),
            by("certificate", certificate_by, file),
            by("certificate_key", self.credential.certificate_key_by(), key_file),
            flag("certificate_bound", &self.bound),
            many("scope", &self.scope, scope),
            many("resources", &self.resources, self.resources.value.clone()),
            one("audience", &self.audience, self.audience.value.clone()),
            many("params", &self.params, params),
            many("origins", &self.origins, origins),
            many("allow_origin", &self.allowed, self.allowed.value.clone()),
            many("token_headers", &self.token_headers, headers),
            many("bearer_words", &self.bearer_words, self.bearer_words.value.clone()),
            one("user_agent", &self.user_agent, Some(user_agent)),
            one("ca_file", &self.ca_file, ca_file),
            one("proxy", &self.proxy, Some(proxy)),
            flag("dangerous_plain_http", &self.dangerous_plain_http),
            one("timeout", &self.timeout, Some(format!("{:?}", self.policy().attempt_timeout()))),
            one("cache", &self.cache, Some(named(&self.cache.value))),
        ])
    }
}

impl Shown {
    /// Its name and what there is to say of it.
    pub(crate) fn json(&self) -> (String, Value) {
        let value = match &self.value {
            Text::One(text) => json!(text),
            Text::Many(texts) => json!(texts),
            Text::Flag(flag) => json!(flag),
        };
        (self.name.to_owned(), json!({ "value": value, "from": self.by.json() }))
    }
}

impl Text {
    /// The one value, if it is one.
    pub(crate) fn one(&self) -> Option<String> {
        match self {
            Self::One(text) => text.clone(),
            Self::Many(_) | Self::Flag(_) => None,
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(Some(text)) => f.write_str(text),
            Self::Many(texts) if !texts.is_empty() => f.write_str(&texts.join(" ")),
            Self::One(None) | Self::Many(_) => f.write_str("none"),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

fn one<T>(name: &'static str, said: &Said<T>, value: Option<String>) -> Shown {
    Shown { name, value: Text::One(value), by: said.by.clone() }
}

fn flag(name: &'static str, said: &Said<bool>) -> Shown {
    Shown { name, value: Text::Flag(said.value), by: said.by.clone() }
}

fn many<T>(name: &'static str, said: &Said<T>, value: Vec<String>) -> Shown {
    Shown { name, value: Text::Many(value), by: said.by.clone() }
}

/// The word that a flag takes for it.
fn named(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// What the library says in User-Agent, unless it is told otherwise.
fn default_user_agent() -> String {
    concat!("evergrant/", env!("CARGO_PKG_VERSION")).to_owned()
}
