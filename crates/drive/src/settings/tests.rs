use crate::Shared;
use crate::fixture::{self, render, secs};
use evergrant_core::Policy;

#[test]
fn the_order_of_patience_and_policy_does_not_matter() {
    let (settings, _clock) = fixture::settings();
    let policy = Policy::new().with_patience(secs(5));
    let first = Shared::new(settings.clone().patience(secs(7)).policy(policy.clone()), 0, render);
    let last = Shared::new(settings.clone().policy(policy.clone()).patience(secs(7)), 0, render);
    assert_eq!((first.patience(), last.patience()), (secs(7), secs(7)));
    assert_eq!(first.policy(), last.policy());
    assert_eq!(Shared::new(settings.policy(policy), 0, render).patience(), secs(5));
}
