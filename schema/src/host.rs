//! What the machine gives: time and randomness, behind one trait so that a test can own both.
//!
//! This module only says what is needed. The real clocks live in `client-core/src/clock.rs` and `server/src/clock.rs`.

use crate::moment::Moment;

/// Time and randomness of one machine.
pub trait Host: Send + Sync {
    /// What the wall clock says. May be wrong and may jump.
    fn now(&self) -> Moment;

    /// Milliseconds since the machine started; never goes back while it runs.
    fn monotonic_ms(&self) -> u64;

    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Draws `N` unpredictable bytes.
pub fn random<const N: usize>(host: &dyn Host) -> [u8; N] {
    let mut bytes = [0; N];
    host.fill(&mut bytes);
    bytes
}
