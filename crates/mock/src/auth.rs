//! The token endpoint: RFC 6749 §4.4, with the client authentication of §2.3.1 and the errors of §5.2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::assertion::{self, Accepted, Flaw, Names, Presented, Used};
use crate::clients::{Clients, Turn};
use crate::clock;
use crate::http::Request;
use crate::options::{ErrorStyle, ExpiresIn};
use crate::registration::Registration;
use crate::response::Response;
use crate::session::Certificate;
use crate::state::{Outcome, Settings, Shared, State};
use crate::token::{Granted, Whose};

/// RFC 6749 §2.3 and §5.2, RFC 7521 §4.2.
const TWO_WAYS: &str = "more than one client authentication";

/// Answers a token request.
pub(crate) fn answer(shared: &Shared, request: &Request) -> (Response, Outcome) {
    let asked = Asked::read(request);
    let mut state = shared.lock();
    if !state.settings.site.has_token_endpoint(request.path()) {
        return (Response::new(404), Outcome::Refused);
    }
    match asked.and_then(|asked| grant(&mut state, &asked, request.certificate())) {
        Ok(response) => (response, Outcome::Served),
        Err(refusal) => {
            burn_in(&mut state, request);
            (refusal.response(state.settings.errors), refusal.outcome())
        }
    }
}

/// A client's own assertion is used by a request that is not answered by the rules, as by one that is refused: a server may
/// have read it before it fell ill.
pub(crate) fn burn(shared: &Shared, request: &Request) {
    burn_in(&mut shared.lock(), request);
}

fn burn_in(state: &mut State, request: &Request) {
    let State { settings, used, .. } = state;
    let Some(presented) = parameters(request).ok().and_then(|parameters| Presented::read(&parameters)) else {
        return;
    };
    let now = clock::now(settings.clock_offset);
    if let Some(registration) = settings.registered(&presented)
        && let Ok(Accepted { once: Some(id), .. }) =
            assertion::judge_own(registration, &settings.names(), &presented, now)
    {
        used.is_first(id);
    }
}

/// An OAuth error as this style words it.
pub(crate) fn error(style: ErrorStyle, status: u16, error: &str, description: Option<&str>) -> Response {
    match style {
        ErrorStyle::Rfc6749 => {
            let mut body = json!({ "error": error });
            if let Some(description) = description {
                body["error_description"] = description.into();
            }
            no_store(Response::new(status)).body("application/json", body.to_string())
        }
        ErrorStyle::MyParcel => no_store(Response::json_api_error(
            status,
            error,
            "OAuth Exception",
            description.unwrap_or("The authorization server refused the request."),
        )),
    }
}

/// What a token request asks for, and who asks.
struct Asked {
    proof: Proof,
    scope: String,
}

/// How the client authenticates.
enum Proof {
    Secret(Client),
    Assertion(Presented),
}

/// A client with its secret.
enum Client {
    /// By the Authorization header: what stood before and after the colon.
    Basic(String, String),
    /// By parameters of the body.
    Body(String, String),
}

