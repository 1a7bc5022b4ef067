//! Connections to the socket, each with one answer.

use crate::commands::token::Format;
use crate::tell::stderr;
use evergrant_gateway::OwnSocket;
use evergrant_tokio_reqwest::Tokens;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

/// Readers that are answered at once: more wait until the system lets them in. Each has an end.
const AT_ONCE: usize = 256;

/// How long a reader may take: the system keeps what he has not read yet, so that only one with no room left is waited for.
const WRITE: Duration = Duration::from_secs(10);

/// How long nobody is let in when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// The same trouble is told again after this time.
const AGAIN: Duration = Duration::from_secs(10);

/// How often a token is taken anew because it was replaced while it was written down.
const TRIES: usize = 3;

/// What each reader gets.
#[derive(Clone)]
pub(super) struct Answering {
    pub(super) tokens: Tokens,
    pub(super) format: Format,
    /// How long a reader waits for a token.
    pub(super) patience: Duration,
}

impl Answering {
    /// Answers everybody who connects. Readers do not wait for each other.
    pub(super) async fn serve(self, socket: OwnSocket) -> Infallible {
        let (mut readers, mut trouble) = (JoinSet::new(), Trouble::default());
        loop {
            tokio::select! {
                Some(ended) = readers.join_next() => {
                    if let Ok(Err(happened)) = ended {
                        trouble.tell(happened);
                    }
                }
                accepted = socket.accept(), if readers.len() < AT_ONCE => match accepted {
                    Ok(Ok(stream)) => {
                        let this = self.clone();
                        readers.spawn(async move { this.answer(stream).await });
                    }
                    Ok(Err(stranger)) => trouble.tell(format!("a process of user {} connected, and got nothing", stranger.uid)),
                    Err(_) => sleep(NO_ROOM).await,
                }
            }
        }
    }

    /// Gives a reader the token; or nothing, and says why.
    async fn answer(&self, mut stream: UnixStream) -> Result<(), String> {
        let text = self.text().await.map_err(|error| format!("a reader got nothing: {error}"))?;
        let writing = async {
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await
        };
        // A reader that goes away, or reads nothing, is nobody's trouble but his own.
        let _written = timeout(WRITE, writing).await;
        Ok(())
    }

    async fn text(&self) -> Result<Zeroizing<String>, evergrant_tokio_reqwest::Error> {
        let mut tries = 0;
        loop {
            let token = self.tokens.source().token(Some(self.patience)).await?;
            let mut text = self.format.render(token.value(), &self.tokens);
            tries += 1;
            // Its life is asked for after it: it must not be that of the next one.
            let is_held = self.tokens.try_token().is_some_and(|held| held.generation() == token.generation());
            if is_held || tries == TRIES {
                text.push('\n');
                return Ok(text);
            }
        }
    }
}

/// What was told last.
#[derive(Default)]
struct Trouble(Option<(String, Instant)>);

impl Trouble {
    /// Tells it, unless that was just said.
    fn tell(&mut self, happened: String) {
        if self.0.as_ref().is_some_and(|(known, told)| *known == happened && told.elapsed() < AGAIN) {
            return;
        }
        stderr::warning(&happened);
        self.0 = Some((happened, Instant::now()));
    }
}
