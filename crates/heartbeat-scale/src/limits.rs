//! Where DynamoDB stops, and how many shards keep an index away from there.

use crate::{partition::WRITES_PER_SECOND, usage::INDEX_WRITES};

/// Write units a second that a new on-demand table, or index, takes at once.
pub(crate) const NEW_TABLE_WRITES: f64 = 4_000.0;
/// Write units a second that an account may use on one table before it asks AWS for more.
pub(crate) const TABLE_QUOTA: f64 = 40_000.0;
/// The numbers of shards to choose from.
pub(crate) const SHARDS: [u16; 3] = [16, 64, 256];

/// Pings a second that one shard of the index takes.
pub(crate) fn pings_per_shard() -> f64 {
    f64::from(WRITES_PER_SECOND) / INDEX_WRITES
}

/// How many shards a rate needs if they were filled evenly.
pub(crate) fn shards_needed(pings_per_second: f64) -> f64 {
    (pings_per_second / pings_per_shard()).ceil().max(1.0)
}

/// The fewest of [`SHARDS`] that carry a rate; the most there are when none does.
pub(crate) fn shards_for(pings_per_second: f64) -> u16 {
    let needed = shards_needed(pings_per_second);
    SHARDS.into_iter().find(|&shards| f64::from(shards) >= needed).unwrap_or(256)
}

/// How often a new table must double before it takes `writes` units a second.
pub(crate) fn doublings(writes: f64) -> u32 {
    std::iter::successors(Some(NEW_TABLE_WRITES), |limit| Some(limit * 2.0))
        .zip(0..)
        .find(|(limit, _)| *limit >= writes)
        .map_or(0, |(_, doublings)| doublings)
}

/// Partitions of a table that is warm for `writes` units a second, with a quarter to spare: they come by halving.
pub(crate) fn warm_partitions(writes: f64) -> u32 {
    std::iter::successors(Some(4_u32), |partitions| partitions.checked_mul(2))
        .find(|&partitions| f64::from(partitions * WRITES_PER_SECOND) >= writes * 1.25)
        .unwrap_or(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_hash_key_tops_out_at_500_pings_a_second() {
        for (rate, shards) in [(1.0, 1.0), (500.0, 1.0), (501.0, 2.0), (8_000.0, 16.0), (8_001.0, 17.0)] {
            assert!((shards_needed(rate) - shards).abs() < 1e-9, "{rate} pings/s");
        }
        assert_eq!([0.0, 8_000.0, 8_001.0, 32_001.0, 1e9].map(shards_for), [16, 16, 64, 256, 256]);
    }

    #[test]
    fn a_table_doubles_until_it_takes_the_peak() {
        assert_eq!([1.0, 4_000.0, 4_001.0, 8_000.0, 33_333.0].map(doublings), [0, 0, 1, 1, 4]);
    }

    #[test]
    fn a_warm_table_has_a_quarter_to_spare() {
        assert_eq!([10.0, 3_200.0, 3_201.0, 333_333.0].map(warm_partitions), [4, 4, 8, 512]);
    }
}
