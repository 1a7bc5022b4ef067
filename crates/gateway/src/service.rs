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
    let door = Arc::clone(serving.table.doors.get(caller.door)?);
    match &door.serves {
        Serves::Routes => None,
        Serves::Tokens(desk) => Some(Counter { desk: Arc::clone(desk), door, serving }),
    }
}

/// Elsewhere, so that a request of a route is no larger for it.
fn issued(
    caller: Rc<Inbound>,
    counter: Counter,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = Response<AnswerBody>>>> {
    Box::pin(issue::answer(caller, counter, request))
}
