//! The commands of `cargo sim` about worlds: one line of JSON each, and a screen for whatever breaks.

use super::plan::{Plan, Profile};
use super::restore::Restore;
use super::stage::Stock;
use super::{Broken, Failure, Run, explore, play};
use clap::Subcommand;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;
use serde_json::json;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// What is to be done with worlds.
#[derive(Subcommand)]
pub enum Command {
    /// Plays the plans of many seeds.
    World {
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// Ends after so many minutes; the line says with which seed to go on.
        #[arg(long)]
        minutes: Option<u64>,
        /// One kind of bad luck; each in turn by default.
        #[arg(long, value_parser = profile)]
        profile: Option<Profile>,
        /// With a server on PostgreSQL: power and disks fail under terminals only.
        #[arg(long)]
        postgres: bool,
    },
    /// Plays one plan, as a failure prints it.
    Replay {
        /// Where the world's randomness comes from.
        #[arg(long)]
        seed: u64,
        /// The steps; without them, those of the seed.
        plan: Option<Plan>,
        /// The kind of bad luck of the seed.
        #[arg(long, value_parser = profile)]
        profile: Option<Profile>,
        /// Shows what was said and done.
        #[arg(long)]
        trace: bool,
        /// With a server on PostgreSQL.
        #[arg(long)]
        postgres: bool,
        /// With this bug planted.
        #[arg(long, value_parser = bug)]
        bug: Option<Bug>,
    },
    /// Plays the plans of some seeds twice and compares all that happened.
    Determinism {
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 50)]
        seeds: u64,
    },
    /// Plays worlds in which servers and terminals come back older and terminals go on twice, and counts what went wrong.
    Restore(Restore),
    /// Plants bugs, one after another, and looks how soon each is found.
    Teeth {
        /// One of them; all by default.
        #[arg(long, value_parser = bug)]
        bug: Option<Bug>,
        /// Seeds within which each must be found.
        #[arg(long, default_value_t = 500)]
        seeds: u64,
        /// Only the seeds that draw this kind of bad luck; they count as if the others had been tried.
        #[arg(long, value_parser = profile)]
        profile: Option<Profile>,
    },
}

fn bug(text: &str) -> Result<Bug, String> {
    Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == text).ok_or_else(|| "no planted bug".to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    Profile::find(text).ok_or_else(|| format!("one of {}", Profile::ALL.map(Profile::name).join(", ")))
}

impl Command {
    /// Does it; true when all is as it must be.
    pub async fn carry_out(&self) -> bool {
        let on_postgresql =
            matches!(self, Self::World { postgres: true, .. } | Self::Replay { postgres: true, .. });
        let stock = if on_postgresql { Stock::make_on_postgresql().await } else { Stock::make().await };
        match self {
            Self::World { from, seeds, minutes, profile, .. } => {
                let until = minutes.map(|minutes| Duration::from_secs(minutes * 60));
                worlds(&stock, (*from, *seeds), until, *profile).await
            }
            Self::Replay { seed, plan, profile, trace, bug, .. } => {
                planted::plant(*bug);
                let drawn = || Plan::draw(*seed, profile.unwrap_or_else(|| Profile::of(*seed)));
                let plan = plan.clone().unwrap_or_else(drawn);
                match play(&stock, *seed, &plan).await {
                    Ok(run) => {
                        if *trace {
                            say(&run.trace.join("\n"));
                        }
                        say(&format!("nothing broke: {run}"));
                    }
                    Err(broken) => {
                        say(&Failure { seed: *seed, broken, plan }.to_string());
                        return false;
                    }
                }
                true
            }
            Self::Determinism { from, seeds } => determinism(&stock, (*from, *seeds)).await,
            Self::Restore(restore) => restore.carry_out(&stock).await,
            Self::Teeth { bug, seeds, profile } => teeth(&stock, *bug, *seeds, *profile).await,
        }
    }
}

/// A line on standard output. When nobody reads it any more, nobody needs it.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}

