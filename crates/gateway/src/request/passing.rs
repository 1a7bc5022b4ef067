//! A request that may pass, on its way to the API and back.

use super::lender::{Authorized, Lender};
use super::refusal::{self, Next, Refused};
use crate::answer::{Problem, ProxyFailure, Sent, UpstreamFault};
use crate::answering::{Lease, Received};
use crate::body::{BodyFault, Outgoing, RequestBody};
use crate::bounds::{Both, Full};
use crate::counts::{Gauge, Replayed};
use crate::fields;
use crate::grpc;
use crate::idle::{Connection, Connections, Upgraded};
use crate::inbound::Inbound;
use crate::links::{self, LinkMap, Linked};
use crate::location::relocate;
use crate::page;
use crate::record::Record;
use crate::serving::Serving;
use crate::settings::OnRefused;
use crate::shared;
use crate::table::Placed;
use evergrant_core::{Generation, Replay, Verdict};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, HOST, LINK, LOCATION, TRANSFER_ENCODING,
    UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a request goes.
pub(super) struct Way<'a> {
    pub(super) placed: &'a Placed,
    pub(super) connections: &'a Rc<Connections>,
    pub(super) target: PathAndQuery,
    /// What the caller has named us by.
    pub(super) host: HeaderValue,
    /// What the caller wants to speak, where the route allows it.
    pub(super) upgrade: Option<HeaderValue>,
}

/// What the API answered.
pub(super) enum Passed {
    Answer(http::response::Parts, Box<Received>),
    /// It has agreed to another protocol.
    Tunnel(http::response::Parts, Upgraded, Both),
}

/// A request that may pass, until it has an answer.
pub(super) struct Passing<'a> {
    pub(super) caller: &'a Inbound,
    pub(super) serving: &'a Serving,
    pub(super) way: Way<'a>,
    /// Whether it is gRPC, whose refusals are in the fields of answers with 200.
    pub(super) is_grpc: bool,
    /// What it shall become, with its place among the tunnels.
    pub(super) upgrade: Option<(HeaderValue, Both)>,
    pub(super) lender: Lender<'a>,
    pub(super) method: &'a Method,
    pub(super) fields: HeaderMap,
    pub(super) body: RequestBody,
    /// Until then it waits for tokens and turns.
    pub(super) deadline: Option<Instant>,
    pub(super) replay: Replay,
    /// What became of it when it was sent before.
    pub(super) before: Option<Sent>,
    /// How often the API had left the connection before it came to this one.
    pub(super) left: u8,
}

/// What it takes to send it: a connection, with a turn, and a token.
struct Ready {
    lease: Lease,
    authorization: HeaderValue,
    generation: Generation,
}

impl Passing<'_> {
    pub(super) async fn run(&mut self, record: &mut Record) -> Result<Passed, Problem> {
        loop {
            let ready = self.ready(record).await?;
            let generation = ready.generation;
            let token = ready.authorization.clone();
            let Some((head, mut received)) = self.send(ready, record).await? else { continue };
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                self.passed(record);
                return self.switched(head, &mut received);
            }
            let verdict = match self.is_grpc && grpc::is_refused(&head, received.is_bare()) {
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
            let mut authorized = self.token(record).await?;
            let mut waited = false;
            let connections = self.way.connections.showing(authorized.shown.as_ref())?;
            let api = &connections.api;
            let turn = match api.try_turn() {
                Some(turn) => turn,
                None => {
                    waited = true;
                    let turn = self.caller.watch.unless_gone(api.turn(self.patience())).await;
                    turn.ok_or_else(|| Problem::busy(Duration::from_secs(1)))?
                }
            };
            // An API that closes one idle connection, as when it is started again, closes the others too.
            let is_fresh = self.is_reconnected() || self.left == shared::TRIES;
            let rested = match is_fresh || self.upgrade.is_some() {
                true => None,
                false => connections.rested().await,
            };
            let connection = match rested {
                Some(connection) => connection,
                None => {
                    waited = true;
                    let fresh = async {
                        match self.upgrade {
                            Some(_) => connections.to_upgrade().await,
                            None => connections.fresh(self.patience()).await,
                        }
                    };
                    // By itself: whoever waits for a token has no room for it.
                    self.caller.watch.unless_gone(Box::pin(fresh)).await?
                }
            };
            let lease = Lease { connection, connections, turn: Some(turn) };
            if waited {
                match self.lent(Duration::ZERO).await {
                    Ok(now) if now.shown == authorized.shown => authorized = now,
                    // It ended meanwhile, or another certificate brought the next one. Whoever waits for a token has no turn.
                    _ => {
                        lease.end();
                        continue;
                    }
                }
            }
            let Authorized { authorization, generation, .. } = authorized;
            return Ok(Ready { lease, authorization, generation });
        }
    }

    /// A token, or a place in the queue.
    async fn token(&self, record: &mut Record) -> Result<Authorized, Problem> {
        let shared = self.lender.tokens.source().shared();
        if let Ok(held) = shared.lend_quiet(|snapshot| self.lender.lent(snapshot)) {
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

    async fn lent(&self, patience: Duration) -> Result<Authorized, evergrant_core::Error> {
        let origin = self.way.placed.route.upstream.origin();
        let source = self.lender.tokens.source();
        source.lend(Some(patience), Some(origin), |snapshot| self.lender.lent(snapshot)).await
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
                    // To the request itself: there was no CONNECT.
                    return Err(proxy.failed(ProxyFailure::Unauthorized).into());
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
        // It has left the connection before it came to this one. What was read over a shared one meanwhile may be for others.
        let may_be_left = is_closed_idle || lease.connection.is_shared();
        let is_left = is_goodbye || (is_unsent && !is_refused && may_be_left);
        if is_left && is_again && self.left < shared::TRIES {
            lease.connection.retire();
            self.left += 1;
            record.attempts -= 1;
            return Ok(None);
        }
        if is_closed_idle && !is_unsent && self.may_be_repeated() && record.attempts < Replay::MAX_SENDS {
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
