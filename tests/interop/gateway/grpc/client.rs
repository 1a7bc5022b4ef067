//! The calls of each case.

use crate::raw::Raw;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::uri::PathAndQuery;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tonic::client::Grpc;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

/// Whatever should happen has happened by then, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn run(url: &str, case: &str) {
    let channel = Endpoint::from_shared(url.to_owned()).unwrap().connect().await.unwrap();
    let calls = Calls(channel);
    let case = async {
        match case {
            "unary" => calls.says_back().await,
            "streams" => calls.streams().await,
            "chat" => calls.chats().await,
            "failed" => calls.failed().await,
            "deadline" => calls.deadline().await,
            "refused" => calls.refused().await,
            "refused-chat" => calls.refused_chat().await,
            "late" => calls.late().await,
            "unavailable" => calls.unavailable().await,
            "cancelled" => calls.cancelled().await,
            "many" => calls.many().await,
            _ => panic!("there is no case {case}"),
        }
    };
    timeout(PATIENCE, case).await.unwrap();
}

struct Calls(Channel);

type Called<T> = Result<Response<T>, Status>;

impl Calls {
    async fn grpc(&self) -> Grpc<Channel> {
        let mut grpc = Grpc::new(self.0.clone());
        grpc.ready().await.unwrap();
        grpc
    }

    async fn unary(&self, method: &str, message: impl Into<Bytes>) -> Called<Bytes> {
        self.grpc().await.unary(Request::new(message.into()), path(method), Raw).await
    }

    async fn count(&self, method: &str, number: u32) -> Called<Streaming<Bytes>> {
        let request = Request::new(number.to_string().into());
        self.grpc().await.server_streaming(request, path(method), Raw).await
    }

    async fn chat(&self, messages: impl Stream<Item = Bytes> + Send + 'static) -> Called<Streaming<Bytes>> {
        self.grpc().await.streaming(Request::new(messages), path("Chat"), Raw).await
    }

    async fn says_back(&self) {
        for length in [0, 1, 100_000, 2_000_000] {
            let message = Bytes::from(vec![7; length]);
            let answer = self.unary("Unary", message.clone()).await.unwrap();
            assert_eq!(answer.metadata().get("x-echo").unwrap(), "yes");
            assert!(*answer.get_ref() == message, "{} of {length} bytes came back", answer.get_ref().len());
        }
    }

    async fn streams(&self) {
        let counted = self.count("Count", 1000).await.unwrap().into_inner();
        let counted: Vec<Bytes> = counted.try_collect().await.unwrap();
        let expected: Vec<Bytes> = (0..1000).map(|number: u32| number.to_string().into()).collect();
        assert_eq!(counted, expected);
        let messages = stream::iter((0..500).map(|_| Bytes::from_static(&[1; 1000])));
        let sum = self.grpc().await.client_streaming(Request::new(messages), path("Sum"), Raw).await.unwrap();
        assert_eq!(sum.into_inner(), "500 500000");
    }

    /// Each message is sent once the one before came back.
    async fn chats(&self) {
        let (sender, receiver) = mpsc::channel(1);
        let mut answers = self.chat(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        for number in 0..20 {
            let message = Bytes::from(vec![number; 10_000]);
            sender.send(message.clone()).await.unwrap();
            assert_eq!(answers.message().await.unwrap(), Some(message));
        }
        drop(sender);
        assert_eq!(answers.message().await.unwrap(), None);
    }

    async fn failed(&self) {
        let failed = self.unary("Fail", "x").await.unwrap_err();
        assert_eq!((failed.code(), failed.message()), (Code::InvalidArgument, "too heavy: 7 £"));
        assert_eq!(failed.details(), [8, 3, 18, 0, 255]);
        assert_eq!(failed.metadata().get("x-reason").unwrap(), "weight");
        assert_eq!(failed.metadata().get_bin("x-raw-bin").unwrap().to_bytes().unwrap(), [0, 255, 7][..]);
        assert_eq!(self.unary("None", "x").await.unwrap_err().code(), Code::Unimplemented);
    }

    async fn deadline(&self) {
        let mut request = Request::new(Bytes::new());
        request.set_timeout(PATIENCE);
        let answer = self.grpc().await.unary(request, path("Timeout"), Raw).await.unwrap();
        let said: Bytes = answer.into_inner();
        assert!(said.starts_with(b"30"), "the server got the time {said:?}");
        let mut request = Request::new(Bytes::new());
        request.set_timeout(Duration::from_millis(200));
        let late: Called<Bytes> = self.grpc().await.unary(request, path("Sleep"), Raw).await;
        // What it is called depends on which of the two is first.
        let late = late.unwrap_err();
        assert!([Code::Cancelled, Code::DeadlineExceeded].contains(&late.code()), "{late:?}");
        self.nothing_is_open().await;
    }

    /// A token that has died is replaced, and the call made again: whoever calls gets what it wants.
    async fn refused(&self) {
        assert_eq!(self.unary("Revoke", "").await.unwrap().into_inner(), "revoked");
        assert_eq!(self.unary("Unary", "again").await.unwrap().into_inner(), "again");
    }

    async fn refused_chat(&self) {
        self.unary("Revoke", "").await.unwrap();
        // It is refused before the last message was sent.
        let (sender, receiver) = mpsc::channel(1);
        sender.send(Bytes::from_static(b"one")).await.unwrap();
        let mut answers = self.chat(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap(), Some(Bytes::from_static(b"one")));
        sender.send(Bytes::from_static(b"two")).await.unwrap();
        drop(sender);
        assert_eq!(answers.message().await.unwrap(), Some(Bytes::from_static(b"two")));
        assert_eq!(answers.message().await.unwrap(), None);
    }

    /// Messages have been handed on: the refusal behind them is the caller's.
    async fn late(&self) {
        let mut answers = self.count("Late", 2).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap(), Some(Bytes::from_static(b"0")));
        assert_eq!(answers.message().await.unwrap(), Some(Bytes::from_static(b"1")));
        let refused = answers.message().await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "too late"));
    }

    async fn unavailable(&self) {
        assert_eq!(self.unary("Unary", "x").await.unwrap_err().code(), Code::Unavailable);
        let counted = async { self.count("Count", 1).await?.into_inner().message().await };
        assert_eq!(counted.await.unwrap_err().code(), Code::Unavailable);
    }

    async fn cancelled(&self) {
        for _ in 0..10 {
            let waiting = timeout(Duration::from_millis(20), self.unary("Sleep", "")).await;
            assert!(waiting.is_err(), "{waiting:?}");
        }
        self.nothing_is_open().await;
    }

    async fn nothing_is_open(&self) {
        while self.unary("Open", "").await.unwrap().into_inner() != "0" {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// More than one connection takes at a time.
    async fn many(&self) {
        let calls = (0..2000).map(|number: u32| async move {
            let message = Bytes::from(number.to_string());
            assert_eq!(self.unary("Unary", message.clone()).await.unwrap().into_inner(), message);
        });
        stream::iter(calls).buffer_unordered(250).collect::<Vec<()>>().await;
    }
}

fn path(method: &str) -> PathAndQuery {
    format!("/evergrant.Echo/{method}").parse().unwrap()
}
