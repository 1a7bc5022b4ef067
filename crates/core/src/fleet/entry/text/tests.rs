use super::*;
use crate::error::Class;
use crate::fleet::{Claim, Fail, Put, Reply, Stamp};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

const NOW: StoreTime = StoreTime::from_millis(1_767_225_600_000);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn claimed(entry: &mut Entry, now: StoreTime) -> Stamp {
    let claim = Claim {
        claimant: Claimant::new([7; 16]),
        dropped: None,
        held: None,
        lease: Some(seconds(11)),
        young: seconds(10),
    };
    match entry.claim(now, &claim) {
        Reply::Claimed { stamp, .. } => stamp,
        other => panic!("{other:?}"),
    }
}

/// An entry in each of its states.
fn entries() -> Vec<Entry> {
    let mut entries = Vec::from([Entry::default()]);
    let mut entry = Entry::default();
    let claimant = Claimant::new([7; 16]);
    let stamp = claimed(&mut entry, NOW);
    entries.push(entry.clone());
    let said = Said::parse("permanent 401 invalid_client");
    let base = seconds(10);
    for (counts, said) in [(false, None), (true, said), (true, None)] {
        let mut failed = entry.clone();
        let fail =
            Fail { claimant, stamp, counts, base, cap: seconds(300), told: seconds(0), spread: 7, said };
        assert_eq!(failed.fail(NOW, &fail), Reply::Noted);
        entries.push(failed);
    }
    let put = Put {
        claimant,
        stamp,
        print: Print::new([1; 8]),
        sealed: Sealed::new(b"\x00\xff opaque"),
        ends_in: seconds(3600),
        due_in: seconds(3000),
        life: seconds(3601),
    };
    assert_eq!(entry.put(NOW, &put), Reply::Kept);
    entries.push(entry.clone());
    let _ = claimed(&mut entry, NOW.after(seconds(4000)));
    entries.push(entry);
    entries
}

#[test]
fn an_entry_in_each_state_is_read_as_it_was_written() {
    for entry in entries() {
        let text = entry.to_string();
        assert_eq!(Entry::parse(&text), Some(entry), "{text}");
    }
}

#[test]
fn the_text_stays_as_it_is() {
    let text = "evergrant-entry 1\nchanged 1767225600000\nfences 1767225600000 0 1767225600000\ntoken 0101010101010101 1767229200000 1767228600000 \
                3601000 1767225600000 AP8gb3BhcXVl\nend\n";
    assert_eq!(entries()[5].to_string(), text);
    let said = "evergrant-entry 1\nchanged 1767225600000\nfences 0 0 1767225600000\nrest 1767225605035 1 permanent 401 invalid_client\nend\n";
    assert_eq!(entries()[3].to_string(), said);
    assert_eq!(Said::parse("permanent 401 invalid_client").unwrap().refusal(None).class(), Class::Permanent);
}

#[test]
fn what_was_cut_off_or_changed_is_no_entry() {
    for entry in entries() {
        let text = entry.to_string();
        for end in 0..text.len() {
            assert_eq!(Entry::parse(&text[..end]), None, "{end} bytes of {text}");
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for at in 0..lines.len() {
            let twice: String = lines[..=at].iter().chain(&lines[at..]).copied().collect();
            assert_eq!(Entry::parse(&twice), None, "{twice}");
        }
        assert_eq!(Entry::parse(&(text.clone() + "\n")), None);
        assert_eq!(Entry::parse(&text.replace("entry 1", "entry 2")), None);
        assert_eq!(
            Entry::parse(&text.replace("fences 0", "fences +0")),
            Some(entry).filter(|_| !text.contains("fences 0"))
        );
    }
    for text in [
        "",
        "\n",
        "evergrant-entry 1\nend\n",
        "evergrant-entry 1\nfences 0 0\nend\n",
        "evergrant-entry 1\nfences 0 0 0 0\nend\n",
        "evergrant-entry 1\nfences 0 0 0 \nend\n",
        "evergrant-entry 1\nfences 0 0 18446744073709551616\nend\n",
        "evergrant-entry 1\nfences 0 0 0\nrest 0 0\nend\n",
        "evergrant-entry 1\nfences 0 0 0\nrest 0 4294967296 -\nend\n",
        "evergrant-entry 1\nfences 0 0 0\nrest 0 0 transient\nend\n",
        "evergrant-entry 1\nfences 0 0 0\nclaim 07 0 0 0\nend\n",
        "evergrant-entry 1\nfences 0 0 0\ntoken 0101010101010101 0 0 0 0 *\nend\n",
        "evergrant-entry 1\nfences 0 0 0\nother\nend\n",
        "evergrant-entry 1\nfences 0 0 0\nend \nend\n",
    ] {
        assert_eq!(Entry::parse(text), None, "{text:?}");
    }
}
