use super::*;
use alloc::string::ToString;

#[test]
fn numbers_below_600_are_written_as_everywhere_else_and_there_are_no_more() {
    for number in 0..600 {
        assert_eq!(decimal(number), Some(&*number.to_string()));
    }
    assert_eq!((decimal(600), decimal(u16::MAX)), (None, None));
}
