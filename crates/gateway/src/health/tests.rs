use super::Health;

#[test]
fn it_is_ready_when_each_source_has_had_its_first_token_and_not_while_it_drains() {
    let health = Health::new(false);
    assert!(!health.is_ready() && health.lacks_tokens());
    health.has_tokens();
    assert!(health.is_ready());
    health.drain();
    assert!(!health.is_ready() && !health.lacks_tokens());
}

#[test]
fn that_may_be_waived() {
    let health = Health::new(true);
    assert!(health.is_ready());
}
