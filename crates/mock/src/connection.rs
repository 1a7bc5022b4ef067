//! One connection, on its own thread: requests in, answers or faults out.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fault::{Endpoint, Fault};
use crate::http::{Bad, Reader, Request};
use crate::response::{Departure, Response};
use crate::state::{Arrival, Shared};
use crate::stream::Stream;
use crate::{auth, clock, metadata, resource};

/// How long a client may go on sending after it was told that its request is refused unread.
const LINGER: Duration = Duration::from_secs(1);

/// Serves a connection until either side ends it.
pub(crate) fn serve(shared: &Shared, stream: &Stream) {
    let mut reader = Reader::default();
    loop {
        match reader.next(stream) {
            Ok(request) => match exchange(shared, stream, Arc::new(request)) {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            },
            Err(Bad::Gone) => return,
            Err(Bad::Status(status)) => {
                let now = clock::now(shared.lock().settings.clock_offset);
                let departure = Departure { stream, now, age: None, head_only: false, close: true };
                if departure.whole(&Response::new(status)).is_ok() {
                    linger(stream, LINGER);
                }
                return;
            }
        }
    }
}

/// The token endpoint's concurrency, while a request is there.
struct Stay<'a> {
    shared: &'a Shared,
    endpoint: Endpoint,
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        self.shared.departed(self.endpoint);
    }
}

/// Answers a request; true when the connection goes on.
fn exchange(shared: &Shared, stream: &Stream, request: Arc<Request>) -> io::Result<bool> {
    let arrival = shared.arrive(&request);
    let endpoint = arrival.endpoint;
    let stay = Stay { shared, endpoint };
    let departure = departure(shared, stream, &request, endpoint);
    let ordinary = ordinary(shared, &request, &arrival);
    if !shared.hold(endpoint, arrival.ticket, arrival.delay) {
        return Ok(false);
    }
    match (ordinary, &arrival.fault) {
        (Some(response), None) => {
            stream.settle()?;
            drop(stay);
            departure.whole(&response)?;
            Ok(departure.end())
        }
        // The byte that the stream left in the socket makes closing a reset.
        (_, Some(Fault::Reset)) | (None, None) => Ok(false),
        (ordinary, Some(fault)) => {
            stream.settle()?;
            let response = ordinary.or_else(|| replacement(shared, endpoint, fault));
            strike(shared, &departure, stay, fault, response.as_ref())
        }
    }
}

/// What the endpoint answers by itself, unless the fault that struck has no use for it.
fn ordinary(shared: &Shared, request: &Request, arrival: &Arrival) -> Option<Response> {
    if arrival.fault.as_ref().is_some_and(|fault| !fault.spoils_the_ordinary_answer()) {
        if arrival.endpoint == Endpoint::Token {
            auth::burn(shared, request);
        }
        return None;
    }
    let (response, outcome) = match arrival.endpoint {
        Endpoint::Token => auth::answer(shared, request),
        Endpoint::Metadata => metadata::answer(shared, request),
        Endpoint::Resource => resource::answer(shared, request),
    };
    if arrival.fault.is_none() {
        shared.answered(arrival, response.status, outcome);
    }
    Some(response)
}

