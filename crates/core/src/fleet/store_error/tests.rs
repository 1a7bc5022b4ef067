use super::*;
use crate::error::{Cause, Error};

#[test]
fn whoever_runs_the_program_hears_what_is_wrong_with_the_store_and_its_callers_that_it_is_down() {
    let cause = Cause::NotSent(StoreError::refused("/srv/cache/orders: no space is left").into());
    assert!(!cause.is_permanent());
    let error = Error::Failed { cause, retry_after: core::time::Duration::ZERO };
    let words = "no access token: the token request was not sent: the store refused: /srv/cache/orders: no space is left; check";
    assert!(error.to_string().starts_with(words), "{error}");
    let outward = "no access token: the token request was not sent: the store that processes share is down";
    assert_eq!(error.outward().to_string(), outward);
}
