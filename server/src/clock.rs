//! The server's clock and randomness: the only place that asks the operating system for either.

use fieldproof_schema::host::Host;
use fieldproof_schema::moment::Moment;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Time and randomness of this machine.
#[derive(Debug)]
pub struct SystemHost {
    started: Instant,
}

impl SystemHost {
    /// Starts counting monotonic time.
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
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Moment::from_micros(micros)
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}
