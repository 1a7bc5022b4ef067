//! The servers, as the environment names them, and what is asked of them by hand.

use crate::credentials::certificate;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_tests::transports::ureq_trusting;
use evergrant_tokio_reqwest::core::{BodyFormat, Response};
use evergrant_tokio_reqwest::{Client, ClientAuth, ClientBuilder, Origins, Provider};
use rustls::pki_types::CertificateDer;
use std::env;
use std::time::Duration;

/// The client whose id needs its form encoding, as the secret of all does.
pub(crate) const ENCODED: &str = "evergrant:in/ter op";
/// The same at authlib, without the space.
const ENCODED_WITHOUT_SPACE: &str = "evergrant:in/ter+op";
/// A client whose id does not.
pub(crate) const PLAIN: &str = "plain";
/// The client of authlib whose secret has its space.
pub(crate) const SPACED: &str = "spaced";
/// The client that authenticates in the body.
pub(crate) const POST: &str = "post";
/// The client whose tokens live 3 seconds.
pub(crate) const BRIEF: &str = "brief";
/// The resource for which oidc-provider makes a JWT.
pub(crate) const PARCELS: &str = "urn:interop:parcels";

/// An authorization server, and a resource server that believes it.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) token_endpoint: String,
    pub(crate) resource: String,
    /// The client that most cases are with.
    pub(crate) client: &'static str,
    pub(crate) secret: String,
    pub(crate) body: BodyFormat,
    pub(crate) basic: Basic,
    /// The client that has no secret: the platform vouches for it.
    pub(crate) account: &'static str,
    /// Whom an assertion for this server is for.
    pub(crate) audience: String,
    /// Whose certificate it has, if that is no authority of the platform.
    pub(crate) root: Option<CertificateDer<'static>>,
    /// Whether the platform signs in its own name, and not in that of the client.
    is_foreign: bool,
    base: String,
    revocation_endpoint: String,
    token_requests: String,
    origins: Origins,
}

/// How the server reads a Basic header.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Basic {
    /// Form-encoded, as RFC 6749 §2.3.1 says.
    Encoded,
    /// As it stands.
    Raw,
}

impl Basic {
    pub(crate) fn auth(self, id: &str, secret: &str) -> ClientAuth {
        let auth = match self {
            Self::Encoded => ClientAuth::basic(id, secret),
            Self::Raw => ClientAuth::basic_raw(id, secret),
        };
        auth.unwrap()
    }
}

/// All of them.
pub(crate) struct Servers {
    pub(crate) oidc_provider: Server,
    pub(crate) django: Server,
    /// The same library, that reads JSON bodies alone.
    pub(crate) django_json: Server,
    /// The first django, and a resource of its own in place of ours.
    pub(crate) django_api: Server,
    /// Its resource is of the same library, as are those of the next ones.
    pub(crate) authlib: Server,
    pub(crate) node_oauth: Server,
    /// Only where it could be installed.
    pub(crate) doorkeeper: Option<Server>,
    /// The server with a client for each way of proving who one is.
    pub(crate) keys: Server,
    /// The same as an issuer with a path.
    pub(crate) tenant: Server,
    /// The same at https, where it asks for a client certificate.
    pub(crate) certificates: Server,
}

/// What `run` put there.
pub(crate) fn variable(name: &str) -> String {
    let name = format!("EVERGRANT_INTEROP_{name}");
    env::var(&name).unwrap_or_else(|_| {
        panic!("{name} is not set: start the servers with tests/interop/run, which sets it")
    })
}

impl Servers {
    pub(crate) fn from_environment() -> Self {
        let secret = variable("SECRET");
        let (oidc_provider, django, django_json) =
            (variable("OIDC_PROVIDER"), variable("DJANGO"), variable("DJANGO_JSON"));
        let server = |name, base: &str, token, revocation, resource: String, body| Server {
            name,
            token_endpoint: format!("{base}{token}"),
            revocation_endpoint: format!("{base}{revocation}"),
            token_requests: format!("{base}/token-requests"),
            account: "asserted",
            audience: base.to_owned(),
            is_foreign: false,
            base: base.to_owned(),
            root: None,
            origins: Origins::parse([resource.rsplit_once('/').unwrap().0]).unwrap(),
            resource,
            client: ENCODED,
            secret: secret.clone(),
            body,
            basic: Basic::Encoded,
        };
        let of_django = |name, base: &str, resource, body| {
            server(name, base, "/o/token/", "/o/revoke_token/", resource, body)
        };
        let parcels = |base: String| format!("{base}/parcels");
        let with_own_resource = |name, base: String, token, revocation| {
            server(name, &base, token, revocation, parcels(base.clone()), BodyFormat::Form)
        };
        let authlib = with_own_resource("authlib", variable("AUTHLIB"), "/oauth/token/", "/oauth/revoke");
        let node_oauth = with_own_resource("node-oauth", variable("NODE_OAUTH"), "/token", "/revoke");
        let doorkeeper = env::var("EVERGRANT_INTEROP_DOORKEEPER").ok();
        let doorkeeper =
            doorkeeper.map(|base| with_own_resource("doorkeeper", base, "/oauth/token", "/oauth/revoke"));
        let keys = variable("KEYS");
        // It revokes nothing, and has one resource for all of its tokens.
        let of_credentials =
            |name, base: String| server(name, &base, "/token", "/", parcels(keys.clone()), BodyFormat::Form);
        let raw = |server| Server { client: PLAIN, basic: Basic::Raw, ..server };
        Self {
            oidc_provider: server(
                "oidc-provider",
                &oidc_provider,
                "/token",
                "/token/revocation",
                parcels(variable("OIDC_PROVIDER_RESOURCE")),
                BodyFormat::Form,
            ),
            django: of_django("django", &django, parcels(variable("DJANGO_RESOURCE")), BodyFormat::Form),
            django_json: of_django(
                "django, JSON",
                &django_json,
                format!("{django_json}/api"),
                BodyFormat::Json,
            ),
            django_api: of_django("django", &django, format!("{django}/api"), BodyFormat::Form),
            authlib: Server {
                client: ENCODED_WITHOUT_SPACE,
                secret: secret.replace(' ', ""),
                account: "system:serviceaccount:parcels:importer",
                audience: authlib.token_endpoint.clone(),
                is_foreign: true,
                ..authlib
            },
            node_oauth: raw(node_oauth),
            doorkeeper: doorkeeper.map(raw),
            tenant: of_credentials("keys, a path", format!("{keys}/tenants/parcels")),
            certificates: Server {
                root: Some(certificate("ca.crt")),
                ..of_credentials("certificates", variable("CERTIFICATES"))
            },
            keys: of_credentials("keys", keys.clone()),
        }
    }
}

