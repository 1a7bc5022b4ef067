//! What proves who the client is, and where it is asked to: assertions and metadata.

use crate::same;
use crate::wire::{Answer6749, config_error};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_core::{
    Algorithm, Ask, Asking, AssertionAudience, AssertionForm, Attempt, Class, Client, ClientAuth,
    ConfigError, KeyInfo, Known, MetadataFault, Mono, Move, Now, Outcome, Policy, Problem, Provider,
    Response, Seed, Thumbprint, Wall,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// Mon, 23 Nov 2026 12:00:00 GMT: when requests are sent.
const SENT: u64 = 1_795_435_200;

/// An assertion that a client makes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assertion {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "why")]
    _why: Option<String>,
    #[serde(rename = "rows")]
    _rows: Vec<String>,
    #[serde(rename = "conforms", default)]
    _conforms: Vec<String>,
    method: Option<String>,
    issuer: Option<String>,
    form: Option<Form>,
    algorithm: Option<String>,
    /// What the server's metadata lists.
    listed: Option<Vec<String>>,
    #[serde(default)]
    claims: Vec<(String, String)>,
    #[serde(default)]
    server_ahead_s: i64,
    key: Key,
    expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    audience: String,
    #[serde(rename = "type")]
    header_type: Option<String>,
    #[serde(default)]
    not_before: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    algorithms: Vec<String>,
    id: Option<String>,
    certificate: Option<String>,
}

/// The metadata of a server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "why")]
    _why: Option<String>,
    #[serde(rename = "rows")]
    _rows: Vec<String>,
    #[serde(rename = "conforms", default)]
    _conforms: Vec<String>,
    issuer: Option<String>,
    form: Option<String>,
    #[serde(default)]
    certificate: bool,
    response: Option<Answer6749>,
    expect: Value,
}

fn noon() -> Now {
    Now::new(Mono::from_origin(Duration::from_secs(1000)), Wall::from_epoch(Duration::from_secs(SENT)))
}

fn algorithm(name: &str) -> Algorithm {
    Algorithm::of_name(name).unwrap_or_else(|| panic!("{name} is no algorithm"))
}

fn form(form: &Form) -> Result<AssertionForm, ConfigError> {
    let audience = match form.audience.as_str() {
        "issuer" => AssertionAudience::Issuer,
        "token_endpoint" => AssertionAudience::TokenEndpoint,
        other => AssertionAudience::Other(other.into()),
    };
    let made = AssertionForm::new().with_audience(audience);
    let made = if form.not_before { made.with_not_before() } else { made };
    match &form.header_type {
        Some(header_type) => made.with_type(header_type),
        None => Ok(made),
    }
}

impl Assertion {
    fn client(&self) -> Result<Client, ConfigError> {
        let mut provider = match (&self.issuer, &self.listed) {
            (Some(issuer), Some(_)) => Provider::discovered(issuer)?,
            (issuer, _) => {
                let provider = Provider::rfc6749("https://as.example/token")?;
                issuer.iter().try_fold(provider, |provider, issuer| provider.with_issuer(issuer))?
            }
        };
        if let Some(written) = &self.form {
            provider = provider.with_assertion_form(form(written)?);
        }
        let auth = match self.method.as_deref() {
            Some("client_secret_jwt") => ClientAuth::client_secret_jwt("client")?,
            _ => ClientAuth::private_key_jwt("client")?,
        };
        let mut builder = Client::builder(provider, auth);
        for (name, value) in &self.claims {
            builder = builder.assertion_claim(name, value);
        }
        if let Some(name) = &self.algorithm {
            builder = builder.assertion_algorithm(algorithm(name));
        }
        builder.build()
    }

