use super::*;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in the Drop of a payload");
    }
}

#[test]
fn what_panics_is_contained_also_during_another_panic_and_in_its_payload() {
    contained(|| panic!("foreign"));
    contained(|| std::panic::panic_any(Bomb));

    struct Telling;
    impl Drop for Telling {
        fn drop(&mut self) {
            contained(|| panic!("during another panic"));
        }
    }
    let caught = catch_unwind(|| {
        let _telling = Telling;
        panic!("the first");
    });
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"the first"));
}
