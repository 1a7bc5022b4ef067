//! What an answer says: what happened, what the API saw of the request, and what to do next.

use super::Sent;

/// The sentence, and what it was built of where it says what the API saw: of that there is another word once the request was sent before,
/// and none for callers who send nothing to an API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Detail {
    whole: Box<str>,
    around: Option<Around>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Around {
    happened: Box<str>,
    next: Option<Box<str>>,
}

impl Around {
    fn joined(&self, state: Option<&str>) -> Box<str> {
        let parts: Vec<_> =
            [Some(&*self.happened), state, self.next.as_deref()].into_iter().flatten().collect();
        parts.join("; ").into()
    }
}

impl Detail {
    /// With what the API saw in the midst, or at the end.
    pub(super) fn of(happened: &str, sent: Sent, next: Option<&str>) -> Self {
        Self::around(Around { happened: happened.into(), next: next.map(Into::into) }, sent)
    }

    fn around(around: Around, sent: Sent) -> Self {
        Self { whole: around.joined(Some(sent.state())), around: Some(around) }
    }

    /// The same of a request of which the API saw this.
    pub(super) fn with(self, sent: Sent) -> Self {
        match self.around {
            Some(around) => Self::around(around, sent),
            None => self,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.whole
    }

    /// The same without what the API saw.
    #[cfg(feature = "server")]
    pub(super) fn without_api(&self) -> Box<str> {
        self.around.as_ref().map_or_else(|| self.whole.clone(), |around| around.joined(None))
    }
}

impl From<String> for Detail {
    fn from(whole: String) -> Self {
        Self { whole: whole.into(), around: None }
    }
}
