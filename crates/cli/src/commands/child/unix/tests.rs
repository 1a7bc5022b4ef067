use super::*;

#[test]
fn only_what_the_kernel_sends_to_a_whole_group_is_kept_back() {
    for leads in [false, true] {
        let kept: Vec<i32> = PASSED_ON
            .into_iter()
            .filter(|(_, signal)| is_for_a_group(*signal, leads))
            .map(|(number, _)| number)
            .collect();
        // Of a hangup the leader of a session must tell the others.
        assert_eq!(kept, if leads { vec![SIGINT, SIGQUIT] } else { vec![SIGHUP, SIGINT, SIGQUIT] });
    }
}
