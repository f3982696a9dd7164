//! Sampling without replacement, in proportion to whole weights.

use super::stream::{Drawn, Stream};
use crate::ids::EntityId;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// One drawn entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// Which pick it is, from 1.
    pub pick: u32,
    /// The entity to be inspected.
    pub entity: EntityId,
    /// The number that chose it, below the sum of the weights still in the pool.
    pub drawn: Drawn,
}

/// Picks `count` positions of `weights`, in the order in which they were drawn.
pub(super) fn pick(stream: &mut Stream, weights: &[u64], count: usize) -> Vec<(usize, Drawn)> {
    let mut left: Vec<(usize, u64)> = weights.iter().copied().enumerate().collect();
    let mut total: u64 = weights.iter().sum();
    let mut picks = Vec::with_capacity(count);
    while picks.len() < count {
        let Some(of) = NonZeroU64::new(total) else { break };
        let drawn = stream.below(of);
        let mut sum = 0;
        let at = left.iter().position(|(_, weight)| {
            sum += weight;
            sum > drawn.value
        });
        let (index, weight) = left.remove(at.expect("the number is below the sum of the weights"));
        total -= weight;
        picks.push((index, drawn));
    }
    picks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Digest;

    fn picks(seed: u32, weights: &[u64], count: usize) -> Vec<usize> {
        let mut stream = Stream::new(&Digest::of(&seed.to_be_bytes()), "picks");
        pick(&mut stream, weights, count).into_iter().map(|(index, _)| index).collect()
    }

    #[test]
    fn nobody_is_picked_twice_and_a_full_share_takes_all() {
        for seed in 0..50 {
            let mut all = picks(seed, &[1, 5, 1, 3, 2], 5);
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4]);
        }
        assert_eq!(picks(0, &[], 0), Vec::<usize>::new());
    }

    #[test]
    fn equal_weights_give_equal_chances() {
        let mut counts = [0i64; 10];
        for seed in 0..4000 {
            for index in picks(seed, &[1; 10], 2) {
                counts[index] += 1;
            }
        }
        // Expected 800 each; six standard deviations (√(4000·0.2·0.8) ≈ 25) leave no room for luck or for bias.
        assert!(counts.iter().all(|n| (n - 800).abs() < 150), "{counts:?}");
    }

    #[test]
    fn a_threefold_weight_gives_a_threefold_chance() {
        let mut counts = [0i64; 4];
        for seed in 0..6000 {
            counts[picks(seed, &[1, 1, 3, 1], 1)[0]] += 1;
        }
        assert!((counts[2] - 3000).abs() < 230, "{counts:?}");
        assert!([0, 1, 3].iter().all(|i| (counts[*i] - 1000).abs() < 175), "{counts:?}");
    }
}