enum Refusal {
    Method,
    Request(&'static str),
    GrantType,
    Client {
        basic: bool,
    },
    /// The client authenticates by another method.
    Registered {
        method: &'static str,
        basic: bool,
    },
    /// The assertion is not accepted.
    Assertion(Flaw),
    /// The client's certificate is not.
    Certificate(&'static str),
    /// The secret must change first.
    Unchanged {
        basic: bool,
    },
    Scope,
}

impl Asked {
    fn read(request: &Request) -> Result<Self, Refusal> {
        if request.method != "POST" {
            return Err(Refusal::Method);
        }
        if ["client_secret=", "client_assertion="].iter().any(|name| request.target.contains(name)) {
            return Err(Refusal::Request("a credential in the URL is read by every log on the way"));
        }
        let parameters = parameters(request)?;
        match take(&parameters, "grant_type")? {
            Some("client_credentials") => {}
            Some(_) => return Err(Refusal::GrantType),
            None => return Err(Refusal::Request("grant_type is missing")),
        }
        let proof = Proof::read(request, &parameters)?;
        let scope = take(&parameters, "scope")?.unwrap_or("*");
        if !scope.split(' ').all(is_scope_token) {
            return Err(Refusal::Scope);
        }
        Ok(Self { proof, scope: scope.to_owned() })
    }
}

impl Proof {
    fn read(request: &Request, parameters: &[(String, String)]) -> Result<Self, Refusal> {
        let given = |name| take(parameters, name);
        let (assertion_type, text) = match (given("client_assertion_type")?, given("client_assertion")?) {
            (None, None) => return Client::read(request, parameters).map(Self::Secret),
            (Some(assertion_type), Some(text)) => (assertion_type.to_owned(), text.to_owned()),
            (None, _) => return Err(Refusal::Request("client_assertion_type is missing")),
            (_, None) => return Err(Refusal::Request("client_assertion is missing")),
        };
        if given("client_secret")?.is_some() || request.header("authorization").is_some() {
            return Err(Refusal::Request(TWO_WAYS));
        }
        let client_id = given("client_id")?.map(str::to_owned);
        Ok(Self::Assertion(Presented { assertion_type, text, client_id }))
    }
}

impl Presented {
    /// The assertion in a request, whatever is wrong with the rest of it.
    fn read(parameters: &[(String, String)]) -> Option<Self> {
        let given = |name| {
            let value = parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
            value.filter(|value| !value.is_empty())
        };
        let (assertion_type, text) = (given("client_assertion_type")?, given("client_assertion")?);
        Some(Self { assertion_type, text, client_id: given("client_id") })
    }
}

impl Settings {
    /// What the server is called.
    fn names(&self) -> Names {
        Names { issuer: self.site.issuer(), token_endpoint: self.site.token_endpoint() }
    }

    /// The registration of the client with this id.
    fn registration(&self, id: &str) -> Option<&Registration> {
        self.registrations.iter().find(|known| known.id == id)
    }

    /// Whether a client has a registered key.
    fn has_keys(&self) -> bool {
        self.registrations.iter().any(|known| !known.keys().is_empty())
    }

    /// The client whose own assertion this is.
    fn registered(&self, presented: &Presented) -> Option<&Registration> {
        let known = |id: &str| self.registration(id).filter(|known| !known.keys().is_empty());
        let named = presented.client_id.as_deref().and_then(known);
        named.or_else(|| known(&assertion::claimed_client(&presented.text)?))
    }
}

impl Client {
    fn read(request: &Request, parameters: &[(String, String)]) -> Result<Self, Refusal> {
        let (id, secret) = (take(parameters, "client_id")?, take(parameters, "client_secret")?);
        let mut authorizations = request.all("authorization");
        let Some(authorization) = authorizations.next() else {
            // No secret at all is right for a client whose secret is empty, and wrong for the others.
            let id = id.ok_or(Refusal::Client { basic: false })?;
            return Ok(Self::Body(id.to_owned(), secret.unwrap_or_default().to_owned()));
        };
        if secret.is_some() || authorizations.next().is_some() {
            return Err(Refusal::Request(TWO_WAYS));
        }
        let (user, password) = basic(authorization).ok_or(Refusal::Client { basic: true })?;
        if id.is_some_and(|id| id != user && id != form_decoded(&user)) {
            return Err(Refusal::Request("client_id is not the one of the Authorization header"));
        }
        Ok(Self::Basic(user, password))
    }

    /// Whether it says that it is this client.
    fn names(&self, id: &str) -> bool {
        match self {
            Self::Body(given, _) => given == id,
            Self::Basic(user, _) => user == id || form_decoded(user) == id,
        }
    }

    /// Its secret: of Basic credentials what form decoding makes of it, which [`Client::is`] finds in either form.
    fn secret(&self) -> String {
        match self {
            Self::Body(_, secret) => secret.clone(),
            Self::Basic(_, password) => form_decoded(password),
        }
    }

    fn is_basic(&self) -> bool {
        matches!(self, Self::Basic(..))
    }

    /// The id, when these are the client's credentials. Basic credentials may be form-encoded, as RFC 6749 §2.3.1 has
    /// it, or not, as many clients have it.
    fn is(&self, id: &str, secret: &str) -> bool {
        match self {
            Self::Body(given_id, given_secret) => given_id == id && given_secret == secret,
            Self::Basic(user, password) => {
                (user == id && password == secret)
                    || (form_decoded(user) == id && form_decoded(password) == secret)
            }
        }
    }
}

fn grant(state: &mut State, asked: &Asked, certificate: Option<&Certificate>) -> Result<Response, Refusal> {
    let State { settings, tokens, used, .. } = state;
    let now = clock::now(settings.clock_offset);
    let mut bound = settings.certificate_bound;
    let client = match &asked.proof {
        Proof::Secret(client) => match by_certificate(settings, client, certificate, now) {
            Some(judged) => {
                bound = true;
                judged?
            }
            None => by_secret(&mut settings.clients, client)
                .map_err(|refusal| registered(settings, client, refusal))?,
        },
        Proof::Assertion(presented) => {
            let accepted = match settings.registered(presented) {
                Some(registration) => assertion::judge_own(registration, &settings.names(), presented, now),
                None if settings.trusts.is_empty() && settings.has_keys() => Err(Flaw::Unregistered),
                None => assertion::judge(&settings.trusts, presented, now),
            };
            let accepted = accepted.map_err(Refusal::Assertion)?;
            by_assertion(&mut settings.clients, used, presented, accepted).map_err(Refusal::Assertion)?
        }
    };
    let scope = settings.granted_scope.as_deref().unwrap_or(&asked.scope);
    let binding = certificate.filter(|_| bound).map(|certificate| certificate.thumbprint.as_str());
    let whose = Whose { client: &client, scope, binding };
    let granted = tokens.grant(settings.style, settings.lifetime, whose, now);
    let body = grant_body(&granted, &settings.expires_in, scope);
    Ok(no_store(Response::new(200)).body("application/json", body))
}

/// Who asks, by a certificate: a client that sends its id and nothing else (RFC 8705 §2), and is registered for it.
fn by_certificate(
    settings: &mut Settings,
    client: &Client,
    certificate: Option<&Certificate>,
    now: i64,
) -> Option<Result<String, Refusal>> {
    let Client::Body(id, secret) = client else { return None };
    let registration = settings.registration(id).filter(|_| secret.is_empty())?;
    let judged = registration.judge_certificate(certificate, now)?;
    let print = certificate.map(|certificate| certificate.thumbprint.as_str()).unwrap_or_default();
    Some(match judged {
        Ok(()) if settings.clients.sends(id, print) == Turn::Refused => {
            Err(Refusal::Certificate("the certificate of the client is refused until it changes"))
        }
        Ok(()) => Ok(id.clone()),
        Err(why) => Err(Refusal::Certificate(why)),
    })
}

/// Who asks, by a secret.
fn by_secret(clients: &mut Clients, client: &Client) -> Result<String, Refusal> {
    let basic = client.is_basic();
    let named = clients.ids().find(|id| client.names(id)).map(str::to_owned);
    let secret = client.secret();
    // No secret is no other secret.
    if let Some(id) = named.filter(|_| !secret.is_empty()) {
        match clients.sends(&id, &secret) {
            Turn::Judged => {}
            Turn::Refused => return Err(Refusal::Unchanged { basic }),
            Turn::Changed => {
                clients.set(&id, &secret);
                return Ok(id);
            }
        }
    }
    clients.find(|id, secret| client.is(id, secret)).map(str::to_owned).ok_or(Refusal::Client { basic })
}

/// Why a secret is refused of a client that authenticates otherwise.
fn registered(settings: &Settings, client: &Client, refusal: Refusal) -> Refusal {
    match settings.registrations.iter().find(|known| client.names(&known.id)) {
        Some(known) if matches!(refusal, Refusal::Client { .. }) => {
            Refusal::Registered { method: known.method_name(), basic: client.is_basic() }
        }
        _ => refusal,
    }
}

/// Who asks, by an assertion that was accepted.
fn by_assertion(
    clients: &mut Clients,
    used: &mut Used,
    presented: &Presented,
    accepted: Accepted,
) -> Result<String, Flaw> {
    let Accepted { sub, credential, once } = accepted;
    let client = match &presented.client_id {
        Some(id) if *id == sub || clients.ids().any(|known| known == id) => id.clone(),
        Some(_) => return Err(Flaw::ClientUnknown),
        None => sub,
    };
    if clients.sends(&client, &credential) == Turn::Refused {
        return Err(Flaw::Unchanged);
    }
    if once.is_some_and(|id| !used.is_first(id)) { Err(Flaw::UsedTwice) } else { Ok(client) }
}

/// Written by hand: the literal of `expires_in` may be any, even one that is no JSON.
fn grant_body(granted: &Granted, expires_in: &ExpiresIn, scope: &str) -> String {
    let expires_in = match expires_in {
        ExpiresIn::Lifetime => format!(r#""expires_in":{},"#, granted.seconds),
        ExpiresIn::Omitted => String::new(),
        ExpiresIn::Raw(literal) => format!(r#""expires_in":{literal},"#),
    };
    format!(
        r#"{{"token_type":"Bearer",{expires_in}"access_token":{},"scope":{}}}"#,
        Value::from(granted.text.as_str()),
        Value::from(scope),
    )
}

impl Refusal {
    fn outcome(&self) -> Outcome {
        if self.is_of_the_client() { Outcome::Unauthenticated } else { Outcome::Refused }
    }

    fn is_of_the_client(&self) -> bool {
        matches!(
            self,
            Self::Client { .. }
                | Self::Registered { .. }
                | Self::Assertion(_)
                | Self::Certificate(_)
                | Self::Unchanged { .. }
        )
    }

    fn response(&self, style: ErrorStyle) -> Response {
        let registered;
        let (status, code, description) = match self {
            Self::Method => (405, "invalid_request", "the token endpoint answers POST only"),
            Self::Request(why) => (400, "invalid_request", *why),
            Self::GrantType => (400, "unsupported_grant_type", "the only grant_type is client_credentials"),
            Self::Client { .. } => (401, "invalid_client", "the client is unknown or its secret is wrong"),
            Self::Registered { method, .. } => {
                registered = format!("the client authenticates by {method}, not by a secret in the request");
                (401, "invalid_client", registered.as_str())
            }
            Self::Certificate(why) => (401, "invalid_client", *why),
            Self::Assertion(flaw) => (401, "invalid_client", flaw.description()),
            Self::Unchanged { .. } => (401, "invalid_client", "the secret is refused until it changes"),
            Self::Scope => (400, "invalid_scope", "the scope is not a list of scope tokens (RFC 6749 3.3)"),
        };
        let response = match (style, self) {
            (ErrorStyle::Rfc6749, _) => error(style, status, code, Some(description)),
            (ErrorStyle::MyParcel, _) if self.is_of_the_client() => {
                no_store(Response::json_api_error(403, "14000", "Invalid OAuth Client", description))
            }
            (ErrorStyle::MyParcel, Self::Scope) => {
                no_store(Response::json_api_error(403, "14001", "Invalid OAuth Scope", description))
            }
            (ErrorStyle::MyParcel, _) => error(style, status, "14050", Some(description)),
        };
        match self {
            Self::Method => response.header("Allow", "POST"),
            // RFC 6749 §5.2: the scheme the client used, and only if it used one.
            Self::Client { basic: true }
            | Self::Registered { basic: true, .. }
            | Self::Unchanged { basic: true }
                if response.status == 401 =>
            {
                response.header("WWW-Authenticate", "Basic realm=\"evergrant-mock\"")
            }
            _ => response,
        }
    }
}

fn no_store(response: Response) -> Response {
    response.header("Cache-Control", "no-store").header("Pragma", "no-cache")
}

/// The parameters that the token endpoint reads.
const OURS: [&str; 6] =
    ["grant_type", "scope", "client_id", "client_secret", "client_assertion_type", "client_assertion"];

/// The parameters of the body, in a form or in a JSON object.
fn parameters(request: &Request) -> Result<Vec<(String, String)>, Refusal> {
    let media_type = request.header("content-type").unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(form_urlencoded::parse(&request.body).into_owned().collect());
    }
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::Request("the body is neither a form nor JSON"));
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(&request.body) else {
        return Err(Refusal::Request("the body is no JSON object"));
    };
    let mut parameters = Vec::new();
    for (name, value) in members {
        match value {
            Value::String(value) => parameters.push((name, value)),
            // resource may be repeated (RFC 8707 §2), which is an array in JSON.
            _ if !OURS.contains(&name.as_str()) => {}
            _ => return Err(Refusal::Request("a parameter is no string")),
        }
    }
    Ok(parameters)
}

/// A parameter. Empty is absent, and more than one is wrong (RFC 6749 §3.2).
fn take<'a>(parameters: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = parameters.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let value = values.next();
    if values.next().is_some() {
        return Err(Refusal::Request("a parameter is there more than once"));
    }
    Ok(value.filter(|value| !value.is_empty()))
}

/// RFC 6749 §3.3: one or more of %x21, %x23-5B, %x5D-7E.
fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

/// The user and password of `Basic` credentials (RFC 7617), as they stand.
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// `application/x-www-form-urlencoded`, of a value that is alone: `&` and `=` stand for themselves.
fn form_decoded(value: &str) -> String {
    let escaped = value.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).map(|(value, _)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests;
