//! What proves who the client is: which of what was said is meant, who said it, and where it is.

use super::sources::Sources;
use crate::client::args::Auth;
use crate::client::certificate::Certificate;
use crate::client::profile::Profile;
use crate::client::said::{Said, Whence};
use crate::client::secret::{self, KeyId, Keys};
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::{Algorithm, AssertionKind};
use std::cmp::Ordering;
use std::path::PathBuf;

/// What is sent beside another proof is refused (RFC 6749 §2.3).
const ONE: &str = "remove one of the two: a client proves who it is in one way";

/// What the client has.
pub(in crate::client) struct Credential {
    /// Where its secret is, or its assertion, or the key that it signs with.
    pub(in crate::client) place: Said<secret::Source>,
    pub(super) kind: Kind,
    pub(super) certificate: Shows,
    /// Whether the certificate is all that it has.
    is_certified_alone: bool,
    /// What people may not expect of a variable that is set.
    pub(super) notes: Vec<String>,
}

/// What is in that place.
pub(super) enum Kind {
    Secret,
    /// An assertion that somebody else makes.
    Assertion(Said<AssertionKind>),
    /// A private key.
    Key,
}

/// Which certificate its connection shows.
pub(super) enum Shows {
    Nothing,
    /// The second is who said where its key is.
    This(Said<Certificate>, Whence),
    /// None, since the profile's is for the profile's own client at the profile's own server.
    Withheld,
}

/// How it signs its assertions.
pub(in crate::client) struct Signing {
    pub(super) key_id: Said<Option<String>>,
    /// Whether its thumbprint is its name.
    pub(super) thumbprint: Said<bool>,
    /// The file of a certificate of it.
    pub(super) certificate: Said<Option<PathBuf>>,
    pub(super) audience: Said<Option<String>>,
    pub(super) algorithm: Said<Option<Algorithm>>,
    pub(super) header_type: Said<Option<String>>,
    pub(super) not_before: Said<bool>,
    /// Names and values in JSON.
    pub(super) claims: Said<Vec<(String, String)>>,
}

/// What of a profile says how its client proves who it is.
pub(super) struct Profiles {
    secret: Option<secret::Source>,
    assertion: Option<secret::Source>,
    assertion_type: Option<AssertionKind>,
    key: Option<secret::Source>,
    certificate: Option<PathBuf>,
    certificate_key: Option<PathBuf>,
}

impl Profiles {
    /// Takes it out of the profile.
    pub(super) fn of(profile: &mut Profile) -> Self {
        Self {
            secret: profile.client_secret.take(),
            assertion: profile.client_assertion.take(),
            assertion_type: profile.assertion_type.take(),
            key: profile.signing_key.take(),
            certificate: profile.certificate.take(),
            certificate_key: profile.certificate_key.take(),
        }
    }
}

/// What of the profile's may be used.
#[derive(Clone, Copy)]
pub(super) struct Ours {
    /// It is the client of the profile.
    pub(super) client: bool,
    /// It is the server of the profile, too.
    pub(super) server: bool,
}

/// What a flag names the file of.
#[derive(Clone, Copy)]
enum Named {
    Secret,
    Assertion,
    Key,
}

impl Named {
    const fn flag(self) -> &'static str {
        match self {
            Self::Secret => "client_secret_file",
            Self::Assertion => "assertion_file",
            Self::Key => "key_file",
        }
    }
}

/// The file that flags and variables name, where they name one: what is on the command line counts before what a shell was left with, and each of
/// those is noted.
fn named_file<'a>(
    said: &Sources<'a>,
    is_otherwise: bool,
    notes: &mut Vec<String>,
) -> Result<Option<(Named, &'a PathBuf)>, Failure> {
    let args = said.args;
    let flags = [
        (Named::Secret, &args.client_secret_file),
        (Named::Assertion, &args.assertion_file),
        (Named::Key, &args.key_file),
    ];
    let set = flags.into_iter().filter_map(|(what, path)| Some((what, path.as_ref()?)));
    let whence = |(what, _): &(Named, &PathBuf)| args.whence(what.flag());
    let (by_flag, by_variable): (Vec<_>, Vec<_>) =
        set.partition(|named| matches!(whence(named), Whence::Flag(_)));
    let counts = if by_flag.is_empty() { &by_variable } else { &by_flag };
    if let [first, second, ..] = &**counts {
        let (first, second) = (whence(first), whence(second));
        return Err(Failure::usage(format!("{first} and {second} are both set"), ONE));
    }
    let first = counts.first().copied();
    if let (Some(by), false) = (by_flag.first().map(whence), by_variable.is_empty()) {
        notes.extend(by_variable.iter().map(|named| unused(&whence(named), &by)));
    }
    // A certificate that a flag names is meant without the secret of a variable.
    let is_left = |(what, _): &(Named, &PathBuf)| matches!(what, Named::Secret) && by_flag.is_empty();
    match (&args.certificate, first) {
        (Some(_), Some(named)) if is_left(&named) && !is_otherwise => {
            let by = args.whence("certificate");
            if !matches!(by, Whence::Flag(_)) {
                notes.push(beside(&whence(&named), &by));
                return Ok(first);
            }
            notes.push(unsent(&whence(&named), &by));
            Ok(None)
        }
        _ => Ok(first),
    }
}

