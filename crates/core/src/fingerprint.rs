//! For the exhaustive searches alone: what a state is known by.

use core::hash::{Hash, Hasher};

/// 128 bits of a world: among 10^8 worlds two of the same fingerprint are less likely than a broken machine.
pub(crate) type Fingerprint = (u64, u64);

pub(crate) fn fingerprint(world: &impl Hash) -> Fingerprint {
    let mut halves = Halves::default();
    world.hash(&mut halves);
    (halves.0, halves.1)
}

/// Two hashes in one pass, by multiplication. The standard library's withstands an enemy who chooses the keys, and took half of the
/// time of a search.
#[derive(Clone, Debug)]
pub(crate) struct Halves(u64, u64);

impl Default for Halves {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f)
    }
}

impl Halves {
    fn fold(half: u64, number: u64, odd: u64) -> u64 {
        let product = u128::from(half ^ number) * u128::from(odd);
        (product >> 64) as u64 ^ product as u64
    }
}

impl Hasher for Halves {
    fn write_u64(&mut self, number: u64) {
        self.0 = Self::fold(self.0, number, 0xa076_1d64_78bd_642f).wrapping_add(number);
        self.1 = Self::fold(self.1, number.rotate_left(29), 0xe703_7ed1_a0b4_28db).wrapping_add(number);
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(number));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
