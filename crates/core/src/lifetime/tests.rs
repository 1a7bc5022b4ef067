use super::*;
use proptest::prelude::*;

/// Mon, 23 Nov 2026 12:00:00 GMT
const W0: u64 = 1_795_435_200;

fn wall(seconds: u64) -> Wall {
    Wall::from_epoch(Duration::from_secs(seconds))
}

fn said() -> Said {
    Said { sent: wall(W0), ..Said::default() }
}

fn jwt(exp: u64, iat: Option<u64>) -> Option<Times> {
    Some(Times { exp: wall(exp), iat: iat.map(wall) })
}

fn life(said: &Said) -> (Option<u64>, JwtHint) {
    let lifetime = Lifetime::of(said);
    (lifetime.life.map(|life| life.as_secs()), lifetime.hint)
}

#[test]
fn nothing_known_is_an_unknown_life() {
    assert_eq!(Lifetime::of(&said()), Lifetime::default());
}

// Conforms: R-6749-5.1-l, R-9111-b
#[test]
fn age_only_shortens() {
    let mut said = Said { expires_in: Some(3600), refresh_in: Some(1800), age: 600, ..said() };
    let lifetime = Lifetime::of(&said);
    assert_eq!(lifetime.life, Some(Duration::from_secs(3000)));
    assert_eq!(lifetime.refresh_in, Some(Duration::from_secs(1200)));
    said.age = 5000;
    assert_eq!(life(&said), (Some(0), JwtHint::Absent));
    said.age = u64::MAX;
    assert_eq!(life(&said), (Some(0), JwtHint::Absent));
    // A token that grew old in a cache is over, whatever the clocks say.
    let cached =
        Said { expires_in: Some(3600), age: 600, date: Some(wall(W0)), jwt: jwt(W0 + 300, None), ..said };
    assert_eq!(life(&cached), (Some(0), JwtHint::Used));
}

#[test]
fn expires_on_is_judged_by_the_servers_clock_and_is_unknown_once_past() {
    assert_eq!(life(&Said { expires_on: Some(W0 + 600), ..said() }), (Some(600), JwtHint::Absent));
    let skewed = Said { expires_on: Some(W0 + 600), date: Some(wall(W0 + 500)), ..said() };
    assert_eq!(life(&skewed), (Some(100), JwtHint::Absent));
    assert_eq!(life(&Said { expires_on: Some(W0), ..said() }), (None, JwtHint::Absent));
    assert_eq!(
        life(&Said { expires_on: Some(1), jwt: jwt(W0 + 60, None), ..said() }),
        (Some(60), JwtHint::Used)
    );
}

// Conforms: R-7519-k
#[test]
fn a_hint_shortens_or_stands_in() {
    let stated = Said { expires_in: Some(3600), ..said() };
    assert_eq!(life(&Said { jwt: jwt(W0 + 600, None), ..stated }), (Some(600), JwtHint::Used));
    assert_eq!(life(&Said { jwt: jwt(W0 + 7200, None), ..stated }), (Some(3600), JwtHint::Longer));
    assert_eq!(life(&Said { jwt: jwt(W0 + 3600, None), ..stated }), (Some(3600), JwtHint::Used));
    assert_eq!(life(&Said { jwt: jwt(W0 + 600, None), ..said() }), (Some(600), JwtHint::Used));
    assert_eq!(life(&Said { jwt: jwt(W0 - 1, None), ..said() }), (Some(0), JwtHint::Used));
}

// Conforms: R-7519-l
#[test]
fn a_hint_that_is_over_while_expires_in_says_otherwise_is_dropped() {
    let skewed = Said { expires_in: Some(3600), jwt: jwt(W0 - 60, None), ..said() };
    assert_eq!(life(&skewed), (Some(3600), JwtHint::ClockSkew));
    let by_date = Said { date: Some(wall(W0 + 10_000)), jwt: jwt(W0 + 60, Some(W0)), ..skewed };
    assert_eq!(life(&by_date), (Some(3600), JwtHint::ClockSkew));
}

// Conforms: R-7519-m
#[test]
fn a_hint_is_immune_to_our_clocks_skew_when_the_server_tells_its_own_time() {
    for sent in [0, W0 - 600, W0 + 600, u64::MAX] {
        let said = Said { sent: wall(sent), date: Some(wall(W0 - 600)), jwt: jwt(W0 + 3000, None), ..said() };
        assert_eq!(life(&said), (Some(3600), JwtHint::Used));
        let said = Said { date: None, jwt: jwt(W0 + 3000, Some(W0)), ..said };
        assert_eq!(life(&said), (Some(3000), JwtHint::Used));
        // An old token handed out again: its Date sees through it.
        let said = Said { date: Some(wall(W0 + 2000)), ..said };
        assert_eq!(life(&said), (Some(1000), JwtHint::Used));
    }
}

