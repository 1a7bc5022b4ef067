use super::{ASKED, History, SAMPLES};
use crate::counts::Counts;
use std::time::Instant;

fn counts(requests: u64, queued: i64) -> Counts {
    Counts { requests, queued, ..Counts::default() }
}

#[test]
fn the_graphs_are_of_the_last_two_minutes() {
    let history = History::default();
    let now = Instant::now();
    // What was counted before the first look was not counted in a second.
    for second in 0..200 {
        history.look(&counts(1000 + 3 * second, second.try_into().unwrap()), std::iter::empty(), now);
        if second == 0 {
            assert_eq!(history.past().samples[0].calls, 0);
        }
    }
    let samples = history.past().samples;
    assert_eq!(samples.len(), SAMPLES);
    assert!(samples.iter().all(|sample| sample.calls == 3));
    assert_eq!((samples[0].queued, samples[SAMPLES - 1].queued), (80, 199));
}

mod sources {
    use super::{ASKED, Counts, History, Instant};
    use evergrant_core::{Reason, Rotation};
    use evergrant_drive::LastOutcome;
    use evergrant_mock::{Endpoint, Fault, Server, Times};
    use evergrant_tokio_reqwest::{Client, ClientAuth, Provider, Tokens};
    use std::iter::once;

    fn source(server: &Server) -> Tokens {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
        let provider = Provider::rfc6749(&server.token_endpoint()).unwrap();
        Tokens::builder(Client::builder(provider, auth).build().unwrap()).proxy(None).build().unwrap()
    }

    /// Asks once more, whatever the last request said.
    async fn again(tokens: &Tokens) {
        let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
        tokens.rotate(auth, Rotation::Drop);
        tokens.token().await.unwrap();
    }

    fn run(test: impl AsyncFnOnce()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    }

    fn look(history: &History, tokens: &Tokens) {
        history.look(&Counts::default(), once((1, tokens.status())), Instant::now());
    }

    #[test]
    fn a_token_request_is_remembered_with_its_reason_and_outcome() {
        run(async || {
            let server = Server::start().unwrap();
            server.fault(Endpoint::Token, Fault::status(401), Times::Next(1));
            let (history, tokens) = (History::default(), source(&server));
            look(&history, &tokens);
            assert!(history.past().asked.is_empty());
            let _failed = tokens.token().await;
            look(&history, &tokens);
            look(&history, &tokens);
            let asked = history.past().asked;
            assert_eq!((asked.len(), asked[0].reason), (1, Reason::First));
            assert!(matches!(asked[0].outcome, Some(LastOutcome::Failed(_))), "{asked:?}");
            again(&tokens).await;
            look(&history, &tokens);
            let asked = history.past().asked;
            assert_eq!(asked.len(), 2);
            assert!(
                matches!(asked[0].outcome, Some(LastOutcome::Installed(_))),
                "the latest first: {asked:?}"
            );
            assert!(matches!(asked[1].outcome, Some(LastOutcome::Failed(_))), "{asked:?}");
        });
    }

    #[test]
    fn the_whole_life_of_a_token_is_the_longest_that_was_seen() {
        run(async || {
            let server = Server::start().unwrap();
            let (history, tokens) = (History::default(), source(&server));
            tokens.token().await.unwrap();
            let mut status = tokens.status();
            again(&tokens).await;
            let second = tokens.status().held.unwrap().generation;
            let mut lives = Vec::new();
            let first = status.held.unwrap();
            for (generation, seconds) in [(first.generation, 60), (first.generation, 40), (second, 30)] {
                let mut held = first;
                held.used_for = std::time::Duration::from_secs(seconds);
                held.generation = generation;
                status.held = Some(held);
                history.look(&Counts::default(), once((1, status.clone())), Instant::now());
                lives.push(history.past().lives[&1].as_secs());
            }
            assert_eq!(lives, [60, 60, 30]);
        });
    }

    #[test]
    fn of_a_source_that_has_gone_nothing_is_shown_as_another_ones() {
        run(async || {
            let server = Server::start().unwrap();
            let (history, tokens) = (History::default(), source(&server));
            tokens.token().await.unwrap();
            look(&history, &tokens);
            assert_eq!((history.past().asked.len(), history.past().lives.len()), (1, 1));
            history.look(&Counts::default(), once((2, source(&server).status())), Instant::now());
            let past = history.past();
            assert!(past.asked.is_empty() && past.lives.keys().eq(&[2]), "{past:?}");
        });
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        run(async || {
            let server = Server::start().unwrap();
            let (history, tokens) = (History::default(), source(&server));
            tokens.token().await.unwrap();
            let mut status = tokens.status();
            for _ in 0..=2 * ASKED {
                status.requests += 1;
                history.look(&Counts::default(), once((1, status.clone())), Instant::now());
            }
            assert_eq!(history.past().asked.len(), ASKED);
        });
    }
}
