use super::*;
use evergrant_core::fleet::{Claim, Claimant};

/// Blocks while somebody holds this.
struct Held(Arc<Mutex<()>>);

impl crate::BlockingStore for Held {
    fn run(&self, _: &Name, _: &Operation, _: Duration) -> Result<Reply, StoreError> {
        drop(self.0.lock());
        Ok(Reply::Free)
    }
}

fn begin(engine: &Engine) -> Command {
    let (claimant, young) = (Claimant::new([1; 16]), Duration::ZERO);
    let look = Operation::Claim(Claim { claimant, dropped: None, held: None, lease: None, young });
    Command::begin(engine, Name::new([1; 16]), look, Duration::MAX)
}

fn poll(command: &mut Command) -> Poll<Result<Reply, StoreError>> {
    command.poll(&mut Context::from_waker(Waker::noop()))
}

fn reply(command: &mut Command) -> Result<Reply, StoreError> {
    loop {
        match poll(command) {
            Poll::Ready(reply) => return reply,
            Poll::Pending => thread::yield_now(),
        }
    }
}

#[test]
fn a_store_that_hangs_has_so_many_threads_at_most_and_takes_none_from_another_one() {
    let gate = Arc::new(Mutex::new(()));
    let engine = |gate: &Arc<Mutex<()>>| Engine::Threads(Arc::new(Held(Arc::clone(gate))), Arc::default());
    let (hung, healthy) = (engine(&gate), engine(&Arc::default()));
    let held = gate.lock().unwrap();
    let mut waiting: Vec<_> = (0..THREADS).map(|_| begin(&hung)).collect();
    assert!(waiting.iter_mut().all(|command| poll(command).is_pending()));
    let refused = StoreError::refused("too many of its commands have not returned");
    assert_eq!(reply(&mut begin(&hung)), Err(refused.clone()));
    assert_eq!(reply(&mut begin(&healthy)), Ok(Reply::Free));
    drop(held);
    for mut command in waiting {
        assert_eq!(reply(&mut command), Ok(Reply::Free));
    }
    // A thread is counted until it ends, which is a moment after its reply.
    while reply(&mut begin(&hung)) == Err(refused.clone()) {
        thread::yield_now();
    }
}
