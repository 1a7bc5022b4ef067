//! One request: what may pass is sent with a token, and once more with another one if that is refused.

mod lender;
mod refusal;

use crate::access::{Access, own_authorization};
use crate::answer::{Problem, ProxyFailure, Sent, UpstreamFault};
use crate::answering::{AnswerBody, Ended, Lease, Received, discard};
use crate::body::{BodyFault, Outgoing, RequestBody};
use crate::bounds::{Both, Full};
use crate::counts::{Gauge, Replayed};
use crate::fields;
use crate::grpc;
use crate::idle::{Connection, Connections, Upgraded};
use crate::inbound::Inbound;
use crate::links::{self, LinkMap, Linked};
use crate::location::relocate;
use crate::page::{self, Page};
use crate::record::Record;
use crate::rules::{self, Denied};
use crate::serving::Serving;
use crate::settings::OnRefused;
use crate::shared;
use crate::table::Placed;
use crate::tunnel::Tunnel;
use bytes::Bytes;
use evergrant_core::{Generation, Replay, Verdict};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, EXPECT, HOST, LINK, LOCATION, ORIGIN,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use lender::Lender;
use refusal::{Next, Refused};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    let passed = pass(&caller, &serving, &mut parts, &mut unread, &mut record).await;
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
        // Over HTTP/2 hyper tells nobody to go on: whoever expects that sends all the same.
        let expects = parts.headers.contains_key(EXPECT) && parts.version != Version::HTTP_2;
        Self { body: Some(body), expects }
    }
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

/// What the API answered.
enum Passed {
    Answer(http::response::Parts, Box<Received>),
    /// It has agreed to another protocol.
    Tunnel(http::response::Parts, Upgraded, Both),
}

/// What the API answered, or why it was not asked, or gave no answer.
async fn pass(
    caller: &Inbound,
    serving: &Serving,
    parts: &mut Parts,
    unread: &mut Unread,
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
        upgrade,
        lender,
        method: &parts.method,
        fields: std::mem::take(&mut parts.headers),
        body,
        deadline: record.began.checked_add(route.patience),
        replay: Replay::new(true),
        before: None,
        goodbyes: 0,
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

/// Where a request goes.
struct Way<'a> {
    placed: &'a Placed,
    connections: &'a Rc<Connections>,
    target: PathAndQuery,
    /// What the caller has named us by.
    host: HeaderValue,
    /// What the caller wants to speak, where the route allows it.
    upgrade: Option<HeaderValue>,
    /// Whether it is gRPC, whose refusals are in the fields of answers with 200.
    is_grpc: bool,
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
    if let Some(name) = door.require_header.as_ref().filter(|name| !parts.headers.contains_key(*name)) {
        return Err(Problem::denied(&Denied::RequiredField(name.clone())));
    }
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
    let is_grpc = grpc::is_grpc(&parts.headers);
    fields::to_upstream(&mut parts.headers, &route.fields, parts.version, via)
        .map_err(|_| Problem::looped())?;
    let connections = serving.connections(placed.api).ok_or_else(Problem::closing)?;
    Ok(Way { placed, connections, target, host, upgrade, is_grpc })
}

/// A request that may pass, until it has an answer.
struct Passing<'a> {
    caller: &'a Inbound,
    serving: &'a Serving,
    way: Way<'a>,
    /// What it shall become, with its place among the tunnels.
    upgrade: Option<(HeaderValue, Both)>,
    lender: Lender<'a>,
    method: &'a Method,
    fields: HeaderMap,
    body: RequestBody,
    /// Until then it waits for tokens and turns.
    deadline: Option<Instant>,
    replay: Replay,
    /// What became of it when it was sent before.
    before: Option<Sent>,
    /// How often an API of HTTP/2 has said goodbye before it came to this one.
    goodbyes: u8,
}

/// What it takes to send it: a connection, with a turn, and a token.
struct Ready {
    lease: Lease,
    authorization: HeaderValue,
    generation: Generation,
}