    /// What is known of the server's clock after one answer.
    fn known(&self, client: &Client) -> Known {
        let known = Known::new(&Policy::new());
        let theirs = SENT.checked_add_signed(self.server_ahead_s).expect("a time");
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(theirs));
        let answer = Response::new(503).with_header("Date", date.as_bytes());
        let asking = self.asking(client, &known);
        let input = asking.unsigned().expect("it is signed").for_key(&self.key(), [0; 16]);
        let Ok(input) = input else { return known };
        let signature = evergrant_core::Signature::new(vec![1; signature_length(input.algorithm())]);
        let Move::Send(_, sent) = asking.answer(input.signed(&signature).expect("a signature")) else {
            panic!("it is sent")
        };
        match sent.received(&answer, noon()) {
            Move::Done(_, known) => known,
            other => panic!("{other:?}"),
        }
    }

    fn asking<'a>(&self, client: &'a Client, known: &Known) -> Asking<'a> {
        let next = match Attempt::begin(client, Seed::new(noon()), known) {
            Move::Send(_, sent) => {
                let document = json!({
                    "issuer": self.issuer, "token_endpoint": "https://as.example/token",
                    "token_endpoint_auth_signing_alg_values_supported": self.listed,
                });
                sent.received(&Response::new(200).with_body(document.to_string().into()), noon())
            }
            next => next,
        };
        match next {
            Move::Ask(asking) if *asking.ask() == Ask::Signature => asking,
            other => panic!("{other:?}"),
        }
    }

    fn key(&self) -> KeyInfo {
        let Key { algorithms, id, certificate } = &self.key;
        let algorithms: Vec<Algorithm> = algorithms.iter().map(|name| algorithm(name)).collect();
        let key = KeyInfo::new(algorithms);
        let key = id.iter().fold(key, |key, id| key.with_id(id));
        let thumbprint = |text: &String| Thumbprint::parse(text).expect("a thumbprint");
        certificate.iter().fold(key, |key, text| key.with_certificate(thumbprint(text)))
    }
}

const fn signature_length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Es384 => 96,
        Algorithm::Hs256 => 32,
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Ps256 => 256,
        _ => 64,
    }
}

pub(crate) fn assertion(vector: &Assertion) -> Result<(), String> {
    let made = vector.client().and_then(|client| {
        let known = vector.known(&client);
        let asking = vector.asking(&client, &known);
        let jti = std::array::from_fn(|at| at as u8);
        asking.unsigned().expect("it is signed").for_key(&vector.key(), jti)
    });
    let actual = match made {
        Ok(input) => {
            let text = std::str::from_utf8(input.as_bytes()).map_err(|error| error.to_string())?;
            let mut parts = text.split('.').map(|part| -> Value {
                let json = URL_SAFE_NO_PAD.decode(part).expect("base64url");
                serde_json::from_slice(&json).expect("JSON")
            });
            json!({"header": parts.next(), "claims": parts.next()})
        }
        Err(error) => json!({"config_error": config_error(&error)}),
    };
    same(&actual, &vector.expect)
}

pub(crate) fn metadata(vector: &Metadata) -> Result<(), String> {
    let issuer = vector.issuer.as_deref().unwrap_or("https://as.example");
    let provider = Provider::discovered(issuer).and_then(|provider| match vector.form.as_deref() {
        Some("rfc8414") => provider.rfc8414(),
        _ => Ok(provider),
    });
    let provider = match provider {
        Ok(provider) => provider,
        Err(error) => return same(&json!({"config_error": config_error(&error)}), &vector.expect),
    };
    let Some(response) = &vector.response else {
        return same(&json!({"url": provider.server().url()}), &vector.expect);
    };
    let client = Client::builder(provider, ClientAuth::none("client").expect("an id")).build();
    let client =
        client.and_then(|client| if vector.certificate { client.with_certificate() } else { Ok(client) });
    let (client, known) = (client.map_err(|error| error.to_string())?, Known::new(&Policy::new()));
    let next = match Attempt::begin(&client, Seed::new(noon()), &known) {
        Move::Ask(asking) => asking.answer(Thumbprint::new([1; 32]).into()),
        next => next,
    };
    let Move::Send(_, sent) = next else { return Err(format!("metadata is not asked for: {next:?}")) };
    let actual = match sent.received(&response.response()?, noon()) {
        Move::Send(request, _) => json!({"token_endpoint": request.url()}),
        Move::Done(Outcome::Refused(refusal), _) => {
            let Problem::Metadata { fault, .. } = refusal.problem() else { return Err(refusal.to_string()) };
            let class = if refusal.class() == Class::Permanent { "permanent" } else { "transient" };
            let mut actual = json!({"fault": fault_name(fault)?, "class": class});
            if let Some(wait) = refusal.retry_after() {
                actual["retry_after_s"] = wait.as_secs().into();
            }
            actual
        }
        other => return Err(format!("{other:?}")),
    };
    same(&actual, &vector.expect)
}

fn fault_name(fault: &MetadataFault) -> Result<&'static str, String> {
    Ok(match fault {
        MetadataFault::Status => "status",
        MetadataFault::Redirect { .. } => "redirect",
        MetadataFault::TooLong => "too_long",
        MetadataFault::Malformed(_) => "malformed",
        MetadataFault::Issuer { .. } => "issuer",
        MetadataFault::NoTokenEndpoint => "no_token_endpoint",
        MetadataFault::TokenEndpoint(_) => "token_endpoint",
        other => return Err(format!("{other:?} has no name")),
    })
}