fn unused(variable: &Whence, by: &Whence) -> String {
    format!("{variable} is set and not used: {by} says how the client authenticates")
}

fn unsent(variable: &Whence, by: &Whence) -> String {
    format!(
        "{variable} is set and not used: the client authenticates by {by} alone; to send the secret over that connection, say how with \
         --auth, such as --auth basic"
    )
}

fn beside(variable: &Whence, by: &Whence) -> String {
    format!(
        "the client authenticates by {variable}, and shows the certificate of {by} beside it; for the certificate alone say --auth tls"
    )
}

impl Credential {
    /// `method`: how somebody says that it authenticates.
    pub(super) fn merge(
        said: &Sources<'_>,
        profile: Profiles,
        ours: Ours,
        method: Option<Auth>,
    ) -> Result<Self, Failure> {
        let (args, mut notes) = (said.args, Vec::new());
        let first = named_file(said, method.is_some(), &mut notes)?;
        let what = match first {
            Some((what, _)) => what,
            None if profile.assertion.is_some() => Named::Assertion,
            None if profile.key.is_some() => Named::Key,
            None => Named::Secret,
        };
        let has_secret = first.is_some() || profile.secret.is_some();
        let (key, of_profile) = match what {
            Named::Secret => ("client_secret", profile.secret),
            Named::Assertion => ("client_assertion", profile.assertion),
            Named::Key => ("signing_key", profile.key),
        };
        let place = match (first, of_profile.filter(|_| ours.client)) {
            (Some((what, path)), _) => {
                Said { value: secret::Source::File(path.clone()), by: args.whence(what.flag()) }
            }
            (None, Some(_)) if !ours.server => Said { value: secret::Source::Withheld, by: Whence::Default },
            (None, source) => said.first(key, None, source).or(match what {
                Named::Secret => secret::Source::Usual,
                Named::Assertion | Named::Key => secret::Source::Withheld,
            }),
        };
        let kind = match what {
            Named::Secret => Kind::Secret,
            Named::Assertion => {
                let kind = said.first("assertion_type", args.assertion_type.clone(), profile.assertion_type);
                Kind::Assertion(kind.or(AssertionKind::JWT_BEARER))
            }
            Named::Key => Kind::Key,
        };
        let certified_by = match (&args.certificate, &profile.certificate) {
            (Some(_), _) => Some(args.whence("certificate")),
            (None, Some(_)) => Some(said.by_profile("certificate")),
            (None, None) => None,
        };
        let is_set = secret::is_in_usual_variable();
        let is_alone = matches!(kind, Kind::Secret) && !has_secret;
        // A certificate that a flag or a profile names is meant without the variable, which may have the secret of another client.
        let is_certified_alone =
            is_alone && certified_by.as_ref().is_some_and(|by| !is_set || !matches!(by, Whence::Variable(_)));
        if is_set && method.is_none() {
            let usual = Whence::Variable(secret::VARIABLE.to_owned());
            // Who names a profile on the command line means it as a whole.
            let is_meant = |by: &Whence| match by {
                Whence::Profile { .. } => !args.names_a_profile(),
                other => *other != Whence::Default,
            };
            let note = match (&kind, &certified_by) {
                (Kind::Key | Kind::Assertion(_), _) => is_meant(&place.by).then(|| unused(&usual, &place.by)),
                (Kind::Secret, Some(by)) if is_certified_alone => is_meant(by).then(|| unsent(&usual, by)),
                (Kind::Secret, Some(by)) if is_alone => Some(beside(&usual, by)),
                (Kind::Secret, _) => None,
            };
            notes.extend(note);
        }
        let certificate = shows(said, (profile.certificate, profile.certificate_key), ours)?;
        Ok(Self { place, kind, certificate, is_certified_alone, notes })
    }

