//! Numbers that repeat: SplitMix64, and keys of which few are asked for often.

/// The steps of SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// One from 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Keys of which the first is asked for most: the k-th 1 in k^exponent times as often (Zipf).
#[derive(Debug)]
pub struct Zipf {
    /// Up to each key, how large a part of what is asked for it and those before it are.
    shares: Vec<f64>,
}

impl Zipf {
    /// So many keys.
    pub fn new(keys: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut shares: Vec<f64> = (1..=keys)
            .map(|key| {
                sum += f64::from(key).powf(-exponent);
                sum
            })
            .collect();
        shares.iter_mut().for_each(|share| *share /= sum);
        Self { shares }
    }

    /// The next key: 0 to the number of keys less one.
    pub fn key(&self, random: &mut Random) -> u64 {
        let share = random.share();
        self.shares.partition_point(|end| *end <= share) as u64
    }
}
