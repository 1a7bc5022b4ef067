//! What is taken from the outcome of an attempt beside its token.

use super::*;
use evergrant_core::{Excerpt, Refusal};

fn refused(problem: Problem) -> Reach {
    reach(&Outcome::Refused(Refusal::new(Class::Transient, None, problem)))
}

#[test]
fn a_server_whose_metadata_cannot_be_fetched_is_as_silent_as_one_without_it() {
    for kind in [
        TransportErrorKind::Timeout,
        TransportErrorKind::Connect,
        TransportErrorKind::Resolve,
        TransportErrorKind::Tls,
        TransportErrorKind::Closed,
    ] {
        let error = || TransportError::ours(kind, "");
        let fault = MetadataFault::Transport(error()).into();
        let of_metadata = refused(Problem::Metadata { url: Excerpt::default(), fault });
        assert_eq!(of_metadata, refused(Problem::Transport(error())), "{kind:?}");
        let is_silent = matches!(
            kind,
            TransportErrorKind::Timeout | TransportErrorKind::Connect | TransportErrorKind::Resolve
        );
        assert_eq!(of_metadata == Reach::Silent, is_silent, "{kind:?}");
    }
    let fault = MetadataFault::NoTokenEndpoint.into();
    assert_eq!(refused(Problem::Metadata { url: Excerpt::default(), fault }), Reach::Answers);
}
