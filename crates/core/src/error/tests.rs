use super::*;
use alloc::format;
use alloc::string::String;

// Conforms: A-15
#[test]
fn an_excerpt_is_printable_bounded_and_without_secrets() {
    let shown = |words: &str| Excerpt::new(words, &["hunter22", ""]).map(|e| e.as_str().into());
    assert_eq!(
        shown("wrong\u{1b}[31m \u{202e}secret hunter22\r\n"),
        Some(String::from("wrong[31m secret [redacted]"))
    );
    assert_eq!(shown(" \r\n\u{7} "), None);
    assert_eq!(
        shown("via http://bob:pw@proxy:3128/x"),
        Some(String::from("via http://[redacted]@proxy:3128/x"))
    );
    assert_eq!(shown("http://a/b@c"), Some(String::from("http://a/b@c")));
    let long = Excerpt::new(&"ä".repeat(10_000), &[]).unwrap();
    assert_eq!(long.as_str().chars().count(), Excerpt::MAX_CHARS);
}

fn shown(words: &str, secrets: &[&str]) -> String {
    Excerpt::new(words, secrets).unwrap().as_str().into()
}

// Conforms: A-01
#[test]
fn a_short_secret_that_is_a_word_masks_all_the_words_and_within_a_word_none() {
    for words in ["a", "the a of b", "a=1", "x: \"a\"", "client_secret=a&b", "read:a", "(a)", "\u{7}a"] {
        assert_eq!(shown(words, &["a"]), "[redacted]", "{words}");
    }
    for words in ["the name of that", "a_b", "1a2", "äaä"] {
        assert_eq!(shown(words, &["a"]), words);
    }
    // The sixth byte and the seventh are no letters: what stands beside them is no part of a word.
    assert_eq!(shown("xpa+s==y", &["a+s=="]), "xpa+s==y");
    assert_eq!(shown("x,a+s==y", &["a+s=="]), "[redacted]");
    assert_eq!(shown("hunter2hunter2 is hunter2", &["hunter2"]), "[redacted]", "the third one is a word");
    assert_eq!(shown("hunter22 and hunter2x", &["hunter2"]), "hunter22 and hunter2x");
    // Neither does what stands for another secret tell anything, nor is a piece of it a word.
    assert_eq!(shown("SENTINEL given", &["SENTINEL", "redact"]), "[redacted] given");
    assert_eq!(shown("SENTINEL given", &["redacted", "SENTINEL"]), "[redacted] given");
}

// Conforms: A-01
#[test]
fn where_secrets_overlap_no_piece_of_either_is_left() {
    assert_eq!(shown("-abcdefghij-", &["abcdefgh", "cdefghij"]), "-[redacted]-");
    assert_eq!(shown("-abcdefghij-", &["cdefghij", "abcdefgh"]), "-[redacted]-");
    assert_eq!(shown("-abcdefghij-", &["abcdefghij", "cdefghij"]), "-[redacted]-");
    assert_eq!(shown("-aaaaaaaaaaaa-", &["aaaaaaaa"]), "-[redacted]-");
    assert_eq!(shown("abcdefghabcdefgh", &["abcdefgh"]), "[redacted][redacted]");
    assert_eq!(shown("-äöüäöü-", &["äöüä"]), "-[redacted]öü-");
}

#[test]
fn of_an_origin_scheme_host_and_port_are_shown() {
    let shown = |scheme, host, port| format!("{}", Excerpt::origin(scheme, host, port));
    assert_eq!(shown(Some("https"), Some("evil.test"), None), "https://evil.test");
    assert_eq!(shown(Some("http"), Some("[::1]"), Some(8080)), "http://[::1]:8080");
    assert_eq!(shown(None, None, None), "(no scheme)://");
}

