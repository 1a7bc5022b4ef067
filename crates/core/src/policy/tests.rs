use super::*;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn the_fractions_rule_short_lives_and_the_caps_long_ones() {
    let policy = Policy::new();
    assert_eq!(policy.leeway(secs(100)), secs(10));
    assert_eq!(policy.leeway(secs(86_400)), secs(30));
    assert_eq!(policy.ahead(secs(100)), secs(20));
    assert_eq!(policy.ahead(secs(86_400)), secs(300));
    assert_eq!(policy.settle(secs(5)), Duration::from_millis(500));
    assert_eq!(policy.settle(secs(3600)), secs(2));
    assert_eq!(policy.leeway(Duration::ZERO), Duration::ZERO);
}

#[test]
fn rests_and_gates_double_up_to_their_caps() {
    let policy = Policy::new();
    let seconds = |f: &dyn Fn(u32) -> Duration| [0, 1, 2, 5, 6, 31, 32, u32::MAX].map(|n| f(n).as_secs());
    assert_eq!(seconds(&|n| policy.backoff(n)), [1, 2, 4, 32, 60, 60, 60, 60]);
    assert_eq!(seconds(&|n| policy.cooldown(n)), [10, 20, 40, 300, 300, 300, 300, 300]);
    assert_eq!([1, 2, 3, 4, 5].map(|n| policy.gate(n).as_secs()), [10, 20, 40, 60, 60]);
}

#[test]
fn no_setter_can_break_a_bound_or_a_relation() {
    let odd = [Duration::ZERO, Duration::from_nanos(1), secs(1), secs(100_000), Duration::MAX];
    for a in odd {
        for b in odd {
            let policy = Policy::new()
                .with_min_interval(a)
                .with_attempt_timeout(b)
                .with_max_lifetime(a)
                .with_default_lifetime(b)
                .with_gate(a, b)
                .with_settle(a)
                .with_backoff(a, b)
                .with_cooldown(b, a)
                .with_leeway(a)
                .with_ahead(b)
                .with_patience(a)
                .with_retry_after_cap(b)
                .with_max_waiters(0);
            assert!(policy.min_interval() >= SHORTEST && policy.min_interval() <= policy.attempt_timeout());
            assert!(policy.attempt_timeout() <= 10 * MINUTE);
            assert!(
                policy.default_lifetime() >= SHORTEST && policy.default_lifetime() <= policy.max_lifetime()
            );
            assert!(policy.settle < policy.young && policy.young <= policy.gate_cap);
            assert!(policy.backoff.0 >= SHORTEST && policy.backoff.0 <= policy.backoff.1);
            assert!(policy.cooldown.0 >= SHORTEST && policy.cooldown.0 <= policy.cooldown.1);
            assert!(policy.leeway >= SHORTEST && policy.ahead >= SHORTEST && policy.patience >= SHORTEST);
            assert_eq!(policy.max_waiters(), 1);
        }
    }
}
