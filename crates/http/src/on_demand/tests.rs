use super::OnDemand;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::thread;

fn built<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

#[test]
fn a_value_is_built_once_for_each_key() {
    let values = OnDemand::new();
    let of = |key: &'static str| values.value(key, |key| built(Arc::new(key.len()))).unwrap();
    let (one, two) = (of("one"), of("other"));
    assert_eq!((*one, *two), (3, 5));
    assert!(Arc::ptr_eq(&one, &of("one")) && Arc::ptr_eq(&two, &of("other")));
}

#[test]
fn two_threads_that_build_at_once_get_the_same_value() {
    let (values, both) = (OnDemand::new(), Barrier::new(2));
    // Neither has built before the other has begun.
    let build = || {
        let build = |_: &()| {
            both.wait();
            built(Arc::new(()))
        };
        values.value((), build).unwrap()
    };
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(build);
        (build(), other.join().unwrap())
    });
    assert!(Arc::ptr_eq(&one, &other));
}

#[test]
fn neither_an_error_nor_a_panic_of_a_build_is_kept() {
    let values = OnDemand::new();
    assert_eq!(values.value("key", |_| Err("no roots")), Err("no roots"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        values.value("key", |_| -> Result<_, ()> { panic!("no provider") })
    }));
    assert!(panicked.is_err());
    assert_eq!(values.value("key", |_| built(1)), Ok(1));
    assert_eq!(values.value("key", |_| built(2)), Ok(1));
}

#[test]
fn a_build_may_ask_for_another_value() {
    let values = OnDemand::new();
    let outer = values.value("outer", |_| values.value("inner", |_| built(1)).map(|inner| inner + 1));
    assert_eq!((outer, values.value("inner", |_| built(7))), (Ok(2), Ok(1)));
}
