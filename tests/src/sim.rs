//! The simulator: weeks of bad luck for a team of officers and their server, from one seed, in a fraction of a second.
//!
//! A world ([`stage`]) is a server and terminals with real stores, on disks that can fail ([`crate::faults`]) and links that
//! can ([`crate::world::link`]). A plan ([`plan`]) is a list of steps drawn from the seed: what people do in the field
//! ([`acts`]) and in the office ([`office`], [`apart`]), what happens to them ([`faults`]), what a stranger tries ([`hostile`]); among them
//! those of a story that bad luck alone would need long to tell ([`themes`]). A model ([`model`]) knows whatever anybody was told is saved. What must hold is in
//! [`invariants`]: some of it after every step, all of it once the faults have ended and everybody has come by.
//!
//! Whatever breaks is shown as the seed and the fewest steps that still break it: any part of a plan is a plan.

pub mod acts;
pub mod apart;
pub mod cli;
pub mod faults;
pub mod hand;
pub mod holdings;
pub mod hostile;
pub mod invariants;
pub mod model;
pub mod office;
pub mod plan;
pub mod restore;
pub mod stage;
pub mod themes;

use fieldproof_schema::suite::Digest;
use futures::FutureExt;
use plan::{Plan, Profile, Step};
use stage::Stock;
use std::fmt;
use std::panic::AssertUnwindSafe;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Steps that were played.
    pub steps: usize,
    /// What people were told is saved.
    pub deeds: usize,
    /// Requests of terminals.
    pub requests: u64,
    /// Simulated seconds.
    pub seconds: i64,
    /// What was said and done, in order, and what the clock and the disks showed each time.
    pub trace: Vec<String>,
}

impl Run {
    /// The trace in short.
    pub fn hash(&self) -> Digest {
        Digest::of(self.trace.join("\n").as_bytes())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, deeds, requests, seconds, .. } = self;
        write!(
            f,
            "{steps} steps, {deeds} deeds, {requests} requests, {seconds} seconds, trace {}",
            self.hash()
        )
    }
}

/// What must not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which promise, as `docs/RELIABILITY.md` names it.
    pub promise: &'static str,
    /// What was found.
    pub what: String,
    /// Before which step it was not found yet; after all of them for what is looked at in the end.
    pub step: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after step {}: {}", self.promise, self.step, self.what)
    }
}

/// A plan that breaks a promise, cut down to what is needed for it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Where the world's randomness comes from.
    pub seed: u64,
    /// The first promise that the cut plan breaks.
    pub broken: Broken,
    /// The steps that are left.
    pub plan: Plan,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.broken)?;
        write!(f, "cargo sim replay --seed {} \"{}\"", self.seed, self.plan)
    }
}

/// Draws a plan from `seed` and plays it; what breaks is cut down first.
///
/// # Errors
/// The failure.
pub async fn explore(stock: &Stock, seed: u64, profile: Profile) -> Result<Run, Box<Failure>> {
    let plan = Plan::draw(seed, profile);
    match play(stock, seed, &plan).await {
        Ok(run) => Ok(run),
        Err(broken) => Err(Box::new(shrink(stock, seed, plan, broken).await)),
    }
}

/// Plays a plan on a world of its own.
///
/// # Errors
/// The first promise that did not hold.
pub async fn play(stock: &Stock, seed: u64, plan: &Plan) -> Result<Run, Broken> {
    // Where it is at when it panics.
    let at = std::cell::Cell::new(0);
    let played = AssertUnwindSafe(play_on(stock, seed, plan, &at)).catch_unwind().await;
    played.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned();
        let what = what.or_else(|| panic.downcast_ref::<&str>().map(|what| (*what).to_owned()));
        Err(Broken { promise: "panic", what: what.unwrap_or_default(), step: at.get() })
    })
}

async fn play_on(stock: &Stock, seed: u64, plan: &Plan, at: &std::cell::Cell<usize>) -> Result<Run, Broken> {
    let mut sim = stock.world(seed).await;
    for (n, step) in plan.0.iter().enumerate() {
        at.set(n);
        let said = step.play(&mut sim).await;
        sim.note(&format!("{step}: {said}"));
        sim.recover(step).await.map_err(|what| Broken { promise: "I1", what, step: n })?;
        found(&mut sim, n)?;
        for invariant in invariants::ALL.iter().filter(|invariant| !invariant.at_quiet) {
            let held = (invariant.holds)(&mut sim).await;
            held.map_err(|what| Broken { promise: invariant.promise, what, step: n })?;
        }
    }
    let end = plan.0.len();
    at.set(end);
    sim.come_to_rest().await.map_err(|what| Broken { promise: "I15", what, step: end })?;
    found(&mut sim, end)?;
    for invariant in invariants::ALL {
        let held = (invariant.holds)(&mut sim).await;
        held.map_err(|what| Broken { promise: invariant.promise, what, step: end })?;
    }
    sim.note_all().await.map_err(|what| Broken { promise: "I1", what, step: end })?;
    Ok(sim.run(end).await)
}

/// What was found broken in the middle of a step.
fn found(sim: &mut stage::Sim, step: usize) -> Result<(), Broken> {
    sim.broken.take().map_or(Ok(()), |(promise, what)| Err(Broken { promise, what, step }))
}

/// Takes steps out as long as the same promise breaks without them: halves first, then single ones.
async fn shrink(stock: &Stock, seed: u64, plan: Plan, broken: Broken) -> Failure {
    let mut failure = Failure { seed, broken, plan };
    let mut size = failure.plan.0.len().div_ceil(2);
    loop {
        let mut from = 0;
        let mut smaller = false;
        while from < failure.plan.0.len() {
            let steps = &failure.plan.0;
            let until = (from + size).min(steps.len());
            let less: Vec<Step> = [&steps[..from], &steps[until..]].concat();
            let less = Plan(less);
            match play(stock, seed, &less).await {
                Err(broken) if broken.promise == failure.broken.promise => {
                    failure = Failure { seed, broken, plan: less };
                    smaller = true;
                }
                _ => from = until,
            }
        }
        if size == 1 && !smaller {
            return failure;
        }
        size = size.div_ceil(2);
    }
}
