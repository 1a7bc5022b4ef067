use super::Health;

#[test]
fn it_is_ready_when_each_source_has_had_its_first_token_and_not_while_it_drains() {
    let health = Health::new(2, false);
    assert!(!health.is_ready());
    health.has_token(0);
    health.has_token(0);
    assert!(!health.is_ready(), "one source twice is not two");
    health.has_token(1);
    assert!(health.is_ready());
    health.drain();
    assert!(!health.is_ready());
}

#[test]
fn that_may_be_waived() {
    let health = Health::new(2, true);
    assert!(health.is_ready());
    health.has_token(0);
    assert!(health.is_ready());
}
