//! Signatures that end when the test says so.

use super::*;
use crate::fixture::{Waking, secs};
use crate::observer::EventKind;
use crate::source::Ticket as Awaited;
use evergrant_core::{
    Algorithm, Asking, Attempt, Client, ClientAuth, ConfigError, Known, Move, Now, Outcome, Policy, Provider,
    Response, Seed, Signature, Thumbprint,
};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Longer than anything here takes on a busy machine.
const LONG: Duration = secs(120);

type Signed = Result<Signature, SourceError>;

/// A key whose signatures are made by hand.
struct Hand {
    desk: Arc<Desk>,
    begun: Receiver<Vec<u8>>,
    answers: Sender<Signed>,
    asked: Arc<AtomicU32>,
}

struct Handed {
    begun: Sender<Vec<u8>>,
    answers: Mutex<Receiver<Signed>>,
    asked: Arc<AtomicU32>,
}

impl Signer for Handed {
    fn key(&self) -> KeyInfo {
        KeyInfo::new([Algorithm::Es256])
    }

    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Signed {
        assert_eq!((algorithm, thread::current().name()), (Algorithm::Es256, Some("evergrant-signature")));
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.begun.send(input.to_vec()).unwrap();
        self.answers.lock().unwrap().recv().unwrap()
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some("the key service".into())
    }
}

impl Hand {
    fn new() -> Self {
        let ((begins, begun), (answers, answered)) = (channel(), channel());
        let asked = Arc::new(AtomicU32::new(0));
        let signer = Handed { begun: begins, answers: Mutex::new(answered), asked: Arc::clone(&asked) };
        Self { desk: Desk::held(signer), begun, answers, asked }
    }

    /// A signature is under way: what is signed.
    fn is_begun(&self) -> Vec<u8> {
        self.begun.recv_timeout(LONG).unwrap()
    }

    fn answer(&self) {
        self.answers.send(Ok(Signature::new([1; 64]))).unwrap();
    }
}

/// A key in memory, of this number.
struct Quick(u8);

impl Signer for Quick {
    fn key(&self) -> KeyInfo {
        KeyInfo::new([Algorithm::Es256]).with_thumbprint(Thumbprint::new([self.0; 32]))
    }

    fn sign(&self, _: Algorithm, _: &[u8]) -> Signed {
        assert_ne!(thread::current().name(), Some("evergrant-signature"));
        Ok(Signature::new([self.0; 64]))
    }

    fn is_quick(&self) -> bool {
        true
    }
}

fn client() -> Client {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    Client::builder(provider, ClientAuth::private_key_jwt("erp").unwrap()).build().unwrap()
}

fn asking(client: &Client) -> Asking<'_> {
    let next = Attempt::begin(client, Seed::new(Default::default()), &Known::new(&Policy::new()));
    let Move::Ask(asking) = next else { panic!("its assertion is signed") };
    asking
}

fn order(desk: &Arc<Desk>) -> Ticket {
    let client = client();
    desk.begin(asking(&client).unsigned().unwrap().clone(), LONG)
}

fn arrives(ticket: &Ticket) -> Arrived {
    loop {
        if let Some(arrived) = ticket.poll(Waker::noop()) {
            return arrived;
        }
        thread::yield_now();
    }
}

fn text(ticket: &Ticket) -> String {
    arrives(ticket).text.unwrap().expose().to_owned()
}

#[test]
fn a_quick_key_signs_in_place() {
    let desk = Desk::held(Quick(1));
    let ticket = order(&desk);
    let arrived = ticket.poll(Waker::noop()).unwrap();
    assert_eq!(arrived.text.unwrap().expose().split('.').count(), 3);
    assert!(!ticket.is_costly() && ticket.name().is_none());
}

// Conforms: R-7523-g, A-32
#[test]
fn i33_no_two_assertions_are_the_same() {
    let desk = Desk::held(Quick(1));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        assert!(seen.insert(text(&order(&desk))));
    }
}

