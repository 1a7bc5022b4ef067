//! Reads that end when the test says so.

use super::*;
use crate::fixture::{Waking, secs};
use crate::observer::EventKind;
use crate::source::Ticket as Awaited;
use evergrant_core::{Attempt, Client, ClientAuth, Known, Move, Outcome, Policy, Provider, Seed};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Longer than anything here takes on a busy machine.
const LONG: Duration = secs(120);

type Text = Result<SecretText, SourceError>;

/// A source whose reads are answered by hand.
struct Hand {
    reading: Arc<Reading>,
    begun: Receiver<Duration>,
    answers: Sender<Text>,
    reads: Arc<AtomicU32>,
}

struct Handed {
    begun: Sender<Duration>,
    answers: Mutex<Receiver<Text>>,
    reads: Arc<AtomicU32>,
    is_costly: bool,
}

impl SecretSource for Handed {
    fn read(&self, limit: Duration) -> Text {
        self.reads.fetch_add(1, Ordering::SeqCst);
        assert_eq!(thread::current().name(), Some("evergrant-secret"));
        self.begun.send(limit).unwrap();
        self.answers.lock().unwrap().recv().unwrap()
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some("/the/place".into())
    }

    fn is_costly(&self) -> bool {
        self.is_costly
    }
}

impl Hand {
    fn new() -> Self {
        Self::of(false)
    }

    fn of(is_costly: bool) -> Self {
        let ((begins, begun), (answers, answered)) = (channel(), channel());
        let reads = Arc::new(AtomicU32::new(0));
        let source =
            Handed { begun: begins, answers: Mutex::new(answered), reads: Arc::clone(&reads), is_costly };
        Self { reading: Reading::new(source), begun, answers, reads }
    }

    /// A read is under way.
    fn is_begun(&self) -> Duration {
        self.begun.recv_timeout(LONG).unwrap()
    }

    fn answer(&self, text: &str) {
        self.answers.send(Ok(SecretText::new(text))).unwrap();
    }

    /// What was answered has come, whether anybody waits for it or not.
    fn is_over(&self) {
        while self.reading.progress().is_under_way {
            thread::yield_now();
        }
    }

    /// One read from its beginning to its end, for somebody.
    fn reads(&self, text: &str) -> Arrived {
        let ticket = self.reading.begin(LONG);
        self.is_begun();
        self.answer(text);
        arrives(&ticket)
    }
}

fn arrives(ticket: &Ticket) -> Arrived {
    let waking = Waking::new();
    loop {
        if let Some(arrived) = ticket.poll(&waking.waker()) {
            return arrived;
        }
        thread::yield_now();
    }
}

fn is_there(ticket: &Ticket) -> bool {
    ticket.poll(Waker::noop()).is_some()
}

fn text(arrived: Arrived) -> String {
    arrived.text.unwrap().expose().to_owned()
}

#[test]
fn one_read_at_a_time_and_all_who_joined_it_have_what_it_brought() {
    let hand = Hand::new();
    let first = hand.reading.begin(secs(7));
    assert_eq!(hand.is_begun(), secs(7));
    let others = [(); 20].map(|()| hand.reading.begin(LONG));
    assert!(!is_there(&first) && others.iter().all(|other| !is_there(other)));
    hand.answer("one");
    for ticket in others.iter().chain([&first]) {
        assert_eq!(text(arrives(ticket)), "one");
        assert_eq!(text(arrives(ticket)), "one", "whoever asks again is told again");
    }
    assert_eq!(hand.reads.load(Ordering::SeqCst), 1);
    // While some still hold their ticket, the next one reads anew and has nothing of theirs.
    let next = hand.reading.begin(LONG);
    hand.is_begun();
    assert!(!is_there(&next));
    hand.answer("two");
    assert_eq!(text(arrives(&next)), "two");
    assert_eq!(hand.reads.load(Ordering::SeqCst), 2);
}

#[test]
fn each_who_waits_is_woken_once_by_the_last_waker_that_it_left() {
    let hand = Hand::new();
    let [one, other] = [hand.reading.begin(LONG), hand.reading.begin(LONG)];
    hand.is_begun();
    let [old, new, second] = [(); 3].map(|()| Waking::new());
    assert!(one.poll(&old.waker()).is_none() && one.poll(&new.waker()).is_none());
    assert!(other.poll(&second.waker()).is_none());
    hand.answer("text");
    while new.count() == 0 || second.count() == 0 {
        thread::yield_now();
    }
    assert!(is_there(&one) && is_there(&other));
    assert_eq!((old.count(), new.count(), second.count()), (0, 1, 1));
}

