//! What a client has in place of a secret: a key that signs, a certificate that its connection shows.

use super::findings::{Findings, State};
use super::way::{self, RENEWAL};
use crate::client::secret::{self, Source};
use crate::client::setup::Examined;
use crate::tell::failure::Failure;
use crate::tell::when;
use evergrant_crypto::Key;
use evergrant_drive::Signer;
use evergrant_tokio_reqwest::core::Span;
use std::path::Path;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// What is said of a file that systemd has copied for the unit.
const COPIED: &str = ", a credential of systemd, which changes with a restart of the unit alone";

/// Of which kind the key is, and what it is called. It can be read, or there would be none.
pub(super) fn key(place: &Source, key: &Key, findings: &mut Findings) -> Result<(), Failure> {
    let info = key.key();
    let algorithms: Vec<&str> = info.algorithms().iter().map(|algorithm| algorithm.name()).collect();
    let id = info.id().map_or_else(|| "without a kid".to_owned(), |id| format!("kid {}", way::shown(&id)));
    let copied = if place.is_copied_at_the_start() { COPIED } else { "" };
    let says =
        format!("{place}{copied}: signs by {}, {id}, thumbprint {}", algorithms.join(", "), key.thumbprint());
    findings.add("key", State::Good, says, [])
}

/// Whom the certificate is of, and when it ends.
pub(super) fn certificate(examined: &Examined, findings: &mut Findings) -> Result<(), Failure> {
    const ABOUT: &str = "client cert";
    const RENEW: &str =
        "have it renewed: its file is read for each token request, so that nothing needs a restart";
    if let Some(failure) = &examined.unshown {
        return findings.fault(ABOUT, failure);
    }
    let (Some(shown), Some(path)) = (&examined.shown, &examined.certificate) else { return Ok(()) };
    let first = shown.certificates().next();
    let Some(leaf) = first.and_then(|der| Certificate::from_der(der).ok()) else { return Ok(()) };
    let (subject, validity) = (leaf.tbs_certificate().subject(), leaf.tbs_certificate().validity());
    let place = format!("in {}{}", path.display(), copied(path));
    let whose = format!("{place}: of {}, belongs to its key", way::shown(subject));
    let (begins, ends) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    let now = when::now();
    if ends <= now {
        let happened = format!("the client certificate in {} ended {} ago", path.display(), Span(now - ends));
        let failure = Failure::usage(happened, RENEW);
        findings.fault(ABOUT, &failure)?;
        return Err(failure);
    }
    let left = Span(ends - now);
    if begins > now {
        let says = format!("{whose}, begins in {} only", Span(begins - now));
        let next = "check this machine's clock, or wait".to_owned();
        return findings.add(ABOUT, State::Warning, says, [next]);
    }
    let says = format!("{whose}, ends in {left}");
    match ends - now < RENEWAL {
        true => findings.add(ABOUT, State::Warning, says, [RENEW.to_owned()]),
        false => findings.add(ABOUT, State::Good, says, []),
    }
}

fn copied(path: &Path) -> &'static str {
    if secret::is_credential(path) { COPIED } else { "" }
}
