//! A request, by what its listener is for.

use crate::answering::AnswerBody;
use crate::inbound::Inbound;
use crate::table::Serves;
use http::{Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

/// Answers a request of this caller.
pub(crate) async fn answer(
    caller: Rc<Inbound>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    match &caller.door.serves {
        Serves::Routes => crate::request::answer(caller, request).await,
        Serves::Tokens(desk) => {
            let desk = Arc::clone(desk);
            // Elsewhere, so that a request of a route is no larger for it.
            Ok(Box::pin(crate::issue::answer(caller, &desk, request)).await)
        }
    }
}
