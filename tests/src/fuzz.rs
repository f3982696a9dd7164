//! Structure-aware fuzzing of whatever reads bytes from outside.
//!
//! A target is a function over bytes that asserts what always holds: no panic outside the guards that the product itself
//! has, what was decoded encodes and decodes to the same, what was accepted saves, loads and shows the same. Mutants come
//! from valid material ([`corpus`]) by edits that know the form ([`mutate`]), so that most pass the outer checks and reach
//! what lies behind. Everything follows from a seed and the number of the iteration; nothing looks at a clock but the
//! [`watch`] of the program, which tests do not use.

pub mod corpus;
pub mod mutate;
mod panics;
pub mod targets;
pub mod watch;

pub use panics::caught;

use mutate::{Form, Mutator};
use std::fmt;
use std::path::PathBuf;

/// Something that reads bytes from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, also the name of its folder of inputs.
    pub name: &'static str,
    /// What its inputs look like.
    pub form: Form,
    /// Reads the bytes; panics where an invariant does not hold.
    pub run: fn(&[u8]),
}

/// An input for which an invariant does not hold, and how to get there again.
#[derive(Debug)]
pub struct Finding {
    /// The target's name.
    pub target: &'static str,
    /// From what seed.
    pub seed: u64,
    /// In which iteration.
    pub iteration: u64,
    /// The bytes.
    pub input: Vec<u8>,
    /// What the panic said.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, seed, iteration, input, what } = self;
        let bytes = input.len();
        write!(
            f,
            "{target}: {what}\n  with {bytes} bytes of --seed {seed} --first {iteration} --iterations 1"
        )
    }
}

impl Target {
    /// Runs the target over one input; says what did not hold.
    ///
    /// # Errors
    /// When the target panicked: with what the panic said.
    pub fn check(&self, input: &[u8]) -> Result<(), String> {
        caught(|| (self.run)(input))
    }

    /// Where the target's inputs are kept.
    pub fn folder(&self) -> PathBuf {
        crate::workspace::root().join("tests/corpora").join(self.name)
    }
}

/// Which mutants to run.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// What everything follows from.
    pub seed: u64,
    /// The number of the first mutant.
    pub first: u64,
    /// How many.
    pub iterations: u64,
}

/// Runs mutants of `inputs` until one is found for which the target's invariants do not hold.
///
/// `before` is shown every mutant before the target is.
pub fn fuzz(
    target: &Target,
    inputs: &[Vec<u8>],
    range: Range,
    before: &mut dyn FnMut(&[u8]),
) -> Option<Finding> {
    let Range { seed, first, iterations } = range;
    (first..first.saturating_add(iterations)).find_map(|iteration| {
        let input = Mutator::new(seed, iteration, target.form, inputs).mutant();
        before(&input);
        let what = target.check(&input).err()?;
        Some(Finding { target: target.name, seed, iteration, input, what })
    })
}
