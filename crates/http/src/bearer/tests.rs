use super::*;

fn token(text: &str) -> AccessToken {
    AccessToken::new(text).unwrap()
}

#[test]
fn the_header_of_a_token_is_bearer_a_space_and_the_token() {
    assert_eq!(bearer(&token("mF_9.B5f-4.1JqM")), "Bearer mF_9.B5f-4.1JqM");
    let longest = "x".repeat(AccessToken::MAX_LEN);
    assert_eq!(bearer(&token(&longest)), format!("Bearer {longest}"));
}

#[test]
fn debug_of_the_header_does_not_show_the_token() {
    let header = bearer(&token("mF_9.B5f-4.1JqM"));
    assert!(header.is_sensitive() && header.clone().is_sensitive());
    assert_eq!(format!("{header:?}"), "Sensitive");
}

#[test]
fn clones_of_the_header_share_one_allocation() {
    let header = bearer(&token("mF_9.B5f-4.1JqM"));
    assert_eq!(header.clone().as_bytes().as_ptr(), header.as_bytes().as_ptr());
}

#[cfg(target_os = "linux")]
#[test]
fn the_token_of_a_header_is_wiped_with_its_last_clone_and_was_nowhere_else() {
    let sentinel = crate::fixture::Sentinel::new("bearer");
    let token = token(&sentinel.text());
    let header = bearer(&token);
    let clone = header.clone();
    assert_eq!(sentinel.copies(), 2, "the token's own text and the header's");
    drop((token, header));
    assert_eq!(sentinel.copies(), 1, "a clone is still there");
    drop(clone);
    assert_eq!(sentinel.copies(), 0);
}