// Conforms: A-01
#[test]
fn a_secret_that_straddles_the_bound_is_masked() {
    for padding in 0..40 {
        let words = format!("{}SENTINELSENTINELSENTINEL", "x".repeat(230 + padding));
        let shown = Excerpt::new(&words, &["SENTINELSENTINELSENTINEL"]).unwrap();
        assert!(!shown.as_str().contains("SENT"), "{shown}");
        // Nor is what the bound left of it, where it is masked afterwards.
        let later = Excerpt::new(&words, &[]).unwrap().masking(&["SENTINELSENTINELSENTINEL"]);
        assert!(!later.as_str().contains("SE"), "{later}");
    }
    let whole = Excerpt::new("it ends with SENTINEL", &[]).unwrap().masking(&["SENTINELSENTINELSENTINEL"]);
    assert_eq!(whole.as_str(), "it ends with SENTINEL", "what was not cut ends as it does by chance");
}

#[test]
fn every_error_says_what_happened_and_what_to_do() {
    let code = |code| {
        Problem::ErrorResponse(ErrorResponse {
            code: Excerpt::new(code, &[]).unwrap(),
            description: Excerpt::new("unknown client", &[]),
        })
    };
    let refused = Refusal::new(Class::Permanent, Some(401), code("invalid_client"));
    assert_eq!(
        format!("{refused}"),
        "the authorization server refused with invalid_client (http 401): unknown client; check the client id, the \
         client secret and the authentication method with the server's operator"
    );
    let error =
        Error::Failed { cause: Cause::Refused(Arc::new(refused)), retry_after: Duration::from_secs(9) };
    assert!(error.is_permanent());
    assert_eq!(error.retry_after(), Duration::from_secs(9));
    assert_eq!(error.refusal().and_then(Refusal::code), Some("invalid_client"));
    let tls = TransportError::new(TransportErrorKind::Tls, "certificate expired", &[]);
    let shown = format!("{}", Refusal::from(tls));
    assert!(shown.contains("certificate expired") && shown.contains("trusted roots"), "{shown}");
}

fn refused(problem: Problem, class: Class, status: Option<u16>) -> Refusal {
    Refusal::new(class, status, problem)
}

fn transport(kind: TransportErrorKind) -> Problem {
    Problem::Transport(TransportError::new(kind, "", &[]))
}

#[test]
fn a_caller_without_a_token_learns_why_and_when_to_try_again() {
    let retry_after = Duration::from_secs(9);
    let refusal = Arc::new(refused(Problem::Status, Class::Transient, Some(503)));
    let cause = Cause::Refused(Arc::clone(&refusal));
    let silent = Error::TimedOut { last_error: None, retry_after };
    let failing = Error::TimedOut { last_error: Some(cause.clone()), retry_after };
    let full = Error::Saturated { max_waiters: 7, retry_after };
    let failed = Error::Failed { cause: cause.clone(), retry_after };
    for (error, why, words) in [
        (&silent, None, "no response yet"),
        (&failing, Some(&cause), "deadline: the authorization server answered with http 503"),
        (&full, None, "7 callers are already waiting for one; lower the load or raise max_waiters"),
        (&failed, Some(&cause), "no access token: the authorization server answered with http 503"),
    ] {
        assert_eq!((error.cause(), error.retry_after()), (why, retry_after));
        assert_eq!(error.refusal(), why.map(|_| &*refusal));
        assert!(!error.is_permanent());
        assert!(format!("{error}").contains(words), "{error}");
    }
    let unsent = Cause::NotSent(ConfigError::ColonInClientId.into());
    let unsent = Error::Failed { cause: unsent, retry_after };
    assert!(unsent.is_permanent() && unsent.refusal().is_none());
    assert!(!Cause::Abandoned.is_permanent());
}

