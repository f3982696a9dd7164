//! `cargo sim`: looks for what power cuts and failing disks lose. Prints one line of JSON for each store, and fails when
//! anything is lost.

use clap::{Args, Parser, Subcommand, ValueEnum};
use fieldproof_tests::crash::{Bench, Failure, Point, Side, Tally, Teeth, points, strike_all};
use fieldproof_tests::faults::{Fault, Pattern};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

/// Simulations of what goes wrong.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One store whose disk fails.
    Crash {
        #[command(subcommand)]
        how: Crash,
    },
}

#[derive(Subcommand)]
enum Crash {
    /// Power cuts, at any operation, leaving anything that was not safe.
    Vfs {
        #[command(flatten)]
        which: Which,
        /// What is wrong on purpose in the one point that is given by --work and --at.
        #[arg(long, default_value = "none")]
        teeth: Wrong,
    },
    /// Errors of the disk, once or for ever, with and without a power cut afterwards.
    Ioerr {
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

#[derive(Args)]
struct Which {
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

#[derive(Clone, Copy, ValueEnum)]
enum Store {
    Device,
    Server,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wrong {
    None,
    Normal,
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

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// True when nothing was lost, and what must be found was.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let What::Crash { how } = &arguments.what;
    let which = match how {
        Crash::Vfs { which, .. } | Crash::Ioerr { which, .. } => which,
    };
    let mut clean = true;
    for side in Side::ALL {
        let wanted = match which.side {
            None => true,
            Some(Store::Device) => side == Side::Device,
            Some(Store::Server) => side == Side::Server,
        };
        if wanted {
            clean &= on(side, which, how)?;
        }
    }
    Ok(clean)
}

fn on(side: Side, which: &Which, how: &Crash) -> Result<bool, Failure> {
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
        Crash::Vfs { .. } => ("crash vfs", &[Fault::PowerCut]),
        Crash::Ioerr { .. } => ("crash ioerr", &Fault::ERRORS),
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
    if let Crash::Vfs { .. } = how {
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
fn one(which: &Which, how: &Crash, at: u64) -> Result<Point, Failure> {
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
        Crash::Vfs { teeth, .. } => Point {
            pattern: Some(pattern.unwrap_or(Pattern::Nothing)),
            careless: *teeth == Wrong::Normal,
            lying: *teeth == Wrong::Lying,
            ..plain
        },
        Crash::Ioerr { fault, sticky, .. } => {
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
