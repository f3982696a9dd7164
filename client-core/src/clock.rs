//! The machine's own clocks and randomness.

use fieldproof_schema::host::Host;
use fieldproof_schema::moment::Moment;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The real machine. Its monotonic clock counts from the making of this value; the journal's session number says which
/// run of the program it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct SystemHost {
    started: Instant,
}

impl SystemHost {
    /// Starts the monotonic clock.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for SystemHost {
    fn now(&self) -> Moment {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Moment::from_micros(micros)
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness; without it no key may be made");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_go_back_and_randomness_differs() {
        let host = SystemHost::new();
        let first = host.monotonic_ms();
        assert!(host.monotonic_ms() >= first);
        assert_ne!(
            fieldproof_schema::host::random::<16>(&host),
            fieldproof_schema::host::random::<16>(&host)
        );
    }
}