impl Passing<'_> {
    async fn run(&mut self, record: &mut Record) -> Result<Passed, Problem> {
        loop {
            let ready = self.ready(record).await?;
            let generation = ready.generation;
            let token = ready.authorization.clone();
            let Some((head, mut received)) = self.send(ready, record).await? else { continue };
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                self.passed(record);
                return self.switched(head, &mut received);
            }
            let verdict = match self.way.is_grpc && grpc::is_refused(&head, received.is_bare()) {
                true => Verdict::TokenRefused,
                false => refusal::verdict(&self.lender.guard, &head, &mut received).await,
            };
            if verdict != Verdict::TokenRefused {
                self.passed(record);
                return Ok(self.answered(head, received));
            }
            let refused = Refused {
                caller: self.caller,
                tokens: &self.lender.tokens,
                origin: self.way.placed.route.upstream.origin(),
                is_repeatable: self.body.is_repeatable(),
                patience: self.patience(),
            };
            let next = refused.next(&mut self.replay, generation, &mut received).await;
            if next == Next::Again {
                self.before.get_or_insert(Sent::Refused);
                received.discard();
                continue;
            }
            if self.way.placed.route.on_refused == OnRefused::Pass {
                return Ok(self.answered(head, received));
            }
            let later = match next {
                Next::Unrepeatable => Some(Problem::unrepeatable(head.status)),
                Next::Unsettled => Some(Problem::unsettled(head.status)),
                Next::Gated(wait) => Some(Problem::gated(head.status, wait)),
                Next::Again | Next::Refused => None,
            };
            if let Some(later) = later {
                received.discard();
                return Err(later);
            }
            let said = refusal::said(&self.lender.tokens, &head, received.beginning().await, &token);
            received.discard();
            return Err(Problem::refused(head.status, said.as_deref()));
        }
    }

    /// The API has taken it: with another token than at first, or not.
    fn passed(&self, record: &Record) {
        if record.attempts > 1 && self.replay.sends() > 1 {
            self.caller.worker.counters().replayed(Replayed::Passed);
        }
    }

    /// The API speaks something else from now on: what the caller wanted, or what nobody asked for.
    fn switched(&mut self, head: http::response::Parts, received: &mut Received) -> Result<Passed, Problem> {
        let spoken = head.headers.get(UPGRADE).cloned();
        let agrees = |wanted: &HeaderValue| {
            spoken.as_ref().is_some_and(|spoken| spoken.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
        };
        match (self.upgrade.take_if(|(wanted, _)| agrees(wanted)), received.upgraded()) {
            (Some((protocol, place)), Some(upgraded)) => {
                let mut head = self.handed_on(head);
                head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                head.headers.insert(UPGRADE, protocol);
                Ok(Passed::Tunnel(head, upgraded, place))
            }
            _ => Err(Problem::unreadable()),
        }
    }

    /// How much longer it waits.
    fn patience(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits for a token, then for a turn and a connection; and takes the token that there is then.
    async fn ready(&self, record: &mut Record) -> Result<Ready, Problem> {
        loop {
            let (mut authorization, mut generation) = self.token(record).await?;
            let mut waited = false;
            let api = &self.way.connections.api;
            let turn = match api.try_turn() {
                Some(turn) => turn,
                None => {
                    waited = true;
                    let turn = self.caller.watch.unless_gone(api.turn(self.patience())).await;
                    turn.ok_or_else(|| Problem::busy(Duration::from_secs(1)))?
                }
            };
            // An API that closes one idle connection, as when it is started again, closes the others too.
            let rested = match self.is_reconnected() || self.upgrade.is_some() {
                true => None,
                false => self.way.connections.rested().await,
            };
            let connection = match rested {
                Some(connection) => connection,
                None => {
                    waited = true;
                    let connections = self.way.connections;
                    let fresh = async {
                        match self.upgrade {
                            Some(_) => connections.to_upgrade().await,
                            None => connections.fresh().await,
                        }
                    };
                    // By itself: whoever waits for a token has no room for it.
                    self.caller.watch.unless_gone(Box::pin(fresh)).await?
                }
            };
            let lease = Lease { connection, connections: Rc::clone(self.way.connections), turn: Some(turn) };
            if waited {
                match self.lent(Duration::ZERO).await {
                    Ok(now) => (authorization, generation) = now,
                    // It ended meanwhile. Whoever waits for a token has no turn.
                    Err(_) => {
                        lease.end();
                        continue;
                    }
                }
            }
            return Ok(Ready { lease, authorization, generation });
        }
    }

    /// A token, or a place in the queue.
    async fn token(&self, record: &mut Record) -> Result<(HeaderValue, Generation), Problem> {
        let shared = self.lender.tokens.source().shared();
        let held = shared.lend_quiet(|snapshot| (snapshot.value().clone(), snapshot.token().generation()));
        if let Ok(held) = held {
            return Ok(held);
        }
        let most = shared.policy().max_waiters();
        let place = self.serving.table.bounds.queue(&record.caller, most);
        let _place = place.map_err(|Full| Problem::queue_full(Duration::from_secs(1)))?;
        let counters = &self.caller.worker.counters();
        let _queued = Gauge::raise(&counters.queued);
        let began = Instant::now();
        let token = self.caller.watch.unless_gone(self.lent(self.patience())).await;
        let waited = began.elapsed();
        record.waited += waited;
        counters.queue_time.record(waited);
        token.map_err(|error| Problem::no_token(&error))
    }

    async fn lent(&self, patience: Duration) -> Result<(HeaderValue, Generation), evergrant_core::Error> {
        let Placed { route, .. } = self.way.placed;
        let lent = self.lender.tokens.source().with_authorization(
            Some(patience),
            Some(route.upstream.origin()),
            |value, token| (value.clone(), token.generation()),
        );
        lent.await
    }

    /// Sends it: what the API answers, or `None` if it is to be sent over another connection, because nothing of it arrived or
    /// because it may be repeated.
    async fn send(
        &mut self,
        ready: Ready,
        record: &mut Record,
    ) -> Result<Option<(http::response::Parts, Received)>, Problem> {
        let Ready { mut lease, authorization, generation } = ready;
        let mark = lease.connection.traffic().mark();
        let request = self.request(authorization, &lease.connection);
        let sending = self.caller.watch.unless_gone(lease.connection.send(request));
        let began = Instant::now();
        let time = self.way.placed.route.answer_timeout;
        let sent = self.caller.watch.within(time, sending).await;
        record.sent_with(generation);
        let took = began.elapsed();
        record.upstream += took;
        let mut error = match sent {
            Ok(Ok(answer)) => {
                self.caller.worker.counters().upstream_time.record(took);
                let (head, rest) = answer.into_parts();
                lease.connection.hear(&head.headers);
                if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
                    && let Some(proxy) = self.way.connections.api.forwarder()
                {
                    return Err(proxy.failed(ProxyFailure::Answered(head.status)).into());
                }
                return Ok(Some((
                    head,
                    Received::new(rest, lease, self.body.clone(), &self.way.placed.route.fields),
                )));
            }
            Ok(Err(error)) => error,
            Err(_) if self.body.is_starved() => return Err(Problem::slow()),
            Err(_) => {
                lease.connection.retire();
                return Err(Problem::timed_out());
            }
        };
        if shared::is_too_much(error.error()) {
            lease.connection.retire();
        }
        let traffic = lease.connection.traffic();
        let (is_refused, is_goodbye) = (shared::is_refused(error.error()), shared::is_goodbye(error.error()));
        let is_unsent =
            error.take_message().is_some() || is_refused || is_goodbye || !traffic.has_written_since(mark);
        let sent = if is_unsent { Sent::No } else { Sent::Perhaps };
        match self.body.fault() {
            Some(BodyFault::TooLong) => {
                return Err(Problem::too_large(self.way.placed.route.max_body, sent));
            }
            Some(_) => return Err(Problem::broken_body()),
            None => {}
        }
        // Every server closes connections that were idle: that is no answer to this request.
        let is_closed_idle = lease.connection.is_reused() && !traffic.has_read_since(mark);
        let is_again = self.body.is_untouched() || self.body.is_repeatable();
        // The API says by itself that it did nothing with it; whoever says so again and again is not asked for ever.
        if is_refused && is_again && record.attempts < Replay::MAX_SENDS {
            return Ok(None);
        }
        // It has said goodbye before it came to this one. What was read over a shared connection meanwhile may be for others.
        let is_left = is_goodbye || (is_unsent && !is_refused && lease.connection.is_shared());
        if is_left && is_again && self.goodbyes < shared::GOODBYES {
            lease.connection.retire();
            self.goodbyes += 1;
            record.attempts -= 1;
            return Ok(None);
        }
        if is_unsent && is_closed_idle && is_again {
            record.attempts -= 1;
            return Ok(None);
        }
        if is_closed_idle && self.may_be_repeated() && record.attempts < Replay::MAX_SENDS {
            self.before = Some(Sent::Perhaps);
            return Ok(None);
        }
        Err(match error.error() {
            error if lease.connection.is_something_else(error) => {
                Problem::unreachable(UpstreamFault::NoHttp2)
            }
            error if error.is_parse_too_large() => Problem::head_too_long(),
            error if error.is_parse() => Problem::unreadable(),
            _ => Problem::closed(sent),
        })
    }

    /// Whether it is sent again because a connection had been closed.
    fn is_reconnected(&self) -> bool {
        self.before == Some(Sent::Perhaps)
    }

    /// Whether a request that may have arrived may be sent once more, over another connection (RFC 9112 §9.3.1).
    fn may_be_repeated(&self) -> bool {
        let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(self.method);
        is_safe && self.body.is_empty() && !self.is_reconnected()
    }

    fn request(&mut self, authorization: HeaderValue, connection: &Connection) -> Request<Outgoing> {
        let upstream = &self.way.placed.route.upstream;
        let mut request = Request::new(self.body.send());
        *request.method_mut() = self.method.clone();
        // A copy stays, to be sent again. It has no room for more, so the other one goes.
        let kept = self.fields.clone();
        *request.headers_mut() = std::mem::replace(&mut self.fields, kept);
        request.headers_mut().insert(AUTHORIZATION, authorization);
        match connection {
            Connection::Own(_) => {
                *request.uri_mut() = Uri::from(self.way.target.clone());
                let headers = request.headers_mut();
                if !self.body.is_empty() && self.body.is_chunked() {
                    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                }
                headers.insert(HOST, upstream.authority().clone());
                if let Some((protocol, _)) = &self.upgrade {
                    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                    headers.insert(UPGRADE, protocol.clone());
                }
            }
            // There the host and the scheme are a part of the target (RFC 9113 §8.3.1).
            Connection::Shared(_) => {
                *request.version_mut() = Version::HTTP_2;
                *request.uri_mut() = upstream.uri(self.way.target.clone());
            }
        }
        match self.way.connections.api.forwarder() {
            Some(proxy) => proxy.forwarded(request, upstream),
            None => request,
        }
    }

    /// The API's answer, as the caller gets it.
    fn answered(&self, head: http::response::Parts, received: Received) -> Passed {
        let mut head = self.handed_on(head);
        let Some(from) = &self.way.placed.route.links else {
            return Passed::Answer(head, Box::new(received));
        };
        let map = links::is_mapped(&head).then(|| self.base()).flatten();
        if links::has_another_length(&head) {
            head.headers.remove(CONTENT_LENGTH);
        }
        let received = match map {
            Some(base) => received.linked(Linked::new(LinkMap::between(Arc::clone(from), &base))),
            None => received,
        };
        Passed::Answer(head, Box::new(received))
    }

    /// The head of the API's answer, as the caller gets it.
    fn handed_on(&self, mut head: http::response::Parts) -> http::response::Parts {
        let route = &self.way.placed.route;
        fields::to_caller(&mut head.headers, &route.fields);
        if !route.origins.is_empty() {
            page::to_caller(&mut head.headers);
        }
        let leads = [LOCATION, CONTENT_LOCATION, LINK];
        if leads.iter().any(|name| head.headers.contains_key(name))
            && let Some(base) = self.base()
        {
            relocate(&mut head.headers, &route.upstream.to_string(), &base);
        }
        head
    }

    /// The URL that the caller knows the upstream by, if what is below the upstream is below a URL here too.
    fn base(&self) -> Option<String> {
        let Way { placed: Placed { route, .. }, host, .. } = &self.way;
        let below = if route.strip { route.path.as_str() } else { "/" };
        let is_tls = self.serving.door(self.caller.door).is_some_and(|door| door.tls.is_some());
        let scheme = if is_tls { "https" } else { "http" };
        let host = host.to_str().unwrap_or("localhost");
        (route.path.is_prefix() || !route.strip).then(|| format!("{scheme}://{host}{below}"))
    }
}