#[test]
fn each_way_to_the_server_that_breaks_is_named_and_has_advice() {
    use TransportErrorKind::{
        Closed, Connect, NoFile, NoRuntime, NoThread, Other, Protocol, Resolve, Timeout, Tls,
    };
    for (kind, name, advice) in [
        (Resolve, "the host name cannot be resolved", "this machine's DNS"),
        (Connect, "no connection could be made", "reachable from this machine"),
        (Tls, "the TLS handshake failed", "trusted roots"),
        (Timeout, "timed out before the full response arrived", "reachable from this machine"),
        (Closed, "the connection was closed", "reachable from this machine"),
        (Protocol, "not valid HTTP", "reachable from this machine"),
        (NoRuntime, "no async runtime", "inside a running async runtime"),
        (NoThread, "start a thread", "limit of threads"),
        (NoFile, "open a file", "limit of open files"),
        (Other, "could not be sent", "reachable from this machine"),
    ] {
        let shown = format!("{}", refused(transport(kind), Class::Transient, None));
        assert!(shown.contains(name) && shown.contains(advice), "{shown}");
    }
    let detailed = TransportError::new(Closed, "reset by peer", &[]);
    assert_eq!(detailed.kind(), Closed);
    assert_eq!(detailed.detail().map(Excerpt::as_str), Some("reset by peer"));
    assert!(TransportError::new(Closed, "\n", &[]).detail().is_none());
}

#[test]
fn each_answer_without_a_token_is_summed_up_and_has_advice() {
    let code = |code| {
        Problem::ErrorResponse(ErrorResponse { code: Excerpt::new(code, &[]).unwrap(), description: None })
    };
    let target = Excerpt::new("https://other.example/token", &[]);
    let (permanent, transient) = (Class::Permanent, Class::Transient);
    for (problem, class, status, summary, advice) in [
        (
            code("invalid_client"),
            permanent,
            Some(401),
            "refused with invalid_client (http 401)",
            "the client id",
        ),
        (
            code("unauthorized_client"),
            permanent,
            None,
            "refused with unauthorized_client",
            "allow this client",
        ),
        (code("access_denied"), permanent, Some(400), "access_denied (http 400)", "allow this client"),
        (code("invalid_scope"), permanent, Some(400), "invalid_scope", "scopes that this client is allowed"),
        (code("invalid_target"), permanent, Some(400), "invalid_target", "resource and audience"),
        (code("unsupported_grant_type"), permanent, Some(400), "unsupported_grant_type", "token endpoint"),
        (code("invalid_request"), permanent, Some(400), "invalid_request", "parameters and body format"),
        (code("server_error"), transient, Some(400), "server_error", "try again later"),
        (Problem::Status, permanent, Some(404), "answered with http 404", "the path of the token endpoint"),
        (
            Problem::Described(Excerpt::new("no such client", &[]).unwrap()),
            permanent,
            Some(400),
            "answered with http 400: no such client",
            "the token endpoint and the body format",
        ),
        (
            Problem::Described(Excerpt::new("no such client", &[]).unwrap()),
            transient,
            Some(200),
            "answered without an access token (http 200): no such client",
            "report this to the server's operator",
        ),
        (Problem::WebPage, permanent, Some(403), "answered with a web page (http 403)", "a firewall"),
        (Problem::Status, transient, Some(500), "answered with http 500", "try again later"),
        (Problem::Status, transient, None, "the authorization server refused", "try again later"),
        (
            Problem::Redirect { target },
            permanent,
            Some(302),
            "redirects to https://other.example/token (http 302)",
            "never follow",
        ),
        (
            Problem::Redirect { target: None },
            permanent,
            Some(302),
            "endpoint redirects (http 302)",
            "never follow",
        ),
        (
            Problem::Malformed(Malformed::Html),
            transient,
            Some(200),
            "(http 200): the body is an HTML",
            "a web page",
        ),
        (
            Problem::Malformed(Malformed::Syntax),
            transient,
            Some(200),
            "not valid JSON",
            "report this to the server's operator",
        ),
        (Problem::Expired, transient, None, "already expired", "this machine's clock"),
    ] {
        let refusal = refused(problem, class, status);
        let (said, todo) = (format!("{}", refusal.summary()), refusal.advice());
        assert!(said.contains(summary) && todo.contains(advice), "{said}; {todo}");
        assert_eq!(format!("{refusal}"), format!("{said}; {todo}"));
        assert_eq!((refusal.class(), refusal.status(), refusal.retry_after()), (class, status, None));
        let code = summary.split(' ').find(|word| word.contains('_'));
        assert_eq!(refusal.code().is_some(), code.is_some());
    }
    assert!(!format!("{}", Excerpt::default()).is_empty());
    assert_eq!(format!("{:?}", Excerpt::new("so\nit said", &[]).unwrap()), "\"soit said\"");
}

