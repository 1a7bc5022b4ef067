//! What goes over the wire: requests, answers, challenges, verdicts.

use crate::same;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use evergrant_core::{
    AfterRefusal, Answer, BodyFormat, Challenge, Class, Client, ClientAuth, ConfigError, Grant, HeaderFault,
    JwtHint, Malformed, Mono, Now, Problem, Provider, Refusal, Rejection, Replay, Response, Scope,
    TransportErrorKind, Verdict, VerdictRule, Wall, myparcel,
};
use evergrant_http::Collector;
use serde::Deserialize;
use std::time::Duration;

/// Mon, 23 Nov 2026 12:00:00 GMT: when requests are sent unless the vector says otherwise.
const SENT: u64 = 1_795_435_200;
/// No token is believed to live longer: 366 days, in seconds. Where that is applied is each implementation's affair.
const LONGEST_LIFE: u64 = 31_622_400;
/// The largest integer that every reader of JSON keeps exact.
const LARGEST: u64 = (1 << 53) - 1;

/// Declares a kind of vector: what all have, and what it has of its own.
macro_rules! vectors {
    ($($(#[$doc:meta])* $kind:ident { $($fields:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $kind {
            #[serde(rename = "name")]
            _name: String,
            #[serde(rename = "why")]
            _why: Option<String>,
            #[serde(rename = "rows")]
            _rows: Vec<String>,
            #[serde(rename = "conforms", default)]
            _conforms: Vec<String>,
            $($fields)*
        }
    )*};
}

vectors! {
    /// A token endpoint's answer, or the want of one.
    Answered {
        #[serde(default)]
        client: Config,
        sent_wall_s: Option<u64>,
        response: Option<Answer6749>,
        transport: Option<Transport>,
        expect: Outcome,
    }
    /// A token that may be a JWT, from an answer without `expires_in`.
    Jwt {
        payload: Option<String>,
        token: Text,
        expect: Option<Times>,
    }
    /// Retry-After lines of a 503.
    RetryAfter {
        retry_after: Vec<String>,
        date: Option<String>,
        sent_wall_s: Option<u64>,
        retry_after_s: Option<u64>,
    }
    /// WWW-Authenticate lines.
    Challenges {
        lines: Option<Vec<Text>>,
        lines_base64: Option<Vec<String>>,
        expect: Vec<Challenged>,
    }
    /// A resource server's answer.
    Judged {
        rule: Rule,
        status: u16,
        #[serde(default)]
        headers: Vec<(String, String)>,
        body: Option<Text>,
        expect: String,
    }
    /// A request whose token is refused.
    Replayed {
        repeatable: bool,
        refusals: Vec<RefusedSend>,
    }
    /// Id and secret for HTTP Basic.
    Basic {
        id: String,
        secret: String,
        encoding: Encoding,
        expect: Header,
    }
    /// A configuration.
    Configured {
        client: Config,
        expect: Sent,
    }
}

