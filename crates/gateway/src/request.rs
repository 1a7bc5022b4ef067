//! One request: what may pass is sent with a token, and once more with another one if that is refused.

mod lender;
mod passing;
mod refusal;

use crate::access::{Access, own_authorization};
use crate::answer::{Problem, Sent};
use crate::answering::{AnswerBody, Ended, discard};
use crate::body::RequestBody;
use crate::fields;
use crate::grpc;
use crate::inbound::Inbound;
use crate::page::Page;
use crate::record::Record;
use crate::rules::{self, Denied};
use crate::serving::Serving;
use crate::table::Placed;
use crate::tunnel::Tunnel;
use bytes::Bytes;
use evergrant_core::Replay;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use lender::Lender;
use passing::{Passed, Passing, Way};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

/// Answers a request of this caller.
pub(crate) async fn answer(
    caller: Rc<Inbound>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    caller.watch.serving();
    let (mut parts, incoming) = request.into_parts();
    let serving = caller.worker.serving();
    let mut record = Record::begin(&caller.worker, &serving, caller.address, &parts);
    let method = parts.method.clone();
    let is_grpc = grpc::is_grpc(&parts.headers);
    let mut unread = Unread::of(&parts, incoming);
    let page = page(&caller, &serving, &parts);
    if let Some((page, Some(placed))) = &page
        && let Some(answer) = page.preflight(&parts, &placed.route.methods)
    {
        caller.watch.answered();
        record.route = Some(placed.number);
        record.status = Some(answer.status().as_u16());
        return Ok(own(&caller, answer.map(|()| Bytes::new()), record, unread));
    }
    let passed = pass(&caller, &serving, &mut parts, &mut unread, is_grpc, &mut record).await;
    caller.watch.answered();
    match passed {
        Ok(Passed::Tunnel(mut head, upgraded, place)) => {
            if let Some((page, _)) = page {
                page.may_read(&mut head.headers);
            }
            record.status = Some(head.status.as_u16());
            record.admitted = None;
            let worker = Rc::clone(&caller.worker);
            caller.tunnel.replace(Some(Tunnel { worker, upgraded, record, place }));
            Ok(Response::from_parts(head, AnswerBody::Nothing))
        }
        Ok(Passed::Answer(mut head, received)) => {
            if let Some((page, _)) = page {
                page.may_read(&mut head.headers);
            }
            let idle = caller.worker.fixed.limits.idle_body;
            record.status = Some(head.status.as_u16());
            let ended = Ended { record, watch: Rc::clone(&caller.watch) };
            Ok(Response::from_parts(head, AnswerBody::passed(received, ended, idle)))
        }
        Err(problem) => {
            record.own(&problem);
            let fixed = &caller.worker.fixed;
            let mut answer = problem.response(Some(&fixed.instance), caller.worker.draw(), &method);
            if is_grpc {
                // Its callers read the status alone.
                *answer.body_mut() = Bytes::new();
                answer.headers_mut().remove(CONTENT_LENGTH);
            }
            if let Some((page, _)) = page {
                page.may_read(answer.headers_mut());
            }
            Ok(own(&caller, answer, record, unread))
        }
    }
}

/// The page in a browser that sent a request, where its route lists that page, and the route. Without a route our own answer can be read by a
/// page of any: it says what is wrong with the request, and nothing else.
fn page<'a>(caller: &Inbound, serving: &'a Serving, parts: &Parts) -> Option<(Page, Option<&'a Placed>)> {
    parts.headers.get(ORIGIN)?;
    let door = serving.door(caller.door)?;
    let head = match rules::head(parts, &door.hosts) {
        Err(Denied::Host | Denied::HostNotAllowed) => return None,
        head => head.ok(),
    };
    // A preflight has no key, but whoever sent it is a user of this machine or not.
    if let Access::Peers(_) = door.access {
        door.access.admit(&parts.headers, caller.peer).ok()?;
    }
    let routes = &serving.table.routes;
    let listed =
        |placed: &Placed| Page::listed(&parts.headers, &placed.route.origins, placed.route.fields.cookies);
    match head.and_then(|head| routes.find(&head.path).ok()) {
        Some((_, placed)) => listed(placed).map(|page| (page, Some(placed))),
        None => routes.iter().find_map(|(_, placed)| listed(placed)).map(|page| (page, None)),
    }
}

/// What of a body nobody has read, and whether its caller waits for a word before it sends it.
pub(crate) struct Unread {
    pub(crate) body: Option<Incoming>,
    pub(crate) expects: bool,
}

impl Unread {
    /// All of it.
    pub(crate) fn of(parts: &Parts, body: Incoming) -> Self {
        Self { body: Some(body), expects: expects(parts) }
    }
}

/// Whether its caller waits for a word before it sends the body. Over HTTP/2 hyper tells nobody to go on: whoever expects that sends all
/// the same.
pub(crate) fn expects(parts: &Parts) -> bool {
    parts.headers.contains_key(EXPECT) && parts.version != Version::HTTP_2
}

