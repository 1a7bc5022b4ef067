//! The one token request, sent as the library sends it, with what of the answer the library has no use for: the
//! server's clock, and how it wants to be asked.

use crate::client::network::{self, Network};
use crate::client::proving::Proving;
use crate::client::secret::LiveKey;
use crate::client::settings::UNKNOWN;
use crate::client::setup::Setup;
use crate::tell::failure::Failure;
use evergrant_drive::{CertifiedKey, KeySource, SecretSource};
use evergrant_http::{Collector, RequestBody, to_http};
use evergrant_tokio_reqwest::core::{
    Ask, Asking, Attempt, Grant, Known, Move, Outcome, Refusal, Response, Seed, TransportError,
    TransportErrorKind, Unready, UnsignedAssertion,
};
use evergrant_tokio_reqwest::{Algorithm, Clock, Origin, Policy, SecretText, SourceError, SystemClock};
use reqwest::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderName, WWW_AUTHENTICATE};
use ring::rand::{SecureRandom, SystemRandom};
use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

/// What became of it.
pub(super) struct Asked {
    pub(super) sent: SystemTime,
    pub(super) took: Duration,
    /// Whether there was an answer at all.
    pub(super) answered: bool,
    /// The server's clock when it answered (RFC 9110 §6.6.1).
    pub(super) date: Option<SystemTime>,
    /// `WWW-Authenticate`.
    pub(super) challenge: Option<String>,
    /// How the assertion was signed, if one was.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) outcome: Result<Grant, Refusal>,
}

/// A client that asks, and what its connections show.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) setup: &'a Setup,
    pub(super) shown: Option<&'a CertifiedKey>,
}

/// How far an attempt goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    /// To the metadata: nothing of the client is sent.
    Metadata,
    Token,
}

/// What came of an attempt, and what was learnt.
struct Gone {
    asked: Option<Asked>,
    known: Known,
}

impl Asker<'_> {
    /// What the server's metadata says, which is kept for the token request; or why it cannot be had.
    pub(super) async fn discover(self) -> Result<Result<Known, Refusal>, Failure> {
        let Gone { asked, known } = self.attempt(&Known::new(&Policy::new()), To::Metadata).await?;
        Ok(match asked.map(|asked| asked.outcome) {
            Some(Err(refusal)) if known.metadata().is_none() => Err(refusal),
            _ => Ok(known),
        })
    }

    /// The one token request.
    pub(super) async fn ask(self, known: &Known) -> Result<Asked, Failure> {
        let gone = self.attempt(known, To::Token).await?;
        gone.asked.ok_or_else(nothing_sent)
    }

    async fn attempt(self, known: &Known, to: To) -> Result<Gone, Failure> {
        let Self { setup, shown } = self;
        let mut sent = SystemTime::now();
        let (mut answered, mut headers, mut took) = (false, HeaderMap::new(), Duration::ZERO);
        let mut algorithm = None;
        let mut next = Attempt::begin(&setup.client, Seed::new(SystemClock.now()), known);
        let (outcome, known) = loop {
            next = match next {
                Move::Ask(asking) => match self.answer(&asking, to, &mut algorithm) {
                    Ok(text) => asking.answer(text),
                    Err(error) => {
                        let unready = Unready::new(asking.ask().clone(), error);
                        asking.unanswered(unready)
                    }
                },
                // That it was not sent is told to nobody: what was learnt before is what is wanted.
                Move::Send(request, under_way) if to == To::Metadata && request.method() != "GET" => {
                    under_way.failed(TransportError::ours(TransportErrorKind::Closed, "not sent"))
                }
                Move::Send(request, under_way) => {
                    let origin = under_way.client().provider().server().origin().clone();
                    let proxy = setup.network.proxy_for(&origin)?;
                    let http = http(&origin, &setup.network, setup.timeout, shown)?;
                    let request = to_http(request).map(|request| {
                        let mut request = request.map(RequestBody::into_bytes);
                        // The HTTP library counts the body itself.
                        request.headers_mut().remove(CONTENT_LENGTH);
                        reqwest::Request::try_from(request)
                    });
                    sent = SystemTime::now();
                    let began = Instant::now();
                    let answer = match request {
                        Ok(request) => send(&http, request).await.map_err(|error| {
                            match proxy.as_ref().filter(|_| error.is_connect()) {
                                Some(proxy) => {
                                    proxy.failed(format_args!("cannot be used: {}", chain(&error))).into()
                                }
                                None => TransportError::new(kind(&error), &chain(&error), &[]),
                            }
                        }),
                        Err(error) => Err(error),
                    };
                    took = began.elapsed();
                    match answer {
                        Ok((response, own)) => {
                            (answered, headers) = (true, own);
                            under_way.received(&response, SystemClock.now())
                        }
                        Err(error) => under_way.failed(error),
                    }
                }
                Move::Done(outcome, known) => break (outcome, known),
            };
        };
        let outcome = match outcome {
            Outcome::Granted(grant) => Ok(grant),
            Outcome::Refused(refusal) => Err(refusal),
            Outcome::NotSent(_) if to == To::Metadata => return Ok(Gone { asked: None, known }),
            Outcome::NotSent(unready) => return Err(unready.into()),
            // The first attempt knows of no refusal.
            _ => return Err(nothing_sent()),
        };
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        let date = text(DATE).and_then(|text| httpdate::parse_http_date(text).ok());
        let challenge = text(WWW_AUTHENTICATE).map(str::to_owned);
        Ok(Gone { asked: Some(Asked { sent, took, answered, date, challenge, algorithm, outcome }), known })
    }

    /// What the attempt asks for. For metadata nothing of it is needed but the certificate.
    fn answer(
        self,
        asking: &Asking<'_>,
        to: To,
        algorithm: &mut Option<Algorithm>,
    ) -> Result<SecretText, SourceError> {
        match (asking.ask(), asking.unsigned(), &self.setup.proving) {
            (Ask::Certificate, ..) => {
                self.shown.map(|shown| shown.thumbprint().into()).ok_or(SourceError::Missing)
            }
            (_, Some(_), _) if to == To::Metadata => Err(SourceError::Missing),
            (_, Some(unsigned), Proving::Key(key)) => signed(unsigned, key, self.setup.timeout, algorithm),
            (_, None, Proving::Text(live)) if to == To::Token => live.read(self.setup.timeout),
            // What is asked for has a place.
            _ => Ok(SecretText::new(UNKNOWN)),
        }
    }
}