/// A text, or the pieces of one that is too long to be written down.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Once(String),
    Repeated(Repeated),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeated {
    repeat: String,
    times: usize,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Config {
    provider: Option<String>,
    token_endpoint: Option<String>,
    body_format: Option<String>,
    auth: Option<Auth>,
    scope: Option<String>,
    resources: Vec<String>,
    audience: Option<String>,
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    jwt_hint: Option<bool>,
    bearer_words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    method: String,
    id: String,
    secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer6749 {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<Text>,
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transport {
    kind: String,
    detail: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Outcome {
    Grant {
        token: Text,
        life_s: Option<u64>,
        refresh_in_s: Option<u64>,
        #[serde(default)]
        hint: Hint,
        scope: Option<Vec<String>>,
        narrowed: Option<Vec<String>>,
    },
    Refusal {
        class: String,
        status: Option<u16>,
        problem: String,
        malformed: Option<String>,
        code: Option<String>,
        description: Option<Text>,
        target: Option<String>,
        detail: Option<String>,
        retry_after_s: Option<u64>,
    },
}

#[derive(Deserialize, PartialEq, Debug, Default)]
#[serde(rename_all = "snake_case")]
enum Hint {
    #[default]
    Absent,
    Used,
    Longer,
    ClockSkew,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    exp_s: u64,
    iat_s: Option<u64>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Challenged {
    scheme: String,
    token68: Option<String>,
    #[serde(default)]
    params: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Rfc6750,
    Myparcel,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedSend {
    rejection: Rejected,
    expect: Next,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Rejected {
    Dropped,
    Replaced,
    Settling { until_mono_ms: u64 },
    Refused,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Next {
    HandOn,
    HandOnAndRefresh,
    Settle { until_mono_ms: u64 },
    SendAgain,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    Form,
    Raw,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Header {
    Authorization(String),
    ConfigError(String),
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Sent {
    Request { method: String, url: String, headers: Vec<(String, String)>, body: String },
    ConfigError(String),
}

pub(crate) fn answer(vector: &Answered) -> Result<(), String> {
    let client = vector.client.client().map_err(|error| error.to_string())?;
    let outcome = match (&vector.response, &vector.transport) {
        (Some(response), None) => match client.read(&response.response()?, sent(vector.sent_wall_s)) {
            Ok(grant) => granted(&grant),
            Err(refusal) => refused(&refusal),
        },
        (None, Some(Transport { kind, detail })) => {
            refused(&client.transport_error(transport_kind(kind)?, detail).into())
        }
        _ => return Err("there has to be one of response and transport".into()),
    };
    same(&outcome, &vector.expect)
}

pub(crate) fn jwt_hint(vector: &Jwt) -> Result<(), String> {
    let token = vector.token.text();
    if let Some(payload) = &vector.payload {
        same(&token.split('.').nth(1), &Some(URL_SAFE_NO_PAD.encode(payload).as_str()))?;
    }
    let client = Config::default().client().map_err(|error| error.to_string())?;
    let body = format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\"}}");
    // Sent in 1970: what is left by our own clock is `exp` itself.
    let grant = client.read(&Response::new(200).with_body(body.into()), Now::default());
    let lifetime = *grant.map_err(|refusal| refusal.to_string())?.lifetime();
    let life = vector.expect.as_ref().map(|Times { exp_s, iat_s }| exp_s - iat_s.unwrap_or(0));
    same(&lifetime.life().map(|life| life.as_secs()), &life)?;
    same(&lifetime.hint(), &if life.is_some() { JwtHint::Used } else { JwtHint::Absent })
}

pub(crate) fn retry_after(vector: &RetryAfter) -> Result<(), String> {
    let client = Config::default().client().map_err(|error| error.to_string())?;
    let lines = vector
        .retry_after
        .iter()
        .map(|value| ("Retry-After", value))
        .chain(vector.date.iter().map(|date| ("Date", date)));
    let response = lines
        .fold(Response::new(503), |response, (name, value)| response.with_header(name, value.as_bytes()));
    let Err(refusal) = client.read(&response, sent(vector.sent_wall_s)) else { return Err("a grant".into()) };
    same(&refusal.retry_after().map(bounded), &vector.retry_after_s)
}

pub(crate) fn challenges(vector: &Challenges) -> Result<(), String> {
    let lines: Vec<Vec<u8>> = match (&vector.lines, &vector.lines_base64) {
        (Some(lines), None) => lines.iter().map(|line| line.text().into_bytes()).collect(),
        (None, Some(lines)) => lines.iter().map(|line| decoded(line)).collect::<Result<_, _>>()?,
        _ => return Err("there has to be one of lines and lines_base64".into()),
    };
    let read = Challenge::read(lines.iter().map(Vec::as_slice)).into_iter().map(|challenge| Challenged {
        scheme: challenge.scheme().into(),
        token68: challenge.token68().map(String::from),
        params: challenge.params().map(|(name, value)| (name.into(), value.into())).collect(),
    });
    same(&read.collect(), &vector.expect)
}

pub(crate) fn verdict(vector: &Judged) -> Result<(), String> {
    let rule = match vector.rule {
        Rule::Rfc6750 => VerdictRule::Rfc6750,
        Rule::Myparcel => VerdictRule::MyParcel,
    };
    let headers: Vec<(&str, &[u8])> =
        vector.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    // The prefix is read only where the rule asks for it.
    let body = vector.body.as_ref().filter(|_| rule.needs_body(vector.status)).map(Text::text);
    let verdict = match rule.judge(&Answer::new(vector.status, &headers, body.as_deref().map(str::as_bytes)))
    {
        Verdict::TokenRefused => "token_refused",
        Verdict::NotOurs => "not_ours",
        Verdict::InsufficientScope => "insufficient_scope",
        Verdict::Fine => "fine",
        other => return Err(format!("a verdict that has no vector yet: {other}")),
    };
    same(&verdict, &vector.expect.as_str())
}

pub(crate) fn replay(vector: &Replayed) -> Result<(), String> {
    let mut replay = Replay::new(vector.repeatable);
    vector.refusals.iter().try_for_each(|RefusedSend { rejection, expect }| {
        let rejection = match rejection {
            Rejected::Dropped => Rejection::Dropped,
            Rejected::Replaced => Rejection::Replaced,
            Rejected::Settling { until_mono_ms } => {
                Rejection::Settling(Mono::from_origin(Duration::from_millis(*until_mono_ms)))
            }
            Rejected::Refused => Rejection::Refused,
        };
        let next = match replay.refused(rejection) {
            AfterRefusal::HandOn => Next::HandOn,
            AfterRefusal::HandOnAndRefresh => Next::HandOnAndRefresh,
            AfterRefusal::Settle(then) => Next::Settle {
                until_mono_ms: u64::try_from(then.since_origin().as_millis())
                    .map_err(|error| error.to_string())?,
            },
            AfterRefusal::SendAgain => Next::SendAgain,
            other => return Err(format!("an end that has no vector yet: {other:?}")),
        };
        same(&next, expect)
    })
}

pub(crate) fn basic(vector: &Basic) -> Result<(), String> {
    let auth = match vector.encoding {
        Encoding::Form => ClientAuth::basic(&vector.id, &vector.secret),
        Encoding::Raw => ClientAuth::basic_raw(&vector.id, &vector.secret),
    };
    let header = auth.and_then(|auth| {
        let request = Client::builder(provider()?, auth).build()?.request(Now::default())?;
        Ok(request.headers().find(|(name, _)| *name == "authorization").map(|(_, value)| String::from(value)))
    });
    let header = match header {
        Ok(value) => Header::Authorization(value.ok_or("no header")?),
        Err(error) => Header::ConfigError(config_error(&error).into()),
    };
    same(&header, &vector.expect)
}

pub(crate) fn request(vector: &Configured) -> Result<(), String> {
    let request = vector.client.client().and_then(|client| client.request(Now::default()));
    let sent = match request {
        Ok(request) => Sent::Request {
            method: request.method().into(),
            url: request.url().into(),
            headers: request.headers().map(|(name, value)| (name.into(), shown(value).into())).collect(),
            body: String::from_utf8(request.body().to_vec()).map_err(|error| error.to_string())?,
        },
        Err(error) => Sent::ConfigError(config_error(&error).into()),
    };
    same(&sent, &vector.expect)
}

/// A value as vectors have it, which know no version.
fn shown(value: &str) -> &str {
    if value == concat!("evergrant/", env!("CARGO_PKG_VERSION")) { "evergrant/VERSION" } else { value }
}

impl Text {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Pieces(pieces) => pieces.iter().map(Piece::text).collect(),
        }
    }
}

impl Piece {
    fn text(&self) -> String {
        match self {
            Self::Once(text) => text.clone(),
            Self::Repeated(Repeated { repeat, times }) => repeat.repeat(*times),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text();
        if text.len() > 300 { write!(f, "{} bytes", text.len()) } else { write!(f, "{text:?}") }
    }
}

impl Config {
    fn client(&self) -> Result<Client, ConfigError> {
        let provider = match self.provider.as_deref() {
            None | Some("rfc6749") => provider()?,
            Some("myparcel_production") => myparcel::production(),
            Some("myparcel_sandbox") => myparcel::sandbox(),
            Some(other) => panic!("no provider {other}"),
        };
        let provider = provider.with_bearer_words(self.bearer_words.iter().map(String::as_str));
        let provider = match &self.token_endpoint {
            Some(url) => provider.with_token_endpoint(url)?,
            None => provider,
        };
        let provider = match self.body_format.as_deref() {
            None => provider,
            Some("form") => provider.with_body(BodyFormat::Form),
            Some("json") => provider.with_body(BodyFormat::Json),
            Some(other) => panic!("no body format {other}"),
        };
        let auth = match &self.auth {
            None => ClientAuth::basic("client", "s3cr3t/+ value")?,
            Some(auth) => auth.auth()?,
        };
        let mut builder = Client::builder(provider, auth).jwt_hint(self.jwt_hint.unwrap_or(true));
        builder = self.scope.iter().fold(builder, |builder, scope| builder.scope(scope));
        builder = self.resources.iter().fold(builder, |builder, resource| builder.resource(resource));
        builder = self.audience.iter().fold(builder, |builder, audience| builder.audience(audience));
        builder = self.params.iter().fold(builder, |builder, (name, value)| builder.param(name, value));
        self.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value)).build()
    }
}

impl Auth {
    fn auth(&self) -> Result<ClientAuth, ConfigError> {
        let secret = self.secret.as_deref().unwrap_or_default();
        match self.method.as_str() {
            "client_secret_basic" => ClientAuth::basic(&self.id, secret),
            "client_secret_basic_raw" => ClientAuth::basic_raw(&self.id, secret),
            "client_secret_post" => ClientAuth::post(&self.id, secret),
            "none" => ClientAuth::none(&self.id),
            other => panic!("no method {other}"),
        }
    }
}

impl Answer6749 {
    pub(crate) fn response(&self) -> Result<Response, String> {
        let body = match (&self.body, &self.body_base64) {
            (body, None) => body.as_ref().map(Text::text).unwrap_or_default().into_bytes(),
            (None, Some(body)) => decoded(body)?,
            _ => return Err("there are two bodies".into()),
        };
        if self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding")) {
            return self.collected(&body);
        }
        let lines = self.headers.iter();
        let response = lines.fold(Response::new(self.status), |response, (name, value)| {
            response.with_header(name, value.as_bytes())
        });
        Ok(response.with_body(body))
    }
}

impl Answer6749 {
    /// The response as every adapter makes it: decoded.
    fn collected(&self, body: &[u8]) -> Result<Response, String> {
        let pair = |(name, value): &(String, String)| {
            let value = http::HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            Ok((name.parse::<http::HeaderName>().map_err(|error| error.to_string())?, value))
        };
        let headers = self.headers.iter().map(pair).collect::<Result<Vec<_>, String>>()?;
        let mut lines = http::HeaderMap::new();
        for (name, value) in headers {
            lines.append(name, value);
        }
        let status = http::StatusCode::from_u16(self.status).map_err(|error| error.to_string())?;
        let mut collector = Collector::new(status, &lines);
        if collector.wants_more() {
            collector.push(body);
        }
        Ok(collector.finish())
    }
}

fn provider() -> Result<Provider, ConfigError> {
    Provider::rfc6749("https://as.example/token")
}

fn sent(wall_s: Option<u64>) -> Now {
    Now::new(Mono::ZERO, Wall::from_epoch(Duration::from_secs(wall_s.unwrap_or(SENT))))
}

fn decoded(base64: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(base64).map_err(|error| error.to_string())
}

fn bounded(time: Duration) -> u64 {
    time.as_secs().min(LARGEST)
}

fn granted(grant: &Grant) -> Outcome {
    let tokens = |scope: &Scope| scope.tokens().map(String::from).collect();
    let lifetime = grant.lifetime();
    Outcome::Grant {
        token: Text::Whole(grant.token().expose().into()),
        life_s: lifetime.life().map(|life| life.as_secs().min(LONGEST_LIFE)),
        refresh_in_s: lifetime.refresh_in().map(bounded),
        hint: match lifetime.hint() {
            JwtHint::Absent => Hint::Absent,
            JwtHint::Used => Hint::Used,
            JwtHint::Longer => Hint::Longer,
            JwtHint::ClockSkew => Hint::ClockSkew,
            other => panic!("a hint that has no vector yet: {other:?}"),
        },
        scope: grant.scope().map(tokens),
        narrowed: grant.narrowed_scope().map(tokens),
    }
}

fn refused(refusal: &Refusal) -> Outcome {
    let (mut malformed, mut target, mut detail) = (None, None, None);
    let problem = match refusal.problem() {
        Problem::Transport(error) => {
            detail = error.detail().map(|words| words.as_str().into());
            "transport"
        }
        Problem::ErrorResponse(_) => "error_response",
        Problem::Described(_) => "described",
        Problem::Status => "status",
        Problem::WebPage => "web_page",
        Problem::Redirect { target: to } => {
            target = to.as_ref().map(|words| words.as_str().into());
            "redirect"
        }
        Problem::Malformed(why) => {
            malformed = Some(malformed_as(*why));
            "malformed"
        }
        Problem::Expired => "expired",
        other => panic!("a problem that has no vector yet: {other:?}"),
    };
    Outcome::Refusal {
        class: match refusal.class() {
            Class::Transient => "transient".into(),
            Class::Permanent => "permanent".into(),
        },
        status: refusal.status(),
        problem: problem.into(),
        malformed,
        code: refusal.code().map(String::from),
        description: refusal.description().map(|words| Text::Whole(words.as_str().into())),
        target,
        detail,
        retry_after_s: refusal.retry_after().map(bounded),
    }
}

fn malformed_as(why: Malformed) -> String {
    match why {
        Malformed::TooLong => "too_long",
        Malformed::Coded => "coded",
        Malformed::Broken => "broken",
        Malformed::NotAnObject => "not_an_object",
        Malformed::Html => "html",
        Malformed::Syntax => "syntax",
        Malformed::Duplicate(_) => "duplicate",
        Malformed::NoAccessToken => "no_access_token",
        Malformed::AccessToken => "access_token",
        Malformed::ErrorMember => "error_member",
        Malformed::TokenType => "token_type",
        Malformed::Status => "status",
        other => panic!("a fault that has no vector yet: {other:?}"),
    }
    .into()
}

fn transport_kind(kind: &str) -> Result<TransportErrorKind, String> {
    Ok(match kind {
        "resolve" => TransportErrorKind::Resolve,
        "connect" => TransportErrorKind::Connect,
        "tls" => TransportErrorKind::Tls,
        "timeout" => TransportErrorKind::Timeout,
        "closed" => TransportErrorKind::Closed,
        "protocol" => TransportErrorKind::Protocol,
        other => return Err(format!("no kind {other}")),
    })
}

pub(crate) fn config_error(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::NotAUrl { .. } => "not_a_url",
        ConfigError::PlainHttp { .. } => "plain_http",
        ConfigError::Localhost { .. } => "localhost",
        ConfigError::AmbiguousHost { .. } => "ambiguous_host",
        ConfigError::SecretInUrl { .. } => "secret_in_url",
        ConfigError::Fragment { .. } => "fragment",
        ConfigError::Userinfo { .. } => "userinfo",
        ConfigError::Empty { .. } => "empty",
        ConfigError::ControlCharacter { .. } => "control_character",
        ConfigError::ColonInClientId => "colon_in_client_id",
        ConfigError::ScopeToken { .. } => "scope_token",
        ConfigError::ScopeSpace { .. } => "scope_space",
        ConfigError::ParameterName { .. } => "parameter_name",
        ConfigError::Parameter { .. } => "parameter",
        ConfigError::Resource => "resource",
        ConfigError::IssuerQuery => "issuer_query",
        ConfigError::Algorithm { .. } => "algorithm",
        ConfigError::AssertionClaim { .. } => "claim",
        ConfigError::Header { why, .. } => match why {
            HeaderFault::Name { .. } => "header_name",
            HeaderFault::Reserved => "header_reserved",
            HeaderFault::Repeated => "header_repeated",
            HeaderFault::Empty => "header_empty",
            HeaderFault::Value { .. } => "header_value",
            HeaderFault::TooLong => "header_too_long",
            HeaderFault::TooMany => "header_too_many",
            other => panic!("a fault that has no vector yet: {other}"),
        },
        other => panic!("an error that has no vector yet: {other}"),
    }
}
