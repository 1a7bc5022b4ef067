use super::sparkline;

#[test]
fn the_highest_fills_its_place_and_only_nothing_is_a_gap() {
    assert_eq!(sparkline(&[0, 1, 400, 500, 1000], true), " ▁▄▄█");
    assert_eq!(sparkline(&[0, 1, 400, 500, 1000], false), " .-=#");
    assert_eq!(sparkline(&[0, 0], true), "  ");
    assert_eq!(sparkline(&[], true), "");
    assert_eq!(sparkline(&[u64::MAX, 1], false), "#.");
}