/// The advice for each status with each code; the empty one is none. The class is the one that a server's answer has.
#[test]
fn advice_follows_the_status_and_then_the_code() {
    const CREDENTIALS: &str = "check the client id, the client secret and the authentication method";
    const ALLOWED: &str = "ask the server's operator to allow this client the client credentials grant";
    const SCOPE: &str = "request scopes that this client is allowed";
    const TARGET: &str = "check the resource and audience";
    const GRANT: &str = "check the token endpoint: it does not support the client credentials grant";
    const REQUEST: &str = "check the request's parameters and body format";
    const ENDPOINT: &str = "check the token endpoint and the body format";
    const PATH: &str = "check the path of the token endpoint: there is no token endpoint";
    const FORMAT: &str = "check the body format";
    const PROXY: &str = "check the user and password of the proxy";
    const TROUBLE: &str = "the server is in trouble; try again later";
    const TOO_OFTEN: &str = "this client requests tokens too often";
    const CODES: [&str; 14] = [
        "",
        "acme_x",
        "invalid_client",
        "unauthorized_client",
        "access_denied",
        "invalid_scope",
        "invalid_target",
        "unsupported_grant_type",
        "invalid_request",
        "invalid_grant",
        "temporarily_unavailable",
        "server_error",
        "slow_down",
        "throttled",
    ];
    let rows: [(&[u16], [&str; 14]); 10] = [
        (
            &[400, 402, 406, 409, 413, 422],
            [
                ENDPOINT,
                REQUEST,
                CREDENTIALS,
                ALLOWED,
                ALLOWED,
                SCOPE,
                TARGET,
                GRANT,
                REQUEST,
                REQUEST,
                TROUBLE,
                TROUBLE,
                TOO_OFTEN,
                TOO_OFTEN,
            ],
        ),
        // Servers write unauthorized_client and access_denied for a wrong secret, with this status.
        (
            &[401],
            [
                CREDENTIALS,
                CREDENTIALS,
                CREDENTIALS,
                CREDENTIALS,
                CREDENTIALS,
                SCOPE,
                TARGET,
                GRANT,
                CREDENTIALS,
                CREDENTIALS,
                TROUBLE,
                TROUBLE,
                TOO_OFTEN,
                TOO_OFTEN,
            ],
        ),
        (
            &[403],
            [
                CREDENTIALS,
                CREDENTIALS,
                CREDENTIALS,
                ALLOWED,
                ALLOWED,
                SCOPE,
                TARGET,
                GRANT,
                CREDENTIALS,
                CREDENTIALS,
                TROUBLE,
                TROUBLE,
                TOO_OFTEN,
                TOO_OFTEN,
            ],
        ),
        // Whoever names one of OAuth's codes is a token endpoint.
        (
            &[404, 405, 410],
            [
                PATH,
                PATH,
                CREDENTIALS,
                ALLOWED,
                ALLOWED,
                SCOPE,
                TARGET,
                GRANT,
                REQUEST,
                REQUEST,
                TROUBLE,
                TROUBLE,
                TOO_OFTEN,
                TOO_OFTEN,
            ],
        ),
        (
            &[407],
            [
                PROXY,
                PROXY,
                CREDENTIALS,
                ALLOWED,
                ALLOWED,
                SCOPE,
                TARGET,
                GRANT,
                PROXY,
                PROXY,
                TROUBLE,
                TROUBLE,
                TOO_OFTEN,
                TOO_OFTEN,
            ],
        ),
        (
            &[415],
            [
                FORMAT,
                FORMAT,
                CREDENTIALS,
                ALLOWED,
                ALLOWED,
                SCOPE,
                TARGET,
                GRANT,
                FORMAT,
                FORMAT,
                TROUBLE,
                TROUBLE,
                TOO_OFTEN,
                TOO_OFTEN,
            ],
        ),
        (&[429], [TOO_OFTEN; 14]),
        (&[500, 502, 503, 504, 599], [TROUBLE; 14]),
        (
            &[501],
            [
                ENDPOINT, REQUEST, TROUBLE, TROUBLE, TROUBLE, TROUBLE, TROUBLE, TROUBLE, TROUBLE, TROUBLE,
                TROUBLE, TROUBLE, TROUBLE, TROUBLE,
            ],
        ),
        // An error in a success is one as at 400.
        (
            &[200, 201],
            [
                "check the token endpoint; if it is right",
                REQUEST,
                CREDENTIALS,
                ALLOWED,
                ALLOWED,
                SCOPE,
                TARGET,
                GRANT,
                REQUEST,
                REQUEST,
                TROUBLE,
                TROUBLE,
                TOO_OFTEN,
                TOO_OFTEN,
            ],
        ),
    ];
    for (statuses, advice) in rows {
        for (status, (code, advice)) in
            statuses.iter().flat_map(|status| CODES.into_iter().zip(advice).map(move |row| (*status, row)))
        {
            let is_known = !matches!(code, "" | "acme_x");
            let is_transient =
                matches!(code, "temporarily_unavailable" | "server_error" | "slow_down" | "throttled");
            let class = match status {
                200 | 201 if code.is_empty() => Class::Transient,
                429 | 500 | 502..=599 => Class::Transient,
                501 if is_known => Class::Transient,
                _ if is_transient => Class::Transient,
                _ => Class::Permanent,
            };
            let problem =
                Excerpt::new(code, &[]).map(|code| Problem::ErrorResponse(ErrorResponse::new(code)));
            let refusal = Refusal::new(class, Some(status), problem.unwrap_or(Problem::Status));
            assert!(refusal.advice().starts_with(advice), "{status} {code}: {}", refusal.advice());
        }
    }
}