    /// The certificate that its connection shows.
    pub(in crate::client) fn certificate(&self) -> Option<&Said<Certificate>> {
        match &self.certificate {
            Shows::This(certificate, _) => Some(certificate),
            Shows::Nothing | Shows::Withheld => None,
        }
    }

    /// Who said where its key is.
    pub(super) fn certificate_key_by(&self) -> &Whence {
        match &self.certificate {
            Shows::This(_, by) => by,
            Shows::Nothing | Shows::Withheld => &Whence::Default,
        }
    }

    /// How it proves who it is, unless somebody says how it sends its secret.
    pub(super) const fn method(&self) -> Option<Auth> {
        match self.kind {
            Kind::Assertion(_) => Some(Auth::Assertion),
            Kind::Key => Some(Auth::PrivateKeyJwt),
            Kind::Secret if self.is_certified_alone => Some(Auth::Tls),
            Kind::Secret => None,
        }
    }

    /// The method of authentication that somebody said, which must fit what the client has for that.
    pub(super) fn proven(&self, said: Said<Option<Auth>>) -> Result<Said<Option<Auth>>, Failure> {
        const ASSERTION: &str = "name its file with --assertion-file, or say in the profile where it is: client_assertion = { file = \"PATH\" }";
        const KEY: &str = "name its file with --key-file, or say in the profile where it is: signing_key = { file = \"PATH\" }";
        const CERTIFICATE: &str =
            "name its file with --certificate, or in the profile with certificate = \"PATH\"";
        let by = &said.by;
        let lacks = |what: &str, next: &str| {
            Err(Failure::usage(format!("{by} says {what}, and there is none"), next))
        };
        let other = |what: &str| {
            Err(Failure::usage(format!("{by} says another authentication method, and there is {what}"), ONE))
        };
        match (said.value, &self.kind, &self.certificate) {
            (Some(Auth::Assertion), Kind::Secret | Kind::Key, _) => lacks("assertion", ASSERTION),
            (Some(Auth::PrivateKeyJwt), Kind::Secret | Kind::Assertion(_), _) => {
                lacks("private-key-jwt", KEY)
            }
            (Some(method), Kind::Assertion(_), _) if method != Auth::Assertion => other("a client assertion"),
            (Some(method), Kind::Key, _) if method != Auth::PrivateKeyJwt => other("a signing key"),
            (Some(Auth::Tls), _, Shows::Nothing) => lacks("tls", CERTIFICATE),
            _ => Ok(said),
        }
    }
}

/// Why a client that authenticates by this, or by nothing that is known, has no public key.
pub(super) fn no_key(method: Option<Auth>) -> Failure {
    const MAKE: &str = "make one: umask 077; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem; name it with \
                        --key-file, or in a profile with signing_key = { file = \"PATH\" }";
    match method {
        Some(Auth::ClientSecretJwt) => {
            Failure::usage("this client signs with its secret, which has no public key", MAKE)
        }
        _ => Failure::usage("this client has no signing key", MAKE),
    }
}

/// Nothing is shown that tokens could be bound to.
pub(super) fn unbound(by: &Whence) -> Failure {
    Failure::usage(
        format!("{by} says that tokens are bound to a certificate, and the client shows none"),
        "name it with --certificate, or in the profile with certificate = \"PATH\"",
    )
}

fn shows(
    said: &Sources<'_>,
    (certificate, key): (Option<PathBuf>, Option<PathBuf>),
    ours: Ours,
) -> Result<Shows, Failure> {
    let named = [("certificate", &said.args.certificate), ("certificate_key", &said.args.certificate_key)];
    let on_stdin =
        |(_, path): &(&str, &Option<PathBuf>)| path.as_deref().is_some_and(|path| path.as_os_str() == "-");
    if let Some((id, _)) = named.into_iter().find(on_stdin) {
        return Err(Failure::usage(
            format!(
                "{} is stdin, and a certificate and its key are read for each connection",
                said.args.whence(id)
            ),
            "name a file",
        ));
    }
    let is_ours = ours.client && ours.server;
    let is_withheld = certificate.is_some() && !is_ours;
    // The key is that of its own certificate, and not of one that a flag names.
    let key = key.filter(|_| is_ours && said.args.certificate.is_none());
    let file = said.first("certificate", said.args.certificate.clone(), certificate.filter(|_| is_ours));
    let key = said.first("certificate_key", said.args.certificate_key.clone(), key);
    match (file.transposed(), key.value.is_some()) {
        (Some(Said { value, by }), _) => {
            Ok(Shows::This(Said { value: Certificate::new(value, key.value), by }, key.by))
        }
        (None, _) if is_withheld => Ok(Shows::Withheld),
        (None, true) => Err(Failure::usage(
            format!("{} names the key of a certificate, and there is no certificate", key.by),
            "name the certificate with --certificate, or in the profile with certificate = \"PATH\"",
        )),
        (None, false) => Ok(Shows::Nothing),
    }
}

