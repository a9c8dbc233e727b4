//! Chance that is the same everywhere: whole numbers only, from a generator that is named.

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

/// A seeded source of chance.
pub(super) struct SeededRng(Xoshiro256PlusPlus);

impl SeededRng {
    pub(super) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// From 0 to below `bound`; 0 where that is 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// From `low` to `high`, both possible.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, times: u32) -> bool {
        self.below(100) < times
    }

    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

/// Favourites: the thing of rank `r` is chosen in proportion to 1 / (r + `flatness`), as in Zipf's law.
pub(super) struct WeightedSampler {
    /// Things, the best liked first.
    ranking: Vec<u32>,
    /// Sums of the weights up to each rank.
    sums: Vec<u64>,
}

impl WeightedSampler {
    pub(super) fn new(ranking: Vec<u32>, flatness: u64) -> Self {
        let weights = (0..ranking.len() as u64).map(|rank| 1_000_000_000 / (rank + flatness));
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect(), ranking }
    }

    /// One of them; `None` where there are none.
    pub(super) fn choose(&self, rng: &mut SeededRng) -> Option<usize> {
        let total = u128::from(*self.sums.last()?);
        let point = ((u128::from(rng.0.next_u64()) * total) >> 64) as u64;
        let rank = self.sums.partition_point(|sum| *sum <= point);
        self.ranking.get(rank).map(|thing| *thing as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_bounds_and_reach_both_ends() {
        let mut rng = SeededRng::new(7);
        let rolls: Vec<_> = (0..1_000).map(|_| rng.between(1, 6)).collect();
        assert_eq!((rolls.iter().min(), rolls.iter().max()), (Some(&1), Some(&6)));
        assert_eq!((rng.below(0), rng.between(3, 3)), (0, 3));
    }

    #[test]
    fn the_first_of_the_ranking_is_chosen_most_and_the_last_still_is() {
        let mut rng = SeededRng::new(1);
        let favourites = WeightedSampler::new((0..50).rev().collect(), 3);
        let mut counts = [0; 50];
        for _ in 0..20_000 {
            counts[favourites.choose(&mut rng).unwrap()] += 1;
        }
        assert!(counts[49] > 5 * counts[20] && counts[0] > 0, "{counts:?}");
        assert_eq!(WeightedSampler::new(Vec::new(), 3).choose(&mut rng), None);
    }
}
