//! A request on a listener for tokens, from its head to its answer.

use super::asked::Asked;
use super::client;
use super::counter::Counter;
use super::desk::Profile;
use super::form::Form;
use super::given::Given;
use super::refused::Refused;
use super::reject::{self, Fate, refused_token};
use crate::answer::Problem;
use crate::answering::AnswerBody;
use crate::inbound::Inbound;
use crate::issued::{Endpoint, Outcome};
use crate::record::Record;
use crate::request::{Unread, expects, own};
use crate::rules::{self, Denied, Hosts};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA};
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use std::rc::Rc;
use std::time::Duration;

const GRANT_TYPE: &str = "grant_type";
const SCOPE: &str = "scope";

/// When there may be a place again.
const SOON: Duration = Duration::from_secs(1);

/// Answers a request of this caller.
pub(crate) async fn answer(
    caller: Rc<Inbound>,
    counter: Counter,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    caller.watch.serving();
    let (mut parts, body) = request.into_parts();
    let expects = expects(&parts);
    let mut record = Record::begin(&caller.worker, &counter.serving, caller.address, &parts);
    // A path that cannot be read names nothing.
    let path = parts.uri.path().to_owned();
    let asked = Asked::read(&path);
    let mut asking = Asking {
        caller: &caller,
        counter: &counter,
        parts: &mut parts,
        body,
        is_read: false,
        record: &mut record,
    };
    let given = match asked {
        Some(asked) => asking.given(asked).await,
        None => Err(asking.nothing()),
    };
    let Asking { body, is_read, .. } = asking;
    // Who waited for a word got it with the form.
    let unread = Unread { body: (!is_read).then_some(body), expects };
    caller.watch.answered();
    let outcome = given.as_ref().map_or_else(Refused::outcome, |(_, outcome)| *outcome);
    if let Some(Asked { endpoint, .. }) = asked {
        caller.worker.counters().issued.count(endpoint, outcome);
    }
    let is_token = asked.is_some_and(|asked| asked.endpoint == Endpoint::Token);
    let mut answer = given.map(|(answer, _)| answer).unwrap_or_else(|refused| {
        record.own(&refused.problem);
        let (instance, draw) = (&*caller.worker.fixed.instance, caller.worker.draw());
        match is_token {
            true => refused.of_an_authorization_server(instance, draw, &parts.method),
            false => refused.problem.response(Some(instance), draw, &parts.method),
        }
    });
    record.status = Some(answer.status().as_u16());
    // RFC 6749 §5.1 wants both.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    own(&caller, answer, record, unread)
}

/// A request that is being looked at.
struct Asking<'a> {
    caller: &'a Inbound,
    counter: &'a Counter,
    parts: &'a mut Parts,
    body: Incoming,
    /// The body was read to its end.
    is_read: bool,
    record: &'a mut Record,
}

impl<'a> Asking<'a> {
    async fn given(&mut self, asked: Asked<'_>) -> Result<(Response<Bytes>, Outcome), Refused> {
        match asked.endpoint {
            Endpoint::Token => self.token(asked.profile).await.map(|answer| (answer, Outcome::Issued)),
            Endpoint::Authorize => {
                self.authorize(asked.profile).await.map(|answer| (answer, Outcome::Issued))
            }
            Endpoint::Reject => self.reject(asked.profile).await.map(|fate| {
                let outcome = match fate {
                    Fate::Rejected => Outcome::Rejected,
                    Fate::Replaced | Fate::Settling | Fate::Kept(_) => Outcome::Unchanged,
                };
                (json(fate.body()), outcome)
            }),
        }
    }

    /// `POST /token`: as an authorization server answers (RFC 6749 §4.4).
    async fn token(&mut self, name: Option<&str>) -> Result<Response<Bytes>, Refused> {
        self.is_no_page()?;
        let scope = self.asked_scope().await?;
        let profile = self.profile(name)?;
        let given = self.wait(profile).await?;
        given.answer(profile, scope.as_deref()).map(json)
    }

    /// Whether this client may ask for a token, and of which scope. Its form has a secret, and is gone before anybody waits.
    async fn asked_scope(&mut self) -> Result<Option<String>, Refused> {
        let [id, secret] = client::FIELDS;
        let form = self.form(&[id, secret, GRANT_TYPE, SCOPE]).await?;
        let access = &self.counter.door.access;
        self.record.caller = client::authenticated(access, &self.parts.headers, &form, self.caller.peer)?;
        match form.field(GRANT_TYPE)? {
            Some("client_credentials") => {}
            Some(_) => return Err(Refused::grant_type()),
            None => return Err(Refused::request(Problem::form("there is no grant_type in the form"))),
        }
        Ok(form.field(SCOPE)?.map(str::to_owned))
    }

