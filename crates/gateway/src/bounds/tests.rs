use super::{Bounds, Full};
use crate::access::Caller;

fn caller(name: &str) -> Caller {
    Caller::Key(name.into())
}

#[test]
fn a_caller_that_is_alone_may_take_everything() {
    for keys in [&["shop"][..], &[]] {
        let bounds = Bounds::new(3, keys.iter().copied());
        let places: Vec<_> = (0..3).map(|_| bounds.admit(&caller("shop")).unwrap()).collect();
        assert!(bounds.admit(&caller("shop")).is_none() && bounds.admit(&Caller::Anyone).is_none());
        drop(places);
        assert!(bounds.admit(&Caller::Anyone).is_some());
        // A queue has a bound of its own.
        let queued: Vec<_> = (0..3).map(|_| bounds.queue(&caller("shop"), 1).unwrap()).collect();
        assert_eq!(queued.iter().all(Option::is_some), !keys.is_empty());
    }
}

#[test]
fn what_a_caller_took_while_it_was_alone_counts_when_another_comes() {
    let alone = Bounds::new(4, ["shop"].into_iter());
    let mut places: Vec<_> = (0..3).map(|_| alone.admit(&caller("shop")).unwrap()).collect();
    let both = alone.next(["shop", "office"].into_iter());
    assert!(both.admit(&caller("shop")).is_none() && both.admit(&caller("office")).is_some());
    // It has its half once it has less than that.
    places.truncate(1);
    assert!(both.admit(&caller("shop")).is_some());
    let alone = both.next(["shop"].into_iter());
    places.extend((0..3).map(|_| alone.admit(&caller("shop")).unwrap()));
    assert!(alone.admit(&caller("shop")).is_none());
}

#[test]
fn each_of_several_has_half_at_most_and_all_together_no_more_than_there_is() {
    let bounds = Bounds::new(5, ["shop", "office", "shop"].into_iter());
    let mut shop: Vec<_> = (0..3).map(|_| bounds.admit(&caller("shop")).unwrap()).collect();
    assert!(bounds.admit(&caller("shop")).is_none());
    let office: Vec<_> = (0..2).map(|_| bounds.admit(&caller("office")).unwrap()).collect();
    // There is none left; the try costs nobody anything.
    assert!(bounds.admit(&caller("office")).is_none());
    shop.pop();
    assert!(bounds.admit(&caller("office")).is_some());
    drop(office);
    assert!(bounds.admit(&caller("shop")).is_some());
}

#[test]
fn a_queue_is_shared_likewise() {
    let bounds = Bounds::new(100, ["shop", "office"].into_iter());
    let first = bounds.queue(&caller("shop"), 3).unwrap();
    let second = bounds.queue(&caller("shop"), 3).unwrap();
    assert_eq!(bounds.queue(&caller("shop"), 3).err(), Some(Full));
    assert!(bounds.queue(&caller("office"), 3).unwrap().is_some());
    drop((first, second));
    assert!(bounds.queue(&caller("shop"), 3).unwrap().is_some());
}

#[test]
fn one_of_several_has_half_of_the_tunnels_at_most() {
    let bounds = Bounds::new(4096, ["shop", "office"].into_iter());
    let mut shop: Vec<_> = std::iter::from_fn(|| bounds.tunnel(&caller("shop"))).collect();
    assert_eq!(shop.len(), 128);
    // They outlive the table that they began with.
    let bounds = bounds.next(["shop", "office"].into_iter());
    assert!(bounds.tunnel(&caller("shop")).is_none());
    let office: Vec<_> = std::iter::from_fn(|| bounds.tunnel(&caller("office"))).collect();
    assert_eq!(office.len(), 128);
    shop.pop();
    assert!(bounds.tunnel(&caller("shop")).is_some());
}
