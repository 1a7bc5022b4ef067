use super::*;

#[test]
fn the_system_clocks_go_on_together() {
    let (before, coarse) = (SystemClock.now(), SystemClock.coarse());
    let after = SystemClock.now();
    assert!(after.mono >= before.mono);
    // A coarse clock lags by a tick, not by seconds; there is a minute to spare for a busy machine.
    assert!(after.wall.since(coarse.wall) < Duration::from_secs(60));
    assert!(coarse.wall.since(after.wall) < Duration::from_secs(60));
    assert!(coarse.wall > Wall::from_epoch(Duration::from_secs(1_600_000_000)));
}

#[test]
fn a_manual_clock_goes_when_it_is_told_to_and_its_clones_with_it() {
    let clock = ManualClock::new();
    let (same, before) = (clock.clone(), clock.now());
    clock.set_wall(Wall::EPOCH);
    clock.advance(Duration::from_secs(2));
    assert_eq!(same.now().wall, Wall::from_epoch(Duration::from_secs(2)));
    assert_eq!(same.coarse().mono, before.mono.after(Duration::from_secs(2)));
}

#[test]
fn either_of_the_systems_coarse_clocks_ends_what_it_has_reached() {
    let ahead = SystemClock.coarse().after(Duration::from_secs(3600));
    for (mono, wall, reached) in [
        (Mono::ZERO, Wall::EPOCH, true),
        (Mono::ZERO, ahead.wall, true),
        (ahead.mono, Wall::EPOCH, true),
        (ahead.mono, ahead.wall, false),
        (Mono::MAX, Wall::MAX, false),
    ] {
        assert_eq!(SystemClock.coarse_has_reached(Now::new(mono, wall)), reached, "{mono:?} {wall:?}");
    }
}
