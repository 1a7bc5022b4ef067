//! What the tests share: a secret that no code holds, and a look for it in the memory of this process.
#![cfg(target_os = "linux")]

use std::fs::{File, read_to_string};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::BufRead as _;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// What is looked for is kept under this mask, so that the search does not find itself.
const MASK: u8 = 0x80;

/// How much of the text is looked for, in bytes. An allocator writes over the beginning of what is freed, so the end is.
const TAIL: usize = 48;

/// One at a time: a search copies what it looks through.
static SEARCH: Mutex<()> = Mutex::new(());

/// A secret that no code holds, and that is looked for in memory. No other test searches meanwhile.
pub(crate) struct Sentinel {
    masked: Masked,
    _alone: MutexGuard<'static, ()>,
}

/// A text that is looked for in memory, 48 bytes or longer.
pub(crate) struct Masked(Vec<u8>);

impl Sentinel {
    /// A text of 96 letters, different for each `name`.
    pub(crate) fn new(name: &str) -> Self {
        let alone = SEARCH.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = DefaultHasher::new();
        let mut letter = |place: usize| {
            (name, place).hash(&mut state);
            b'a' + (state.finish() % 26) as u8
        };
        // The rare letter is where the search begins.
        let letters = (0..2 * TAIL).map(|place| if place == TAIL { b'Z' } else { letter(place) });
        Self { masked: Masked(letters.map(|letter| letter ^ MASK).collect()), _alone: alone }
    }

    /// The text itself, wiped after use.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let Masked(masked) = &self.masked;
        let mut text = Zeroizing::new(String::with_capacity(masked.len()));
        text.extend(masked.iter().map(|byte| char::from(byte ^ MASK)));
        text
    }

    /// In how many places of this process's memory the text is.
    pub(crate) fn copies(&self) -> usize {
        self.masked.copies()
    }
}

impl Masked {
    /// Of a text that is in memory now.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ MASK).collect())
    }

    fn tail(&self) -> &[u8] {
        &self.0[self.0.len() - TAIL..]
    }

    /// In how many places of this process's memory the text is.
    pub(crate) fn copies(&self) -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let mut piece = Zeroizing::new(vec![0; 1 << 16]);
        let own = piece.as_ptr() as u64..piece.as_ptr() as u64 + piece.len() as u64;
        let mut copies = 0;
        for (mut at, end) in writable() {
            while at < end {
                let length = piece.len().min((end - at) as usize);
                let Ok(read @ 1..) = memory.read_at(&mut piece[..length], at) else { break };
                let found = self.places(&piece[..read]);
                copies += found.filter(|place| !own.contains(&(at + *place as u64))).count();
                // What lies across two pieces is in the second one as a whole.
                at += if read == length && at + (length as u64) < end {
                    (length - TAIL + 1) as u64
                } else {
                    read as u64
                };
            }
        }
        copies
    }

    fn places<'a>(&'a self, piece: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let (mut rest, tail) = (piece, self.tail());
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                rest.skip_until(tail[0] ^ MASK).unwrap();
                let place = piece.len() - rest.len() - 1;
                let mut window = piece[place..].iter().zip(tail);
                if window.len() == TAIL && window.all(|(seen, masked)| seen ^ MASK == *masked) {
                    return Some(place);
                }
            }
            None
        })
    }
}

/// The regions of memory that can be written: secrets are in no other.
fn writable() -> Vec<(u64, u64)> {
    let maps = read_to_string("/proc/self/maps").unwrap();
    let region = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        rest.starts_with("rw").then_some((number(start)?, number(end)?))
    };
    maps.lines().filter_map(region).collect()
}