/// An assertion, signed by the key that is there now.
fn signed(
    unsigned: &UnsignedAssertion,
    key: &LiveKey,
    limit: Duration,
    algorithm: &mut Option<Algorithm>,
) -> Result<SecretText, SourceError> {
    let signer = key.read(limit)?;
    let mut jti = [0; 16];
    let random = SystemRandom::new().fill(&mut jti);
    random.map_err(|_| SourceError::failed("the system gives no random bytes; try again"))?;
    let input = unsigned.for_key(&signer.key(), jti)?;
    *algorithm = Some(input.algorithm());
    let signature = signer.sign(input.algorithm(), input.as_bytes())?;
    input.signed(&signature)
}

fn nothing_sent() -> Failure {
    Failure::usage("nothing was sent", "try again")
}

/// As for every token request: no redirect is followed, nothing is sent twice or unpacked, the same heads are read, each
/// address has its share of the time, and the proxy and the certificate are the same.
pub(super) fn http(
    origin: &Origin,
    network: &Network,
    timeout: Duration,
    shown: Option<&CertifiedKey>,
) -> Result<reqwest::Client, Failure> {
    let builder = network
        .http(origin, timeout)?
        .retry(reqwest::retry::never())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .timeout(timeout);
    network::build(network::showing(builder, shown)?)
}

async fn send(
    http: &reqwest::Client,
    request: Result<reqwest::Request, reqwest::Error>,
) -> Result<(Response, HeaderMap), reqwest::Error> {
    let mut answer = http.execute(request?).await?;
    let headers = answer.headers().clone();
    let mut collector = Collector::new(answer.status(), &headers);
    while collector.wants_more()
        && let Some(chunk) = answer.chunk().await?
    {
        collector.push(&chunk);
    }
    Ok((collector.finish(), headers))
}

/// Name, connection and TLS have been looked at before this request: they tell more.
fn kind(error: &reqwest::Error) -> TransportErrorKind {
    if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else {
        TransportErrorKind::Closed
    }
}

/// What the library says, without the URL, and why.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        // What it was doing, by the name of a Rust type.
        if error.to_string().starts_with("client error (") {
            cause = error.source();
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
