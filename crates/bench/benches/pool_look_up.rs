//! Finding a tenant's source in a pool, beside the least that finds anything by its key.
//!
//!     cargo bench -p evergrant-bench --bench pool_look_up

use evergrant_bench::tenants::{Shards, key, pool};
use evergrant_bench::{Group, Side, run};
use evergrant_tokio_reqwest::TokensPool;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TENANTS: usize = 1000;
const TOKEN: usize = 1024;
/// How many each thread asks for in turn, where there are several.
const IN_TURN: usize = 64;

fn main() {
    let subjects = Subjects {
        floor: Arc::new(Shards::new((0..TENANTS).map(|number| (key(number), number)))),
        pool: pool(TENANTS, TOKEN),
    };
    run(&[
        Group::new("a tenant's source: the same tenant", subjects.sides(1, Whose::Everyones)),
        Group::new("a tenant's source: 64 tenants in turn", subjects.sides(IN_TURN, Whose::Everyones)),
        Group::new("a tenant's source: the same tenant", subjects.sides(1, Whose::Everyones)).on_threads(2),
        Group::new("a tenant's source: 64 tenants of each thread's own", subjects.sides(IN_TURN, Whose::Own))
            .on_threads(2),
    ]);
}

struct Subjects {
    floor: Arc<Shards<usize>>,
    pool: TokensPool<String>,
}

/// Whether all threads ask for the same tenants.
#[derive(Clone, Copy)]
enum Whose {
    Everyones,
    Own,
}

impl Subjects {
    fn sides(&self, tenants: usize, whose: Whose) -> Vec<Side> {
        let (floor, pool, there) = (Arc::clone(&self.floor), self.pool.clone(), self.pool.clone());
        vec![
            side("floor: sharded `RwLock<HashMap>`, `Arc` clone", tenants, whose, move |key| {
                floor.find(black_box(key)).is_some()
            }),
            side("`pool.tokens(&key)`", tenants, whose, move |key| pool.tokens(black_box(key)).is_ok()),
            side("`pool.get(&key)`", tenants, whose, move |key| there.get(black_box(key)).is_some()),
        ]
    }
}

fn side<F>(name: &'static str, tenants: usize, whose: Whose, look_up: F) -> Side
where
    F: Fn(&String) -> bool + Clone + Send + Sync + 'static,
{
    let threads = AtomicUsize::new(0);
    Side::new(name, move || {
        let first = match whose {
            Whose::Everyones => 0,
            Whose::Own => threads.fetch_add(1, Ordering::Relaxed) * tenants % TENANTS,
        };
        let keys: Vec<String> = (first..first + tenants).map(key).collect();
        let (look_up, mut at) = (look_up.clone(), 0);
        move || {
            at = if at + 1 < keys.len() { at + 1 } else { 0 };
            assert!(look_up(&keys[at]));
        }
    })
}