#[test]
fn a_waker_goes_with_its_ticket_or_with_the_next_one() {
    /// A waker that can be counted.
    struct Counted;
    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {}
    }
    let hand = Hand::new();
    let ticket = hand.reading.begin(LONG);
    hand.is_begun();
    let [first, second] = [(); 2].map(|()| Arc::new(Counted));
    assert!(ticket.poll(&Waker::from(Arc::clone(&first))).is_none());
    assert_eq!(Arc::strong_count(&first), 2);
    assert!(ticket.poll(&Waker::from(Arc::clone(&second))).is_none());
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
    drop(ticket);
    assert_eq!(Arc::strong_count(&second), 1);
    hand.answer("late");
    hand.is_over();
}

/// Its Drop and its wake are somebody else's, and may panic.
#[test]
fn a_waker_that_panics_takes_nothing_from_the_others() {
    struct Rude;
    impl std::task::Wake for Rude {
        fn wake(self: Arc<Self>) {
            panic!("woken");
        }
    }
    let hand = Hand::new();
    let [rude, polite] = [hand.reading.begin(LONG), hand.reading.begin(LONG)];
    hand.is_begun();
    let waking = Waking::new();
    assert!(rude.poll(&Waker::from(Arc::new(Rude))).is_none() && polite.poll(&waking.waker()).is_none());
    hand.answer("text");
    while waking.count() == 0 {
        thread::yield_now();
    }
    assert_eq!((text(arrives(&rude)), text(arrives(&polite))), ("text".into(), "text".into()));
    drop((rude, polite));
    assert_eq!(text(hand.reads("next")), "next");
}

#[test]
fn i35_a_late_answer_is_for_nobody_and_until_it_comes_no_other_read_is_begun() {
    let hand = Hand::new();
    for _ in 0..20 {
        // An attempt that gives up.
        assert!(!is_there(&hand.reading.begin(LONG)));
    }
    hand.is_begun();
    assert_eq!(hand.reads.load(Ordering::SeqCst), 1);
    hand.answer("late");
    hand.is_over();
    {
        let progress = hand.reading.progress();
        assert!(progress.brought.is_none() && progress.waiting.is_empty());
    }
    assert_eq!(text(hand.reads("fresh")), "fresh");
    assert_eq!(hand.reads.load(Ordering::SeqCst), 2);
}

#[test]
fn whoever_joins_a_read_that_others_gave_up_has_what_it_brings() {
    let hand = Hand::new();
    drop(hand.reading.begin(LONG));
    hand.is_begun();
    let joined = hand.reading.begin(LONG);
    hand.answer("text");
    assert_eq!(text(arrives(&joined)), "text");
    assert_eq!(hand.reads.load(Ordering::SeqCst), 1);
}

#[test]
fn what_was_brought_goes_with_the_last_ticket() {
    let hand = Hand::new();
    let [one, other] = [hand.reading.begin(LONG), hand.reading.begin(LONG)];
    hand.is_begun();
    hand.answer("text");
    assert_eq!(text(arrives(&one)), "text");
    drop(one);
    assert!(hand.reading.progress().brought.is_some());
    drop(other);
    assert!(hand.reading.progress().brought.is_none(), "it is wiped");
}

/// It was woken, and before it looked another read began and ended.
#[test]
fn a_ticket_that_is_looked_at_late_has_the_later_text() {
    let hand = Hand::new();
    let late = hand.reading.begin(LONG);
    hand.is_begun();
    hand.answer("first");
    hand.is_over();
    let next = hand.reading.begin(LONG);
    hand.is_begun();
    hand.answer("second");
    assert_eq!(text(arrives(&next)), "second");
    assert_eq!(text(arrives(&late)), "second");
}

#[test]
fn a_panic_in_a_source_is_an_error_and_the_next_read_is_as_ever() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("and once more");
        }
    }
    let panics = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&panics);
    let reading = Reading::new(move || match counted.fetch_add(1, Ordering::SeqCst) {
        0 => panic!("sentinel"),
        1 => std::panic::panic_any(Bomb),
        _ => Ok(SecretText::new("text")),
    });
    for _ in 0..2 {
        let error = arrives(&reading.begin(LONG)).text.unwrap_err();
        assert!(error.to_string().contains("panic") && !error.to_string().contains("sentinel"), "{error}");
    }
    assert_eq!(text(arrives(&reading.begin(LONG))), "text");
}