// Conforms: R-7523-l
#[test]
fn i35_one_signature_is_under_way_at_a_time_and_each_gets_its_own() {
    let hand = Hand::new();
    let (first, second, third) = (order(&hand.desk), order(&hand.desk), order(&hand.desk));
    let mut texts = vec![];
    for ticket in [&first, &second, &third] {
        let input = hand.is_begun();
        assert!(hand.begun.try_recv().is_err(), "one at a time");
        hand.answer();
        let text = text(ticket);
        assert!(text.as_bytes().starts_with(&input), "it is of what was asked for");
        texts.push(text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 3);
    assert_eq!(hand.asked.load(Ordering::SeqCst), 3);
}

#[test]
fn what_nobody_waits_for_is_not_begun_and_a_late_answer_is_dropped() {
    let hand = Hand::new();
    let (hung, given_up, waiting) = (order(&hand.desk), order(&hand.desk), order(&hand.desk));
    let first = hand.is_begun();
    drop((hung, given_up));
    hand.answer();
    let second = hand.is_begun();
    assert_ne!(first, second);
    hand.answer();
    assert!(text(&waiting).as_bytes().starts_with(&second));
    assert_eq!(hand.asked.load(Ordering::SeqCst), 2);
    drop(waiting);
    assert!(hand.desk.orders().by_number.is_empty());
}

#[test]
fn whoever_waits_is_woken() {
    let hand = Hand::new();
    let ticket = order(&hand.desk);
    let waking = Waking::new();
    hand.is_begun();
    assert!(ticket.poll(&waking.waker()).is_none());
    hand.answer();
    while waking.count() == 0 {
        thread::yield_now();
    }
    assert!(ticket.poll(Waker::noop()).unwrap().text.is_ok());
}

#[test]
fn a_panic_and_an_error_are_what_came() {
    struct Panics(&'static str);
    impl Signer for Panics {
        fn key(&self) -> KeyInfo {
            assert_ne!(self.0, "key");
            KeyInfo::new([Algorithm::Es256])
        }
        fn sign(&self, _: Algorithm, _: &[u8]) -> Signed {
            assert_ne!(self.0, "sign");
            Err(SourceError::failed("the key service is away"))
        }
        fn is_quick(&self) -> bool {
            assert_ne!(self.0, "is_quick");
            false
        }
        fn name(&self) -> Option<Cow<'_, str>> {
            assert_ne!(self.0, "name");
            None
        }
    }
    // What is said of a key is no reason not to sign with it.
    let away = "the key service is away";
    for (at, words) in [("key", "panic"), ("sign", "panic"), ("is_quick", away), ("name", away), ("", away)] {
        let desk = Desk::held(Panics(at));
        let said = arrives(&order(&desk)).text.unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
        assert!(arrives(&order(&desk)).text.is_err(), "the next one has its turn");
        let client = client();
        let ticket = Awaited::Signature(order(&desk));
        let next = ticket.answer(asking(&client), None, &mut Vec::new());
        assert!(matches!(next, Move::Done(Outcome::NotSent(_), _)), "{next:?}");
    }
}

#[test]
fn a_key_is_read_for_each_signature_and_another_one_is_news() {
    let number = Arc::new(AtomicU32::new(1));
    let theirs = Arc::clone(&number);
    let desk = Desk::read(move || -> Result<Arc<dyn Signer>, SourceError> {
        match theirs.load(Ordering::SeqCst) {
            0 => Err(SourceError::Missing),
            number => Ok(Arc::new(OfFile(number as u8))),
        }
    });
    let mut news = vec![];
    for key in [1, 1, 0, 2, 2] {
        number.store(key, Ordering::SeqCst);
        let arrived = arrives(&order(&desk));
        assert_eq!(arrived.text.is_ok(), key > 0);
        news.push(arrived.is_news);
    }
    assert_eq!(news, [false, false, false, true, false]);
    assert!(!order(&desk).is_costly(), "a file is looked at for nothing");
}

/// What a program prints that asks somebody for a passphrase.
struct Printed(Result<u8, SourceError>);

impl KeySource for Printed {
    fn read(&self, _: Duration) -> Result<Arc<dyn Signer>, SourceError> {
        self.0.clone().map(|number| Arc::new(OfFile(number)) as Arc<dyn Signer>)
    }

    fn is_costly(&self) -> bool {
        true
    }
}

/// Whether a key that was refused would be sent again by the next attempt, however soon that is.
fn is_sent_again(desk: &Arc<Desk>) -> bool {
    let client = client();
    let signed = |asking| {
        let ticket = order(desk);
        let arrived = arrives(&ticket);
        Awaited::Signature(ticket).answer(asking, Some(arrived), &mut Vec::new())
    };
    let Move::Send(_, sent) = signed(asking(&client)) else { panic!("it is signed") };
    let refused = br#"{"error":"invalid_client"}"#.to_vec();
    let refused = Response::new(401).with_header("content-type", b"application/json").with_body(refused);
    let Move::Done(Outcome::Refused(_), known) = sent.received(&refused, Now::default()) else {
        panic!("it is refused")
    };
    let Move::Ask(asking) = Attempt::begin(&client, Seed::new(Default::default()), &known) else {
        panic!("its assertion is signed")
    };
    match signed(asking) {
        Move::Send(..) => true,
        Move::Done(Outcome::HeldBack(_), _) => false,
        other => panic!("{other:?}"),
    }
}

/// Whoever holds a refused key back reads it every 10 s to see whether it has changed; what is costly is read when it may be sent.
#[test]
fn a_key_that_is_costly_to_read_is_read_at_the_pace_of_permanent_failures() {
    assert!(is_sent_again(&Desk::read(Printed(Ok(1)))));
    let file = || -> Result<Arc<dyn Signer>, SourceError> { Ok(Arc::new(OfFile(1))) };
    assert!(!is_sent_again(&Desk::read(file)));
    assert!(order(&Desk::read(Printed(Err(SourceError::Missing)))).is_costly());
}

/// As [`Quick`], on the thread that read it.
struct OfFile(u8);

impl Signer for OfFile {
    fn key(&self) -> KeyInfo {
        Quick(self.0).key()
    }

    fn sign(&self, _: Algorithm, _: &[u8]) -> Signed {
        assert_eq!(thread::current().name(), Some("evergrant-signature"));
        Ok(Signature::new([self.0; 64]))
    }
}

#[test]
fn what_could_not_be_signed_ends_the_attempt_and_says_whose_fault_it_is() {
    let client = client();
    let hand = Hand::new();
    let ticket = Awaited::Signature(order(&hand.desk));
    let next = ticket.answer(asking(&client), None, &mut Vec::new());
    let Move::Done(Outcome::NotSent(unready), _) = next else { panic!("{next:?}") };
    assert_eq!(
        unready.to_string(),
        "the signature cannot be had from the key service: it did not come in time; check what it waits for, or allow more \
         time for each attempt"
    );
    let wrong = Desk::held(Hmac);
    let arrived = arrives(&order(&wrong));
    let next = Awaited::Signature(order(&wrong)).answer(asking(&client), Some(arrived), &mut Vec::new());
    let Move::Done(Outcome::NotSent(unready), _) = next else { panic!("{next:?}") };
    assert!(matches!(unready.config(), Some(ConfigError::Algorithm { .. })), "{unready}");
}

/// A key that is for another method.
struct Hmac;

impl Signer for Hmac {
    fn key(&self) -> KeyInfo {
        KeyInfo::new([Algorithm::Hs256])
    }

    fn sign(&self, _: Algorithm, _: &[u8]) -> Signed {
        unreachable!("it is not asked")
    }
}

#[test]
fn another_key_is_told_to_observers_by_its_name() {
    let client = client();
    let desk = Desk::read(|| -> Result<Arc<dyn Signer>, SourceError> { Ok(Arc::new(OfFile(1))) });
    let mut news = vec![];
    let ticket = Awaited::Signature(order(&desk));
    let Awaited::Signature(inner) = &ticket else { unreachable!() };
    let arrived = Arrived { is_news: true, ..arrives(inner) };
    let next = ticket.answer(asking(&client), Some(arrived), &mut news);
    assert!(matches!(next, Move::Send(..)), "{next:?}");
    let [EventKind::SourceChanged { what, from: None }] = &news[..] else { panic!("{news:?}") };
    assert_eq!(what, "the signing key");
}