prop_compose! {
    fn anything()(
        expires_in in prop::option::of(1..=u64::MAX),
        expires_on in prop::option::of(1..=u64::MAX),
        near in prop::option::of(W0 - 100..W0 + 100),
        refresh_in in prop::option::of(1..=u64::MAX),
        age in prop_oneof![Just(0), 0_u64..200, any::<u64>()],
        date in prop::option::of(prop_oneof![W0 - 100..W0 + 100, any::<u64>()]),
        exp in prop_oneof![W0 - 100..W0 + 100, any::<u64>()],
        iat in prop::option::of(prop_oneof![W0 - 100..W0 + 100, any::<u64>()]),
        sent in prop_oneof![W0 - 100..W0 + 100, any::<u64>()],
    ) -> Said {
        Said {
            expires_in,
            expires_on: near.or(expires_on),
            refresh_in,
            age,
            date: date.map(wall),
            jwt: jwt(exp, iat),
            sent: wall(sent),
        }
    }
}

proptest! {
    // Conforms: R-7519-k, A-43
    #[test]
    fn a_hint_only_ever_shortens_a_life(said in anything()) {
        let (with, without) = (Lifetime::of(&said), Lifetime::of(&Said { jwt: None, ..said }));
        prop_assert_eq!(with.refresh_in, without.refresh_in);
        prop_assert!(without.life.is_none() || (with.life.is_some() && with.life <= without.life));
        prop_assert_eq!(without.hint, JwtHint::Absent);
    }

    // Conforms: R-9110-6.6.1-a, A-43
    #[test]
    fn age_and_date_only_ever_shorten_expires_in(said in anything()) {
        let said = Said { expires_on: None, jwt: None, ..said };
        let bare = Said { age: 0, date: None, ..said };
        prop_assert!(Lifetime::of(&said).life <= Lifetime::of(&bare).life);
    }
}

#[test]
fn what_became_of_a_hint_is_a_sentence() {
    use alloc::format;
    let said = |hint: JwtHint| format!("{hint}");
    assert_eq!(said(JwtHint::Absent), "the token has no readable exp claim, or the claim is not used");
    assert_eq!(said(JwtHint::Used), "the token's exp claim decided its lifetime");
    assert!(said(JwtHint::Longer).ends_with("later than expires_in, which decided its lifetime"));
    assert!(said(JwtHint::ClockSkew).ends_with("check the clocks"));
}

#[test]
fn what_was_read_is_told() {
    let lifetime = Lifetime::of(&Said { expires_in: Some(3600), refresh_in: Some(1800), ..said() });
    assert_eq!(lifetime.life(), Some(Duration::from_secs(3600)));
    assert_eq!(lifetime.refresh_in(), Some(Duration::from_secs(1800)));
    assert_eq!(lifetime.hint(), JwtHint::Absent);
    let by_jwt = Lifetime::of(&Said { jwt: jwt(W0 + 60, None), ..said() });
    assert_eq!((by_jwt.life(), by_jwt.hint()), (Some(Duration::from_secs(60)), JwtHint::Used));
}

#[test]
fn an_expires_in_that_is_a_point_in_time_is_read_as_one() {
    let of = |expires_in, date| {
        let lifetime = Lifetime::of(&Said { expires_in: Some(expires_in), date, ..said() });
        (lifetime.life.map(|life| life.as_secs()), lifetime.stated)
    };
    let point = |life| (Some(life), StatedLife::PointInTime);
    assert_eq!(of(W0 + 3600, None), point(3600), "by our clock");
    assert_eq!(of(W0 + 3600, Some(wall(W0 + 600))), point(3000), "by the server's");
    assert_eq!(of((W0 + 3600) * 1000 + 999, None), point(3600), "in milliseconds");
    assert_eq!(of(W0 - 1, None), (None, StatedLife::PointInTime), "what is past is unknown, as 0 is");
    assert_eq!(of(W0 + TEN_YEARS, None), point(TEN_YEARS));
    for beyond in [W0 + TEN_YEARS + 1, (W0 + TEN_YEARS + 1) * 1000, LONGEST + 1, 999_999_999, u64::MAX] {
        assert_eq!(of(beyond, None), (Some(beyond), StatedLife::BeyondMeasure), "{beyond}");
    }
    assert_eq!(of(LONGEST, None), (Some(LONGEST), StatedLife::Seconds));
    // On a machine whose clock stands near 1970, what looks like a point is one only by the server's Date.
    let unset =
        |date| Lifetime::of(&Said { expires_in: Some(W0), date, sent: wall(60), ..Said::default() }).stated;
    assert_eq!(unset(None), StatedLife::BeyondMeasure);
    assert_eq!(unset(Some(wall(W0))), StatedLife::PointInTime);
}
