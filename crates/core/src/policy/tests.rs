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
            let figures = policy.figures();
            let (young, cap) = figures.gate();
            assert!(figures.settle < young && young <= cap);
            assert!(figures.backoff.0 >= SHORTEST && figures.backoff.0 <= figures.backoff.1);
            assert!(figures.cooldown.0 >= SHORTEST && figures.cooldown.0 <= figures.cooldown.1);
            assert!(figures.leeway >= SHORTEST && figures.ahead >= SHORTEST && figures.patience >= SHORTEST);
            assert_eq!(policy.max_waiters(), 1);
        }
    }
}

#[test]
fn each_figure_has_its_default_and_its_bounds() {
    let ms = Duration::from_millis;
    assert_eq!(Policy::default(), Policy::new());
    let whole =
        |figure: fn(&Policy) -> Duration, set: fn(Policy, Duration) -> Policy, bounds: [Duration; 3]| {
            let [least, usual, most] = bounds;
            assert_eq!(figure(&Policy::new()), usual);
            assert_eq!(figure(&set(Policy::new(), Duration::ZERO)), least);
            assert_eq!(figure(&set(Policy::new(), Duration::MAX)), most);
            let between = usual - ms(1);
            assert_eq!(figure(&set(Policy::new(), between)), between);
        };
    whole(Policy::attempt_timeout, Policy::with_attempt_timeout, [ms(1), secs(10), secs(600)]);
    whole(Policy::min_interval, Policy::with_min_interval, [ms(1), secs(1), secs(10)]);
    whole(Policy::patience, Policy::with_patience, [ms(1), secs(30), secs(86_400)]);
    whole(Policy::default_lifetime, Policy::with_default_lifetime, [ms(1), secs(3600), secs(366 * 86_400)]);
    whole(Policy::max_lifetime, Policy::with_max_lifetime, [ms(1), secs(366 * 86_400), secs(366 * 86_400)]);
    whole(Policy::retry_after_cap, Policy::with_retry_after_cap, [ms(1), secs(3600), secs(86_400)]);
    // A long life shows the caps alone.
    let long =
        |figure: fn(&Policy, Duration) -> Duration| move |policy: &Policy| figure(policy, Duration::MAX);
    let caps = |set: fn(Policy, Duration) -> Policy,
                figure: fn(&Policy, Duration) -> Duration,
                bounds: [Duration; 3]| {
        let (figure, [least, usual, most]) = (long(figure), bounds);
        assert_eq!(figure(&Policy::new()), usual);
        assert_eq!(figure(&set(Policy::new(), Duration::ZERO)), least);
        assert_eq!(figure(&set(Policy::new(), Duration::MAX)), most);
    };
    caps(Policy::with_leeway, Policy::leeway, [ms(1), secs(30), secs(3600)]);
    caps(Policy::with_ahead, Policy::ahead, [ms(1), secs(300), secs(86_400)]);
    caps(Policy::with_settle, Policy::settle, [ms(1), secs(2), secs(60)]);

    let rest =
        |policy: Policy| [policy.backoff(0), policy.backoff(99), policy.cooldown(0), policy.cooldown(99)];
    assert_eq!(rest(Policy::new()), [secs(1), secs(60), secs(10), secs(300)]);
    let (none, endless) = (Duration::ZERO, Duration::MAX);
    let short = Policy::new().with_backoff(none, none).with_cooldown(none, none);
    assert_eq!(rest(short), [ms(1); 4]);
    let long = Policy::new().with_backoff(endless, endless).with_cooldown(endless, endless);
    assert_eq!(rest(long), [secs(3600); 4]);
    let gate = |policy: Policy| [policy.gate(1), policy.gate(99), policy.gate_decay()];
    assert_eq!(gate(Policy::new()), [secs(10), secs(60), secs(120)]);
    assert_eq!(gate(Policy::new().with_gate(endless, none)), [secs(3600), secs(3600), secs(7200)]);
    // Above settle, which is 2 s.
    assert_eq!(gate(Policy::new().with_gate(none, none)), [ms(2001), ms(2001), ms(4002)]);
    assert_eq!(gate(Policy::new().with_settle(endless)), [ms(60_001), ms(60_001), ms(120_002)]);
    let waiters = |n| Policy::new().with_max_waiters(n).max_waiters();
    assert_eq!([waiters(0), waiters(5), waiters(usize::MAX)], [1, 5, 1_048_576]);
    assert_eq!(Policy::new().max_waiters(), 16_384);
    assert!(Policy::new().jitter() && !Policy::new().with_jitter(false).jitter());
}