async fn worlds(
    stock: &Stock,
    (from, seeds): (u64, u64),
    until: Option<Duration>,
    profile: Option<Profile>,
) -> bool {
    let begun = Instant::now();
    let (mut next, mut violations) = (from, 0_u64);
    let (mut steps, mut deeds, mut requests, mut seconds) = (0, 0, 0, 0);
    let is_over =
        |next: u64| next >= from.saturating_add(seeds) || until.is_some_and(|until| begun.elapsed() >= until);
    while !is_over(next) {
        match explore(stock, next, profile.unwrap_or_else(|| Profile::of(next))).await {
            Ok(run) => {
                steps += run.steps;
                deeds += run.deeds;
                requests += run.requests;
                seconds += run.seconds;
            }
            Err(failure) => {
                violations += 1;
                say(&failure.to_string());
            }
        }
        next += 1;
    }
    let took = begun.elapsed().as_secs_f64();
    let played = next - from;
    say(&json!({
        "command": "world", "from": from, "next": next, "violations": violations, "steps": steps,
        "deeds": deeds, "requests": requests, "sim_days": seconds / 86_400,
        "seconds": rounded(took), "worlds_per_second": rounded(played as f64 / took),
        "steps_per_second": rounded(steps as f64 / took),
    })
    .to_string());
    violations == 0
}

async fn determinism(stock: &Stock, (from, seeds): (u64, u64)) -> bool {
    let mut different = 0;
    let mut all = Digest::stream();
    for seed in from..from.saturating_add(seeds) {
        let plan = Plan::draw(seed, Profile::of(seed));
        let (first, second) = (play(stock, seed, &plan).await, play(stock, seed, &plan).await);
        if first != second {
            different += 1;
            say(&format!("seed {seed} went two ways: {}", parting(&first, &second)));
        }
        all.update(first.map_or_else(|broken| broken.to_string(), |run| run.hash().to_string()).as_bytes());
    }
    say(&json!({
        "command": "determinism", "from": from, "seeds": seeds, "different": different,
        "trace": all.finish().to_string(),
    })
    .to_string());
    different == 0
}

/// Where two runs of one plan part.
fn parting(first: &Result<Run, Broken>, second: &Result<Run, Broken>) -> String {
    match (first, second) {
        (Ok(first), Ok(second)) => {
            let differ = |(one, other): &(&String, &String)| one != other;
            let lines = first.trace.iter().zip(&second.trace).find(differ);
            lines.map_or_else(|| format!("{first}, {second}"), |(one, other)| format!("\n  {one}\n  {other}"))
        }
        (first, second) => {
            let said = |run: &Result<Run, Broken>| {
                run.as_ref().map_or_else(ToString::to_string, |run| format!("nothing broke: {run}"))
            };
            format!("{}; {}", said(first), said(second))
        }
    }
}

async fn teeth(stock: &Stock, only: Option<Bug>, seeds: u64, profile: Option<Profile>) -> bool {
    let mut all_found = true;
    for bug in Bug::ALL.into_iter().filter(|bug| only.is_none_or(|only| *bug == only)) {
        let begun = Instant::now();
        planted::plant(Some(bug));
        let mut found = None;
        let is_wanted = |seed: &u64| profile.is_none_or(|profile| Profile::of(*seed) == profile);
        for seed in (0..seeds).filter(is_wanted) {
            let plan = Plan::draw(seed, Profile::of(seed));
            let Err(broken) = play(stock, seed, &plan).await else { continue };
            // What breaks without it was not found by it.
            planted::plant(None);
            if play(stock, seed, &plan).await.is_ok() {
                found = Some((seed, broken));
                break;
            }
            planted::plant(Some(bug));
        }
        planted::plant(None);
        all_found &= found.is_some();
        let (seed, broken) = found.map(|(seed, broken)| (seed, broken.to_string())).unzip();
        let tried: Option<u64> = seed.map(|seed| seed + 1);
        say(&json!({
            "command": "teeth", "bug": format!("{bug:?}"), "found": tried.is_some(), "tried": tried, "seed": seed,
            "broken": broken, "seconds": rounded(begun.elapsed().as_secs_f64()),
        })
        .to_string());
    }
    all_found
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
