//! The real programs on a real file system, killed in the middle of their work and started again on what that left.
//!
//! When a program has answered as often as chance says, it is killed at one of the next moments at which something of it
//! moves: its log on the disk, or bytes on its link. No clock has a part in it. Whatever it had answered for must be there
//! then: what stands where, bytes by their hash, and what receipts name.

pub mod cli;
mod moment;
mod server;
mod terminal;

use crate::crash::{Failure, Side};
use crate::stage::Stage;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::time::{Duration, Instant};

/// What came of a side.
#[derive(Debug, Default)]
pub struct Tally {
    /// How often a program was killed.
    pub cycles: u64,
    /// What it had answered for.
    pub answered: u64,
    /// How often an upload went on in the middle of an original.
    pub resumed: u64,
    /// What was answered for and is not there, or holds no more.
    pub lost: Vec<String>,
    /// What was found missing when, in the end, the log of the database was taken away on purpose.
    pub teeth: usize,
    /// How long it took, without what came before the first.
    pub took: Duration,
}

/// What chance decides.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Somebody else's.
    fn another(&mut self) -> Self {
        Self::new(self.0.next_u64())
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    /// An original that nobody took before, of a kind that is taken for a photo.
    fn photo(&mut self, bytes: usize) -> Vec<u8> {
        let mut photo = vec![0xff, 0xd8, 0xff, 0xe0];
        photo.resize(bytes.max(photo.len() + 16), 0);
        self.0.fill_bytes(&mut photo[4..]);
        photo
    }
}

/// Kills a side's program so many times, on a stage of its own.
///
/// # Errors
/// When the stage does not stand, or a program does not work although nobody has killed it.
pub async fn kill(side: Side, cycles: u64, seed: u64) -> Result<Tally, Failure> {
    let mut stage = Stage::open().await;
    let began = Instant::now();
    let mut tally = match side {
        Side::Device => terminal::kill(&mut stage, cycles, Chance::new(seed)).await?,
        Side::Server => server::kill(&mut stage, cycles, Chance::new(seed)).await?,
    };
    tally.took = began.elapsed();
    Ok(tally)
}