/// A key has one name: of two that are said the one that is said nearer to the command line.
fn named(
    id: Said<Option<String>>,
    thumbprint: Said<bool>,
) -> Result<(Said<Option<String>>, Said<bool>), Failure> {
    let both = id.value.is_some() && thumbprint.value;
    match id.by.rank().cmp(&thumbprint.by.rank()) {
        _ if !both => Ok((id, thumbprint)),
        Ordering::Equal => Err(Failure::usage(
            format!("{} and {} are both set", id.by, thumbprint.by),
            "remove one of the two: a key has one name (kid), of your own choice or its thumbprint",
        )),
        Ordering::Greater => Ok((id, Said { value: false, by: Whence::Default })),
        Ordering::Less => Ok((Said { value: None, by: Whence::Default }, thumbprint)),
    }
}

impl Signing {
    pub(super) fn merge(said: &Sources<'_>, profile: &mut Profile) -> Result<Self, Failure> {
        let args = said.args;
        let key_id = said.first("key_id", args.key_id.clone(), profile.key_id.take());
        let thumbprint = said.first("key_thumbprint", args.key_thumbprint, profile.key_thumbprint).or(false);
        let (key_id, thumbprint) = named(key_id, thumbprint)?;
        // It is that of the profile's key, and not of one that a flag names.
        let of_profile = profile.key_certificate.take().filter(|_| args.key_file.is_none());
        Ok(Self {
            key_id,
            thumbprint,
            certificate: said.first("key_certificate", args.key_certificate.clone(), of_profile),
            audience: said.first(
                "assertion_audience",
                args.assertion_audience.clone(),
                profile.assertion_audience.take(),
            ),
            algorithm: said.first(
                "assertion_algorithm",
                args.assertion_algorithm,
                profile.assertion_algorithm.take(),
            ),
            header_type: said.first(
                "assertion_header_type",
                args.assertion_header_type.clone(),
                profile.assertion_header_type.take(),
            ),
            not_before: said
                .first("assertion_not_before", args.assertion_not_before, profile.assertion_not_before)
                .or(false),
            claims: said.list("assertion_claims", Vec::new(), std::mem::take(&mut profile.assertion_claims)),
        })
    }

    /// What the key is called at the server.
    pub(super) fn id(&self) -> KeyId {
        match &self.key_id.value {
            _ if self.thumbprint.value => KeyId::Thumbprint,
            Some(id) => KeyId::Named(id.clone()),
            None => KeyId::Own,
        }
    }

    /// What makes a key of a text: of a secret, or of a private key.
    pub(super) fn keys(&self, is_secret: bool) -> Keys {
        let certificate = self.certificate.value.clone().filter(|_| !is_secret);
        Keys { is_secret, id: self.id(), certificate, algorithm: self.algorithm.value }
    }

    /// Whoever says on the command line how assertions are signed expects that some are.
    pub(super) fn needed(&self) -> Result<(), Failure> {
        let said = [
            (self.key_id.value.is_some(), &self.key_id.by),
            (self.thumbprint.value, &self.thumbprint.by),
            (self.certificate.value.is_some(), &self.certificate.by),
            (self.not_before.value, &self.not_before.by),
            (self.audience.value.is_some(), &self.audience.by),
            (self.algorithm.value.is_some(), &self.algorithm.by),
            (self.header_type.value.is_some(), &self.header_type.by),
        ];
        match said.into_iter().find(|(is_said, by)| *is_said && matches!(by, Whence::Flag(_))) {
            Some((_, by)) => Err(Failure::usage(
                format!("{by} is about the assertions that a client signs, and this one signs none"),
                "name its key with --key-file, or remove the flag",
            )),
            None => Ok(()),
        }
    }
}