#[test]
fn advice_for_a_web_page_follows_the_status_too() {
    for (status, class, advice) in [
        (400, Class::Permanent, "check the path of the token endpoint: a web page answered"),
        (401, Class::Permanent, "check the client id"),
        (403, Class::Permanent, "something in front of the server, such as a firewall or an address list"),
        (404, Class::Permanent, "check the path of the token endpoint: there is no token endpoint"),
        (429, Class::Transient, "this client requests tokens too often"),
        (502, Class::Transient, "the server is in trouble"),
    ] {
        let refusal = Refusal::new(class, Some(status), Problem::WebPage);
        assert!(refusal.advice().starts_with(advice), "{status}: {}", refusal.advice());
    }
}

#[test]
fn advice_keeps_to_what_a_users_own_rule_says_about_asking_again() {
    let advice = |class, status| Refusal::new(class, Some(status), Problem::Status).advice();
    for status in [400, 401, 403, 404] {
        assert_eq!(advice(Class::Transient, status), "try again later");
    }
    assert!(!advice(Class::Permanent, 503).contains("try again"));
}

#[test]
fn what_is_masked_later_is_masked_in_every_word_from_outside() {
    let words = || Excerpt::new("it has the-secret-itself in it", &[]).unwrap();
    let said = ErrorResponse::new(words()).with_description(words());
    let failed = TransportError::new(TransportErrorKind::Other, words().as_str(), &[]);
    for problem in [
        Problem::ErrorResponse(said),
        Problem::Described(words()),
        Problem::Redirect { target: Some(words()) },
        Problem::Transport(failed),
    ] {
        let refusal = Refusal::new(Class::Transient, None, problem).masking(&["the-secret-itself"]);
        let shown = format!("{refusal} {refusal:?}");
        assert!(shown.contains("[redacted]") && !shown.contains("itself"), "{shown}");
    }
    assert_eq!(
        Refusal::new(Class::Transient, None, Problem::Described(words())).description(),
        Some(&words())
    );
    assert_eq!(Refusal::new(Class::Transient, None, Problem::Status).description(), None);
}