/// The name and the price are asked on the same thread, and are as foreign.
#[test]
fn a_panic_in_the_name_of_a_source_is_an_error() {
    struct Nameless(AtomicBool);
    impl SecretSource for Nameless {
        fn read(&self, _: Duration) -> Text {
            Ok(SecretText::new("text"))
        }
        fn name(&self) -> Option<Cow<'_, str>> {
            assert!(!self.0.swap(false, Ordering::SeqCst), "no name");
            None
        }
    }
    let reading = Reading::new(Nameless(AtomicBool::new(true)));
    assert!(arrives(&reading.begin(LONG)).text.is_err());
    assert_eq!(text(arrives(&reading.begin(LONG))), "text");
}

#[test]
fn another_text_is_news_once_whether_or_not_somebody_waited_when_it_came() {
    let hand = Hand::new();
    let news = |text: &str| hand.reads(text).is_news;
    assert!(!news("first"), "there was none before it");
    assert!(!news("first"));
    assert!(news("second") && !news("second"));
    // An error is no text, and what was before it is remembered.
    let ticket = hand.reading.begin(LONG);
    hand.is_begun();
    hand.answers.send(Err(SourceError::Missing)).unwrap();
    let arrived = arrives(&ticket);
    assert_eq!((arrived.text.unwrap_err(), arrived.is_news), (SourceError::Missing, false));
    drop(ticket);
    assert!(!news("second"));
    // It changed, and nobody waited any more.
    drop(hand.reading.begin(LONG));
    hand.is_begun();
    hand.answer("third");
    hand.is_over();
    assert!(news("third"), "it is told when somebody does");
    assert!(!news("third"));
}

fn live() -> Client {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    Client::builder(provider, ClientAuth::post_live("id").unwrap()).build().unwrap()
}

/// What an attempt makes of this, and what it tells.
fn answered(hand: &Hand, client: &Client, text: Text) -> (Option<Outcome>, Vec<EventKind>) {
    let known = Known::new(&Policy::new());
    let Move::Ask(asking) = Attempt::begin(client, Seed::new(Default::default()), &known) else {
        panic!("a secret is read for it")
    };
    let ticket = hand.reading.begin(LONG);
    hand.is_begun();
    hand.answers.send(text).unwrap();
    let mut news = Vec::new();
    let arrived = arrives(&ticket);
    match Awaited::Read(ticket).answer(asking, Some(arrived), &mut news) {
        Move::Done(outcome, _) => (Some(outcome), news),
        _ => (None, news),
    }
}

#[test]
fn an_attempt_goes_on_with_the_text_and_ends_without() {
    let client = live();
    for is_costly in [false, true] {
        let hand = Hand::of(is_costly);
        let text = |text: &str| Ok(SecretText::new(text));
        assert_eq!(answered(&hand, &client, text("a secret")), (None, vec![]));
        let (sent, news) = answered(&hand, &client, text("another"));
        assert!(sent.is_none());
        let [EventKind::SourceChanged { what, from }] = &news[..] else { panic!("{news:?}") };
        assert_eq!((what.as_str(), from.as_deref()), ("the client secret", Some("/the/place")));
        for (text, reason) in [
            (Err(SourceError::Missing), "the client secret cannot be read from /the/place: it is not there"),
            (Err(SourceError::TooLong), "/the/place: it is longer"),
            (text("a\nb"), "/the/place"),
        ] {
            let Some(Outcome::NotSent(unready)) = answered(&hand, &client, text).0 else {
                panic!("{reason}")
            };
            assert!(unready.to_string().contains(reason), "{unready}");
        }
    }
}

#[test]
fn an_attempt_that_waited_for_nothing_says_that_nothing_came_in_time() {
    let (hand, client, known) = (Hand::new(), live(), Known::new(&Policy::new()));
    let Move::Ask(asking) = Attempt::begin(&client, Seed::new(Default::default()), &known) else {
        panic!("a secret is read for it")
    };
    let ticket = hand.reading.begin(LONG);
    hand.is_begun();
    let Move::Done(Outcome::NotSent(unready), _) =
        Awaited::Read(ticket).answer(asking, None, &mut Vec::new())
    else {
        panic!("it is over")
    };
    assert_eq!(unready.problem(), &SourceError::TimedOut);
    assert!(unready.to_string().contains("/the/place"), "{unready}");
    hand.answer("late");
    hand.is_over();
}

#[test]
fn debug_shows_nothing_of_what_is_read() {
    let hand = Hand::new();
    let ticket = hand.reading.begin(LONG);
    hand.is_begun();
    hand.answer("sentinel");
    arrives(&ticket);
    let shown = format!("{:?} {ticket:?}", hand.reading);
    assert!(!shown.contains("sentinel"), "{shown}");
}
