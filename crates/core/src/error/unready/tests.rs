use super::*;
use crate::Cause;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

fn words(text: &str) -> Excerpt {
    Excerpt::new(text, &[]).unwrap()
}

#[test]
fn each_problem_says_what_happened_and_what_to_do_and_whether_another_try_can_help() {
    for (problem, class, says) in [
        (SourceError::Missing, Class::Transient, "it is not there; check that something writes it there"),
        (
            SourceError::Denied,
            Class::Transient,
            "this user may not read it; let the user of this process read it",
        ),
        (
            SourceError::Unreadable(words("Too many open files (os error 24)")),
            Class::Transient,
            "Too many open files (os error 24); check what is at that place, and what this process may open",
        ),
        (
            SourceError::TimedOut,
            Class::Transient,
            "it did not come in time; check what it waits for, or allow more time for each attempt",
        ),
        (
            SourceError::ExitStatus(Some(3)),
            Class::Transient,
            "it ended with status 3; run it by hand: it must print the text alone, and end with status 0",
        ),
        (
            SourceError::ExitStatus(None),
            Class::Transient,
            "it ended with a signal; run it by hand: it must print the text alone, and end with status 0",
        ),
        (SourceError::Empty, Class::Transient, "it is empty; check that something writes it there"),
        (
            SourceError::TooLong,
            Class::Permanent,
            "it is longer than 64 KiB; name one that has this text and nothing else",
        ),
        (
            SourceError::NotText,
            Class::Permanent,
            "it is not UTF-8 text, but of another encoding, such as UTF-16, or in a binary format, such as PKCS#12; write it as plain text in UTF-8",
        ),
        (
            SourceError::Unusable(ConfigError::ControlCharacter { field: "client_secret", at: 4 }),
            Class::Permanent,
            "client_secret has a control character at byte 4: remove it (often a line break that was copied along)",
        ),
        (SourceError::failed("the vault is sealed"), Class::Transient, "the vault is sealed"),
        (SourceError::failed("\n"), Class::Transient, "(nothing that can be shown)"),
    ] {
        assert_eq!((problem.class(), problem.to_string().as_str()), (class, says));
        let unready = Unready::new(Ask::Assertion, problem.clone());
        assert_eq!((unready.class(), unready.problem()), (class, &problem));
        let lead = match problem {
            SourceError::Unusable(_) => "the client assertion cannot be used",
            _ => "the client assertion cannot be had",
        };
        assert_eq!(unready.to_string(), format!("{lead}: {says}"));
        let lead = match problem {
            SourceError::Unusable(_) => "the client assertion in /run/a cannot be used",
            SourceError::Failed(_) => "the client assertion cannot be had from /run/a",
            _ => "the client assertion cannot be read from /run/a",
        };
        assert_eq!(unready.clone().read_from("/run/a").to_string(), format!("{lead}: {says}"));
        let signing = Unready::new(Ask::Signature, problem.clone()).read_from("/run/a");
        let lead = match problem {
            SourceError::Unusable(_) => "the signing key in /run/a cannot be used",
            SourceError::Failed(_) | SourceError::TimedOut => "the signature cannot be had from /run/a",
            _ => "the signing key cannot be read from /run/a",
        };
        assert_eq!(signing.to_string(), format!("{lead}: {says}"));
        let config = match problem {
            SourceError::Unusable(error) => Some(error),
            _ => None,
        };
        assert_eq!(unready.config(), config.as_ref());
        let cause = Cause::NotSent(unready);
        assert_eq!(cause.is_permanent(), class == Class::Permanent);
        assert_eq!(cause.summary().to_string(), cause.to_string());
        assert!(cause.to_string().starts_with("the token request cannot be built: the client assertion"));
    }
}

#[test]
fn a_bound_that_is_said_is_the_one_that_holds() {
    let said = SourceError::TooLong.to_string();
    assert!(said.contains(&format!("{} KiB", crate::SecretText::MAX_BYTES / 1024)), "{said}");
}

#[test]
fn it_is_live_if_it_is_read_and_to_look_again_costs_nothing() {
    for (unready, is_live) in [
        (Unready::new(Ask::ClientSecret, SourceError::NotText), true),
        (Unready::new(Ask::Parameter("password".into()), SourceError::Missing).read_from("a"), true),
        (Unready::new(Ask::ClientSecret, SourceError::NotText).costly(), false),
        (ConfigError::ColonInClientId.into(), false),
    ] {
        assert_eq!(unready.is_live(), is_live, "{unready}");
        assert_eq!(Cause::NotSent(unready).is_live(), is_live);
    }
    assert!(!Cause::Abandoned.is_live() && !Cause::HeldBack.is_live());
}

#[test]
fn a_configuration_that_cannot_work_speaks_for_itself() {
    let unready = Unready::from(ConfigError::ColonInClientId);
    assert_eq!((unready.ask(), unready.source_name()), (None, None));
    assert_eq!(unready.config(), Some(&ConfigError::ColonInClientId));
    assert_eq!(unready.class(), Class::Permanent);
    assert_eq!(unready.to_string(), ConfigError::ColonInClientId.to_string());
}

#[test]
fn it_names_what_was_asked_for_and_from_where() {
    let parameter = Ask::Parameter("password".into());
    let unready = Unready::new(parameter.clone(), SourceError::Empty).read_from("op read op://a/b\n");
    assert_eq!(unready.ask(), Some(&parameter));
    assert_eq!(unready.source_name().map(Excerpt::as_str), Some("op read op://a/b"));
    assert!(unready.to_string().starts_with("the parameter password cannot be read from op read op://a/b: "));
    assert!(core::error::Error::source(&unready).is_none());
    let same: Vec<Unready> = [unready.clone(), unready.clone().costly()].into();
    assert_ne!(same[0], same[1]);
    assert_eq!(unready.read_from("\n").source_name(), None);
}
