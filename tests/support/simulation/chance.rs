//! Chance from a seed: the same number is always the same sequence, on every machine and in every version.
//!
//! SplitMix64 (Steele, Lea, Flood 2014, the reference constants): small, fast, and written down here so that a seed in an old
//! report still names the same world.

/// A sequence of chances.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The sequence of a seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of the nth part of something that has a seed itself.
    pub fn part(seed: u64, nth: u64) -> u64 {
        let mut chance = Self(seed ^ nth.wrapping_mul(0xd134_2543_de82_ef95));
        chance.number();
        chance.number()
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not zero.
    pub const fn below(&mut self, bound: u32) -> u32 {
        // The high half times the bound: no worse than one in 2³² is uneven, and nothing here needs better.
        (((self.number() >> 32) * bound as u64) >> 32) as u32
    }

    /// A number of this span, its end excluded.
    pub const fn within(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to - from)
    }

    /// Yes, so many times in a thousand.
    pub const fn is(&mut self, of_a_thousand: u32) -> bool {
        self.below(1000) < of_a_thousand
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_is_the_published_one() {
        let mut chance = Chance::of(1_234_567);
        assert_eq!([chance.number(), chance.number()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