#[test]
fn a_policy_for_tests_waits_for_milliseconds_and_gives_up_after_seconds() {
    let ms = Duration::from_millis;
    let policy = Policy::for_tests();
    assert_eq!((policy.min_interval(), policy.settle(HOUR)), (ms(1), ms(1)));
    assert_eq!([1, 2, 99].map(|nth| policy.gate(nth)), [ms(2); 3]);
    assert_eq!([0, 1, 2, 99].map(|before| policy.backoff(before)), [5, 10, 20, 20].map(ms));
    assert_eq!([0, 1, 2, 99].map(|before| policy.cooldown(before)), [5, 10, 20, 20].map(ms));
    // Longer than what is slow on loopback, and one attempt that hangs leaves time for the next.
    assert_eq!((policy.attempt_timeout(), policy.patience()), (secs(2), secs(5)));
    assert!(policy.attempt_timeout() + GRACE + policy.backoff(0) < policy.patience());
    assert!(!policy.jitter());
}

#[test]
fn a_policy_for_tests_believes_what_the_default_does_of_lives_and_retry_after() {
    let (tests, usual) = (Policy::for_tests(), Policy::new());
    assert_eq!(tests.retry_after_cap(), usual.retry_after_cap());
    assert_eq!((tests.leeway(DAY), tests.ahead(DAY)), (usual.leeway(DAY), usual.ahead(DAY)));
    let lives = |policy: &Policy| (policy.default_lifetime(), policy.max_lifetime(), policy.max_waiters());
    assert_eq!(lives(&tests), lives(&usual));
}

#[test]
fn a_gate_has_as_many_levels_as_it_takes_to_its_cap() {
    let levels = |young, cap| Policy::new().with_settle(SHORTEST).with_gate(young, cap).gate_levels();
    assert_eq!(Policy::new().gate_levels(), 4);
    assert_eq!(levels(secs(10), secs(10)), 1);
    assert_eq!(levels(secs(10), secs(20)), 2);
    assert_eq!(levels(secs(10), secs(21)), 3);
    assert_eq!(levels(2 * SHORTEST, secs(3600)), 22);
    for policy in [Policy::new(), Policy::new().with_gate(2 * SHORTEST, secs(3600))] {
        assert_eq!(policy.gate(policy.gate_levels()), policy.gate(u32::MAX));
        assert!(policy.gate(policy.gate_levels() - 1) < policy.gate(u32::MAX));
    }
}

#[test]
fn a_clone_shares_the_figures_until_one_of_them_changes() {
    let mine = Policy::new().with_leeway(secs(7));
    let yours = mine.clone();
    assert!(core::ptr::eq(mine.figures(), yours.figures()));
    let yours = yours.with_ahead(secs(9));
    assert_eq!((mine.leeway(HOUR), mine.ahead(HOUR)), (secs(7), secs(300)));
    assert_eq!((yours.leeway(HOUR), yours.ahead(HOUR)), (secs(7), secs(9)));
}

/// What they decide makes two policies equal, not where their figures lie.
#[test]
fn equal_figures_make_equal_policies() {
    let set = Policy::new().with_jitter(true);
    assert_eq!((&set, hash(&set)), (&Policy::new(), hash(&Policy::new())));
    let other = Policy::new().with_jitter(false);
    assert!(other != set && hash(&other) != hash(&set));
    assert_eq!(alloc::format!("{set:?}"), alloc::format!("{:?}", Policy::default()));
    assert!(alloc::format!("{other:?}").contains("jitter: false"));
}

fn hash(policy: &Policy) -> u64 {
    extern crate std;
    let mut hasher = std::hash::DefaultHasher::new();
    policy.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn the_order_of_setters_never_matters() {
    let s = Duration::from_secs;
    let setters: [fn(Policy) -> Policy; 6] = [
        |policy| policy.with_min_interval(Duration::from_secs(20)),
        |policy| policy.with_attempt_timeout(Duration::from_secs(30)),
        |policy| policy.with_default_lifetime(Duration::from_secs(100 * 86_400)),
        |policy| policy.with_max_lifetime(Duration::from_secs(200 * 86_400)),
        |policy| policy.with_settle(Duration::from_secs(15)),
        |policy| policy.with_gate(Duration::from_secs(12), Duration::from_secs(13)),
    ];
    let made = |order: &[usize]| order.iter().fold(Policy::new(), |policy, at| setters[*at](policy));
    let first = made(&[0, 1, 2, 3, 4, 5]);
    for start in 0..6 {
        let forwards: alloc::vec::Vec<usize> = (0..6).map(|at| (start + at) % 6).collect();
        let backwards: alloc::vec::Vec<usize> = forwards.iter().rev().copied().collect();
        assert_eq!((made(&forwards), made(&backwards)), (first.clone(), first.clone()));
    }
    assert_eq!((first.min_interval(), first.attempt_timeout()), (s(20), s(30)));
    assert_eq!(first.default_lifetime(), s(100 * 86_400));
    // The gate gives way to what a token needs to settle.
    let young = s(15) + Duration::from_millis(1);
    assert_eq!((first.settle(s(86_400)), first.gate(1), first.gate(9)), (s(15), young, young));
}
