//! How long to wait after failures: full jitter, so that a thousand terminals that lost one server do not return at once.

/// The first wait is somewhere below this.
const BASE_MS: u64 = 2_000;
/// No wait is longer: an officer who finds a link should not wait for the timer.
const MAX_MS: u64 = 300_000;

/// Milliseconds to wait after `failures` failures in a row (at least one), given an unpredictable number.
pub fn delay_ms(failures: u32, random: u64) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    let bound = (BASE_MS << doublings).min(MAX_MS);
    random % (bound + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_five_minutes() {
        for (failures, bound) in
            [(0, 2_000), (1, 2_000), (2, 4_000), (5, 32_000), (8, 256_000), (9, 300_000), (u32::MAX, 300_000)]
        {
            assert_eq!(delay_ms(failures, bound), bound, "{failures}");
            assert_eq!(delay_ms(failures, bound + 1), 0, "{failures}");
        }
    }
}
