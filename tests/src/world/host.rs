//! One clock for all, and randomness of each machine's own, both from the seed.

use fieldproof_schema::host::Host;
use fieldproof_schema::moment::Moment;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// 2026-06-01T01:00:00Z, nine in the morning in China: the first day of a plan's window.
const START_MICROS: i64 = 1_780_275_600_000_000;

/// The world's clock. It moves when a test says so, and by a microsecond whenever it is read.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Moves on.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// Microseconds since the beginning; the clock is not read.
    pub fn moved(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// What the clock says.
    pub fn now(&self) -> Moment {
        Moment::from_micros(START_MICROS + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// One machine.
pub struct SimHost {
    clock: Clock,
    skew_seconds: AtomicI64,
    random: Mutex<ChaCha8Rng>,
}

impl SimHost {
    /// A machine whose wall clock is `skew_seconds` off.
    pub fn new(clock: &Clock, seed: u64, skew_seconds: i64) -> Self {
        let random = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
        Self { clock: clock.clone(), skew_seconds: AtomicI64::new(skew_seconds), random }
    }

    /// Sets the wall clock wrong by so much.
    pub fn set_skew(&self, seconds: i64) {
        self.skew_seconds.store(seconds, Ordering::Relaxed);
    }
}

impl Host for SimHost {
    fn now(&self) -> Moment {
        self.clock.now().plus_seconds(self.skew_seconds.load(Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.clock.0.load(Ordering::Relaxed) / 1000).unwrap_or(0)
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}
