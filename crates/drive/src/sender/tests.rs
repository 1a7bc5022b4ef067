//! What sends with a certificate, and when it is built again.

use super::*;
use crate::fixture::{Folder, Issued, issue, secs};
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;

/// Counts how often it was built.
#[derive(Clone, Default)]
struct Built {
    times: Arc<AtomicU32>,
    with: Option<CertifiedKey>,
}

impl Built {
    fn times(&self) -> u32 {
        self.times.load(Ordering::SeqCst)
    }
}

fn build(plain: &Built, identity: &CertifiedKey) -> Result<Built, ConfigError> {
    plain.times.fetch_add(1, Ordering::SeqCst);
    Ok(Built { with: Some(identity.clone()), ..plain.clone() })
}

/// What arrives, as whoever waits for it finds it.
fn arrives<T>(wearing: &Wearing<T>) -> (Result<SecretText, SourceError>, bool, Option<Worn<T>>) {
    let ticket = wearing.begin(secs(60));
    let arrived = loop {
        if let Some(arrived) = ticket.poll(Waker::noop()) {
            break arrived;
        }
        thread::yield_now();
    };
    let (arrived, worn) = wearing.worn(Some(arrived));
    let Arrived { text, is_news } = arrived.unwrap();
    (text, is_news, worn)
}

fn text(issued: &Issued) -> Result<SecretText, SourceError> {
    Ok(issued.certified().thumbprint().into())
}

#[test]
fn what_sends_is_built_once_for_a_certificate_and_again_for_the_next_one() {
    let (plain, folder) = (Built::default(), Folder::new());
    let (first, second) = (issue("first"), issue("second"));
    let sender = Sender::new(plain.clone());
    let identity = Identity::files(folder.at("tls.crt"), folder.at("tls.key"));
    let write = |issued: &Issued| {
        fs::write(folder.at("tls.crt"), &issued.certificate).unwrap();
        fs::write(folder.at("tls.key"), &issued.key).unwrap();
    };
    let wearing = || sender.with(&identity, build);
    assert!(matches!(arrives(&wearing()), (Err(SourceError::Missing), false, None)));
    assert_eq!(plain.times(), 0, "nothing is there yet");
    write(&first);
    for _ in 0..3 {
        let (told, is_news, worn) = arrives(&wearing());
        assert_eq!((told, is_news, plain.times()), (text(&first), false, 1));
        assert_eq!(worn.unwrap().transport.with, Some(first.certified()));
    }
    write(&second);
    let (told, is_news, worn) = arrives(&wearing());
    assert_eq!((told, is_news, plain.times()), (text(&second), true, 2), "and somebody hears of it");
    assert_eq!(worn.unwrap().transport.with, Some(second.certified()));
    // What was lost takes nothing away; whoever has it sends with it.
    fs::remove_file(folder.at("tls.key")).unwrap();
    assert!(matches!(arrives(&wearing()), (Err(SourceError::Missing), false, None)));
    assert!(sender.plain().with.is_none());
}

#[test]
fn another_place_is_read_even_where_it_is_called_alike() {
    let (first, second) = (issue("first"), issue("second"));
    let sender = Sender::new(Built::default());
    let [one, other] = [&first, &second].map(|issued| Identity::pem(&issued.pem()).unwrap());
    for (identity, issued) in [(&one, &first), (&other, &second), (&one, &first)] {
        assert_eq!(arrives(&sender.with(identity, build)).0, text(issued));
    }
}

#[test]
fn a_certificate_that_another_read_replaced_is_not_taken_for_the_one_that_was_read() {
    let (first, second) = (issue("first"), issue("second"));
    let sender = Sender::new(Built::default());
    let pem = Mutex::new(vec![second.pem(), first.pem()]);
    let identity = Identity::source(move || Ok(SecretText::new(&pem.lock().unwrap().pop().unwrap())));
    let wearing = sender.with(&identity, build);
    let (told, _, _) = arrives(&wearing);
    let (_, _, worn) = arrives(&wearing);
    assert_eq!(worn.unwrap().certified, second.certified());
    let (arrived, worn) = wearing.worn(Some(Arrived { text: told, is_news: false }));
    assert!(worn.is_none());
    assert!(matches!(arrived, Some(Arrived { text: Err(SourceError::Failed(_)), .. })));
}

/// As a TLS library says it.
fn refuses(_: &Built, _: &CertifiedKey) -> Result<Built, ConfigError> {
    Err(ConfigError::KeyMismatch)
}

#[test]
fn two_files_that_do_not_belong_together_are_read_again_and_then_may_do_so_later() {
    let (folder, own) = (Folder::new(), issue("own"));
    fs::write(folder.at("tls.crt"), &own.certificate).unwrap();
    fs::write(folder.at("tls.key"), &own.key).unwrap();
    let pair = Identity::files(folder.at("tls.crt"), folder.at("tls.key"));
    let (told, _, worn) = arrives(&Sender::new(Built::default()).with(&pair, refuses));
    let error = told.unwrap_err();
    assert!(worn.is_none());
    assert_eq!(error.class(), evergrant_core::Class::Transient);
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.at(name).display().to_string());
    let said = format!(
        "the client certificate and its private key do not belong together: {certificate} and {key}; put"
    );
    assert!(error.to_string().starts_with(&said), "{error}");
    // One text is written as one.
    let one = Identity::pem(&own.pem()).unwrap();
    let (told, _, _) = arrives(&Sender::new(Built::default()).with(&one, refuses));
    assert_eq!(told, Err(SourceError::Unusable(ConfigError::KeyMismatch)));
}

#[test]
fn a_swap_that_ends_within_the_attempt_costs_nothing() {
    let (folder, first, second) = (Folder::new(), issue("first"), issue("second"));
    fs::write(folder.at("tls.crt"), &first.certificate).unwrap();
    fs::write(folder.at("tls.key"), &first.key).unwrap();
    /// The writer of the files comes between, once: it is done when the first pair is refused.
    struct Swapped {
        swap: Arc<dyn Fn() + Send + Sync>,
        times: Arc<AtomicU32>,
    }
    fn once(plain: &Swapped, _: &CertifiedKey) -> Result<Swapped, ConfigError> {
        if plain.times.fetch_add(1, Ordering::SeqCst) == 0 {
            (plain.swap)();
            return Err(ConfigError::KeyMismatch);
        }
        Ok(Swapped { swap: Arc::clone(&plain.swap), times: Arc::clone(&plain.times) })
    }
    let (certificate, key) = (folder.at("tls.crt"), folder.at("tls.key"));
    let next = (second.certificate.clone(), second.key.clone());
    let swap = move || {
        fs::write(&certificate, &next.0).unwrap();
        fs::write(&key, &next.1).unwrap();
    };
    let sender = Sender::new(Swapped { swap: Arc::new(swap), times: Arc::default() });
    let pair = Identity::files(folder.at("tls.crt"), folder.at("tls.key"));
    assert_eq!(arrives(&sender.with(&pair, once)).0, text(&second));
}

#[test]
fn what_each_read_of_costs_something_says_so() {
    struct Paid(String);
    impl SecretSource for Paid {
        fn read(&self, _: Duration) -> Result<SecretText, SourceError> {
            Ok(SecretText::new(&self.0))
        }
        fn is_costly(&self) -> bool {
            true
        }
    }
    let sender = Sender::new(Built::default());
    let identity = Identity::source(Paid(issue("own").pem()));
    assert!(sender.with(&identity, build).dressing.is_costly());
    assert!(!sender.with(&Identity::files("a", "b"), build).dressing.is_costly());
}
