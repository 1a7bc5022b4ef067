use super::*;

// Conforms: A-45
#[test]
fn two_seeds_differ() {
    let seeds: std::collections::BTreeSet<u64> = (0..10).map(|_| random_seed()).collect();
    assert_eq!(seeds.len(), 10);
}