/// An answer of our own.
pub(crate) fn own(
    caller: &Inbound,
    answer: Response<Bytes>,
    mut record: Record,
    unread: Unread,
) -> Response<AnswerBody> {
    let (mut head, text) = answer.into_parts();
    let unread_body = unread.body.filter(|body| !body.is_end_stream());
    // What follows a head that two programs read differently may be anything. And a body that waits for a word does not come.
    let is_last = head.status == StatusCode::BAD_REQUEST || (unread.expects && unread_body.is_some());
    if is_last {
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(body) = unread_body.filter(|_| !unread.expects) {
        discard(body);
    }
    record.bytes_out = text.len() as u64;
    let ended = Ended { record, watch: Rc::clone(&caller.watch) };
    let idle = caller.worker.fixed.limits.idle_body;
    Response::from_parts(head, AnswerBody::own(text, ended, idle))
}

/// What the API answered, or why it was not asked, or gave no answer.
async fn pass(
    caller: &Inbound,
    serving: &Serving,
    parts: &mut Parts,
    unread: &mut Unread,
    is_grpc: bool,
    record: &mut Record,
) -> Result<Passed, Problem> {
    let way = look(caller, serving, parts, unread.body.as_ref(), record)?;
    let bounds = &serving.table.bounds;
    let busy = || Problem::busy(Duration::from_secs(1));
    let upgrade = match &way.upgrade {
        Some(protocol) => Some((protocol.clone(), bounds.tunnel(&record.caller).ok_or_else(busy)?)),
        None => None,
    };
    record.admitted = Some(bounds.admit(&record.caller).ok_or_else(busy)?);
    let route = &way.placed.route;
    let lender = Lender::of(caller, way.placed, &record.caller, route.patience).await?;
    let Some(incoming) = unread.body.take() else { return Err(Problem::closing()) };
    let body = RequestBody::new(
        incoming,
        route.max_body,
        route.replay_body,
        &caller.worker.fixed.memory,
        &caller.watch,
        &route.fields,
    );
    let mut passing = Passing {
        caller,
        serving,
        way,
        is_grpc,
        upgrade,
        lender,
        method: &parts.method,
        fields: std::mem::take(&mut parts.headers),
        body,
        deadline: record.began.checked_add(route.patience),
        replay: Replay::new(true),
        before: None,
        left: 0,
    };
    let passed = passing.run(record).await.map_err(|problem| match passing.before {
        Some(before) => problem.of_another_try(before),
        None => problem,
    });
    record.bytes_in = passing.body.read();
    if passed.is_err() {
        // Who was told to go on does.
        unread.expects &= !passing.body.was_asked_for();
        unread.body = passing.body.take_rest();
    }
    passed
}

/// The rules, before anything is waited for. What is left of the fields may go to the API.
fn look<'a>(
    caller: &Inbound,
    serving: &'a Serving,
    parts: &mut Parts,
    body: Option<&Incoming>,
    record: &mut Record,
) -> Result<Way<'a>, Problem> {
    let door = serving.door(caller.door).ok_or_else(Problem::closing)?;
    let head = rules::head(parts, &door.hosts).map_err(|denied| Problem::denied(&denied))?;
    door.has_required_field(&parts.headers).map_err(|denied| Problem::denied(&denied))?;
    let admitted = door.access.admit(&parts.headers, caller.peer).map_err(Problem::access)?;
    record.caller = admitted.caller;
    let found = serving.table.routes.find(&head.path);
    let (path, placed) = found.map_err(|none| Problem::no_route(none, head.path.as_str()))?;
    record.route = Some(placed.number);
    let route = &placed.route;
    let denied = |denied| Problem::denied(&denied);
    rules::allowed(parts, &route.methods, &route.origins).map_err(denied)?;
    if let Some(callers) = &route.callers {
        let is_listed = record.caller.name().is_some_and(|name| callers.iter().any(|known| **known == *name));
        is_listed.then_some(()).ok_or_else(|| denied(Denied::Caller))?;
    }
    let via = caller.worker.fixed.via.as_ref().filter(|_| route.via);
    // Before the token that it has from us is taken for the caller's.
    if via.is_some_and(|via| via.is_in(&parts.headers)) {
        return Err(Problem::looped());
    }
    own_authorization(&parts.headers, admitted.by_authorization, route.authorization).map_err(denied)?;
    if body.is_some_and(|body| body.size_hint().lower() > route.max_body) {
        return Err(Problem::too_large(route.max_body, Sent::No));
    }
    let raw = head.path.as_str();
    let below = if route.strip { path.below_raw(raw) } else { raw.strip_prefix('/').unwrap_or(raw) };
    let target = route.upstream.target(below, head.query);
    let target = target.ok_or_else(|| denied(Denied::Target))?;
    // A clone of a field copies nothing; over HTTP/2 the target alone may have it.
    let host = parts.headers.get(HOST).cloned().or_else(|| HeaderValue::from_str(head.host).ok());
    let host = host.unwrap_or_else(|| HeaderValue::from_static("localhost"));
    let is_bare = body.is_none_or(Incoming::is_end_stream);
    let upgrade = rules::upgrade(parts, &route.upgrades).filter(|_| is_bare && !route.http2);
    fields::to_upstream(&mut parts.headers, &route.fields, parts.version, via)
        .map_err(|_| Problem::looped())?;
    let connections = serving.connections(placed.api).ok_or_else(Problem::closing)?;
    Ok(Way { placed, connections, target, host, upgrade })
}
