//! Which points are struck, and what came of it.

use super::{Bench, Failure, Finding, What};
use crate::faults::{Fault, Pattern, Plan, Tear};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt;

/// Something that goes wrong, and what the disk is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// What.
    pub fault: Fault,
    /// At which of the operations that it can meet, from 1.
    pub at: u64,
    /// For ever after.
    pub sticky: bool,
    /// What a power cut leaves, at once or after the error; none where the power stays.
    pub pattern: Option<Pattern>,
    /// Of what the cut leaves to chance.
    pub seed: u64,
    /// What a write that the cut meets may spoil is only what it writes; see [`crate::faults::Disk::powersafe`].
    pub powersafe: bool,
    /// Stores sync less than they should.
    pub careless: bool,
    /// The disk keeps nothing that it says it keeps.
    pub lying: bool,
}

impl Point {
    /// The command that strikes points like it.
    pub(super) fn command(self) -> &'static str {
        if self.fault == Fault::PowerCut { "vfs" } else { "ioerr" }
    }

    /// The options with which that command strikes this one alone.
    pub(super) fn options(self) -> String {
        let mut options = vec![format!("--at {}", self.at)];
        if self.fault != Fault::PowerCut {
            options.push(format!("--fault {}", self.fault.name()));
            options.extend(self.sticky.then(|| "--sticky".to_owned()));
        }
        options
            .extend(self.pattern.map(|pattern| format!("--pattern {} --tear {}", pattern.name(), self.seed)));
        options.extend(self.powersafe.then(|| "--powersafe".to_owned()));
        options.extend(self.careless.then(|| "--teeth normal".to_owned()));
        options.extend(self.lying.then(|| "--teeth lying".to_owned()));
        options.join(" ")
    }

    pub(super) fn plan(self) -> Plan {
        Plan { fault: self.fault, at: self.at, sticky: self.sticky }
    }

    pub(super) fn tear(self) -> Option<Tear> {
        Some(Tear { pattern: self.pattern?, seed: self.seed })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at operation {}", self.fault.name(), self.at)?;
        if self.sticky && self.fault != Fault::PowerCut {
            write!(f, " and all after it")?;
        }
        if let Some(pattern) = self.pattern {
            write!(f, ", leaving {} (seed {})", pattern.name(), self.seed)?;
        }
        let flaws = [(self.powersafe, "powersafe"), (self.careless, "NORMAL"), (self.lying, "a lying disk")];
        flaws.into_iter().filter(|(is_so, _)| *is_so).try_for_each(|(_, flaw)| write!(f, ", {flaw}"))
    }
}

/// What is wrong on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teeth {
    /// Nothing.
    None,
    /// Stores run with `synchronous = NORMAL`.
    Normal,
    /// Syncs keep nothing.
    Lying,
}

/// What came of many points.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many there were.
    pub points: u64,
    /// At how many something that was said to be done is gone.
    pub lost: u64,
    /// At how many what is left is spoiled.
    pub corrupt: u64,
    /// The first of them.
    pub first: Option<Finding>,
}

impl Tally {
    /// Nothing was lost and nothing spoiled.
    pub fn is_clean(&self) -> bool {
        self.lost + self.corrupt == 0
    }

    fn add(&mut self, finding: Option<Finding>) {
        self.points += 1;
        let Some(finding) = finding else { return };
        match finding.what {
            What::Lost => self.lost += 1,
            What::Corrupt => self.corrupt += 1,
        }
        self.first.get_or_insert(finding);
    }
}

/// Draws `count` points of these benches: which bench, which operation, which pattern. Power cuts, or errors of all kinds.
/// Where there are fewer moments than points, every moment has its turn before one has a second.
pub fn points(
    benches: &[Bench],
    faults: &[Fault],
    teeth: Teeth,
    count: u64,
    seed: u64,
) -> Vec<(usize, Point)> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    // By benches and not by operations, so that no long piece of work keeps the others out.
    let mut turns: Vec<Vec<u64>> = vec![Vec::new(); 2 * benches.len() * faults.len()];
    let mut drawn = Vec::new();
    for n in 0..count {
        let bench = (n % benches.len() as u64) as usize;
        let round = (n / benches.len() as u64) as usize;
        let (which, powersafe) = (round % faults.len(), round / faults.len() % 2 == 1);
        let fault = faults[which];
        let operations = benches[bench].operations(fault, powersafe);
        let turn = &mut turns[(bench * faults.len() + which) * 2 + usize::from(powersafe)];
        if turn.is_empty() {
            turn.extend(1..=operations);
            shuffle(turn, &mut dice);
        }
        let Some(at) = turn.pop() else { continue };
        let cuts = fault == Fault::PowerCut;
        let pattern = Pattern::ALL[below(&mut dice, Pattern::ALL.len())];
        let point = Point {
            fault,
            at,
            // A disk on which files end early for ever is damaged, which is another matter than an error.
            sticky: cuts || fault != Fault::ShortRead && below(&mut dice, 2) == 1,
            // After an error the power may fail as well, before the store is opened again.
            pattern: Some(pattern).filter(|_| cuts || below(&mut dice, 2) == 1),
            seed: dice.next_u64() >> 32,
            powersafe,
            careless: teeth == Teeth::Normal,
            lying: teeth == Teeth::Lying,
        };
        drawn.push((bench, point));
    }
    drawn
}

/// Strikes all these points.
///
/// # Errors
/// When the machine fails.
pub fn strike_all(benches: &[Bench], points: &[(usize, Point)]) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    for (bench, point) in points {
        tally.add(benches[*bench].strike(*point)?);
    }
    Ok(tally)
}

fn below(dice: &mut ChaCha8Rng, bound: usize) -> usize {
    (dice.next_u64() % bound.max(1) as u64) as usize
}

fn shuffle(numbers: &mut [u64], dice: &mut ChaCha8Rng) {
    for last in (1..numbers.len()).rev() {
        numbers.swap(last, below(dice, last + 1));
    }
}
