//! Random traces: any calls in any order, against a plain map of what each key must have.

use super::*;
use std::collections::BTreeMap;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 >> 8 & 0xffff_ffff).unwrap() % sides
    }
}

/// What an observer knows of a key.
#[derive(Default)]
struct Known {
    /// No request before, whoever makes the source.
    rests_until: Duration,
    failures: u32,
}

// P1, P3, P4, P10
#[test]
fn whatever_happens_a_key_has_one_source_that_sends_and_its_own_token_and_the_pool_is_bounded() {
    for seed in 1..=6 {
        let (mut dice, (settings, clock)) = (Dice(seed * 7919), settings());
        let max_sources = [1, 5, 16, 40][dice.roll(4) as usize];
        let pool = pool(settings.max_sources(max_sources).max_flights(6).idle(secs(60)));
        let mut known: BTreeMap<u32, Known> = BTreeMap::new();
        let mut flights: Vec<(u32, FlightGuard<String>)> = Vec::new();
        let mut clones: Vec<(u32, Tenant)> = Vec::new();
        let mut time = Duration::ZERO;
        for _ in 0..3000 {
            let tenant = dice.roll(60);
            match dice.roll(12) {
                0..=5 => {
                    let Ok(source) = pool.tokens(&tenant) else { continue };
                    assert_eq!(source.shared().client().unwrap().client_id(), tenant.to_string(), "P4");
                    match ask(&source) {
                        Next::Send(guard, report) => {
                            drop(report);
                            let rests = known.entry(tenant).or_default().rests_until;
                            assert!(time >= rests, "P10: {tenant} is asked within its rest");
                            assert!(
                                flights.iter().all(|(other, _)| *other != tenant),
                                "P1: {tenant} sends twice"
                            );
                            flights.push((tenant, guard));
                        }
                        Next::Use(snapshot) => {
                            assert_eq!(snapshot.token().value().expose(), format!("token-of-{tenant}"), "P4");
                        }
                        Next::Wait(_) | Next::Fail(_) => {}
                    }
                    if dice.roll(4) == 0 {
                        clones.push((tenant, source));
                    }
                }
                6 | 7 if !flights.is_empty() => {
                    let (tenant, guard) = flights.swap_remove(dice.roll(flights.len() as u32) as usize);
                    let known = known.entry(tenant).or_default();
                    if dice.roll(3) > 0 {
                        drop(guard.land(grant(&format!("token-of-{tenant}"), 600)));
                        *known = Known::default();
                    } else {
                        drop(guard.land(refused(Class::Permanent, 401)));
                        known.rests_until = time + secs(10 << known.failures.min(5)).min(secs(300));
                        known.failures += 1;
                    }
                }
                8 if !clones.is_empty() => {
                    clones.swap_remove(dice.roll(clones.len() as u32) as usize);
                }
                9 if flights.iter().all(|(other, _)| *other != tenant) => {
                    pool.remove(&tenant);
                    known.remove(&tenant);
                    clones.retain(|(other, _)| *other != tenant);
                }
                10 => {
                    // No flight is given up by time alone.
                    flights.clear();
                    known.clear();
                    clones.clear();
                    for tenant in 0..60 {
                        pool.remove(&tenant);
                    }
                }
                _ => {
                    let by = ms(u64::from(dice.roll(3000)));
                    if flights.is_empty() {
                        time += by;
                        clock.advance(by);
                    }
                }
            }
            let status = pool.status();
            assert!(status.sources <= max_sources + max_sources / 16, "P3: {}", status.sources);
            assert_eq!(status.sources, pool.0.count.load(Ordering::Relaxed), "none is lost");
            assert!(status.in_flight <= 6 && status.in_flight >= flights.len(), "{}", status.in_flight);
        }
    }
}

// P3
#[test]
fn many_thousand_keys_leave_the_pool_as_large_as_it_may_be() {
    let pool = pool(settings().0.max_sources(500));
    let mut dice = Dice(42);
    for _ in 0..20_000 {
        drop(pool.tokens(&dice.roll(1_000_000)).unwrap());
    }
    let status = pool.status();
    assert_eq!(status.sources, 500);
    assert_eq!(status.misses - status.evicted_for_capacity, 500);
    assert_eq!(status.hits + status.misses, 20_000);
}

// P10
#[test]
fn tenants_that_are_refused_fill_the_pool_for_nobody_and_are_asked_by_backoff_alone() {
    let (settings, clock) = settings();
    let pool = pool(settings.max_sources(100));
    let mut requests = BTreeMap::new();
    for round in 0..200_u32 {
        for tenant in 0..90 {
            let source = pool.tokens(&(1000 + tenant)).unwrap();
            if let Next::Send(guard, report) = ask(&source) {
                drop(report);
                *requests.entry(tenant).or_insert(0_u32) += 1;
                drop(guard.land(refused(Class::Permanent, 401)));
            }
        }
        // Twenty others come and go, and need their places.
        for tenant in 0..20 {
            let tenant = round * 20 + tenant + 100_000;
            drop(holding(&pool, tenant));
        }
        clock.advance(secs(1));
    }
    // One source alone asks after 0, 10, 30, 70 and 150 s.
    assert!(requests.values().all(|requests| *requests <= 5), "{requests:?}");
}
