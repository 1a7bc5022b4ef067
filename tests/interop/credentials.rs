//! The server with a client for each way of proving who one is (`node/credentials.mjs`), and what is asked of it by hand.

use crate::servers::{Server, agent, answered, variable};
use evergrant_tokio_reqwest::core::Response;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that the server has written for its clients: a key, or a certificate.
pub(crate) fn placed(name: &str) -> PathBuf {
    PathBuf::from(variable("CREDENTIALS_FOLDER")).join(name)
}

/// The certificate in such a file.
pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(placed(name)).unwrap()
}

/// An assertion that is made by hand.
#[derive(Clone)]
pub(crate) struct Claims {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

/// Seconds since 1970 by the clock of this machine, which is the server's.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Claims {
    /// As this client would say it of itself, with a key for ES256.
    pub(crate) fn of(server: &Server, client: &str) -> Self {
        let map = |value| if let Value::Object(map) = value { map } else { Map::new() };
        let header = map(json!({ "alg": "ES256", "typ": "client-authentication+jwt" }));
        let claims = map(json!({
            "iss": client,
            "sub": client,
            "aud": server.audience,
            "jti": uuid(),
            "iat": now() - 5,
            "exp": now() + 55,
        }));
        Self { header, claims }
    }

    /// The same with another claim, or without it.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        match value.into() {
            Value::Null => drop(self.claims.remove(name)),
            value => drop(self.claims.insert(name.into(), value)),
        }
        self
    }

    /// The same with another member of the header, or without it.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        match value.into() {
            Value::Null => drop(self.header.remove(name)),
            value => drop(self.header.insert(name.into(), value)),
        }
        self
    }

    /// Signed by `jose` with this key.
    pub(crate) fn signed(&self, server: &Server, key: &str) -> String {
        let body = json!({ "header": self.header, "claims": self.claims }).to_string();
        let answer = agent().post(format!("{}/sign", server.base())).query("key", key).send(body).unwrap();
        assert_eq!(answer.status(), 200, "it cannot be signed");
        answer.into_body().read_to_string().unwrap()
    }
}

/// A text that is there once.
fn uuid() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("by hand {} {}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Server {
    /// What came last of this client at the token endpoint.
    pub(crate) fn seen(&self, client: &str) -> Value {
        let answer = agent().get(format!("{}/seen", self.base())).query("client", client).call().unwrap();
        serde_json::from_str(&answer.into_body().read_to_string().unwrap()).unwrap()
    }

    /// How often its metadata was asked for so far.
    pub(crate) fn metadata_requests(&self) -> u64 {
        Self::answer(&format!("{}/metadata-requests", self.base())).1.parse().unwrap()
    }

    /// Its token endpoint is here from now on, or back where it was.
    pub(crate) fn move_to(&self, path: Option<&str>) {
        let request = agent().post(format!("{}/move", self.base()));
        assert_eq!(request.query("to", path.unwrap_or_default()).send_empty().unwrap().status(), 200);
    }

    /// What a token is bound to, by the resource.
    pub(crate) fn bound_to(&self, token: &str) -> Option<String> {
        let answer: Value = serde_json::from_str(&self.answer_with(token)).unwrap();
        answer["bound_to"].as_str().map(ToOwned::to_owned)
    }

    /// What the resource answers to this token.
    pub(crate) fn answer_with(&self, token: &str) -> String {
        let request = agent().get(&self.resource).header("authorization", format!("Bearer {token}"));
        request.call().unwrap().into_body().read_to_string().unwrap()
    }

    /// A token request that evergrant cannot be brought to send, with these parameters beside those of every one.
    pub(crate) fn send(&self, authorization: Option<&str>, parameters: &[(&str, &str)]) -> Response {
        let mut request = agent().post(&self.token_endpoint);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let always = [("grant_type", "client_credentials"), ("scope", "read")];
        answered(request.send_form(always.iter().chain(parameters).copied()).unwrap())
    }

    /// One with this assertion.
    pub(crate) fn send_assertion(&self, assertion: &str, more: &[(&str, &str)]) -> Response {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let own = [("client_assertion_type", kind), ("client_assertion", assertion)];
        self.send(None, &[&own, more].concat())
    }
}

/// What asks without evergrant, and shows this certificate.
pub(crate) fn agent_showing(name: &str) -> ureq::Agent {
    let key =
        ureq::tls::PrivateKey::from_pem(&std::fs::read(placed(&format!("{name}.key"))).unwrap()).unwrap();
    let shown = ureq::tls::Certificate::from_der(&certificate(&format!("{name}.crt"))).to_owned();
    let root = ureq::tls::Certificate::from_der(&certificate("ca.crt")).to_owned();
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::new_with_certs(&[root]))
        .client_cert(Some(ureq::tls::ClientCert::new_with_certs(&[shown], key)));
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .tls_config(tls.build())
        .build()
        .new_agent()
}
