//! Power cuts and failing disks under real stores, at every operation of canonical pieces of work.
//!
//! A [`Work`] is prepared once and then done again and again from the same beginning with the same clock and chance, on a
//! [`Disk`](crate::faults::Disk). It is done once undisturbed, which tells all states that its database ever had, and which of
//! them stood when each step was said to be done ([`bench`]). At a [`Point`] something goes wrong; what is left must be one of
//! those states and none from before the last step that was said to be done, its pages must hold together, and the product
//! must open it, find nothing wrong in it, and work on.
//!
//! What is not SQLite's (originals, keys) is not torn here.

mod bench;
pub mod cli;
mod device;
mod image;
mod plan;
mod server;
mod state;
mod tape;

pub use bench::{Bench, Finding, What};
pub use image::Image;
pub use plan::{Point, Tally, Teeth, points, strike_all};

use crate::world::host::{Clock, SimHost};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// Why something could not be prepared.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// A terminal's.
    Device,
    /// A server's, on SQLite.
    Server,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Device, Self::Server];

    /// A name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Server => "server",
        }
    }

    /// The file of its database.
    pub fn database(self) -> &'static str {
        match self {
            Self::Device => "store.db",
            Self::Server => "server.db",
        }
    }

    /// All its pieces of work, prepared.
    ///
    /// # Errors
    /// When one of them fails although nothing goes wrong.
    pub fn benches(self) -> Result<Vec<Bench>, Failure> {
        match self {
            Self::Device => device::benches(),
            Self::Server => server::benches(),
        }
    }
}

/// The files of laws and checklists that a small city is content with.
pub(crate) fn is_small(file: &str) -> bool {
    file.starts_with("public-")
}

/// What an error says, with its causes.
fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// The clock and chance of a stage of a story.
fn host(seed: u64, number: u64) -> Arc<SimHost> {
    let clock = Clock::default();
    clock.advance_seconds(STAGE_SECONDS * (number as i64 + 1));
    Arc::new(SimHost::new(&clock, seed + number, 0))
}

/// How far the clock goes on from one stage to the next.
const STAGE_SECONDS: i64 = 120;

/// A piece of work on a store.
pub trait Work: Send + Sync {
    /// What it is called.
    fn name(&self) -> &str;

    /// On which store.
    fn side(&self) -> Side;

    /// What lay in the folder before.
    fn before(&self) -> &Image;

    /// Does it in the folder and closes what it opened, up to the first step that is not said to be done; tells of each
    /// step that is.
    ///
    /// # Errors
    /// What was said instead.
    fn run(&self, folder: &Path, done: &mut (dyn FnMut() + Send)) -> Result<(), String>;

    /// Whether everything that it does ends in a step. What does not may fail without a word, and what follows is then
    /// something that never was undisturbed.
    fn is_all_steps(&self) -> bool;

    /// Opens what is left, looks for faults, works on and closes it.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self, folder: &Path) -> Result<(), String>;
}
