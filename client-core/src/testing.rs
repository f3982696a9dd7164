//! What the tests of this crate share: a machine with one seed, and a server small enough to read.
//!
//! The real server is tested together with this crate in the workspace's `tests`.

mod gate;
mod server;
mod visit;

pub(crate) use gate::{Gate, Stop};
pub(crate) use server::{Nowhere, Server, State};
pub(crate) use visit::{
    PASSPHRASE, Visit, colleague, first_offered, me, officer_row, options, pass, terminal, unlock, view_of,
};

use fieldproof_schema::host::Host;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use std::sync::Mutex;

/// A machine whose clocks stand still until told otherwise and whose randomness follows a seed.
pub(crate) struct TestHost {
    state: Mutex<Machine>,
}

struct Machine {
    now: i64,
    monotonic_ms: u64,
    seed: u64,
    drawn: u64,
}

impl TestHost {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(Machine { now: 1_795_442_645_000_000, monotonic_ms: 1_000, seed, drawn: 0 }),
        }
    }

    /// Time passes.
    pub(crate) fn advance_ms(&self, ms: u64) {
        let mut state = self.state.lock().unwrap();
        state.now += i64::try_from(ms).unwrap() * 1000;
        state.monotonic_ms += ms;
    }

    /// The wall clock is set; no time passes.
    pub(crate) fn set_clock(&self, by_seconds: i64) {
        self.state.lock().unwrap().now += by_seconds * 1_000_000;
    }
}

impl Host for TestHost {
    fn now(&self) -> Moment {
        Moment::from_micros(self.state.lock().unwrap().now)
    }

    fn monotonic_ms(&self) -> u64 {
        self.state.lock().unwrap().monotonic_ms
    }

    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state.lock().unwrap();
        for piece in bytes.chunks_mut(32) {
            state.drawn += 1;
            let drawn = Digest::of(format!("{}/{}", state.seed, state.drawn).as_bytes()).value;
            piece.copy_from_slice(&drawn[..piece.len()]);
        }
    }
}
