//! `cargo sim crash cut`: one line of JSON, and before it wherever the sides differed.

use super::{Line, Tally, Way};
use crate::crash::{Failure, runtime};
use clap::Args;
use serde_json::json;
use std::io::{self, Write};
use std::time::Instant;

/// What is cut.
#[derive(Args)]
pub struct Cut {
    /// One exchange after every byte, both ways, with and without signing in.
    #[arg(long)]
    every_byte: bool,
    /// After how many bytes again, where it is not every one.
    #[arg(long, default_value_t = 50)]
    step: usize,
    /// Uploads of large originals that are cut at random.
    #[arg(long, default_value_t = 1000)]
    cuts: u64,
    /// Connections that are cut at random while photos and a film go together.
    #[arg(long, default_value_t = 1000)]
    many: u64,
    /// What originals and places are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Cut {
    /// Does it; true when both sides were the same after each cut.
    pub(crate) fn carry_out(&self) -> Result<bool, Failure> {
        runtime()?.block_on(self.all())
    }

    async fn all(&self) -> Result<bool, Failure> {
        let mut line = Line::lay(self.seed).await?;
        let began = Instant::now();
        let step = if self.every_byte { 1 } else { self.step.max(1) };
        let mut exchange = Tally::default();
        for way in Way::ALL {
            for away in [false, true] {
                exchange.add(line.at_every(way, away, (0, step)).await?);
            }
        }
        let uploads = line.at_random(self.cuts).await?;
        let many = line.many_at_random(self.many).await?;
        for finding in exchange.diverged.iter().chain(&uploads.diverged).chain(&many.diverged) {
            writeln!(io::stderr(), "{finding}").ok();
        }
        let diverged = exchange.diverged.len() + uploads.diverged.len() + many.diverged.len();
        let cuts = exchange.cuts + uploads.cuts + many.cuts;
        let per_second = cuts as f64 / began.elapsed().as_secs_f64();
        let line = json!({
            "command": "crash cut", "seed": self.seed, "step": step, "exchange_cuts": exchange.cuts,
            "upload_cuts": uploads.cuts, "cuts_of_many": many.cuts, "diverged": diverged,
            "unharmed": exchange.unharmed + uploads.unharmed + many.unharmed,
            "cuts_per_second": (per_second * 10.0).round() / 10.0,
        });
        writeln!(io::stdout(), "{line}")?;
        Ok(diverged == 0)
    }
}
