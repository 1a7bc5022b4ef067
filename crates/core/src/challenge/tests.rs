use super::*;
use alloc::format;
use alloc::string::ToString;
use proptest::prelude::*;

/// `scheme{name=value,..}` or `scheme(token68)`, one after the other.
fn read(lines: &[&[u8]]) -> String {
    let shown = Challenge::read(lines.iter().copied()).into_iter().map(|challenge| {
        let params: Vec<String> = challenge.params().map(|(name, value)| format!("{name}={value}")).collect();
        let end = match challenge.token68() {
            Some(token68) => format!("({token68})"),
            None => format!("{{{}}}", params.join(",")),
        };
        format!("{}{end}", challenge.scheme())
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn line(line: &str) -> String {
    read(&[line.as_bytes()])
}

// Conforms: R-9110-11-b, R-9110-11-c, R-9110-11-d, R-9110-11-g, R-9110-11-h, R-9110-11-n
#[test]
fn one_line_holds_one_challenge_or_several() {
    for (text, shown) in [
        (
            "Bearer realm=\"example\", error=\"invalid_token\", error_description=\"The access token expired\"",
            "bearer{realm=example,error=invalid_token,error_description=The access token expired}",
        ),
        (
            "Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"",
            "basic{realm=simple} newauth{realm=apps,type=1,title=Login to \"apps\"}",
        ),
        ("Bearer error=invalid_token", "bearer{error=invalid_token}"),
        ("BEARER ERROR=\"invalid_token\"", "bearer{error=invalid_token}"),
        ("Bearer, DPoP algs=\"ES256 PS256\"", "bearer{} dpop{algs=ES256 PS256}"),
        ("Bearer", "bearer{}"),
        ("Bearer ", "bearer{}"),
        (
            "Bearer error=\"invalid_token\", error_description=\"Invalid token\", DPoP algs=\"ES256 PS256\"",
            "bearer{error=invalid_token,error_description=Invalid token} dpop{algs=ES256 PS256}",
        ),
        (
            "Bearer error_description=\"a, Basic realm=x\", error=\"invalid_token\"",
            "bearer{error_description=a, Basic realm=x,error=invalid_token}",
        ),
    ] {
        assert_eq!(line(text), shown, "{text}");
    }
}

// Conforms: R-9110-11-f
#[test]
fn token68_is_told_from_parameters() {
    assert_eq!(
        line("Negotiate abc123==, Bearer error=\"invalid_token\""),
        "negotiate(abc123==) bearer{error=invalid_token}"
    );
    assert_eq!(line("Negotiate YII/+ab-._~=  , NTLM"), "negotiate(YII/+ab-._~=) ntlm{}");
    assert_eq!(line("Negotiate abc"), "negotiate(abc)");
}

// Conforms: R-9110-11-i, R-9110-11-l
#[test]
fn quoted_pairs_stand_for_themselves() {
    assert_eq!(line(r#"Bearer d="bad \\ token \"x\"""#), r#"bearer{d=bad \ token "x"}"#);
    assert_eq!(line(r#"Bearer d="a\nb""#), "bearer{d=anb}");
    assert_eq!(
        read(&[b"Bearer error_description=\"caf\xc3\xa9\t\xff\", error=\"invalid_token\""]),
        "bearer{error_description=caf\u{e9}\t\u{fffd},error=invalid_token}"
    );
}

// Conforms: R-9110-11-e
#[test]
fn commas_and_spaces_may_be_missing_doubled_or_leading() {
    assert_eq!(line("Bearer   realm = \"a\" ,, ,error=\"b\","), "bearer{realm=a,error=b}");
    assert_eq!(line(", ,Bearer error=x"), "bearer{error=x}");
    assert_eq!(
        line("Bearer realm=\"a\" error=\"b\" Basic realm=\"c\""),
        "bearer{realm=a,error=b} basic{realm=c}"
    );
    assert_eq!(line("Basic Bearer error=\"b\""), "basic{} bearer{error=b}");
}

// Conforms: R-9110-11-a, R-9110-11-m, Q-49
#[test]
fn all_lines_are_read_and_a_challenge_may_go_on_in_the_next() {
    assert_eq!(
        read(&[b"Negotiate", b"Bearer error=\"invalid_token\""]),
        "negotiate{} bearer{error=invalid_token}"
    );
    assert_eq!(
        read(&[b"Bearer realm=\"k\",", b"error=\"invalid_token\","]),
        "bearer{realm=k,error=invalid_token}"
    );
    assert_eq!(
        read(&[b"Basic realm=\"x", b"Bearer error=\"invalid_token\""]),
        "basic{} bearer{error=invalid_token}"
    );
}

// Conforms: R-9110-11-k
#[test]
fn a_fault_ends_its_line_and_keeps_what_came_before() {
    for (text, shown) in [
        ("", ""),
        (",", ""),
        ("Bearer realm=\"x", "bearer{}"),
        ("Bearer realm=\"x\\", "bearer{}"),
        ("error=\"x\"", ""),
        ("Bearer error=\"ok\", ???", "bearer{error=ok}"),
        ("Bearer error=, Basic", "bearer(error=) basic{}"),
        ("Bearer a=b, error=, Basic", "bearer{a=b}"),
        ("\"Bearer\"", ""),
        ("=", ""),
    ] {
        assert_eq!(line(text), shown, "{text}");
    }
}

// Conforms: R-9110-11-j
#[test]
fn a_repeated_parameter_does_not_count() {
    let challenges = Challenge::read([&b"Bearer error=\"a\", error=\"invalid_token\", x=y"[..]]);
    assert_eq!(challenges[0].param("error"), None);
    assert_eq!(challenges[0].param("x"), Some("y"));
    assert_eq!(challenges[0].param("z"), None);
}

// Conforms: R-9110-11-k
#[test]
fn the_work_is_bounded() {
    let many = |text: &str| Challenge::read([text.as_bytes()]);
    assert!(many(&",".repeat(64 * 1024)).is_empty());
    let schemes: String = (0..10_000).map(|n| format!("s{n}, ")).collect();
    assert_eq!(many(&schemes).len(), Challenge::MAX_CHALLENGES);
    let params: String = (0..10_000).map(|n| format!("p{n}=v, ")).collect();
    assert_eq!(many(&format!("Bearer {params}"))[0].params().count(), Challenge::MAX_PARAMS);
    assert_eq!((Challenge::MAX_CHALLENGES, Challenge::MAX_PARAMS, Challenge::MAX_BYTES), (32, 32, 8192));
    let padding = " ".repeat(Challenge::MAX_BYTES);
    assert!(Challenge::read([padding.as_bytes(), b"Bearer"]).is_empty());
}

proptest! {
    // I28
    // Conforms: R-9110-11-k, A-06
    #[test]
    fn no_bytes_make_it_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4)) {
        let _ = Challenge::read(lines.iter().map(Vec::as_slice));
    }

    // I28
    // Conforms: R-9110-11-k, A-06
    #[test]
    fn no_almost_challenge_makes_it_panic(text in "([Bb]earer|Basic|a=|\"|\\\\|,|=|==| |\t|x){0,40}") {
        let _ = line(&text).to_string();
    }
}
