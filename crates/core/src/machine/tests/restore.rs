//! A token kept from before a restart.

use super::*;

// Conforms: L-35
#[test]
fn i31_a_restored_token_ends_when_the_original_would_have() {
    let mut original = Sim::holding("a", 3600);
    let mut call = original.call();
    let end = original.token(&mut call).use_until().wall;
    let stored = original.machine.export(original.now).unwrap();

    let mut sim = Sim::new();
    sim.now.wall = original.now.wall.after(secs(1000));
    assert!(sim.machine.restore(sim.now, stored.clone()));
    let mut call = sim.call();
    assert_eq!(sim.uses(&mut call), "a");
    assert_eq!(sim.token(&mut call).use_until(), sim.now.after(secs(2570)));
    assert_eq!(sim.token(&mut call).use_until().wall, end);
    assert_eq!(sim.machine.export(sim.now), Some(stored));
}

// Conforms: L-35
#[test]
fn a_restore_is_refused_when_it_could_do_harm() {
    let stored = |sim: &Sim| Stored { token: token("kept"), issued: sim.now.wall, life: secs(3600) };
    // Something is held.
    let mut sim = Sim::holding("a", 3600);
    assert!(!sim.machine.restore(sim.now, stored(&sim)));
    // It was rejected, or rotated away: the request that is due is not blocked by an old token.
    sim.pass(secs(5));
    let mut call = sim.call();
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    assert!(!sim.machine.restore(sim.now, stored(&sim)));
    sim.machine.rotate(sim.now, Rotation::Drop);
    assert!(!sim.machine.restore(sim.now, stored(&sim)));
    // It comes from the future, or nothing is left.
    let mut sim = Sim::new();
    for (ahead, life, taken) in [(61, 3600, false), (60, 3600, true), (0, 0, false)] {
        let kept = Stored { issued: sim.now.wall.after(secs(ahead)), life: secs(life), ..stored(&sim) };
        assert_eq!(sim.machine.clone().restore(sim.now, kept), taken, "{ahead} {life}");
    }
    let kept = stored(&sim);
    sim.pass(secs(3570));
    assert!(!sim.machine.restore(sim.now, kept));
}
