//! The secret of a client that runs for long: it may change in its place meanwhile.

use crate::client::args::Auth;
use crate::client::secret::Purpose;
use crate::client::settings::Settings;
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::ClientAuth;
use ring::digest::{Digest, SHA256, digest};

/// Where the secret is, and what it was when it was last read.
pub(crate) struct Renewal {
    settings: Settings,
    /// The content of its file. The same content is not read twice: what is to be said of it has been said.
    content: Option<Vec<u8>>,
    secret: Option<Vec<u8>>,
}

impl Renewal {
    /// To be made before the secret is read: what is written into its file meanwhile is found later.
    pub(super) fn new(settings: Settings) -> Self {
        let mut renewal = Self { settings, content: None, secret: None };
        renewal.content = renewal.content_now();
        renewal
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// This is the secret that is used.
    pub(super) fn used(&mut self, secret: &str) {
        self.secret = Some(digest_of(secret.as_bytes()));
    }

    /// Where the secret is, in words.
    pub(crate) fn place(&self) -> String {
        self.settings.secret.value.to_string()
    }

    /// The authentication with another secret, if the file has one by now. A command is not run.
    pub(crate) fn looked_at(&mut self) -> Result<Option<ClientAuth>, Failure> {
        let content = self.content_now();
        if content.is_none() || content == self.content {
            return Ok(None);
        }
        self.content = content;
        self.read_again()
    }

    /// The same, wherever the secret is: a command is run, too.
    pub(crate) fn read_again(&mut self) -> Result<Option<ClientAuth>, Failure> {
        if self.settings.method() == Auth::None || !self.settings.secret.value.can_change() {
            return Ok(None);
        }
        let secret = self.settings.secret.value.read(&Purpose::Client, self.settings.secret_limit)?;
        let now = Some(digest_of(secret.as_bytes()));
        if now == self.secret {
            return Ok(None);
        }
        let authentication = self.settings.authentication(Some(&secret))?;
        self.secret = now;
        Ok(Some(authentication))
    }

    /// The same client as other settings have it; with another authentication where they say another place of the secret, or another way to
    /// send it, and there is one. The secret is read at its place, or its command is run, where it is another one.
    pub(crate) fn as_said(&self, settings: Settings) -> Result<(Self, Option<ClientAuth>), Failure> {
        let is_sent_alike = settings.method() == self.settings.method();
        if is_sent_alike && settings.secret.value == self.settings.secret.value {
            let (content, secret) = (self.content.clone(), self.secret.clone());
            return Ok((Self { settings, content, secret }, None));
        }
        let mut renewal = Self::new(settings);
        if renewal.settings.method() == Auth::None {
            let authentication = renewal.settings.authentication(None)?;
            return Ok((renewal, Some(authentication)));
        }
        let secret = renewal.settings.secret.value.read(&Purpose::Client, renewal.settings.secret_limit)?;
        let authentication = renewal.settings.authentication(Some(&secret))?;
        renewal.used(&secret);
        let is_same = is_sent_alike && renewal.secret == self.secret;
        Ok((renewal, (!is_same).then_some(authentication)))
    }

    fn content_now(&self) -> Option<Vec<u8>> {
        if self.settings.method() == Auth::None {
            return None;
        }
        Some(digest_of(&self.settings.secret.value.content()?))
    }
}

/// Of a secret no second copy is kept.
fn digest_of(bytes: &[u8]) -> Vec<u8> {
    let digest: Digest = digest(&SHA256, bytes);
    digest.as_ref().to_vec()
}

#[cfg(test)]
mod tests;
