use super::nearest;

#[test]
fn a_nearest_word_is_one_that_may_have_been_meant() {
    let known = ["scope", "token_endpoint", "auth", "client-id"];
    let nearest = |word| nearest(word, &known);
    assert_eq!(nearest("Scopes"), Some("scope"));
    assert_eq!(nearest("token_enpdoint"), Some("token_endpoint"));
    assert_eq!(nearest("endpoint"), Some("token_endpoint"), "it is contained");
    assert_eq!(nearest("client_id"), Some("client-id"));
    assert_eq!(nearest("auht"), Some("auth"));
    for far in ["something_else_altogether", "xy", "no"] {
        assert_eq!(nearest(far), None, "{far}");
    }
}
