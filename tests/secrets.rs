//! Nothing secret leaves: sentinels, looked for in everything that can be printed.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Endpoint, Fault, Times};
use evergrant_tests::{api, builder, ms, quick, server};
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider, Tokens};
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

const SECRET: &str = "sentinel&secret";
const TOKEN: &str = "sentinel.token";

/// What must be found nowhere: each secret as it is, and in the forms in which it travels.
const SENTINELS: [&str; 6] = [
    SECRET,
    TOKEN,
    "sentinel%26secret",
    // Basic of `client:sentinel&secret`, raw and form-encoded.
    "Y2xpZW50OnNlbnRpbmVsJnNlY3JldA",
    "Y2xpZW50OnNlbnRpbmVsJTI2c2VjcmV0",
    "sentinel\\u0026secret",
];

#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Printed {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Printed {
    fn add(&self, what: &str, text: &str) {
        self.0.lock().unwrap().extend_from_slice(format!("{what}: {text}\n").as_bytes());
    }

    /// An error as programs print it: Display, Debug, and every source.
    fn error(&self, what: &str, error: &dyn Error) {
        let mut link = Some(error);
        while let Some(error) = link {
            self.add(what, &format!("{error} {error:?} {error:#?}"));
            link = error.source();
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

fn echoes() -> Vec<Fault> {
    let echo =
        format!(r#"{{"error":"invalid_client","error_description":"no {SECRET} and no sentinel%26secret"}}"#);
    vec![
        Fault::status_with_body(401, "application/json", echo.clone()),
        Fault::status_with_body(503, "application/json", echo.clone()),
        Fault::status_with_body(200, "application/json", echo),
        Fault::status_with_body(200, "application/json", format!(r#"{{"access_token":["{TOKEN}"]}}"#)),
        Fault::status_with_body(200, "application/json", format!(r#"{{"access_token":"{TOKEN} {SECRET}"}}"#)),
        Fault::status_with_body(200, "application/json", format!(r#"{{"access_token":"{TOKEN}""#)),
        Fault::status_with_body(
            200,
            "application/json",
            format!(r#"{{"access_token":"{TOKEN}","token_type":"{SECRET}"}}"#),
        ),
        Fault::status_with_body(200, "text/html", format!("<p>{TOKEN} {SECRET}</p>")),
        Fault::status_with_body(400, "text/plain", format!("{TOKEN} {SECRET}")),
        Fault::redirect(302, format!("https://client:{SECRET}@elsewhere.example/{TOKEN}?{SECRET}")),
        Fault::raw(format!("HTTP/1.1 200 {TOKEN}\r\n{SECRET}\r\n\r\n")),
        Fault::raw(format!("{SECRET} {TOKEN}\r\n\r\n")),
        Fault::Reset,
        Fault::Hang,
    ]
}

fn clients(endpoint: &str) -> [Client; 2] {
    [ClientAuth::post("client", SECRET), ClientAuth::basic("client", SECRET)].map(|auth| {
        let provider = Provider::rfc6749(endpoint).unwrap();
        Client::builder(provider, auth.unwrap()).scope("*").build().unwrap()
    })
}

#[test]
fn i29_no_debug_no_display_no_error_and_no_event_contains_a_secret() {
    let printed = Printed::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false);
    // For the whole process: this is the file's one test that runs code of ours.
    tracing_subscriber::util::SubscriberInitExt::init(subscriber.with_writer(printed.clone()).finish());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(provoke(&printed));

    let text = printed.text();
    assert!(
        text.contains("a token is asked for") && text.contains("the token request failed"),
        "events are seen"
    );
    assert!(text.contains("a resource server refused the token") && text.contains("invalid_client"));
    for sentinel in SENTINELS {
        if let Some(at) = text.find(sentinel) {
            let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
            panic!("{sentinel} stands in: {}", &text[line..(at + 200).min(text.len())]);
        }
    }
}

async fn provoke(printed: &Printed) {
    let server = server();
    server.rotate_client("client", SECRET);
    for client in clients(&server.token_endpoint()) {
        printed.add("client", &format!("{client:?} {:?} {:?}", client.auth(), client.provider()));
        for fault in echoes() {
            let policy = quick().with_attempt_timeout(evergrant_tests::time_for(&fault));
            let active = server.fault(Endpoint::Token, fault, Times::UntilCleared);
            let tokens = Tokens::builder(client.clone()).policy(policy).fail_fast(true).build().unwrap();
            match tokens.token().await {
                Ok(token) => printed.add("token", &format!("{token:?}")),
                Err(error) => printed.error("error", &error),
            }
            printed.add("source", &format!("{tokens:?} {:?}", tokens.status()));
            active.clear();
        }
        let opaque = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
        let granted = Fault::status_with_body(200, "application/json", opaque);
        let _granted = server.fault(Endpoint::Token, granted, Times::Next(2));
        let tokens = Tokens::builder(client.clone()).policy(quick()).build().unwrap();
        let api = api(&server, &tokens);
        let token = tokens.token().await.unwrap();
        assert_eq!(token.value().expose(), TOKEN);
        tokio::time::sleep(ms(3)).await;
        let request = reqwest::Request::new(reqwest::Method::GET, server.resource("/").parse().unwrap());
        let answer = api.execute(request).await;
        printed.add("held", &format!("{token:?} {tokens:?} {api:?} {:?} {answer:?}", tokens.status()));
        printed.add("kept", &format!("{:?} {:?}", tokens.export(), tokens.authorization().await));
        let elsewhere =
            reqwest::Request::new(reqwest::Method::GET, "https://elsewhere.example/".parse().unwrap());
        printed.error("origin", &api.execute(elsewhere).await.unwrap_err());
        let nobody = reqwest::Request::new(reqwest::Method::GET, server.resource("/").parse().unwrap());
        let _reset = server.fault(Endpoint::Resource, Fault::Reset, Times::Once);
        if let Err(error) = api.execute(nobody).await {
            printed.error("reset", &error);
        }
        server.clear_faults();
    }
    configuration(printed);
    let fixed = Tokens::fixed(TOKEN).unwrap();
    printed.add("fixed", &format!("{fixed:?} {:?} {:?}", fixed.status(), builder(&server)));
    printed.error("no token", &Tokens::fixed(&format!("{TOKEN} {SECRET}")).unwrap_err());
}

/// Wrong configuration with a secret in it.
fn configuration(printed: &Printed) {
    for url in [
        format!("https://client:{SECRET}@host/"),
        format!("http://client:{SECRET}@host/"),
        format!("https://host/?client_secret={SECRET}"),
        format!("https://host/#{SECRET}"),
        format!("ftp://{SECRET}/"),
        SECRET.into(),
    ] {
        if let Err(error) = Provider::rfc6749(&url) {
            printed.error("endpoint", &error);
        }
    }
    for auth in [
        ClientAuth::post("client", &format!("{SECRET}\n")),
        ClientAuth::basic("", SECRET),
        ClientAuth::basic_raw("a:b", SECRET),
    ] {
        printed.error("authentication", &auth.unwrap_err());
    }
    let [client, _] = clients("https://host.example/");
    let builder = Client::builder(client.provider().clone(), client.auth().clone());
    printed.error("parameter", &builder.param("client_secret", SECRET).build().unwrap_err());
}
