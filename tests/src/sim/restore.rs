//! `cargo sim restore`: machines that come back older and machines that go on twice, counted by what went wrong with them.
//!
//! The worlds are those of the kinds `copies` and `restore`; what is counted is how often a promise about them broke. A run in
//! which no server came back, no terminal came back and none went on twice would prove nothing, so those are counted, too.

use super::plan::{Plan, Profile};
use super::stage::Stock;
use super::{Broken, explore};
use clap::Args;
use serde_json::json;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The kinds of bad luck that belong to it.
const PROFILES: [Profile; 2] = [Profile::Copies, Profile::Restore];

/// Which worlds.
#[derive(Args)]
pub struct Restore {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// Ends after so many minutes; the line says with which seed to go on.
    #[arg(long)]
    minutes: Option<u64>,
}

/// What came of all worlds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    restores: usize,
    rollbacks: usize,
    clones: usize,
    receipts_lost: u64,
    false_clone: u64,
    missed_clone: u64,
    wedged: u64,
    others: u64,
}

impl Tally {
    /// Counts what a plan lets happen.
    pub fn play(&mut self, plan: &Plan) {
        let count = |name: &str| plan.0.iter().filter(|step| step.event.name == name).count();
        self.restores += count("restore");
        self.rollbacks += count("roll-back");
        self.clones += count("clone");
    }

    /// Counts a promise that broke.
    pub fn note(&mut self, broken: &Broken) {
        let place = match broken.promise {
            "I1" | "I3" => &mut self.receipts_lost,
            "I15" => &mut self.wedged,
            "D1" if broken.what.contains("nobody is told") => &mut self.missed_clone,
            "D1" => &mut self.false_clone,
            _ => &mut self.others,
        };
        *place += 1;
    }

    /// Whether nothing went wrong.
    pub fn is_clean(&self) -> bool {
        let Self { receipts_lost, false_clone, missed_clone, wedged, others, .. } = self;
        [receipts_lost, false_clone, missed_clone, wedged, others].iter().all(|count| **count == 0)
    }
}

impl Restore {
    /// Plays them; true when all is as it must be.
    pub async fn carry_out(&self, stock: &Stock) -> bool {
        let begun = Instant::now();
        let until = self.minutes.map(|minutes| Duration::from_secs(minutes * 60));
        let end = self.from.saturating_add(self.seeds);
        let (mut next, mut tally, mut out) = (self.from, Tally::default(), io::stdout());
        while next < end && until.is_none_or(|until| begun.elapsed() < until) {
            let profile = PROFILES[(next % PROFILES.len() as u64) as usize];
            tally.play(&Plan::draw(next, profile));
            if let Err(failure) = explore(stock, next, profile).await {
                tally.note(&failure.broken);
                writeln!(out, "{} ({})", failure, profile.name()).ok();
            }
            next += 1;
        }
        let Tally { restores, rollbacks, clones, receipts_lost, false_clone, missed_clone, wedged, others } =
            tally;
        let line = json!({
            "command": "restore", "from": self.from, "next": next, "restores": restores, "rollbacks": rollbacks,
            "clones": clones, "receipts_lost": receipts_lost, "false_clone": false_clone,
            "missed_clone": missed_clone, "wedged": wedged, "others": others,
            "seconds": (begun.elapsed().as_secs_f64() * 100.0).round() / 100.0,
        });
        writeln!(out, "{line}").ok();
        tally.is_clean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_is_counted_by_what_it_is() {
        let mut tally = Tally::default();
        for (promise, what) in [
            ("I3", "the server has not got a change"),
            ("I1", "one has lost a change"),
            ("D1", "nobody is told that one went on twice"),
            ("D1", "a terminal is taken for two: one"),
            ("I15", "no rest"),
            ("I7", "a seal has another content"),
        ] {
            assert!(promise == "I3" || !tally.is_clean());
            tally.note(&Broken { promise, what: what.to_owned(), step: 0 });
        }
        let Tally { receipts_lost, false_clone, missed_clone, wedged, others, .. } = tally;
        assert_eq!((receipts_lost, false_clone, missed_clone, wedged, others), (2, 1, 1, 1, 1));
    }

    #[test]
    fn its_worlds_have_what_it_is_about() {
        let mut tally = Tally::default();
        for seed in 0..20 {
            tally.play(&Plan::draw(seed, PROFILES[seed as usize % PROFILES.len()]));
        }
        assert!(tally.restores > 0 && tally.rollbacks > 0 && tally.clones > 0, "{tally:?}");
    }
}
