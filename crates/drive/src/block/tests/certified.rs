//! Clients that show a certificate: which one each request shows, and who hears of another.

use super::*;
use crate::ManualClock;
use crate::fixture::{Folder, Issued, issue};
use crate::identity::{CertifiedKey, Identity};
use crate::observer::{Event, EventKind, Observer};
use crate::status::RequestStatus;
use evergrant_core::{
    AccessToken, Binding, Cause, Client, ClientAuth, ConfigError, Provider, Stored, Thumbprint, Wall,
};
use std::fs;

/// Grants a token to whoever shows a certificate, or refuses it; and remembers which.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    shown: Vec<Option<Thumbprint>>,
    bodies: Vec<Vec<u8>>,
    refuses: bool,
    events: Vec<EventKind>,
}

#[derive(Clone)]
struct Showing(Server, Option<CertifiedKey>);

impl BlockingTransport for Showing {
    fn send(&self, request: Request, _: Duration) -> Result<Response, TransportError> {
        let mut heard = self.0.0.lock().unwrap();
        heard.shown.push(self.1.as_ref().map(CertifiedKey::thumbprint));
        heard.bodies.push(request.body().to_vec());
        let body =
            format!(r#"{{"access_token":"t{}","token_type":"Bearer","expires_in":3600}}"#, heard.shown.len());
        let (status, body) =
            if heard.refuses { (401, r#"{"error":"invalid_client"}"#.into()) } else { (200, body) };
        Ok(Response::new(status).with_header("content-type", b"application/json").with_body(body.into()))
    }

    fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError> {
        Ok(Self(self.0.clone(), Some(identity.clone())))
    }
}

impl Observer for Server {
    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().events.push(event.kind.clone());
    }
}

fn client(auth: ClientAuth) -> Client {
    let provider = Provider::rfc6749("https://auth.example/token").unwrap();
    Client::builder(provider, auth).certificate_bound(true).build().unwrap()
}

fn settings(identity: Identity) -> (Settings, ManualClock) {
    let clock = ManualClock::new();
    let settings = Settings::new(client(ClientAuth::tls("erp").unwrap())).clock(clock.clone());
    (settings.policy(Policy::new().with_jitter(false)).identity(identity), clock)
}

/// A source with a certificate in two files.
struct Certified {
    source: BlockingSource<Showing, String>,
    server: Server,
    clock: ManualClock,
    folder: Folder,
}

fn certified(issued: &Issued) -> Certified {
    let folder = Folder::new();
    let (settings, clock) = settings(Identity::files(folder.at("tls.crt"), folder.at("tls.key")));
    let server = Server::default();
    let settings = settings.observer(Arc::new(server.clone()));
    let source = BlockingSource::new(settings, fixture::render, Showing(server.clone(), None));
    let made = Certified { source, server, clock, folder };
    made.write(issued);
    made
}

impl Certified {
    fn write(&self, issued: &Issued) {
        fs::write(self.folder.at("tls.crt"), &issued.certificate).unwrap();
        fs::write(self.folder.at("tls.key"), &issued.key).unwrap();
    }

    fn identity_changed(&self, after: Option<&Issued>) -> Option<Thumbprint> {
        let changed = self.source.identity_changed(after.map(thumbprint), Duration::ZERO).unwrap();
        changed.map(|certified| certified.thumbprint())
    }

    /// The token is replaced by a request that leaves now.
    fn renew(&self) -> Result<Token, Error> {
        self.clock.advance(secs(3300));
        let before = self.server.0.lock().unwrap().shown.len();
        drop(self.source.token(None));
        while self.server.0.lock().unwrap().shown.len() == before || is_under_way(&self.source) {
            thread::yield_now();
        }
        self.source.token(None)
    }
}

impl Certified {
    /// What the token is bound to that is lent, and the certificate that is lent with it.
    fn lent(&self) -> (Binding, Option<Thumbprint>) {
        let lent = self.source.shared().lend_quiet(|snapshot| {
            (snapshot.token().binding(), snapshot.identity().map(CertifiedKey::thumbprint))
        });
        lent.unwrap_or_else(|_| panic!("a token is held"))
    }
}

fn is_under_way(source: &BlockingSource<Showing, String>) -> bool {
    matches!(source.shared().status().request, RequestStatus::InFlight(..))
}

fn thumbprint(issued: &Issued) -> Thumbprint {
    issued.certified().thumbprint()
}

// Conforms: R-8705-c
#[test]
fn i44_each_token_is_bound_to_the_certificate_that_its_request_showed() {
    let (first, second) = (issue("first"), issue("second"));
    let made = certified(&first);
    assert_eq!(made.identity_changed(None), None, "nothing was shown yet");
    let token = made.source.token(None).unwrap();
    assert_eq!(token.binding(), Binding::Certificate(thumbprint(&first)));
    assert_eq!(made.server.0.lock().unwrap().bodies[0], b"grant_type=client_credentials&client_id=erp");
    assert_eq!(made.identity_changed(None), Some(thumbprint(&first)));
    assert_eq!(made.identity_changed(Some(&first)), None);
    assert_eq!(made.lent(), (Binding::Certificate(thumbprint(&first)), Some(thumbprint(&first))));
    made.write(&second);
    assert_eq!(made.lent().1, Some(thumbprint(&first)), "until another one has brought a token");
    let token = made.renew().unwrap();
    assert_eq!(made.lent(), (Binding::Certificate(thumbprint(&second)), Some(thumbprint(&second))));
    assert_eq!(made.source.shared().identity().map(|shown| shown.thumbprint()), Some(thumbprint(&second)));
    assert_eq!(token.binding(), Binding::Certificate(thumbprint(&second)));
    assert_eq!(made.identity_changed(Some(&first)), Some(thumbprint(&second)));
    let heard = made.server.0.lock().unwrap();
    assert_eq!(heard.shown, [Some(thumbprint(&first)), Some(thumbprint(&second))]);
    let changed = |event: &&EventKind| matches!(event, EventKind::SourceChanged { what, from: Some(from), .. } if what == "the client certificate" && from.ends_with("tls.crt"));
    assert_eq!(heard.events.iter().filter(changed).count(), 1);
}

#[test]
fn a_certificate_that_brought_no_token_is_nobodys_affair() {
    let (first, second) = (issue("first"), issue("second"));
    let made = certified(&first);
    drop(made.source.token(None).unwrap());
    made.write(&second);
    made.server.0.lock().unwrap().refuses = true;
    let token = made.renew().unwrap();
    assert_eq!(token.binding(), Binding::Certificate(thumbprint(&first)), "it is used until it ends");
    assert_eq!(made.server.0.lock().unwrap().shown[1], Some(thumbprint(&second)));
    assert_eq!(made.identity_changed(Some(&first)), None);
}

#[test]
fn who_waits_for_another_certificate_is_woken_when_it_brings_a_token() {
    let (first, second) = (issue("first"), issue("second"));
    let made = certified(&first);
    drop(made.source.token(None).unwrap());
    let (source, after) = (made.source.clone(), thumbprint(&first));
    let waits = thread::spawn(move || source.identity_changed(Some(after), secs(60)).unwrap().unwrap());
    while !made.source.shared().is_watched() {
        thread::yield_now();
    }
    made.write(&second);
    drop(made.renew());
    assert_eq!(waits.join().unwrap(), second.certified());
}

#[test]
fn files_that_are_not_there_yet_fail_for_a_moment_and_are_named() {
    let own = issue("own");
    let made = certified(&own);
    fs::remove_file(made.folder.at("tls.key")).unwrap();
    let waiting = made.source.clone();
    let waits = thread::spawn(move || waiting.token(Some(secs(60))));
    while made.source.shared().status().last_outcome.is_none() {
        thread::yield_now();
    }
    let said = format!("{:?} {}", made.source.shared().status(), made.source.shared().status());
    assert!(
        said.contains("the client certificate cannot be read from") && said.contains("tls.key"),
        "{said}"
    );
    made.write(&own);
    made.clock.advance(secs(10));
    waits.thread().unpark();
    assert!(waits.join().unwrap().is_ok());
    assert_eq!(made.server.0.lock().unwrap().shown, [Some(thumbprint(&own))]);
}

/// Beside a secret, a refused certificate is none of the credential's: nothing is held back because of it.
#[test]
fn a_client_with_a_secret_shows_its_certificate_beside_it() {
    let own = issue("own");
    let clock = ManualClock::new();
    let settings =
        Settings::new(client(ClientAuth::post("erp", "a secret of some length").unwrap())).clock(clock);
    let settings = settings.identity(Identity::pem(&own.pem()).unwrap());
    assert_eq!(settings.check(), Ok(()));
    let server = Server::default();
    let source = BlockingSource::new(settings, fixture::render, Showing(server.clone(), None));
    assert_eq!(source.token(None).unwrap().binding(), Binding::Certificate(thumbprint(&own)));
    let heard = server.0.lock().unwrap();
    assert_eq!(heard.shown, [Some(thumbprint(&own))]);
    assert!(heard.bodies[0].ends_with(b"&client_id=erp&client_secret=a+secret+of+some+length"));
}

// Conforms: R-8705-e
#[test]
fn i44_a_bound_token_is_restored_with_its_certificate_alone() {
    let (first, second) = (issue("first"), issue("second"));
    let stored = |binding| {
        let now = Wall::from_epoch(std::time::UNIX_EPOCH.elapsed().unwrap());
        Stored::new(AccessToken::new("kept").unwrap(), now, secs(3600)).with_binding(binding)
    };
    let of = |issued: &Issued| stored(Binding::Certificate(thumbprint(issued)));
    let restores = |made: &Certified, stored| {
        made.clock.set_wall(Wall::from_epoch(std::time::UNIX_EPOCH.elapsed().unwrap()));
        made.source.shared().restore(stored)
    };
    assert!(!restores(&certified(&second), of(&first)));
    assert!(!restores(&certified(&first), stored(Binding::Key(thumbprint(&first)))));
    let without = certified(&first);
    fs::remove_file(without.folder.at("tls.crt")).unwrap();
    assert!(!restores(&without, of(&first)));
    let made = certified(&first);
    assert!(restores(&made, of(&first)));
    assert_eq!(made.source.token(None).unwrap().binding(), Binding::Certificate(thumbprint(&first)));
    assert_eq!(made.identity_changed(None), Some(thumbprint(&first)), "the API wants this one");
    assert_eq!(made.lent(), (Binding::Certificate(thumbprint(&first)), Some(thumbprint(&first))));
    assert_eq!(made.source.shared().export().unwrap().binding(), Binding::Certificate(thumbprint(&first)));
    assert!(made.server.0.lock().unwrap().shown.is_empty());
    // Without any identity nothing is at hand, and what is bound to nothing is taken as ever.
    let (plain, clock) = fixture::settings();
    let plain = BlockingSource::new(plain, fixture::render, Showing(Server::default(), None));
    clock.set_wall(Wall::from_epoch(std::time::UNIX_EPOCH.elapsed().unwrap()));
    assert!(!plain.shared().restore(of(&first)));
    assert!(restores(&certified(&first), stored(Binding::None)));
}

#[test]
fn a_restart_does_not_wait_for_a_certificate_that_does_not_come() {
    let (begun, release) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (here, gate) = (Arc::clone(&begun), Arc::clone(&release));
    let identity = Identity::source(move || {
        here.fetch_add(1, Ordering::SeqCst);
        while gate.load(Ordering::SeqCst) == 0 {
            thread::park_timeout(ms(1));
        }
        Err(evergrant_core::SourceError::Missing)
    });
    let (settings, _clock) = settings(identity);
    // The least that a policy allows.
    let settings = settings.policy(Policy::new().with_attempt_timeout(ms(100)));
    let source = BlockingSource::new(settings, fixture::render, Showing(Server::default(), None));
    let binding = Binding::Certificate(Thumbprint::new([7; 32]));
    let stored = Stored::new(AccessToken::new("kept").unwrap(), Wall::from_epoch(secs(1)), secs(3600));
    assert!(!source.shared().restore(stored.with_binding(binding)));
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    release.store(1, Ordering::SeqCst);
}

#[test]
fn a_transport_without_tls_says_that_it_shows_no_certificate() {
    let (settings, _clock) = settings(Identity::pem(&issue("own").pem()).unwrap());
    let gate = Arc::new(Gate::default());
    let source = BlockingSource::new(settings.fail_fast(true), fixture::render, Gated(Arc::clone(&gate)));
    let error = source.token(None).unwrap_err();
    assert!(error.to_string().contains("this transport cannot show a client certificate"), "{error}");
    let Error::Failed { cause: Cause::NotSent(unready), .. } = &error else { panic!("{error}") };
    assert!(matches!(unready.config(), Some(ConfigError::HttpClient { .. })));
    assert_eq!(gate.sent.load(Ordering::SeqCst), 0);
}

#[test]
fn a_client_that_shows_a_certificate_needs_an_identity_and_tls() {
    let own = || Identity::pem(&issue("own").pem()).unwrap();
    let tls = Settings::new(client(ClientAuth::tls("erp").unwrap()));
    assert_eq!(tls.check(), Err(ConfigError::NeedsIdentity));
    assert!(!tls.has_identity());
    let (plain, _clock) = fixture::settings();
    assert_eq!(plain.clone().check(), Ok(()));
    let plain = plain.identity(own());
    assert!(plain.has_identity());
    assert_eq!(plain.check(), Err(ConfigError::TlsRequired), "plain http, though on a loopback address");
}
