//! Random texts, the same for the same seed.

/// SplitMix64.
pub struct Random(u64);

/// `CONFIG_SEED` in the environment gives other cases than the usual ones.
pub fn seed() -> u64 {
    std::env::var("CONFIG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_124)
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Up to `most` of the pieces in a row.
    pub fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}
