//! The commands of `cargo sim crash`: one line of JSON for each store, and what was found first.

use super::{Bench, Failure, Point, Side, Tally, Teeth, points, strike_all};
use crate::cut;
use crate::faults::{Fault, Pattern};
use crate::kill;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Instant;

/// What goes wrong.
#[derive(Subcommand)]
pub enum Crash {
    /// The disk of one store.
    #[command(flatten)]
    Disk(Disk),
    /// Real programs on a real file system are killed in the middle of their work.
    Kill(kill::cli::Kill),
    /// The link between a terminal and the server is cut at any byte.
    Cut(cut::cli::Cut),
}

/// How a store's disk fails.
#[derive(Subcommand)]
pub enum Disk {
    /// Power cuts, at any operation, leaving anything that was not safe.
    Vfs {
        /// Which points.
        #[command(flatten)]
        which: Which,
        /// What is wrong on purpose in the one point that is given by --work and --at.
        #[arg(long, default_value = "none")]
        teeth: Wrong,
    },
    /// Errors of the disk, once or for ever, with and without a power cut afterwards.
    Ioerr {
        /// Which points.
        #[command(flatten)]
        which: Which,
        /// The error of the one point that is given by --work and --at.
        #[arg(long, value_parser = fault)]
        fault: Option<Fault>,
        /// It stays.
        #[arg(long)]
        sticky: bool,
    },
}

/// Which points.
#[derive(Args)]
pub struct Which {
    /// One of the stores; both by default.
    #[arg(long)]
    side: Option<Store>,
    /// How many points on each.
    #[arg(long, default_value_t = 20_000)]
    points: u64,
    /// What the points are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One piece of work alone.
    #[arg(long)]
    work: Option<String>,
    /// One operation of that piece of work alone.
    #[arg(long, requires = "work")]
    at: Option<u64>,
    /// What a power cut leaves in that one point.
    #[arg(long, value_parser = pattern)]
    pattern: Option<Pattern>,
    /// That one point is on a disk where a write that is cut spoils no more than what it writes.
    #[arg(long)]
    powersafe: bool,
    /// The seed of what it leaves to chance.
    #[arg(long, default_value_t = 0)]
    tear: u64,
}

/// Whose store.
#[derive(Clone, Copy, ValueEnum)]
pub enum Store {
    /// A terminal's.
    #[value(alias = "terminal")]
    Device,
    /// The server's.
    Server,
}

/// What is wrong on purpose.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wrong {
    /// Nothing.
    None,
    /// Commits are not synced.
    Normal,
    /// The disk says that it synced, and did not.
    Lying,
}

fn fault(text: &str) -> Result<Fault, String> {
    let known = Fault::ERRORS.into_iter().find(|fault| fault.name() == text);
    known.ok_or_else(|| format!("one of {}", Fault::ERRORS.map(Fault::name).join(", ")))
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let known = Pattern::ALL.into_iter().find(|pattern| pattern.name() == text);
    known.ok_or_else(|| format!("one of {}", Pattern::ALL.map(Pattern::name).join(", ")))
}

/// Does it; true when nothing was lost, and what must be found was.
///
/// # Errors
/// When a store cannot be made or a command is incomplete.
pub fn carry_out(how: &Crash) -> Result<bool, Failure> {
    match how {
        Crash::Disk(how) => {
            let (Disk::Vfs { which, .. } | Disk::Ioerr { which, .. }) = how;
            on_each(which.side, |side| on(side, which, how))
        }
        Crash::Kill(kill) => kill.carry_out(),
        Crash::Cut(cut) => cut.carry_out(),
    }
}

/// Does something about one store or about both; true when it was all right everywhere.
pub(crate) fn on_each(
    wanted: Option<Store>,
    mut act: impl FnMut(Side) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let sides = match wanted {
        None => &Side::ALL[..],
        Some(Store::Device) => &[Side::Device],
        Some(Store::Server) => &[Side::Server],
    };
    let mut clean = true;
    for side in sides {
        clean &= act(*side)?;
    }
    Ok(clean)
}

fn on(side: Side, which: &Which, how: &Disk) -> Result<bool, Failure> {
    let mut benches = side.benches()?;
    if let Some(work) = &which.work {
        let known = benches.iter().map(Bench::name).collect::<Vec<_>>().join(", ");
        benches.retain(|bench| bench.name() == work);
        if benches.is_empty() {
            return Err(format!("no work {work}; there are {known}").into());
        }
    }
    if let Some(at) = which.at {
        let point = one(which, how, at)?;
        let tally = strike_all(&benches, &[(0, point)])?;
        told(&tally, || point.to_string());
        return Ok(tally.is_clean());
    }
    let (name, faults): (_, &[Fault]) = match how {
        Disk::Vfs { .. } => ("crash vfs", &[Fault::PowerCut]),
        Disk::Ioerr { .. } => ("crash ioerr", &Fault::ERRORS),
    };
    let drawn = points(&benches, faults, Teeth::None, which.points, which.seed);
    let began = Instant::now();
    let tally = strike_all(&benches, &drawn)?;
    let per_second = tally.points as f64 / began.elapsed().as_secs_f64();
    told(&tally, String::new);
    let mut line = json!({
        "command": name, "side": side.name(), "seed": which.seed, "points": tally.points, "lost": tally.lost,
        "corrupt": tally.corrupt, "points_per_second": per_second.round(),
    });
    let mut clean = tally.is_clean();
    if let Disk::Vfs { .. } = how {
        // What must be found: a store that syncs too little loses, a disk that lies loses or spoils.
        let few = (which.points / 20).max(100);
        let found = |teeth| strike_all(&benches, &points(&benches, faults, teeth, few, which.seed));
        let (normal, lying) = (found(Teeth::Normal)?, found(Teeth::Lying)?);
        clean &= normal.lost > 0 && !lying.is_clean();
        line["teeth"] = json!({"normal": counts(&normal), "lying": counts(&lying)});
    }
    writeln!(io::stdout(), "{line}")?;
    Ok(clean)
}

/// The one point that the options name.
fn one(which: &Which, how: &Disk, at: u64) -> Result<Point, Failure> {
    let (pattern, seed) = (which.pattern, which.tear);
    let plain = Point {
        fault: Fault::PowerCut,
        at,
        sticky: true,
        pattern,
        seed,
        powersafe: which.powersafe,
        careless: false,
        lying: false,
    };
    Ok(match how {
        Disk::Vfs { teeth, .. } => Point {
            pattern: Some(pattern.unwrap_or(Pattern::Nothing)),
            careless: *teeth == Wrong::Normal,
            lying: *teeth == Wrong::Lying,
            ..plain
        },
        Disk::Ioerr { fault, sticky, .. } => {
            Point { fault: fault.ok_or("--at needs --fault")?, sticky: *sticky, ..plain }
        }
    })
}

fn counts(tally: &Tally) -> Value {
    json!({"points": tally.points, "lost": tally.lost, "corrupt": tally.corrupt})
}

/// Tells of the first finding, or says something else.
fn told(tally: &Tally, otherwise: impl FnOnce() -> String) {
    match &tally.first {
        Some(finding) => say(&finding.to_string()),
        None => say(&otherwise()),
    }
}

fn say(line: &str) {
    if !line.is_empty() {
        writeln!(io::stderr(), "{line}").ok();
    }
}
