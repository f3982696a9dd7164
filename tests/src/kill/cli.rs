//! `cargo sim crash kill`: one line of JSON for each side, and before it whatever was lost.

use super::kill;
use crate::crash::cli::{Store, on_each};
use crate::crash::{Failure, Side, runtime};
use clap::Args;
use serde_json::json;
use std::io::{self, Write};

/// What is killed.
#[derive(Args)]
pub struct Kill {
    /// Whose program; both in turn by default.
    #[arg(long)]
    side: Option<Store>,
    /// How often each.
    #[arg(long, default_value_t = 200)]
    cycles: u64,
    /// What acts and moments are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Kill {
    /// Does it; true when nothing was lost but what was taken away.
    pub(crate) fn carry_out(&self) -> Result<bool, Failure> {
        on_each(self.side, |side| self.on(side))
    }

    fn on(&self, side: Side) -> Result<bool, Failure> {
        let tally = runtime()?.block_on(kill(side, self.cycles, self.seed))?;
        for lost in &tally.lost {
            writeln!(io::stderr(), "{} {}: {lost}", side.name(), self.seed).ok();
        }
        let per_second = tally.cycles as f64 / tally.took.as_secs_f64();
        let line = json!({
            "command": "crash kill", "side": side.name(), "seed": self.seed, "cycles": tally.cycles,
            "lost": tally.lost.len(), "answered": tally.answered, "resumed": tally.resumed, "teeth": tally.teeth,
            "cycles_per_second": (per_second * 100.0).round() / 100.0,
        });
        writeln!(io::stdout(), "{line}")?;
        Ok(tally.lost.is_empty() && tally.teeth > 0)
    }
}