impl Server {
    /// What is known of it.
    pub(crate) fn provider(&self) -> Provider {
        let provider = Provider::rfc6749(&self.token_endpoint).unwrap();
        provider.with_body(self.body).with_origins(self.origins.clone())
    }

    /// The client of this id with the right secret, in a Basic header.
    pub(crate) fn as_client(&self, id: &str) -> ClientBuilder {
        Client::builder(self.provider(), self.basic.auth(id, &self.secret)).scope("read")
    }

    /// How many token requests came so far.
    pub(crate) fn token_requests(&self) -> u64 {
        let answer = agent().get(&self.token_requests).call().unwrap();
        answer.into_body().read_to_string().unwrap().parse().unwrap()
    }

    /// How many token requests of this client were granted, and how many refused.
    pub(crate) fn ended(&self, client: &str) -> (u64, u64) {
        let answer = agent().get(&self.token_requests).query("client", client).call().unwrap();
        let counts = answer.into_body().read_to_string().unwrap();
        let (granted, refused) = counts.split_once(' ').unwrap();
        (granted.parse().unwrap(), refused.parse().unwrap())
    }

    /// Has the server know a client of this id and secret, whose tokens live so long, or gives it this secret.
    pub(crate) fn register(&self, id: &str, method: &str, secret: &str, life: Duration) {
        let request = agent().post(format!("{}/client", self.base));
        let request =
            request.query("id", id).query("method", method).query("life", life.as_secs().to_string());
        assert_eq!(request.send(secret).unwrap().status(), 200);
    }

    /// A new assertion of the platform: that this is the client, for this audience, until so many seconds from now.
    pub(crate) fn assertion(&self, client: &str, audience: &str, life: i64) -> String {
        let platform = variable("PLATFORM");
        let issuer = if self.is_foreign { &*platform } else { client };
        let request = agent().get(format!("{platform}/assertion")).query("iss", issuer).query("sub", client);
        let answer = request.query("aud", audience).query("life", life.to_string()).call();
        answer.unwrap().into_body().read_to_string().unwrap()
    }

    /// One that is good for a minute.
    pub(crate) fn good_assertion(&self, client: &str) -> String {
        self.assertion(client, &self.audience, 60)
    }

    /// One that ended three minutes ago.
    pub(crate) fn ended_assertion(&self, client: &str) -> String {
        self.assertion(client, &self.audience, -185)
    }

    /// What a caller gets of this address: the status and the body.
    pub(crate) fn answer(url: &str) -> (u16, String) {
        let answer = agent().get(url).call().unwrap();
        (answer.status().as_u16(), answer.into_body().read_to_string().unwrap())
    }

    /// Asks the resource with this token, without evergrant.
    pub(crate) fn status_with(&self, token: &str) -> u16 {
        let request = agent().get(&self.resource).header("authorization", format!("Bearer {token}"));
        request.call().unwrap().status().as_u16()
    }

    /// Revokes the token at the server (RFC 7009).
    pub(crate) fn revoke(&self, token: &str) {
        let request = agent().post(&self.revocation_endpoint);
        let request = request.header("authorization", self.authorization(self.client));
        let answer = request.send_form([("token", token)]);
        assert_eq!(answer.unwrap().status(), 200, "the server did not revoke the token");
    }

    /// A token request with these parameters next to a Basic header, which evergrant cannot be brought to send.
    pub(crate) fn send_with_basic(&self, id: &str, parameters: [(&str, &str); 3]) -> Response {
        let request = agent().post(&self.token_endpoint).header("authorization", self.authorization(id));
        answered(request.send_form(parameters).unwrap())
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// RFC 6749 §2.3.1: the form encoding may write any byte as an escape, so all are.
    pub(crate) fn authorization(&self, id: &str) -> String {
        let form = |text: &str| match self.basic {
            Basic::Encoded => text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>(),
            Basic::Raw => text.into(),
        };
        format!("Basic {}", STANDARD.encode(format!("{}:{}", form(id), form(&self.secret))))
    }
}

/// The same as core reads it.
pub(crate) fn answered(answer: http::Response<ureq::Body>) -> Response {
    let mut response = Response::new(answer.status().as_u16());
    for (name, value) in answer.headers() {
        response = response.with_header(name.as_str(), value.as_bytes());
    }
    response.with_body(answer.into_body().read_to_vec().unwrap())
}

/// What asks without evergrant. Of the servers at https it trusts ours.
pub(crate) fn agent() -> ureq::Agent {
    ureq_trusting(&certificate("ca.crt"))
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent()
}
