use super::*;

#[test]
fn an_error_says_who_is_at_fault_and_what_to_do() {
    let full = PoolFull {
        retry_after: Duration::from_secs(1),
        sources: 100,
        in_flight: 90,
        waiting: 700,
        held_outside: 10,
    };
    assert_eq!(
        PoolError::Full(full).to_string(),
        "the pool is full: all 100 sources are busy (90 token requests are being sent, 700 callers wait, 10 sources are kept by the \
         program); try again later, or raise max_sources"
    );
    let held = PoolFull { held_outside: 95, ..full };
    assert!(held.to_string().ends_with("drop clones that are not in use, or raise max_sources"), "{held}");
    assert_eq!(
        PoolError::Client("no such tenant".into()).to_string(),
        "no client for this key: no such tenant"
    );
    assert_eq!(PoolError::from(ConfigError::Resource).to_string(), ConfigError::Resource.to_string());
}
