//! Numbers that look random and are the same on every machine and in every year: the document is compared byte by byte,
//! and `rand` promises neither for its generators.

/// `SplitMix64`, by Sebastiano Vigna (public domain).
pub(crate) struct Random(u64);

impl Random {
    /// The same seed, the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 up to, not including, `end`. The bias of the multiplication is below one in a thousand million.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let high = mix(self.0) >> 32;
        u32::try_from((high * u64::from(end)) >> 32).unwrap_or(0)
    }
}

/// Spreads every bit over all: also a hash of a number.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        // The first output of splitmix64.c for the seed 1234567 is 6457827717110365317.
        assert_eq!(mix(1_234_567_u64.wrapping_add(0x9E37_79B9_7F4A_7C15)), 6_457_827_717_110_365_317);
    }

    #[test]
    fn every_number_below_the_end_comes_about_equally_often() {
        let mut random = Random::new(1);
        let mut seen = [0_u32; 10];
        for _ in 0..100_000 {
            seen[usize::try_from(random.below(10)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| (9_700..10_300).contains(&count)), "{seen:?}");
    }
}