#[test]
fn the_beginning_of_a_short_secret_is_not_left_where_a_text_was_cut() {
    let filled = |end: &str| {
        let filling = ". ".repeat(Excerpt::MAX_CHARS);
        let words = [&filling[..Excerpt::MAX_CHARS - end.len()], end, "7 and more"].concat();
        Excerpt::new(&words, &[]).unwrap()
    };
    assert!(filled("geheim").as_str().ends_with("geheim"));
    assert_eq!(filled("geheim").masking(&["geheim7"]).as_str(), "[redacted]");
    // A piece of a longer word is no beginning of it.
    assert!(filled("xgeheim").masking(&["geheim7"]).as_str().ends_with("xgeheim"));
    let whole = Excerpt::new("not cut: geheim", &[]).unwrap();
    assert_eq!(whole.masking(&["geheim7"]), whole);
}

/// As anyhow's `{:#}` prints it: the error, then each source.
fn chain(error: &dyn core::error::Error) -> String {
    let sources = core::iter::successors(error.source(), |cause| (*cause).source());
    sources.fold(format!("{error}"), |said, cause| format!("{said}: {cause}"))
}

#[test]
fn a_cause_is_said_once_in_a_chain_and_is_in_the_words_of_the_error_itself() {
    let tls = TransportError::new(TransportErrorKind::Tls, "certificate expired", &[]);
    let refusal = Refusal::from(tls.clone());
    let token = ConfigError::from(UnusableToken);
    let retry_after = Duration::ZERO;
    let causes =
        [Cause::Refused(Arc::new(refusal.clone())), Cause::NotSent(token.clone().into()), Cause::Abandoned];
    for cause in causes {
        let said = format!("{cause}");
        let failed = Error::Failed { cause: cause.clone(), retry_after };
        let late = Error::TimedOut { last_error: Some(cause.clone()), retry_after };
        for error in [&failed, &late] {
            assert_eq!(chain(error).matches(&said).count(), 1, "{error:?}");
            assert!(format!("{error}").contains(&said), "{error:?}");
        }
        assert_eq!(chain(&cause), said);
    }
    assert_eq!(chain(&refusal), format!("{refusal}"));
    assert_eq!(chain(&tls), format!("{tls}"));
    assert_eq!(chain(&token), format!("{UnusableToken}"));
}

#[test]
fn the_servers_words_are_its_code_and_its_description() {
    let words = |text| Excerpt::new(text, &[]).unwrap();
    let response = ErrorResponse::new(words("invalid_client"));
    assert_eq!((response.code().as_str(), response.description()), ("invalid_client", None));
    let response = response.with_description(words("unknown client"));
    assert_eq!(
        (response.code().as_str(), response.description()),
        ("invalid_client", Some(&words("unknown client")))
    );
}

#[test]
fn a_cause_is_summed_up_without_advice() {
    let refused = Cause::Refused(Arc::new(Refusal::new(Class::Transient, Some(503), Problem::Status)));
    assert_eq!(format!("{}", refused.summary()), "the authorization server answered with http 503");
    let abandoned = Cause::Abandoned;
    assert_eq!(format!("{}", abandoned.summary()), format!("{abandoned}"));
}

#[test]
fn what_is_wrong_with_a_proxy_is_blamed_on_it() {
    let error = ConfigError::Proxy { field: "HTTPS_PROXY", fault: ProxyFault::Quotes };
    assert_eq!(format!("{error}"), "HTTPS_PROXY has quotes in its value: remove them");
    let refusal = Refusal::from(TransportError::ours(TransportErrorKind::Proxy, "proxy:3128 is down"));
    assert_eq!(
        format!("{refusal}"),
        "the token endpoint cannot be reached: the proxy did not open a connection (proxy:3128 is down); check the proxy's \
         address, its user and password, and whether it lets the token endpoint through"
    );
}