/// The response a fault puts in place of the ordinary one, if it is a response at all.
fn replacement(shared: &Shared, endpoint: Endpoint, fault: &Fault) -> Option<Response> {
    match fault {
        Fault::Status { status, retry_after, body } => {
            let mut response = Response::new(*status);
            if let Some(value) = retry_after {
                response = response.header("Retry-After", value);
            }
            Some(match body {
                Some((media_type, body)) => response.body(media_type, body.clone()),
                None => response,
            })
        }
        Fault::Error { status, error, description } if endpoint != Endpoint::Resource => {
            let style = shared.lock().settings.errors;
            Some(auth::error(style, *status, error, description.as_deref()))
        }
        Fault::Error { status, error, description } => {
            let mut challenge = format!(r#"Bearer realm="evergrant-mock", error="{error}""#);
            if let Some(description) = description {
                challenge.push_str(&format!(r#", error_description="{description}""#));
            }
            Some(Response::new(*status).header("WWW-Authenticate", challenge))
        }
        Fault::Html => Some(Response::new(200).body(
            "text/html; charset=utf-8",
            "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Accept our terms.</body></html>\n",
        )),
        Fault::Redirect { status, location } => Some(Response::new(*status).header("Location", location)),
        _ => None,
    }
}

/// Does what the fault says; true when the connection goes on.
fn strike(
    shared: &Shared,
    departure: &Departure<'_>,
    stay: Stay<'_>,
    fault: &Fault,
    response: Option<&Response>,
) -> io::Result<bool> {
    match (fault, response) {
        (Fault::Hang, _) => {
            hang(departure.stream)?;
            Ok(false)
        }
        (Fault::Garbage, _) => {
            drop(stay);
            departure.write(b"\x16\x03\x01 220 mock.example ESMTP ready\r\n\0\xff\xfe\r\n\r\n")?;
            Ok(false)
        }
        (Fault::Raw(bytes), _) => {
            drop(stay);
            departure.write(bytes)?;
            Ok(false)
        }
        (Fault::SlowBody { per_byte }, Some(response)) => {
            let mut stay = Some(stay);
            departure.part(response, 0)?;
            let body = if departure.has_body(response) { response.body.as_slice() } else { &[] };
            for (index, byte) in body.iter().enumerate() {
                if !shared.pause(*per_byte) {
                    return Ok(false);
                }
                if index + 1 == body.len() {
                    stay.take();
                }
                departure.write(&[*byte])?;
            }
            Ok(departure.end())
        }
        (Fault::TruncatedBody, Some(response)) => {
            drop(stay);
            departure.part(response, response.body.len() / 2)?;
            Ok(false)
        }
        (Fault::Oversized { bytes }, Some(response)) => {
            drop(stay);
            departure.padded(response, *bytes)?;
            Ok(departure.end())
        }
        (Fault::Member { name, json }, Some(response)) => {
            drop(stay);
            let body = metadata::with_member(&response.body, name, json.as_deref());
            departure.whole(&Response { body, ..response.clone() })?;
            Ok(departure.end())
        }
        (Fault::Gzip, Some(response)) => {
            drop(stay);
            departure.whole(&response.gzip())?;
            Ok(departure.end())
        }
        (Fault::Deflate, Some(response)) => {
            drop(stay);
            departure.whole(&response.deflate())?;
            Ok(departure.end())
        }
        (_, Some(response)) => {
            drop(stay);
            departure.whole(response)?;
            Ok(departure.end())
        }
        (_, None) => Ok(false),
    }
}

/// Reads until the client closes the connection or the server cuts it.
fn hang(stream: &Stream) -> io::Result<()> {
    stream.set_read_timeout(None)?;
    while stream.discard()? > 0 {}
    Ok(())
}

/// Ends our side and reads on for a while: closing at once would reset the connection, and the client might lose the
/// answer it has not read yet.
fn linger(stream: &Stream, time: Duration) {
    let end = Instant::now() + time;
    if stream.shut_down().is_err() || stream.set_read_timeout(Some(time)).is_err() {
        return;
    }
    while Instant::now() < end {
        match stream.discard() {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
}

/// How the answer goes, whatever it is.
fn departure<'a>(
    shared: &Shared,
    stream: &'a Stream,
    request: &Request,
    endpoint: Endpoint,
) -> Departure<'a> {
    let settings = &shared.lock().settings;
    Departure {
        stream,
        now: clock::now(settings.clock_offset),
        age: settings.age.filter(|_| endpoint == Endpoint::Token),
        head_only: request.method == "HEAD",
        close: !request.keep_alive,
    }
}

#[cfg(test)]
mod tests;