    /// `/authorize/NAME`: a front asks about a request of whatever method and path, with whatever its caller sent. Neither that caller's
    /// `Authorization` nor the page that it comes from is for us, nor is the `Host`: a page has no key.
    async fn authorize(&mut self, name: Option<&str>) -> Result<Response<Bytes>, Refused> {
        let _host = rules::framed(self.parts, &Hosts::Any).map_err(|denied| Refused::denied(&denied))?;
        self.has_required_field()?;
        self.admit_by_field()?;
        let profile = self.profile(name)?;
        let given = self.wait(profile).await?;
        let mut answer = Response::new(Bytes::new());
        answer.headers_mut().insert(AUTHORIZATION, given.authorization);
        Ok(answer)
    }

    /// `POST /reject/NAME`: an API refused this token.
    async fn reject(&mut self, name: Option<&str>) -> Result<Fate, Refused> {
        self.is_no_page()?;
        let form = self.form(&[reject::FIELD]).await?;
        let token = refused_token(&self.parts.headers, &form)?;
        self.admit_by_field()?;
        let profile = self.profile(name)?;
        Ok(reject::reject(profile, &token))
    }

    /// There is nothing at this path.
    fn nothing(&mut self) -> Refused {
        let framed = rules::framed(self.parts, &self.counter.door.hosts).map(drop);
        match framed.map_err(|denied| Refused::denied(&denied)).and_then(|_| self.admit_by_field()) {
            Ok(()) => Refused::request(Problem::nothing_to_issue()),
            Err(refused) => refused,
        }
    }

    /// The rules for whoever could be a page in a browser, by a name of its own or not.
    fn is_no_page(&self) -> Result<(), Refused> {
        let denied = |denied: Denied| Refused::denied(&denied);
        rules::head(self.parts, &self.counter.door.hosts).map_err(denied)?;
        self.has_required_field()?;
        rules::allowed(self.parts, &[Method::POST], &[]).map_err(denied)
    }

    fn has_required_field(&self) -> Result<(), Refused> {
        let has = self.counter.door.has_required_field(&self.parts.headers);
        has.map_err(|denied| Refused::denied(&denied))
    }

    /// By `X-Evergrant-Key`, or by the user at the other end. `Authorization` is somebody else's.
    fn admit_by_field(&mut self) -> Result<(), Refused> {
        self.parts.headers.remove(AUTHORIZATION);
        let admitted = self.counter.door.access.admit(&self.parts.headers, self.caller.peer);
        self.record.caller = admitted.map_err(Refused::access)?.caller;
        Ok(())
    }

    /// These fields of the form of a request that may have none.
    async fn form(&mut self, asked: &[&'static str]) -> Result<Form, Refused> {
        // Whoever sends it is not known yet, and may be nobody who gets a token.
        let place = self.counter.serving.table.bounds.form();
        let _one_of_few = place.ok_or_else(|| Refused::unavailable(Problem::busy(SOON)))?;
        let time = self.caller.worker.fixed.limits.head_time;
        let form = Form::read(asked, &self.parts.headers, &mut self.body, &self.caller.watch, time).await?;
        self.is_read = true;
        self.record.bytes_in = form.length as u64;
        Ok(form)
    }

    fn profile(&self, name: Option<&str>) -> Result<&'a Profile, Refused> {
        let found = self.counter.desk.find(name);
        found.ok_or_else(|| match name {
            Some(_) => Refused::request(Problem::no_profile()),
            None => {
                Refused::request(Problem::form("there are several profiles: name one, as in /token/NAME"))
            }
        })
    }

    /// A token, within the bounds that hold for all requests.
    async fn wait(&mut self, profile: &Profile) -> Result<Given, Refused> {
        let table = &self.counter.serving.table;
        let busy = || Refused::unavailable(Problem::busy(SOON));
        self.record.admitted = Some(table.bounds.admit(&self.record.caller).ok_or_else(busy)?);
        let given = Given::wait(profile, self.counter, self.caller, self.record).await?;
        self.record.generation = Some(given.generation());
        Ok(given)
    }
}

fn json(body: Bytes) -> Response<Bytes> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
