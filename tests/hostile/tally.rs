//! What was tried, and what came of it.
// The figures are printed for whoever asks for them.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes, shown as what they stand for.
#[derive(Hash)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// The inputs of one kind, each counted once.
pub(crate) struct Tally {
    kind: &'static str,
    seen: HashSet<u64>,
    outcomes: BTreeMap<&'static str, u64>,
    faults: Vec<String>,
}

impl Tally {
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, seen: HashSet::new(), outcomes: BTreeMap::new(), faults: Vec::new() }
    }

    /// Tries an input that was not tried yet: `read` gives what came of it, or what is wrong with that.
    pub(crate) fn try_once(
        &mut self,
        input: &(impl Hash + fmt::Debug),
        read: impl FnOnce() -> Result<&'static str, String>,
    ) {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            return;
        }
        let outcome = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(wrong)) => {
                self.faults.push(format!("{input:?}: {wrong}"));
                "wrong"
            }
            Err(_) => {
                self.faults.push(format!("{input:?}: a panic"));
                "panic"
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// Prints what was counted, and fails for a panic, a wrong outcome, or fewer inputs than SECURITY.md tells.
    #[track_caller]
    pub(crate) fn assert_harmless(&self) {
        let outcomes: Vec<String> =
            self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        println!("{}: {} distinct, of which {}", self.kind, self.seen.len(), outcomes.join(", "));
        let shown = self.faults.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.faults.is_empty(), "{}: {} of them went wrong:\n{shown}", self.kind, self.faults.len());
        // Of all tests of this process, the inputs that were seen included.
        if let Some(peak) = peak_memory() {
            println!("{} MiB of memory at most", peak / 1024);
            assert!(peak < 256 * 1024, "{peak} KiB of memory");
        }
        let row = include_str!("../../SECURITY.md")
            .lines()
            .find(|line| line.starts_with(&format!("| {} |", self.kind)));
        let told = row.and_then(|row| row.split('|').nth(2)).map(|count| count.replace(' ', ""));
        let told: usize = told.and_then(|count| count.parse().ok()).expect("SECURITY.md tells how many");
        assert!(self.seen.len() >= told, "{}: SECURITY.md tells of {told}", self.kind);
    }
}

/// The most memory that the process has had, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
