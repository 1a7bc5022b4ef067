//! A request, by what its listener is for.

use crate::answering::AnswerBody;
use crate::inbound::Inbound;
use crate::issue::{self, Counter};
use crate::table::Serves;
use http::{Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// Answers a request of this caller.
pub(crate) async fn answer(
    caller: Rc<Inbound>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    match counter(&caller) {
        Some(counter) => Ok(issued(caller, counter, request).await),
        None => crate::request::answer(caller, request).await,
    }
}

/// Where the caller stands, if its listener is for tokens.
fn counter(caller: &Inbound) -> Option<Counter> {
    let serving = caller.worker.serving();
    // Borrowed at first: a clone for each request of a route would write to a count that all workers share.
    let door = serving.table.doors.get(caller.door)?;
    let Serves::Tokens(desk) = &door.serves else { return None };
    let (desk, door) = (Arc::clone(desk), Arc::clone(door));
    Some(Counter { desk, door, serving })
}

/// Elsewhere, so that a request of a route is no larger for it.
fn issued(
    caller: Rc<Inbound>,
    counter: Counter,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = Response<AnswerBody>>>> {
    Box::pin(issue::answer(caller, counter, request))
}
