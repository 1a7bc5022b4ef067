//! One token response, read.

use super::members::{Body, Members, Value};
use super::words::{self, Words};
use super::{Field, Grant, Response, retry_after};
use crate::error::{Class, ErrorResponse, Excerpt, Malformed, Problem, Refusal};
use crate::jwt;
use crate::lifetime::{Lifetime, Said};
use crate::provider::{ErrorFormat, RefusalRule, myparcel};
use crate::scope::Scope;
use crate::seconds;
use crate::time::{Now, Wall};
use crate::token::AccessToken;
use crate::verdict::Answer;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use fluent_uri::UriRef;
use fluent_uri::component::Scheme;
use zeroize::Zeroizing;

/// A response, and what its client knows.
///
/// # The refusal, first row that fits
/// | answer                                                | refusal                                              |
/// |-------------------------------------------------------|------------------------------------------------------|
/// | 408, 425, 429, 5xx but 501                            | transient                                            |
/// | a transient code at any 4xx, a known code at 501      | transient                                            |
/// | any other 4xx, 501                                    | permanent                                            |
/// | 200, 201 with `error`                                 | as at 400                                            |
/// | 200, 201 that cannot be read                          | transient, malformed; in the server's words, if it has some in place of a token |
/// | another 2xx                                           | permanent, malformed                                 |
/// | 3xx                                                   | permanent, redirect                                  |
/// | no final status                                       | transient                                            |
///
/// Each carries the server's code and description, and its Retry-After (at 429 also the end of its rate limit), if there are
/// any. Words without an `error` are the description of a refusal without a code: no class follows from them.
pub(crate) struct Reader<'a> {
    pub(crate) response: &'a Response,
    pub(crate) errors: ErrorFormat,
    /// What this server says for Bearer.
    pub(crate) bearer_words: &'a [Box<str>],
    /// The user's own rule, which comes before the table.
    pub(crate) rule: Option<&'a RefusalRule>,
    pub(crate) asked: &'a Scope,
    pub(crate) jwt_hint: bool,
    /// What may not be shown, in every form in which it may come back; made where it is needed.
    pub(crate) masks: &'a dyn Fn() -> Vec<Zeroizing<String>>,
    pub(crate) sent: Now,
}

