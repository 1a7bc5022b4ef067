use rustix::process::{DumpableBehavior, dumpable_behavior};

#[test]
fn no_core_file_holds_a_secret() {
    super::without_core_files();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}
