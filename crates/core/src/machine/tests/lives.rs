//! When a token is used, and for how long.

use super::*;

// Conforms: R-6749-5.1-k
#[test]
fn i11_a_life_counts_from_the_sending_however_slow_the_answer() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let sent = flight.sent_at();
    sim.pass(secs(9));
    sim.grant(flight, "a", 100);
    assert_eq!(sim.token(&mut call).use_until(), sent.after(secs(90)));
    assert_eq!(sim.token(&mut call).refresh_at(), sent.after(secs(70)));
}

// Conforms: R-TIME-a, L-22, Q-04, A-38
#[test]
fn an_unknown_life_is_the_default_and_a_huge_one_is_bounded() {
    for (life, expected) in
        [(None, secs(3600)), (Some(Duration::MAX), secs(366 * 86_400)), (Some(secs(86_400)), secs(86_400))]
    {
        let mut sim = Sim::new();
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        let grant = Grant::new(token("a"), life);
        let landing = sim.machine.complete(sim.now, flight, Outcome::Granted(grant));
        let expected_hint = JwtHint::Absent;
        assert!(
            matches!(landing, Landing::Installed { life, hint, .. } if life == expected && hint == expected_hint)
        );
        assert_eq!(sim.token(&mut call).use_until(), sim.now.after(expected - secs(30)));
    }
}

// Conforms
#[test]
fn a_token_of_unknown_life_is_asked_for_once_and_again_when_it_is_refused() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.land(flight, Outcome::Granted(Grant::new(token("a"), None)));
    for _ in 0..1000 {
        sim.pass(secs(3));
        let mut call = sim.call();
        assert_eq!(sim.uses(&mut call), "a");
    }
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    let flight = sim.sends(&mut call);
    sim.land(flight, Outcome::Granted(Grant::new(token("b"), None)));
    assert_eq!(sim.uses(&mut call), "b");
}

// Conforms: Q-25
#[test]
fn the_servers_refresh_in_is_honoured_when_earlier_but_not_before_a_fifth() {
    for (wish, expected) in [(1000, 1000), (1, 720), (3500, 3270), (u64::MAX, 3270)] {
        let mut sim = Sim::new();
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        let grant = Grant::new(token("a"), Some(secs(3600))).with_refresh_in(secs(wish));
        sim.land(flight, Outcome::Granted(grant));
        assert_eq!(sim.token(&mut call).refresh_at(), sim.now.after(secs(expected)), "refresh_in {wish}");
    }
}

#[test]
fn i13_a_token_that_arrives_due_is_refreshed_at_half_of_what_is_left() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.pass(secs(8));
    sim.grant(flight, "a", 10);
    assert_eq!(sim.token(&mut call).use_until().mono, sim.now.mono.after(secs(1)));
    assert_eq!(sim.token(&mut call).refresh_at(), sim.now.after(ms(500)));
}

// Conforms: R-9111-b, L-36, A-38
#[test]
fn an_answer_that_is_over_on_arrival_is_a_failure_with_backoff_and_no_busy_loop() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let mut sent = 0;
    let end = sim.now.mono.after(secs(60));
    while sim.now.mono < end {
        let flight = sim.sends(&mut call);
        sent += 1;
        let landing = sim.grant(flight, "dead", 0);
        let Landing::Resting { cause: Cause::Refused(refusal), .. } = landing else { panic!("{landing:?}") };
        assert_eq!(refusal.problem(), &Problem::Expired);
        sim.pass(sim.until_wake());
    }
    assert_eq!(sent, 6);
}

// Conforms: R-TIME-g
#[test]
fn at_its_very_end_a_token_is_over() {
    let mut sim = Sim::holding("a", 100);
    let mut call = sim.call_within(secs(300));
    let end = sim.token(&mut call).use_until();
    sim.pass(ms(89_999));
    let flight = sim.sends(&mut call);
    assert_eq!(sim.uses(&mut call), "a");
    sim.pass(ms(1));
    assert_eq!(sim.now, end);
    assert!(matches!(sim.poll(&mut call), Step::Wait(_)));
    sim.grant(flight, "b", 100);
    assert_eq!(sim.uses(&mut call), "b");
}

// Conforms: R-TIME-f, L-23
#[test]
fn a_short_life_is_not_refreshed_in_a_loop() {
    for (life, least) in [(1, ms(1000)), (2, ms(1000)), (30, secs(15)), (60, secs(30))] {
        let mut sim = Sim::new();
        let mut sent: Vec<Mono> = Vec::new();
        for _ in 0..1000 {
            let mut call = sim.call();
            if let Step::Send(flight) = sim.poll(&mut call) {
                sent.push(sim.now.mono);
                sim.grant(flight, &format!("t{}", sent.len()), life);
            }
            assert!(matches!(sim.poll(&mut call), Step::Use(_) | Step::Wait(_)), "{life}");
            sim.machine.leave(&mut call);
            sim.pass(ms(200));
        }
        assert!(sent.windows(2).all(|pair| pair[1].since(pair[0]) >= least), "{life}: {sent:?}");
        assert!(sent.len() > 3, "{life}");
    }
}

// Conforms: R-TIME-c
#[test]
fn either_clock_ends_a_lease_and_it_stays_over() {
    let mut sim = Sim::holding("a", 100);
    let mut call = sim.call();
    sim.pass(secs(1));
    // Suspended: the wall clock went on, the other did not.
    sim.now.wall = sim.now.wall.after(secs(91));
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Expired);
    sim.now.wall = Wall::from_epoch(sim.now.wall.since_epoch() - secs(91));
    assert!(matches!(sim.poll(&mut call), Step::Wait(_)));
}

// Conforms: R-TIME-d
#[test]
fn a_backward_step_of_the_wall_clock_never_extends_a_lease() {
    let mut sim = Sim::holding("a", 100);
    sim.now.wall = Wall::EPOCH;
    sim.now.mono = sim.now.mono.after(secs(90));
    assert!(sim.machine.held(sim.now).is_none());
}
