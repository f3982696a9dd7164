//! How much one push may carry: what a proxy on the way refuses is learnt, and forgotten again.
//!
//! Pure. Halved when a push was too large, grown a little by each one that went through, up to what was refused last; after
//! a while that, too, is tried again, for the proxy may be another one now.

use fieldproof_schema::limits::PUSH_CHUNK_BYTES_MAX;

/// The smallest push that is still tried after others were too large.
const BYTES_MIN: usize = 4 * 1024;
/// Pushes that go through until the size that was refused last is tried again.
const PATIENCE: u32 = 64;

/// The bytes of one push, as planned: before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    bytes: usize,
    /// What was refused last, and how many pushes went through since.
    refused: Option<(usize, u32)>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: PUSH_CHUNK_BYTES_MAX, refused: None }
    }
}

impl Budget {
    /// How much the next push may carry.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A push was too large. False when there is nothing smaller to try.
    pub(crate) fn refused(&mut self) -> bool {
        let smaller = (self.bytes / 2).max(BYTES_MIN);
        let is_smaller = smaller < self.bytes;
        self.refused = Some((self.bytes, 0));
        self.bytes = smaller;
        is_smaller
    }

    /// A push went through.
    pub(crate) fn passed(&mut self) {
        let bound = match &mut self.refused {
            Some((_, passed)) if *passed >= PATIENCE => {
                self.refused = None;
                PUSH_CHUNK_BYTES_MAX
            }
            Some((bytes, passed)) => {
                *passed += 1;
                *bytes - *bytes / 8
            }
            None => PUSH_CHUNK_BYTES_MAX,
        };
        self.bytes = (self.bytes + self.bytes / 4).min(bound).max(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_refuses_is_found_and_mostly_kept_to() {
        const PROXY: usize = 100_000;
        let mut budget = Budget::default();
        let (mut refused, mut carried) = (0, 0);
        for _ in 0..200 {
            if budget.bytes() > PROXY {
                refused += 1;
                assert!(budget.refused());
            } else {
                carried += budget.bytes();
                budget.passed();
            }
        }
        assert!(refused < 20, "{refused}");
        assert!(carried / 180 > PROXY / 2, "{carried}");
    }

    #[test]
    fn it_ends_at_the_smallest_and_comes_back_to_the_largest() {
        let mut budget = Budget::default();
        while budget.refused() {}
        assert_eq!(budget.bytes(), BYTES_MIN);
        for _ in 0..200 {
            budget.passed();
        }
        assert_eq!(budget, Budget::default());
    }
}