impl Reader<'_> {
    pub(crate) fn read(&self) -> Result<Grant, Refusal> {
        match self.response.status {
            200 | 201 => self.success(),
            202..=299 => Err(self.refusal(Class::Permanent, Problem::Malformed(Malformed::Status))),
            300..=399 => Err(self.refusal(Class::Permanent, Problem::Redirect { target: self.target() })),
            status => Err(self.error(status)),
        }
    }

    fn success(&self) -> Result<Grant, Refusal> {
        let malformed = |why| self.refusal(Class::Transient, Problem::Malformed(why));
        let body = Body::of(self.response).map_err(malformed)?;
        let members = Members::read(body, self.errors).map_err(malformed)?;
        match self.words(&members, body) {
            Words::None => self.grant(&members).map_err(|why| match why {
                Malformed::NoAccessToken => {
                    self.described(Class::Transient, &members, body, Problem::Malformed(why))
                }
                _ => malformed(why),
            }),
            words => Err(self.said(400, words, &members, body)),
        }
    }

    fn grant(&self, members: &Members<'_>) -> Result<Grant, Malformed> {
        let text = members.access_token.as_ref().ok_or(Malformed::NoAccessToken)?;
        let token = text.text().and_then(|text| AccessToken::new(text).ok()).ok_or(Malformed::AccessToken)?;
        let is_bearer = match &members.token_type {
            None => true,
            // In any case (RFC 6749 §5.1); a missing or empty one is Bearer: no other type was asked for.
            Some(Value::Text(word)) => {
                let word = word.trim_matches([' ', '\t']);
                let is_own = || self.bearer_words.iter().any(|own| word.eq_ignore_ascii_case(own));
                word.is_empty() || word.eq_ignore_ascii_case("bearer") || is_own()
            }
            Some(Value::Json(_)) => false,
        };
        if !is_bearer {
            return Err(Malformed::TokenType);
        }
        let words = members.scope.as_ref().and_then(Value::scope_words);
        let scope =
            words.filter(|words| self.may_show(words, &token)).and_then(|words| self.asked.answered(&words));
        let mut grant = Grant::new(token, None).with_scope(scope, self.asked);
        grant.lifetime = self.lifetime(members, &grant.token);
        Ok(grant)
    }

    fn lifetime(&self, members: &Members<'_>, token: &AccessToken) -> Lifetime {
        let seconds = |value: &Option<Value<'_>>| value.as_ref().and_then(Value::seconds).filter(|n| *n > 0);
        // `expires_on` counts only when `expires_in` is missing: an unreadable one is a life that is unknown.
        let expires_on = if members.expires_in.is_none() { seconds(&members.expires_on) } else { None };
        let jwt = if self.jwt_hint { jwt::hint(token.expose()) } else { None };
        let expires_in = seconds(&members.expires_in);
        // An end by the server's clock is all that its Date is good for.
        let is_end = |number| number >= Said::FIRST_POINT;
        let needs_date = expires_on.is_some() || jwt.is_some() || expires_in.is_some_and(is_end);
        Lifetime::of(&Said {
            expires_in,
            expires_on,
            refresh_in: seconds(&members.refresh_in),
            age: self.response.header(Field::Age).and_then(seconds::whole_seconds).unwrap_or(0),
            date: if needs_date { self.date() } else { None },
            jwt,
            sent: self.sent.wall,
        })
    }

    /// A scope is shown; one whose words repeat a secret, be it one with spaces in it, is as good as none.
    fn may_show(&self, words: &str, token: &AccessToken) -> bool {
        // The search takes dozens of allocations: it is made for words that are the server's own alone.
        if words.split_ascii_whitespace().all(|word| self.asked.contains(word)) {
            return true;
        }
        let masks = (self.masks)();
        let masks: Vec<&str> = masks.iter().map(|mask| mask.as_str()).chain([token.expose()]).collect();
        !Excerpt::repeats(words, &masks)
    }

    fn error(&self, status: u16) -> Refusal {
        let read = Body::of(self.response)
            .and_then(|body| Members::read(body, self.errors).map(|members| (members, body)));
        match read {
            Ok((members, body)) => self.said(status, self.words(&members, body), &members, body),
            // The status speaks for a body that cannot be read.
            Err(why) => {
                let is_page = why == Malformed::Html && !self.response.body().trim_ascii().is_empty();
                let problem = if is_page { Problem::WebPage } else { Problem::Status };
                self.refusal(words::class(status, None), problem)
            }
        }
    }

    /// What the server says is wrong, in the provider's own format, else as RFC 6749 has it.
    fn words(&self, members: &Members<'_>, body: Body<'_>) -> Words {
        let own = match self.errors {
            ErrorFormat::Rfc6749 => Words::None,
            ErrorFormat::MyParcel => {
                members.errors.as_ref().and_then(Value::raw).map_or(Words::None, myparcel::errors::read)
            }
        };
        match own {
            Words::None => words::rfc6749(members, body),
            own => own,
        }
    }

    /// The refusal of a server that said this, judged as at `status`.
    fn said(&self, status: u16, words: Words, members: &Members<'_>, body: Body<'_>) -> Refusal {
        let class = words::class(status, words.class());
        match words {
            Words::Said { code, description, class: known } => {
                let description = description.and_then(|text| self.excerpt(&text, members));
                // A known code is no secret, even if somebody chose a word of it for one.
                let code =
                    if known.is_some() { Excerpt::new(&code, &[]) } else { self.excerpt(&code, members) };
                let problem = code.map_or(Problem::Status, |code| {
                    Problem::ErrorResponse(ErrorResponse { code, description })
                });
                self.refusal(class, problem)
            }
            Words::Unreadable if matches!(self.response.status, 200 | 201) => {
                self.refusal(class, Problem::Malformed(Malformed::ErrorMember))
            }
            Words::Unreadable | Words::None => self.described(class, members, body, Problem::Status),
        }
    }

    /// The refusal of a server that names no code, in its own words if it has any.
    fn described(&self, class: Class, members: &Members<'_>, body: Body<'_>, otherwise: Problem) -> Refusal {
        let words = words::without_code(members, body, self.errors);
        let words = words.and_then(|words| self.excerpt(&words, members));
        self.refusal(class, words.map_or(otherwise, Problem::Described))
    }

    /// The server's words without the secret, and without the token that came along with them.
    fn excerpt(&self, words: &str, members: &Members<'_>) -> Option<Excerpt> {
        let masks = (self.masks)();
        let masks: Vec<&str> =
            members.token().into_iter().chain(masks.iter().map(|mask| mask.as_str())).collect();
        Excerpt::new(words, &masks)
    }

    fn refusal(&self, class: Class, problem: Problem) -> Refusal {
        let status = self.response.status;
        let own = self.rule.and_then(|rule| {
            let headers: Vec<_> = self.response.kept().collect();
            rule.class(&Answer::new(status, &headers, Some(self.response.body())))
        });
        let retry_after = retry_after(self.response, self.sent.wall);
        Refusal {
            class: own.unwrap_or(class),
            status: Some(status),
            problem,
            retry_after,
            presented: None,
            clock: None,
            endpoint: None,
        }
    }

    fn date(&self) -> Option<Wall> {
        self.response.date()
    }

    /// Where a redirect points to, without userinfo, query and fragment, which may echo what was sent.
    fn target(&self) -> Option<Excerpt> {
        let location = UriRef::parse(self.response.header(Field::Location)?).ok()?;
        let scheme = location.scheme().map(Scheme::as_str);
        let authority = location.authority().map(|authority| (authority.host(), authority.port()));
        let masks = (self.masks)();
        let masks: Vec<&str> = masks.iter().map(|mask| mask.as_str()).collect();
        let mut target = Zeroizing::new(String::with_capacity(location.as_str().len()));
        for part in scheme.into_iter().flat_map(|scheme| [scheme, ":"]) {
            target.push_str(part);
        }
        if let Some((host, port)) = authority {
            let port = port.into_iter().flat_map(|port| [":", port.as_str()]);
            ["//", host].into_iter().chain(port).for_each(|part| target.push_str(part));
        }
        target.push_str(location.path().as_str());
        Excerpt::new(&target, &masks)
    }
}
